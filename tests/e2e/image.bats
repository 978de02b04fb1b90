# What lies on the laptop's disk, block by block, also in blocks that no file has any more: a file system of its own on a loop device, looked
# at as bytes. Skipped where this user may not mount.
bats_require_minimum_version 1.5.0
load world
load sealed

setup() {
	world_setup
	sealed_environment
	export REPSYNC_KEYS=$W/disk/keys REPLICAS=encrypted
	truncate -s 48M "$W/disk.img"
	mkfs.ext4 -q "$W/disk.img" 2>/dev/null || skip 'no mkfs.ext4 here'
	mkdir "$W/disk"
	mount -o loop "$W/disk.img" "$W/disk" 2>/dev/null || skip 'this user may not mount a loop device: the bytes of the disk are not looked at'
}
teardown() {
	sealed_end disk/wang
	umount "$W/disk" 2>/dev/null || true
	world_teardown
}

# The words that a customer is known by, in the bytes of the whole image. The file system is in step with them.
found() {
	sync -f "$W/disk"
	grep -acE '陈建国|心内科|13900001111|13900009999|周二上午|有兴趣|临江县' "$W/disk.img" || true
}

# A laptop's life: customers come, edits and notes are made, things are deleted, an account is lost.
a_life() { # [OPTIONS]
	world_company
	hub_at '2026-03-15 10:00:00' enroll E0007 --out "$W/wang.invitation"
	when '2026-03-15 10:00:00' "$REPSYNC" --quiet "$@" enroll "$W/wang.invitation" "$W/disk/wang"
	at '2026-03-15 10:01:00' disk/wang "$@" --quiet sync
	hub_at '2026-03-15 10:02:00' merge
	at '2026-03-15 10:03:00' disk/wang "$@" --quiet sync
	at '2026-03-16 09:00:00' disk/wang "$@" --quiet put contact C-0001 phones+=13900009999 best_time=周五上午 -m 门诊
	at '2026-03-16 09:01:00' disk/wang "$@" --quiet new interaction type=面对面 org=O-0101 contacts+=C-0001 \
		started_at=2026-03-16T01:10:00.000Z feedback=有兴趣 -m 拜访
	at '2026-03-16 20:00:00' disk/wang "$@" --quiet sync
	hub_at '2026-03-16 20:05:00' territory set JN-01 --partition O-0101
	hub_at '2026-03-16 20:06:00' merge
	at '2026-03-16 20:10:00' disk/wang "$@" --quiet sync
	at '2026-03-16 20:11:00' disk/wang "$@" --quiet put contact C-0001 dept=心内科二病区 -m 更正
}

device() { hub_at '2026-03-16 20:12:00' --json device list --rep E0007 | jq -r '.[0].device'; }

@test "nothing of a customer is on the disk: locked, after the lease, after a revocation and one contact" {
	local d
	a_life "${p[@]}"
	at '2026-03-16 21:00:00' disk/wang "${p[@]}" --quiet unlock
	at '2026-03-16 21:01:00' disk/wang --quiet find 陈
	at '2026-03-16 21:02:00' disk/wang --quiet lock
	[ "$(found)" = 0 ]
	d=$(device)
	cp "$W/disk.img" "$W/saved.img"
	cp -a "$HUB" "$W/saved.hub"
	# Revoked, and one contact.
	hub_at '2026-03-17 08:00:00' device revoke "$d" -m 遗失
	run at '2026-03-17 09:00:00' disk/wang "${p[@]}" sync
	[ "$status" -eq 3 ]
	[[ "$output" == *'was erased'* ]]
	[ "$(found)" = 0 ]
	# The same disk, and no contact: its lease ends, and 30 days later it is erased.
	umount "$W/disk"
	rm -rf "$HUB"
	mv "$W/saved.img" "$W/disk.img"
	mv "$W/saved.hub" "$HUB"
	mount -o loop "$W/disk.img" "$W/disk"
	run at '2026-04-01 08:00:00' disk/wang "${p[@]}" get contact C-0001
	[ "$status" -eq 3 ]
	[[ "$output" == *'it is locked'* ]]
	[ "$(found)" = 0 ]
	run at '2026-05-20 08:00:00' disk/wang "${p[@]}" status
	[ "$status" -eq 3 ]
	[[ "$output" == *'erased just now'* ]]
	[ "$(found)" = 0 ]
	[ -z "$(find "$W/disk/keys" -name '*.secret')" ]
}

@test "of a plain replica the same look finds customers: so it would have found them" {
	export REPLICAS=plain
	a_life
	[ "$(found)" -gt 0 ]
}
