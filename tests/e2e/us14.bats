# US-14: the rules change while people work without a network. A field is renamed, one goes, one is new; a list has one value more;
# a new kind of record is there. What was written under the old rules arrives under the new ones, and nobody's work is lost.
load world

setup() {
	world_setup
	world_company
	enrol wang E0007
	enrol zhou E0015
}
teardown() { world_teardown; }

DAY=2026-06-08

# new_rules: in $W/rules, version 2 of the schema that the company began with
new_rules() {
	local dir=$W/rules
	cp -r "$BATS_TEST_DIRNAME/../../schema" "$dir"
	jq '.version = 2 | .entities += ["stall"] | .mappings = [{from: 1, entity: "contact", rename: {needs: "wishes"}, drop: ["best_time"]}]' \
		"$dir/schema.json" >"$W/x" && mv "$W/x" "$dir/schema.json"
	jq '.fields |= (map(select(.name != "best_time") | if .name == "needs" then .name = "wishes" else . end)
		+ [{name: "pets", type: "text", label: {zh: "宠物", en: "Pets"}}])' "$dir/entities/contact.json" >"$W/x" &&
		mv "$W/x" "$dir/entities/contact.json"
	jq '(.fields[] | select(.name == "kind") | .values) += ["路演"]' "$dir/entities/task.json" >"$W/x" && mv "$W/x" "$dir/entities/task.json"
	cat >"$dir/entities/stall.json" <<'JSON'
{
 "label": {"zh": "展位", "en": "Stall"}, "title": "name", "partition": {"of": ["org"], "moves": false}, "deletes": "archive-only",
 "outside": "propose", "insert": ["rep", "manager"], "write": ["rep", "manager"], "propose": ["*"],
 "fields": [
  {"name": "name", "type": "text", "label": {"zh": "名称", "en": "Name"}, "required": true},
  {"name": "org", "type": "reference", "label": {"zh": "机构", "en": "Organisation"}, "to": "org", "required": true, "on_delete": "cascade"}
 ]
}
JSON
}

