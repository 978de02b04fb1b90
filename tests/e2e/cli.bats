load helpers

bats_require_minimum_version 1.5.0

@test "version and help are on standard output" {
	run --separate-stderr "$REPSYNC" --version
	[ "$status" -eq 0 ]
	[[ "$output" =~ ^repsync\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ -z "$stderr" ]
	run --separate-stderr "$REPSYNC" --help
	[ "$status" -eq 0 ]
	[[ "$output" == *"EXIT STATUS"* ]]
}

@test "every command has a page, and help names it" {
	run "$REPSYNC" help
	[ "$status" -eq 0 ]
	local command words
	while read -r _ command words; do
		if [ "$command" = hub ] && [ "$words" != 'COMMAND ...' ]; then
			run "$REPSYNC" help hub "${words%% *}"
		else
			run "$REPSYNC" help "$command"
		fi
		[ "$status" -eq 0 ]
		[[ "$output" == usage:* ]]
	done < <("$REPSYNC" help | grep '^  repsync ')
	run "$REPSYNC" hub import --help
	[ "$status" -eq 0 ]
	[[ "$output" == *"records = taken + unchanged + refused"* ]]
}

# wrong ARGUMENT...: exit 2, nothing on standard output, a message
wrong() {
	run --separate-stderr "$REPSYNC" -C "$BATS_TEST_TMPDIR" "$@"
	[ "$status" -eq 2 ] || { echo "$*: $status $stderr"; return 1; }
	[ -z "$output" ]
	[[ "$stderr" == "repsync: "* ]] || { echo "$*: $stderr"; return 1; }
}

@test "wrong usage exits 2 and says what is wrong" {
	wrong
	[[ "$stderr" == *"no command"* ]]
	wrong nosuch
	[[ "$stderr" == *"unknown command nosuch"*"hint: "* ]]
	wrong hub
	wrong hub nosuch
	wrong --nosuch
	wrong put
	[[ "$stderr" == *"cannot put: ENTITY is missing"*"usage: repsync put "* ]]
	wrong put contact
	wrong put contact C-0001
	wrong get contact
	wrong get contact C-0001 more
	[[ "$stderr" == *"one argument too many: more"* ]]
	wrong list contact --limit x
	wrong list contact --limit -1
	wrong list contact --nosuch
	[[ "$stderr" == *"unknown option --nosuch"* ]]
	wrong list contact --where
	[[ "$stderr" == *"--where needs a value"* ]]
	wrong commit
	wrong commit -m
	wrong show
	wrong show x
	wrong show 0
	wrong inbox --kind nosuch
	wrong resolve item
	wrong enroll invitation
	wrong sync --step x
	wrong help nosuch
	wrong mailbox-shell
	wrong hub rep add E0001
	[[ "$stderr" == *"--name is missing"* ]]
	wrong hub rep remove E0001
	wrong hub rep set E0001
	wrong hub territory set
	wrong hub territory nosuch T
	wrong hub enroll E0001
	wrong hub enroll E0001 --out x --url ssh://a@b/c
	[[ "$stderr" == *"--host-key is missing"* ]]
	wrong hub enroll E0001 --out x --days 0
	wrong hub import contact
	wrong hub merge --watch 0
	wrong hub audit --since yesterday
	wrong hub audit --since 2026-02-30
	wrong hub audit --format xml
	wrong hub show contact C-0001 --by nobody
	wrong hub serve nginx
	wrong hub init --replicas sealed
	wrong unlock --for 0
	wrong lock somewhere
	wrong agent now
	wrong passwd now
	wrong put contact a b=c -m x -m y
	[[ "$stderr" == *"--message is given twice"* ]]
}

@test "an argument that is not UTF-8 is refused" {
	wrong find $'\xff\xfe'
	[[ "$stderr" == *"not valid utf-8"* ]]
}

@test "errors with --json are one JSON document on standard error" {
	run --separate-stderr "$REPSYNC" --json -C "$BATS_TEST_TMPDIR" put contact
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$(jq -r '.error.code' <<<"$stderr")" = usage ]
	[ "$(jq -r '.error | keys | join(" ")' <<<"$stderr")" = "code hint message" ]
	run --separate-stderr "$REPSYNC" -C "$BATS_TEST_TMPDIR" get contact C-0001 --json
	[ "$status" -eq 1 ]
	[ "$(jq -r '.error.code' <<<"$stderr")" = not-found ]
	[ -n "$(jq -r '.error.hint' <<<"$stderr")" ]
}

@test "a folder without a replica or a hub is named, with a hint" {
	run --separate-stderr "$REPSYNC" -C "$BATS_TEST_TMPDIR/nowhere" status
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"cannot status: "*nowhere*"hint: "* ]]
	run --separate-stderr "$REPSYNC" -C "$BATS_TEST_TMPDIR/nowhere" hub status
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"cannot hub status: "*"hint: "* ]]
}

