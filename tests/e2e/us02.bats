# US-02: 王磊 leaves. He has 62 contacts in 5 institutions and 14 open tasks; his laptop holds 9 edits that are not sent, 2 of them made
# after the hour of his leaving. 孙立 gives 32 people to 李娜 and 30 to 周强. Over ssh and https, with real servers, clocks and encrypted
# replicas. (Expenses come with their entity.)
bats_require_minimum_version 1.5.0
load transports

# The servers of both ways, one company each.
setup() {
	W=$BATS_TEST_TMPDIR/w HUB=$BATS_TEST_TMPDIR/w/hub SERVER=$BATS_TEST_TMPDIR/server
	mkdir -p "$W" "$SERVER"
	export W HUB SERVER REPSYNC_KEYS=$W/keys REPSYNC_AGENT_SOCK=$W/a/s
	umask 077
	echo '正确的马电池钉' >"$W/pass"
	p=(--passphrase-file "$W/pass")
}
teardown() { transport_end; }

new_company() {
	local org n=0 i at=0
	local -A people=([O-0101]=20 [O-0102]=12 [O-0103]=15 [O-0104]=10 [O-0105]=5)
	company hub init --company 朗峰医药
	{
		echo id,name,level,sub_kind
		for org in O-0101 O-0102 O-0103 O-0104 O-0105 O-0201 O-0202; do echo "$org,医院$org,三级甲等,医院"; done
	} >"$W/org.csv"
	{
		echo id,name,kind,org,dept,phones
		for org in O-0101 O-0102 O-0103 O-0104 O-0105; do
			for i in $(seq "${people[$org]}"); do
				n=$((n + 1))
				printf 'C-%04d,金丝雀%02d,医务人员,%s,心内科,1390000%04d\n' $n $n $org $n
			done
		done
		echo C-0091,旁人甲,医务人员,O-0201,内科,13911110091
		echo C-0092,旁人乙,医务人员,O-0202,内科,13911110092
	} >"$W/contact.csv"
	{
		echo id,title,org,assignee
		for i in $(seq 14); do printf 'T-%04d,回访%02d,O-010%d,JN-01\n' "$i" "$i" $((i % 5 + 1)); done
	} >"$W/task.csv"
	company hub territory set JN --name 江南区
	company hub territory set JN-01 --parent JN --partition O-0101 --partition O-0102 --partition O-0103 --partition O-0104 --partition O-0105
	company hub territory set JN-02 --parent JN --partition O-0201
	company hub territory set JN-03 --parent JN --partition O-0202
	for at in org contact task; do company hub import $at "$W/$at.csv"; done
	company hub rep add E0007 --name 王磊 --territory JN-01
	company hub rep add E0012 --name 李娜 --territory JN-02
	company hub rep add E0015 --name 周强 --territory JN-03
}

sealed_laptop() { # REP NAME
	local way=()
	case $KIND in
	ssh) way=(--url "$(url)" --host-key "$SERVER/host_key.pub") ;;
	https) way=(--url "$(url)" --ca "$SERVER/ca.pem") ;;
	esac
	company hub enroll "$1" --out "$W/$2.invitation" "${way[@]}"
	"$REPSYNC" --quiet "${p[@]}" enroll "$W/$2.invitation" "$W/$2"
	laptop_does "$2" sync
}
laptop_does() { "$REPSYNC" -C "$W/$1" --quiet "${p[@]}" "${@:2}"; }
told() { "$REPSYNC" -C "$W/$1" --json "${p[@]}" "${@:2}"; }
hub_told() { "$REPSYNC" -C "$HUB" --json hub "$@"; }
# people and open tasks that a laptop holds in the accounts of 王磊
holds() { told "$1" sql "SELECT (SELECT count(*) FROM contact WHERE _partition LIKE 'O-010%') || ' ' || (SELECT count(*) FROM task WHERE _partition LIKE 'O-010%' AND state = 'open')" | jq -r '.rows[0][0]'; }
in_days() { LD_PRELOAD=$FAKETIME_LIB FAKETIME="+$1d" FAKETIME_DONT_FAKE_MONOTONIC=1 "${@:2}"; }

