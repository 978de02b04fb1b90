# The auditor's questions, asked as a user asks them: every filter, every format, and as many rows as there are.
load world

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	export DAY
	world_setup
	export W HUB TZ FAKETIME_LIB
	world_company
	enrol wang E0007
	enrol li E0012
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
