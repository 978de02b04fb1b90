# US-13: a doctor asks to see what is held on her, and then that it be erased. Contact, interactions, consents: out of the records, out of
# all history, off every laptop, while chains, signatures and statements go on to verify.
load world

bats_require_minimum_version 1.5.0

DAY=2026-05-11
# What must be gone: name, phone, home address; a phone in a reason; one in a note of a visit, one in a comment sealed beside it.
CANARIES=(刘敏 13900005555 滨湖区人民路88号 13700001234 13700005678 13700009999)

setup_file() {
	export DAY
	world_setup
	export W HUB TZ FAKETIME_LIB
	world_company
	hub_at '2026-03-15 09:30:00' territory add JN-01 --partition O-0102
	enrol wang E0007
	enrol li E0012
	local i
	at "$DAY 07:59:00" wang new consent --id S-0001 contact=C-0002 purpose=邮寄到家 decision=同意 -m 本人同意
	at "$DAY 08:00:00" wang put contact C-0002 'home_address=江南市滨湖区人民路88号' prof_title=主治医师 -m '本人来电 13700001234'
	for i in {01..10}; do
		at "$DAY 08:$i:00" wang new interaction --id "V-00$i" type=面对面 org=O-0102 contacts+=C-0002 \
			"started_at=2026-04-${i}T01:00:00.000Z" topics+=新适应症 -m 拜访
	done
	at "$DAY 08:20:00" wang put interaction V-0010 'feedback=请改打 13700005678' -m '回访 13700009999'
	for i in {11..17}; do
		at "$DAY 08:$i:30" li new interaction --id "V-00$i" type=电话 org=O-0102 contacts+=C-0002 \
			"started_at=2026-04-${i}T02:00:00.000Z" -m 电话
	done
	at "$DAY 08:31:00" li new consent --id S-0002 contact=C-0002 purpose=拜访 decision=同意 -m 本人同意
	at "$DAY 08:32:00" li new consent --id S-0003 contact=C-0002 purpose=短信 decision=拒绝 -m '短信 13700001234'
	at "$DAY 09:00:00" wang sync
	at "$DAY 09:00:00" li sync
	hub_at "$DAY 09:05:00" merge
	at "$DAY 09:10:00" wang sync
	at "$DAY 09:10:00" li sync
	"$REPSYNC" -C "$HUB" hub statement >"$W/kept.statement"
	hub_at "$DAY 09:20:00" backup "$W/backup"
	# Not heard of yet: li edits her offline.
	at "$DAY 09:30:00" li put contact C-0002 phones+=13700007777 -m 迟到
	cp -a "$W" "$W.before"
	hub_at "$DAY 10:00:00" --json erase contact C-0002 --reason '本人书面请求 2026-05-11' --yes --as E0003 >"$W/told.json"
}
teardown_file() { rm -rf "$W" "$W.before"; }

canary() { python3 "$BATS_TEST_DIRNAME/canary.py" "$@" "${CANARIES[@]}"; }
read_hub() { "$REPSYNC" -C "$HUB" --json hub "$@"; }

@test "before the erasure each of it is found, in central, mailboxes and replicas" {
	local text
	for text in "${CANARIES[@]}"; do
		run python3 "$BATS_TEST_DIRNAME/canary.py" hub "$W.before/hub" "$text"
		[ "$status" -eq 1 ]
		[[ "$output" == *central.git*"$text"* || "$output" == *"$text"*central.git* ]]
		[[ "$output" == *mailboxes* ]]
	done
	run canary replica "$W.before/wang"
	[ "$status" -eq 1 ]
}

@test "the command tells what it did: one contact and three consents erased, seventeen visits altered" {
	jq . "$W/told.json"
	jq -e '[.erased[] | [.entity, .id]] | sort == [["consent","S-0001"],["consent","S-0002"],["consent","S-0003"],["contact","C-0002"]]' "$W/told.json"
	jq -e '[.altered[] | select(.entity == "interaction")] | length == 17' "$W/told.json"
	jq -e '.altered | length == 17' "$W/told.json"
	# 1 import and 1 edit of the contact, 17 visits and 1 later edit of one, 3 consents.
	jq -e '.lines == 23' "$W/told.json"
	jq -e '([.devices[].rep] | sort) == ["E0007", "E0012"] and .pending == []' "$W/told.json"
}

@test "afterwards nothing of it is in any object of central and mailboxes, nor in any other file of the hub" {
	run canary hub "$HUB"
	echo "$output"
	[ "$status" -eq 0 ]
	world_fsck
}

@test "verify and its replay pass, and statements that were kept from before" {
	"$REPSYNC" -C "$HUB" hub verify --replay --statements "$W/kept.statement"
	# The statement of now names the list of what was erased.
	local list
	list=$(git -C "$HUB/central.git" ls-tree -r --name-only main erased | while read -r path; do
		git -C "$HUB/central.git" show "main:$path" | jq -r --arg device "$(basename "$path" .jsonl)" \
			'[$device, .seq, .index, .digest] | join(" ")'
	done | sort -k1,1 -k2,2n -k3,3n | sha256sum | cut -d' ' -f1)
	[ "$("$REPSYNC" -C "$HUB" hub statement | head -n 1 | jq -r .erasures)" = "$list" ]
	# Each erased line is null in its journal, under the signature that it always had.
	[ "$(git -C "$HUB/central.git" archive main journal | tar -xO --wildcards '*.jsonl' | grep -cx null)" = 23 ]
}

