# Disks that are full or read-only, locks that nobody holds any more or that somebody does, files that are not what they
# should be: one clear error, an exit status that tells, nothing lost, and work goes on when the cause is gone.
load world
load fault

DAY=2026-03-16

setup_file() {
	fault_world
	export_world
	export DAY
	world_company
	enrol wang E0007
	enrol li E0012
	at "$DAY 09:00:00" wang put contact C-0003 best_time=周一上午 -m 电话确认
}

teardown_file() { rm -rf "$W" "$W".*; }
setup() { cp -a "$W" "$W.start"; }
teardown() {
	rm -rf "$W"
	mv "$W.start" "$W"
}

device() { basename "$(sqlite3 -readonly "$W/$1/replica.db" "SELECT value FROM _meta WHERE key = 'device'")"; }
mailbox() { echo "$HUB/mailboxes/$(device "$1").git"; }

# What was acknowledged is everywhere, once, and all is sound.
all_is_well() {
	local who
	at "$DAY 21:00:00" wang sync
	at "$DAY 21:00:00" li sync
	hub_at "$DAY 21:05:00" merge
	for who in wang li; do
		at "$DAY 21:10:00" $who sync
		[ "$(field "$DAY 21:20:00" $who contact C-0003 best_time)" = '"周一上午"' ]
		[ "$(sqlite3 -readonly "$W/$who/replica.db" 'SELECT count(*) FROM _pending')" = 0 ]
		"$REPSYNC" -C "$W/$who" verify
	done
	[ "$(changes | grep -c "^$(device wang) ")" = "$(sqlite3 -readonly "$W/wang/replica.db" 'SELECT count(*) FROM _journal')" ]
	[ "$(changes | cut -d' ' -f1,2 | uniq -d)" = '' ]
	[ "$(leftovers)" = '' ]
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}
export -f device mailbox all_is_well

FULL='full|[Nn]o space left'
export FULL

hub_full() {
	local free
	at "$DAY 20:00:00" wang sync
	small "$HUB" 4096
	for free in 0 4 16 64 128 256; do
		fill "$HUB" "$free"
		if hub_at "$DAY 20:05:00" --json merge >"$W/summary" 2>"$W/stderr"; then
			rm "$HUB/filler"
			break
		fi
		grep -E "^.*($FULL)" "$W/stderr"
		rm "$HUB/filler"
		git -C "$HUB/central.git" fsck --full --strict
	done
	[ "$free" != 0 ] # it did fail
	all_is_well
}
export -f hub_full

@test "the hub's disk is full: merge says so, and the next one does the work" {
	in_namespace hub_full
}

replica_full() {
	small "$W/wang" 2048
	fill "$W/wang"
	before=$(rows wang)
	fails '*' "$FULL" at "$DAY 10:00:00" wang put contact C-0001 best_time=周三下午
	[ "$(rows wang)" = "$before" ]
	fails '*' "$FULL" at "$DAY 10:00:00" wang commit -m 上午
	fails '*' "$FULL" at "$DAY 10:00:00" wang sync
	at "$DAY 10:00:00" wang get contact C-0001 # what only reads goes on
	rm "$W/wang/filler"
	at "$DAY 10:00:00" wang put contact C-0001 best_time=周三下午
	at "$DAY 10:05:00" wang sync
	hub_at "$DAY 10:10:00" merge
	# Now a view waits that does not fit.
	fill "$W/wang"
	before=$(rows wang)
	fails '*' "$FULL" at "$DAY 10:15:00" wang sync
	[ "$(rows wang)" = "$before" ]
	rm "$W/wang/filler"
	all_is_well
}
export -f replica_full

@test "the laptop's disk is full: put, commit and sync say so, nothing changes, and then they work" {
	in_namespace replica_full
}

mailbox_full() {
	local box
	box=$(mailbox wang)
	small "$box" 512
	fill "$box"
	fails '*' "$FULL" at "$DAY 20:00:00" wang sync
	at "$DAY 20:00:00" wang --json status | jq -e '.unsent == 1'
	# The hub's run goes on for the others.
	at "$DAY 20:01:00" li put contact C-0001 best_time=周四上午
	at "$DAY 20:01:00" li sync
	fails 1 "$FULL" hub_at "$DAY 20:02:00" merge # but only because of this one
	at "$DAY 20:03:00" li sync
	at "$DAY 20:03:00" li --json status | jq -e '.unacknowledged == 0'
	rm "$box/filler"
	all_is_well
}
export -f mailbox_full

