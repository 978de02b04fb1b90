# What tests of encrypted replicas share.

# sealed_environment: keys, agent and passphrase (${p[@]} gives it) of the laptops in $W; sealed_end [NAME]: no agent outlives the test
sealed_environment() {
	export REPSYNC_KEYS=$W/keys REPSYNC_AGENT_SOCK=$W/a/s
	umask 077
	echo '正确的马电池钉' >"$W/pass"
	p=(--passphrase-file "$W/pass")
}
sealed_end() { "$REPSYNC" -C "$W/${1:-wang}" lock --all >/dev/null 2>&1 || true; }

# refused STATUS TEXT COMMAND...: it ends with that status, says so, and shows nothing
refused() {
	local want=$1 text=$2
	shift 2
	run --separate-stderr "$@"
	[ "$status" -eq "$want" ] || { echo "$*: $status, not $want: $output $stderr"; return 1; }
	[[ "$stderr" == *"$text"* ]] || { echo "$*: no \"$text\" in $stderr"; return 1; }
	[ -z "$output" ]
}

# enrol_sealed NAME REP [TIME]: beside world.bash, a laptop whose passphrase ${p[@]} gives; its first lease begins at TIME
enrol_sealed() {
	local day=${3:-2026-03-15 10:00:00}
	hub_at "$day" enroll "$2" --out "$W/$1.invitation"
	when "$day" "$REPSYNC" --quiet "${p[@]}" enroll "$W/$1.invitation" "$W/$1"
	at "$day" "$1" "${p[@]}" --quiet sync
	hub_at "$day" merge
	at "$day" "$1" "${p[@]}" --quiet sync
}
