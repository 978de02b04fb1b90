# Taking back what somebody did: one change set, with a reason; what others wrote since stays, and what stays is told with why.
load world

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	export DAY
	world_of_two
	# A bad hour: 王磊 writes into the wrong doctors.
	at "$DAY 08:00:00" wang put contact C-0003 best_time=周一 -m 好的
	at "$DAY 09:00:00" wang put contact C-0001 best_time=错 dept=错 phones+=13911111111 phones-=13900001111 'im={"微信":"wrong"}' -m 错
	at "$DAY 09:01:00" wang put contact C-0001 dept=更错 -m 错
	at "$DAY 09:02:00" wang put contact C-0003 best_time=错 -m 错
	at "$DAY 09:03:00" wang new contact --id C-7001 name=无此人 kind=医务人员 org=O-0101 -m 错
	at "$DAY 09:04:00" wang new contact --id C-7002 name=张敏 kind=医务人员 org=O-0101 -m 拜访
	at "$DAY 09:05:00" wang sync
	hub_at "$DAY 09:06:00" merge
	# 李娜 has worked on since.
	at "$DAY 10:00:00" li sync
	at "$DAY 10:01:00" li put contact C-0001 best_time=周四 -m 科室会
	at "$DAY 10:02:00" li put contact C-7002 dept=心内科 -m 科室会
	at "$DAY 10:03:00" li sync
	hub_at "$DAY 10:04:00" merge
}
teardown_file() { rm -rf "$W"; }
setup() { HUB=$W/hub; }

revert() { hub_at "$DAY 12:00:00" --json revert "$@"; }
bad=(--rep E0007 --since "2026-03-16 08:30" --until "2026-03-16 10:00")
value() { "$REPSYNC" -C "$HUB" --json hub show contact "$1" | jq -c ".fields.$2"; }

@test "a dry run tells what would be taken back and what would stay, and changes nothing" {
	local before
	before=$(git -C "$HUB/central.git" rev-parse main)
	revert "${bad[@]}" --dry-run >"$W/report.json"
	cat "$W/report.json"
	jq -e '.dry_run and .changesets == [] and .records == 4' "$W/report.json"
	jq -e '.changes | map(select(.id == "C-0001") | [.op, .field, .from, .to]) | sort == [
		["add","phones",null,"13900001111"], ["remove","im","wrong",null], ["remove","phones","13911111111",null],
		["update","dept","更错","心内科"]]' "$W/report.json"
	jq -e '.changes | map(select(.id == "C-0003") | [.op, .field, .from, .to]) == [["update","best_time","错","周一"]]' "$W/report.json"
	jq -e '.changes | map(select(.id == "C-7001") | .op) | length == 1' "$W/report.json"
	jq -e '.left | map([.id, .field, .reason, .by]) | sort == [
		["C-0001","best_time","written since","E0012"], ["C-7002",null,"others have worked on it","E0012"]]' "$W/report.json"
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]
}

@test "what still stands is taken back by one signed change set of the hub; later edits of others stay" {
	cp -a "$HUB" "$W/again"
	HUB=$W/again
	revert "${bad[@]}" -m '王磊记错了人' >"$W/report.json"
	jq -e '.changesets | length == 1' "$W/report.json"
	[ "$(value C-0001 dept)" = '"心内科"' ]
	[ "$(value C-0001 phones)" = '["13900001111"]' ]
	[ "$(value C-0001 im)" = null ]
	[ "$(value C-0001 best_time)" = '"周四"' ]
	[ "$(value C-0003 best_time)" = '"周一"' ]
	[ "$(value C-7002 name)" = '"张敏"' ]
	"$REPSYNC" -C "$HUB" --json hub export contact | jq -e 'map(select(.id == "C-7001" and .fields.status != "archived")) == []'
	# It is in the audit like anything else, with its reason, and the wrong values are still history.
	"$REPSYNC" -C "$HUB" --json hub audit --entity contact --id C-0001 --field dept |
		jq -e 'map(.new) == ["心内科","错","更错","心内科"] and .[-1].rep == "hub" and .[-1].reason == "王磊记错了人"
			and .[-1].changeset == $set' --arg set "$(jq -r '.changesets[0]' "$W/report.json")"
	"$REPSYNC" -C "$HUB" hub verify --replay
	# A second time there is nothing left to take back.
	revert "${bad[@]}" -m nochmals >"$W/second.json"
	jq -e '.changes == [] and .changesets == []' "$W/second.json"
	# And the taking back can be taken back.
	revert --change-set "$(jq -r '.changesets[0]' "$W/report.json")" -m 'doch nicht' >"$W/third.json"
	[ "$(value C-0001 dept)" = '"更错"' ]
	[ "$(value C-0003 best_time)" = '"错"' ]
	rm -rf "$HUB"
}

@test "an import is taken back by its file's name, a single change set by its number" {
	cp -a "$HUB" "$W/import"
	HUB=$W/import
	printf 'id,dept,hobbies\nC-0001,骨科,围棋\nC-0003,骨科,围棋\n' >"$W/bad.csv"
	hub_at "$DAY 11:00:00" import contact "$W/bad.csv"
	[ "$(value C-0003 dept)" = '"骨科"' ]
	revert --import bad.csv -m 错误的名单 >"$W/report.json"
	cat "$W/report.json"
	[ "$(value C-0003 dept)" = '"内科"' ]
	[ "$(value C-0001 dept)" = '"更错"' ]
	[ "$(value C-0001 hobbies)" = '["书法"]' ]
	jq -e 'all(.changes[]; .field == "dept" or .field == "hobbies")' "$W/report.json"
	local set
	set=$("$REPSYNC" -C "$HUB" --json hub audit --entity contact --id C-0003 --rep E0007 | jq -r 'map(select(.new == "错"))[0].changeset')
	revert --change-set "$set" -m 单个 >"$W/report.json"
	jq -e '.changes | map(select(.id == "C-0003") | [.field, .to]) == [["best_time","周一"]]' "$W/report.json"
	"$REPSYNC" -C "$HUB" hub verify --replay
	rm -rf "$HUB"
}

@test "nobody's changes, no reason, or people and posts: refused, and said why" {
	run --separate-stderr "$REPSYNC" -C "$HUB" hub revert -m x
	[ "$status" -eq 2 ]
	run --separate-stderr "$REPSYNC" -C "$HUB" hub revert --rep E0007
	[ "$status" -eq 2 ]
	run --separate-stderr "$REPSYNC" -C "$HUB" hub revert --change-set E0007 --dry-run
	[ "$status" -eq 2 ]
	[[ "$stderr" == *DEVICE/NUMBER* ]]
	revert --device hub00000 --since 2026-03-14 --dry-run | jq -e '.left | map(select(.entity == "employee" or .entity == "territory")) | length > 0 and
		all(.[]; .reason == "people, posts and devices are not reverted")'
}
