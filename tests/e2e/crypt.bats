# Encryption at rest, as a user meets it: the passphrase, the agent, and what is found on the disk without them.
bats_require_minimum_version 1.5.0
load helpers
load sealed

setup_file() {
	# One company for all tests; each has its own copy.
	export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR REPLICAS=encrypted
	environment
	new_world
	hub --quiet hub enroll E0007 --out "$BATS_TEST_TMPDIR/wang.invitation"
	p=(--passphrase-file "$BATS_TEST_TMPDIR/pass")
	"$REPSYNC" "${p[@]}" --quiet enroll "$BATS_TEST_TMPDIR/wang.invitation" "$BATS_TEST_TMPDIR/wang"
	on wang "${p[@]}" --quiet sync
	hub --quiet hub merge
	on wang "${p[@]}" --quiet sync
}

environment() {
	export REPSYNC_KEYS=$BATS_TEST_TMPDIR/keys REPSYNC_AGENT_SOCK=$BATS_TEST_TMPDIR/a/s
	umask 077
	echo '正确的马电池钉' >"$BATS_TEST_TMPDIR/pass"
	echo '错误的马电池钉' >"$BATS_TEST_TMPDIR/wrong"
}

setup() {
	cp -a "$BATS_FILE_TMPDIR"/{hub,wang,keys,wang.invitation} "$BATS_TEST_TMPDIR"
	environment
	# The mailbox is named by its path.
	W=$BATS_TEST_TMPDIR
	p=(--passphrase-file "$W/pass")
}

teardown() { on wang lock --all >/dev/null 2>&1 || true; }

# What a customer is known by is nowhere in the folder, nor is anything of SQLite, of the clone or of the keys.
no_canary() {
	run grep -raE '陈建国|心内科|1390000111|周二上午|江南|SQLite|CREATE TABLE|PACK|OPENSSH|mailboxes' "$W/wang"
	[ "$status" -eq 1 ] || { echo "found: $output" | head -c 400; return 1; }
}

@test "replicas are encrypted unless the company says otherwise" {
	mkdir "$W/other"
	"$REPSYNC" -C "$W/other/hub" --quiet hub init
	run git -C "$W/other/hub/central.git" cat-file -p main:company.json
	is '.replicas == "encrypted" and (.recovery | length == 64)'
	[ "$(stat -c %a "$W/other/hub/keys/recovery.key")" = 600 ]
}

@test "enrolment asks for a passphrase, and makes nothing without one" {
	hub --quiet hub enroll E0012 --out "$W/li.invitation"
	refused 3 'the replica is locked' setsid -w "$REPSYNC" enroll "$W/li.invitation" "$W/li"
	[ ! -e "$W/li" ]
	echo short >"$W/short"
	refused 2 '5 bytes' "$REPSYNC" --passphrase-file "$W/short" enroll "$W/li.invitation" "$W/li"
	[ ! -e "$W/li/replica.db" ]
	"$REPSYNC" --quiet --passphrase-file "$W/pass" enroll "$W/li.invitation" "$W/li"
	# Killed before anybody was told: the same again stands.
	"$REPSYNC" --quiet --passphrase-file "$W/pass" enroll "$W/li.invitation" "$W/li"
	[ ! -e "$W/li/replica.db.new" ]
}

@test "locked, every command is refused and nothing can be read" {
	no_canary
	for command in 'get contact C-0001' 'list contact' 'find 陈' 'sql "SELECT 1"' status log sync verify inbox \
		'put contact C-0001 dept=x' 'commit -m x' 'history contact C-0001'; do
		eval "refused 3 'locked' setsid -w \"\$REPSYNC\" -C '$W/wang' $command"
	done
	run sqlite3 "$W/wang/replica.db" 'SELECT * FROM contact'
	[ "$status" -ne 0 ]
}

@test "a passphrase from a file or from standard input opens it for one command" {
	run on wang "${p[@]}" --json get contact C-0001
	is '.fields.name' '"陈建国"'
	run on wang --json get contact C-0001 --passphrase-file - <"$W/pass"
	is '.fields.name' '"陈建国"'
	refused 3 'locked' setsid -w "$REPSYNC" -C "$W/wang" get contact C-0001
	refused 3 'wrong passphrase' on wang --passphrase-file "$W/wrong" get contact C-0001
	chmod 640 "$W/pass"
	refused 3 'others may read the passphrase' on wang "${p[@]}" get contact C-0001
}