@test "a rename, a field that goes, a new field, a new value and a new entity meet work of the old version" {
	new_rules
	# 王磊 is on the road with the old rules: written, committed, and one thing not even committed.
	at "$DAY 09:00:00" wang put contact C-0001 needs=样品 best_time=周五 -m 拜访
	at "$DAY 09:01:00" wang commit -m 拜访
	at "$DAY 09:02:00" wang put contact C-0003 needs=资料 -m 电话

	hub_at "$DAY 10:00:00" schema publish "$W/rules" --check
	[ "$(hub_at "$DAY 10:00:01" --json schema list | jq length)" = 1 ]
	hub_at "$DAY 10:01:00" schema publish "$W/rules"
	[ "$(hub_at "$DAY 10:01:30" --json schema list | jq -r '.[1].state')" = 'in force' ]

	# What he has not sent goes out as it was written, and then his database has the new shape.
	at "$DAY 12:00:00" wang sync
	at "$DAY 12:00:30" wang sql 'SELECT wishes, pets FROM contact LIMIT 1'
	[ "$(field "$DAY 12:01:00" wang contact C-0001 wishes)" = '"样品"' ]
	[ "$(field "$DAY 12:01:00" wang contact C-0003 wishes)" = '"资料"' ]
	at "$DAY 12:01:30" wang verify
	hub_at "$DAY 12:02:00" merge
	at "$DAY 12:03:00" wang sync
	[ "$(field "$DAY 12:04:00" wang contact C-0001 wishes)" = '"样品"' ]
	[ "$(field "$DAY 12:04:00" wang contact C-0003 wishes)" = '"资料"' ]
	[ "$(at "$DAY 12:04:00" wang --json status | jq '.unsent + .pending')" = 0 ]
	at "$DAY 12:04:30" wang verify

	# Under the new rules.
	at "$DAY 13:00:00" wang put contact C-0001 pets=猫 wishes=会议 -m 拜访
	at "$DAY 13:00:10" wang new stall name=门口 org=O-0101 -m 展位
	at "$DAY 13:00:20" wang new task title=路演 kind=路演 org=O-0101 assignee=JN-01 -m 路演
	at "$DAY 13:01:00" wang commit -m 新规则
	at "$DAY 13:02:00" wang sync
	hub_at "$DAY 13:03:00" merge
	at "$DAY 13:04:00" wang sync
	[ "$(field "$DAY 13:05:00" wang contact C-0001 pets)" = '"猫"' ]
	[ "$(field "$DAY 13:05:00" wang contact C-0001 wishes)" = '"会议"' ]
	at "$DAY 13:05:10" wang --json list stall | grep -q 门口
	at "$DAY 13:05:30" wang verify

	# What judged an edit is told by the version of its time.
	hub_at "$DAY 13:06:00" --json explain contact C-0001 pets | jq -e '.standing[0].schema == "pharma/2" and .standing[0].schema_hash == .schema_hash'
	hub_at "$DAY 13:06:10" --json explain contact C-0001 name | jq -e '.standing[0].schema == "pharma/1" and .standing[0].schema_hash != .schema_hash'

	# The rules themselves are checked against what was signed, those of before too.
	cp "$W/wang/replica.db" "$W/kept.db"
	sqlite3 "$W/wang/replica.db" "UPDATE _schema SET data = CAST(data || ' ' AS BLOB) WHERE path = '1/entities/contact.json'"
	[ "$(sqlite3 "$W/wang/replica.db" "SELECT count(*) FROM _schema WHERE path LIKE '2/%'")" = 0 ]
	run at "$DAY 13:05:40" wang verify
	[ "$status" -eq 5 ]
	[[ "$output" == *1/entities/contact.json* ]]
	mv "$W/kept.db" "$W/wang/replica.db"

	# What was said under the old rules is read by them, and shown under the names of now.
	hub_at "$DAY 13:06:20" --json show contact C-0001 --as-of "${DAY}T12:59:00+08:00" | jq -e '.fields.wishes == "样品" and .fields.pets == null'
	hub_at "$DAY 13:06:30" --json show contact C-0001 --as-of "${DAY}T09:30:00+08:00" | jq -e '.fields.wishes == "样品"'

	hub_at "$DAY 13:06:40" --json explain contact C-0003 wishes | jq -e '.standing[0] | .value == "资料" and .reason == "电话" and .schema == "pharma/1"'
	hub_at "$DAY 13:06:50" --json blame contact C-0003 | jq -e '.[] | select(.field == "wishes") | .value == "资料" and .reason == "电话" and .outcome == "applied"'

	# An auditor finds a field by either name; what the rules of now have no name for keeps its own.
	for name in needs wishes; do
		hub_at "$DAY 13:07:00" --json audit --entity contact --id C-0001 --field $name |
			jq -e 'map([.field, .new]) == [["wishes", "样品"], ["wishes", "会议"]]'
	done
	hub_at "$DAY 13:07:10" --json audit --entity contact --id C-0001 --field best_time | jq -e '.[-1].new == "周五" and .[-1].outcome == "applied"'

	# 周强 comes back only now.
	at "$DAY 13:10:00" zhou sync
	at "$DAY 13:11:00" zhou verify
	hub_at "$DAY 13:12:00" verify --replay
	hub_at "$DAY 13:13:00" rebuild
	hub_at "$DAY 13:14:00" verify --replay
	world_fsck
}

@test "a version that would break what exists is refused and says where" {
	new_rules
	jq 'del(.mappings)' "$W/rules/schema.json" >"$W/x" && mv "$W/x" "$W/rules/schema.json"
	run hub_at "$DAY 10:00:00" --json schema publish "$W/rules" --check
	[ "$status" -ne 0 ]
	echo "$output"
	[[ "$output" == *mapping-missing* ]]
	[[ "$output" == *best_time* ]]
	[[ "$output" == *needs* ]]
	run hub_at "$DAY 10:01:00" schema publish "$W/rules"
	[ "$status" -ne 0 ]
	run hub_at "$DAY 10:02:00" schema publish "$BATS_TEST_DIRNAME/../../schema" --effective 2020-01-01
	[ "$(hub_at "$DAY 10:03:00" --json schema list | jq length)" = 1 ]
}

