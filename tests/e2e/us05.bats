# US-05: on 27 March the manager decides that O-0103 (11 contacts, 2 tasks) passes from JN-01 (王磊) to JN-02 (李娜) on 1 April,
# 00:00. 王磊 is offline from 27 March to 2 April: a visit on 30 March; on 1 April he changes a doctor's phone; a visit on 2 April.
load world

setup() { world_setup; }
teardown() { world_teardown; }

company() {
	local day='2026-03-15 09:00:00' i
	hub_at "$day" init --company 朗峰医药 --replicas plain
	cat >"$W/org.csv" <<'CSV'
id,name,level,sub_kind
O-0101,江南市第一人民医院,三级甲等,医院
O-0102,江南大学附属中山医院,三级甲等,医院
O-0103,临江县人民医院,二级甲等,医院
CSV
	{
		echo id,name,kind,org,dept,phones
		echo C-0001,陈建国,医务人员,O-0101,心内科,13900001111
		echo C-0002,刘敏,医务人员,O-0102,呼吸科,13900005555
		for i in $(seq -w 31 41); do echo "C-00$i,医生$i,医务人员,O-0103,内科,139000100$i"; done
	} >"$W/contact.csv"
	cat >"$W/task.csv" <<'CSV'
id,title,org,assignee
T-0001,补齐科室名单,O-0103,JN-01
T-0002,约学术会时间,O-0103,JN-01
CSV
	hub_at "$day" territory set JN --name 江南区
	hub_at "$day" territory set JN-01 --parent JN --partition O-0101 --partition O-0103
	hub_at "$day" territory set JN-02 --parent JN --partition O-0102
	hub_at "$day" import org "$W/org.csv"
	hub_at "$day" import contact "$W/contact.csv"
	hub_at "$day" import task "$W/task.csv"
	hub_at "$day" rep add E0003 --name 孙立 --role manager --territory JN
	hub_at "$day" rep add E0007 --name 王磊 --territory JN-01
	hub_at "$day" rep add E0012 --name 李娜 --territory JN-02
	enrol wang E0007
	enrol li E0012
	enrol sun E0003
}

# An earlier visit, so that the account has a past of its own; all are in step on the eve of the decision.
past() {
	at '2026-03-20 10:00:00' wang new interaction --id V-0001 type=面对面 org=O-0103 contacts+=C-0031 \
		started_at=2026-03-20T02:00:00.000Z feedback=首次拜访 -m 拜访
	at '2026-03-26 20:00:00' wang sync
	hub_at '2026-03-26 20:01:00' merge
	at '2026-03-26 20:02:00' wang sync
	at '2026-03-26 20:02:00' li sync
	at '2026-03-26 20:02:00' sun sync
}

decide() {
	at '2026-03-27 09:00:00' sun reassign O-0103 --to JN-02 --from-time '2026-04-01 00:00:00' -m 辖区调整
	at '2026-03-27 09:01:00' sun sync
	hub_at '2026-03-27 09:02:00' merge
	at '2026-03-27 09:03:00' sun sync
}

offline() { # 王磊 knows nothing of it
	at '2026-03-30 10:00:00' wang new interaction --id V-0002 type=面对面 org=O-0103 contacts+=C-0031 \
		started_at=2026-03-30T02:00:00.000Z feedback=介绍新品 -m 拜访
	at '2026-04-01 14:00:00' wang put contact C-0031 phones+=13911110000 phones-=13900010031 -m 换了号码
	at '2026-04-02 09:00:00' wang new interaction --id V-0003 type=电话 org=O-0103 contacts+=C-0032 \
		started_at=2026-04-02T01:00:00.000Z feedback=回访 -m 回访
}

home() { # everybody twice, so that all have what the hub says
	local time
	at '2026-04-02 20:00:00' wang sync
	hub_at '2026-04-02 20:05:00' --json merge | tee "$W/merge.json"
	for time in 21:00 21:10; do
		at "2026-04-02 $time:00" wang sync
		at "2026-04-02 $time:00" li sync
		at "2026-04-02 $time:00" sun sync
		hub_at "2026-04-02 $time:30" merge
	done
}

files() { # which files O-0103 has in central, and in which commits each was written, but for those of the time since
	git -C "$HUB/central.git" ls-tree -r --name-only "$1" | grep -E '^data/../O-0103/(org|contact|task)/'
}

