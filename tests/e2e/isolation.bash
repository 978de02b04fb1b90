# Rep 王磊's credentials reach nothing of rep 李娜. Nothing here is repsync's client: stock git, ssh, curl and worse.

isolation_as_wang() {
	hostile_as wang
	on_laptop li put contact C-0001 dept=秘密 -m 李
	on_laptop li sync
	YOU=$(device li)
	SECRET=$(git -C "$(mailbox li)" rev-parse outbox)
	VIEW=$(git -C "$(mailbox li)" rev-parse inbox)
}
# nothing_got: the clone of the attacker holds no object of the other
nothing_got() {
	! git -C "$W/evil" cat-file -e "$SECRET" 2>/dev/null
	! git -C "$W/evil" cat-file -e "$VIEW" 2>/dev/null
}
untouched() { [ "$(git -C "$(mailbox li)" rev-parse outbox inbox)" = "$(printf '%s\n%s' "$SECRET" "$VIEW")" ]; }

no_object_by_its_id() {
	local version id
	for version in 0 1 2; do
		for id in "$SECRET" "$VIEW" "$(git -C "$(mailbox li)" rev-parse "$VIEW:self.json")"; do
			run evil -c "protocol.version=$version" fetch "$MY_URL" "$id"
			[ "$status" -ne 0 ]
		done
	done
	nothing_got
}

no_commit_of_another_by_a_forged_push() { # COMMAND...: what speaks receive-pack
	local kind
	for kind in empty none; do
		run "$ROOT/tests/tools/badpush.py" $kind "$TIP" "$SECRET" refs/heads/outbox -- "$@"
		[ "$status" -ne 0 ]
		unchanged
	done
	run evil fetch "$MY_URL" "$SECRET"
	[ "$status" -ne 0 ]
	nothing_got
}
