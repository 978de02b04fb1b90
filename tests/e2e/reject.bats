# An edit that the company does not take is gone from its author's screen at the next sync, and readable as an outcome with its
# reason, also when nobody else touched the record. What may only be proposed waits for a decision.
load world
load fault

DAY=2026-03-16

setup_file() {
	fault_world
	export_world
	export DAY
	world_company
	enrol wang E0007
	enrol sun E0003
}

teardown_file() { rm -rf "$W" "$W".*; }
setup() { cp -a "$W" "$W.start"; }
teardown() {
	rm -rf "$W"
	mv "$W.start" "$W"
}

# by_sql SQL: any SQLite program may write into a replica; the company decides what it takes
by_sql() { when "$DAY 10:00:00" sqlite3 "$W/wang/replica.db" "$1"; }

evening() {
	at "$DAY 20:00:00" wang sync
	hub_at "$DAY 20:05:00" --json merge >"$W/summary"
	at "$DAY 20:10:00" wang --json sync >"$W/synced"
	cat "$W/summary" "$W/synced"
}

# here ENTITY ID FIELD: what the author sees
here() { field "$DAY 20:15:00" wang "$1" "$2" "$3"; }

# told OUTCOME JQ: the author's last change set says so
told() {
	at "$DAY 20:15:00" wang --json show "$(sqlite3 -readonly "$W/wang/replica.db" 'SELECT max(seq) FROM _journal')" >"$W/shown"
	jq -e --arg outcome "$1" "[.changes[] | select(.outcome == \$outcome)] | $2" "$W/shown" || { cat "$W/shown"; return 1; }
}

# in_inbox KIND JQ: in the author's inbox, and in the company's
in_inbox() {
	local box
	for box in "$(at "$DAY 20:15:00" wang --json inbox --all --kind "$1")" "$(hub_at "$DAY 20:15:00" --json inbox --kind "$1")"; do
		jq -e "$2" <<<"$box" || { echo "$box"; return 1; }
	done
}

sound() {
	"$REPSYNC" -C "$W/wang" verify
	"$REPSYNC" -C "$HUB" hub verify --replay
	[ "$(sqlite3 -readonly "$W/wang/replica.db" 'SELECT count(*) FROM _pending')" = 0 ]
	world_fsck
}

@test "a field that nobody at the front may write: rejected, gone, told" {
	by_sql "UPDATE contact SET ext_id = 'X-17' WHERE id = 'C-0001'"
	[ "$(here contact C-0001 ext_id)" = '"X-17"' ]
	evening
	jq -e '.rejected == 1 and .applied == 0' "$W/summary"
	jq -e '.rejected == 1' "$W/synced"
	[ "$(here contact C-0001 ext_id)" = null ]
	told rejected 'length == 1'
	in_inbox rejection 'length == 1 and (.[0] | tostring | contains("X-17"))'
	# It is nowhere among the records but in the author's own folder.
	git -C "$HUB/central.git" grep -l X-17 main -- data restricted | { ! grep -v /staff-E0007/; }
	sound
}

@test "beside a field that is taken: the one stays, the other goes" {
	by_sql "UPDATE contact SET ext_id = 'X-17', best_time = '周三下午' WHERE id = 'C-0001'"
	evening
	[ "$(here contact C-0001 ext_id)" = null ]
	[ "$(here contact C-0001 best_time)" = '"周三下午"' ]
	sound
}

@test "a field that may only be proposed: gone from the record, waiting in the inbox, taken when a manager accepts" {
	at "$DAY 10:00:00" wang put contact C-0001 grade=A -m 国家级专家
	[ "$(here contact C-0001 grade)" = '"A"' ]
	evening
	jq -e '.proposed == 1' "$W/summary"
	[ "$(here contact C-0001 grade)" = null ]
	told proposed 'length == 1'
	in_inbox proposal 'length == 1 and .[0].state == "open"'
	at "$DAY 20:20:00" sun sync
	item=$(at "$DAY 20:21:00" sun --json inbox --kind proposal | jq -r '.[0].item')
	at "$DAY 20:21:00" sun resolve "$item" accept -m 同意
	at "$DAY 20:22:00" sun sync
	hub_at "$DAY 20:25:00" merge
	at "$DAY 20:30:00" wang sync
	[ "$(here contact C-0001 grade)" = '"A"' ]
	at "$DAY 20:31:00" wang --json inbox --all --kind proposal | tee "$W/inbox"
	jq -e '.[0].state != "open"' "$W/inbox"
	sound
}

@test "a record that the author may not make: gone" {
	by_sql "INSERT INTO territory (id, name) VALUES ('JN-09', '自封区')"
	[ "$(here territory JN-09 name)" = '"自封区"' ]
	evening
	jq -e '.rejected == 1' "$W/summary"
	run at "$DAY 20:15:00" wang get territory JN-09
	[ "$status" -eq 1 ]
	told rejected 'length == 1'
	in_inbox rejection 'length == 1'
	git -C "$HUB/central.git" ls-tree -r --name-only main data | { ! grep -q JN-09; }
	sound
}

@test "a record that may not be deleted: back again; one that may be archived only: a proposal" {
	visit=$(at "$DAY 09:00:00" wang new interaction type=面对面 org=O-0101 contacts+=C-0001 "started_at=2026-03-16T01:00:00.000Z")
	at "$DAY 09:01:00" wang sync
	hub_at "$DAY 09:05:00" merge
	at "$DAY 09:10:00" wang sync
	by_sql "DELETE FROM interaction WHERE id = '$visit'; DELETE FROM contact WHERE id = 'C-0001'"
	evening
	jq -e '.rejected == 1 and .proposed == 1' "$W/summary"
	[ "$(here interaction "$visit" type)" = '"面对面"' ]
	[ "$(here contact C-0001 name)" = '"陈建国"' ]
	[ "$(here contact C-0001 best_time)" = '"周二上午"' ]
	told rejected 'length == 1'
	told proposed 'length == 1'
	sound
}

@test "a value against a check of the schema: refused at once, and by the company when the check was taken out here" {
	local address="UPDATE contact SET home_address = '江南市滨湖区人民路18号' WHERE id = 'C-0001'"
	run by_sql "$address"
	[ "$status" -ne 0 ] && [[ "$output" == *home_consent* ]]
	without_triggers wang home_consent "$address"
	evening
	jq -e '.rejected == 1' "$W/summary"
	[ "$(here contact C-0001 home_address)" = null ]
	told rejected 'length == 1'
	in_inbox rejection 'length == 1 and (.[0] | tostring | contains("home_consent"))'
	sound
}

@test "a move that the states do not have: gone" {
	by_sql "UPDATE org SET stage = '流失' WHERE id = 'O-0101'"
	evening
	[ "$(here org O-0101 stage)" = '"潜在"' ]
	told rejected 'length == 1'
	sound
}

@test "edits on a rejected value are judged without it" {
	by_sql "UPDATE contact SET ext_id = 'X-17' WHERE id = 'C-0001'; UPDATE contact SET ext_id = 'X-18' WHERE id = 'C-0001'"
	at "$DAY 10:10:00" wang put contact C-0001 best_time=周三下午
	evening
	[ "$(here contact C-0001 ext_id)" = null ]
	[ "$(here contact C-0001 best_time)" = '"周三下午"' ]
	jq -e '.rejected == 2' "$W/summary"
	sound
}
