# Versions of the schema against what exists: what would break it is refused with the reason, a type that changes is derived, a laptop
# passes through two versions, and a power cut in the middle of a publication leaves either version whole.
load world

DAY=2026-06-08

setup() {
	world_setup
	world_company
}
teardown() { world_teardown; }

# rules N [FROM]: version N in $W/vN, a copy of version N-1 (of the product's at first)
rules() {
	local from=$W/v$(($1 - 1))
	[ -d "$from" ] || from=$BATS_TEST_DIRNAME/../../schema
	cp -r "$from" "$W/v$1"
	edit "$1" schema.json ".version = $1 | .mappings = []"
}
# edit N FILE JQ
edit() { jq "$3" "$W/v$1/$2" >"$W/x" && mv "$W/x" "$W/v$1/$2"; }

# refused WORD...: version 2 is, by --check and by itself, planned or at once; each word is told, and nothing is published
refused() {
	local before word
	before=$(git -C "$HUB/central.git" rev-parse main)
	for how in "--check" "--check --effective 2026-07-01" "--effective 2026-07-01" ""; do
		run hub_at "$DAY 10:00:00" --json schema publish "$W/v2" $how
		echo "$how: $output"
		[ "$status" -ne 0 ]
		for word in "$@"; do [[ "$output" == *"$word"* ]]; done
	done
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]
	rm -rf "$W/v2"
	rules 2
}

@test "what would break existing records is refused, with the reason, how many and the first" {
	rules 2
	edit 2 entities/contact.json '(.fields[] | select(.name == "best_time")).max = 3'
	refused narrowing best_time 'C-0001'
	edit 2 entities/contact.json '(.fields[] | select(.name == "prof_title") | .values) |= map(select((.value? // .) != "副主任医师"))'
	refused mapping-missing prof_title
	edit 2 entities/contact.json '(.fields[] | select(.name == "prof_title")).required = true'
	refused narrowing prof_title "it is required now"
	printf 'id,dept\nC-0002,心内科\n' >"$W/dept.csv"
	hub_at "$DAY 09:30:00" import contact "$W/dept.csv"
	edit 2 entities/contact.json '(.fields[] | select(.name == "dept")).unique = "review"'
	refused narrowing dept C-0002 C-0001
	edit 2 entities/contact.json '(.fields[] | select(.name == "best_time")) = {name: "best_time", type: "integer", label: {zh: "时间", en: "Time"}}'
	refused mapping-missing best_time
	edit 2 schema.json '.entities -= ["task"]'
	rm "$W/v2/entities/task.json"
	refused mapping-missing task
	# And what breaks nothing is not.
	edit 2 entities/contact.json '(.fields[] | select(.name == "best_time")).max = 30'
	hub_at "$DAY 10:00:00" --json schema publish "$W/v2" --check --effective 2026-07-01 | jq -e .ok
	[ "$(hub_at "$DAY 10:01:00" --json schema list | jq length)" = 1 ]
}

# Version 2: opd_per_day was a number and is a text made of it; needs is wishes. Version 3: wishes is asks, a level more.
two_versions() {
	rules 2
	edit 2 entities/org.json '(.fields[] | select(.name == "opd_per_day")) = {name: "load", type: "text", max: 40, label: {zh: "门诊", en: "Load"}}'
	edit 2 entities/contact.json '(.fields[] | select(.name == "needs")).name = "wishes"'
	edit 2 schema.json '.mappings = [{from: 1, entity: "org", drop: ["opd_per_day"], derive: {load: "old.opd_per_day || '"' 人'"'"}},
		{from: 1, entity: "contact", rename: {needs: "wishes"}}]'
	rules 3
	edit 3 entities/contact.json '(.fields[] | select(.name == "wishes")).name = "asks" | (.fields[] | select(.name == "prof_title") | .values) |= map(if (.value? // .) == "主任医师" then "正高" else . end)'
	edit 3 schema.json '.mappings = [{from: 2, entity: "contact", rename: {wishes: "asks"}, values: {prof_title: {"主任医师": "正高"}}}]'
}