@test "what cannot be written to standard output is a failure" {
	run --separate-stderr bash -c '"$REPSYNC" help >/dev/full'
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"standard output"*"No space left"* ]]
	run --separate-stderr bash -c '"$REPSYNC" --version >/dev/full'
	[ "$status" -eq 1 ]
}

@test "a reader that goes away ends the program without a signal" {
	run bash -c '"$REPSYNC" help; echo "${PIPESTATUS[0]}" >&2' 
	[ "$status" -eq 0 ]
	run bash -c 'set -o pipefail; { sleep 0.2; "$REPSYNC" help; echo "status $?" >"$1"; } | true' _ "$BATS_TEST_TMPDIR/status"
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = "status 1" ]
}

@test "a company is made, and people and posts are listed as tables and as JSON" {
	new_world
	run hub hub rep list
	[ "$status" -eq 0 ]
	[[ "$output" == *王磊*JN-01* ]]
	run hub --json hub rep list
	is 'map(select(.rep == "E0007"))[0] | .name == "王磊" and .role == "rep"'
	run hub hub rep list --json
	is 'length >= 4'
	run hub --json hub territory list
	is 'map(select(.territory == "JN-01"))[0].partitions | sort' '["O-0101","O-0102"]'
}

@test "an audit of an entity that does not exist is wrong usage, not an empty answer" {
	new_hub
	run --separate-stderr hub hub audit --entity nosuch
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"unknown entity nosuch"* ]]
}

@test "a watching hub merges what comes, and ends when it is told to" {
	new_world
	hub --quiet hub enroll E0007 --out "$BATS_TEST_TMPDIR/i"
	"$REPSYNC" --quiet enroll "$BATS_TEST_TMPDIR/i" "$BATS_TEST_TMPDIR/wang"
	"$REPSYNC" -C "$BATS_TEST_TMPDIR/hub" --quiet hub merge --watch 1 3>&- &
	local pid=$! tries=0
	on wang --quiet sync
	until on wang --json sync | jq -e '.received > 0' >/dev/null; do
		[ $((tries += 1)) -lt 60 ] || { kill "$pid"; return 1; }
		sleep 0.5
	done
	kill -TERM "$pid"
	wait "$pid"
	run on wang --json get contact C-0001
	is '.fields.name' '"陈建国"'
}

@test "a second hub in the same folder is refused" {
	new_hub
	run hub hub init
	[ "$status" -eq 1 ]
}

@test "tables align by display columns" {
	new_world
	run hub hub export contact
	[ "$status" -eq 0 ]
	# Every value of the second column begins at the same display column: a Chinese character counts two.
	python3 - "$output" <<-'PY'
		import sys, unicodedata
		lines = sys.argv[1].split('\n')
		width = lambda text: sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in text)
		kinds = {width(line[:line.index('医务人员')]) for line in lines[1:]}
		assert len(kinds) == 1, kinds
	PY
}

@test "a rep's commands give the JSON that the manual gives" {
	new_world
	new_replica E0007 wang
	run on wang --json get contact C-0001
	is 'keys' '["deleted","entity","fields","id","partition","stamps","unsent"]'
	is '.fields.name' '"陈建国"'
	run on wang --json list contact
	is 'map(.id) | sort' '["C-0001","C-0002"]'
	run on wang --json find 建国
	is 'map(.id)' '["C-0001"]'
	run on wang --json sql 'SELECT id, name FROM contact ORDER BY id'
	is '.columns' '["id","name"]'
	is '.rows[0]' '["C-0001","陈建国"]'
	run on wang put contact C-0001 best_time=周三下午 -m 门诊拜访后更新
	[ "$status" -eq 0 ]
	run on wang --json get contact C-0001
	is '.unsent' '["best_time"]'
	run on wang --json status
	is '.pending == 1 and .device != null and .rep == "E0007"'
	run on wang commit -m 门诊
	[ "$status" -eq 0 ]
	run on wang --json log
	is '.[0] | .seq == 1 and .state == "unsent" and .changes == 1'
	run on wang --json show 1
	is '.changes | length' 1
	run on wang --json sync
	is '.sent' 1
	is 'has("sealed") and has("received") and has("lease_end") and has("hub_time") and has("bytes_up")'
	run hub --json hub merge
	is '.changesets == 1 and .changes == 1 and .applied == 1 and .rejected == 0'
	run on wang --json sync
	is '.applied' 1
	run on wang --json history contact C-0001
	is 'map(select(.field == "best_time"))[-1].new' '"周三下午"'
	run on wang --json inbox
	is '. == []'
	run on wang --json verify
	[ "$status" -eq 0 ]
	is '.ok'
	run hub --json hub status
	is '.devices | map(select(.rep == "E0007")) | length' 1
	run hub --json hub audit --entity contact --id C-0001 --field best_time
	is '.[-1] | .old == "周二上午" and .new == "周三下午" and .rep == "E0007" and .reason == "门诊拜访后更新" and .outcome == "applied"'
	run hub --json hub blame contact C-0001
	is 'map(select(.field == "best_time"))[0].rep' '"E0007"'
	run hub hub audit --entity contact --id C-0001 --field best_time --format csv
	[[ "${lines[0]}" == entity,id,partition,field,* ]]
	run hub --json hub verify --replay
	[ "$status" -eq 0 ]
	is '.ok and .problems == []'
	fsck_all
}

