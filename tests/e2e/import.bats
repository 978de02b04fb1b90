load helpers

bats_require_minimum_version 1.5.0

setup() {
	new_hub
	cd "$BATS_TEST_TMPDIR"
	cat >base.csv <<-'CSV'
		外部编号,名称,性质,等级,城市,科室,地址
		H-1,江南市第一人民医院,下游,三级甲等,江南市,心内科、骨科,"人民路1号
		东院"
		H-2,江南大学附属中山医院,下游,三甲,江南市,,"健康路2号, ""南楼"""
		H-3,临江县人民医院,下游,二级甲等,临江县,呼吸科,
	CSV
}

# load ENTITY FILE...: imports, with the report in $output; its numbers must add up
load_csv() {
	run --separate-stderr hub --json hub import "$@"
	[ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
	is '.taken + .unchanged + (.refused | length) == .records'
}
# fields ENTITY: what the hub holds of an entity, without stamps
fields() { hub --json hub export "$1" | jq -cS 'map({id, fields}) | sort_by(.id)'; }

@test "the same table is the same records in every encoding, separator and line end" {
	load_csv org base.csv
	is '.taken == 3 and .encoding == "utf-8"'
	local expected file before
	expected=$(fields org)
	before=$(commits)
	python3 - <<-'PY'
		import csv, io
		text = open('base.csv', encoding='utf-8').read()
		rows = list(csv.reader(io.StringIO(text)))
		def put(name, encoding, delimiter=',', end='\n', mark=b''):
		    out = io.StringIO()
		    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
		    open(name, 'wb').write(mark + out.getvalue().encode(encoding))
		put('bom.csv', 'utf-8', mark=b'\xef\xbb\xbf', end='\r\n')
		put('gb18030.csv', 'gb18030')
		put('gbk-semicolon.csv', 'gbk', ';', '\r\n')
		put('utf16-tab.txt', 'utf-16-le', '\t', '\r\n', b'\xff\xfe')
		put('utf16be.csv', 'utf-16-be', ',', '\n', b'\xfe\xff')
		put('double-cr.csv', 'utf-8', end='\r\r\n')
		put('tab.tsv', 'utf-8', '\t')
		quoted = '\n'.join(','.join('"' + c.replace('"', '""') + '"' for c in row) for row in rows)
		open('quoted.csv', 'w', encoding='utf-8').write(quoted)
		# A spreadsheet's own way to keep a number as text.
		rows = [['="' + c + '"' if c.startswith('H-') else c for c in row] for row in rows]
		put('excel.csv', 'utf-8', mark=b'\xef\xbb\xbf')
	PY
	for file in bom.csv gb18030.csv gbk-semicolon.csv utf16-tab.txt utf16be.csv double-cr.csv tab.tsv quoted.csv excel.csv; do
		load_csv org "$file" || { echo "$file"; return 1; }
		is '.unchanged == 3 and .changesets == 0' || { echo "$file"; return 1; }
	done
	[ "$(fields org)" = "$expected" ]
	[ "$(commits)" = "$before" ]
	fsck_all
}

@test "importing a file twice makes no change set, no run and no commit" {
	load_csv org base.csv
	is '.changesets == 1'
	local before run
	before=$(commits)
	run=$(hub --json hub status | jq .run)
	load_csv org base.csv
	is '.taken == 0 and .unchanged == 3 and .changesets == 0'
	[ "$(commits)" = "$before" ]
	[ "$(hub --json hub status | jq .run)" = "$run" ]
}

@test "what a source last gave is remembered through a rebuild" {
	load_csv org base.csv
	hub --quiet hub rebuild
	load_csv org base.csv
	is '.unchanged' 3
}

@test "only what the source changed is touched: a rep's correction survives" {
	load_csv org base.csv
	local id
	id=$(hub --json hub export org | jq -r '.[] | select(.fields.ext_id == "H-1").id')
	hub --quiet hub territory set JN-01 --partition "$id"
	new_rep E0007 王磊 rep JN-01
	new_replica E0007 wang
	on wang put org "$id" address=人民路100号 -m 现场核实
	on wang --quiet sync
	hub --quiet hub merge
	sed -i 's/^H-1,江南市第一人民医院,下游,三级甲等/H-1,江南市第一人民医院,下游,三级乙等/' base.csv
	load_csv org base.csv
	is '.taken == 1 and .unchanged == 2'
	run hub --json hub show org "$id"
	is '.fields.address' '"人民路100号"'
	is '.fields.level' '"三级乙等"'
	run hub --json hub audit --entity org --id "$id" --field level
	is 'map(.new)' '["三级甲等","三级乙等"]'
}

@test "a cell that became empty clears what the source gave" {
	load_csv org base.csv
	sed -i 's/,呼吸科,$/,,/' base.csv
	load_csv org base.csv
	is '.taken' 1
	run hub --json hub export org
	is '.[] | select(.fields.ext_id == "H-3").fields | has("departments")' false
}

@test "a bad value refuses the line where it is required and is left out where it is not" {
	cat >bad.csv <<-CSV
		外部编号,姓名,类别,电话,性别
		D-1,王敏,医务人员,13900001111,男
		D-2,王,医务人员,13900001112,男
		D-3,李娜,医务人员,1390000,女
		,周强,医务人员,13900001114,男
		D-5,周强,路人,13900001115,男
		D-6,赵勇,医务人员,13900001116,不明
	CSV
	load_csv contact bad.csv
	is '.records == 6 and .taken == 3'
	is '.refused | map([.line, .field])' '[[3,"name"],[5,"ext_id"],[6,"kind"]]'
	is '.dropped | map([.line, .field, .value])' '[[4,"phones","1390000"],[7,"gender","不明"]]'
	is '(.refused + .dropped) | all(.reason | length > 0)'
	load_csv contact bad.csv
	is '.taken == 0 and .unchanged == 3 and (.refused | length) == 3 and (.dropped | length) == 2'
}

@test "of lines with one id the last counts" {
	printf '%s\n' 外部编号,姓名,类别,职务 D-1,王敏,医务人员,一 D-2,李娜,医务人员,二 D-1,王敏,医务人员,三 >twice.csv
	load_csv contact twice.csv
	is '.taken == 2'
	is '.refused | map([.line, .reason, .field, .value])' '[[2,"repeated","ext_id","D-1"]]'
	run hub --json hub export contact
	is '.[] | select(.fields.ext_id == "D-1").fields.title' '"三"'
}

@test "a reference is the other record's key at the same source, whatever its case" {
	load_csv org base.csv
	printf '%s\n' 外部编号,姓名,类别,单位 D-1,王敏,医务人员,H-1 D-2,李娜,医务人员,h-2 D-3,周强,医务人员,H-9 D-4,赵勇,医务人员, >doctors.csv
	load_csv contact doctors.csv
	is '.taken == 3'
	is '.refused | map([.line, .reason, .field, .value])' '[[4,"dangling","org","H-9"]]'
	local org
	org=$(hub --json hub export org | jq -r '.[] | select(.fields.ext_id == "H-2").id')
	run hub --json hub export contact
	is ".[] | select(.fields.ext_id == \"D-2\") | .fields.org == \"$org\" and .partition == \"$org\""
	is '.[] | select(.fields.ext_id == "D-4") | .partition == .id'
	# Another source's keys are other keys.
	load_csv contact doctors.csv --source other
	is '.refused | map(.reason)' '["dangling","dangling","dangling"]'
}

@test "an id column is the record's id" {
	printf '%s\n' id,名称 O-0101,江南市第一人民医院 'a b',某院 ,某院 >ids.csv
	load_csv org ids.csv
	is '.taken == 1'
	is '.refused | map(.line)' '[3,4]'
	run hub --json hub show org O-0101
	is '.partition' '"O-0101"'
}

@test "mappings rename, fix and empty" {
	cat >map.json <<-'JSON'
		{"source": "his", "columns": {"code": "ext_id", "title": "name", "grade": "level"}, "set": {"party_kind": ["下游"]}, "empty": ["-", "无"]}
	JSON
	printf '%s\n' code,title,grade,名称 7,某市中心医院,3甲,不取 8,某县医院,无,不取 >mapped.csv
	load_csv org mapped.csv --mapping map.json
	is '.taken' 2
	run hub --json hub export org
	is 'map(select(.fields.source == "his" and .fields.party_kind == ["下游"])) | length' 2
	is 'map(.fields.level)' '["三级甲等",null]' || is 'map(.fields.level)' '[null,"三级甲等"]'
	load_csv org mapped.csv --map code=ext_id --map title=name --set city=某市 --source other
	is '.taken' 2
}

@test "a mapping of the schema is found by its name" {
	printf '%s\n' hospital_code,name,level H1,某市中心医院,三甲 >hospital.csv
	load_csv org hospital.csv --mapping hospital
	is '.taken' 1
}

@test "a forbidden column refuses the file" {
	printf '%s\n' 外部编号,姓名,类别,处方量 D-1,王敏,医务人员,7 >rx.csv
	run hub hub import contact rx.csv
	[ "$status" -eq 1 ]
	[[ "$output" == *处方量* ]]
	run hub --json hub export contact
	is '. == []'
}

@test "files that cannot be read end in a clear error, and nothing is taken" {
	local before
	before=$(commits)
	: >empty.csv
	printf 'name;city\nCaf\xe9 Zo\xeb;Gen\xe8ve\n' >western.csv
	printf '\xff\xfe\x00' >odd.csv
	mkdir folder.csv
	printf 'a,b\n1,2\n' >unknown.csv
	local file
	for file in empty.csv western.csv odd.csv folder.csv unknown.csv nosuch.csv; do
		run --separate-stderr hub hub import org "$file"
		[ "$status" -eq 1 ] || { echo "$file: $status"; return 1; }
		[[ "$stderr" == "repsync: cannot hub import: "*"$file"* ]] || { echo "$file: $stderr"; return 1; }
		[ -z "$output" ]
	done
	run hub hub import org base.csv --encoding klingon
	[ "$status" -eq 2 ]
	run hub hub import nosuch base.csv
	[ "$status" -eq 2 ]
	run hub hub import device base.csv
	[ "$status" -eq 2 ]
	[ "$(commits)" = "$before" ]
	head -n 1 base.csv >header.csv
	load_csv org header.csv
	is '.records == 0'
	[ "$(commits)" = "$before" ]
}

@test "damage is told of line by line and never taken" {
	python3 - <<-'PY'
		lines = open('base.csv', encoding='utf-8').read()
		head, rest = lines.split('\n', 1)
		good = 'H-7,某市第七人民医院中心院区,下游,三级甲等,某市,骨科,某路7号\n'
		gb = 'H-8,某市第八人民医院,下游,三级甲等,某市,骨科,某路8号\n'
		open('mixed.csv', 'wb').write((head + '\n' + good).encode() + gb.encode('gb18030'))
		open('cut.csv', 'wb').write((head + '\n' + good + 'H-9,某市第九').encode()[:-1])
		open('ragged.csv', 'w', encoding='utf-8').write(head + '\n' + good + 'H-8,某院\nH-9,某院,下游,一级,某市,骨科,某路,多,余\nH-10,"某院,下游\n')
	PY
	load_csv org mixed.csv
	is '.taken == 1'
	is '.refused | map(.line)' '[3]'
	is '.refused[0].reason | test("utf-8")'
	load_csv org cut.csv
	is '.unchanged == 1 and (.refused | length) == 1'
	load_csv org ragged.csv
	is '.unchanged == 1'
	is '.refused | map(.line)' '[3,4,5]'
	run hub --json hub export org
	is 'length' 1
}

@test "cells that a spreadsheet would run are text, in and out" {
	printf '%s\n' '外部编号,姓名,类别,需求' 'D-1,王敏,医务人员,"=HYPERLINK(""http://x"")"' 'D-2,李娜,医务人员,"a; DROP TABLE contact;--"' >hazard.csv
	load_csv contact hazard.csv
	is '.taken' 2
	run hub hub export contact --csv
	[[ "$output" == *"\"'=HYPERLINK("* ]]
	printf '%s\n' "$output" >back.csv
	load_csv contact back.csv --source back
	is '.refused | length' 0
	run hub --json hub export contact
	is 'map(.fields.needs) | sort' '["=HYPERLINK(\"http://x\")","a; DROP TABLE contact;--"]'
}

@test "what a spreadsheet or a conversion destroyed is not taken" {
	printf '%s\n' '外部编号,名称,电话,地址' H-1,某市中心医院,1.08E+10,'???? 路7号' H-2,某市?院,0999-1,x 1.2E+11,某院,0999-1,x H-4,某县医院,0999-1,'去哪里?' >destroyed.csv
	load_csv org destroyed.csv
	is '.taken == 2'
	is '.refused | map([.line, .field])' '[[3,"name"],[4,"ext_id"]]'
	is '.dropped | map([.line, .field])' '[[2,"site_phone"],[2,"address"]]'
}

@test "a dry run tells and records nothing" {
	local before
	before=$(commits)
	load_csv org base.csv --dry-run
	is '.taken == 3 and .changesets == 0'
	[ "$(commits)" = "$before" ]
	load_csv org base.csv
	is '.taken' 3
}

@test "an import of many lines keeps its memory" {
	python3 - <<-'PY'
		with open('many.csv', 'w', encoding='utf-8') as out:
		    out.write('外部编号,名称,城市\n')
		    for i in range(30000):
		        out.write(f'N-{i},某市第{i}医院,某市\n')
	PY
	run --separate-stderr bash -c 'ulimit -v 1500000; "$REPSYNC" -C hub --json hub import org many.csv'
	[[ "$REPSYNC_BUILD" == *asan* || "$REPSYNC_BUILD" == *tsan* ]] || [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
}

@test "a generator's dirty files: the numbers add up, twice is once" {
	[ -n "${REPSYNC_INPUT_GENERATOR:-}" ] || skip "REPSYNC_INPUT_GENERATOR names no generator"
	python3 "$REPSYNC_INPUT_GENERATOR" --doctors 1000 --seed 1 --out in --visits 2000 >/dev/null
	local pair before
	for pair in org:hospital org:distributor contact:doctor product:product; do
		load_csv "${pair%:*}" "in/${pair#*:}.csv" --mapping "${pair#*:}"
		is '.taken > 0'
		[ "$(jq .records <<<"$output")" = "$(jq ".files[\"${pair#*:}.csv\"].records" in/manifest.json)" ]
	done
	before=$(commits)
	for pair in org:hospital org:distributor contact:doctor product:product; do
		load_csv "${pair%:*}" "in/${pair#*:}.csv" --mapping "${pair#*:}"
		is '.taken == 0 and .changesets == 0'
	done
	[ "$(commits)" = "$before" ]
	local file
	for file in in/import_cases/*; do
		case $file in
		*hospital*) pair=org:hospital ;;
		*) pair=contact:doctor ;;
		esac
		run --separate-stderr hub --json hub import "${pair%:*}" "$file" --mapping "${pair#*:}"
		[ "$status" -le 1 ] || { echo "$file: $status $stderr"; return 1; }
		[ "$status" -eq 1 ] || is '.taken + .unchanged + (.refused | length) == .records'
	done
	run hub --json hub verify --replay
	[ "$status" -eq 0 ]
	fsck_all
}