@test "a version of the past is refused; a planned one comes into force at its time" {
	new_rules
	run hub_at "$DAY 10:00:00" schema publish "$W/rules" --effective 2026-06-01
	[ "$status" -ne 0 ]
	[[ "$output" == *effective-in-past* ]]
	hub_at "$DAY 10:01:00" schema publish "$W/rules" --effective '2026-06-09T08:00:00+08:00'
	[ "$(hub_at "$DAY 10:02:00" --json schema list | jq -r '.[1].state')" = planned ]
	at "$DAY 11:00:00" wang put contact C-0001 best_time=周五 -m 拜访
	at "$DAY 11:01:00" wang commit -m 拜访
	at "$DAY 11:02:00" wang sync
	hub_at "$DAY 11:03:00" merge
	at "$DAY 11:04:00" wang sync
	at "$DAY 11:04:30" wang verify
	[ "$(field "$DAY 11:05:00" wang contact C-0001 best_time)" = '"周五"' ]
	hub_at "2026-06-09 09:00:00" merge
	[ "$(hub_at "2026-06-09 09:01:00" --json schema list | jq -r '.[1].state')" = 'in force' ]
	at "2026-06-09 09:02:00" wang sync
	[ "$(field "2026-06-09 09:03:00" wang contact C-0001 pets)" = null ]
	at "2026-06-09 09:04:00" wang verify
	hub_at "2026-06-09 09:05:00" verify --replay
}

@test "the power fails while a database takes the new shape: it stands as before, and the next sync ends as if nothing had been" {
	local points n want
	new_rules
	at "$DAY 09:00:00" wang put contact C-0001 needs=样品 -m 拜访
	at "$DAY 09:01:00" wang commit -m 拜访
	hub_at "$DAY 10:00:00" schema publish "$W/rules"
	cp -a "$W" "$W.saved"
	at "$DAY 12:00:00" wang sync
	want=$(at "$DAY 12:10:00" wang --json list contact)
	rm -rf "$W"
	cp -a "$W.saved" "$W"
	when "$DAY 12:00:00" "$REPSYNC_BUILD/tests/killat" --log "$W.points" --within "$W" "$REPSYNC" -C "$W/wang" sync
	points=$(wc -l <"$W.points")
	[ "$points" -gt 20 ]
	for n in 1 2 3 4 5 6 7 8 9; do
		rm -rf "$W"
		cp -a "$W.saved" "$W"
		run when "$DAY 12:00:00" "$REPSYNC_BUILD/tests/killat" --at $((points * n / 10)) --within "$W" "$REPSYNC" -C "$W/wang" sync
		[ "$status" -eq 137 ]
		[ "$(sqlite3 "$W/wang/replica.db" 'PRAGMA integrity_check')" = ok ]
		at "$DAY 12:01:00" wang sync
		[ "$(at "$DAY 12:10:00" wang --json list contact)" = "$want" ]
		at "$DAY 12:11:00" wang verify
		hub_at "$DAY 12:12:00" merge
		at "$DAY 12:13:00" wang sync
		[ "$(field "$DAY 12:14:00" wang contact C-0001 wishes)" = '"样品"' ]
		hub_at "$DAY 12:15:00" verify --replay
	done
	rm -rf "$W".*
}

# The story to the letter, but for the meal cap: the company is at version 6 of its rules; 林芳 publishes version 7. 李娜 is offline for three
# days with version 6.
story_rules() { # story_rules: in $W/v6 what the company begins with, in $W/v7 what is published
	local field='{name: "key_subjects", type: "set", of: "text", max: 60, label: {zh: "重点学科", en: "Key subjects"}, rule: "set"}'
	cp -r "$BATS_TEST_DIRNAME/../../schema" "$W/v6"
	jq '.version = 6' "$W/v6/schema.json" >"$W/x" && mv "$W/x" "$W/v6/schema.json"
	jq '(.fields[] | select(.name == "level") | .values) |= map(select((.value? // .) != "三级特等"))' \
		"$W/v6/entities/org.json" >"$W/x" && mv "$W/x" "$W/v6/entities/org.json"
	cp -r "$W/v6" "$W/v7"
	jq '.version = 7' "$W/v7/schema.json" >"$W/x" && mv "$W/x" "$W/v7/schema.json"
	jq "(.fields[] | select(.name == \"level\") | .values) += [{value: \"三级特等\", also: [\"三特\"]}] | .fields += [$field]" \
		"$W/v7/entities/org.json" >"$W/x" && mv "$W/x" "$W/v7/entities/org.json"
	jq '(.fields[] | select(.name == "best_time") | .rule) = ["owner", "latest"]' "$W/v7/entities/contact.json" >"$W/x" &&
		mv "$W/x" "$W/v7/entities/contact.json"
}

