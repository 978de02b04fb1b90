# Damage and forgery: what was changed by a byte is found and named (exit 5), what does not verify is never merged or shown,
# and one laptop's bad mailbox stops nobody else.
load world
load fault

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	fault_world
	export_world
	export DAY
	world_company
	enrol wang E0007
	enrol li E0012
	at "$DAY 09:00:00" wang put contact C-0001 best_time=周三下午 -m 门诊拜访后更新
	at "$DAY 09:30:00" li put contact C-0003 best_time=周一上午 -m 电话确认
	at "$DAY 10:00:00" wang sync
	at "$DAY 10:00:00" li sync
	hub_at "$DAY 10:05:00" merge
	at "$DAY 10:10:00" wang sync
	at "$DAY 10:10:00" li sync
}

teardown_file() { rm -rf "$W" "$W".*; }
setup() { cp -a "$W" "$W.start"; }
teardown() {
	rm -rf "$W"
	mv "$W.start" "$W"
}

device() { sqlite3 -readonly "$W/$1/replica.db" "SELECT value FROM _meta WHERE key = 'device'"; }
mailbox() { echo "$HUB/mailboxes/$(device "$1").git"; }

# tamper REPOSITORY BRANCH PATH SED: by stock git, a commit on top in which the first file of this name is what sed makes of it
tamper() {
	local path blob tree commit
	export GIT_DIR=$1 GIT_INDEX_FILE=$W/index
	export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x
	git read-tree "$2"
	path=$(git ls-files | grep -m 1 "$3")
	blob=$(git cat-file blob "$2:$path" | sed "$4" | git hash-object -w --stdin)
	[ "$blob" != "$(git rev-parse "$2:$path")" ]
	git update-index --cacheinfo "100644,$blob,$path"
	tree=$(git write-tree)
	commit=$(git commit-tree "$tree" -p "$2" -m changed)
	git update-ref "refs/heads/$2" "$commit"
	unset GIT_DIR GIT_INDEX_FILE GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
	rm -f "$W/index"
	tampered=$path
}

# flip FILE AT: one bit of the byte there
flip() {
	python3 - "$1" "$2" <<-'PY'
		import sys
		with open(sys.argv[1], "r+b") as file:
		    file.seek(int(sys.argv[2]))
		    byte = file.read(1)[0]
		    file.seek(int(sys.argv[2]))
		    file.write(bytes([byte ^ 16]))
	PY
}

# finds PLACE CMD...: exit 5, and the first problem is at this place
finds() {
	local place=$1
	shift
	run --separate-stderr "$@"
	[ "$status" -eq 5 ] && jq -e --arg place "$place" '.ok == false and (.problems[0].where | contains($place))' <<<"$output" ||
		{ echo "$*: exit $status, not 5 with $place first: $(head -c 2000 <<<"$output$stderr")"; return 1; }
	[[ "$stderr" == *integrity* || "$stderr" == *"$place"* ]] || { echo "$stderr"; return 1; }
}
hub_finds() { finds "$1" "$REPSYNC" -C "$HUB" --json hub verify "${@:2}"; }

@test "one byte of a stored change set: hub verify names its file" {
	wang=$(device wang)
	for change in s/周三下午/周五下午/ s/contact/c0ntact/ '1s/"seq":1/"seq":2/' '2s/[A-Z]/a/'; do
		tamper "$HUB/central.git" main "^journal/../$wang/.*jsonl" "$change"
		hub_finds "$tampered"
		git -C "$HUB/central.git" update-ref refs/heads/main main^
	done
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}

@test "one byte of a record: hub verify names it, and a replay too when the working copy has believed it" {
	tamper "$HUB/central.git" main 'data/.*/C-0001.json' s/周三下午/周五下午/
	hub_finds "$tampered"
	hub_finds "$tampered" --replay
	"$REPSYNC" -C "$HUB" hub rebuild
	hub_finds "$tampered" --replay
	world_fsck
}

