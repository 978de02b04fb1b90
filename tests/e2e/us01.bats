# US-01: a day offline, the line cut in the middle of the evening's sync, and not one edit lost or doubled.
load world

setup() { world_setup; }
teardown() { world_teardown; }

# The forced command of every device: lets the first push of this connection's day through, then cuts the line.
cutting_shell() {
	cat >"$W/cut" <<CUT
#!/bin/bash
case "\$SSH_ORIGINAL_COMMAND" in
*receive-pack*)
	if [ -e "$W/cut-now" ]; then
		count=\$(cat "$W/pushes" 2>/dev/null || echo 0)
		echo \$((count + 1)) >"$W/pushes"
		[ "\$count" -lt 1 ] || kill -9 \$PPID
	fi
	;;
esac
exec "$REPSYNC" -C "$HUB" mailbox-shell "\$1"
CUT
	chmod +x "$W/cut"
}

# sshd goes by the real clock, in whose eyes the leases of this story are over.
keys() {
	when "$1" "$REPSYNC" -C "$HUB" hub serve ssh-keys |
		sed -E "s|expiry-time=\"[^\"]*\",||; s|command=\"[^\"]*mailbox-shell ([a-z0-9]+)\"|command=\"$W/cut \\1\"|" >"$W/ssh/authorized_keys"
}

edit() { # edit TIME ARGS...: one piece of work, sealed by itself
	at "2026-03-16 $1" wang "${@:2}"
	at "2026-03-16 $1" wang commit -m "$REASON"
}

@test "US-01: twelve edits offline, a cut after the seventh, and the hub has exactly twelve" {
	world_company
	"$BATS_TEST_DIRNAME/../../script/sshd-start" "$W/ssh"
	cutting_shell
	hub_at '2026-03-15 10:00:00' enroll E0007 --out "$W/wang.invitation" \
		--url "ssh://$(id -un)@127.0.0.1:$(cat "$W/ssh/port")" --host-key "$W/ssh/host_key.pub"
	keys '2026-03-15 10:00:00'
	when '2026-03-15 10:01:00' "$REPSYNC" enroll "$W/wang.invitation" "$W/wang"
	at '2026-03-15 10:01:00' wang sync
	hub_at '2026-03-15 10:02:00' merge
	keys '2026-03-15 10:03:00'
	at '2026-03-15 10:04:00' wang sync

	REASON=拜访
	for visit in 1 2 3 4 5 6 7 8; do
		edit "$((8 + visit)):10:00" new interaction type=面对面 org=O-0101 contacts+=C-0001 \
			"started_at=2026-03-16T0$visit:00:00.000Z" "feedback=第${visit}次拜访" -m 拜访
	done
	REASON=门诊时间变了
	edit 17:10:00 put contact C-0001 best_time=周三下午 -m 门诊时间变了
	REASON=新联系人
	edit 17:20:00 new contact name=孙丽华 kind=医务人员 org=O-0101 dept=心内科 -m 新联系人
	REASON=下周计划
	edit 17:30:00 new task title=下周拜访 kind=拜访计划 org=O-0101 contact=C-0001 due=2026-03-23 -m 下周计划
	REASON=补标签
	edit 17:40:00 put contact C-0001 tags+=讲者 -m 补标签

	[ "$(at '2026-03-16 17:50:00' wang --json status | jq .unsent)" = 12 ]

	# 20:05: the line goes after the first seven.
	touch "$W/cut-now"
	run at '2026-03-16 20:05:00' wang sync --step 7
	echo "$output"
	[ "$status" -eq 4 ]
	rm "$W/cut-now"
	hub_at '2026-03-16 20:06:00' --json merge | jq -e '.changesets == 7'
	[ "$(at '2026-03-16 20:07:00' wang --json status | jq .unsent)" = 5 ]

	# 20:09: the rest, and only the rest.
	at '2026-03-16 20:08:30' wang --json sync --step 7 | tee "$W/sync.json"
	jq -e '.sent == 5' "$W/sync.json"
	hub_at '2026-03-16 20:09:00' --json merge | jq -e '.changesets == 5'
	at '2026-03-16 20:12:00' wang sync
	at '2026-03-16 20:12:30' wang --json status | tee "$W/status.json"
	jq -e '.unsent == 0 and .unacknowledged == 0' "$W/status.json"

	# Exactly twelve change sets of this device, each once, all by 王磊, edited by day, received between 20:05 and 20:09.
	device=$(jq -r .device "$W/wang.invitation")
	hub_at '2026-03-16 20:15:00' --json audit --device "$device" >"$W/audit.json"
	jq -e '[.[].changeset] | unique | length == 12' "$W/audit.json"
	jq -e 'all(.[]; .rep == "E0007" and .rep_name == "王磊")' "$W/audit.json"
	jq -e 'all(.[]; .device_time >= "2026-03-16T00:10" and .device_time < "2026-03-16T09:41")' "$W/audit.json"
	jq -e 'all(.[]; .hub_time >= "2026-03-16T12:05" and .hub_time < "2026-03-16T12:10")' "$W/audit.json"
	[ "$(hub_at '2026-03-16 20:15:00' --json export interaction | jq length)" = 8 ]
	[ "$(hub_at '2026-03-16 20:15:00' --json export task | jq length)" = 1 ]

	# A third sync and a third run change nothing.
	before=$(git -C "$HUB/central.git" rev-parse main)
	at '2026-03-16 20:20:00' wang --json sync | jq -e '.sent == 0'
	hub_at '2026-03-16 20:21:00' merge
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]
	world_fsck
	"$REPSYNC" -C "$HUB" hub verify --replay
	at '2026-03-16 20:22:00' wang verify
}
