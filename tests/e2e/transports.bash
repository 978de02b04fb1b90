# What the suites over each transport share: a company with three laptops behind a real server on loopback. The world is made once a
# file and put back before each test; servers go on. Clocks are real: sshd and nginx go by nothing else.
load helpers

# transport_world KIND: folder, ssh or https
transport_world() {
	local rep
	KIND=$1
	W=$BATS_FILE_TMPDIR/w
	HUB=$W/hub
	SERVER=$BATS_FILE_TMPDIR/server
	mkdir -p "$W" "$SERVER"
	chmod 700 "$W"
	export KIND W HUB SERVER
	company hub init --replicas plain --company 朗峰医药
	cat >"$W/org.csv" <<-CSV
		id,名称,性质,等级
		O-0101,江南市第一人民医院,下游,三级甲等
		O-0103,临江县人民医院,下游,二级甲等
	CSV
	cat >"$W/contact.csv" <<-CSV
		id,姓名,类别,单位,科室,职称,电话,方便时间
		C-0001,陈建国,医务人员,O-0101,心内科,副主任医师,13900001111,周二上午
		C-0003,周涛,医务人员,O-0103,骨科,住院医师,13900001113,
	CSV
	company hub import org "$W/org.csv"
	company hub import contact "$W/contact.csv"
	company hub territory set JN-01 --partition O-0101
	company hub territory set JN-02 --partition O-0103
	company hub rep add E0007 --name 王磊 --role rep --territory JN-01
	company hub rep add E0012 --name 李娜 --role rep --territory JN-01 --assist
	company hub rep add E0015 --name 周强 --role rep --territory JN-02
	serve
	for rep in E0007:wang E0012:li E0015:zhou; do laptop "${rep%:*}" "${rep#*:}"; done
	company hub merge
	for rep in wang li zhou; do on_laptop $rep sync; done
	cp -a "$W" "$W.start"
}

