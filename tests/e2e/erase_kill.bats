# hub erase killed with SIGKILL: the same command again, or only the next merge, ends where a run ends that was not killed, with nothing of the
# person left anywhere.
load world
load fault

DAY=2026-05-11
CANARIES='刘敏 13900005555 13700001234 13700005678'

setup_file() {
	fault_world
	export_world
	export CANARIES BATS_TEST_DIRNAME
	world_company
	hub_at '2026-03-15 09:30:00' territory add JN-01 --partition O-0102
	enrol wang E0007
	at "$DAY 08:00:00" wang put contact C-0002 best_time=周三 -m '来电 13700001234'
	at "$DAY 08:01:00" wang new interaction --id V-0001 type=面对面 org=O-0102 contacts+=C-0002 \
		started_at=2026-05-10T01:00:00.000Z 'feedback=改打 13700005678' -m 拜访
	at "$DAY 08:02:00" wang new consent --id S-0001 contact=C-0002 purpose=拜访 decision=同意 -m 同意
	at "$DAY 09:00:00" wang sync
	hub_at "$DAY 09:05:00" merge
	at "$DAY 09:10:00" wang sync
}
teardown_file() { rm -rf "$W" "$W".*; }

clean() {
	set -e
	records
	changes
	leftovers
	rows wang
	world_fsck >&2
	ls "$HUB/erasing" 2>/dev/null || true
	"$REPSYNC" -C "$HUB" --quiet hub verify --replay >&2
	"$REPSYNC" -C "$W/wang" --quiet verify >&2
	# shellcheck disable=SC2086 # words
	python3 "$BATS_TEST_DIRNAME/canary.py" hub "$HUB" $CANARIES
	# shellcheck disable=SC2086
	python3 "$BATS_TEST_DIRNAME/canary.py" replica "$W/wang" $CANARIES
}
export -f clean

@test "erase: whole with the next command, wherever it was killed" {
	local erase="hub_at '$DAY 10:00:00' erase contact C-0002 --reason 请求 --yes"
	[[ "$REPSYNC_BUILD" != *san ]] || skip 'the same code, four times slower'
	run python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time "$DAY 10:00:00" --thin 40 --every 90 \
		--recover "$erase || [ \$? = 3 ]" --recover "hub_at '$DAY 10:00:00' merge" --recover "at '$DAY 10:10:00' wang sync" \
		--digest clean -- "$REPSYNC" -C "$HUB" hub erase contact C-0002 --reason 请求 --yes
	echo "$output"
	[ "$status" -eq 0 ]
	echo "# $output" >&3
}

# Lines that were verified before are null then, and the history of before is still that of main.
@test "erase: killed between its run and the rest, it is no damage to a verify that goes on from before" {
	local erase="hub_at '$DAY 10:00:00' erase contact C-0002 --reason 请求 --yes"
	[[ "$REPSYNC_BUILD" != *san ]] || skip 'the same code, four times slower'
	hub_at "$DAY 09:30:00" verify
	run python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time "$DAY 10:00:00" --about central.git/refs/heads/main \
		--recover '"$REPSYNC" -C "$HUB" --quiet hub verify' --recover "$erase || [ \$? = 3 ]" \
		--recover "hub_at '$DAY 10:00:00' merge" --recover "at '$DAY 10:10:00' wang sync" \
		--digest clean -- "$REPSYNC" -C "$HUB" hub erase contact C-0002 --reason 请求 --yes
	echo "$output"
	[ "$status" -eq 0 ]
	echo "# $output" >&3
}
