# A device is revoked: the last collection, the order to leave, what the laptop hands over, and what is left of it. us02.bats has the
# story of a rep who leaves.
bats_require_minimum_version 1.5.0
load world
load sealed

DAY=2026-03-16

setup() {
	world_setup
	export REPLICAS=${REPLICAS:-plain}
	sealed_environment
}
teardown() {
	sealed_end
	world_teardown
}

no_canary() { # DIR
	run grep -raE '陈建国|心内|1390000|周二上午|周五|CREATE TABLE|OPENSSH' "$1"
	[ "$status" -eq 1 ] || { echo "found: $output" | head -c 400; return 1; }
}

device_of() { hub_at "$DAY 08:00:00" --json device list --rep "$1" | jq -r '.[0].device'; }
left() { hub_at "$1" --json device list --rep E0007 | jq -c '.[] | [.state, .left]'; }

@test "a revoked laptop hands over what it had not sent, is erased, and says so" {
	world_company
	enrol wang E0007
	local d
	d=$(device_of E0007)
	at "$DAY 09:00:00" wang put contact C-0001 best_time=周五上午 -m 门诊
	at "$DAY 09:01:00" wang sync
	at "$DAY 09:02:00" wang put contact C-0001 dept=心内二科 -m 更正
	# In time and not yet collected: merged with the last collection.
	hub_at "$DAY 10:00:00" --json device revoke "$d" -m 电脑遗失 | jq -e '.[0].state == "revoked" and .[0].left == "ordered" and .[0].seq == 1'
	hub_at "$DAY 10:01:00" --json show contact C-0001 | jq -e '.fields.best_time == "周五上午" and .fields.dept == "心内科"'
	hub_at "$DAY 10:01:00" --json audit --entity contact --id C-0001 | jq -e '.[-1].flags | index("late-final")'
	[ -d "$HUB/archive/$d.git" ]
	# Once more is fine.
	hub_at "$DAY 10:02:00" --json device revoke "$d" -m 电脑遗失 | jq -e '.[0].left == "ordered"'
	refused 3 "has revoked device $d (电脑遗失): this replica was erased" at "$DAY 11:00:00" wang sync
	refused 3 'this replica was erased on 2026-03-16' at "$DAY 11:01:00" wang status
	refused 3 'this replica was erased' at "$DAY 11:02:00" wang sync
	no_canary "$W/wang"
	[ "$(left "$DAY 11:03:00")" = '["revoked","ordered"]' ]
	hub_at "$DAY 12:00:00" --json merge | jq -e '.changesets == 0 and .quarantined == 1'
	[ "$(left "$DAY 12:01:00")" = '["revoked","acknowledged"]' ]
	# What was not sent is kept as it was signed, and merged nowhere.
	hub_at "$DAY 12:02:00" --json show contact C-0001 | jq -e '.fields.dept == "心内科"'
	git -C "$HUB/central.git" archive main quarantine | tar -xO | grep -q 心内二科
	[ "$(git -C "$HUB/central.git" ls-tree -r --name-only main left | sed 's|.*/||' | tr '\n' ' ')" = 'erasure.json farewell.json order.json ' ]
	hub_at "$DAY 12:03:00" --json merge | jq -e '.quarantined == 0'
	"$REPSYNC" -C "$HUB" hub verify --replay
	"$REPSYNC" -C "$HUB" hub rebuild
	[ "$(left "$DAY 12:04:00")" = '["revoked","acknowledged"]' ]
	# It has come: nothing is on it any more that could be lost.
	run hub_at "$DAY 12:05:00" device revoke "$d" -m 电脑遗失
	[ "$status" -eq 0 ]
	[[ "$output" != *'were not received'* ]]
	world_fsck
}

