# The hub gets a new key, signed by the company's root key, and every device follows; what the root key did not sign, no device follows.
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

company() {
	world_company
	mv "$HUB/keys/root.key" "$W/safe.key"
	enrol wang E0007
}
roll() { hub_at "$1" --json key roll --root "$W/safe.key"; }
public() { git -C "$HUB/central.git" show main:org/hub.json | jq -r .public; }

@test "a device follows the hub's new key, says so once, and what the old one signed still verifies" {
	company
	local old
	old=$(public)
	at "$DAY 09:00:00" wang put contact C-0001 best_time=周五上午 -m 门诊
	hub_at "$DAY 09:30:00" --json audit --entity contact --id C-0001 >/dev/null
	roll "$DAY 10:00:00" | jq -e --arg old "$old" '.number == 1 and .old == $old'
	[ "$(public)" != "$old" ]
	run at "$DAY 10:10:00" wang sync
	[ "$status" -eq 0 ] && [[ $output == *"new key"* ]]
	hub_at "$DAY 10:20:00" --json merge | jq -e '.changesets == 1 and .applied == 1'
	run at "$DAY 10:30:00" wang sync
	[ "$status" -eq 0 ] && [[ $output != *"new key"* ]]
	at "$DAY 10:31:00" wang verify
	hub_at "$DAY 10:40:00" --json audit --entity contact --id C-0001 >/dev/null
	hub_at "$DAY 11:00:00" --json rep add E0099 --name 新人
	hub_at "$DAY 11:01:00" verify --replay
	"$REPSYNC" -C "$HUB" hub rebuild
	hub_at "$DAY 11:02:00" verify --replay
	# And once more, from there; who was away follows both at once.
	enrol li E0012
	roll "$DAY 12:00:00" | jq -e '.number == 2'
	roll "$DAY 12:10:00" | jq -e '.number == 3'
	at "$DAY 12:20:00" wang sync
	at "$DAY 12:21:00" li sync
	hub_at "$DAY 12:30:00" verify --replay
	# The evidence has all keys, and its own verifier takes them.
	hub_at "$DAY 13:00:00" audit --entity contact --id C-0001 --evidence "$W/proof"
	[ "$(ls "$W/proof/keys" | grep -c hub00000)" -eq 4 ]
	sed -n '/^```sh$/,/^```$/p' "$W/proof/README.md" | sed '1d;$d' >"$W/check.sh"
	(cd "$W/proof" && sh "$W/check.sh" | tail -1 | grep -qx verified)
	sed -i 's/"number":2/"number":7/' "$W/proof/hub-keys/2.json"
	run sh -c 'cd "$1" && sh "$2"' - "$W/proof" "$W/check.sh"
	[ "$status" -ne 0 ]
}

@test "an encrypted replica that is locked asks for its lease with the key that it followed to" {
	export REPLICAS=encrypted
	world_company
	mv "$HUB/keys/root.key" "$W/safe.key"
	enrol_sealed wang E0007
	cp -a "$HUB/mailboxes" "$W/mailboxes.before"
	roll "$DAY 10:00:00"
	at "$DAY 10:10:00" wang "${p[@]}" sync
	# Locked at the end of its lease; the hub has given a new one, under a newer key still.
	roll '2026-04-10 08:00:00'
	hub_at '2026-04-10 08:01:00' merge
	refused 3 'it is locked' at '2026-04-10 08:30:00' wang "${p[@]}" get contact C-0001
	at '2026-04-10 09:00:00' wang "${p[@]}" sync
	at '2026-04-10 09:01:00' wang "${p[@]}" verify
	# A mailbox from before the roll, as who has the first key could make: nobody opens the lease with it.
	rm -rf "$HUB/mailboxes" && cp -a "$W/mailboxes.before" "$HUB/mailboxes"
	refused 5 'the signature does not verify' at '2026-05-20 09:00:00' wang "${p[@]}" sync
}

@test "the root key of another company rolls nothing, nor does a file that is none" {
	company
	local before
	before=$(git -C "$HUB/central.git" rev-parse main)
	head -c 64 /dev/zero | tr '\0' 'a' >"$W/other.key" && echo >>"$W/other.key"
	refused 3 'is not the root key of this company' hub_at "$DAY 10:00:00" key roll --root "$W/other.key"
	refused 1 'not a line of 64 hexadecimal digits' hub_at "$DAY 10:00:00" key roll --root "$W/pass"
	refused 2 'root FILE is missing' hub_at "$DAY 10:00:00" key roll
	[ "$(git -C "$HUB/central.git" rev-parse main)" = "$before" ]
	[ ! -e "$HUB/keys/hub-next.key" ]
}