held() { # NAME: how many live records of each kind of O-0103 the laptop has
	local entity
	for entity in org contact task; do
		printf '%s ' "$(at '2026-04-02 22:00:00' "$1" --json list "$entity" --where "_partition = 'O-0103'" | jq length)"
	done
}

@test "US-05: an account changes hands while its old owner is offline" {
	company
	past
	before=$(git -C "$HUB/central.git" rev-parse main)

	# The preview tells whom it concerns, and changes nothing.
	hub_at '2026-03-27 08:30:00' --json reassign O-0103 --to JN-02 --from-time '2026-04-01 00:00:00' --preview | tee "$W/preview.json"
	jq -e '.preview and .from_time == "2026-03-31T16:00:00.000Z"
		and .records == {"org": 1, "contact": 11, "interaction": 1, "task": 2}' "$W/preview.json"
	jq -e '.losing == [{"rep": "E0007", "name": "王磊"}] and .gaining == [{"rep": "E0012", "name": "李娜"}]' "$W/preview.json"
	jq -e '.subjects | length == 1 and .[0].from == ["JN-01"] and .[0].primary == {"before": "E0007", "after": "E0012"}' "$W/preview.json"
	jq -e '.devices | length == 1 and .[0].rep == "E0007" and .[0].unmerged == false and .[0].stale == false' "$W/preview.json"
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]
	at '2026-03-27 08:30:00' sun --json reassign O-0103 --to JN-02 --from-time '2026-04-01 00:00:00' --preview |
		jq -e '.records.contact == 11 and .losing[0].rep == "E0007"'
	[ "$(at '2026-03-27 08:31:00' sun --json status | jq '.unsent // .pending // 0')" = 0 ]

	# The past is not given away, and a rep gives nothing away.
	run hub_at '2026-03-27 08:40:00' reassign O-0103 --to JN-02 --from-time '2026-03-20 00:00:00' -m x
	[ "$status" -eq 3 ]
	[[ "$output" == *"has passed"* ]]
	run at '2026-03-27 08:40:00' wang reassign O-0103 --to JN-02 -m x
	[ "$status" -eq 3 ]

	decide
	paths=$(files main)
	offline

	# Before the hour nothing has changed hands; at the hour it has, though nothing else came.
	hub_at '2026-03-31 23:59:00' merge
	at '2026-03-31 23:59:10' li sync
	[ "$(at '2026-03-31 23:59:20' li --json list contact | jq length)" = 1 ]
	[ "$(hub_at '2026-04-01 00:01:00' --json merge | jq .changes)" = 0 ]
	at '2026-04-01 00:02:00' li sync
	[ "$(at '2026-04-01 00:03:00' li --json list contact | jq length)" = 12 ]

	home
	jq -e '.changesets == 3 and .changes == 3 and .applied == 2 and .proposed == 1 and .rejected == 0' "$W/merge.json"

	# The visit of 30 March is 王磊's; that of 2 April is taken and flagged.
	hub_at '2026-04-02 22:00:00' --json show interaction V-0002 | jq -e '.fields.feedback == "介绍新品" and (.flags // []) == []'
	hub_at '2026-04-02 22:00:00' --json show interaction V-0003 | jq -e '.fields.feedback == "回访" and .flags == ["out-of-territory"]'
	hub_at '2026-04-02 22:00:00' --json audit --entity interaction --rep E0007 |
		jq -e '[.[] | select(.id == "V-0002" or .id == "V-0003") | .rep] | unique == ["E0007"]'

	# The phone is a proposal to 李娜 and not in force.
	[ "$(field '2026-04-02 22:00:00' li contact C-0031 phones)" = '["13900010031"]' ]
	at '2026-04-02 22:00:00' li --json inbox --kind proposal | tee "$W/inbox.json"
	jq -e 'length == 1 and .[0].to == "E0012" and .[0].rep == "E0007" and .[0].state == "open"
		and .[0].value.phones.add == ["13911110000"]' "$W/inbox.json"

	# 王磊 has none of the 11 people left; of his own visits date, institution and kind.
	[ "$(held wang)" = '0 0 0 ' ]
	at '2026-04-02 22:00:00' wang --json list interaction | tee "$W/residues.json"
	jq -e 'length == 3 and all(.[]; .partition == "staff-E0007" and (.flags | index("residue"))
		and ((.fields | keys) - ["org", "started_at", "type"]) == [] and .fields.org == "O-0103")' "$W/residues.json"
	jq -e '[.[].fields.started_at[0:10]] | sort == ["2026-03-20", "2026-03-30", "2026-04-02"]' "$W/residues.json"
	at '2026-04-02 22:00:00' wang verify
	[ "$(at '2026-04-02 22:00:00' wang --json find 医生31 | jq length)" = 0 ]

	# 李娜 has them with all their visits; so has 孙立, once.
	[ "$(held li)" = '1 11 2 ' ]
	at '2026-04-02 22:00:00' li --json list interaction |
		jq -e 'length == 3 and ([.[].fields.feedback] | sort) == (["介绍新品", "回访", "首次拜访"] | sort)'
	[ "$(at '2026-04-02 22:00:00' sun --json list interaction | jq length)" = 3 ]
	at '2026-04-02 22:00:00' li verify
	at '2026-04-02 22:00:00' sun verify

	# Paths are what they were, and nobody's commits were written anew.
	[ "$(files main)" = "$paths" ]
	git -C "$HUB/central.git" merge-base --is-ancestor "$before" main

	# At any time exactly one primary assignment of the account is in force.
	hub_at '2026-04-02 22:00:00' --json export assignment | jq -e '
		[.[] | select(.fields.subject == "O-0103" and .fields.kind == "primary") | .fields] as $all
		| ($all | length) == 2
		and all(("2026-03-16T00:00:00.000Z", "2026-03-31T15:59:59.999Z", "2026-03-31T16:00:00.000Z", "2027-01-01T00:00:00.000Z");
			. as $t | [$all[] | select(.valid_from <= $t and ((.valid_to // "9") > $t))] | length == 1)
		and ([$all[] | select(.territory == "JN-02")][0].valid_from == "2026-03-31T16:00:00.000Z")'

	# 李娜 accepts: written with both names.
	at '2026-04-02 22:10:00' li resolve "$(jq -r '.[0].item' "$W/inbox.json")" accept -m 已核实
	at '2026-04-02 22:11:00' li sync
	hub_at '2026-04-02 22:12:00' merge
	hub_at '2026-04-02 22:13:00' --json show contact C-0031 | jq -e '.fields.phones == ["13911110000"]'

	world_fsck
	"$REPSYNC" -C "$HUB" hub verify --replay
	hub_at '2026-04-02 23:00:00' --json export interaction | jq -S . >"$W/before.json"
	hub_at '2026-04-02 23:00:00' rebuild
	hub_at '2026-04-02 23:01:00' --json export interaction | jq -S . | diff "$W/before.json" -
}

@test "US-05, had 王磊 looked at his mail in between: the account is gone, his unsent edits are not" {
	company
	past
	decide
	offline
	hub_at '2026-04-01 00:01:00' merge
	# His sync sends and finds the view without the account, before any run has seen what he sent.
	at '2026-04-02 20:00:00' wang sync
	[ "$(held wang)" = '0 0 0 ' ]
	hub_at '2026-04-02 20:05:00' --json merge |
		jq -e '.changesets == 3 and .applied == 2 and .proposed == 1 and .rejected == 0'
	at '2026-04-02 20:10:00' wang sync
	at '2026-04-02 20:11:00' wang verify
	[ "$(at '2026-04-02 20:11:00' wang --json list interaction | jq length)" = 3 ]
	world_fsck
}

@test "one doctor passes to another rep: the view stays, who is primary changes" {
	company
	hub_at '2026-03-27 09:00:00' --json reassign --record contact C-0031 --to JN-02 -m 专人负责 | tee "$W/told.json"
	jq -e '.records == {"contact": 1} and .subjects[0].primary == {"before": "E0007", "after": "E0012"} and .preview == false' "$W/told.json"
	# Once more is nothing new.
	commit=$(git -C "$HUB/central.git" rev-parse main)
	hub_at '2026-03-27 09:01:00' --json reassign --record contact C-0031 --to JN-02 -m 专人负责 | jq -e '.subjects[0].unchanged'
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$commit" ]
	at '2026-03-27 09:05:00' wang sync
	[ "$(at '2026-03-27 09:06:00' wang --json list contact --where "org = 'O-0103'" | jq length)" = 11 ]

	run hub_at '2026-03-27 10:00:00' reassign O-9999 --to JN-02 -m x
	[ "$status" -eq 1 ]
	[[ "$output" == *"there is no account O-9999"* ]]
	run hub_at '2026-03-27 10:00:00' reassign O-0103 --to JN-99 -m x
	[ "$status" -eq 1 ]
	run hub_at '2026-03-27 10:00:00' reassign O-0103 --to JN-02
	[ "$status" -eq 2 ]
}