a_rep_leaves() {
	KIND=$1
	local hour i name devices before
	export KIND
	new_company
	serve
	for name in E0007:wang E0007:second E0012:li E0015:zhou; do sealed_laptop "${name%:*}" "${name#*:}"; done
	company hub merge
	for name in wang second li zhou; do laptop_does $name sync; done
	[ "$(holds wang)" = '62 14' ]
	[ "$(holds li)" = '0 0' ]

	# Minutes before he leaves he takes a copy of everybody: that is noted before it is shown.
	[ "$(told wang list contact | jq length)" = 62 ]
	laptop_does wang sync
	company hub merge
	hub_told status | jq -e '.large_reads == 1'

	# Nine edits: seven before the hour, two after it. They are sent in time, and not yet collected.
	for i in $(seq 7); do laptop_does wang put contact "C-000$i" "needs=第${i}次拜访" -m "拜访$i"; done
	hour=$(date -u +%FT%T.%3NZ)
	for i in 8 9; do laptop_does wang put contact "C-000$i" "needs=离职后" -m "晚$i"; done
	[ "$(told wang status | jq '.pending + .unsent')" = 9 ]
	[ "$(told wang sync | jq .sent)" = 9 ]

	# The plan names everybody, or is refused.
	printf 'subject,successor\nO-0101,E0012\nO-0102,E0012\nO-0103,E0015\nO-0104,E0015\n' >"$W/plan.csv"
	run "$REPSYNC" -C "$HUB" hub offboard E0007 --plan "$W/plan.csv" --at "$hour" -m 离职
	[ "$status" -eq 3 ]
	[[ "$output" == *'leaves 1 account to nobody: O-0105'* ]]
	echo O-0105,E0015 >>"$W/plan.csv"
	{ cat "$W/plan.csv"; echo O-0101,E0015; } >"$W/twice.csv"
	run "$REPSYNC" -C "$HUB" hub offboard E0007 --plan "$W/twice.csv" --at "$hour" -m 离职
	[ "$status" -eq 3 ]
	[[ "$output" == *'the plan names O-0101 twice'* ]]
	before=$(git -C "$HUB/central.git" rev-parse main)
	hub_told offboard E0007 --plan "$W/plan.csv" --at "$hour" --preview | tee "$W/preview"
	jq -e '.preview and .records.contact == 62 and .records.task == 14 and .records.org == 5' "$W/preview"
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]

	hub_told offboard E0007 --plan "$W/plan.csv" --at "$hour" -m 离职 | tee "$W/report"
	jq -e '.name == "王磊" and .records.contact == 62
		and ([.successors[] | [.rep, .name, .records.contact]] | sort) == [["E0012", "李娜", 32], ["E0015", "周强", 30]]
		and ([.successors[].records.task] | add) == 14
		and ([.devices[].late_final] | add) == 7 and ([.devices[].rejected] | add) == 2
		and ([.large_reads[] | [.command, .query, .rows]]) == [["list", "contact", 62]]
		and ([.devices[] | [.state, .left]] | unique) == [["revoked", "ordered"]]' "$W/report"
	# The seven are in force; the two are refused and kept for a person to look at.
	for i in 1 7; do hub_told show contact "C-000$i" | jq -e ".fields.needs == \"第${i}次拜访\""; done
	hub_told show contact C-0008 | jq -e '.fields.needs == null'
	hub_told inbox --kind rejection --all | jq -e 'length == 2 and all(.[]; .code == "device-inactive")'
	hub_told audit --entity contact --rep E0007 | jq -e '[.[] | select(.flags | index("late-final"))] | length == 7 and ([.[].rep_name] | unique) == ["王磊"]'

	# The successors' next views, of the same run, have everybody and all tasks; nobody is without somebody.
	laptop_does li sync
	laptop_does zhou sync
	[ "$(holds li)" = "32 $(jq '.successors[] | select(.rep == "E0012") | .records.task' "$W/report")" ]
	[ "$(holds zhou)" = "30 $(jq '.successors[] | select(.rep == "E0015") | .records.task' "$W/report")" ]
	[ "$(told li get contact C-0001 | jq -r .fields.needs)" = 第1次拜访 ]
	[ "$(hub_told export contact | jq '[.[] | select(.partition | startswith("O-010"))] | length')" = 62 ]

	# A push after that: refused, and nothing is written; the laptop leaves instead.
	before=$(git -C "$HUB/central.git" rev-parse main)
	laptop_does wang put contact C-0010 needs=走后 -m 走后
	run --separate-stderr "$REPSYNC" -C "$W/wang" "${p[@]}" sync
	echo "$stderr"
	[ "$status" -eq 3 ]
	[[ "$stderr" == *'the company has revoked device'*'was erased'* ]]
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]
	run --separate-stderr "$REPSYNC" -C "$W/wang" "${p[@]}" list contact
	[ "$status" -eq 3 ]
	run grep -ra 金丝雀 "$W/wang"
	[ "$status" -eq 1 ]
	hub_told merge | jq -e '.changesets == 0 and .quarantined == 1'
	hub_told show contact C-0010 | jq -e '.fields.needs == null'
	# Its second laptop never comes: on the 15th day it does not open, and the company knows.
	run --separate-stderr in_days 15 "$REPSYNC" -C "$W/second" "${p[@]}" list contact
	[ "$status" -eq 3 ]
	[[ "$stderr" == *'it is locked'* ]]
	run grep -ra 金丝雀 "$W/second"
	[ "$status" -eq 1 ]
	in_days 15 "$REPSYNC" -C "$HUB" --json hub device list --rep E0007 | jq -e '[.[].left] | sort == ["acknowledged", "lease ended"]'
	# Work goes on with whoever is there.
	laptop_does li put contact C-0001 needs=接手后 -m 接手
	laptop_does li sync
	hub_told merge | jq -e '.applied == 1'
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "US-02 over ssh: a rep leaves; the company loses nothing, the rep keeps nothing" { a_rep_leaves ssh; }
@test "US-02 over https: a rep leaves; the company loses nothing, the rep keeps nothing" { a_rep_leaves https; }
