# Why a field says what it says: the doctor of US-03, in a table for people and as JSON.
load world

setup() { world_setup; }
teardown() { world_teardown; }

@test "hub explain tells value, author, what was seen, the rival and the rule with its rule set" {
	world_company
	enrol wang E0007
	enrol li E0012
	at '2026-03-16 09:10:00' wang put contact C-0001 best_time=周三下午 phones+=13900002222 -m 门诊拜访后更新
	at '2026-03-16 10:25:00' li put contact C-0001 best_time=周四上午 phones-=13900001111 -m 科室会上得知
	at '2026-03-16 20:05:00' li sync
	hub_at '2026-03-16 20:06:00' merge
	at '2026-03-16 21:40:00' wang sync
	hub_at '2026-03-16 21:41:00' merge

	hub_at '2026-03-16 22:00:00' --json explain contact C-0001 best_time | tee "$W/why.json"
	jq -e '.value == "周四上午" and .rules == ["latest"] and .schema == "pharma/1"' "$W/why.json"
	jq -e '.schema_hash | test("^[0-9a-f]{64}$")' "$W/why.json"
	jq -e '.standing | length == 1 and .[0].rep == "E0012" and .[0].rep_name == "李娜" and .[0].rule == "latest"
		and .[0].device_time == "2026-03-16T02:25:00" + .[0].device_time[19:]
		and .[0].hub_time[0:16] == "2026-03-16T12:06"
		and .[0].saw.value == "周二上午" and .[0].saw.rep == "hub"' "$W/why.json"
	jq -e '.rivals | length == 1 and .[0].rep == "E0007" and .[0].value == "周三下午" and .[0].saw.value == "周二上午"' "$W/why.json"
	# The stock way to the same fact: the change set that is named lies in the commit that is named.
	git -C "$HUB/central.git" show "$(jq -r '.standing[0] | .commit + ":" + .segment' "$W/why.json")" | grep -q 周四上午

	hub_at '2026-03-16 22:00:00' --json explain contact C-0001 phones |
		jq -e '[.standing[] | {part: (.part | gsub("\""; "")), present, rep}] | sort_by(.part) ==
			[{"part": "13900001111", "present": false, "rep": "E0012"}, {"part": "13900002222", "present": true, "rep": "E0007"}]'

	run hub_at '2026-03-16 22:00:00' explain contact C-0001 best_time
	[ "$status" -eq 0 ]
	[[ "$output" == *周四上午*李娜*周二上午*latest*科室会上得知* ]]
	[[ "$output" == *rival*周三下午*王磊* ]]

	run hub_at '2026-03-16 22:00:00' explain contact C-0001 shoe_size
	[ "$status" -eq 1 ]
	[[ "$output" == *"contact has no field shoe_size"* ]]
}
