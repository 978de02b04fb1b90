# The company of the stories: 朗峰医药, three posts, the people and customers of the acceptance data. Every test has its own
# folder $W, removed at the end. Times are Shanghai's, given by libfaketime: the program reads no other clock.

export TZ=Asia/Shanghai
FAKETIME_LIB=$(ls /usr/lib/*/faketime/libfaketime.so.1 | head -n 1)

world_setup() {
	faketime_sweep
	W=$(mktemp -d "${BATS_TEST_TMPDIR:-/tmp}/world-XXXXXX")
	HUB=$W/hub
	[ -x "$REPSYNC" ] || { echo "REPSYNC is not set to the program" >&2; return 1; }
}

world_teardown() {
	[ ! -s "$W/ssh/pid" ] || kill "$(cat "$W/ssh/pid")" 2>/dev/null || true
	rm -rf "$W"
}

# when TIME CMD...: the command at that moment; the clock goes on from there
when() {
	local time=$1
	shift
	LD_PRELOAD=$FAKETIME_LIB FAKETIME="@$time" "$@"
}

# A process that was killed leaves libfaketime's semaphore behind, which bears its number; sooner or later a new process has that
# number again. (The program `faketime` gives up then; the library only grumbles.)
faketime_sweep() {
	local file pid
	for file in /dev/shm/faketime_shm_* /dev/shm/sem.faketime_sem_*; do
		pid=${file##*_}
		[ ! -e "$file" ] || kill -0 "$pid" 2>/dev/null || rm -f "$file"
	done
}

# hub_at TIME [--json] ARGS... ; at TIME NAME [--json] ARGS...
hub_at() {
	local time=$1
	shift
	local json=()
	if [ "$1" = --json ]; then
		json=(--json)
		shift
	fi
	when "$time" "$REPSYNC" -C "$HUB" "${json[@]}" hub "$@"
}
at() {
	local time=$1 name=$2
	shift 2
	when "$time" "$REPSYNC" -C "$W/$name" "$@"
}

# world_of_two: in setup_file, one world for all tests of a file: the company, and the laptops of 王磊 and 李娜
world_of_two() {
	world_setup
	export W HUB TZ FAKETIME_LIB
	world_company
	enrol wang E0007
	enrol li E0012
}

# world_backed_up: that world with its root key in $W/root.key and a backup of 09:20 on $DAY in $W/backup. After it both work until 10:11; a
# clock that is ahead is cut at its receipt.
world_backed_up() {
	world_of_two
	mv "$HUB/keys/root.key" "$W/root.key"
	at "$DAY 09:10:00" wang put contact C-0001 phones+=13900002222 -m 门诊
	at "$DAY 09:11:00" wang sync
	hub_at "$DAY 09:12:00" merge
	at "$DAY 09:13:00" li sync
	hub_at "$DAY 09:20:00" backup "$W/backup"
	at "$DAY 10:00:00" wang put contact C-0001 best_time=周三 -m 门诊
	at "$DAY 10:05:00" li put contact C-0001 best_time=周四 phones-=13900001111 -m 科室
	at "$DAY 10:06:00" li sync
	hub_at "$DAY 10:07:00" merge
	at "$DAY 12:00:00" wang put contact C-0003 best_time=周五 -m 钟快了
	at "$DAY 10:10:00" wang sync
	hub_at "$DAY 10:11:00" merge
}

# The company as it stands on 2026-03-15: people, posts, customers.
world_company() {
	local day='2026-03-15 09:00:00'
	hub_at "$day" init --company 朗峰医药 --replicas "${REPLICAS:-plain}" ${WORLD_SCHEMA:+--schema "$WORLD_SCHEMA"}
	cat >"$W/org.csv" <<'CSV'
id,name,level,sub_kind
O-0101,江南市第一人民医院,三级甲等,医院
O-0102,江南大学附属中山医院,三级甲等,医院
O-0103,临江县人民医院,二级甲等,医院
CSV
	cat >"$W/contact.csv" <<'CSV'
id,name,kind,org,dept,prof_title,phones,best_time,hobbies,influence
C-0001,陈建国,医务人员,O-0101,心内科,副主任医师,13900001111,周二上午,书法,市级
C-0002,刘敏,医务人员,O-0102,呼吸科,,13900005555,,,院级
C-0003,吴静,医务人员,O-0103,内科,,13900006666,,,
CSV
	hub_at "$day" import org "$W/org.csv"
	hub_at "$day" import contact "$W/contact.csv"
	hub_at "$day" territory set JN --name 江南区
	hub_at "$day" territory set JN-01 --parent JN --partition O-0101 --partition O-0103
	hub_at "$day" territory set JN-02 --parent JN --partition O-0102
	hub_at "$day" rep add E0003 --name 孙立 --role manager --territory JN
	hub_at "$day" rep add E0007 --name 王磊 --territory JN-01
	hub_at "$day" rep add E0012 --name 李娜 --territory JN-01 --assist
	hub_at "$day" rep add E0015 --name 周强 --territory JN-02
}

# enrol NAME REP: a laptop with a folder mailbox, registered and with its first view
enrol() {
	local day='2026-03-15 10:00:00'
	hub_at "$day" enroll "$2" --out "$W/$1.invitation"
	when "$day" "$REPSYNC" enroll "$W/$1.invitation" "$W/$1"
	at "$day" "$1" sync
	hub_at "$day" merge
	at "$day" "$1" sync
}

# The ids of the trees that hold the records.
records() {
	git -C "$HUB/central.git" rev-parse main:data
	git -C "$HUB/central.git" rev-parse -q --verify main:restricted || echo none
}

# Every repository is sound.
world_fsck() {
	local box
	for box in "$HUB/central.git" "$HUB"/mailboxes/*.git; do
		git -C "$box" fsck --full --strict
	done
}

field() { # field TIME NAME ENTITY ID FIELD: as JSON
	at "$1" "$2" --json get "$3" "$4" | jq -cS ".fields.$5"
}
