# Killed with SIGKILL at every state-changing system call of what a rep and the hub do every day. For each point: the same
# command again (and then a merge and a sync) ends in the same records, rows and change sets as a run that was not killed, no
# edit that was acknowledged is lost, none is doubled, every repository is sound, and nothing is left lying about.
load world
load fault

DAY=2026-03-16

setup_file() {
	fault_world
	export_world
	world_company
	enrol wang E0007
	enrol li E0012
	# Acknowledged before the kill, so it must be there after it, whatever dies.
	at "$DAY 09:00:00" wang put contact C-0003 best_time=周一上午 -m 电话确认
}

teardown_file() { rm -rf "$W" "$W".*; }
setup() { cp -a "$W" "$W.start"; }
teardown() {
	rm -rf "$W" "$W".saved*
	mv "$W.start" "$W"
}

sweep() { # sweep TIME [OPTION]... -- ARGUMENT...
	local time=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	# The sanitizers look at the same code at each point, four times slower.
	[[ "$REPSYNC_BUILD" != *san ]] || options+=(--every 5)
	run python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time "$time" "${options[@]}" -- "$REPSYNC" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	echo "# $output" >&3
}

# The laptops have the same end (`alone`: only the first one), and so has central.
everything() {
	set -e
	records
	changes
	leftovers
	rows wang
	[ "${1:-}" = alone ] || rows li
	world_fsck >&2
	"$REPSYNC" -C "$HUB" --quiet hub verify >&2
	"$REPSYNC" -C "$W/wang" --quiet verify >&2
}
export -f everything

# What the laptop alone has.
laptop() {
	set -e
	rows wang
	sqlite3 -readonly "$W/wang/replica.db" 'PRAGMA integrity_check; SELECT entity, id, op, stamp, reason FROM _pending ORDER BY n;
		SELECT seq, sealed, reason, changes FROM _journal ORDER BY seq'
	leftovers
	"$REPSYNC" -C "$W/wang" --quiet verify >&2
}
export -f laptop

# The third laptop has its rows, and central has its one device. (Its key is a new one with every try.)
registered() {
	set -e
	sqlite3 -readonly "$W/zhou/replica.db" "SELECT id, name, _partition FROM contact ORDER BY id; SELECT id, rep, state FROM _device ORDER BY id"
	git -C "$HUB/central.git" ls-tree -r --name-only main org/device | grep -c json
	leftovers
	world_fsck >&2
	"$REPSYNC" -C "$W/zhou" --quiet verify >&2
}
export -f registered

WORK="at '$DAY 20:00:00' wang sync && at '$DAY 20:00:00' li sync"
MERGE="hub_at '$DAY 20:05:00' merge"
PULL="at '$DAY 20:10:00' wang sync && at '$DAY 20:10:00' li sync"

@test "put: the edit is there whole or not at all, once, and what was acknowledged before stays" {
	local put=(-C "$W/wang" put contact C-0001 best_time=周三下午 phones+=13900002222 -m 门诊拜访后更新)
	sweep "$DAY 10:00:00" --recover "at '$DAY 10:00:00' wang put contact C-0001 best_time=周三下午 phones+=13900002222 -m 门诊拜访后更新" \
		--digest laptop -- "${put[@]}"
}

@test "the sweep notices an edit that a kill took away" {
	run python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time "$DAY 10:00:00" --digest laptop -- \
		"$REPSYNC" -C "$W/wang" put contact C-0001 best_time=周三下午
	[ "$status" -eq 1 ]
	[[ "$output" == *"killed at 1 of "*": another end:"*"-"*"周三下午"* ]]
}

@test "seal: pending edits become change sets once" {
	at "$DAY 10:00:00" wang put contact C-0001 best_time=周三下午 -m 门诊拜访后更新
	at "$DAY 10:01:00" wang put contact C-0001 phones+=13900002222 -m 门诊拜访后更新二
	sweep "$DAY 11:00:00" --recover "at '$DAY 11:00:00' wang commit -m 上午" --digest laptop -- -C "$W/wang" commit -m 上午
}

@test "push: what was edited is in the mailbox once" {
	at "$DAY 10:00:00" wang put contact C-0001 best_time=周三下午 -m 门诊拜访后更新
	sweep "$DAY 20:00:00" --thin 6 --recover "at '$DAY 20:00:00' wang sync" --recover "$MERGE" \
		--recover "at '$DAY 20:10:00' wang sync" --digest 'everything alone' -- -C "$W/wang" sync
}