@test "fields take text, JSON, files and elements" {
	new_world
	new_replica E0007 wang
	on wang put contact C-0001 'phones+=13900002222' 'phones-=13900001111' -m 换号
	run on wang --json get contact C-0001
	is '.fields.phones' '["13900002222"]'
	on wang put contact C-0001 'hobbies:=["书法","围棋"]'
	run on wang --json get contact C-0001
	is '.fields.hobbies | sort' '["书法","围棋"]'
	printf '需要最新的循证资料\n' >"$BATS_TEST_TMPDIR/needs.txt"
	on wang put contact C-0001 "needs@=$BATS_TEST_TMPDIR/needs.txt"
	run on wang --json get contact C-0001
	is '.fields.needs' '"需要最新的循证资料"'
	on wang put contact C-0001 needs=
	run on wang --json get contact C-0001
	is '.fields | has("needs")' false
	run on wang put contact C-0001 nosuch=x
	[ "$status" -ne 0 ]
	run on wang put contact C-0001 phones+=12 -m x
	[ "$status" -eq 1 ]
	run on wang put nosuch C-0001 a=b
	[ "$status" -eq 2 ]
	run on wang put contact C-9999 best_time=x
	[ "$status" -eq 1 ]
	# Text in another normal form is the same text.
	on wang put contact C-0001 "needs=$(printf 'cafe\xcc\x81')"
	run on wang --json get contact C-0001
	is '.fields.needs' "\"$(printf 'caf\xc3\xa9')\""
}

@test "reading SQL cannot write" {
	new_world
	new_replica E0007 wang
	run on wang sql "UPDATE contact SET name = 'x'"
	[ "$status" -eq 3 ]
	run on wang sql 'SELECT nosuch FROM contact'
	[ "$status" -eq 1 ]
}

@test "an invitation is mode 0600 and is not written over" {
	new_world
	hub --quiet hub enroll E0007 --out "$BATS_TEST_TMPDIR/i"
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/i")" = 600 ]
	run hub hub enroll E0007 --out "$BATS_TEST_TMPDIR/i"
	[ "$status" -eq 1 ]
	"$REPSYNC" --quiet enroll "$BATS_TEST_TMPDIR/i" "$BATS_TEST_TMPDIR/wang"
	# The same one again changes nothing (the first answer may have been lost); another one is refused.
	"$REPSYNC" --quiet enroll "$BATS_TEST_TMPDIR/i" "$BATS_TEST_TMPDIR/wang"
	hub --quiet hub enroll E0007 --out "$BATS_TEST_TMPDIR/second"
	run "$REPSYNC" enroll "$BATS_TEST_TMPDIR/second" "$BATS_TEST_TMPDIR/wang"
	[ "$status" -eq 1 ]
	[[ "$output" == *"there is a replica already"* ]]
	echo '{"type":"x"}' >"$BATS_TEST_TMPDIR/bad"
	run "$REPSYNC" enroll "$BATS_TEST_TMPDIR/bad" "$BATS_TEST_TMPDIR/other"
	[ "$status" -eq 1 ]
	[ ! -e "$BATS_TEST_TMPDIR/other/replica.db" ]
}

@test "a desk merges at once" {
	new_world
	new_replica E0007 wang
	hub --quiet hub rep add E0031 --name 马丽 --role steward
	hub --quiet hub desk E0031 "$BATS_TEST_TMPDIR/desk"
	on desk --quiet sync
	on desk put contact C-0001 best_time=周五下午 -m 电话确认
	run on desk --json sync
	is '.sent' 1
	run hub --json hub show contact C-0001
	is '.fields.best_time' '"周五下午"'
	on wang --quiet sync
	run on wang --json get contact C-0001
	is '.fields.best_time' '"周五下午"'
}

