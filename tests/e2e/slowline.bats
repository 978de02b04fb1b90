# Two machines in network namespaces with a slow line between them: 64 kbit/s each way (tbf), every fiftieth packet lost (nft), and 300 ms
# for every question and its answer (by the byte proxy: this kernel may have no netem). Skipped where namespaces are not allowed.
load transports

setup() {
	BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR
	for tool in ip nft tc; do command -v $tool >/dev/null || [ -x /usr/sbin/$tool ] || skip "no $tool here"; done
	PATH=$PATH:/usr/sbin:/sbin
	NS=repsync-$$
	unshare -n true 2>/dev/null || skip 'network namespaces are not allowed here'
	ip netns add "$NS-hub" 2>/dev/null || skip 'network namespaces are not allowed here'
	ip netns add "$NS-rep"
	line_between
}
teardown() {
	[ -z "${PROXY_PID:-}" ] || kill "$PROXY_PID" 2>/dev/null || true
	transport_end
	ip netns pids "$NS-hub" 2>/dev/null | xargs -r kill 2>/dev/null || true
	ip netns del "$NS-hub" 2>/dev/null || true
	ip netns del "$NS-rep" 2>/dev/null || true
}

# The network's namespace alone: `ip netns exec` and `ip -n` mount too, which a chroot refuses.
at_hub() { nsenter --net="/run/netns/$NS-hub" "$@"; }
at_rep() { nsenter --net="/run/netns/$NS-rep" "$@"; }

line_between() {
	ip link add "a$$" netns "$NS-hub" type veth peer name "b$$" netns "$NS-rep"
	at_hub ip addr add 10.77.0.1/24 dev "a$$"
	at_rep ip addr add 10.77.0.2/24 dev "b$$"
	for side in hub rep; do "at_$side" ip link set lo up; done
	at_hub ip link set "a$$" up
	at_rep ip link set "b$$" up
	at_hub tc qdisc add dev "a$$" root tbf rate 64kbit burst 1600 latency 2s 2>/dev/null || skip 'no tbf in this kernel'
	at_rep tc qdisc add dev "b$$" root tbf rate 64kbit burst 1600 latency 2s
}

# Only now: to make the company over such a line takes long.
lose_packets() {
	local side
	for side in hub rep; do
		"at_$side" nft -f - <<-NFT || skip 'no nftables in this kernel'
			table inet line {
				chain in {
					type filter hook input priority 0;
					iifname "lo" accept
					numgen random mod 50 0 drop
				}
			}
		NFT
	done
}

# A rep's night: 8 visits and 2 edits of the day.
a_day() {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		on_laptop wang new interaction type=面对面 org=O-0101 contacts+=C-0001 "started_at=2026-11-20T0$i:10:00.000Z" \
			"feedback=第 $i 次拜访：介绍了新的适应症，医生希望看到更多的临床数据，下周再约。" -m 拜访
	done
	on_laptop wang put contact C-0001 best_time=周三下午 -m 门诊拜访后更新
	on_laptop wang put contact C-0001 dept=心内一科 -m 门诊拜访后更新
}

@test "slow line: a rep's night of 8 visits and 2 edits syncs in 15 seconds" {
	transport_world ssh
	local start took worst=0 i
	lose_packets
	# sshd listens on loopback of this machine's own namespace: a proxy in the hub's leads to it, over a socket that both see.
	"$ROOT/tests/tools/cutproxy.py" "$PORT" --unix "$W/line" --delay 0.15 3>&- &
	PROXY_PID=$!
	at_hub "$ROOT/tests/tools/cutproxy.py" "$W/line" --listen 10.77.0.1 >"$W/proxy.port" 3>&- &
	until [ -s "$W/proxy.port" ]; do sleep 0.05; done
	sqlite3 "$W/wang/replica.db" "UPDATE _meta SET value = replace(value, '127.0.0.1:$PORT', '10.77.0.1:$(cat "$W/proxy.port")') WHERE key = 'invitation'"
	for i in 1 2; do
		a_day
		on_laptop li put contact C-0001 best_time="第 $i 天" -m 李
		on_laptop li sync
		company hub merge
		start=$(date +%s%N)
		run at_rep "$REPSYNC" -C "$W/wang" --json sync --tries 1
		took=$((($(date +%s%N) - start) / 1000000))
		echo "# night $i: $took ms, $(jq -c '[.sent, .received, .bytes_up, .bytes_down]' <<<"$output")" >&3
		[ "$status" -eq 0 ]
		[ "$took" -gt 1000 ] # the line is one
		[ "$took" -lt "$worst" ] || worst=$took
	done
	[ "$worst" -le 15000 ]
	sqlite3 "$W/wang/replica.db" "UPDATE _meta SET value = replace(value, '10.77.0.1:$(cat "$W/proxy.port")', '127.0.0.1:$PORT') WHERE key = 'invitation'"
	all_arrived
}
