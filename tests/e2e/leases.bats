# Leases: how long a laptop may show the company's data without word from the company. Encrypted replicas, clocks by libfaketime.
bats_require_minimum_version 1.5.0
load world
load sealed

setup_file() {
	# One company for all tests; each has its own copy of it.
	export REPLICAS=encrypted
	W=$BATS_FILE_TMPDIR/w HUB=$BATS_FILE_TMPDIR/w/hub
	mkdir "$W"
	sealed_environment
	world_company
	enrol_sealed wang E0007
}

setup() {
	faketime_sweep
	# The mailbox is named by its path.
	W=$BATS_FILE_TMPDIR/w HUB=$BATS_FILE_TMPDIR/w/hub
	[ -d "$W.start" ] || cp -a "$W" "$W.start"
	rm -rf "$W"
	cp -a "$W.start" "$W"
	sealed_environment
}

teardown() { sealed_end; }

days_left() { at "$1" wang "${p[@]}" --json status | jq .lease_days_left; }

no_canary() {
	run grep -raE '陈建国|心内科|1390000|周二上午|江南|SQLite|CREATE TABLE|PACK|OPENSSH|mailboxes' "$W/wang"
	[ "$status" -eq 1 ] || { echo "found: $output" | head -c 400; return 1; }
}

@test "a lease of 14 days: told, warned of from its half, and locked at its end by every command" {
	[ "$(days_left '2026-03-15 10:00:00')" = 13 ]
	[ "$(days_left '2026-03-20 12:00:00')" = 8 ]
	run --separate-stderr at '2026-03-21 12:00:00' wang "${p[@]}" status
	[ -z "$stderr" ]
	run --separate-stderr at '2026-03-23 12:00:00' wang "${p[@]}" status
	[ "$status" -eq 0 ]
	[[ "$stderr" == *'the lease ends on 2026-03-29 (5 days left)'* ]]
	at '2026-03-29 09:59:00' wang "${p[@]}" put contact C-0001 dept=心内二科 -m 更正
	local command
	for command in 'get contact C-0001' 'sql "SELECT 1"' status verify unlock "passwd --new-passphrase-file $W/pass" \
		'put contact C-0001 dept=x' 'commit -m x'; do
		eval "refused 3 'ended on 2026-03-29: it is locked' at '2026-03-29 10:01:00' wang \"\${p[@]}\" $command"
	done
	no_canary
	# The key is gone from the laptop: a clock that is set back brings nothing.
	refused 3 'it is locked' at '2026-03-16 08:00:00' wang "${p[@]}" get contact C-0001
}

@test "while it is locked a sync asks for a new lease only, and then everything is there" {
	at '2026-03-29 09:59:00' wang "${p[@]}" --quiet put contact C-0001 dept=心内二科 -m 更正
	refused 3 'it is locked' at '2026-03-30 08:00:00' wang "${p[@]}" status
	# The company has none newer: nothing is sent, nothing opened.
	refused 3 'no new lease since 2026-03-15' at '2026-03-30 08:01:00' wang "${p[@]}" sync
	mv "$HUB" "$HUB.away"
	refused 4 'ask for a lease' at '2026-03-30 08:02:00' wang "${p[@]}" sync --tries 1
	mv "$HUB.away" "$HUB"
	no_canary
	hub_at '2026-03-30 20:00:00' merge
	at '2026-03-30 20:01:00' wang "${p[@]}" --json sync | jq -e '.sent == 1 and .lease_end[0:16] == "2026-04-13T12:00"'
	[ "$(at '2026-03-30 20:02:00' wang "${p[@]}" --json get contact C-0001 | jq -r .fields.dept)" = 心内二科 ]
	[ "$(days_left '2026-03-30 20:03:00')" = 13 ]
	hub_at '2026-03-30 20:05:00' --json merge | jq -e '.changes == 1'
}

@test "an agent's keys open nothing once the lease is over" {
	at '2026-03-20 08:00:00' wang "${p[@]}" --quiet unlock --for 168
	at '2026-03-20 08:01:00' wang --quiet status
	refused 3 'it is locked' at '2026-03-29 11:00:00' wang get contact C-0001
	refused 3 'it is locked' at '2026-03-20 08:02:00' wang get contact C-0001
	hub_at '2026-03-29 20:00:00' merge
	at '2026-03-29 20:01:00' wang --quiet sync
	[ "$(at '2026-03-29 20:02:00' wang --json get contact C-0001 | jq -r .fields.name)" = 陈建国 ]
}