@test "a device that never came gets no order: its invitation is void, and nothing is reported then or later" {
	world_company
	local n d
	for n in idle made sent; do
		hub_at "$DAY 08:00:00" enroll E0007 --out "$W/$n.invitation"
	done
	when "$DAY 08:01:00" "$REPSYNC" enroll "$W/made.invitation" "$W/made"
	when "$DAY 08:01:00" "$REPSYNC" enroll "$W/sent.invitation" "$W/sent"
	at "$DAY 08:02:00" sent sync
	# The one that has registered first: a run would take it in.
	for n in sent made idle; do
		d=$(jq -r .device "$W/$n.invitation")
		hub_at "$DAY 10:00:00" --json device revoke "$d" -m 遗失 | jq -e '.[0] | .state == "revoked" and .left == "void" and .problem == null'
		[ ! -e "$HUB/keys/invitations/$d.json" ]
		[ ! -e "$HUB/archive/$d.git" ]
		hub_at "$DAY 10:01:00" --json merge | jq -e '.problems == [] and .enrolled == 0 and .quarantined == 0'
	done
	refused 3 'the company has closed this mailbox' at "$DAY 11:00:00" made sync
	refused 3 'the company has closed this mailbox' at "$DAY 11:00:00" sent sync
	when "$DAY 11:01:00" "$REPSYNC" enroll "$W/idle.invitation" "$W/idle"
	refused 3 'the company has closed this mailbox' at "$DAY 11:02:00" idle sync
	hub_at "$DAY 12:00:00" --json merge | jq -e '.problems == [] and .enrolled == 0 and .quarantined == 0'
	[ "$(left "$DAY 12:01:00" | sort -u)" = '["revoked","void"]' ]
	[ -z "$(git -C "$HUB/central.git" ls-tree -r --name-only main left)" ]
	# For a time to come it is void at once.
	hub_at "$DAY 13:00:00" enroll E0007 --out "$W/later.invitation"
	d=$(jq -r .device "$W/later.invitation")
	hub_at "$DAY 13:01:00" --json device revoke "$d" --at "2026-03-17 08:00:00" -m 离职 | jq -e '.[0].left == null'
	when "$DAY 13:02:00" "$REPSYNC" enroll "$W/later.invitation" "$W/later"
	at "$DAY 13:03:00" later sync
	hub_at "$DAY 13:04:00" --json merge | jq -e '.problems == [] and .enrolled == 0'
	hub_at "2026-03-17 08:01:00" --json merge | jq -e '.problems == [] and .enrolled == 0'
	refused 3 'the company has closed this mailbox' at "2026-03-17 08:02:00" later sync
	"$REPSYNC" -C "$HUB" hub verify --replay
	"$REPSYNC" -C "$HUB" hub rebuild
	[ "$(left "2026-03-17 09:00:00" | sort -u)" = '["revoked","void"]' ]
	world_fsck
}

