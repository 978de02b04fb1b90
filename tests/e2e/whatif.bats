# What if other rules had been in force: every field that would differ, and nothing is changed by asking.
load world

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	export DAY
	world_of_two
	at "$DAY 09:10:00" wang put contact C-0001 best_time=周三下午 influence=国家级 phones+=13900002222 'influence_evidence+={"note":"中华医学会"}' -m 门诊
	at "$DAY 10:25:00" li put contact C-0001 best_time=周四上午 hobbies+=羽毛球 -m 科室会
	at "$DAY 10:26:00" li put contact C-0003 best_time=周一 -m 电话
	at "$DAY 20:05:00" li sync
	hub_at "$DAY 20:06:00" merge
	at "$DAY 21:40:00" wang sync
	hub_at "$DAY 21:41:00" merge
	# The primary decides about the time for visits; and needs are called wishes.
	cp -r "$BATS_TEST_DIRNAME/../../schema" "$W/rules"
	jq '.version = 2 | .mappings = [{from: 1, entity: "contact", rename: {needs: "wishes"}}]' "$W/rules/schema.json" >"$W/x" && mv "$W/x" "$W/rules/schema.json"
	jq '.fields |= map(if .name == "needs" then .name = "wishes" elif .name == "best_time" then .rule = ["owner", "latest"] else . end)' \
		"$W/rules/entities/contact.json" >"$W/x" && mv "$W/x" "$W/rules/entities/contact.json"
}
teardown_file() { rm -rf "$W"; }
setup() { HUB=$W/hub; }

replay() { "$REPSYNC" -C "$HUB" --json hub replay --schema "$W/rules" "$@"; }

@test "every field that would differ is listed, and no other" {
	local before
	before=$(git -C "$HUB/central.git" rev-parse main)
	replay >"$W/report.json"
	cat "$W/report.json"
	jq -e '.schema == "pharma/2" and .records >= 6' "$W/report.json"
	jq -e '.differ == [{"entity":"contact","id":"C-0001","field":"best_time","now":"周四上午","would":"周三下午"}]' "$W/report.json"
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]
	[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0001 | jq -r .fields.best_time)" = 周四上午 ]
	"$REPSYNC" -C "$HUB" hub verify
	"$REPSYNC" -C "$HUB" hub replay --schema "$W/rules" | grep -q 'C-0001.*best_time.*周四上午.*周三下午'
	# Who asked is on record.
	"$REPSYNC" -C "$HUB" --json hub access --command replay | jq -e '.[0].rows == 1'
}

@test "only what was edited since a time is judged by the proposal" {
	replay --since "$DAY 22:00" | jq -e '.differ == [] and .records == 0'
	replay --since "$DAY 08:00" | jq -e '.differ | length == 1'
	# The later of the two edits alone is judged by it: the earlier one was no owner's rule yet, and what is judged then knows it.
	replay --since "$DAY 10:00" | jq -e '.records == 2'
}

@test "what it foretells is what a published version brings for what comes after it" {
	run --separate-stderr "$REPSYNC" -C "$HUB" hub replay --schema "$BATS_TEST_DIRNAME/../../schema"
	[ "$status" -eq 1 ] && [[ "$stderr" == *"must be a later one"* ]]
	run --separate-stderr "$REPSYNC" -C "$HUB" hub replay --schema "$W/nothing"
	[ "$status" -eq 1 ]
	run --separate-stderr "$REPSYNC" -C "$HUB" hub replay
	[ "$status" -eq 2 ]
	hub_at "$DAY 23:00:00" schema publish "$W/rules"
	hub_at "$DAY 23:01:00" verify --replay
	# Published, it is no proposal any more, and what was judged before stays as it was.
	[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0001 | jq -r .fields.best_time)" = 周四上午 ]
}
