# What the tests of faults share, beside world.bash: a world in memory, a clock that stands still so that a command repeated
# makes the same stamps, and what two ends are compared by.

ENTITIES='org contact affiliation product interaction task consent employee territory assignment _device _role _review'

# fault_world: $W and $HUB; in memory where there is some, since a sweep copies and kills many times
fault_world() {
	local base=${BATS_TEST_TMPDIR:-/tmp}
	[ ! -w /dev/shm ] || base=/dev/shm
	W=$(mktemp -d "$base/repsync-fault-XXXXXX")
	HUB=$W/hub
	[ -x "$REPSYNC" ] || { echo "REPSYNC is not set to the program" >&2; return 1; }
}

# when TIME CMD...: the clock stands at TIME
when() {
	local time=$1
	shift
	LD_PRELOAD=$FAKETIME_LIB FAKETIME=$time FAKETIME_DONT_FAKE_MONOTONIC=1 "$@"
}

# rows NAME: every business row of a replica, with stamps; from a copy, since sqlite3 needs room beside a database
rows() {
	local table copy
	copy=$(mktemp -d)
	cp "$W/$1"/replica.db* "$copy"
	for table in $ENTITIES; do
		echo "SELECT '$table', * FROM \"$table\" ORDER BY id;"
	done | sqlite3 -readonly -bail "$copy/replica.db"
	rm -rf "$copy"
}

# changes: (device, number) of every change set in central, and how many changes it has; a doubled one would be two lines
changes() {
	git -C "$HUB/central.git" archive main journal | tar -xO --wildcards '*.jsonl' |
		grep '^{.*"type":"change-set"}$' | jq -r '[.device, .seq, (.changes | length)] | join(" ")' | sort
}

# leftovers: what a killed run left lying and the next one should have taken away
leftovers() {
	find "$W" \( -name '*.lock' -o -name 'pack_git2_*' -o -name 'tmp_*' -o -name '*.tmp*' -o -name '*.new' \) \
		! -name hub.lock ! -name sync.lock ! -name repsync.lock | sed "s:^$W/::"
}

# without_triggers NAME WORD SQL: runs it while the triggers with this word are not there
without_triggers() {
	local name drop make
	make=$(sqlite3 -readonly "$W/$1/replica.db" "SELECT sql || ';' FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%$2%'")
	drop=$(sqlite3 -readonly "$W/$1/replica.db" \
		"SELECT 'DROP TRIGGER \"' || name || '\";' FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%$2%'")
	[ -n "$make" ]
	when "$DAY 10:00:00" sqlite3 -bail "$W/$1/replica.db" "BEGIN; $drop $3; $make COMMIT"
}

export_world() {
	export W HUB REPSYNC FAKETIME_LIB ENTITIES
	export -f when at hub_at records world_fsck field rows changes leftovers small fill read_only fails
}

# in_namespace FUNCTION ARG...: runs an exported function where mounts are its own; skips the test where that is not allowed
in_namespace() {
	local unshare=(unshare --mount)
	"${unshare[@]}" true 2>/dev/null || unshare=(unshare --mount --map-root-user)
	"${unshare[@]}" true 2>/dev/null || skip 'mount namespaces are not allowed here'
	"${unshare[@]}" bash -euc '"$@"' bash "$@"
}

# small DIR KIB: a folder, with what it holds, on a disk of its own
small() {
	cp -a "$1" "$1.was"
	mount -t tmpfs -o "size=$2k,mode=700" tmpfs "$1"
	cp -a "$1.was/." "$1"
	rm -rf "$1.was"
}

# fill DIR [KIB]: nothing is left on its disk but KIB
fill() {
	dd if=/dev/zero of="$1/filler" bs=4k status=none 2>/dev/null || true
	[ "${2:-0}" = 0 ] || truncate -s "-${2}K" "$1/filler"
}

# read_only DIR
read_only() {
	mount --bind "$1" "$1"
	mount -o remount,bind,ro "$1"
}

# fails STATUS PATTERN CMD...: it ends with this status (`*`: any but 0), by no signal, nothing on standard output, and says
# on standard error, in one or two lines, what matches
fails() {
	local want=$1 pattern=$2 out err status=0
	shift 2
	out=$("$@" 2>"$W/stderr") || status=$?
	err=$(cat "$W/stderr")
	rm -f "$W/stderr"
	if [ "$status" -eq 0 ] || [ "$status" -ge 126 ] || { [ "$want" != '*' ] && [ "$status" -ne "$want" ]; } ||
		[ -n "$out" ] || [ "$(wc -l <<<"$err")" -gt 2 ] || ! grep -qE "^repsync: cannot .*($pattern)" <<<"$err"; then
		echo "$*: exit $status, not $want with \"$pattern\": $out$err"
		return 1
	fi
}
