# Many laptops that sync at once against one hub, over ssh, beside merges. CROWD says how many: 8 unless told; `script/crowd 100` is
# the full one.
load transports

setup_file() {
	export CROWD=${CROWD:-8}
	transport_world ssh
	local i
	for i in $(seq "$CROWD"); do
		company hub rep add "R$i" --name "代表$i" --role rep --territory JN-01 --assist
		laptop "R$i" "r$i"
	done
	company hub merge
	for i in $(seq "$CROWD"); do on_laptop "r$i" sync; done
}
teardown_file() { transport_end; }

# Each a visit and an edit of the one doctor whom all of them know, so that they meet in one record too.
crowd_works() { # ROUND
	local i
	for i in $(seq "$CROWD"); do
		on_laptop "r$i" new interaction type=面对面 org=O-0101 started_at=2026-11-2"$1"T01:10:00.000Z feedback="代表$i" -m 拜访
		on_laptop "r$i" put contact C-0001 best_time="代表$i 第 $1 次" -m 拜访
	done
}

one_sync() { # NAME: its seconds and exit status, on a line
	local start status=0
	start=$(date +%s.%N)
	"$REPSYNC" -C "$W/$1" --quiet sync 2>"$W/$1.said" || status=$?
	awk -v name="$1" -v start="$start" -v end="$(date +%s.%N)" -v status=$status "BEGIN {print name, end - start, status}" >"$W/$1.took"
}

cpu_s() { awk '/^cpu / {print ($2 + $3 + $4 + $7 + $8) / 100}' /proc/stat; } # of this machine, whoever used it

crowd_syncs() {
	local i pids=()
	for i in $(seq "$CROWD"); do
		one_sync "r$i" 3>&- &
		pids+=($!)
	done
	for i in 1 2; do company hub merge; done # both beside the syncs
	for i in "${pids[@]}"; do wait "$i"; done
}

@test "a crowd that syncs at once: none fails, none waits more than a minute, and merges beside it see whole segments" {
	local round worst i seqs cpu
	for round in 1 2; do
		crowd_works $round
		cpu=$(cpu_s)
		crowd_syncs
		cpu=$(awk -v was="$cpu" -v is="$(cpu_s)" 'BEGIN {print is - was}')
		cat "$W"/r*.took
		worst=$(sort -k2 -n "$W"/r*.took | tail -1)
		echo "# round $round: $CROWD laptops, the slowest: $worst s; $cpu s of processor" >&3
		if ! awk '$3 != 0 || $2 > 60 {bad = 1} END {exit bad}' "$W"/r*.took; then
			cat "$W"/r*.said
			return 1
		fi
	done
	"$REPSYNC" -C "$HUB" --json hub merge | jq -e '.problems == [] and .quarantined == 0'
	for i in $(seq "$CROWD"); do
		on_laptop "r$i" sync
		[ "$(json_of "r$i" status | jq -c '[.pending, .unsent, .unacknowledged]')" = '[0,0,0]' ]
		seqs=$(git -C "$HUB/central.git" archive main journal | tar -xO --wildcards "journal/*/$(device "r$i")/*.jsonl" |
			grep '^{.*"type":"change-set"}$' | jq -r .seq | sort -n)
		[ "$seqs" = "$(sqlite3 -readonly "$W/r$i/replica.db" 'SELECT seq FROM _journal ORDER BY seq')" ]
	done
	"$REPSYNC" -C "$HUB" hub verify
}
