# The disk is gone, mailboxes and all. A hub from last night's backup goes on with a higher epoch that the company's root key allows, the laptops
# send again what they alone have, and the records come back as they were, dated as they were.
load world

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	export DAY
	world_backed_up
	at "$DAY 10:20:00" wang put contact C-0003 dept=骨科 -m 补充
	at "$DAY 10:21:00" wang sync
	hub_at "$DAY 10:30:00" merge
	for name in wang li; do at "$DAY 10:31:00" $name sync; done
	"$REPSYNC" -C "$W/hub" hub verify --replay
	git -C "$W/hub/central.git" rev-parse main:data >"$W/want"
	"$REPSYNC" -C "$W/hub" --json hub export contact >"$W/before.json"
}
teardown_file() { rm -rf "$W" "$W.live"; }
setup() {
	HUB=$W/hub
	cp -a "$W" "$W.live"
}
teardown() {
	rm -rf "$W"
	mv "$W.live" "$W"
}

trees() { git -C "$HUB/central.git" rev-parse main:data; }
restore() { rm -rf "$HUB" && hub_at '2026-03-17 08:00:00' --json restore "$W/backup" "$@"; }

@test "disk and mailboxes lost: after restore and one sync of each laptop the records are those of before" {
	at '2026-03-16 18:00:00' wang put contact C-0001 best_time=周五 -m 晚上
	restore --root-key "$W/root.key" >"$W/report.json"
	jq -e '.epoch == 2' "$W/report.json"
	[ "$(trees)" != "$(cat "$W/want")" ]
	"$REPSYNC" -C "$HUB" --json hub status | jq -e '[.devices[] | select(.owed) | .rep] | sort == ["E0007", "E0012"]'
	[[ "$("$REPSYNC" -C "$HUB" hub status)" == *"not heard since the restore: "*E0007* ]]
	at '2026-03-17 08:10:00' li --json sync >"$W/li.json"
	jq -e '.recovered == 2' "$W/li.json"
	run at '2026-03-17 08:11:00' wang sync
	echo "$output"
	[ "$status" -eq 0 ] && [[ "$output" == *"epoch 2"* ]]
	at '2026-03-17 08:12:00' wang verify
	[ "$(at '2026-03-17 08:12:00' wang --json get contact C-0001 | jq -r .fields.best_time)" = 周五 ]
	hub_at '2026-03-17 08:20:00' merge
	"$REPSYNC" -C "$HUB" --json hub status | jq -e 'all(.devices[]; .owed == false)'
	# What was new in the evening is one more; without it all is as it was.
	[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0001 --as-of 2026-03-16T09:30:00Z | jq -S .fields)" = \
		"$(jq -S '.[] | select(.id == "C-0001").fields' "$W/before.json")" ]
	[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0003 | jq -cS '.fields, .stamps')" = \
		"$(jq -cS '.[] | select(.id == "C-0003") | .fields, .stamps' "$W/before.json")" ]
	"$REPSYNC" -C "$HUB" hub verify --replay
	for name in wang li; do
		at '2026-03-17 08:30:00' $name sync
		at '2026-03-17 08:31:00' $name verify
		at '2026-03-17 08:32:00' $name --json status | jq -e '.unsent == 0'
	done
	at '2026-03-17 09:00:00' wang put contact C-0001 best_time=周一 -m 之后
	at '2026-03-17 09:01:00' wang sync
	hub_at '2026-03-17 09:02:00' merge
	[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0001 | jq -r .fields.best_time)" = 周一 ]
}

@test "the very same trees come back, by the receipts of then" {
	restore --root-key "$W/root.key" >"$W/report.json"
	for name in wang li; do at '2026-03-19 08:10:00' $name sync; done
	hub_at '2026-03-19 08:20:00' merge
	[ "$(trees)" = "$(cat "$W/want")" ]
	"$REPSYNC" -C "$HUB" hub verify --replay
	# Again, from the same backup: epoch 2 was seen, so it has to be raised twice.
	rm -rf "$HUB"
	hub_at '2026-03-20 08:00:00' restore "$W/backup" --root-key "$W/root.key"
	run at '2026-03-20 08:10:00' wang sync
	[ "$status" -eq 5 ]
	hub_at '2026-03-20 08:11:00' recover --root-key "$W/root.key"
	for name in wang li; do at '2026-03-20 08:20:00' $name sync; done
	hub_at '2026-03-20 08:30:00' merge
	[ "$(trees)" = "$(cat "$W/want")" ]
}

# A recovery that did not come to its commit is asked for again; one that did is finished by the next run.
again() {
	set -e
	git -C "$HUB/central.git" cat-file -e main:org/recovery.json 2>/dev/null || "$REPSYNC" -C "$HUB" hub recover --root-key "$W/root.key"
	"$REPSYNC" -C "$HUB" --quiet hub merge
}
told() {
	set -e
	git -C "$HUB/central.git" show main:org/recovery.json | head -1 | jq .epoch
	"$REPSYNC" -C "$HUB" --json hub status | jq -c '[.devices[] | select(.owed) | .rep] | sort'
}
export -f again told

@test "a recovery that is killed knows all the same which laptops are to be heard" {
	restore >"$W/report.json"
	export HUB W REPSYNC
	run python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time '2026-03-17 08:05:00' --about recovered \
		--recover again --digest told -- "$REPSYNC" -C "$HUB" hub recover --root-key "$W/root.key"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "without a recovery document, and by another company's root key, a laptop that was told more is shown nothing older" {
	restore >"$W/report.json"
	hub_at '2026-03-17 08:05:00' merge
	run at '2026-03-17 08:10:00' wang sync
	[ "$status" -eq 5 ] && [[ "$output" == *"not newer than"* ]]
	# Another company's root key is not taken, by the hub neither.
	"$REPSYNC" -C "$W/other" --quiet hub init --company 别家
	run hub_at '2026-03-17 08:11:00' recover --root-key "$W/other/keys/root.key"
	[ "$status" -eq 3 ] && [[ "$output" == *"not the root key of this company"* ]]
	run at '2026-03-17 08:12:00' wang sync
	[ "$status" -eq 5 ]
	at '2026-03-17 08:13:00' wang --json get contact C-0001 | jq -e '.fields.best_time == "周四" or .fields.best_time == "周三"'
}