@test "a change set that was rewritten in history, not on top, is found as well" {
	local git="git -C $HUB/central.git" old tree
	tamper "$HUB/central.git" main "^journal/../$(device wang)/.*jsonl" s/周三下午/周五下午/
	tree=$($git rev-parse main^{tree})
	old=$($git rev-parse main^)
	$git update-ref refs/heads/main "$($git cat-file commit "$old" | sed "1s/.*/tree $tree/" | $git hash-object -t commit -w --stdin)"
	hub_finds "$tampered"
	# Nothing is merged on such a history: the working copy has to be made anew for it, and that finds the place too.
	fails 5 "$tampered" hub_at "$DAY 20:00:00" merge
	world_fsck
}

@test "a flipped byte anywhere in central's packs: hub verify exits 5, whatever it hits" {
	local file size at n=0 status
	for file in "$HUB"/central.git/objects/pack/*.pack; do
		chmod u+w "$file"
		size=$(stat -c %s "$file")
		for at in 3 11 $((size / 2)) $((size - 21)) $((size - 1)); do
			cp "$file" "$W/kept"
			flip "$file" "$at"
			status=0
			timeout 60 "$REPSYNC" -C "$HUB" hub verify >"$W/out" 2>&1 || status=$?
			[ "$status" -eq 5 ] || { echo "$file at $at: exit $status: $(cat "$W/out")"; return 1; }
			cp "$W/kept" "$file"
			n=$((n + 1))
		done
		[ "$n" -lt 40 ] || break
	done
	echo "# $n flips found" >&3
	"$REPSYNC" -C "$HUB" hub verify
	world_fsck
}

@test "a value changed in the hub's working copy is named; a rebuild repairs it" {
	sqlite3 "$HUB/work.db" "UPDATE contact SET best_time = '周五下午' WHERE id = 'C-0001'"
	hub_finds C-0001 --full
	"$REPSYNC" -C "$HUB" hub rebuild
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}

@test "a value changed in a replica behind the triggers is named; one changed in front of them is an edit" {
	sqlite3 "$W/wang/replica.db" "INSERT INTO _silent VALUES (1); UPDATE contact SET dept = '骨科' WHERE id = 'C-0003'; DELETE FROM _silent"
	finds contact/C-0003 "$REPSYNC" -C "$W/wang" --json verify
	sqlite3 "$W/wang/replica.db" "INSERT INTO _silent VALUES (1); UPDATE contact SET dept = '内科' WHERE id = 'C-0003'; DELETE FROM _silent"
	"$REPSYNC" -C "$W/wang" verify
	sqlite3 "$W/wang/replica.db" "UPDATE contact SET dept = '骨科' WHERE id = 'C-0003'"
	"$REPSYNC" -C "$W/wang" verify
	[ "$("$REPSYNC" -C "$W/wang" --json status | jq .pending)" = 1 ]
}

@test "a change set altered in the own journal is named, and is not sent" {
	at "$DAY 11:00:00" wang put contact C-0001 dept=骨科 -m 更正
	at "$DAY 11:00:00" wang commit -m 更正
	without_triggers wang append-only \
		"UPDATE _journal SET data = CAST(substr(data, 1, 40) || x'00' || substr(data, 42) AS BLOB) WHERE seq = 2"
	finds journal "$REPSYNC" -C "$W/wang" --json verify
	fails 5 'change set 2|journal' at "$DAY 20:00:00" wang sync
	hub_at "$DAY 20:05:00" --json merge | jq -e '.changesets == 0'
	world_fsck
}

# forge NAME CMD...: a new commit of the laptop's outbox, in which the segment 2-2 is what CMD makes of a right one
forge() {
	local who=$1
	shift
	at "$DAY 11:00:00" "$who" put contact C-0001 dept=骨科 -m 更正
	at "$DAY 11:00:00" "$who" sync
	"$@"
}

# A laptop sends packs; loose objects would be refused for themselves.
pack_up() {
	git -C "$(mailbox "$1")" repack -adq
	git -C "$(mailbox "$1")" prune --expire=now
}

# quarantined NAME CODE: the run says so, with this code, and exits 0, nothing of it is merged; li's work is; the hub stays sound
quarantined() {
	local summary
	pack_up "$1"
	at "$DAY 12:00:00" li put contact C-0003 best_time=周二上午 -m 电话确认二
	at "$DAY 12:00:00" li sync
	summary=$(hub_at "$DAY 12:05:00" --json merge)
	echo "$summary"
	jq -e --arg device "$(device "$1")" --arg code "$2" '.problems | any(.device == $device and .code == $code)' <<<"$summary"
	[ "$(changes | grep -c "^$(device "$1") ")" = 1 ]
	[ "$(changes | grep -c "^$(device li) ")" = 2 ]
	if jq -e '.quarantined == 1' <<<"$summary"; then
		hub_at "$DAY 12:06:00" status | grep "^$(device "$1") .*\[$2\]"
	fi
	at "$DAY 12:10:00" li sync
	[ "$(field "$DAY 12:11:00" li contact C-0003 best_time)" = '"周二上午"' ]
	[ "$(field "$DAY 12:11:00" li contact C-0001 dept)" = '"心内科"' ]
	# And a second run says it again, and merges it no more than the first.
	hub_at "$DAY 12:15:00" merge | tee "$W/said"
	grep "^$(device "$1") .*\[$2\]" "$W/said"
	grep -E '^change sets +0$' "$W/said"
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}

@test "a segment changed by a byte is quarantined" {
	forge wang tamper "$(mailbox wang)" outbox 2-2.jsonl s/骨科/儿科/
	quarantined wang changed
}

# replace NAME FILE: the newest segment of the outbox holds these bytes, in a commit of the form that a laptop writes
replace() {
	local git="git -C $(mailbox "$1")" path blob tree
	path=$($git ls-tree -r --name-only outbox | grep 2-2.jsonl)
	blob=$($git hash-object -w --stdin <"$2")
	export GIT_INDEX_FILE=$W/index
	$git read-tree outbox
	$git update-index --cacheinfo "100644,$blob,$path"
	tree=$($git write-tree)
	unset GIT_INDEX_FILE
	rm -f "$W/index"
	$git update-ref refs/heads/outbox "$($git cat-file commit outbox | sed "1s/.*/tree $tree/" | $git hash-object -t commit -w --stdin)"
}

