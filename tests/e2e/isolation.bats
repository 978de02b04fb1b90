# No credential opens another's mailbox, over ssh or over https.
load transports
load hostile
load isolation

setup() {
	BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR
}
teardown() { transport_end; }

@test "isolation over ssh: by id, by a forged push, by paths, by whatever else ssh can do" {
	transport_world ssh
	isolation_as_wang
	local ssh=(ssh -i "$W/key" -o UserKnownHostsFile="$W/known_hosts" -o IdentitiesOnly=yes -o BatchMode=yes -p "$PORT" "$(id -un)@127.0.0.1")
	no_object_by_its_id
	GIT_PROTOCOL=version=2 run "${ssh[@]}" -o SendEnv=GIT_PROTOCOL "git-upload-pack 'x'" </dev/null
	[[ "$output" != *'version 2'* ]]
	no_commit_of_another_by_a_forged_push "${ssh[@]}" "git-receive-pack 'x'"

	# Whatever path is named, it is one's own mailbox.
	for path in "$YOU.git" "$HUB/mailboxes/$YOU.git" "../$YOU.git" "$HUB/central.git" / "~/"; do
		run git ls-remote "$(url)/$path"
		[ "$status" -ne 0 ] || [[ "$output" == *"$TIP"* && "$output" != *"$SECRET"* ]]
	done
	for command in id '' "git-upload-pack '$HUB/central.git'; id" "git-upload-pack --upload-pack='id' 'x'" \
		"cat $HUB/keys/hub.key" "git-upload-archive '$YOU.git'" "scp -f $HUB/work.db" "\$(id)" \
		"git-receive-pack 'a' 'b'" "git-upload-pack 'x' -- '$YOU'"; do
		run "${ssh[@]}" "$command" </dev/null
		[ "$status" -ne 0 ]
		[[ "$output" != *uid=* && "$output" != *"$SECRET"* ]]
	done
	run sftp -i "$W/key" -o UserKnownHostsFile="$W/known_hosts" -o IdentitiesOnly=yes -o BatchMode=yes -P "$PORT" "$(id -un)@127.0.0.1:$HUB/work.db" "$W/stolen"
	[ ! -e "$W/stolen" ]
	# No port is forwarded, no terminal given.
	run timeout 20 "${ssh[@]}" -o ExitOnForwardFailure=yes -W "127.0.0.1:$PORT" </dev/null
	[[ "$output" != *SSH-2.0* ]]
	run "${ssh[@]}" -tt </dev/null
	[ "$status" -ne 0 ]
	untouched
}

@test "isolation over https: by id, by a forged push, by paths, by another's name" {
	transport_world https
	isolation_as_wang
	local base=https://localhost:$PORT curl=(curl -sS --cacert "$SERVER/ca.pem" -o "$W/answer" -w '%{http_code}')
	no_object_by_its_id
	run "${curl[@]}" -u "$ME:$TOKEN" -H 'Git-Protocol: version=2' "$base/repsync/info/refs?service=git-upload-pack"
	[ "$output" = 200 ]
	! grep -qa 'version 2' "$W/answer"
	no_commit_of_another_by_a_forged_push curl -sS --cacert "$SERVER/ca.pem" -u "$ME:$TOKEN" --data-binary @- \
		-H 'Content-Type: application/x-git-receive-pack-request' "$base/repsync/git-receive-pack"

	# One's own token under another's name, and no token at all.
	for who in "$YOU:$TOKEN" "$ME:" "$ME:${TOKEN%?}0x" "$YOU:" ":$TOKEN" "$ME/../$YOU:$TOKEN"; do
		run "${curl[@]}" -u "$who" "$base/repsync/info/refs?service=git-upload-pack"
		[ "$output" = 401 ]
	done
	run "${curl[@]}" "$base/repsync/info/refs?service=git-upload-pack"
	[ "$output" = 401 ]
	run "${curl[@]}" -u "$ME:$TOKEN" -H "Remote-User: $YOU" -H "X-Remote-User: $YOU" "$base/repsync/info/refs?service=git-upload-pack"
	[ "$output" = 200 ]
	grep -qa "$TIP" "$W/answer"
	! grep -qa "$SECRET" "$W/answer"

	# There is one path.
	for path in "/repsync/$YOU.git/info/refs" "/repsync/../$YOU.git/info/refs" "/repsync/%2e%2e/$YOU.git/info/refs" /repsync/HEAD \
		/repsync/objects/info/packs "/$YOU.git/info/refs" /serve/tokens /; do
		run "${curl[@]}" --path-as-is -u "$ME:$TOKEN" "$base$path?service=git-upload-pack"
		[[ "$output" == 40[034] ]]
		! grep -qa "$SECRET" "$W/answer"
	done
	run "${curl[@]}" -u "$ME:$TOKEN" "$base/repsync/info/refs"
	[ "$output" = 403 ]
	untouched

	# A laptop whose lease is over, and one that was shut out.
	sed -i "s/^\($ME:.*:\)20..-/\12020-/" "$HUB/serve/tokens"
	run on_laptop wang sync
	[ "$status" -eq 3 ]
	sed -i "/^$ME:/d" "$HUB/serve/tokens"
	run on_laptop wang sync
	[ "$status" -eq 3 ]
	[[ "$output" == *"does not take this device's token"* ]]
	company hub merge
	on_laptop wang sync
}