two_at_work() {
	at "$DAY 10:00:00" wang put contact C-0001 best_time=周三下午 influence=国家级 phones+=13900002222 -m 门诊拜访后更新
	at "$DAY 10:30:00" li put contact C-0001 best_time=周四上午 name=陈建囯 -m 科室会上得知
	eval "$WORK"
}

@test "merge: collect, fold, commit, publish" {
	two_at_work
	sweep "$DAY 20:05:00" --thin 6 --every 2 --recover "$MERGE" --recover "$PULL" --digest everything -- -C "$HUB" hub merge --jobs 1
}

@test "apply: the old view or the new one, never a mix, with unsent edits on top" {
	two_at_work
	eval "$MERGE"
	at "$DAY 20:06:00" wang put contact C-0001 dept=心内一科 -m 更正
	sweep "$DAY 20:10:00" --thin 6 --recover "$PULL" --recover "hub_at '$DAY 20:15:00' merge" \
		--recover "at '$DAY 20:20:00' wang sync && at '$DAY 20:20:00' li sync" --digest everything -- -C "$W/wang" sync
}

@test "a child that is killed is an error of its parent, and nothing else" {
	two_at_work
	at "$DAY 20:01:00" wang put contact C-0001 dept=心内一科 -m 更正
	sweep "$DAY 20:02:00" --child --recover "at '$DAY 20:02:00' wang sync" --recover "$MERGE" --recover "$PULL" \
		--digest everything -- -C "$W/wang" sync
	# The hub's children only read.
	sweep "$DAY 20:05:00" --child --opens --every 4 --recover "$MERGE" --recover "$PULL" --digest everything -- -C "$HUB" hub merge --jobs 1
}

# A quota of one byte: with every merge it is time.
full_outbox() {
	two_at_work
	BOX=$(sqlite3 -readonly "$W/wang/replica.db" "SELECT value FROM _meta WHERE key = 'device'").git
	echo 1 >"$HUB/mailboxes/$BOX/repsync.quota"
}

@test "merge: an outbox is begun anew once, and nothing of it is lost" {
	full_outbox
	sweep "$DAY 20:05:00" --every 6 --about "$BOX" --recover "$MERGE" --recover "$PULL" --digest everything -- -C "$HUB" hub merge --jobs 1
}

@test "push: what was not sent goes into the outbox that was begun anew" {
	full_outbox
	eval "$MERGE"
	[ "$(git -C "$HUB/mailboxes/$BOX" log -1 --format=%s outbox)" = 'outbox 1' ]
	at "$DAY 20:06:00" wang put contact C-0001 dept=心内一科 -m 更正
	sweep "$DAY 20:10:00" --thin 6 --every 4 --recover "$PULL" --recover "hub_at '$DAY 20:15:00' merge" \
		--recover "at '$DAY 20:20:00' wang sync && at '$DAY 20:20:00' li sync" --digest everything -- -C "$W/wang" sync
}

@test "import: each line is taken once" {
	cat >"$W/more.csv" <<-'CSV'
		id,name,kind,org,dept,phones
		C-0001,陈建国,医务人员,O-0101,心内一科,13900001111
		C-0009,周涛,医务人员,O-0103,骨科,13900001119
	CSV
	# Two hundred points: a push, a merge and views, which the tests above sweep one by one.
	sweep "$DAY 12:00:00" --thin 6 --every 3 --recover "hub_at '$DAY 12:00:00' import contact '$W/more.csv'" \
		--recover "$PULL" --digest everything -- -C "$HUB" hub import contact "$W/more.csv"
}

@test "enroll and the first sync: one device, registered once" {
	hub_at "$DAY 12:00:00" enroll E0015 --out "$W/zhou.invitation"
	sweep "$DAY 12:05:00" --thin 6 --recover "when '$DAY 12:05:00' '$REPSYNC' enroll '$W/zhou.invitation' '$W/zhou'" \
		--recover "at '$DAY 12:06:00' zhou sync" --recover "hub_at '$DAY 12:07:00' merge" \
		--recover "at '$DAY 12:08:00' zhou sync" --digest registered -- enroll "$W/zhou.invitation" "$W/zhou"
	when "$DAY 12:05:00" "$REPSYNC" enroll "$W/zhou.invitation" "$W/zhou"
	sweep "$DAY 12:06:00" --thin 6 --recover "at '$DAY 12:06:00' zhou sync" --recover "hub_at '$DAY 12:07:00' merge" \
		--recover "at '$DAY 12:08:00' zhou sync" --digest registered -- -C "$W/zhou" sync
}
