# US-07: who changed 陈建国's phone? Two years of history, and the auditor's own question is on record.
load world

bats_require_minimum_version 1.5.0

setup() { world_setup; }
teardown() { world_teardown; }

# laptop NAME REP DAY
laptop() {
	hub_at "$3 08:00:00" enroll "$2" --out "$W/$1.invitation"
	when "$3 08:01:00" "$REPSYNC" enroll "$W/$1.invitation" "$W/$1"
	at "$3 08:02:00" "$1" sync
	hub_at "$3 08:03:00" merge
	at "$3 08:04:00" "$1" sync
}

history_of_the_phone() {
	local day='2024-05-06'
	hub_at "$day 07:00:00" init --company 朗峰医药 --replicas plain
	printf 'id,name,level,sub_kind\nO-0101,江南市第一人民医院,三级甲等,医院\n' >"$W/org.csv"
	hub_at "$day 07:01:00" import org "$W/org.csv"
	hub_at "$day 07:02:00" territory set JN-01 --partition O-0101
	hub_at "$day 07:03:00" rep add E0005 --name 张萍 --territory JN-01
	hub_at "$day 07:04:00" rep add E0041 --name 郑钧 --role auditor
	laptop zhang E0005 "$day"
	at "$day 10:00:00" zhang new contact --id C-0001 name=陈建国 kind=医务人员 org=O-0101 phones+=13900000001 best_time=周二上午 -m 首次拜访
	at "$day 20:00:00" zhang sync
	hub_at "$day 20:05:00" merge

	hub_at '2025-02-10 09:00:00' rep add E0007 --name 王磊 --territory JN-01
	hub_at '2025-02-10 09:01:00' rep add E0012 --name 李娜 --territory JN-01 --assist
	laptop wang E0007 2025-02-11
	at '2025-02-11 10:00:00' wang put contact C-0001 phones-=13900000001 phones+=13900001111 -m 拜访时本人告知
	at '2025-02-11 20:00:00' wang sync
	hub_at '2025-02-11 20:05:00' merge

	# US-03
	laptop li E0012 2026-03-16
	at '2026-03-16 08:05:00' wang sync
	at '2026-03-16 09:10:00' wang put contact C-0001 phones+=13900002222 best_time=周三下午 -m 门诊拜访后更新
	at '2026-03-16 10:25:00' li put contact C-0001 phones-=13900001111 phones+=13900003333 best_time=周四上午 -m 科室会上得知
	at '2026-03-16 20:05:00' li sync
	hub_at '2026-03-16 20:06:00' merge
	at '2026-03-16 21:40:00' wang sync
	hub_at '2026-03-16 21:41:00' merge
}

# asked ARGS...: the audit as 郑钧 asks it, one row a line
asked() { hub_at '2026-03-20 09:00:00' --json audit --as E0041 "$@" | jq -c '.[]'; }

@test "US-07: four operations, six additions and removals, each with all that an auditor asks" {
	history_of_the_phone
	asked --entity contact --id C-0001 --field phones >"$W/rows"
	cat "$W/rows"
	[ "$(jq -s -c 'map([.op, .old // .new])' "$W/rows")" = \
		'[["add","13900000001"],["remove","13900000001"],["add","13900001111"],["add","13900002222"],["remove","13900001111"],["add","13900003333"]]' ]
	[ "$(jq -s 'map(.changeset) | unique | length' "$W/rows")" = 4 ]
	[ "$(jq -s -c 'map(.rep_name) | unique | sort' "$W/rows")" = '["张萍","李娜","王磊"]' ]
	jq -s -e 'all(.[]; (.device_time | length == 24) and (.hub_time | length == 24) and .hub_time >= .device_time and (.device | length == 8) and
		.rule == "set" and (.commit | length == 40) and .outcome == "applied")' "$W/rows"
	# Edited by day, received at night; both in the company's time.
	[ "$(jq -s -r 'map(.device_time[:13]) | unique | join(" ")' "$W/rows")" = '2024-05-06T02 2025-02-11T02 2026-03-16T01 2026-03-16T02' ]
	[ "$(jq -s -r 'map(.hub_time[:13]) | unique | join(" ")' "$W/rows")" = '2024-05-06T12 2025-02-11T12 2026-03-16T12 2026-03-16T13' ]
	# Each row is proved by what it names.
	jq -r '[.commit, .segment] | @tsv' "$W/rows" | while read -r commit segment; do
		git -C "$HUB/central.git" cat-file -e "$commit:$segment"
	done

	# By person, by time, by field; the value that was not taken stands beside the one that was.
	[ "$(asked --entity contact --id C-0001 --field phones --rep E0007 | wc -l)" = 3 ]
	[ "$(asked --entity contact --id C-0001 --field phones --since 2025-01-01 --until 2026-01-01 | jq -r .reason | sort -u)" = 拜访时本人告知 ]
	[ "$(asked --entity contact --id C-0001 --field best_time --rep E0012 | jq -c '[.rule, .rival_rep, .rival_value]')" = '["latest","E0007","周三下午"]' ]

	# The value of then, by either clock.
	for clock in device hub; do
		[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0001 --as-of 2025-12-31 --by $clock | jq -c .fields.phones)" = '["13900001111"]' ]
	done
	[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0001 | jq -c .fields.phones)" = '["13900002222","13900003333"]' ]

	# 郑钧's questions are on record, with how much he was told.
	"$REPSYNC" -C "$HUB" --json hub access --rep E0041 >"$W/access"
	jq -e 'length == 4 and .[0].command == "audit" and .[0].rows == 6 and .[0].args[:6] == ["--as","E0041","--entity","contact","--id","C-0001"]
		and (.[0].time | startswith("2026-03-20T01:00"))' "$W/access"
	"$REPSYNC" -C "$HUB" hub verify --replay

	# And a stranger verifies the answer.
	"$REPSYNC" -C "$HUB" hub audit --as E0041 --entity contact --id C-0001 --field phones --evidence "$W/evidence"
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$W/evidence/README.md" >"$W/check.sh"
	[ "$(cd "$W/evidence" && sh "$W/check.sh" | tail -n 1)" = verified ]
}

@test "US-07: one byte of history changed, and verify names the first break" {
	history_of_the_phone
	"$REPSYNC" -C "$HUB" hub verify
	wang=$(sqlite3 -readonly "$W/wang/replica.db" "SELECT value FROM _meta WHERE key = 'device'")
	export GIT_DIR=$HUB/central.git GIT_INDEX_FILE=$W/index GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x
	git read-tree main
	path=$(git ls-files "journal/*/$wang/2025-02/*.jsonl")
	blob=$(git cat-file blob "main:$path" | sed 's/13900001111/13900001112/' | git hash-object -w --stdin)
	git update-index --cacheinfo "100644,$blob,$path"
	git update-ref refs/heads/main "$(git commit-tree "$(git write-tree)" -p main -m changed)"
	unset GIT_DIR GIT_INDEX_FILE
	run --separate-stderr "$REPSYNC" -C "$HUB" --json hub verify
	[ "$status" -eq 5 ]
	jq -e --arg path "$path" '.problems[0].where == $path and (.problems[0].what | contains("change set 1"))' <<<"$output"
}
