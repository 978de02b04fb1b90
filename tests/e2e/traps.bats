# The traps that Siebel Remote is known for, with the right ending: a delete against an update by each policy (there the delete
# wins always), and a rep's edits of an account that passed on while the rep was offline (there, and at Veeva, they are cleared).
# A second trade's schema has the policies that leave tombstones.
load world

DAY=2026-03-16

setup() { world_setup; }
teardown() { world_teardown; }

service() { # two engineers on one site, a unit and a person of it, jobs
	local day='2026-03-15 09:00:00'
	hub_at "$day" init --company 精诚维修 --replicas plain --schema "$BATS_TEST_DIRNAME/../schemas/device-service"
	printf 'id,name\nS-1,城南诊所\n' >"$W/site.csv"
	printf 'id,name,site\nP-1,王医生,S-1\n' >"$W/person.csv"
	printf 'id,maker,serial,site\nU-1,GE,X100,S-1\nU-2,GE,X200,S-1\n' >"$W/unit.csv"
	hub_at "$day" territory set A1 --name 南区 --partition S-1
	hub_at "$day" import site "$W/site.csv"
	hub_at "$day" import person "$W/person.csv"
	hub_at "$day" import unit "$W/unit.csv"
	hub_at "$day" rep add E1 --name 甲 --role engineer --territory A1
	hub_at "$day" rep add E2 --name 乙 --role engineer --territory A1 --assist
	enrol one E1
	enrol two E2
}

evening() { # FIRST SECOND: they sync in this order; then everybody twice
	local time
	at "$DAY 20:00:00" "$1" sync
	hub_at "$DAY 20:05:00" merge
	at "$DAY 20:10:00" "$2" sync
	hub_at "$DAY 20:15:00" merge
	for time in 21:00 21:10; do
		at "$DAY $time:00" "$1" sync
		at "$DAY $time:00" "$2" sync
		hub_at "$DAY $time:30" merge
	done
}

# told NAME JQ: in this laptop's inbox
told() {
	at "$DAY 22:00:00" "$1" --json inbox --all >"$W/inbox"
	jq -e "$2" "$W/inbox" || { cat "$W/inbox"; return 1; }
}
sound() {
	local name
	for name in "$@"; do
		at "$DAY 22:30:00" "$name" verify
	done
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}
both_orders() { # CHECK FIRST SECOND
	cp -a "$W" "$W.copy"
	evening "$2" "$3"
	"$1"
	records >"$BATS_TEST_TMPDIR/trees"
	rm -rf "$W"
	mv "$W.copy" "$W"
	evening "$3" "$2"
	"$1"
	records | diff "$BATS_TEST_TMPDIR/trees" -
}

kept() {
	local who
	for who in one two; do
		[ "$(field "$DAY 22:00:00" $who person P-1 note)" = '"改到周四"' ]
		told $who 'any(.[]; .kind == "conflict" and .field == "*" and .id == "P-1" and .state == "decided")'
	done
	hub_at "$DAY 22:00:00" --json show person P-1 | jq -e '.deleted == null'
	sound one two
}

@test "update-wins: a person who is deleted here and edited there stays, and both are told; in either order of syncing" {
	service
	at "$DAY 09:00:00" one put person P-1 note=改到周四 -m 电话
	at "$DAY 10:00:00" two delete person P-1 -m 已离职
	both_orders kept one two
}

@test "update-wins: an edit later than the delete that it does not know of brings the person back" {
	service
	at "$DAY 09:00:00" two delete person P-1 -m 已离职
	at "$DAY 10:00:00" one put person P-1 note=改到周四 -m 电话
	both_orders kept one two
}

gone() {
	local who
	hub_at "$DAY 22:00:00" --json show unit U-1 | jq -e '.deleted.rep == "E2"'
	for who in one two; do
		run at "$DAY 22:00:00" $who get unit U-1
		[ "$status" -ne 0 ] || [[ "$output" == *deleted* ]]
		told $who 'any(.[]; .kind == "conflict" and .field == "*" and .id == "U-1" and .state == "decided")'
	done
	# What was written is not lost: history has it.
	hub_at "$DAY 22:00:00" --json audit --entity unit --id U-1 --field hours | jq -e 'any(.[]; .new == 77 and .rep == "E1")'
	sound one two
}

@test "delete-wins: a unit that is deleted here and edited there is gone, what was written is in its history, and both are told" {
	service
	at "$DAY 09:00:00" one put unit U-1 hours=77 -m 读数
	at "$DAY 10:00:00" two delete unit U-1 -m 报废
	both_orders gone one two
}

bound() {
	hub_at "$DAY 22:00:00" --json show unit U-1 | jq -e '.deleted == null'
	hub_at "$DAY 22:00:00" --json show job J-1 | jq -e '.deleted == null and .fields.unit == "U-1"'
	[ "$(field "$DAY 22:00:00" one unit U-1 serial)" = '"X100"' ]
	[ "$(field "$DAY 22:00:00" two unit U-1 serial)" = '"X100"' ]
	sound one two
}

