# Hostile pushes: refused with their code, and the mailbox still works.
load transports
load hostile

setup_file() {
	transport_world ssh
	on_laptop wang put contact C-0001 best_time=周三下午 -m 拜访
	on_laptop wang sync
	company hub merge
	rm -rf "$W.start"
	cp -a "$W" "$W.start"
}
teardown_file() { transport_end; }
setup() {
	world_back
	hostile_as wang
	FILE=$(echo x | blob)
	MONTH=$(date -u +%Y-%m)
}

still_works() {
	on_laptop wang put contact C-0001 best_time=周五上午 -m 之后
	all_arrived
	[ "$(find "$HUB/mailboxes" -name 'tmp_*' | wc -l)" = 0 ]
}

@test "hostile: links, programs and odd modes" {
	refused '\[tree\]' "$(commit "$(with "120000 blob $FILE\tlink")")"
	refused '\[tree\]' "$(commit "$(with "160000 commit $TIP\tmodule")")"
	refused '\[tree\]' "$(commit "$(with "100755 blob $FILE\tprogram")")"
	refused '\[tree\]|unpack' "$(commit "$(raw_tree "100777:x:$FILE")")"
	still_works
}

@test "hostile: names that are none" {
	local long
	long=$(printf 'a%.0s' $(seq 5000))
	for name in 'a\\nb' 'a\\x1b[2J' '\\xff\\xfe' "$long" 'a b'; do
		refused '\[tree\]|\[name\]' "$(commit "$(raw_tree "100644:$name:$FILE")")"
	done
	for name in .. . .git a/b .GIT; do
		refused '\[tree\]|unpack' "$(commit "$(raw_tree "100644:$name:$FILE")")"
	done
	refused '\[tree\]|unpack' "$(commit "$(raw_tree "100644:a:$FILE" "100644:a:$FILE")")"
	refused '\[name\]' "$(commit "$(with "100644 blob $FILE\tzz.json")")"
	still_works
}

@test "hostile: trees that have no bottom" {
	local tree i
	tree=$(raw_tree "100644:x:$FILE")
	for i in $(seq 300); do tree=$(raw_tree "40000:d:$tree"); done
	refused '\[folder\]' "$(commit "$(with "040000 tree $tree\tzz")")"
	refused '\[folder\]|\[name\]' "$(commit "$(with "040000 tree $(raw_tree "40000:d:$(raw_tree "100644:x:$FILE")")\t2031-01")")"
	refused '\[empty\]' "$(commit "$(with "040000 tree $(printf '' | evil mktree)\t2031-01")")"
	still_works
}

@test "hostile: what was there is changed, removed, rewound or deleted" {
	local root tree
	root=$(evil rev-list --max-parents=0 "$TIP")
	tree=$(evil ls-tree "$TIP" | sed "s/[0-9a-f]\{40\}\tenrol.json/$FILE\tenrol.json/" | evil mktree)
	refused '\[changed\]' "$(commit "$tree")"
	tree=$(evil ls-tree "$TIP" | grep -v enrol.json | evil mktree)
	refused '\[removed\]' "$(commit "$tree")"
	refused '\[empty\]' "$(commit "$TIP^{tree}")"
	refused '\[rewind\]' "+$root"
	refused '\[delete\]' ''
	still_works
}

@test "hostile: another ref, two refs, a merge, too much in one commit" {
	local one two
	one=$(commit "$(with "040000 tree $(raw_tree "100644:90-90.jsonl:$FILE")\t2031-01")")
	refused '\[ref\]' "$(commit "$TIP^{tree}" "$(evil rev-parse inbox)")" refs/heads/inbox
	refused '\[ref\]' "$one" refs/heads/other
	refused '\[ref\]' "$one" refs/tags/v1
	run evil push --atomic "$MY_URL" "$one:refs/heads/outbox" "$one:refs/heads/other"
	[ "$status" -ne 0 ]
	[[ "$output" == *'[ref]'* ]]
	unchanged
	two=$(evil commit-tree "$TIP^{tree}" -p "$TIP" -p "$one" -m x)
	refused '\[merge\]' "$two"
	two=$(raw_tree "100644:90-90.jsonl:$FILE" "100644:91-91.jsonl:$FILE")
	refused '\[set\]' "$(commit "$(with "040000 tree $two\t2031-01")")"
	two=$(raw_tree "100644:90-90.receipt.json:$FILE")
	refused '\[set\]' "$(commit "$(with "040000 tree $two\t2031-01")")"
	still_works
}

