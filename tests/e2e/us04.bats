# US-04: one doctor is entered twice offline. The hub joins what is surely the same, asks of what may be; nothing of either is lost, late
# edits find their way, and the merge can be undone.
load world

setup() { world_setup; }
teardown() { world_teardown; }

# id of what `new` made
made() { jq -r .id; }

company() {
	world_company
	hub_at '2026-03-15 09:30:00' rep add E0031 --name 马丽 --role steward
	# One town for O-0101 and O-0102.
	printf 'id,admin_code\nO-0101,320201\nO-0102,320201\n' >"$W/town.csv"
	hub_at '2026-03-15 09:31:00' import org "$W/town.csv"
	enrol wang E0007
	enrol li E0012
	enrol zhou E0015
	hub_at '2026-03-15 10:30:00' desk E0031 "$W/ma"
	at '2026-03-15 10:30:10' ma sync
	hub_at '2026-03-15 10:30:20' merge
	at '2026-03-15 10:30:30' ma sync
}

visit() { # visit TIME NAME CONTACT
	at "$1" "$2" --json new interaction type=面对面 org=O-0101 contacts="$3" "started_at=${1% *}T09:00:00+08:00" -m 拜访 | made
}

entries() {
	A=$(at '2026-03-16 09:00:00' wang --json new contact 'name=张 敏' kind=医务人员 org=O-0101 dept=心内科 \
		phones=13900007777 prof_title=副主任医师 -m 门诊拜访 | made)
	visit '2026-03-16 09:10:00' wang "$A"
	visit '2026-03-16 09:20:00' wang "$A"
	B=$(at '2026-03-16 10:00:00' li --json new contact name=张敏 kind=医务人员 org=O-0101 dept=心血管内科 \
		phones=139-0000-7777 prof_title=主任医师 -m 科室会 | made)
	visit '2026-03-16 10:10:00' li "$B"
	C=$(at '2026-03-16 11:00:00' zhou --json new contact name=张敏 kind=医务人员 org=O-0102 dept=心内科 -m 拜访 | made)
}

all_sync() { # all_sync HH
	local who
	for who in wang li zhou; do at "2026-03-16 $1:00:00" $who sync; done
	hub_at "2026-03-16 $1:05:00" merge
	for who in wang li zhou ma; do at "2026-03-16 $1:10:00" $who sync; done
}

# How many visits there are to a contact, read through what was merged.
visits() { # visits TIME CONTACT
	sqlite3 "$HUB/work.db" "SELECT count(*) FROM v_interaction__contacts WHERE value = '$2'"
}

sound() {
	local who
	hub_at '2026-03-16 23:00:00' verify --replay
	for who in wang li zhou ma; do at '2026-03-16 23:00:00' $who verify; done
}

@test "US-04: one doctor entered twice becomes one; a third is asked for" {
	company
	entries
	all_sync 20
	# The first two: same name, same mobile (D2). Who was made first shows what they are.
	[ "$(hub_at '2026-03-16 20:30:00' --json show contact "$B" | jq -r .id)" = "$A" ]
	[ "$(field '2026-03-16 20:30:00' wang contact "$A" prof_title)" = '"主任医师"' ]
	[ "$(field '2026-03-16 20:30:00' li contact "$A" phones)" = '["13900007777"]' ]
	[ "$(visits '2026-03-16 20:30:00' "$A")" = 3 ]
	[ "$(visits '2026-03-16 20:30:00' "$B")" = 0 ]
	# The third, in the same town at another hospital (D5): 马丽 is asked, nobody is joined.
	at '2026-03-16 20:30:00' ma --json inbox --kind duplicate >"$W/inbox"
	cat "$W/inbox"
	jq -e --arg c "$C" 'length == 1 and .[0].key == "D5" and (.[0].a == $c or .[0].b == $c)' "$W/inbox"
	[ "$(field '2026-03-16 20:30:00' zhou contact "$C" name)" = '"张敏"' ]
	[ "$(at '2026-03-16 20:30:00' wang --json inbox --kind duplicate | jq length)" = 0 ]
	sound
}

