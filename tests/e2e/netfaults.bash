# What a network and a dying server do to a sync: it ends within its bound with 4, or with 0 if it was done, and the next one brings
# everything.

# through_proxy NAME ARG...: the laptop goes by a proxy that cuts
through_proxy() {
	local name=$1
	shift
	coproc PROXY { exec "$ROOT/tests/tools/cutproxy.py" "$PORT" "$@" 2>"$W/proxy.log" 3>&-; }
	read -r PROXY_PORT <&"${PROXY[0]}"
	lead_to "$name" "$PROXY_PORT"
}
proxy_end() {
	lead_to "$1" "$PORT"
	kill "$PROXY_PID" 2>/dev/null || true
	wait "$PROXY_PID" 2>/dev/null || true
}

# Something to send and something to fetch.
work_both_ways() { # N
	on_laptop li put contact C-0001 dept="第 $1 科" -m "第 $1 次"
	on_laptop li sync
	company hub merge
	on_laptop wang put contact C-0001 best_time="第 $1 次" -m "第 $1 次"
}

# bounded SECONDS WANT...: a sync of wang ends within the time with one of the statuses
bounded() {
	local most=$1 start=$SECONDS status=0
	shift
	timeout -k 5 $((most + 20)) "$REPSYNC" -C "$W/wang" --quiet sync --tries 1 --timeout 3 2>"$W/said" || status=$?
	if [ $((SECONDS - start)) -gt "$most" ] || [[ " $* " != *" $status "* ]]; then
		echo "exit $status after $((SECONDS - start)) s, not $* within $most s: $(cat "$W/said")"
		return 1
	fi
}

cut_at_ten_points() { # WAY
	local i up down cuts=0 total
	through_proxy wang --count "$W/count"
	work_both_ways 0
	on_laptop wang sync
	proxy_end wang
	read -r up down <"$W/count"
	total=$([ "$1" = up ] && echo "$up" || echo "$down")
	[ "$total" -gt 1000 ]
	for i in $(seq 10); do
		work_both_ways "$i"
		through_proxy wang "--$1" $((total * (2 * i - 1) / 20)) --how rst
		bounded 30 0 4
		! grep -q cut "$W/proxy.log" || cuts=$((cuts + 1))
		proxy_end wang
		on_laptop wang sync
		[ "$(json_of wang get contact C-0001 | jq -r .fields.dept)" = "第 $i 科" ]
	done
	[ $cuts -ge 8 ] # each night is a little longer or shorter than the first
	all_arrived
	[ "$(json_of li get contact C-0001 | jq -r .fields.best_time)" = '第 10 次' ]
}

a_server_that_falls_silent_is_given_up() {
	work_both_ways 1
	through_proxy wang --down 1500 --how silence
	bounded 30 4
	proxy_end wang
	through_proxy wang --up 0 --how silence
	bounded 30 4
	proxy_end wang
	all_arrived
}

a_company_that_is_not_there_is_said_at_once() {
	work_both_ways 1
	lead_to wang 1
	bounded 10 4
	[ "$(json_of wang status | jq .unsent)" -ge 1 ]
	lead_to wang "$PORT"
	all_arrived
}

a_broken_line_is_tried_again() {
	work_both_ways 1
	through_proxy wang --down 1500 --how fin
	on_laptop wang sync # once it cuts
	proxy_end wang
	all_arrived
}

# The hooks of a server gone wrong: what a session of wang runs is led to them, as sshd or the web server runs it.
with_hooks() {
	mkdir -p "$W/bin"
	cat >"$W/bin/git" <<-GIT
		#!/bin/sh
		PATH=$PATH
		exec git -c core.hooksPath=$W/hooks "\$@"
	GIT
	chmod +x "$W/bin/git"
	case $KIND in
	ssh) sed -i "s|command=\"|command=\"PATH=$W/bin:$PATH |" "$HUB/serve/authorized_keys" ;;
	https) sed -i "s|^exec|PATH=$W/bin:$PATH exec|" "$HUB/serve/mailbox-http" ;;
	esac
}

a_receive_pack_that_dies_or_hangs_is_given_up() {
	local act i=0
	mkdir "$W/hooks"
	for act in 'kill -9 $PPID' 'sleep 20' 'printf "\033[2J\007PACK\001\377\n" >&2; exit 1'; do
		i=$((i + 1))
		work_both_ways "$i" # a merge: the doors are as they should be
		printf '#!/bin/sh\n%s\n' "$act" >"$W/hooks/pre-receive"
		chmod +x "$W/hooks/pre-receive"
		with_hooks
		case $act in
		printf*) bounded 40 3 ;;
		*) bounded 40 4 ;;
		esac
		! grep -q "$(printf '\033')" "$W/said"
		company hub merge
		[ "$(json_of wang status | jq .unsent)" -ge 1 ]
		rm -f "$W/bin/git"
		on_laptop wang sync
	done
	all_arrived
}