forge_value() {
	git -C "$(mailbox wang)" cat-file blob "outbox:$(git -C "$(mailbox wang)" ls-tree -r --name-only outbox | grep 2-2.jsonl)" |
		sed s/骨科/儿科/ >"$W/segment"
	replace wang "$W/segment"
}

@test "a value that its signed line does not name is quarantined" {
	forge wang forge_value
	quarantined wang content
}

forge_foreign() {
	git -C "$(mailbox li)" cat-file blob "outbox:$(git -C "$(mailbox li)" ls-tree -r --name-only outbox | grep 1-1.jsonl)" >"$W/segment"
	replace wang "$W/segment"
}

@test "another laptop's change set is quarantined" {
	forge wang forge_foreign
	quarantined wang content
}

forge_again() {
	git -C "$(mailbox wang)" cat-file blob "outbox:$(git -C "$(mailbox wang)" ls-tree -r --name-only outbox | grep 1-1.jsonl)" >"$W/segment"
	replace wang "$W/segment"
}

@test "a change set of before in the place of another is merged no second time" {
	forge wang forge_again
	pack_up wang
	hub_at "$DAY 12:05:00" --json merge | jq -e '.changesets == 0'
	[ "$(changes | grep -c "^$(device wang) ")" = 1 ]
	at "$DAY 12:10:00" li sync
	[ "$(field "$DAY 12:11:00" li contact C-0001 dept)" = '"心内科"' ]
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}

forge_gap() {
	local git="git -C $(mailbox wang)" month blob tree
	at "$DAY 11:30:00" wang put contact C-0001 dept=外科 -m 更正
	at "$DAY 11:30:00" wang sync
	month=$($git ls-tree --name-only outbox | grep '^20')
	tree=$({
		$git ls-tree "outbox:$month" | grep -v 2-2.jsonl
	} | $git mktree)
	tree=$($git ls-tree outbox | sed "s/ tree [0-9a-f]*/ tree $tree/" | $git mktree)
	$git update-ref refs/heads/outbox "$($git cat-file commit outbox |
		sed "1s/.*/tree $tree/; 2s/.*/parent $($git rev-parse outbox~2)/" | $git hash-object -t commit -w --stdin)"
}

@test "a chain with a gap is quarantined" {
	forge wang forge_gap
	quarantined wang gap
}

