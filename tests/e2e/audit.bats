# The auditor's questions, asked as a user asks them: every filter, every format, and as many rows as there are.
load world

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	export DAY
	world_of_two
	at "$DAY 09:10:00" wang put contact C-0001 best_time=周三下午 phones+=13900002222 -m 门诊拜访后更新
	at "$DAY 10:25:00" li put contact C-0001 best_time=周四上午 phones-=13900001111 -m 科室会上得知
	at "$DAY 11:00:00" li put contact C-0003 'needs==HYPERLINK("http://x")' -m '+86 来电'
	at "$DAY 20:05:00" li sync
	hub_at "$DAY 20:06:00" merge
	at "$DAY 21:40:00" wang sync
	hub_at "$DAY 21:41:00" merge
}
teardown_file() { rm -rf "$W"; }

device() { sqlite3 -readonly "$W/$1/replica.db" "SELECT value FROM _meta WHERE key = 'device'"; }
audit() { "$REPSYNC" -C "$HUB" --json hub audit "$@"; }
# rows FILTER ARGS...: the answer's rows through the filter
rows() {
	local filter=$1
	shift
	audit "$@" | jq -c "$filter"
}

@test "each filter alone, and all of them together, give their rows and no others" {
	[ "$(rows 'map(.entity) | unique' --entity contact)" = '["contact"]' ]
	[ "$(rows 'map(.id) | unique' --entity contact --id C-0001)" = '["C-0001"]' ]
	[ "$(rows 'map(.field) | unique' --entity contact --field best_time)" = '["best_time"]' ]
	[ "$(rows 'map([.op, .old, .new])' --entity contact --field phones --rep E0007)" = '[["add",null,"13900002222"]]' ]
	[ "$(rows 'map(.rep) | unique' --rep E0012)" = '["E0012"]' ]
	[ "$(rows 'map(.device) | unique' --device "$(device li)")" = "[\"$(device li)\"]" ]
	[ "$(rows 'map([.id, .field])' --rep E0012 --since "$DAY 10:30" --until "$DAY 12:00")" = '[["C-0003","needs"]]' ]
	# By the hub's clock his edit of the morning is one of the night.
	[ "$(rows length --rep E0007 --since "$DAY 21:00")" = 0 ]
	[ "$(rows length --rep E0007 --since "$DAY 21:00" --by hub)" = 2 ]
	[ "$(rows length --rep E0007 --until "$DAY 21:00" --by hub)" = 0 ]
	[ "$(rows 'map([.rep_name, .role, .old, .new, .reason, .outcome, .rival_rep, .rival_value])' --entity contact --id C-0001 \
		--field best_time --rep E0012 --device "$(device li)" --since "$DAY" --until "$DAY 23:00")" = \
		'[["李娜","rep","周二上午","周四上午","科室会上得知","merged","E0007","周三下午"]]' ]
	run --separate-stderr "$REPSYNC" -C "$HUB" hub audit --id C-0001
	[ "$status" -eq 2 ]
	[[ "$stderr" == *'--id needs its --entity'* ]]
}

@test "rows come oldest first, and a limit ends them" {
	audit >"$W/all.json"
	jq -e '[.[].device_time] | . == sort' "$W/all.json"
	[ "$(audit --limit 3)" = "$(jq -c '.[:3]' "$W/all.json")" ]
	[ "$(audit --limit 100000)" = "$(cat "$W/all.json")" ]
	[ "$("$REPSYNC" -C "$HUB" hub audit --rep E0007 --limit 1 | wc -l)" = 2 ]
	# A reader that goes away early is no failure to look for.
	run --separate-stderr bash -c '"$REPSYNC" -C "$HUB" hub audit --format csv | head -n 1'
	[[ "$output" == entity,id,* ]]
}

@test "table, JSON and CSV tell the same; a CSV cell is never a formula" {
	local csv
	csv=$("$REPSYNC" -C "$HUB" hub audit --rep E0012 --entity contact --id C-0003 --format csv)
	echo "$csv"
	[[ "$csv" == *"'=HYPERLINK("* ]]
	[[ "$csv" == *"'+86 来电"* ]]
	python3 - "$csv" <<-'PY'
		import csv, sys
		head, row = list(csv.reader(sys.argv[1].splitlines()))
		row = dict(zip(head, row))
		assert row["id"] == "C-0003" and row["field"] == "needs" and row["rep_name"] == "李娜", row
		assert row["device_time"].startswith("2026-03-16T03:00:00") and len(row["commit"]) == 40, row
		assert not any(cell[:1] in "=+-@\t\r" and cell for cell in row.values()), row
	PY
	run "$REPSYNC" -C "$HUB" hub audit --rep E0012 --entity contact --id C-0003
	[ "${#lines[@]}" = 2 ]
	[[ "${lines[1]}" == *李娜*needs*HYPERLINK*来电* ]]
}