@test "what was made after the time that counts is refused and kept, what was made before is merged" {
	world_company
	enrol wang E0007
	local d
	d=$(device_of E0007)
	at "$DAY 17:00:00" wang put contact C-0001 best_time=周五上午 -m 门诊
	at "$DAY 19:00:00" wang put contact C-0001 dept=心内二科 -m 更正
	at "$DAY 19:30:00" wang sync
	hub_at "$DAY 20:00:00" device revoke "$d" --at "$DAY 18:00:00" -m 离职
	hub_at "$DAY 20:01:00" --json show contact C-0001 | jq -e '.fields.best_time == "周五上午" and .fields.dept == "心内科"'
	hub_at "$DAY 20:01:00" --json audit --entity contact --id C-0001 --field dept | jq -e '.[-1].outcome == "rejected"'
	hub_at "$DAY 20:02:00" --json inbox --kind rejection | jq -e 'length == 1 and .[0].code == "device-inactive"'
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "a time to come is kept: until then the laptop works, after it the next run does the rest" {
	world_company
	enrol wang E0007
	local d
	d=$(device_of E0007)
	hub_at "$DAY 09:00:00" --json device revoke "$d" --at "2026-03-20 18:00:00" -m 离职 | jq -e '.[0].left == null'
	at "2026-03-18 10:00:00" wang put contact C-0001 best_time=周五上午 -m 门诊
	at "2026-03-18 10:01:00" wang sync
	hub_at "2026-03-18 10:02:00" --json merge | jq -e '.applied == 1'
	at "2026-03-18 10:03:00" wang sync
	at "2026-03-20 17:00:00" wang put contact C-0001 dept=心内二科 -m 更正
	at "2026-03-20 17:01:00" wang sync
	hub_at "2026-03-20 18:30:00" --json merge | jq -e '.changesets == 1 and .applied == 1'
	[ "$(left "2026-03-20 18:31:00")" = '["revoked","ordered"]' ]
	refused 3 'was erased' at "2026-03-20 19:00:00" wang sync
}

@test "an encrypted laptop that is lost: erased at its next contact, locked before it or not" {
	export REPLICAS=encrypted
	world_company
	enrol_sealed wang E0007
	local d
	d=$(device_of E0007)
	at "$DAY 09:02:00" wang "${p[@]}" put contact C-0001 dept=心内二科 -m 更正
	hub_at "$DAY 10:00:00" device revoke "$d" -m 电脑遗失
	cp -a "$W/wang" "$W/wang.saved"
	cp -a "$W/keys" "$W/keys.saved"
	cp -a "$HUB" "$HUB.saved"
	refused 3 'this replica was erased' at "$DAY 11:00:00" wang "${p[@]}" sync
	[ -z "$(find "$W/keys" -name '*.secret')" ]
	hub_at "$DAY 12:00:00" --json merge | jq -e '.quarantined == 1'
	[ "$(left "$DAY 12:01:00")" = '["revoked","acknowledged"]' ]
	no_canary "$W/wang"
	# The same laptop, but its lease had ended: nothing opens it, so nothing is handed over.
	rm -rf "$W/wang" "$W/keys" "$HUB"
	mv "$W/wang.saved" "$W/wang"
	mv "$W/keys.saved" "$W/keys"
	mv "$HUB.saved" "$HUB"
	[ "$(left "2026-03-30 08:00:00")" = '["revoked","lease ended"]' ]
	refused 3 'it is locked' at "2026-03-30 08:00:00" wang "${p[@]}" status
	refused 3 'this replica was erased' at "2026-03-30 08:01:00" wang "${p[@]}" sync
	hub_at "2026-03-30 09:00:00" --json merge | jq -e '.quarantined == 0'
	[ "$(left "2026-03-30 09:01:00")" = '["revoked","acknowledged"]' ]
	git -C "$HUB/central.git" archive main left | tar -xO | grep -q '"locked":true'
}

@test "a push by hand with the old credentials is refused, and writes nothing" {
	world_company
	enrol wang E0007
	local d box before
	d=$(device_of E0007)
	box=$HUB/mailboxes/$d.git
	git clone --quiet --bare "$box" "$W/old.git"
	git -C "$W/old.git" fetch --quiet "$box" outbox:outbox
	hub_at "$DAY 10:00:00" device revoke "$d" -m 离职
	before=$(git -C "$HUB/central.git" rev-parse main)
	cat >"$W/shell" <<-SH
		#!/bin/sh
		shift
		SSH_ORIGINAL_COMMAND="\$*" exec '$REPSYNC' -C '$HUB' mailbox-shell $d
	SH
	chmod 700 "$W/shell"
	run env GIT_SSH="$W/shell" GIT_SSH_VARIANT=simple git -C "$W/old.git" push "ssh://hub/$d.git" outbox:outbox
	[ "$status" -ne 0 ]
	[[ "$output" == *'[left] the company has revoked this device'* ]]
	run git -C "$box" rev-parse --verify -q refs/heads/outbox
	[ "$status" -ne 0 ]
	hub_at "$DAY 10:10:00" merge
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]
}

@test "a push that has stalled is ended, with all its processes, and the run goes on" {
	world_company
	enrol wang E0007
	enrol zhou E0015
	local d box push i
	d=$(device_of E0007)
	box=$HUB/mailboxes/$d.git
	git clone --quiet --bare "$box" "$W/old.git"
	git -C "$W/old.git" fetch --quiet "$box" outbox:outbox
	head -c 300000 /dev/urandom | git -C "$W/old.git" hash-object -w --stdin >"$W/blob"
	git -C "$W/old.git" update-ref refs/heads/outbox "$(printf '100644 blob %s\tnoise\n' "$(cat "$W/blob")" |
		git -C "$W/old.git" mktree | xargs git -C "$W/old.git" -c user.name=x -c user.email=x commit-tree -p outbox -m x)"
	# The line goes dead in the middle of the pack, and nobody closes it.
	cat >"$W/shell" <<-SH
		#!/bin/sh
		shift
		{ head -c 100000; exec sleep 120; } | SSH_ORIGINAL_COMMAND="\$*" '$REPSYNC' -C '$HUB' mailbox-shell $d
	SH
	chmod 700 "$W/shell"
	GIT_SSH="$W/shell" GIT_SSH_VARIANT=simple setsid git -C "$W/old.git" push "ssh://hub/$d.git" outbox:outbox >/dev/null 2>&1 3>&- &
	push=$!
	for i in $(seq 100); do
		[ -z "$(find "$box/objects" -name '*incoming-*')" ] || break
		sleep 0.1
	done
	[ "$i" -lt 100 ]
	at "$DAY 09:00:00" zhou put contact C-0002 best_time=周五上午 -m 门诊
	at "$DAY 09:01:00" zhou sync
	hub_at "$DAY 10:00:00" --json device revoke "$d" -m 离职 | jq -e '.[0] | .left == "ordered" and .problem == null'
	hub_at "$DAY 10:01:00" --json show contact C-0002 | jq -e '.fields.best_time == "周五上午"'
	kill -- -$push
	[ ! -e "$box/refs/heads/outbox" ]
}