@test "a job for a unit that a colleague deletes meanwhile: the unit comes back, whoever syncs first" {
	service
	at "$DAY 09:00:00" one new job --id J-1 title=更换球管 kind=repair unit=U-1 -m 报修
	at "$DAY 10:00:00" two delete unit U-1 -m 报废
	cp -a "$W" "$W.copy"
	evening two one # the delete is merged, then the job comes
	bound
	told two 'any(.[]; .kind == "conflict" and .field == "*" and .id == "U-1")'
	rm -rf "$W"
	mv "$W.copy" "$W"
	evening one two # the job is there: the delete is refused
	bound
	told two 'any(.[]; .kind == "rejection" and .id == "U-1" and .code == "referenced")'
}

@test "never: a job cannot be deleted; the edit made meanwhile stands, the deleter is told" {
	service
	at "$DAY 08:00:00" one new job --id J-1 title=更换球管 kind=repair unit=U-1 -m 报修
	evening one two
	DAY=2026-03-17
	at "$DAY 09:00:00" one put job J-1 title=更换球管和线缆 -m 更正
	# The command refuses it at once; a program that does not ask is refused by the company.
	run at "$DAY 10:00:00" two delete job J-1 -m 误录
	[ "$status" -ne 0 ]
	when "$DAY 10:00:00" sqlite3 "$W/two/replica.db" "DELETE FROM job WHERE id = 'J-1'" || true
	evening two one
	[ "$(field "$DAY 22:00:00" two job J-1 title)" = '"更换球管和线缆"' ]
	sound one two
}

archived() {
	# 王磊's edit stands; 李娜's delete waits as a proposal to archive, and both see it.
	[ "$(field "$DAY 22:00:00" wang contact C-0001 best_time)" = '"周三下午"' ]
	[ "$(field "$DAY 22:00:00" li contact C-0001 best_time)" = '"周三下午"' ]
	hub_at "$DAY 22:00:00" --json show contact C-0001 | jq -e '.deleted == null and (.fields.status // "active") == "active"'
	local who
	for who in wang li; do
		told $who 'any(.[]; .kind == "proposal" and .id == "C-0001" and .state == "open" and .rep == "E0012" and .value.status.new == "archived")'
	done
	sound wang li
}

@test "archive-only: a rep's delete is a proposal, the edit made meanwhile stands; in either order of syncing" {
	world_company
	enrol wang E0007
	enrol li E0012
	at "$DAY 09:00:00" li delete contact C-0001 -m 已退休
	at "$DAY 10:00:00" wang put contact C-0001 best_time=周三下午 -m 门诊
	both_orders archived wang li
}

@test "an account passes on while its rep is offline: what was made before stays the rep's work, what came after waits for the new owner" {
	world_company
	enrol wang E0007
	enrol zhou E0015
	hub_at "$DAY 08:00:00" reassign O-0103 --to JN-02 --from-time "$DAY 12:00:00" -m 辖区调整
	# 王磊 knows nothing of it.
	at "$DAY 10:00:00" wang put contact C-0003 best_time=周三下午 -m 上午的门诊
	at "$DAY 10:30:00" wang new interaction --id V-1 type=面对面 org=O-0103 contacts+=C-0003 \
		"started_at=${DAY}T02:30:00.000Z" feedback=上午 -m 拜访
	at "$DAY 14:00:00" wang put contact C-0003 best_time=周五上午 -m 下午的电话
	at "$DAY 14:30:00" wang new interaction --id V-2 type=电话 org=O-0103 contacts+=C-0003 \
		"started_at=${DAY}T06:30:00.000Z" feedback=下午 -m 电话
	evening wang zhou
	hub_at "$DAY 22:00:00" --json show contact C-0003 | jq -e '.fields.best_time == "周三下午"'
	hub_at "$DAY 22:00:00" --json show interaction V-1 | jq -e '.fields.feedback == "上午" and (.flags // []) == []'
	hub_at "$DAY 22:00:00" --json show interaction V-2 | jq -e '.fields.feedback == "下午" and .flags == ["out-of-territory"]'
	told zhou 'any(.[]; .kind == "proposal" and .rep == "E0007" and .to == "E0015" and .value.best_time.new == "周五上午" and .state == "open")'
	at "$DAY 22:10:00" zhou resolve "$(jq -r '.[] | select(.kind == "proposal") | .item' "$W/inbox")" accept -m 属实
	at "$DAY 22:11:00" zhou sync
	hub_at "$DAY 22:12:00" merge
	hub_at "$DAY 22:13:00" --json show contact C-0003 | jq -e '.fields.best_time == "周五上午"'
	sound wang zhou
}