@test "unlock once, and the agent opens it until it is locked" {
	refused 3 'wrong passphrase' on wang --passphrase-file "$W/wrong" unlock
	on wang "${p[@]}" --quiet unlock
	[ "$(stat -c '%a %F' "$W/a")" = '700 directory' ]
	run on wang --json get contact C-0001
	is '.fields.name' '"陈建国"'
	on wang --quiet put contact C-0001 dept=心内二科 -m 更正
	on wang --quiet sync
	no_canary
	on wang --quiet lock
	refused 3 'locked' setsid -w "$REPSYNC" -C "$W/wang" get contact C-0001
	# It held one key; without any it is gone.
	[ ! -e "$W/a/s" ]
}

@test "an agent that nobody gives a key gives up" {
	# Ten minutes, on a clock that runs 200 times as fast.
	FAKETIME='+0 x200' LD_PRELOAD=$FAKETIME_LIB timeout 60 "$REPSYNC" agent --foreground
	[ ! -e "$W/a/s" ]
}

@test "an agent is one user's and one at a time" {
	eval "$("$REPSYNC" agent)"
	[ -S "$REPSYNC_AGENT_SOCK" ]
	refused 1 'an agent is there already' "$REPSYNC" agent --foreground
	on wang "${p[@]}" --quiet unlock
	mkdir -m 755 "$W/open"
	REPSYNC_AGENT_SOCK=$W/open/s refused 3 'others may enter' "$REPSYNC" agent
}

@test "keys and passphrases are in no core dump and not in another's reach" {
	"$REPSYNC" agent >/dev/null
	on wang "${p[@]}" --quiet unlock
	local pid
	pid=$(fuser "$W/a/s" 2>/dev/null | tr -d ' ' || true)
	[ -n "$pid" ] || pid=$(pgrep -f "$REPSYNC agent" -n)
	[ "$(awk '/Max core file size/ {print $5}' "/proc/$pid/limits")" = 0 ]
	# A process that may not be dumped belongs to root, for everybody who would look into it.
	[ "$(stat -c %U "/proc/$pid/mem")" = root ]
}

@test "edits from SQL go through sql --write, captured; nothing else may be written" {
	run on wang "${p[@]}" --json sql --write "UPDATE contact SET dept = '心内二科' WHERE id = 'C-0001'; UPDATE contact SET dept = '呼吸二科' WHERE id = 'C-0002'"
	echo "$output"
	is '.edits' 2
	run on wang "${p[@]}" --json status
	is '.pending' 2
	for text in "DELETE FROM _journal" "UPDATE _meta SET value = 'x'" "PRAGMA writable_schema = 1" "DROP TABLE contact" \
		"ATTACH '$W/out.db' AS o" "CREATE TABLE t (a)" "SELECT value FROM _secret" "COMMIT" \
		"CREATE TRIGGER x AFTER UPDATE ON contact BEGIN DELETE FROM _pending; END"; do
		refused 3 'only rows of entities' on wang "${p[@]}" sql --write "$text"
	done
	[ ! -e "$W/out.db" ]
	# All or nothing.
	run on wang "${p[@]}" sql --write "UPDATE contact SET dept = 'x' WHERE id = 'C-0001'; UPDATE contact SET id = 'y' WHERE id = 'C-0002'"
	[ "$status" -eq 1 ]
	run on wang "${p[@]}" --json get contact C-0001
	is '.fields.dept' '"心内二科"'
}

@test "a new passphrase; the old one is gone" {
	refused 3 'wrong passphrase' on wang --passphrase-file "$W/wrong" passwd --new-passphrase-file "$W/wrong"
	on wang "${p[@]}" --quiet passwd --new-passphrase-file "$W/wrong"
	refused 3 'wrong passphrase' on wang "${p[@]}" status
	on wang --passphrase-file "$W/wrong" --quiet status
	# Both from standard input.
	cat "$W/wrong" "$W/pass" | on wang --quiet --passphrase-file - passwd --new-passphrase-file -
	on wang "${p[@]}" --quiet status
}