@test "a hundred thousand rows take no more memory than ten" {
	local format
	cp -a "$HUB" "$W/many"
	sqlite3 "$W/many/work.db" "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 100000)
		INSERT INTO _change(device, seq, idx, stamp, eff, entity, id, op, rep, line, outcome, held, segment, version)
		SELECT device, 1000 + k.n, 0, stamp, printf('2027-%s', substr(eff, 6)), entity, 'K-' || k.n, op, rep, line, outcome, held, segment, version
		FROM k, (SELECT * FROM _change WHERE entity = 'contact' AND id = 'C-0003' AND rep = 'E0012' LIMIT 1)"
	for format in csv json table; do
		(ulimit -v 150000 && "$REPSYNC" -C "$W/many" hub audit --rep E0012 --since 2027-01-01 --format "$format") >"$W/$format"
	done
	[ "$(jq length "$W/json")" = 100000 ]
	[ "$(wc -l <"$W/csv")" = 100001 ]
	[ "$(wc -l <"$W/table")" = 100001 ]
	rm -rf "$W/many" "$W/csv" "$W/json" "$W/table"
}

@test "records as they stood, by the clock of the devices or of the hub: one and all of them" {
	local clock time want
	while read -r clock time want; do
		[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0001 --as-of "$DAY $time" --by "$clock" | jq -r .fields.best_time)" = "$want" ]
		[ "$("$REPSYNC" -C "$HUB" --json hub export contact --as-of "$DAY $time" --by "$clock" |
			jq -r '.[] | select(.id == "C-0001") | .fields.best_time')" = "$want" ]
	done <<-'END'
		device 09:00 周二上午
		device 10:00 周三下午
		device 12:00 周四上午
		hub 12:00 周二上午
		hub 20:30 周四上午
		hub 22:00 周四上午
	END
	[ "$("$REPSYNC" -C "$HUB" --json hub export contact --as-of 2026-03-14 | jq length)" = 0 ]
}

# ---- who asked ----

access() { "$REPSYNC" -C "$1" --json hub access; }

@test "every read of the past is recorded: who, what, when, how many rows; before it is told, and for ever" {
	local hub=$W/asked
	cp -a "$HUB" "$hub"
	rm -f "$hub/access.jsonl"
	for command in 'audit --entity contact --id C-0001 --field phones --as E0003' 'show contact C-0001' 'history contact C-0003' \
		'blame contact C-0001' 'explain contact C-0001 best_time' 'export contact --csv'; do
		when "$DAY 22:00:00" "$REPSYNC" -C "$hub" hub $command >"$W/told"
	done
	access "$hub" >"$W/access.json"
	jq -e --arg user "$(id -un)" 'map(.command) == ["audit","show","history","blame","explain","export","access"] and all(.user | startswith($user))' "$W/access.json"
	jq -e '.[0] | .args == ["--entity","contact","--id","C-0001","--field","phones","--as","E0003"] and .rep == "E0003" and .rows == 3 and
		(.time | startswith("2026-03-16T14:00:0"))' "$W/access.json"
	jq -e '.[1].rows == 1 and .[5].rows == 3 and .[5].rep == null' "$W/access.json"
	# One whose answer broke off stands there without rows; one who is nobody gets none, and leaves no entry.
	run "$REPSYNC" -C "$hub" hub audit --entity nosuch
	[ "$status" -eq 2 ]
	[ "$(access "$hub" | jq -c '[.[] | select(.args == ["--entity","nosuch"])] | map(.rows)')" = '[null]' ]
	run --separate-stderr "$REPSYNC" -C "$hub" hub audit --as E9999
	[ "$status" -eq 3 ] && [ -z "$output" ]
	# It goes into central with the next run, and stays one chain.
	"$REPSYNC" -C "$HUB" hub show contact C-0001
	at "$DAY 22:10:00" wang put contact C-0001 best_time=周五 -m 电话
	at "$DAY 22:10:30" wang sync
	hub_at "$DAY 22:11:00" merge
	run --separate-stderr "$REPSYNC" -C "$HUB" --json hub verify
	[ "$status" -eq 0 ] && jq -e '.checked.accesses > 0' <<<"$output"
	[ ! -s "$HUB/access.jsonl" ]
	"$REPSYNC" -C "$HUB" hub show contact C-0001
	"$REPSYNC" -C "$HUB" hub verify
	access "$HUB" | jq -e 'map(.n) == (map(.n) | sort) and .[-2].command == "show"'
	"$REPSYNC" -C "$HUB" hub rebuild
	"$REPSYNC" -C "$HUB" hub verify --replay
	rm -rf "$hub"
}

