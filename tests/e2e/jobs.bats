# merge --jobs: with one clock, any number of jobs makes the same commits, views and all, byte for byte.
load world

setup() { world_setup; }
teardown() { world_teardown; }

# A merge of a copy of the hub, at a moment that stands still; prints what every repository shows.
merged_with() {
	cp -a "$HUB" "$W/copy"
	LD_PRELOAD=$FAKETIME_LIB FAKETIME='2026-03-16 20:06:00' DONT_FAKE_MONOTONIC=1 "$REPSYNC" -C "$W/copy" --quiet hub merge --jobs "$1"
	for box in "$W/copy/central.git" "$W"/copy/mailboxes/*.git; do
		git -C "$box" fsck --full --strict
		git -C "$box" for-each-ref --format='%(refname) %(objectname)'
	done
	rm -rf "$W/copy"
}

@test "merge --jobs 1, 2 and 16 make the same commits" {
	world_company
	enrol wang E0007
	enrol li E0012
	enrol sun E0003
	enrol zhou E0015
	at '2026-03-16 09:10:00' wang put contact C-0001 best_time=周三下午 -m 本人告知
	at '2026-03-16 10:25:00' li put contact C-0001 phones+=13900003333 best_time=周四上午 -m 本人告知
	at '2026-03-16 10:30:00' zhou put contact C-0002 best_time=周一 -m 本人告知
	for name in wang li zhou; do at '2026-03-16 20:00:00' "$name" sync; done
	merged_with 1 >"$W/one"
	merged_with 2 >"$W/two"
	merged_with 16 >"$W/many"
	cmp "$W/one" "$W/two"
	cmp "$W/one" "$W/many"
	# It did merge, and four views are new.
	for box in "$HUB/central.git" "$HUB"/mailboxes/*.git; do git -C "$box" for-each-ref --format='%(refname) %(objectname)'; done >"$W/before"
	[ "$(diff "$W/before" "$W/one" | grep -c '^> ')" -ge 5 ]
}

@test "jobs are 1 to 64" {
	world_company
	run "$REPSYNC" -C "$HUB" hub merge --jobs 0
	[ "$status" -eq 2 ]
	run "$REPSYNC" -C "$HUB" hub merge --jobs 65
	[ "$status" -eq 2 ]
}
