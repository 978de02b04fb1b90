# hub erase where the record was entered twice and joined, where references say `clear`, where laptops are encrypted, and where something of
# the record arrives between the erasure and the merge that carries it out.
bats_require_minimum_version 1.5.0
load world
load sealed

DAY=2026-03-20
# Of her two records: name, phone, an address, a reason; of the task about her: title and note.
CANARIES=(刘敏 13900005555 乙路99号 13700001234 给刘医生回电 13700002222)

setup_file() {
	export DAY REPLICAS=encrypted
	world_setup
	umask 077
	export W HUB TZ FAKETIME_LIB REPSYNC_KEYS=$W/keys REPSYNC_AGENT_SOCK=$W/a/s
	echo '正确的马电池钉' >"$W/pass"
	p=(--passphrase-file "$W/pass")
	world_company
	hub_at '2026-03-15 09:30:00' territory add JN-01 --partition O-0102
	hub_at '2026-03-15 09:31:00' rep add E0001 --name 马丽 --role steward --territory JN
	enrol_sealed wang E0007
	enrol_sealed sun E0003
	hub_at '2026-03-15 10:30:00' desk E0001 "$W/ma"
	at '2026-03-15 10:31:00' ma sync
	at "$DAY 08:00:00" wang "${p[@]}" new contact --id C-0010 name=刘敏 kind=医务人员 org=O-0102 dept=呼吸内科 phones=13900005555 \
		work_address=乙路99号 -m '名片 13700001234'
	at "$DAY 08:01:00" wang "${p[@]}" new task --id T-0001 title=给刘医生回电 org=O-0102 contact=C-0010 note=13700002222 -m 约好
	at "$DAY 08:01:30" wang "${p[@]}" new task --id T-0002 title=给刘医生回电 contact=C-0010 -m 约好
	at "$DAY 08:02:00" wang "${p[@]}" new contact --id C-0011 name=周平 kind=医务人员 org=O-0102 dept=骨科 phones=13900008888 -m 拜访
	at "$DAY 08:03:00" sun "${p[@]}" put org O-0102 key_contacts+=C-0002 key_contacts+=C-0003 -m 重点
	everybody 09
	cp -a "$W" "$W.before"
}
teardown_file() { rm -rf "$W" "$W".*; }

everybody() { # everybody HH: all send, the hub merges, all take
	local who
	for who in wang sun; do at "$DAY $1:00:00" $who "${p[@]}" sync; done
	hub_at "$DAY $1:05:00" merge
	for who in wang sun; do at "$DAY $1:10:00" $who "${p[@]}" sync; done
	at "$DAY $1:10:00" ma sync
}
canary() { python3 "$BATS_TEST_DIRNAME/canary.py" "$@" "${CANARIES[@]}"; }
read_hub() { "$REPSYNC" -C "$HUB" --json hub "$@"; }

# The journal and the clone of an encrypted replica, told by itself, as a plain one for canary.py.
told() { # told NAME TIME
	mkdir "$W/$1.told"
	at "$2" "$1" "${p[@]}" --json sql 'SELECT seq, hex(data) AS data, reason FROM _journal' >"$W/journal.json"
	at "$2" "$1" "${p[@]}" --json sql 'SELECT name, piece, hex(data) AS data FROM _clone ORDER BY name, piece' >"$W/clone.json"
	python3 - "$W/$1.told/replica.db" "$W/journal.json" "$W/clone.json" <<'PY'
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE _journal(seq, data, reason)")
db.execute("CREATE TABLE _clone(name, piece, data)")
for seq, data, reason in json.load(open(sys.argv[2]))["rows"]:
    db.execute("INSERT INTO _journal VALUES(?, ?, ?)", (seq, bytes.fromhex(data), reason))
for name, piece, data in json.load(open(sys.argv[3]))["rows"]:
    db.execute("INSERT INTO _clone VALUES(?, ?, ?)", (name, piece, bytes.fromhex(data)))
db.commit()
PY
	canary replica "$W/$1.told"
}
again() { # the world as it was before any erasure
	p=(--passphrase-file "$W/pass")
	rm -rf "$W" && cp -a "$W.before" "$W"
}
erase() { hub_at "$DAY 10:30:00" --json erase contact C-0010 --reason 请求 --yes --as E0003; }

@test "who was entered twice is erased whole, by either id" {
	again
	[ "$(read_hub show contact C-0010 | jq -r .id)" = C-0002 ]
	erase >"$W/told.json"
	jq -e '[.erased[] | [.entity, .id]] == [["contact","C-0002"],["contact","C-0010"]] and .pending == []' "$W/told.json"
	run canary hub "$HUB"
	echo "$output"
	[ "$status" -eq 0 ]
	read_hub show contact C-0010 | jq -e '.id == "C-0002" and .fields == {"org": "O-0102", "status": "erased"}'
	"$REPSYNC" -C "$HUB" hub verify --replay
	run --separate-stderr hub_at "$DAY 10:40:00" erase contact C-0002 --reason 再次 --yes
	[ "$status" -eq 3 ]
}