@test "an access log that was changed, cut or lost in central is found" {
	local hub=$W/damaged
	"$REPSYNC" -C "$HUB" hub show contact C-0001
	hub_at "$DAY 22:15:00" rep set E0015 --territory JN-01
	"$REPSYNC" -C "$HUB" hub show contact C-0001
	"$REPSYNC" -C "$HUB" hub audit --limit 1
	cp -a "$HUB" "$hub"
	sed -i '1s/show/hide/' "$hub/access.jsonl"
	run --separate-stderr "$REPSYNC" -C "$hub" --json hub verify
	[ "$status" -eq 5 ] && jq -e '.problems[0].where == "access.jsonl"' <<<"$output"
	# Nothing is told that cannot be recorded; the company's work goes on.
	run --separate-stderr "$REPSYNC" -C "$hub" hub show contact C-0001
	[ "$status" -eq 5 ] && [ -z "$output" ]
	"$REPSYNC" -C "$hub" hub rep set E0015 --territory JN-02
	grep -q hide "$hub/access.jsonl"
	rm -rf "$hub"
	cp -a "$HUB" "$hub"
	sed -i 1,2d "$hub/access.jsonl"
	run --separate-stderr "$REPSYNC" -C "$hub" --json hub verify
	[ "$status" -eq 5 ]
	# An entry that a power cut left half written was never answered; the next one takes its place.
	cp "$HUB/access.jsonl" "$hub/access.jsonl"
	printf '{"args":[' >>"$hub/access.jsonl"
	"$REPSYNC" -C "$hub" hub verify
	"$REPSYNC" -C "$hub" hub show contact C-0001
	"$REPSYNC" -C "$hub" hub verify
	# In central: a segment away, by stock git.
	(
		export GIT_DIR=$hub/central.git GIT_INDEX_FILE=$W/index GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x
		git read-tree main
		path=$(git ls-files access | grep jsonl | head -n 1)
		git rm -q --cached "$path"
		git update-ref refs/heads/main "$(git commit-tree "$(git write-tree)" -p main -m gone)"
	)
	run --separate-stderr "$REPSYNC" -C "$hub" --json hub verify
	[ "$status" -eq 5 ] && jq -e '.problems[0].where | startswith("access/")' <<<"$output"
	rm -rf "$hub"
}

@test "all that is held on one person is one document: record, what refers to it, and its history" {
	hub_at "$DAY 22:20:00" --json audit --entity contact --id C-0001 >"$W/rows.json"
	at "$DAY 22:21:00" wang new interaction --id V-0001 type=面对面 org=O-0101 contacts+=C-0001 started_at=2026-03-16T07:00:00.000Z -m 拜访
	at "$DAY 22:22:00" wang new consent --id S-0001 contact=C-0001 purpose=邮寄到家 decision=同意 -m 本人同意
	at "$DAY 22:23:00" wang sync
	hub_at "$DAY 22:24:00" merge
	hub_at "$DAY 22:25:00" subject export contact C-0001 --as E0003 >"$W/subject.json"
	jq -e '.entity == "contact" and .id == "C-0001" and .records[0].id == "C-0001" and .records[0].fields.name == "陈建国"' "$W/subject.json"
	jq -e '[.records[].id] | contains(["V-0001", "S-0001"])' "$W/subject.json"
	jq -e '(.records | map(.id) | index("C-0003")) == null' "$W/subject.json"
	# What stands no more is told too.
	jq -e --slurpfile rows "$W/rows.json" '[.history[] | select(.id == "C-0001")] == $rows[0]' "$W/subject.json"
	jq -e 'any(.history[]; .op == "remove" and .old == "13900001111")' "$W/subject.json"
	"$REPSYNC" -C "$HUB" --json hub access --command subject | jq -e '.[0].rep == "E0003" and .[0].rows > 10'
	run "$REPSYNC" -C "$HUB" hub subject export contact C-0000
	[ "$status" -eq 1 ]
}
