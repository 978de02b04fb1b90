# What the tests of faults share, beside world.bash: a world in memory, a clock that stands still so that a command repeated
# makes the same stamps, and what two ends are compared by.

FAKETIME_LIB=$(ls /usr/lib/*/faketime/libfaketime.so.1 | head -n 1)
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

# rows NAME: every business row of a replica, with stamps
rows() {
	local table
	for table in $ENTITIES; do
		echo "SELECT '$table', * FROM \"$table\" ORDER BY id;"
	done | sqlite3 -readonly -bail "$W/$1/replica.db"
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

export_world() {
	export W HUB REPSYNC FAKETIME_LIB ENTITIES
	export -f when at hub_at records world_fsck field rows changes leftovers
}