@test "US-14: what 李娜 wrote in three days under version 6 is judged by the rules of its time" {
	local FROM='2026-06-09T08:00:00+08:00'
	rm -rf "${W:?}"/*
	story_rules
	WORLD_SCHEMA=$W/v6 world_company
	hub_at '2026-03-15 09:30:00' rep add E0031 --name 马丽 --role steward
	enrol wang E0007
	enrol li E0012
	hub_at '2026-03-15 10:30:00' desk E0031 "$W/ma"
	at '2026-03-15 10:30:10' ma sync
	hub_at '2026-03-15 10:30:20' merge
	at '2026-03-15 10:30:30' ma sync

	# From the evening of 7 June on 李娜 is offline.
	at '2026-06-07 20:00:00' li sync
	hub_at '2026-06-08 08:00:00' schema publish "$W/v7" --effective "$FROM"
	[ "$(hub_at '2026-06-08 08:01:00' --json schema list | jq -c 'map([.version, .state])')" = '[[6,"in force"],[7,"planned"]]' ]

	# The day before: the later edit wins, as version 6 says.
	at '2026-06-08 09:00:00' wang put contact C-0001 best_time=周三上午 -m 门诊
	at '2026-06-08 10:00:00' li put contact C-0001 best_time=周四上午 -m 科室会
	at '2026-06-08 20:00:00' wang sync
	hub_at '2026-06-08 20:05:00' merge
	# The day itself: the primary's wins, as version 7 says, though 李娜's copy still knows version 6 alone.
	hub_at '2026-06-09 08:00:30' merge
	for who in wang ma; do at '2026-06-09 08:01:00' $who sync; done
	at '2026-06-09 09:00:00' ma put org O-0101 level=三级特等 key_subjects+=心内科 -m 评审
	at '2026-06-09 10:00:00' wang put contact C-0003 best_time=周一下午 -m 门诊
	at '2026-06-09 11:00:00' li put contact C-0003 best_time=周二下午 -m 科室会
	at '2026-06-09 11:05:00' li put org O-0101 opd_per_day=5000 -m 走访
	for who in wang ma; do at '2026-06-09 20:00:00' $who sync; done
	hub_at '2026-06-09 20:05:00' merge

	# On 10 June she is back: all is taken, and her database has the new shape; what she did not know of is there.
	at '2026-06-10 20:00:00' li sync
	hub_at '2026-06-10 20:05:00' --json merge | jq -e '.changes == 3 and .rejected == 0 and .held == 0 and .quarantined == 0'
	for who in li wang ma; do at '2026-06-10 20:10:00' $who sync; done
	for who in li wang; do
		[ "$(field '2026-06-10 20:20:00' $who contact C-0001 best_time)" = '"周四上午"' ]
		[ "$(field '2026-06-10 20:20:00' $who contact C-0003 best_time)" = '"周一下午"' ]
		[ "$(field '2026-06-10 20:20:00' $who org O-0101 level)" = '"三级特等"' ]
		[ "$(field '2026-06-10 20:20:00' $who org O-0101 key_subjects)" = '["心内科"]' ]
		[ "$(field '2026-06-10 20:20:00' $who org O-0101 opd_per_day)" = 5000 ]
	done
	hub_at '2026-06-10 20:21:00' --json explain contact C-0001 best_time |
		jq -e '.standing[0] | .rule == "latest" and .schema == "pharma/6" and .rep == "E0012"'
	hub_at '2026-06-10 20:21:00' --json explain contact C-0003 best_time |
		jq -e '.standing[0].rep == "E0007" and .standing[0].schema == "pharma/7" and any(.rivals[]; .rep == "E0012" and .rule == "owner")'

	# By the rules of each time the same comes out again.
	trees=$(records)
	hub_at '2026-06-10 21:00:00' verify --replay
	hub_at '2026-06-10 21:01:00' rebuild
	hub_at '2026-06-10 21:02:00' verify --replay
	[ "$(records)" = "$trees" ]
	for who in li wang ma; do at '2026-06-10 21:10:00' $who verify; done

	# Rules that name a field that is not there are refused when they are published.
	cp -r "$W/v7" "$W/v8"
	jq '.version = 8' "$W/v8/schema.json" >"$W/x" && mv "$W/x" "$W/v8/schema.json"
	jq '.checks += [{name: "no_such", on: "write", level: "refuse", message: {zh: "无", en: "none"}, expr: "new.prescriptions IS NULL"}]' \
		"$W/v8/entities/contact.json" >"$W/x" && mv "$W/x" "$W/v8/entities/contact.json"
	run hub_at '2026-06-10 22:00:00' schema publish "$W/v8"
	[ "$status" -ne 0 ]
	[[ "$output" == *check-sql* ]] && [[ "$output" == *prescriptions* ]]
	[ "$(hub_at '2026-06-10 22:01:00' --json schema list | jq length)" = 2 ]
}