@test "what sshd needs is printed" {
	new_world
	hub --quiet hub enroll E0007 --out "$BATS_TEST_TMPDIR/i"
	run hub hub serve ssh-config --user crm
	[[ "$output" == *"Match User crm"* ]]
	[[ "$output" == *"AuthorizedKeysFile $(realpath "$BATS_TEST_TMPDIR/hub")/serve/authorized_keys"* ]]
	run hub hub serve ssh-keys --program /usr/bin/repsync
	[ "$status" -eq 0 ]
	[ -f "$BATS_TEST_TMPDIR/hub/serve/authorized_keys" ]
}

@test "an ssh address wants the host's key, Ed25519 or ECDSA" {
	local url=ssh://repsync@crm.example kind
	new_world
	run hub hub enroll E0007 --out "$BATS_TEST_TMPDIR/i" --url $url
	[ "$status" -eq 2 ]
	[[ "$output" == *"--host-key is missing"* ]]
	for kind in ed25519 ecdsa; do
		ssh-keygen -q -t $kind -N '' -f "$BATS_TEST_TMPDIR/$kind"
		hub --quiet hub enroll E0007 --out "$BATS_TEST_TMPDIR/$kind.invitation" --url $url --host-key "$BATS_TEST_TMPDIR/$kind.pub"
		run cut -d' ' -f1,2 "$BATS_TEST_TMPDIR/$kind.pub"
		[ "$(jq -r .host_key "$BATS_TEST_TMPDIR/$kind.invitation")" = "$output" ]
	done
	run hub hub enroll E0007 --out "$BATS_TEST_TMPDIR/i" --url $url --host-key "$BATS_TEST_TMPDIR/ecdsa"
	[ "$status" -eq 1 ]
	[[ "$output" == *"holds no ssh host key"* ]]
}

@test "what nginx needs is printed, and nothing that could be more than a name is put into it" {
	new_hub
	run hub hub serve nginx-config --host crm.example --certificate /etc/c.pem --key /etc/k.pem
	[ "$status" -eq 0 ]
	[[ "$output" == *"server_name crm.example;"* && "$output" == *"listen 443 ssl;"* && "$output" == *'REMOTE_USER $remote_user;'* ]]
	run hub hub serve nginx-config --host crm.example
	[ "$status" -eq 2 ]
	for bad in 'a;b' 'a b' 'a{' '$host' 'a"b' ''; do
		run hub hub serve nginx-config --host "$bad" --certificate /etc/c.pem --key /etc/k.pem
		[ "$status" -ne 0 ]
	done
}

@test "an https address wants the authority, by name, and a bundle with a key in it is refused" {
	new_world
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN=authority \
		-keyout "$BATS_TEST_TMPDIR/ca.key" -out "$BATS_TEST_TMPDIR/ca.pem"
	cat "$BATS_TEST_TMPDIR/ca.key" "$BATS_TEST_TMPDIR/ca.pem" >"$BATS_TEST_TMPDIR/both.pem"
	run hub hub enroll E0007 --out "$BATS_TEST_TMPDIR/i" --url https://crm.example/repsync
	[ "$status" -eq 2 ]
	run hub hub enroll E0007 --out "$BATS_TEST_TMPDIR/i" --url https://127.0.0.1/repsync --ca "$BATS_TEST_TMPDIR/ca.pem"
	[ "$status" -eq 2 ]
	run hub hub enroll E0007 --out "$BATS_TEST_TMPDIR/i" --url https://crm.example/repsync --ca "$BATS_TEST_TMPDIR/both.pem"
	[ "$status" -eq 3 ]
	[ ! -e "$BATS_TEST_TMPDIR/i" ]
	hub hub enroll E0007 --out "$BATS_TEST_TMPDIR/i" --url https://crm.example/repsync/ --ca "$BATS_TEST_TMPDIR/ca.pem"
	run cat "$BATS_TEST_TMPDIR/i"
	is '.url' '"https://crm.example/repsync"'
	is '.token | test("^[0-9a-f]{64}$")'
	is '.ssh_secret' null
	# The hub keeps what checks the token, not the token.
	run grep -rF "$(jq -r .token "$BATS_TEST_TMPDIR/i")" "$BATS_TEST_TMPDIR/hub"
	[ "$status" -eq 1 ]
}

@test "the language follows LANG" {
	new_world
	LC_ALL= LANG=zh_CN.UTF-8 run hub hub rep list
	[[ "${lines[0]}" == 人员* ]]
	LC_ALL= LANG=en_US.UTF-8 run hub hub rep list
	[[ "${lines[0]}" == rep* ]]
}