@test "replace: the old laptop goes, a new one of the same rep comes" {
	world_company
	enrol wang E0007
	local d
	d=$(device_of E0007)
	hub_at "$DAY 10:00:00" --json device replace "$d" --out "$W/new.invitation" -m 电脑损坏 | jq -e '.rep == "E0007"'
	when "$DAY 10:10:00" "$REPSYNC" enroll "$W/new.invitation" "$W/new"
	at "$DAY 10:11:00" new sync
	hub_at "$DAY 10:12:00" merge
	at "$DAY 10:13:00" new sync
	[ "$(field "$DAY 10:14:00" new contact C-0001 name)" = '"陈建国"' ]
	hub_at "$DAY 10:15:00" --json device list --rep E0007 | jq -e '[.[] | [.state, .left]] | sort == [["active", null], ["revoked", "ordered"]]'
}

@test "killed anywhere while a device is revoked, the next run goes on to the same end" {
	load fault
	world_company
	enrol wang E0007
	local d point points n
	d=$(device_of E0007)
	at "$DAY 09:00:00" wang put contact C-0001 best_time=周五上午 -m 门诊
	at "$DAY 09:01:00" wang sync
	cp -a "$W" "$W.saved"
	when "$DAY 10:00:00" "$REPSYNC_BUILD/tests/killat" --log "$W.points" --within "$W" "$REPSYNC" -C "$HUB" hub device revoke "$d" -m 遗失
	points=$(wc -l <"$W.points")
	[ "$points" -gt 60 ]
	n=6
	[ "${SWEEP:-}" != full ] || n=$points
	for point in $(seq 1 $n); do
		rm -rf "$W"
		cp -a "$W.saved" "$W"
		run when "$DAY 10:00:00" "$REPSYNC_BUILD/tests/killat" --at $((points * point / (n + 1) + 1)) --within "$W" "$REPSYNC" -C "$HUB" hub device revoke "$d" -m 遗失
		[ "$status" -eq 137 ]
		hub_at "$DAY 10:05:00" device revoke "$d" -m 遗失
		[ "$(left "$DAY 10:06:00")" = '["revoked","ordered"]' ]
		hub_at "$DAY 10:06:00" --json show contact C-0001 | jq -e '.fields.best_time == "周五上午"'
		[ -d "$HUB/archive/$d.git" ]
		refused 3 'was erased' at "$DAY 10:07:00" wang sync
	done
	rm -rf "$W.saved" "$W.points"
}

@test "killed anywhere while it leaves, the laptop's next sync goes on, and nothing is lost" {
	load fault
	world_company
	enrol wang E0007
	local d point points n
	d=$(device_of E0007)
	at "$DAY 09:02:00" wang put contact C-0001 dept=心内二科 -m 更正
	hub_at "$DAY 10:00:00" device revoke "$d" -m 遗失
	cp -a "$W" "$W.saved"
	run when "$DAY 11:00:00" "$REPSYNC_BUILD/tests/killat" --log "$W.points" --within "$W" "$REPSYNC" -C "$W/wang" sync
	points=$(wc -l <"$W.points")
	[ "$points" -gt 30 ]
	n=6
	[ "${SWEEP:-}" != full ] || n=$points
	for point in $(seq 1 $n); do
		rm -rf "$W"
		cp -a "$W.saved" "$W"
		run when "$DAY 11:00:00" "$REPSYNC_BUILD/tests/killat" --at $((points * point / (n + 1) + 1)) --within "$W" "$REPSYNC" -C "$W/wang" sync
		[ "$status" -eq 137 ]
		refused 3 'was erased' at "$DAY 11:05:00" wang sync
		no_canary "$W/wang"
		hub_at "$DAY 12:00:00" --json merge | jq -e '.quarantined == 1'
		git -C "$HUB/central.git" archive main quarantine | tar -xO | grep -q 心内二科
		hub_at "$DAY 12:01:00" --json device list --rep E0007 | jq -e '.[0].left == "acknowledged" or .[0].left == "delivered"'
	done
	rm -rf "$W.saved" "$W.points"
}

