# A rep who turns on the company: stock git and worse, with the laptop's own credentials.

# hostile_as NAME: the key (or token) of that laptop's replica, and a clone of its mailbox in $W/evil
hostile_as() {
	ME=$(device "$1")
	(
		umask 077
		case $KIND in
		ssh)
			of_invitation "$1" own_ssh_secret >"$W/key"
			echo "[127.0.0.1]:$PORT $(cut -d' ' -f1,2 "$SERVER/host_key.pub")" >"$W/known_hosts"
			;;
		https)
			TOKEN=$(of_invitation "$1" own_token)
			printf 'https://%s:%s@localhost:%s\n' "$ME" "$TOKEN" "$PORT" >"$W/credentials"
			;;
		esac
	)
	[ "$KIND" != https ] || TOKEN=$(of_invitation "$1" own_token)
	export GIT_SSH_COMMAND="ssh -i $W/key -o UserKnownHostsFile=$W/known_hosts -o IdentitiesOnly=yes -o BatchMode=yes"
	export GIT_CONFIG_GLOBAL=$W/gitconfig
	git config --global user.name x
	git config --global user.email x@x
	export GIT_SSL_CAINFO=$SERVER/ca.pem no_proxy=localhost,127.0.0.1 NO_PROXY=localhost,127.0.0.1
	git config --global credential.helper "store --file=$W/credentials"
	git config --global protocol.version 0
	MY_URL=$(url)
	[ "$KIND" != ssh ] || MY_URL=$MY_URL/$ME.git
	git clone -q --bare "$MY_URL" "$W/evil"
	TIP=$(git -C "$W/evil" rev-parse outbox)
}

evil() { git -C "$W/evil" "$@"; }
blob() { evil hash-object -w --stdin; }
commit() { evil commit-tree "$1" -p "${2:-$TIP}" -m "${3:-x}"; }
# with LINE...: the tree of the tip with lines as ls-tree prints them
with() { { evil ls-tree "$TIP"; printf '%b\n' "$@"; } | evil mktree --missing; }
raw_tree() { python3 -c '
import sys
out = b""
for arg in sys.argv[1:]:
    mode, name, oid = arg.split(":")
    out += mode.encode() + b" " + name.encode("latin-1").decode("unicode_escape").encode("latin-1") + b"\0" + bytes.fromhex(oid)
sys.stdout.buffer.write(out)' "$@" | evil hash-object -t tree -w --literally --stdin; }

# refused PATTERN COMMIT [REF]: the push (of +COMMIT: by force; of nothing: a deletion) fails, says so, and the mailbox is as it was
refused() {
	local out status=0
	out=$(evil push "$MY_URL" "$2:${3:-refs/heads/outbox}" 2>&1) || status=$?
	unchanged
	if [ $status -eq 0 ] || ! grep -qE "$1" <<<"$out"; then
		echo "push of $2: exit $status, not \"$1\": $out"
		return 1
	fi
}
unchanged() {
	local box=$HUB/mailboxes/$ME.git
	[ "$(git -C "$box" rev-parse outbox)" = "$TIP" ]
	[ "$(git -C "$box" for-each-ref --format='%(refname)' | tr '\n' ' ')" = 'refs/heads/inbox refs/heads/outbox ' ]
}
