# US-15, of what can happen to a laptop: power cut off while 王磊's sync writes the database; 李娜's clock at 2031-01-01; somebody
# changes a row of a local journal with a tool; the company rebuilds everything from a backup of central.git; 周强 loses a laptop with 60
# people, of which the company last received change set 412.
load world
load fault

setup() {
	fault_world
	export_world
	world_company
	enrol wang E0007
	enrol li E0012
	enrol zhou E0015
}
teardown() { rm -rf "$W" "$W".*; }

DAY=2026-06-08

device() { sqlite3 -readonly "$W/$1/replica.db" "SELECT value FROM _meta WHERE key = 'device'"; }

settle() { # everybody twice
	local round
	for round in 1 2; do
		at "$DAY 22:${round}0:00" wang sync
		at "$DAY 22:${round}0:00" li sync
		at "$DAY 22:${round}0:00" zhou sync
		hub_at "$DAY 22:${round}5:00" merge
	done
}

@test "US-15: the power fails while sync writes: the database is sound, and everything arrives exactly once" {
	local i points n killed=0
	for i in $(seq 1 8); do
		at "$DAY 09:0$i:00" wang put contact C-0001 "needs=第${i}次拜访" -m "拜访$i"
		at "$DAY 09:0$i:30" wang commit -m "拜访$i"
	done
	cp -a "$W" "$W.saved"
	when "$DAY 20:00:00" "$REPSYNC_BUILD/tests/killat" --log "$W.points" --within "$W" "$REPSYNC" -C "$W/wang" sync
	points=$(wc -l <"$W.points")
	[ "$points" -gt 20 ]
	# At seven places over the whole length, the power fails; then the laptop is switched on again.
	for n in 1 2 3 4 5 6 7; do
		rm -rf "$W"
		cp -a "$W.saved" "$W"
		run when "$DAY 20:00:00" "$REPSYNC_BUILD/tests/killat" --at $((points * n / 8)) --within "$W" "$REPSYNC" -C "$W/wang" sync
		[ "$status" -eq 137 ]
		killed=$((killed + 1))
		[ "$(sqlite3 "$W/wang/replica.db" 'PRAGMA integrity_check')" = ok ]
		at "$DAY 20:10:00" wang verify
		[ "$(field "$DAY 20:10:00" wang contact C-0001 needs)" = '"第8次拜访"' ]
		at "$DAY 20:11:00" wang sync
		hub_at "$DAY 20:12:00" merge
		at "$DAY 20:13:00" wang sync
		# Each of the eight change sets once, and nothing waits.
		[ "$(changes | grep -c "^$(device wang) ")" = 8 ]
		[ "$(at "$DAY 20:14:00" wang --json status | jq '.unsent + .pending')" = 0 ]
		[ "$(hub_at "$DAY 20:14:00" --json audit --entity contact --id C-0001 --field needs | jq length)" = 8 ]
		"$REPSYNC" -C "$HUB" hub verify --replay
		world_fsck
	done
	[ "$killed" = 7 ]
}