@test "a clock that is set back gains nothing: what was seen counts" {
	[ "$(days_left '2026-03-28 20:00:00')" = 0 ]
	# It is the 28th, whatever the clock says; and every opening counts for an hour more.
	[ "$(days_left '2026-03-16 08:00:00')" = 0 ]
	local i
	for i in $(seq 14); do
		run at '2026-03-16 08:00:00' wang "${p[@]}" --quiet status
		[ "$status" -eq 0 ] || break
	done
	[ "$status" -eq 3 ]
	[ "$i" -ge 11 ]
}

@test "a clock that was wrong for a while locks, and does not erase; the next lease forgets it" {
	refused 3 'If this computer' at '2031-01-01 09:00:00' wang "${p[@]}" status
	refused 3 'it is locked' at '2031-01-01 09:05:00' wang "${p[@]}" status
	hub_at '2026-03-16 20:00:00' merge
	at '2026-03-16 20:01:00' wang "${p[@]}" --quiet sync
	[ "$(days_left '2026-03-16 20:02:00')" = 13 ]
	at '2026-03-17 08:00:00' wang "${p[@]}" --quiet status
}

@test "30 days after its end the replica is erased by whatever command comes" {
	refused 3 'without it the replica is erased after 2026-04-28' at '2026-04-10 08:00:00' wang "${p[@]}" status
	refused 3 'locked' at '2026-04-28 09:00:00' wang "${p[@]}" status
	[ -s "$W/keys/$(ls "$W/keys" | grep secret)" ]
	refused 3 'erased just now: its lease ended on 2026-03-29' at '2026-04-28 10:01:00' wang lock
	refused 3 'this replica was erased on 2026-04-28: its lease ended on 2026-03-29' at '2026-04-28 10:02:00' wang "${p[@]}" status
	refused 3 'this replica was erased' at '2026-03-16 08:00:00' wang "${p[@]}" sync
	refused 3 'this replica was erased' at '2026-03-16 08:00:00' wang unlock --recovery-key "$HUB/keys/recovery.key"
	# The vault's place is all that is left of the file, and the secret that belonged to it is gone.
	[ "$(stat -c %s "$W/wang/replica.db")" -le 65536 ]
	[ -z "$(find "$W/keys" -name '*.secret')" ]
	no_canary
}

@test "the company opens a laptop that came back, whatever its lease says" {
	refused 3 'it is locked' at '2026-04-10 08:00:00' wang "${p[@]}" status
	at '2026-04-10 08:01:00' wang --quiet unlock --recovery-key "$HUB/keys/recovery.key"
	[ "$(at '2026-04-10 08:02:00' wang --json get contact C-0001 | jq -r .fields.name)" = 陈建国 ]
	refused 3 'it is locked' at '2026-04-11 09:00:00' wang status
}

@test "how long a lease is, the policy says, by role" {
	local day='2026-03-15 10:00:00'
	rm -rf "$HUB" "$W"/wang*
	cp -r "$BATS_TEST_DIRNAME/../../schema" "$W/schema"
	jq '.policy += {lease_days: 10, lease_days_manager: 4, lease_erase_days: 5}' "$BATS_TEST_DIRNAME/../../schema/schema.json" >"$W/schema/schema.json"
	hub_at "$day" init --company 朗峰医药 --schema "$W/schema"
	hub_at "$day" territory set JN
	hub_at "$day" rep add E0003 --name 孙立 --role manager --territory JN
	hub_at "$day" rep add E0007 --name 王磊 --territory JN
	enrol_sealed wang E0007
	enrol_sealed sun E0003
	at "$day" wang "${p[@]}" --json status | jq -e '.lease[0:16] == "2026-03-25T02:00"'
	at "$day" sun "${p[@]}" --json status | jq -e '.lease[0:16] == "2026-03-19T02:00"'
	hub_at "$day" --json status | jq -e '[.devices[].lease[0:16]] | sort == ["2026-03-19T02:00", "2026-03-25T02:00"]'
	refused 3 'erased after 2026-03-24' at '2026-03-19 10:01:00' sun "${p[@]}" status
}

@test "a plain replica has no lease that locks it: the company chose so" {
	export REPLICAS=plain
	rm -rf "$HUB"
	world_company
	enrol li E0012
	at '2026-06-01 08:00:00' li --json status | jq -e '.lease_over and .lease_days_left == 0'
}