@test "hostile: bombs of zlib and of deltas, torn packs, and a mailbox that is full" {
	local big command
	big=$(head -c 100000000 /dev/zero | blob)
	refused '\[size\]' "$(commit "$(with "040000 tree $(raw_tree "100644:90-90.jsonl:$big")\t2031-01")")"
	command=(ssh -i "$W/key" -o UserKnownHostsFile="$W/known_hosts" -o IdentitiesOnly=yes -o BatchMode=yes -p "$PORT"
		"$(id -un)@127.0.0.1" "git-receive-pack 'x'")
	for kind in bomb torn none empty; do
		run "$ROOT/tests/tools/badpush.py" $kind "$TIP" "$FILE" refs/heads/outbox -- "${command[@]}"
		[ "$status" -ne 0 ]
		[[ "$output" == *'ng refs/heads/outbox'* ]]
		unchanged
	done
	echo 1 >"$HUB/mailboxes/$ME.git/repsync.quota"
	refused '\[full\]' "$(commit "$(with "040000 tree $(raw_tree "100644:90-90.jsonl:$FILE")\t2031-01")")"
	on_laptop wang put contact C-0001 best_time=周六 -m 满了
	run on_laptop wang sync --tries 1
	[ "$status" -eq 4 ]
	[[ "$output" == *'[full]'* ]]
	rm "$HUB/mailboxes/$ME.git/repsync.quota"
	still_works
}

# processes_at FOLDER: the ids of those that work in it
processes_at() {
	local each
	for each in /proc/[0-9]*; do
		[ "$(readlink "$each/cwd" 2>/dev/null)" != "$1" ] || echo "${each#/proc/}"
	done
}

# writes_at FOLDER: does one of these have more than 100 KB of a pack that comes in? (What is left of an earlier one may lie there too.)
writes_at() {
	local pid
	for pid in $(processes_at "$1"); do
		[ -z "$(find "/proc/$pid/fd" -lname "*/tmp_pack_*" -exec find -L {} -size +100k \; 2>/dev/null)" ] || return 0
	done
	return 1
}

@test "hostile: pushes that are broken off leave nothing that fills the disk" {
	local box=$HUB/mailboxes/$ME.git big i push pids used
	big=$(head -c 8000000 /dev/urandom | blob)
	big=$(commit "$(with "040000 tree $(raw_tree "100644:90-90.jsonl:$big")\t2031-01")")
	used=$(du -sk "$box" | cut -f1)
	printf '#!/bin/sh\n{ head -c 5000000; exec sleep 60; } | %s "$@"\n' "$GIT_SSH_COMMAND" >"$W/dead" # a line that goes dead
	chmod 700 "$W/dead"
	for i in 1 2 3; do
		env -u GIT_SSH_COMMAND GIT_SSH="$W/dead" GIT_SSH_VARIANT=ssh setsid git -C "$W/evil" push -q "$MY_URL" "$big:refs/heads/outbox" 3>&- 2>"$W/said" &
		push=$!
		while kill -0 $push && ! writes_at "$box"; do sleep 0.05; done
		# The server's own processes die in the middle, all at once: nobody is left there who sees another die and tidies up.
		pids=$(processes_at "$box")
		kill -STOP $pids
		kill -9 $pids
		kill -- -$push
		wait $push || true
	done
	unchanged
	[ "$(du -sk "$box" | cut -f1)" -gt $((used + 100)) ] # so there was something to tidy up
	still_works
	[ "$(du -sk "$box" | cut -f1)" -lt $((used + 100)) ]
}

@test "hostile: what the hub refuses tells nothing of a record that the rep may not see" {
	sqlite3 "$W/wang/replica.db" "INSERT INTO contact(id, name, kind, org, _partition) VALUES ('C-0003', '谁在这里', '医务人员', 'O-0101', 'O-0101')" ||
		on_laptop wang sql --write "INSERT INTO contact(id, name, kind, org) VALUES ('C-0003', '谁在这里', '医务人员', 'O-0101')"
	on_laptop wang sync
	"$REPSYNC" -C "$HUB" --json hub merge | jq -e '.changes == 1 and .applied == 0'
	on_laptop wang sync
	git -C "$(mailbox wang)" archive inbox | tar -xO >"$W/told"
	grep -q "\"merged_seq\":2" "$W/told"
	! grep -qE '周涛|13900001113|骨科|O-0103' "$W/told"
	[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0003 | jq -r .fields.name)" = 周涛 ]
	still_works
}

# next NUMBER FILE: pushes it as the segment of that number
next() {
	local tree old
	old=$(evil rev-parse "$TIP:$MONTH")
	tree=$({ evil ls-tree "$old"; printf '100644 blob %s\t%s-%s.jsonl\n' "$(blob <"$2")" "$1" "$1"; } | evil mktree)
	tree=$(evil ls-tree "$TIP" | sed "s/$old/$tree/" | evil mktree)
	evil push -q "$MY_URL" "$(commit "$tree"):refs/heads/outbox"
}

