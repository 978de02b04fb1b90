# US-03: two reps change the same doctor on the same day, offline. What each field's rule makes of it, and that the order in
# which they sync changes nothing, byte for byte.
load world

setup() { world_setup; }
teardown() { world_teardown; }

edits() {
	world_company
	enrol wang E0007
	enrol li E0012
	# The doctor agreed to parcels to the home: without it nobody may record the address.
	at '2026-03-15 11:00:00' wang new consent contact=C-0001 purpose=邮寄到家 decision=同意 -m 本人同意
	at '2026-03-15 11:01:00' wang sync
	hub_at '2026-03-15 11:02:00' merge
	at '2026-03-15 11:03:00' wang sync
	at '2026-03-15 11:03:00' li sync
	at '2026-03-16 09:10:00' wang put contact C-0001 prof_title=主任医师 phones+=13900002222 best_time=周三下午 \
		influence=国家级 'influence_evidence+={"note":"中华医学会某分会委员"}' \
		home_address=江南市滨湖区人民路18号 -m 门诊拜访后更新
	at '2026-03-16 10:25:00' li put contact C-0001 phones-=13900001111 phones+=13900003333 best_time=周四上午 \
		hobbies+=羽毛球 influence=省级 home_address=人民路88号 name=陈建囯 -m 科室会上得知
}

sync_both() { # in this order, then everybody twice
	at "2026-03-16 20:05:00" "$1" sync
	hub_at "2026-03-16 20:06:00" merge
	at "2026-03-16 21:40:00" "$2" sync
	hub_at "2026-03-16 21:41:00" merge
	for time in 22:00 22:10; do
		at "2026-03-16 $time:00" wang sync
		at "2026-03-16 $time:20" li sync
		hub_at "2026-03-16 $time:40" merge
	done
}

expect_doctor() {
	local now='2026-03-16 22:30:00' who
	for who in wang li; do
		[ "$(field "$now" $who contact C-0001 prof_title)" = '"主任医师"' ]
		[ "$(field "$now" $who contact C-0001 phones)" = '["13900002222","13900003333"]' ]
		[ "$(field "$now" $who contact C-0001 best_time)" = '"周四上午"' ]
		[ "$(field "$now" $who contact C-0001 'hobbies|sort')" = '["书法","羽毛球"]' ]
		[ "$(field "$now" $who contact C-0001 influence)" = '"国家级"' ]
		[ "$(field "$now" $who contact C-0001 name)" = '"陈建国"' ]
	done
	# The address is the primary's; the assistant may not even read it.
	[ "$(field "$now" wang contact C-0001 home_address)" = '"江南市滨湖区人民路18号"' ]
	[ "$(field "$now" li contact C-0001 home_address)" = null ]
}

expect_review() {
	local now='2026-03-16 22:30:00' inbox
	# What 李娜 may only propose waits for a decision: the name by the steward, the other address by the primary.
	inbox=$(hub_at "$now" --json inbox --kind proposal)
	echo "$inbox"
	jq -e '[.[] | select(.state == "open" and .to == "steward" and .value.name.new == "陈建囯")] | length == 1' <<<"$inbox"
	jq -e '[.[] | select(.state == "open" and .to == "E0007" and .value.home_address.new == "人民路88号")] | length == 1' <<<"$inbox"
	[ "$(jq length <<<"$inbox")" = 2 ]
	at "$now" wang --json inbox --kind proposal | jq -e 'any(.[]; .value.home_address.new == "人民路88号")'
	# Both decided conflicts are kept with the value that lost.
	at "$now" wang --json inbox --all | tee "$W/inbox.json"
	jq -e '[.[] | select(.kind == "conflict" and .field == "best_time" and .state == "decided")] | length == 1' "$W/inbox.json"
	jq -e '[.[] | select(.kind == "conflict" and .field == "influence" and .state == "decided")] | length == 1' "$W/inbox.json"
}

@test "US-03: each rule decides its field, and either order of syncing gives the same trees" {
	edits
	cp -a "$W" "$W.copy"

	sync_both li wang
	expect_doctor
	expect_review
	first=$(records)
	world_fsck
	"$REPSYNC" -C "$HUB" hub verify --replay
	at '2026-03-16 22:40:00' wang verify
	at '2026-03-16 22:40:00' li verify

	rm -rf "$W"
	mv "$W.copy" "$W"
	sync_both wang li
	expect_doctor
	expect_review
	[ "$(records)" = "$first" ]
	world_fsck
	"$REPSYNC" -C "$HUB" hub verify --replay
}
