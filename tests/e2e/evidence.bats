# Evidence: an answer that a stranger verifies without repsync, by the very commands that its README gives; and what was tampered with.
load world

bats_require_minimum_version 1.5.0

DAY=2026-03-16

setup_file() {
	export DAY
	world_of_two
	at "$DAY 09:10:00" wang put contact C-0001 phones+=13900002222 -m 门诊拜访后更新
	at "$DAY 09:20:00" wang put contact C-0003 phones+=13900007777 -m 别的病人
	at "$DAY 10:25:00" li put contact C-0001 phones-=13900001111 phones+=13900003333 -m 科室会
	at "$DAY 20:05:00" li sync
	hub_at "$DAY 20:06:00" merge
	at "$DAY 21:40:00" wang sync
	hub_at "$DAY 21:41:00" merge
	"$REPSYNC" -C "$HUB" hub statement >"$W/kept.json"
	at "$DAY 22:00:00" wang put contact C-0001 best_time=周五 -m 电话
	at "$DAY 22:01:00" wang sync
	hub_at "$DAY 22:02:00" merge
	"$REPSYNC" -C "$HUB" hub audit --entity contact --id C-0001 --field phones --evidence "$W/evidence"
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$W/evidence/README.md" >"$W/check.sh"
}
teardown_file() { rm -rf "$W"; }

# judge DIR: what the README's commands say, run by a plain shell that has no repsync
judge() { (cd "$1" && env -i PATH=/usr/bin:/bin sh "$W/check.sh" 2>&1); }

# tampered NAME CMD...: a copy of the evidence in which CMD changed something; the check must fail, and say so
tampered() {
	rm -rf "$W/copy"
	cp -a "$W/evidence" "$W/copy"
	(cd "$W/copy" && eval "$2")
	# Whoever changes a file can write its line of the manifest anew; the hub's signature then does not fit.
	run judge "$W/copy"
	[ "$status" -ne 0 ] || { echo "$1: not found"; return 1; }
	[[ "$output" != *verified* ]]
}

@test "a stranger verifies the answer with sha256sum, openssl and git, by the README's commands" {
	run judge "$W/evidence"
	echo "$output"
	[ "$status" -eq 0 ] && [ "${lines[-1]}" = verified ]
	[ "$(jq -s 'length' "$W/evidence/rows.jsonl")" = 4 ]
	# The very bytes that the devices signed, and of others only skeletons: no value of another customer.
	grep -rq 13900003333 "$W/evidence/journal"
	run ! grep -rq 13900007777 "$W/evidence"
	run ! grep -rq 别的病人 "$W/evidence"
	[ "$(find "$W/evidence" -type f -perm /077 | wc -l)" = 0 ]
	run --separate-stderr "$REPSYNC" -C "$HUB" hub audit --evidence "$W/evidence"
	[ "$status" -eq 1 ] && [[ "$stderr" == *"there already"* ]]
	"$REPSYNC" -C "$HUB" --json hub access | jq -e 'map(select(.args | index("--evidence"))) | .[0].rows == 4'
}

@test "what is changed in the evidence is found" {
	tampered 'a row' 'sed -i s/13900003333/13900009999/ rows.jsonl'
	tampered 'a value line' 'sed -i s/13900003333/13900009999/ journal/*.jsonl; sha256sum $(cut -c67- manifest.txt) >m; mv m manifest.txt'
	tampered 'a skeleton' 'sed -i "s/\"seq\":1,/\"seq\":9,/" journal/*.jsonl; sha256sum $(cut -c67- manifest.txt) >m; mv m manifest.txt'
	tampered 'a file more' 'echo x >keys/more.pem'
	tampered 'a file less' 'rm -r receipts'
	tampered 'a commit' 'for f in commits/*; do echo >>$f; done'
}

@test "the check itself is not fooled by a manifest made anew: chains, digests and signatures stand for themselves" {
	sed '/^# 1$/,/^# 2, 3, 4$/d' "$W/check.sh" >"$W/later.sh"
	local change
	for change in 's/13900003333/13900009999/' '1s/"prev":"0/"prev":"1/' '2s/A/B/' '1,2d'; do
		rm -rf "$W/copy"
		cp -a "$W/evidence" "$W/copy"
		device=$(grep -l 13900003333 "$W"/copy/journal/*.jsonl)
		sed -i "$change" "$device"
		cmp -s "$device" "$W/evidence/journal/$(basename "$device")" && continue
		run sh -c "cd '$W/copy' && sh '$W/later.sh'"
		[ "$status" -ne 0 ] && [[ "$output" == *WRONG* ]] || { echo "$change: $output"; return 1; }
	done
	# The end of a chain cut off.
	rm -rf "$W/copy"
	cp -a "$W/evidence" "$W/copy"
	for file in "$W/copy"/journal/[!h]*.jsonl; do
		head -n -3 "$file" >"$W/x" && mv "$W/x" "$file"
	done
	run sh -c "cd '$W/copy' && sh '$W/later.sh'"
	[ "$status" -ne 0 ] && [[ "$output" == *"end of the chain"* || "$output" == *"ends within"* ]]
}
