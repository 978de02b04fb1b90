# Backups: taken while people work, brought up to date by what is new, verified; and a hub restored from an older one comes back to the very
# records of before, by what the mailboxes hold.
load world

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	export DAY
	world_backed_up
	# The hub works too.
	printf 'id,dept\nC-0003,骨科\n' >"$W/more.csv"
	hub_at "$DAY 10:20:00" import contact "$W/more.csv"
	hub_at "$DAY 10:25:00" rep set E0015 --territory JN-01
	hub_at "$DAY 10:30:00" merge
	for name in wang li; do at "$DAY 10:31:00" $name sync; done
	"$REPSYNC" -C "$HUB" hub verify --replay
}
teardown_file() { rm -rf "$W"; }
setup() { HUB=$W/hub; }

trees() { git -C "$1/central.git" rev-parse main:data main:restricted main:org 2>/dev/null || true; }

@test "a hub restored from an older backup beside the mailboxes that outlived it comes to the same records, and devices go on" {
	cp -a "$W" "$W.live"
	local want
	want=$(trees "$HUB")
	"$REPSYNC" -C "$HUB" --json hub export contact >"$W/before.json"
	mkdir "$W/lost" && mv "$HUB" "$W/lost/hub" && rm -rf "$W/lost/hub/central.git" "$W/lost/hub/work.db"
	run --separate-stderr "$REPSYNC" -C "$HUB" --json hub restore "$W/backup" --mailboxes "$W/lost/hub/mailboxes"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	jq -e 'all(.devices[]; .owed == false) and any(.devices[]; .mailbox > .central)' <<<"$output"
	[ "$(trees "$HUB")" != "$want" ]
	# Merged days later; what counts is when it came first.
	hub_at '2026-03-19 08:00:00' merge
	[ "$(trees "$HUB")" = "$want" ]
	"$REPSYNC" -C "$HUB" --json hub export contact | cmp - "$W/before.json"
	[ ! -e "$HUB/healing" ]
	"$REPSYNC" -C "$HUB" hub verify --replay
	for name in wang li; do
		at '2026-03-19 08:10:00' $name sync
		at '2026-03-19 08:11:00' $name verify
	done
	at '2026-03-19 09:00:00' wang put contact C-0001 best_time=周一 -m 之后
	at '2026-03-19 09:01:00' wang sync
	hub_at '2026-03-19 09:02:00' merge
	[ "$("$REPSYNC" -C "$HUB" --json hub show contact C-0001 | jq -r .fields.best_time)" = 周一 ]
	rm -rf "$W"
	mv "$W.live" "$W"
}

@test "a backup is brought up to date by what is new, and restores by itself to what it was taken of" {
	local before after
	cp -a "$W/backup" "$W/second"
	before=$(du -sb "$W/second/central.git" | cut -f1)
	run --separate-stderr hub_at "$DAY 11:00:00" --json backup "$W/second"
	[ "$status" -eq 0 ]
	[ "$(jq -r .commit <<<"$output")" = "$(git -C "$HUB/central.git" rev-parse main)" ]
	after=$(du -sb "$W/second/central.git" | cut -f1)
	[ "$after" -lt $((before * 2)) ]
	git -C "$W/second/central.git" fsck --full --strict
	[ "$(stat -c %a "$W/second" "$W/second/keys" "$W/second/keys/hub.key" | tr '\n' ' ')" = '700 700 600 ' ]
	"$REPSYNC" -C "$W/again" hub restore "$W/second"
	[ "$(trees "$W/again")" = "$(trees "$HUB")" ]
	"$REPSYNC" -C "$W/again" hub verify --replay
	# Nothing new: nothing written, and still verified.
	hub_at "$DAY 11:05:00" backup "$W/second"
	rm -rf "$W/second" "$W/again"
}

@test "who alone has what the company acknowledged is named" {
	# The mailboxes are gone too: those of the backup are older than what the laptops were told.
	run --separate-stderr "$REPSYNC" -C "$W/old" --json hub restore "$W/backup"
	[ "$status" -eq 0 ]
	jq -e '.devices | map(select(.rep == "E0007")) | .[0] | .central == 1 and .mailbox == 1 and .owed == false' <<<"$output"
	# A mailbox whose outbox was lost and whose view was not says that its device owes something.
	cp -a "$HUB/mailboxes" "$W/half"
	wang=$(sqlite3 -readonly "$W/wang/replica.db" "SELECT value FROM _meta WHERE key = 'device'")
	git -C "$W/half/$wang.git" update-ref refs/heads/outbox "$(git -C "$W/backup/mailboxes/$wang.git" rev-parse outbox)"
	rm -rf "$W/old"
	run --separate-stderr "$REPSYNC" -C "$W/old" --json hub restore "$W/backup" --mailboxes "$W/half"
	[ "$status" -eq 0 ]
	jq -e '.devices | map(select(.owed)) | length == 1 and .[0].rep == "E0007" and .[0].acknowledged > .[0].mailbox' <<<"$output"
	rm -rf "$W/old" "$W/half"
}

@test "what is no backup, is another company's, or is damaged: refused, and said why" {
	mkdir "$W/full" && echo x >"$W/full/x"
	run --separate-stderr "$REPSYNC" -C "$HUB" hub backup "$W/full"
	[ "$status" -eq 3 ] && [[ "$stderr" == *"not empty"* ]]
	"$REPSYNC" -C "$W/other" --quiet hub init --company 别家
	run --separate-stderr "$REPSYNC" -C "$W/other" hub backup "$W/backup"
	[ "$status" -eq 3 ] && [[ "$stderr" == *"no backup of this hub"* ]]
	run --separate-stderr "$REPSYNC" -C "$HUB" hub restore "$W/backup"
	[ "$status" -eq 1 ] && [[ "$stderr" == *"there already"* ]]
	cp -a "$W/backup" "$W/broken"
	python3 - "$W/broken"/central.git/objects/pack/*.pack <<-'PY'
		import os, sys
		path = max(sys.argv[1:], key=os.path.getsize)
		os.chmod(path, 0o600)
		with open(path, "r+b") as file:
		    file.seek(os.path.getsize(path) // 2)
		    byte = file.read(1)[0]
		    file.seek(-1, 1)
		    file.write(bytes([byte ^ 16]))
	PY
	run --separate-stderr "$REPSYNC" -C "$W/new" hub restore "$W/broken"
	[ "$status" -eq 5 ]
	run --separate-stderr hub_at "$DAY 12:00:00" backup "$W/broken"
	[ "$status" -eq 5 ]
	rm -rf "$W/full" "$W/other" "$W/broken" "$W/new"
}