@test "US-15: an edit of a clock at 2031 is held to its receipt and five minutes, flagged, and does not win for ever" {
	local row
	at '2031-01-01 09:00:00' li put contact C-0001 best_time=周四上午 -m 错钟
	at '2031-01-01 09:01:00' li sync
	hub_at "$DAY 20:05:00" --json merge | jq -e '.changesets == 1 and .rejected == 0'
	row=$(hub_at "$DAY 20:06:00" --json audit --entity contact --id C-0001 --field best_time | jq -c '.[-1]')
	echo "$row"
	# The effective time is that of the receipt, 20:05 in Shanghai, and five minutes.
	jq -e '.new == "周四上午" and .rep == "E0012" and (.flags | index("clock-ahead")) and .hub_time[0:16] == "2026-06-08T12:05"' <<<"$row"
	hub_at "$DAY 20:06:00" --json show contact C-0001 | tee "$W.shown"
	jq -e '.stamps.best_time[0:16] == "2026-06-08T12:10" and (.flags | index("clock-ahead"))' "$W.shown"
	# 王磊, whose clock is right, edits a quarter of an hour later without having seen it: his is the later one.
	at "$DAY 20:20:00" wang put contact C-0001 best_time=周五下午 -m 电话确认
	at "$DAY 20:21:00" wang sync
	hub_at "$DAY 20:22:00" merge
	hub_at "$DAY 20:23:00" --json show contact C-0001 | jq -e '.fields.best_time == "周五下午"'
	# No wrong time left 李娜's laptop.
	run git -C "$HUB/central.git" grep -l '"2031-' main -- data restricted
	[ "$status" -eq 1 ]
	settle
	[ "$(field "$DAY 22:30:00" wang contact C-0001 best_time)" = '"周五下午"' ]
	[ "$(field "$DAY 22:30:00" li contact C-0001 best_time)" = '"周五下午"' ]
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "US-15: a row of the local journal is changed with a tool: nothing of it is merged, others go on" {
	at "$DAY 09:00:00" wang put contact C-0001 dept=骨科 -m 更正
	at "$DAY 09:01:00" wang commit -m 更正
	at "$DAY 09:02:00" li put contact C-0001 best_time=周四上午 -m 电话确认
	# The journal's own triggers refuse it; who takes them away first, can.
	run sqlite3 "$W/wang/replica.db" "UPDATE _journal SET data = x'00' WHERE seq = 1"
	[ "$status" -ne 0 ]
	DAY=$DAY without_triggers wang append-only \
		"UPDATE _journal SET data = CAST(substr(data, 1, 40) || x'00' || substr(data, 42) AS BLOB) WHERE seq = 1"
	run at "$DAY 10:00:00" wang verify
	[ "$status" -eq 5 ]
	run at "$DAY 10:01:00" wang sync
	[ "$status" -eq 5 ]
	at "$DAY 10:02:00" li sync
	hub_at "$DAY 10:05:00" --json merge | jq -e '.changesets == 1'
	hub_at "$DAY 10:06:00" --json show contact C-0001 | jq -e '.fields.dept == "心内科" and .fields.best_time == "周四上午"'
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "US-15: a chain that breaks on its way is kept in quarantine and not merged" {
	local box path blob tree
	at "$DAY 09:00:00" wang put contact C-0001 dept=骨科 -m 更正
	at "$DAY 09:01:00" wang sync
	box=$HUB/mailboxes/$(device wang).git
	path=$(git -C "$box" ls-tree -r --name-only outbox | grep 1-1.jsonl)
	blob=$(git -C "$box" cat-file blob "outbox:$path" | sed s/骨科/儿科/ | git -C "$box" hash-object -w --stdin)
	export GIT_INDEX_FILE=$W.index
	git -C "$box" read-tree outbox
	git -C "$box" update-index --cacheinfo "100644,$blob,$path"
	tree=$(git -C "$box" write-tree)
	unset GIT_INDEX_FILE
	git -C "$box" update-ref refs/heads/outbox \
		"$(git -C "$box" cat-file commit outbox | sed "1s/.*/tree $tree/" | git -C "$box" hash-object -t commit -w --stdin)"
	git -C "$box" repack -adq
	hub_at "$DAY 10:05:00" --json merge | tee "$W.merge"
	jq -e --arg device "$(device wang)" '.changesets == 0 and .quarantined == 1 and any(.problems[]; .device == $device)' "$W.merge"
	hub_at "$DAY 10:06:00" --json show contact C-0001 | jq -e '.fields.dept == "心内科"'
	git -C "$HUB/central.git" ls-tree -r --name-only main quarantine | grep -q "$(device wang)"
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "US-15: from a backup of central.git alone the hub makes everything again" {
	local entity
	at "$DAY 09:00:00" wang put contact C-0001 best_time=周三下午 phones+=13900002222 -m 门诊拜访后更新
	at "$DAY 09:00:00" li put contact C-0001 best_time=周四上午 name=陈建囯 -m 科室会上得知
	settle
	git clone --quiet --mirror "$HUB/central.git" "$W.backup.git"
	dump() {
		for entity in org contact interaction employee territory assignment; do
			hub_at "$DAY 23:00:00" --json export "$entity" | jq -S .
		done
		hub_at "$DAY 23:00:00" --json audit --entity contact | jq -S .
		hub_at "$DAY 23:00:00" --json inbox | jq -S .
		records
	}
	dump >"$W.before"
	rm -rf "$HUB/central.git" "$HUB"/work.db*
	git clone --quiet --mirror "$W.backup.git" "$HUB/central.git"
	hub_at "$DAY 23:10:00" rebuild
	dump | diff "$W.before" -
	"$REPSYNC" -C "$HUB" hub verify --replay
	# And work goes on from there.
	at "$DAY 23:20:00" zhou put contact C-0002 best_time=周一下午 -m 电话
	at "$DAY 23:21:00" zhou sync
	hub_at "$DAY 23:22:00" --json merge | jq -e '.changesets == 1'
	world_fsck
}

@test "what was written past the triggers into a row with own edits becomes an edit with the reason found; elsewhere the view stands" {
	past() { sqlite3 -bail -cmd '.dbconfig enable_trigger off' "$W/wang/replica.db" "$1" >"$W.sqlite"; }
	at "$DAY 09:00:00" wang put contact C-0001 best_time=周三下午 -m 门诊
	at "$DAY 09:01:00" wang put contact C-0001 needs=样品 -m 门诊
	# Nobody records these: two fields of the row that was edited, one of them edited just now, and one of a row that was not.
	past "UPDATE contact SET dept = '骨科', best_time = '周日' WHERE id = 'C-0001'; UPDATE contact SET dept = '儿科' WHERE id = 'C-0003'"
	[ "$(at "$DAY 09:02:00" wang --json status | jq .pending)" = 2 ]
	at "$DAY 09:03:00" li put contact C-0001 title=主任 -m 更正
	at "$DAY 09:04:00" li sync
	hub_at "$DAY 09:05:00" merge
	run at "$DAY 09:05:30" wang verify
	[ "$status" -eq 5 ]
	[[ "$output" == *C-0003* ]]
	# The view that he gets makes the row anew.
	at "$DAY 09:06:00" wang sync
	[ "$(field "$DAY 09:07:00" wang contact C-0001 dept)" = '"骨科"' ]
	[ "$(field "$DAY 09:07:00" wang contact C-0001 best_time)" = '"周日"' ]
	[ "$(field "$DAY 09:07:00" wang contact C-0001 title)" = '"主任"' ]
	at "$DAY 09:08:00" wang sync
	hub_at "$DAY 09:09:00" merge
	settle
	hub_at "$DAY 23:00:00" --json audit --entity contact --id C-0001 |
		jq -e '[.[] | select(.reason == "found") | [.field, .old, .new, .outcome]] | sort
			== [["best_time", "周三下午", "周日", "applied"], ["dept", "心内科", "骨科", "applied"]]'
	hub_at "$DAY 23:00:10" --json show contact C-0001 | jq -e '.fields | .dept == "骨科" and .best_time == "周日" and .needs == "样品"'
	[ "$(hub_at "$DAY 23:00:20" --json show contact C-0003 | jq -r .fields.dept)" = 内科 ]
	# Once, and not again with every sync.
	[ "$(hub_at "$DAY 23:00:30" --json audit --entity contact --id C-0001 | jq '[.[] | select(.reason == "found")] | length')" = 2 ]
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "US-15: a laptop with 60 people is lost: revoked, replaced; what may be lost and who was on it is told" {
	local d i
	{
		echo id,name,kind,org,dept,phones
		for i in $(seq -w 59); do echo "C-1$i,病房医生$i,医务人员,O-0102,内科,1390001${i}00"; done
	} >"$W/more.csv"
	hub_at "$DAY 07:00:00" import contact "$W/more.csv"
	hub_at "$DAY 07:01:00" merge
	at "$DAY 07:02:00" zhou sync
	d=$(device zhou)
	# 412 change sets, each with a reason of its own; and one that stays on the laptop.
	when "$DAY 08:00:00" sqlite3 "$W/zhou/replica.db" "$(for i in $(seq 412); do echo "UPDATE contact SET best_time = '第 $i 次' WHERE id = 'C-0002';"; done)"
	sqlite3 "$W/zhou/replica.db" "UPDATE _pending SET reason = 'r' || n"
	at "$DAY 08:01:00" zhou sync
	hub_at "$DAY 08:02:00" --json merge | jq -e '.changesets == 412'
	at "$DAY 08:03:00" zhou put contact C-0002 dept=内科二 -m 更正

	# Revoked: what came is named, what may be lost too, and who was on it.
	hub_at "$DAY 20:00:00" device revoke "$d" -m 电脑遗失 | tee "$W/said"
	grep -q 'edits after change set 412 were not received' "$W/said"
	hub_at "$DAY 20:01:00" --json device list --rep E0015 | jq -e '.[0] | .seq == 412 and .state == "revoked" and .left == "ordered"'
	hub_at "$DAY 20:02:00" --json exposure "$d" | tee "$W/exposure" >/dev/null
	jq -e '[.records[] | select(.entity == "contact")] | length == 60' "$W/exposure"
	jq -e '[.fields[] | select(.entity == "contact" and .personal >= 1) | .field] | (index("phones") and index("name")) != null' "$W/exposure"
	# A new machine has the 60 again.
	hub_at "$DAY 20:10:00" enroll E0015 --out "$W/new.invitation"
	when "$DAY 20:11:00" "$REPSYNC" enroll "$W/new.invitation" "$W/new"
	at "$DAY 20:12:00" new sync
	hub_at "$DAY 20:13:00" merge
	at "$DAY 20:14:00" new sync
	[ "$(at "$DAY 20:15:00" new --json sql 'SELECT count(*) FROM contact' | jq '.rows[0][0]')" = 60 ]
	[ "$(field "$DAY 20:15:00" new contact C-0002 best_time)" = '"第 412 次"' ]
	# Should the lost one be found and switched on: its last edit is kept, and it is erased.
	run at "$DAY 21:00:00" zhou sync
	[ "$status" -eq 3 ]
	hub_at "$DAY 21:01:00" --json merge | jq -e '.quarantined == 1'
	"$REPSYNC" -C "$HUB" hub verify --replay
}