@test "exposure tells what a laptop holds, held, and holds no more; by class and field" {
	world_company
	enrol wang E0007
	enrol zhou E0015
	local d
	d=$(device_of E0007)
	hub_at "$DAY 08:00:00" --json exposure E0007 | tee "$W/exposure"
	jq -e --arg d "$d" '.devices == [(.devices[0] | select(.device == $d and .erased == false and .state == "active" and .views >= 1))]' "$W/exposure"
	jq -e '[.records[] | select(.entity == "contact") | [.id, .held]] | sort == [["C-0001", true], ["C-0003", true]]' "$W/exposure"
	jq -e 'any(.entities[]; . == {"entity": "contact", "class": "open", "records": 2, "held": 2})' "$W/exposure"
	jq -e 'any(.fields[]; .entity == "contact" and .field == "phones" and .personal == 1)' "$W/exposure"
	# An account is lost: held once, from when to when is told.
	hub_at "$DAY 09:00:00" territory set JN-02 --partition O-0102 --partition O-0103
	hub_at "$DAY 09:00:10" territory set JN-01 --partition O-0101
	hub_at "$DAY 09:01:00" merge
	at "$DAY 09:02:00" wang sync
	hub_at "$DAY 09:03:00" --json exposure "$d" |
		jq -e '[.records[] | select(.entity == "contact") | [.id, .held]] | sort == [["C-0001", true], ["C-0003", false]]'
	# What it was shown stays known when it has left; what it holds is nothing once it has said so.
	hub_at "$DAY 10:00:00" offboard E0007 --successor E0012 -m 离职
	hub_at "$DAY 10:01:00" --json exposure E0007 | jq -e '[.records[] | select(.entity == "contact" and .held) | .id] == ["C-0001"]'
	refused 3 'was erased' at "$DAY 11:00:00" wang sync
	hub_at "$DAY 11:01:00" merge
	hub_at "$DAY 11:02:00" --json exposure E0007 | jq -e '.devices[0].erased and ([.records[] | select(.held)] == []) and ([.records[] | select(.entity == "contact")] | length == 2)'
	refused 1 'no device or rep E9999' hub_at "$DAY 11:03:00" exposure E9999
	# Who asked is in the log of reads.
	hub_at "$DAY 11:04:00" --json access | jq -e 'any(.[]; .command == "exposure")'
}

@test "the exit statement: signed, checkable, refused while anything is open; who comes back has a new device" {
	world_company
	enrol wang E0007
	at "$DAY 09:00:00" wang put contact C-0001 best_time=周五上午 -m 门诊
	at "$DAY 09:01:00" wang sync
	hub_at "$DAY 09:02:00" merge
	refused 3 'has a role still' hub_at "$DAY 09:03:00" exit-statement E0007
	hub_at "$DAY 10:00:00" --json offboard E0007 --successor E0012 -m 离职 | jq -e '.successors == [{"rep": "E0012", "name": "李娜", "territories": ["JN-01"], "records": .records}]'
	refused 3 'was erased' at "$DAY 11:00:00" wang sync
	hub_at "$DAY 11:01:00" merge
	hub_at "$DAY 11:02:00" exit-statement E0007 --out "$W/exit.json"
	head -n 1 "$W/exit.json" | jq -e '.type == "exit-statement" and .rep == "E0007" and .company == "朗峰医药" and (.statement | length == 64)
		and (.devices | length == 1 and .[0].seq == 1 and .[0].left == "acknowledged" and .[0].held == 0 and .[0].shown.contact == 2)'
	hub_at "$DAY 11:03:00" exit-statement --check "$W/exit.json" | grep -q 'valid: exit statement of E0007'
	sed -i '1s/"seq":1/"seq":2/' "$W/exit.json"
	refused 5 'exit statement' hub_at "$DAY 11:04:00" exit-statement --check "$W/exit.json"
	# Back again.
	hub_at '2026-05-04 09:00:00' rep set E0007 --role rep --territory JN-02
	hub_at '2026-05-04 09:01:00' enroll E0007 --out "$W/back.invitation"
	when '2026-05-04 09:02:00' "$REPSYNC" enroll "$W/back.invitation" "$W/back"
	at '2026-05-04 09:03:00' back sync
	hub_at '2026-05-04 09:04:00' merge
	at '2026-05-04 09:05:00' back sync
	[ "$(field '2026-05-04 09:06:00' back contact C-0002 name)" = '"刘敏"' ]
	refused 1 'C-0001' at '2026-05-04 09:06:00' back get contact C-0001
	refused 3 'this replica was erased' at '2026-05-04 09:07:00' wang sync
}