# What only the hub can judge: quarantined with its code, this device alone is held up.
quarantined() { # CODE
	on_laptop zhou put contact C-0003 best_time=周一 -m 其他人照常
	on_laptop zhou sync
	"$REPSYNC" -C "$HUB" --json hub merge >"$W/summary"
	jq -e --arg code "$1" --arg device "$ME" '.applied >= 1 and any(.problems[]; .device == $device and .code == $code)' "$W/summary"
	on_laptop zhou sync
	[ "$(json_of zhou status | jq .unacknowledged)" = 0 ]
	"$REPSYNC" -C "$HUB" hub verify
}

segment() { evil show "$TIP:$MONTH/1-1.jsonl"; }

@test "hostile: a replay of what was merged changes nothing" {
	segment >"$W/s"
	next 2 "$W/s"
	"$REPSYNC" -C "$HUB" --json hub merge | jq -e '.changesets == 0'
	"$REPSYNC" -C "$HUB" hub verify
}

@test "hostile: another's change set in one's own mailbox" {
	on_laptop li put contact C-0001 dept=心内一科 -m 李
	on_laptop li sync
	git -C "$(mailbox li)" show "outbox:$MONTH/1-1.jsonl" >"$W/s"
	next 2 "$W/s"
	quarantined content
}

@test "hostile: a forged author" {
	segment | sed "s/\"rep\":\"E0007\"/\"rep\":\"E0003\"/; s/\"seq\":1,/\"seq\":2,/" >"$W/s"
	next 2 "$W/s"
	quarantined content
}

# None of it is signed, so that none reaches the parser: tests/unit/test_changeset.c signs what is malformed.
@test "hostile: bytes that are no change set" {
	while IFS= read -r line; do
		world_back
		hostile_as wang
		printf '%b\n' "$line" >"$W/s"
		next 2 "$W/s"
		"$REPSYNC" -C "$HUB" --json hub merge >"$W/summary"
		jq -e --arg device "$ME" 'any(.problems[]; .device == $device and .code == "content")' "$W/summary" || { echo "$line"; return 1; }
	done <<-'LINES'
		[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]
		{"seq":2,"seq":2}
		{"a":"\\xff"}
		{"a":"\\x00"}
		{"a":"\\xe2\\x80\\xae"}
		{"a":1.5}
		{"a":123456789012345678901234567890}
		{"a":"\\\\ud800"}
	LINES
	world_back
	hostile_as wang
	head -c 3000000 /dev/zero | tr '\0' a >"$W/s"
	next 2 "$W/s"
	quarantined content
}

@test "hostile: a server that sets an outbox back to where it was begun anew" {
	local box root
	box=$(mailbox wang)
	on_laptop wang put contact C-0001 best_time=周四 -m 拜访
	on_laptop wang sync
	echo 1 >"$box/repsync.quota"
	company hub merge
	root=$(git -C "$box" rev-parse outbox)
	[ "$(git -C "$box" log -1 --format=%s outbox)" = 'outbox 1' ]
	rm "$box/repsync.quota"
	on_laptop wang sync
	on_laptop wang put contact C-0001 best_time=周五 -m 拜访
	on_laptop wang sync
	company hub merge
	git -C "$box" update-ref refs/heads/outbox "$root"
	"$REPSYNC" -C "$HUB" --json hub merge >"$W/summary"
	jq -e --arg device "$ME" 'any(.problems[]; .device == $device and .code == "rewind")' "$W/summary"
	still_works # the laptop sends again what is missing
}

@test "hostile: a mailbox without its hooks and rules is told by verify and mended by the next view" {
	local box
	box=$(mailbox wang)
	git -C "$box" config receive.denyNonFastForwards false
	rm "$box/hooks/pre-receive"
	chmod 644 "$box/hooks/reference-transaction"
	run "$REPSYNC" -C "$HUB" hub verify
	[ "$status" -eq 5 ]
	[[ "$output" == *'config is not what it should be'* ]]
	on_laptop li put contact C-0001 dept=心内一科 -m 李
	on_laptop li sync
	company hub merge
	"$REPSYNC" -C "$HUB" hub verify
	[ -x "$box/hooks/pre-receive" ] && [ -x "$box/hooks/reference-transaction" ]
	[ "$(git -C "$box" config receive.denyNonFastForwards)" = true ]
	still_works
}

@test "hostile: a server whose words would move the cursor" {
	local keys=$HUB/serve/authorized_keys esc
	esc=$(printf '\033')
	printf '#!/bin/sh\nprintf "\\033[2J\\033]0;x\\007refused: \\033[31mnothing here\\n" >&2\nexit 1\n' >"$W/shell"
	chmod 755 "$W/shell"
	cp "$keys" "$W/keys"
	sed -E "s#command=\"[^\"]*\"#command=\"$W/shell\"#" "$W/keys" >"$keys"
	on_laptop wang put contact C-0001 best_time=周四 -m 拜访
	run on_laptop wang sync --tries 1
	cp "$W/keys" "$keys"
	[ "$status" -eq 3 ] || [ "$status" -eq 4 ]
	[[ "$output" != *"$esc"* ]] && [[ "$output" != *$'\a'* ]]
	still_works
}