@test "a mailbox's disk is full: its laptop waits, the others do not" {
	in_namespace mailbox_full
}

memory_full() {
	mount --bind "$W" "$BATS_TEST_TMPDIR"
	mount -t tmpfs -o size=16k tmpfs /dev/shm
	mkdir -p "$W"
	mount --bind "$BATS_TEST_TMPDIR" "$W"
	fails '*' "$FULL" at "$DAY 20:00:00" wang sync
	umount "$W" /dev/shm
	all_is_well
}
export -f memory_full

@test "the folder in memory is full: sync says so" {
	[[ "$W" == /dev/shm/* ]] || skip 'there is no /dev/shm here'
	in_namespace memory_full
}

@test "a stale lock of a reference is taken away by the next run" {
	: >"$HUB/central.git/refs/heads/main.lock"
	: >"$(mailbox wang)/refs/heads/outbox.lock"
	: >"$(mailbox wang)/refs/heads/inbox.lock"
	: >"$HUB/mailboxes/hub00000.git/refs/heads/outbox.lock"
	: >"$HUB/central.git/packed-refs.lock"
	: >"$HUB/central.git/objects/pack/pack_git2_0123456789abcdef"
	: >"$(mailbox wang)/objects/pack/pack_git2_0123456789abcdef"
	at "$DAY 20:00:00" wang sync
	sed -i s/心内科/心内一科/ "$W/contact.csv"
	hub_at "$DAY 20:05:00" import contact "$W/contact.csv"
	all_is_well
}

mailbox_read_only() {
	local box
	box=$(mailbox wang)
	read_only "$box"
	fails '*' '[Rr]ead-only' at "$DAY 20:00:00" wang sync
	at "$DAY 20:00:00" wang --json status | jq -e '.unsent == 1'
	at "$DAY 20:01:00" li put contact C-0001 best_time=周四上午
	at "$DAY 20:01:00" li sync
	fails 1 '[Rr]ead-only' hub_at "$DAY 20:02:00" merge # but only because of this one
	at "$DAY 20:03:00" li sync
	at "$DAY 20:03:00" li --json status | jq -e '.unacknowledged == 0'
	umount "$box"
	all_is_well
}
export -f mailbox_read_only

@test "a read-only mailbox: its laptop waits, the others do not" {
	in_namespace mailbox_read_only
}

readers() {
	local command
	at "$DAY 20:00:00" wang sync
	hub_at "$DAY 20:05:00" merge
	at "$DAY 20:10:00" wang sync
	read_only "$HUB"
	read_only "$W/wang"
	for command in status 'audit --entity contact --id C-0003' 'show contact C-0003' 'blame contact C-0003' \
		'history contact C-0003' inbox 'rep list' 'territory list' 'export contact --json' verify 'verify --replay'; do
		hub_at "$DAY 20:15:00" $command >"$W/out"
		[ -s "$W/out" ]
	done
	for command in status 'get contact C-0003' 'list contact' 'find 吴静' 'history contact C-0003' log 'show 1' inbox verify; do
		at "$DAY 20:15:00" wang $command
	done
	at "$DAY 20:15:00" wang sql 'SELECT count(*) FROM contact'
	fails 1 '[Rr]ead-only|readonly' hub_at "$DAY 20:15:00" merge
	fails 1 '[Rr]ead-only|readonly' at "$DAY 20:15:00" wang put contact C-0003 best_time=周二上午
	fails 1 '[Rr]ead-only|readonly' at "$DAY 20:15:00" wang sync
	umount "$HUB" "$W/wang"
	all_is_well
}
export -f readers

@test "what only reads works on a read-only mount, what writes says why it cannot" {
	in_namespace readers
}

@test "one run at a time: who comes second is told at once" {
	flock "$HUB/hub.lock" sleep 30 3>&- &
	holder=$!
	until ! flock -n "$HUB/hub.lock" true; do :; done
	fails 1 'another|busy|in use' hub_at "$DAY 20:00:00" merge
	fails 1 'another|busy|in use' hub_at "$DAY 20:00:00" import contact "$W/contact.csv"
	hub_at "$DAY 20:00:00" status
	pkill -P "$holder" || true
	kill "$holder" 2>/dev/null || true
	wait "$holder" || true

	flock "$W/wang/sync.lock" sleep 30 3>&- &
	holder=$!
	until ! flock -n "$W/wang/sync.lock" true; do :; done
	fails 1 'another|busy|in use' at "$DAY 20:00:00" wang sync
	at "$DAY 20:00:00" wang put contact C-0001 dept=心内一科 # editing goes on
	pkill -P "$holder" || true
	kill "$holder" 2>/dev/null || true
	wait "$holder" || true
	all_is_well
}

@test "an invitation that is missing, cut, changed or too old is refused, and makes no replica" {
	hub_at "$DAY 12:00:00" enroll E0015 --out "$W/zhou.invitation"
	fails 1 'No such file' when "$DAY 12:00:00" "$REPSYNC" enroll "$W/nosuch" "$W/zhou"
	head -c 100 "$W/zhou.invitation" >"$W/cut"
	fails '*' 'invitation' when "$DAY 12:00:00" "$REPSYNC" enroll "$W/cut" "$W/zhou"
	head -c 4096 /dev/urandom >"$W/garbage"
	fails '*' 'invitation' when "$DAY 12:00:00" "$REPSYNC" enroll "$W/garbage" "$W/zhou"
	: >"$W/empty"
	fails '*' 'invitation' when "$DAY 12:00:00" "$REPSYNC" enroll "$W/empty" "$W/zhou"
	fails '*' 'expired' when '2026-05-01 12:00:00' "$REPSYNC" enroll "$W/zhou.invitation" "$W/zhou"
	fails 1 'regular file' when "$DAY 12:00:00" "$REPSYNC" enroll "$W" "$W/zhou"
	[ ! -e "$W/zhou" ]

	# Another secret: the laptop cannot know, the hub does.
	jq -c '.secret = ("0" * 64)' "$W/zhou.invitation" >"$W/wrong.invitation" || skip
	chmod 600 "$W/wrong.invitation"
	when "$DAY 12:00:00" "$REPSYNC" enroll "$W/wrong.invitation" "$W/wrong"
	at "$DAY 12:01:00" wrong sync
	hub_at "$DAY 12:02:00" --json merge | tee "$W/summary"
	hub_at "$DAY 12:02:00" --json status | tee "$W/status"
	at "$DAY 12:03:00" wrong sync
	[ "$(sqlite3 -readonly "$W/wrong/replica.db" "SELECT count(*) FROM sqlite_schema WHERE name = 'contact'")" = 0 ]
	all_is_well
}

@test "a replica that others may read, or that is none, is refused" {
	chmod 644 "$W/wang/replica.db"
	fails 3 'others may read' at "$DAY 20:00:00" wang get contact C-0001
	fails 3 'others may read' at "$DAY 20:00:00" wang put contact C-0001 best_time=周三下午
	fails 3 'others may read' at "$DAY 20:00:00" wang sync
	chmod 600 "$W/wang/replica.db"

	mkdir -m 700 "$W/none" "$W/none/a" "$W/none/b" "$W/none/c"
	fails 1 'no replica' "$REPSYNC" -C "$W/none" get contact C-0001
	head -c 8192 /dev/urandom >"$W/none/a/replica.db"
	mkdir "$W/none/b/replica.db"
	mkfifo "$W/none/c/replica.db"
	chmod 600 "$W/none"/*/replica.db
	fails '*' 'not a database|no replica' timeout 10 "$REPSYNC" -C "$W/none/a" get contact C-0001
	fails '*' 'regular file|others' timeout 10 "$REPSYNC" -C "$W/none/b" get contact C-0001
	fails '*' 'regular file' timeout 10 "$REPSYNC" -C "$W/none/c" get contact C-0001
	all_is_well
}