@test "visits stay with date, place and author; the contact is a tombstone whose id stays" {
	local visit
	[ "$(read_hub export interaction | jq length)" = 17 ]
	visit=$(read_hub show interaction V-0010)
	jq -e '.fields.started_at == "2026-04-10T01:00:00.000Z" and .fields.org == "O-0102" and .fields.contacts == ["C-0002"]' <<<"$visit"
	jq -e '.fields.topics == ["新适应症"] and .fields.feedback == null and .created.rep == "E0007"' <<<"$visit"
	read_hub show contact C-0002 | jq -e '.deleted.rep == "hub" and (.fields.name // null) == null and .fields.status == "erased"'
	[ "$(read_hub export contact | jq '[.[] | select(.id == "C-0002" and .deleted == null)] | length')" = 0 ]
}

@test "the auditor still sees when, by whom and on what request it was erased, and who had edited before" {
	read_hub audit --entity contact --id C-0002 >"$W/rows.json"
	jq . "$W/rows.json"
	jq -e 'map(select(.op == "erase")) | length == 1 and .[0].rep == "hub" and .[0].reason == "本人书面请求 2026-05-11"' "$W/rows.json"
	jq -e 'any(.[]; .rep == "E0007" and (.flags | index("erased")))' "$W/rows.json"
	! grep -q -e 刘敏 -e 13900005555 "$W/rows.json"
	read_hub access --command erase | jq -e '.[0].rep == "E0003" and .[0].args == ["contact","C-0002"] and .[0].rows == 23'
}

@test "a hub restored from a backup of before erases again what the backup still had" {
	run canary hub "$W/backup"
	[ "$status" -eq 1 ]
	when "$DAY 11:00:00" "$REPSYNC" -C "$W/restored" hub restore "$W/backup" --mailboxes "$HUB/mailboxes"
	run canary hub "$W/restored"
	[ "$status" -eq 1 ]
	when "$DAY 11:05:00" "$REPSYNC" -C "$W/restored" --json hub merge | jq -e '.problems == []'
	run canary hub "$W/restored"
	echo "$output"
	[ "$status" -eq 0 ]
	"$REPSYNC" -C "$W/restored" hub verify --replay --statements "$W/kept.statement"
	[ "$(git -C "$W/restored/central.git" rev-parse main:data)" = "$(git -C "$HUB/central.git" rev-parse main:data)" ]
	[ "$(git -C "$W/restored/central.git" rev-parse main:restricted)" = "$(git -C "$HUB/central.git" rev-parse main:restricted)" ]
}

@test "a late edit is refused and told, and nothing of it is kept; both laptops are clean with their next sync" {
	at "$DAY 20:00:00" wang sync
	run canary replica "$W/wang"
	echo "$output"
	[ "$status" -eq 0 ]
	at "$DAY 20:00:00" wang verify
	at "$DAY 20:01:00" li sync
	hub_at "$DAY 20:05:00" --json merge | jq -e '.rejected == 1'
	CANARIES+=(13700007777)
	run canary hub "$HUB"
	echo "$output"
	[ "$status" -eq 0 ]
	at "$DAY 20:10:00" li sync
	run canary replica "$W/li"
	echo "$output"
	[ "$status" -eq 0 ]
	at "$DAY 20:11:00" li verify
	at "$DAY 20:11:00" --json li inbox 2>/dev/null || at "$DAY 20:11:00" li --json inbox --kind rejection | jq -e '.[0].code == "erased"'
	"$REPSYNC" -C "$HUB" hub verify --replay --statements "$W/kept.statement"
	# And work goes on, over the outboxes that were begun anew.
	at "$DAY 20:20:00" wang put contact C-0001 best_time=周五 -m 更正
	at "$DAY 20:21:00" wang sync
	hub_at "$DAY 20:25:00" --json merge | jq -e '.applied == 1 and .problems == []'
}

@test "a second erasure, one of nobody, one without a reason or without a yes are refused" {
	run --separate-stderr hub_at "$DAY 21:00:00" erase contact C-0002 --reason 再次 --yes
	[ "$status" -eq 3 ]
	[[ "$stderr" == *'was erased already'* ]]
	run --separate-stderr hub_at "$DAY 21:00:00" erase contact C-9999 --reason 误 --yes
	[ "$status" -eq 1 ]
	[[ "$stderr" == *'there is no contact C-9999'* ]]
	run --separate-stderr hub_at "$DAY 21:00:00" erase contact C-0001 --yes
	[ "$status" -eq 2 ]
	[[ "$stderr" == *'--reason is missing'* ]]
	run --separate-stderr hub_at "$DAY 21:00:00" erase contact C-0001 --reason 请求 </dev/null
	[ "$status" -eq 2 ]
	[[ "$stderr" == *'--yes is missing'* ]]
	run --separate-stderr hub_at "$DAY 21:00:00" erase employee E0007 --reason 请求 --yes
	[ "$status" -eq 3 ]
}

@test "a preview tells the same and writes nothing" {
	local head
	cp -a "$W.before/hub" "$W/preview"
	head=$(git -C "$W/preview/central.git" rev-parse main)
	when "$DAY 09:40:00" "$REPSYNC" -C "$W/preview" --json hub erase contact C-0002 --preview >"$W/preview.json"
	jq -e --slurpfile told "$W/told.json" '.preview and .lines == $told[0].lines and .erased == $told[0].erased and .altered == $told[0].altered' "$W/preview.json"
	[ "$(git -C "$W/preview/central.git" rev-parse main)" = "$head" ]
	rm -rf "$W/preview"
}