@test "the company opens what its laptop holds, and sets a forgotten passphrase anew" {
	local key=$W/hub/keys/recovery.key
	on wang --quiet unlock --recovery-key "$key"
	run on wang --json get contact C-0001
	is '.fields.name' '"陈建国"'
	on wang --quiet lock
	on wang --quiet passwd --recovery-key "$key" --new-passphrase-file "$W/wrong"
	on wang --quiet --passphrase-file "$W/wrong" status
	printf '%064d\n' 7 >"$W/other.key"
	refused 3 'wrong recovery key' on wang unlock --recovery-key "$W/other.key"
}

@test "a copy, an older copy, a foreign file, a damaged page, an open folder: each one message" {
	cp -a "$W/wang" "$W/copy"
	on wang "${p[@]}" --quiet passwd --new-passphrase-file "$W/pass"
	refused 5 'an older copy' on copy "${p[@]}" status
	on copy "${p[@]}" --quiet unlock --restored
	on copy --quiet status
	on copy --quiet lock
	REPSYNC_KEYS=$W/elsewhere refused 3 'is not on this computer' on wang "${p[@]}" status

	rm -rf "$W/copy"
	cp -a "$W/wang" "$W/copy"
	python3 - "$W/copy/replica.db" <<-'PY'
		import sys
		with open(sys.argv[1], 'r+b') as f:
		    size = f.seek(0, 2)
		    for at in range(65536 + 4096, size, 4096):
		        f.seek(at + 100); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 4]))
	PY
	refused 5 'damaged' on copy "${p[@]}" status

	rm "$W/copy/replica.db"
	sqlite3 "$W/copy/replica.db" 'CREATE TABLE t (a); PRAGMA application_id = 9'
	refused 1 'is no replica' on copy "${p[@]}" status
	hub --quiet hub enroll E0012 --out "$W/li.invitation"
	"$REPSYNC" --quiet --passphrase-file "$W/wrong" enroll "$W/li.invitation" "$W/li"
	# The head of one with the pages of the other.
	dd if="$W/li/replica.db" of="$W/wang/replica.db" bs=65536 count=1 conv=notrunc status=none
	refused 5 'does not verify' on wang --passphrase-file "$W/wrong" status
	chmod 755 "$W/li"
	refused 3 'others may look into the folder' on li --passphrase-file "$W/wrong" status
}

@test "killed at state-changing system calls, no acknowledged edit is lost, and none is doubled" {
	load fault
	on wang "${p[@]}" --quiet put contact C-0003 best_time=周一上午 -m 电话确认 || true
	on wang "${p[@]}" --quiet put contact C-0002 best_time=周一上午 -m 电话确认
	# What the laptop has, by the program: stock sqlite3 cannot look into it.
	digest() {
		set -e
		"$REPSYNC" -C "$W/wang" --passphrase-file "$W/pass" --json sql 'SELECT entity, id, op, reason FROM _pending ORDER BY n'
		"$REPSYNC" -C "$W/wang" --passphrase-file "$W/pass" --json sql 'SELECT id, best_time, dept, phones FROM contact ORDER BY id'
		"$REPSYNC" -C "$W/wang" --passphrase-file "$W/pass" --quiet verify >&2
	}
	export -f digest
	export W REPSYNC
	mkdir "$W/world"
	mv "$W/wang" "$W/keys" "$W/world"
	W=$W/world
	export REPSYNC_KEYS=$W/keys
	ln -s ../pass "$W/pass"
	local put=("$REPSYNC" -C "$W/wang" --passphrase-file "$W/pass" put contact C-0001 best_time=周三下午 -m 门诊拜访后更新)
	run python3 "$BATS_TEST_DIRNAME/killsweep.py" --world "$W" --time "$(date -d '+2 hours' '+%F %T')" --thin 4 --every 2 \
		--recover "$(printf '%q ' "${put[@]}")" --digest digest -- "${put[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
}
