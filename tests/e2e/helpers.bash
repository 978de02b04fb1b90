# What end-to-end tests share: a world of its own for each test, below $BATS_TEST_TMPDIR.
: "${REPSYNC:?names the program; script/test sets it}"
export LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
FAKETIME_LIB=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)

hub() { "$REPSYNC" -C "$BATS_TEST_TMPDIR/hub" "$@"; }
# on NAME COMMAND...: at the replica of that name
on() { "$REPSYNC" -C "$BATS_TEST_TMPDIR/$1" "${@:2}"; }
# at TIME COMMAND...: with the clock standing at TIME ("2026-03-16 08:10:00", UTC)
at() {
	local time=$1
	shift
	LD_PRELOAD=$FAKETIME_LIB FAKETIME="$time" FAKETIME_DONT_FAKE_MONOTONIC=1 "$@"
}

# Plain replicas, that tests may look into with stock sqlite3; crypt.bats has the encrypted ones.
new_hub() { hub --quiet hub init --company 朗峰医药 --replicas "${REPLICAS:-plain}"; }

# new_rep REP NAME ROLE TERRITORY [assist]
new_rep() {
	hub --quiet hub rep add "$1" --name "$2" --role "$3" --territory "$4" ${5:+--assist}
}

# new_replica REP NAME: a laptop with a folder mailbox, enrolled, merged and synced
new_replica() {
	hub --quiet hub enroll "$1" --out "$BATS_TEST_TMPDIR/$2.invitation"
	"$REPSYNC" --quiet enroll "$BATS_TEST_TMPDIR/$2.invitation" "$BATS_TEST_TMPDIR/$2"
	on "$2" --quiet sync
	hub --quiet hub merge
	on "$2" --quiet sync
}

# A small company: three hospitals in two territories, three reps, a manager.
new_world() {
	new_hub
	cat >"$BATS_TEST_TMPDIR/org.csv" <<-CSV
		id,名称,性质,等级
		O-0101,江南市第一人民医院,下游,三级甲等
		O-0102,江南大学附属中山医院,下游,三级甲等
		O-0103,临江县人民医院,下游,二级甲等
	CSV
	cat >"$BATS_TEST_TMPDIR/contact.csv" <<-CSV
		id,姓名,类别,单位,科室,职称,电话,方便时间
		C-0001,陈建国,医务人员,O-0101,心内科,副主任医师,13900001111,周二上午
		C-0002,刘敏,医务人员,O-0101,呼吸科,主治医师,13900001112,
		C-0003,周涛,医务人员,O-0103,骨科,住院医师,13900001113,
	CSV
	hub --quiet hub import org "$BATS_TEST_TMPDIR/org.csv"
	hub --quiet hub import contact "$BATS_TEST_TMPDIR/contact.csv"
	hub --quiet hub territory set JN --name 江南
	hub --quiet hub territory set JN-01 --name 江南一 --parent JN --partition O-0101 --partition O-0102
	hub --quiet hub territory set JN-02 --name 江南二 --parent JN --partition O-0103
	new_rep E0003 孙立 manager JN
	new_rep E0007 王磊 rep JN-01
	new_rep E0012 李娜 rep JN-01 assist
	new_rep E0015 周强 rep JN-02
}

# fsck_all: every repository of the hub is sound
fsck_all() {
	local repo
	for repo in "$BATS_TEST_TMPDIR"/hub/central.git "$BATS_TEST_TMPDIR"/hub/mailboxes/*.git; do
		git -C "$repo" fsck --full --strict --no-dangling || return 1
	done
}

# commits: how many commits central has
commits() { git -C "$BATS_TEST_TMPDIR/hub/central.git" rev-list --count main; }

# is JSON-FILTER [EXPECTED]: the filter over $output gives EXPECTED (default true)
is() {
	local got
	got=$(jq -c "$1" <<<"$output") || { echo "no JSON: $output"; return 1; }
	[ "$got" = "${2:-true}" ] || { echo "$1: $got, not ${2:-true}"; return 1; }
}
