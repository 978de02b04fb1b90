# The power goes at system calls of what a laptop and the hub do every day, and seconds after each was acknowledged: each of the two is
# a disk of its own, an ext4 whose image is copied as it is, without what was not written back. For each cut: both are sound as they
# come up, the next sync and merge end with 0, and both have every acknowledged edit, once. A few points unless SWEEP=full.
# Skipped where this user may not mount.
load world
load fault

DAY=2026-03-16

setup_file() {
	fault_world
	export_world
	export DAY
	world_company
	enrol wang E0007
	# Acknowledged before the cut, so it must be there after it.
	at "$DAY 09:00:00" wang put contact C-0003 best_time=周一上午 -m 电话确认
	at "$DAY 10:00:00" wang put contact C-0001 best_time=周三下午 phones+=13900002222 -m 门诊拜访后更新
}

teardown_file() { rm -rf "$W" "$W".*; }
setup() {
	if ! may_mount; then skip 'this user may not mount a loop device: no power is cut'; fi
	cp -a "$W" "$W.start"
}
teardown() {
	[ -d "$W.start" ] || return 0
	rm -rf "$W" "$W".saved* "$W.disks"
	mv "$W.start" "$W"
}

may_mount() {
	truncate -s 2M "$W.try"
	mkfs.ext4 -q "$W.try" 2>/dev/null && mkdir -p "$W.try.d" &&
		unshare --mount mount -o loop "$W.try" "$W.try.d" 2>/dev/null
}

# cut TIME [OPTION]... -- ARGUMENT...
cut() {
	local time=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	# Its mounts are gone with it, whatever becomes of it.
	run unshare --mount python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time "$time" --disk hub --disk wang "${options[@]}" \
		-- "$REPSYNC" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	echo "# $output" >&3
}

# As they come up, before anything has run.
sound() {
	set -e
	world_fsck
	"$REPSYNC" -C "$HUB" --quiet hub verify
	"$REPSYNC" -C "$W/wang" --quiet verify
}
everything() {
	set -e
	records
	changes
	leftovers
	rows wang
	sound >&2
}
export -f sound everything

WORK="at '$DAY 20:00:00' wang sync"
MERGE="hub_at '$DAY 20:05:00' merge"
PULL="at '$DAY 20:10:00' wang sync"
seconds() { [ "${SWEEP:-}" = full ] && echo 0,1,7,40 || echo 0,1; }

@test "sync: a power cut in a push loses no edit and doubles none" {
	cut "$DAY 20:00:00" --thin 6 --every 9 --recover sound --recover "$WORK" --recover "$MERGE" --recover "$PULL" \
		--digest everything -- -C "$W/wang" sync
}

@test "merge: a power cut loses nothing of what was collected, and verify knows a run that was cut" {
	eval "$WORK"
	cut "$DAY 20:05:00" --thin 6 --every 12 --recover sound --recover "$MERGE" --recover "$PULL" \
		--digest everything -- -C "$HUB" hub merge --jobs 1
}

@test "sync: a power cut in taking a view leaves the old one or the new one" {
	eval "$WORK"
	eval "$MERGE"
	at "$DAY 20:06:00" wang put contact C-0001 dept=心内一科 -m 更正
	cut "$DAY 20:10:00" --thin 6 --every 9 --recover sound --recover "$PULL" --recover "hub_at '$DAY 20:15:00' merge" \
		--recover "at '$DAY 20:20:00' wang sync" --digest everything -- -C "$W/wang" sync
}

@test "put, sync and merge: what was acknowledged is there, whenever the power goes after it" {
	at "$DAY 19:00:00" wang sync
	cut "$DAY 19:30:00" --after "$(seconds)" --recover sound --recover "$WORK" --recover "$MERGE" --recover "$PULL" \
		--digest everything -- -C "$W/wang" put contact C-0001 dept=心内一科 -m 更正
	# No laptop syncs again before the merge: what was sent is there.
	at "$DAY 19:30:00" wang put contact C-0001 dept=心内一科 -m 更正
	cut "$DAY 20:00:00" --after "$(seconds)" --recover sound --recover "$MERGE" --digest 'records; changes; sound >&2' -- -C "$W/wang" sync
	eval "$WORK"
	# Nobody merges again: what was merged is there.
	cut "$DAY 20:05:00" --after "$(seconds)" --recover sound --recover "$PULL" --digest everything -- -C "$HUB" hub merge --jobs 1
}

@test "such a cut takes what was not written back: the edit of a program that trusts the system is gone" {
	run unshare --mount python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time "$DAY 20:00:00" --disk hub --disk wang --after 0 \
		--digest "cat '$W/wang/note' 2>/dev/null || true" -- bash -c "echo 陈建国调到心内一科 >'$W/wang/note'"
	[ "$status" -eq 1 ]
	[[ "$output" == *"0 s after the end: another end:"*"-陈建国调到心内一科"* ]]
}