@test "a reference that says clear loses her and nothing else, in a set and alone" {
	again
	[ "$(read_hub show org O-0102 | jq -c .fields.key_contacts)" = '["C-0002","C-0003"]' ]
	read_hub show task T-0001 | jq -e '.fields.contact == "C-0010" or .fields.contact == "C-0002"'
	erase | jq -e '[.altered[] | [.entity, .id]] == [["org","O-0102"],["task","T-0001"],["task","T-0002"]]'
	[ "$(read_hub show org O-0102 | jq -c .fields.key_contacts)" = '["C-0003"]' ]
	# A task that lay with her lies with who does it; of one that names the hospital nothing moves.
	read_hub show task T-0002 | jq -e '.deleted == null and .partition == "team-JN-01"'
	read_hub show task T-0001 | jq -e '.deleted == null and .partition == "O-0102" and .fields == {"assignee": "JN-01", "kind": "其他", "org": "O-0102", "state": "open"}'
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "an encrypted laptop is clean with its next sync" {
	again
	run told wang "$DAY 10:00:00"
	[ "$status" -eq 1 ]
	[[ "$output" == *journal* && "$output" == *clone* ]]
	rm -r "$W/wang.told"
	erase >/dev/null
	at "$DAY 11:00:00" wang "${p[@]}" sync
	run told wang "$DAY 11:01:00"
	echo "$output"
	[ "$status" -eq 0 ]
	at "$DAY 11:02:00" wang "${p[@]}" verify
	at "$DAY 11:02:00" wang "${p[@]}" --json get task T-0001 | jq -e '.fields.contact == null and .fields.note == null'
	[ "$(at "$DAY 11:03:00" wang "${p[@]}" --json find 刘敏 | jq length)" = 0 ]
}

@test "who is joined with her offline is not gone with her: the join is refused" {
	again
	at "$DAY 10:20:00" ma merge-records contact C-0011 --into C-0002 -m 查实为一人
	erase >/dev/null
	at "$DAY 11:00:00" ma sync
	at "$DAY 11:10:00" ma sync
	at "$DAY 11:10:00" ma --json inbox --kind rejection | jq -e '.[0].code == "erased"'
	read_hub show contact C-0011 | jq -e '.id == "C-0011" and .deleted == null and .fields.name == "周平"'
	read_hub show contact C-0002 | jq -e '.fields.status == "erased"'
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "a consent of a laptop that has not heard of it is taken, and can be erased by itself" {
	again
	at "$DAY 10:20:00" wang "${p[@]}" new consent --id S-0001 contact=C-0002 purpose=拜访 decision=同意 -m '本人 13700007777'
	erase >/dev/null
	at "$DAY 11:00:00" wang "${p[@]}" sync
	hub_at "$DAY 11:05:00" --json merge | jq -e '.applied == 1'
	hub_at "$DAY 11:10:00" --json erase consent S-0001 --reason 请求 --yes | jq -e '[.erased[].id] == ["S-0001"] and .lines == 1'
	CANARIES+=(13700007777)
	run canary hub "$HUB"
	echo "$output"
	[ "$status" -eq 0 ]
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "killed between its being written down and the merge: what laptops send of her meanwhile is refused too, and nothing of it kept" {
	local erase=("$REPSYNC" -C "$HUB" hub erase contact C-0010 --reason 请求 --yes) killat=$REPSYNC_BUILD/tests/killat at
	again
	when "$DAY 10:30:00" "$killat" --log "$W.log" --within "$W" "${erase[@]}"
	# The next call after its own outbox moved for the first time.
	at=$(grep -n 'hub00000.git/refs/heads/outbox$' "$W.log" | head -n 1 | cut -d: -f1)
	again
	run when "$DAY 10:30:00" "$killat" --at $((at + 1)) --within "$W" "${erase[@]}"
	[ "$status" -eq 137 ]
	at "$DAY 10:20:00" wang "${p[@]}" put contact C-0010 phones+=13700007777 -m 迟到
	at "$DAY 10:35:00" wang "${p[@]}" sync
	hub_at "$DAY 10:40:00" --json merge >"$W/merged.json"
	jq . "$W/merged.json"
	jq -e ".problems == [] and .rejected == 1" "$W/merged.json"
	CANARIES+=(13700007777)
	run canary hub "$HUB"
	echo "$output"
	[ "$status" -eq 0 ]
	"$REPSYNC" -C "$HUB" hub verify --replay
	at "$DAY 11:00:00" wang "${p[@]}" sync
	run told wang "$DAY 11:01:00"
	echo "$output"
	[ "$status" -eq 0 ]
}
