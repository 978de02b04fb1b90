# Statements kept elsewhere: history that the holder of the hub's own key made consistent anew does not fit them.
load world

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	export DAY
	world_of_two
	cp -a "$HUB" "$W/before"
	at "$DAY 09:10:00" wang put contact C-0001 phones+=13900002222 -m 门诊拜访后更新
	at "$DAY 09:30:00" li put contact C-0003 best_time=周一上午 -m 电话确认
	at "$DAY 20:05:00" li sync
	at "$DAY 20:05:10" wang sync
	hub_at "$DAY 20:06:00" merge
	"$REPSYNC" -C "$HUB" hub statement >"$W/kept.json"
	at "$DAY 21:00:00" wang put contact C-0001 best_time=周五 -m 电话
	at "$DAY 21:01:00" wang sync
	hub_at "$DAY 21:02:00" merge
	"$REPSYNC" -C "$HUB" hub statement >>"$W/kept.json"
}
teardown_file() { rm -rf "$W"; }

verify() { run --separate-stderr "$REPSYNC" -C "$1" --json hub verify "${@:2}"; }

@test "a statement is two lines to keep, JSON, or a page to sign" {
	[ "$(wc -l <"$W/kept.json")" = 4 ]
	local statement page
	statement=$("$REPSYNC" -C "$HUB" --json hub statement)
	[ "$(tail -n 2 "$W/kept.json" | head -n 1 | tr -d '\n' | sha256sum | cut -d' ' -f1)" = "$(jq -r .hash <<<"$statement")" ]
	page=$("$REPSYNC" -C "$HUB" hub statement --print)
	[[ "$page" == *朗峰医药* && "$page" == *signature* ]]
	[ "$(tr -d ' \n' <<<"$page" | grep -c "$(jq -r .hash <<<"$statement")")" = 1 ]
	LANG=zh_CN.UTF-8 LC_ALL= "$REPSYNC" -C "$HUB" hub statement --print | grep -q 签名
}

@test "history fits the statements that were kept, also after a rebuild and later runs" {
	verify "$HUB" --statements "$W/kept.json"
	[ "$status" -eq 0 ] && jq -e '.checked.kept == 2' <<<"$output"
	"$REPSYNC" -C "$HUB" hub rebuild
	verify "$HUB" --statements "$W/kept.json"
	[ "$status" -eq 0 ]
}

@test "a history that the holder of the hub's key made anew verifies by itself, and is found by a kept statement" {
	local forged=$W/forged
	cp -a "$W/before" "$forged"
	# One device's work never came, and everything else is merged again at the same times, with the same key.
	cp -a "$HUB/mailboxes/." "$forged/mailboxes/"
	rm -rf "$forged/mailboxes/$(sqlite3 -readonly "$W/li/replica.db" "SELECT value FROM _meta WHERE key = 'device'").git"
	cp -a "$W/before/mailboxes/." "$forged/mailboxes/"
	local wang
	wang=$(sqlite3 -readonly "$W/wang/replica.db" "SELECT value FROM _meta WHERE key = 'device'")
	rm -rf "$forged/mailboxes/$wang.git"
	cp -a "$HUB/mailboxes/$wang.git" "$forged/mailboxes/"
	when "$DAY 20:06:00" "$REPSYNC" -C "$forged" hub merge
	when "$DAY 21:02:00" "$REPSYNC" -C "$forged" hub rebuild
	verify "$forged" --replay
	[ "$status" -eq 0 ]
	verify "$forged" --statements "$W/kept.json"
	echo "$output"
	[ "$status" -eq 5 ]
	jq -e '.problems[0] | (.where | startswith("kept statement of run")) and (.who | contains("holder of the hub'"'"'s key"))' <<<"$output"
	run "$REPSYNC" -C "$forged" hub verify --statements "$W/kept.json"
	[[ "$output" == *"who could"* ]]
	rm -rf "$forged"
}

@test "a statement that was itself changed, or is none, is told apart from history that was" {
	sed '1s/"run":[0-9]*/"run":1/' "$W/kept.json" >"$W/changed.json"
	verify "$HUB" --statements "$W/changed.json"
	[ "$status" -eq 5 ]
	jq -e '.problems[0] | .where == "kept statement 1" and (.who | startswith("whoever kept the file"))' <<<"$output"
	head -c 100 "$W/kept.json" >"$W/half.json"
	verify "$HUB" --statements "$W/half.json"
	[ "$status" -eq 1 ]
	verify "$HUB" --statements "$W/none.json"
	[ "$status" -eq 1 ]
}

@test "every problem says what one must have had in hands to make it" {
	local broken=$W/broken
	cp -a "$HUB" "$broken"
	(
		export GIT_DIR=$broken/central.git GIT_INDEX_FILE=$W/index GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x
		git read-tree main
		path=$(git ls-files journal | grep jsonl | grep -v hub00000 | head -n 1)
		blob=$(git cat-file blob "main:$path" | sed 's/门诊/病房/;s/电话/手机/' | git hash-object -w --stdin)
		git update-index --cacheinfo "100644,$blob,$path"
		git update-ref refs/heads/main "$(git commit-tree "$(git write-tree)" -p main -m changed)"
	)
	verify "$broken"
	[ "$status" -eq 5 ]
	jq -e 'all(.problems[]; .who | length > 10) and (.problems[0].who | contains("nobody with the device'"'"'s key"))' <<<"$output"
	rm -rf "$broken"
}