@test "a mailbox with a flipped byte waits; the others do not; mended, its work is merged" {
	local box pack at n=1
	box=$(mailbox wang)
	at "$DAY 11:00:00" wang put contact C-0001 dept=骨科 -m 更正
	at "$DAY 11:00:00" wang sync
	pack=$(ls -t "$box"/objects/pack/*.pack | head -n 1)
	chmod u+w "$pack"
	for at in 3 14 $(($(stat -c %s "$pack") / 2)) $(($(stat -c %s "$pack") - 1)); do
		flip "$pack" "$at"
		n=$((n + 1))
		at "$DAY 12:0$n:00" li put contact C-0003 "best_time=周$n" -m 电话确认
		at "$DAY 12:0$n:00" li sync
		hub_at "$DAY 12:1$n:00" --json merge >"$W/summary" || [ $? -lt 126 ]
		at "$DAY 12:2$n:00" li sync
		[ "$(changes | grep -c "^$(device li) ")" = "$n" ]
		[ "$(changes | grep -c "^$(device wang) ")" = 1 ]
		flip "$pack" "$at"
	done
	hub_at "$DAY 13:00:00" merge
	at "$DAY 13:01:00" li sync
	[ "$(field "$DAY 13:02:00" li contact C-0001 dept)" = '"骨科"' ]
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}

# What neither the hub's reader nor a folder's laptop goes by, and git does: nothing stops, nothing dies by a signal.
@test "a flipped byte anywhere in a mailbox's HEAD and config, or a half of them: nobody hangs, and the next view mends it" {
	local box file at n=0 status
	box=$(mailbox wang)
	for file in HEAD config; do
		for at in 0 7 $(($(stat -c %s "$box/$file") / 2)) $(($(stat -c %s "$box/$file") - 2)) half; do
			cp "$box/$file" "$W/kept"
			if [ $at = half ]; then truncate -s $(($(stat -c %s "$W/kept") / 2)) "$box/$file"; else flip "$box/$file" $at; fi
			n=$((n + 1))
			at "$DAY 11:$((n + 10)):00" wang put contact C-0001 "dept=第$n科" -m 更正
			status=0
			timeout 60 "$REPSYNC" -C "$HUB" hub verify >"$W/out" 2>&1 || status=$?
			[ $file != config ] || [ $status = 5 ]
			[ $status -lt 120 ]
			when "$DAY 11:$((n + 10)):10" timeout 60 "$REPSYNC" -C "$W/wang" --quiet sync || [ $? -lt 120 ]
			when "$DAY 11:$((n + 10)):20" timeout 60 "$REPSYNC" -C "$HUB" --quiet hub merge || [ $? -lt 120 ]
			cp "$W/kept" "$box/$file"
		done
	done
	at "$DAY 12:00:00" wang sync
	hub_at "$DAY 12:01:00" merge
	[ "$(changes | grep -c "^$(device wang) ")" = $((n + 1)) ]
	"$REPSYNC" -C "$HUB" hub verify
	world_fsck
}

@test "a mailbox that is lost, with everything in it: made anew, and its laptop sends again what was not acknowledged" {
	local box
	box=$(mailbox wang)
	at "$DAY 11:00:00" wang put contact C-0001 dept=骨科 -m 更正
	at "$DAY 11:00:00" wang sync
	rm -rf "$box"
	hub_at "$DAY 11:05:00" merge
	at "$DAY 11:10:00" wang sync || at "$DAY 11:11:00" wang sync
	hub_at "$DAY 11:15:00" merge
	at "$DAY 11:20:00" wang sync
	[ "$(changes | grep -c "^$(device wang) ")" = 2 ]
	at "$DAY 11:25:00" li sync
	[ "$(field "$DAY 11:26:00" li contact C-0001 dept)" = '"骨科"' ]
	"$REPSYNC" -C "$W/wang" verify
	"$REPSYNC" -C "$HUB" hub verify
	world_fsck
}

@test "a reference that is empty or no id: the mailbox waits, the others do not" {
	local box ref text n=1
	box=$(mailbox wang)
	ref=$(cat "$box/refs/heads/outbox")
	for text in '' garbage; do
		printf %s "$text" >"$box/refs/heads/outbox"
		n=$((n + 1))
		fails '*' 'outbox|mailbox' at "$DAY 12:0$n:00" wang sync
		at "$DAY 12:0$n:00" li put contact C-0003 "best_time=周$n" -m 电话确认
		at "$DAY 12:0$n:00" li sync
		hub_at "$DAY 12:1$n:00" --json merge >"$W/summary" || [ $? -lt 126 ]
		[ "$(changes | grep -c "^$(device li) ")" = "$n" ]
	done
	echo "$ref" >"$box/refs/heads/outbox"
	at "$DAY 13:00:00" wang sync
	world_fsck
}

forge_name() {
	local git="git -C $(mailbox wang)" tree
	tree=$({
		$git ls-tree outbox
		printf '100644 blob %s\tnote.txt\n' "$(echo hello | $git hash-object -w --stdin)"
	} | $git mktree)
	$git update-ref refs/heads/outbox "$($git commit-tree "$tree" -p outbox -m x)"
}

@test "a file that no laptop writes is quarantined" {
	at "$DAY 11:00:00" wang sync
	GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x forge_name
	quarantined wang name
}

@test "a laptop's copy: whoever comes second sends nothing and is told; forced into the mailbox it is quarantined" {
	cp -a "$W/wang" "$W/copy"
	at "$DAY 11:00:00" wang put contact C-0001 dept=骨科 -m 更正
	at "$DAY 11:01:00" copy put contact C-0001 dept=儿科 -m 更正
	at "$DAY 11:05:00" wang sync
	before=$(git -C "$(mailbox wang)" rev-parse outbox)
	fails '*' 'restored from a backup, or copied' at "$DAY 11:06:00" copy sync
	[ "$(git -C "$(mailbox wang)" rev-parse outbox)" = "$before" ]
	hub_at "$DAY 11:10:00" merge
	fails '*' 'restored from a backup, or copied' at "$DAY 11:11:00" copy sync
	[ "$(field "$DAY 11:12:00" copy contact C-0001 dept)" = '"儿科"' ] # its work is still there
	at "$DAY 11:12:00" wang sync
	[ "$(field "$DAY 11:12:00" wang contact C-0001 dept)" = '"骨科"' ]

	# Who can write into the mailbox puts the copy's chain in the place of the other.
	git -C "$(mailbox wang)" update-ref refs/heads/outbox outbox^
	fails '*' 'restored from a backup, or copied' at "$DAY 11:20:00" copy sync
	[ "$(git -C "$(mailbox wang)" rev-parse outbox)" != "$before" ]
	hub_at "$DAY 11:25:00" --json merge | tee "$W/summary"
	jq -e --arg device "$(device wang)" '.problems | any(.device == $device)' "$W/summary"
	[ "$(changes | grep -c "^$(device wang) 2 ")" = 1 ]
	at "$DAY 11:30:00" li sync
	[ "$(field "$DAY 11:31:00" li contact C-0001 dept)" = '"骨科"' ]
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}

@test "a view from before is refused, and so is one that the hub did not sign; the rows stay" {
	local box new
	box=$(mailbox wang)
	at "$DAY 11:00:00" li put contact C-0001 dept=骨科 -m 更正
	at "$DAY 11:00:00" li sync
	hub_at "$DAY 11:05:00" merge
	at "$DAY 11:10:00" wang sync
	new=$(git -C "$box" rev-parse inbox)
	rows wang >"$W/before"

	git -C "$box" update-ref refs/heads/inbox inbox^
	fails 5 'view' at "$DAY 11:15:00" wang sync
	git -C "$box" update-ref refs/heads/inbox "$new"
	at "$DAY 11:16:00" wang sync

	for change in 's/"lease":"2026/"lease":"2036/' 's/"role":"rep"/"role":"manager"/' '2s/[A-Z]/a/'; do
		tamper "$box" inbox self.json "$change"
		fails 5 'signature|view' at "$DAY 11:20:00" wang sync
		git -C "$box" update-ref refs/heads/inbox "$new"
	done
	tamper "$box" inbox 'data/.*/C-0001.json' s/骨科/儿科/
	fails 5 'view|tree' at "$DAY 11:20:00" wang sync
	git -C "$box" update-ref refs/heads/inbox "$new"

	rows wang | diff - "$W/before"
	at "$DAY 11:30:00" wang sync
	"$REPSYNC" -C "$W/wang" verify
	world_fsck
}