@test "US-04: what is entered for the one merged away before the merge arrives finds the other; unmerge brings both back" {
	company
	entries
	at '2026-03-16 20:00:00' wang sync
	at '2026-03-16 20:00:30' li sync
	hub_at '2026-03-16 20:01:00' merge
	# 李娜 has not heard of the merge yet.
	visit '2026-03-16 20:20:00' li "$B"
	all_sync 21
	[ "$(visits '2026-03-16 21:30:00' "$A")" = 4 ]
	at '2026-03-16 21:40:00' ma unmerge contact "$B" -m 查实为两人
	at '2026-03-16 21:41:00' ma sync
	hub_at '2026-03-16 21:42:00' merge
	all_sync 22
	[ "$(visits '2026-03-16 22:30:00' "$A")" = 2 ]
	[ "$(visits '2026-03-16 22:30:00' "$B")" = 2 ]
	[ "$(field '2026-03-16 22:30:00' wang contact "$A" prof_title)" = '"副主任医师"' ]
	[ "$(field '2026-03-16 22:30:00' li contact "$B" prof_title)" = '"主任医师"' ]
	[ "$(field '2026-03-16 22:30:00' li contact "$B" dept)" = '"心血管内科"' ]
	# And the hub does not join them again.
	at '2026-03-16 22:40:00' li put contact "$B" phones+=13900008888 -m 本人告知
	at '2026-03-16 22:41:00' li sync
	hub_at '2026-03-16 22:42:00' merge
	[ "$(hub_at '2026-03-16 22:50:00' --json show contact "$B" | jq -r .id)" = "$B" ]
	sound
	world_fsck
}

@test "US-04: the same records whoever syncs first, and when central is read anew" {
	company
	entries
	cp -a "$W" "$W.copy"
	at '2026-03-16 20:00:00' li sync
	at '2026-03-16 20:00:00' wang sync
	hub_at '2026-03-16 20:05:00' merge
	records >"$W/first"
	hub_at '2026-03-16 20:06:00' rebuild
	hub_at '2026-03-16 20:07:00' verify --replay
	mv "$W/first" "$W.first"
	mv "$W" "$W.done" && mv "$W.copy" "$W"
	at '2026-03-16 20:00:00' wang sync
	at '2026-03-16 20:00:00' li sync
	hub_at '2026-03-16 20:05:00' merge
	records | diff - "$W.first"
	rm -rf "$W.done" "$W.first"
}

@test "who types a doctor that is there already is told so at once, by the keys of the schema" {
	world_company
	enrol wang E0007
	# Another spelling of name and number; the same department at the same hospital; the number alone.
	at '2026-03-16 09:00:00' wang new contact 'name=陈 建国' kind=医务人员 org=O-0101 phones=139-0000-1111 -m 拜访 2>"$W/told" >"$W/id"
	grep -q 'the same as contact C-0001 陈建国 (D2): the company will join them' "$W/told"
	[ "$(wc -l <"$W/told")" = 1 ]
	at '2026-03-16 09:01:00' wang --json new contact name=陈建国 kind=医务人员 org=O-0101 dept=心血管内科 -m 拜访 |
		jq -e '[.duplicates[] | select(.id == "C-0001")] == [{"id": "C-0001", "key": "D3", "sure": false, "title": "陈建国"}]'
	at '2026-03-16 09:02:00' wang --json new contact name=王小明 kind=医务人员 org=O-0101 phones=13900006666 -m 拜访 >"$W/made"
	jq -e '[.duplicates[] | [.id, .key]] == [["C-0003", "D4"]]' "$W/made"
	# Another one is no duplicate; a field that no key asks of is none either.
	at '2026-03-16 09:03:00' wang --json new contact name=刘芳 kind=医务人员 org=O-0101 phones=13900009999 -m 拜访 |
		tee "$W/made" | jq -e 'has("duplicates") | not'
	at '2026-03-16 09:04:00' wang --json put contact C-0001 best_time=周五 -m 拜访 >"$W/out"
	[ ! -s "$W/out" ]
	LC_ALL=zh_CN.UTF-8 at '2026-03-16 09:05:00' wang put contact "$(jq -r .id "$W/made")" phones+=13900006666 -m 本人告知 2>"$W/told"
	grep -q '可能与 contact C-0003 吴静 是同一个（D4）' "$W/told"
}