transport_end() {
	local file
	for file in "$SERVER"{,/*}/{nginx.pid,pid}; do
		[ ! -s "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
	done
	for file in "$SERVER"{,/*}/fcgiwrap.pid; do
		[ ! -s "$file" ] || kill -- "-$(cat "$file")" 2>/dev/null || true
	done
}

world_back() {
	rm -rf "$W"
	cp -a "$W.start" "$W"
}

company() { "$REPSYNC" -C "$HUB" --quiet "$@"; }
on_laptop() { "$REPSYNC" -C "$W/$1" --quiet "${@:2}"; }
json_of() { "$REPSYNC" -C "$W/$1" --json "${@:2}"; }
device() { sqlite3 -readonly "$W/$1/replica.db" "SELECT value FROM _meta WHERE key = 'device'"; }
mailbox() { echo "$HUB/mailboxes/$(device "$1").git"; }
of_invitation() { sqlite3 -readonly "$W/$1/replica.db" "SELECT json_extract(value, '\$.$2') FROM _meta WHERE key = 'invitation'"; }

serve() {
	case $KIND in
	ssh)
		ln -sfn "$HUB/serve/authorized_keys" "$SERVER/authorized_keys"
		"$ROOT/script/sshd-start" "$SERVER"
		;;
	https) "$ROOT/script/nginx-start" "$SERVER" "$REPSYNC" "$HUB" ;;
	esac
	[ "$KIND" = folder ] || PORT=$(cat "$SERVER/port")
	export PORT
}

# url [PORT]: what stands before the mailbox's name
url() {
	case $KIND in
	ssh) echo "ssh://$(id -un)@127.0.0.1:${1:-$PORT}" ;;
	https) echo "https://localhost:${1:-$PORT}/repsync" ;;
	esac
}

laptop() { # REP NAME: enrolled, its key registered with the next merge
	local way=()
	case $KIND in
	ssh) way=(--url "$(url)" --host-key "$SERVER/host_key.pub") ;;
	https) way=(--url "$(url)" --ca "$SERVER/ca.pem") ;;
	esac
	company hub enroll "$1" --out "$W/$2.invitation" "${way[@]}"
	"$REPSYNC" --quiet enroll "$W/$2.invitation" "$W/$2"
	on_laptop "$2" sync
}

# Leads a laptop to another port of the same host, as a proxy would.
lead_to() { # NAME PORT
	local was
	was=$(of_invitation "$1" url)
	sqlite3 "$W/$1/replica.db" "UPDATE _meta SET value = json_set(value, '\$.url', '$(sed -E "s|:[0-9]+/|:$2/|" <<<"$was")') WHERE key = 'invitation'"
}

# Every change set that any laptop sealed is in central, once; all is sound.
all_arrived() {
	local who seqs
	for who in wang li zhou; do on_laptop $who sync; done
	company hub merge
	for who in wang li zhou; do
		on_laptop $who sync
		[ "$(json_of $who status | jq -c '[.pending, .unsent, .unacknowledged]')" = '[0,0,0]' ]
		seqs=$(git -C "$HUB/central.git" archive main journal | tar -xO --wildcards "journal/*/$(device $who)/*.jsonl" 2>/dev/null |
			grep '^{.*"type":"change-set"}$' | jq -r .seq | sort -n)
		[ "$seqs" = "$(sqlite3 -readonly "$W/$who/replica.db" 'SELECT seq FROM _journal ORDER BY seq')" ]
		"$REPSYNC" -C "$W/$who" verify
	done
	"$REPSYNC" -C "$HUB" hub verify
	for box in "$HUB"/mailboxes/*.git; do git -C "$box" fsck --full --strict --no-dangling; done
}

# is_locked FILE: without taking the lock from who wants it
is_locked() { [ -e "$1" ] && grep -q "FLOCK.*:$(stat -c %i "$1") " /proc/locks; }
locked_soon() {
	local i
	for i in $(seq 400); do
		! is_locked "$1" || return 0
		sleep 0.01
	done
	echo "$1 is not locked by anybody"
	return 1
}

# ---- the suite ----

a_day_goes_out_and_comes_back() {
	on_laptop wang put contact C-0001 best_time=周三下午 -m 门诊拜访后更新
	on_laptop wang new interaction type=面对面 org=O-0101 contacts+=C-0001 started_at=2026-11-20T01:10:00.000Z feedback=有兴趣 -m 拜访
	[ "$(json_of wang sync | jq .sent)" = 2 ]
	company hub merge
	on_laptop li sync
	[ "$(json_of li get contact C-0001 | jq -r .fields.best_time)" = 周三下午 ]
	on_laptop zhou sync
	run json_of zhou get contact C-0001
	[ "$status" -ne 0 ]
	all_arrived
}

nothing_new_moves_nothing() {
	on_laptop wang sync
	run json_of wang sync
	[ "$status" -eq 0 ]
	is '[.sent, .received, .bytes_up, .bytes_down]' '[0,0,0,0]'
}

a_sync_killed_anywhere_is_resumed() {
	local i pid
	for i in $(seq 8); do
		on_laptop wang put contact C-0001 best_time="第 $i 次" -m "第 $i 次"
		on_laptop li put contact C-0001 dept="第 $i 科" -m "第 $i 次"
		on_laptop li sync
		company hub merge
		"$REPSYNC" -C "$W/wang" --quiet sync 3>&- &
		pid=$!
		sleep "0.0$((i * 97 % 10))$((i * 31 % 10))"
		[ $((i % 2)) = 0 ] || sleep 0.2
		kill -9 $pid 2>/dev/null || true
		wait $pid || true
	done
	all_arrived
	[ "$(json_of li get contact C-0001 | jq -r .fields.best_time)" = '第 8 次' ]
}

two_syncs_at_once_are_one_and_a_word() {
	local pid sync status=0 other=0
	on_laptop wang put contact C-0001 best_time=周三下午 -m 拜访
	flock "$(mailbox wang)/repsync.lock" sleep 3 3>&- &
	pid=$!
	locked_soon "$(mailbox wang)/repsync.lock"
	"$REPSYNC" -C "$W/wang" --quiet sync 3>&- &
	sync=$!
	locked_soon "$W/wang/sync.lock"
	"$REPSYNC" -C "$W/wang" --quiet sync 2>"$W/said" || other=$?
	wait $sync || status=$?
	wait $pid
	[ $status = 0 ]
	[ $other = 1 ]
	grep -q 'in use by another process' "$W/said"
	all_arrived
}

a_closed_mailbox_is_refused_and_nothing_is_lost() {
	on_laptop wang put contact C-0001 best_time=周三下午 -m 拜访
	: >"$(mailbox wang)/repsync.closed"
	run on_laptop wang sync
	[ "$status" -eq 3 ]
	[[ "$output" == *'no more pushes'* ]]
	[ "$(json_of wang status | jq .unsent)" = 1 ]
	rm "$(mailbox wang)/repsync.closed"
	all_arrived
}

two_hubs_at_once_are_one_and_a_word() {
	local first second=0
	on_laptop wang put contact C-0001 best_time=周三下午 -m 拜访
	on_laptop wang sync
	flock "$HUB/hub.lock" sleep 1 3>&- &
	first=$!
	locked_soon "$HUB/hub.lock"
	"$REPSYNC" -C "$HUB" --quiet hub merge 2>"$W/said" || second=$?
	[ $second = 1 ]
	grep -q 'in use by another process' "$W/said"
	wait $first
	all_arrived
}

a_merge_beside_syncs_sees_whole_segments() {
	local i who pids=()
	for i in 1 2 3; do
		for who in wang li zhou; do
			on_laptop $who put contact "$([ $who = zhou ] && echo C-0003 || echo C-0001)" best_time="$who $i" -m "$i"
			"$REPSYNC" -C "$W/$who" --quiet sync 3>&- &
			pids+=($!)
		done
		company hub merge
		for who in "${pids[@]}"; do wait "$who"; done
		pids=()
	done
	all_arrived
}

first_of() { git -C "$1" rev-list --max-parents=0 outbox; }

# More than the quota goes through the mailbox; the third time something waits on the laptop that the mailbox never saw.
an_outbox_is_begun_anew() {
	local box i note first roots=()
	box=$(mailbox wang)
	first=$(first_of "$box")
	note=$(head -c 9000 /dev/urandom | base64 -w 0)
	cat "$box"/objects/pack/* | wc -c >"$box/repsync.base" # what was there before does not count
	echo 34000 >"$box/repsync.quota"                       # each time brings some 11,000
	for i in $(seq 5); do
		on_laptop wang new interaction type=面对面 org=O-0101 started_at=2026-11-2"$i"T01:10:00.000Z feedback=有兴趣 -m "$i$note"
		on_laptop wang sync
		[ "$i" != 3 ] || on_laptop wang put contact C-0001 best_time=周三下午 -m "$note"
		[ "$i" != 3 ] || on_laptop wang commit -m 先不发
		company hub merge
		roots+=("$(first_of "$box")")
		[ "$(git -C "$box" show inbox:self.json | head -1 | jq -r .outbox)" = "${roots[-1]}" ]
	done
	echo "${roots[@]}"
	[ "${roots[0]}" = "$first" ]                                 # there was room
	[ "$(printf '%s\n' "${roots[@]}" | sort -u | wc -l)" -ge 3 ] # and twice there was none left
	[ "$(find "$box/objects/pack" -name '*.pack' | wc -l)" -le 3 ] && [ ! -e "$box/tmp_tidy" ]
	all_arrived
	"$REPSYNC" -C "$HUB" --quiet hub rebuild
	all_arrived
	[ "$(json_of li list interaction | jq length)" = 5 ]
	[ "$(json_of li get contact C-0001 | jq -r .fields.best_time)" = 周三下午 ]
}