@test "a roll by another root key, over the hub's stolen one, is refused by every device" {
	company
	# Who has the hub's folder puts a root key of their own into it, and rolls.
	local forged tree head root
	printf '%064d\n' 7 >"$W/forged.key"
	python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex("302e020100300506032b657004220420" + "%064d" % 7))' >"$W/forged.der"
	forged=$(openssl pkey -inform DER -in "$W/forged.der" -pubout -outform DER | tail -c 32 | od -An -v -tx1 | tr -d ' \n')
	head=$(git -C "$HUB/central.git" rev-parse main)
	root=$(git -C "$HUB/central.git" show main:org/hub.json | jq -cS --arg root "$forged" '.root = $root' | git -C "$HUB/central.git" hash-object -w --stdin)
	export GIT_INDEX_FILE=$W/index GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x
	git -C "$HUB/central.git" read-tree "$head"
	git -C "$HUB/central.git" update-index --add --cacheinfo "100644,$root,org/hub.json"
	tree=$(git -C "$HUB/central.git" write-tree)
	git -C "$HUB/central.git" update-ref refs/heads/main "$(git -C "$HUB/central.git" commit-tree "$tree" -p "$head" -m x)"
	unset GIT_INDEX_FILE
	hub_at "$DAY 10:00:00" key roll --root "$W/forged.key"
	refused 5 "the company's root key did not sign it" at "$DAY 10:10:00" wang sync
	# What was there is there, and so is the work.
	[ "$(field "$DAY 10:11:00" wang contact C-0001 dept)" = '"心内科"' ]
	at "$DAY 10:12:00" wang verify
}

@test "who has the key that was given up shows nothing to a device that followed" {
	company
	cp -a "$HUB" "$W/stolen"
	roll "$DAY 10:00:00"
	at "$DAY 10:10:00" wang sync
	# The stolen hub goes on with the old key, in the place of the mailboxes that wang knows.
	mv "$HUB" "$W/right" && mv "$W/stolen" "$HUB"
	printf 'id,dept\nC-0001,假科室\n' >"$W/false.csv"
	hub_at "$DAY 10:20:00" import contact "$W/false.csv"
	hub_at "$DAY 10:21:00" merge
	refused 5 'the signature does not verify' at "$DAY 10:30:00" wang sync
	[ "$(field "$DAY 10:31:00" wang contact C-0001 dept)" = '"心内科"' ]
	rm -rf "$HUB" && mv "$W/right" "$HUB"
	at "$DAY 10:40:00" wang sync
	at "$DAY 10:41:00" wang verify
}

# State of the hub's keys after the roll that was killed: which one, and how many documents.
rolled() {
	set -e
	ls "$HUB/keys" | grep -c '^hub.*key$' # hub.key and the one given up
	git -C "$HUB/central.git" ls-tree --name-only main org/hub-keys/
	git -C "$HUB/central.git" fsck --strict >&2
	"$REPSYNC" -C "$HUB" --quiet hub verify >&2
	"$REPSYNC" -C "$W/wang" --quiet sync >&2
	"$REPSYNC" -C "$W/wang" --quiet verify >&2
}
export -f rolled

# The next run finishes one that had moved main; one that had not is asked for again.
again() {
	set -e
	"$REPSYNC" -C "$HUB" --quiet hub merge
	[ -n "$(git -C "$HUB/central.git" ls-tree main org/hub-keys/)" ] || "$REPSYNC" -C "$HUB" hub key roll --root "$W/safe.key"
}
export -f again

@test "an exit statement by a key that the hub has given up is good for the time of that key alone" {
	company
	hub_at "$DAY 09:00:00" offboard E0007 --successor E0012 -m 离职
	run at "$DAY 09:10:00" wang sync
	hub_at "$DAY 09:20:00" merge
	hub_at "$DAY 09:30:00" exit-statement E0007 --out "$W/before.json"
	cp -a "$HUB" "$W/stolen"
	roll "$DAY 10:00:00"
	hub_at "$DAY 11:00:00" exit-statement E0007 --out "$W/after.json"
	HUB=$W/stolen hub_at "$DAY 11:00:00" exit-statement E0007 --out "$W/forged.json"
	hub_at "$DAY 11:10:00" exit-statement --check "$W/before.json"
	hub_at "$DAY 11:10:00" exit-statement --check "$W/after.json"
	run hub_at "$DAY 11:10:00" exit-statement --check "$W/forged.json"
	[ "$status" -eq 5 ] && [[ $output == *"given up"* ]]
}

@test "a roll that is killed at any of its system calls was made or not, and comes to the same end" {
	company
	export HUB W REPSYNC
	local roll=("$REPSYNC" -C "$HUB" hub key roll --root "$W/safe.key")
	run python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time "$DAY 10:00:00" --thin 6 --every 5 \
		--recover again --digest rolled -- "${roll[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
}
