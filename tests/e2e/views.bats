# What a mailbox may try with views: an older one, another's, parts of two, one that somebody made. And what a lost account costs.
load helpers

setup() {
	new_world
	new_replica E0007 wang
	new_replica E0012 li
	BOX=$BATS_TEST_TMPDIR/hub/mailboxes/$(device wang).git
	FIRST=$(box rev-parse inbox)
	on li --quiet put contact C-0001 best_time=周三下午 -m 李
	on li --quiet sync
	hub --quiet hub merge
	NEWEST=$(box rev-parse inbox)
	[ "$FIRST" != "$NEWEST" ]
}

device() { sqlite3 -readonly "$BATS_TEST_TMPDIR/$1/replica.db" "SELECT value FROM _meta WHERE key = 'device'"; }
box() { git -C "$BOX" "$@"; }
rows() { on wang --json list contact | sha256sum; }

# shown COMMIT: the mailbox shows this view
shown() { box update-ref refs/heads/inbox "$1"; }
# made TREE: a commit after the newest, as somebody makes one who may write the folder; loose objects are not read, so it is packed
made() {
	local commit
	commit=$(box -c user.name=x -c user.email=x commit-tree "$1" -p "$NEWEST" -m 'view 1.99')
	box repack -q -d -a -k 2>/dev/null
	shown "$commit"
	find "$BOX/objects" -type d -name '??' -exec rm -rf {} +
}

# refused WORD: with an integrity failure that says so, twice; nothing changes, and the true view is taken afterwards
refused() {
	local before
	before=$(rows)
	for _ in 1 2; do
		run on wang sync
		[ "$status" -eq 5 ]
		[[ "$output" == *"$1"* ]] || { echo "not \"$1\": $output"; return 1; }
		[ "$(rows)" = "$before" ]
	done
	shown "$NEWEST"
	on wang --quiet sync
	[ "$(on wang --json get contact C-0001 | jq -r .fields.best_time)" = 周三下午 ]
	on wang verify
}

@test "views: an older one is told from the newest that was taken" {
	on wang --quiet sync
	shown "$FIRST"
	refused 'set back'
}

@test "views: another device's" {
	box fetch -q "$BATS_TEST_TMPDIR/hub/mailboxes/$(device li).git" inbox
	shown "$(box rev-parse FETCH_HEAD)"
	box repack -q -d -a -k 2>/dev/null
	find "$BOX/objects" -type d -name '??' -exec rm -rf {} +
	refused "for device $(device li)"
}

@test "views: the newest view's signature over an older view's records" {
	made "$({ box ls-tree "$NEWEST" | grep -v 'data$'; box ls-tree "$FIRST" | grep 'data$'; } | box mktree)"
	refused 'is not what the hub signed'
}

@test "views: a part that is missing, and one that nobody signed" {
	made "$(box ls-tree "$NEWEST" | grep -v 'org$' | box mktree)"
	refused 'missing'
}

@test "views: one whose self.json was edited" {
	local self
	self=$(box show "$NEWEST:self.json" | sed 's/"role":"rep"/"role":"manager"/' | box hash-object -w --stdin)
	made "$({ box ls-tree "$NEWEST" | grep -v 'self.json$'; printf '100644 blob %s\tself.json\n' "$self"; } | box mktree)"
	refused 'signature'
}

@test "views: a lost account costs its own bytes, not the territory's" {
	local i lost whole
	for i in $(seq 201 260); do echo "O-0$i,第 $i 医院,下游,二级甲等"; done | { echo id,名称,性质,等级; cat; } >"$BATS_TEST_TMPDIR/more.csv"
	for i in $(seq 201 260); do for n in $(seq 10); do echo "C-$i-$n,医生$i$n,医务人员,O-0$i,内科,,,"; done; done |
		{ echo id,姓名,类别,单位,科室,职称,电话,方便时间; cat; } >"$BATS_TEST_TMPDIR/doctors.csv"
	hub --quiet hub import org "$BATS_TEST_TMPDIR/more.csv"
	hub --quiet hub import contact "$BATS_TEST_TMPDIR/doctors.csv"
	hub --quiet hub territory set JN-03 --name 江南三 --parent JN $(for i in $(seq 201 260); do echo "--partition O-0$i"; done)
	new_rep E0021 赵敏 rep JN-03
	hub --quiet hub enroll E0021 --out "$BATS_TEST_TMPDIR/zhao.invitation"
	"$REPSYNC" --quiet enroll "$BATS_TEST_TMPDIR/zhao.invitation" "$BATS_TEST_TMPDIR/zhao"
	on zhao --quiet sync
	hub --quiet hub merge
	run on zhao --json sync
	whole=$(jq .bytes_down <<<"$output")
	[ "$(on zhao --json list contact | jq length)" = 600 ]
	hub --quiet hub territory remove JN-03 --partition O-0230
	hub --quiet hub merge
	run on zhao --json sync
	lost=$(jq .bytes_down <<<"$output")
	echo "# 60 accounts with 600 doctors: $whole bytes; with one lost: $lost" >&3
	[ "$(on zhao --json list contact | jq length)" = 590 ]
	[ "$lost" -lt $((whole / 20)) ]
	on zhao verify
}