# shape NAME TIME: the laptop is in the third shape, and all that was written is there
third_shape() {
	[ "$(field "$2" "$1" org O-0101 load)" = '"5000 人"' ]
	[ "$(field "$2" "$1" contact C-0001 asks)" = '"样品"' ]
	[ "$(field "$2" "$1" contact C-0001 prof_title)" = '"正高"' ]
	at "$2" "$1" verify
}

@test "a laptop passes through two versions, one by one or at once, with unsent work of the first" {
	enrol wang E0007
	enrol li E0012
	two_versions
	at "$DAY 09:00:00" wang put org O-0101 opd_per_day:=5000 -m 走访
	at "$DAY 09:01:00" li put contact C-0001 needs=样品 prof_title=主任医师 -m 拜访
	at "$DAY 09:02:00" wang sync
	hub_at "$DAY 09:03:00" merge
	hub_at "$DAY 10:00:00" schema publish "$W/v2"
	# 王磊 takes each version; 李娜 both at once, with what she wrote under the first and has not sent.
	at "$DAY 10:05:00" wang sync
	[ "$(field "$DAY 10:06:00" wang org O-0101 load)" = '"5000 人"' ]
	at "$DAY 10:06:00" wang verify
	hub_at "$DAY 11:00:00" schema publish "$W/v3"
	at "$DAY 11:05:00" wang sync
	at "$DAY 11:06:00" wang verify
	at "$DAY 12:00:00" li sync
	[ "$(field "$DAY 12:01:00" li contact C-0001 asks)" = '"样品"' ]
	[ "$(field "$DAY 12:01:00" li contact C-0001 prof_title)" = '"正高"' ]
	hub_at "$DAY 12:05:00" --json merge | jq -e '.changes == 1 and .rejected == 0 and .held == 0'
	for who in wang li; do at "$DAY 12:10:00" $who sync; done
	third_shape wang "$DAY 12:20:00"
	third_shape li "$DAY 12:20:00"
	hub_at "$DAY 12:30:00" verify --replay
	trees=$(records)
	hub_at "$DAY 12:31:00" rebuild
	hub_at "$DAY 12:32:00" verify --replay
	[ "$(records)" = "$trees" ]
	world_fsck
}

@test "the power fails while a version is published: the old one or the new one is in force, whole, and saying it again ends it" {
	local points n places
	enrol wang E0007
	two_versions
	at "$DAY 09:00:00" wang put org O-0101 opd_per_day:=5000 -m 走访
	at "$DAY 09:01:00" wang put contact C-0001 needs=样品 prof_title=主任医师 -m 拜访
	at "$DAY 09:02:00" wang sync
	hub_at "$DAY 09:03:00" merge
	hub_at "$DAY 10:00:00" schema publish "$W/v2"
	cp -a "$W" "$W.saved"
	when "$DAY 11:00:00" "$REPSYNC_BUILD/tests/killat" --log "$W.points" --within "$W" "$REPSYNC" -C "$HUB" hub schema publish "$W/v3"
	points=$(wc -l <"$W.points")
	[ "$points" -gt 20 ]
	places=6
	[ "${SWEEP:-}" != full ] || places=$points
	for n in $(seq 1 "$places"); do
		rm -rf "$W"
		cp -a "$W.saved" "$W"
		run when "$DAY 11:00:00" "$REPSYNC_BUILD/tests/killat" --at $((points * n / (places + 1) + 1)) --within "$W" \
			"$REPSYNC" -C "$HUB" hub schema publish "$W/v3"
		[ "$status" -eq 137 ]
		hub_at "$DAY 11:11:00" schema publish "$W/v3"
		hub_at "$DAY 11:12:00" merge
		[ "$(hub_at "$DAY 11:13:00" --json schema list | jq -c 'map([.version, .state])')" = '[[1,"past"],[2,"past"],[3,"in force"]]' ]
		at "$DAY 11:20:00" wang sync
		third_shape wang "$DAY 11:21:00"
		hub_at "$DAY 11:30:00" verify --replay
		world_fsck
	done
	rm -rf "$W".*
}
