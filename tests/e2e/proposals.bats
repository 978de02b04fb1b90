# Proposals in each of their states, decided on a laptop offline, at a desk and at the hub; and an open conflict, decided offline.
load world

DAY=2026-03-16

setup() {
	world_setup
	world_company
	hub_at '2026-03-15 09:30:00' rep add E0031 --name 马丽 --role steward
	enrol wang E0007
	enrol li E0012
	enrol sun E0003
	when '2026-03-15 10:30:00' "$REPSYNC" -C "$HUB" hub desk E0031 "$W/desk"
	at '2026-03-15 10:31:00' desk sync
}
teardown() { world_teardown; }

round() { # HH:MM: everybody syncs, the hub merges, everybody has the answer
	local name
	for name in wang li sun desk; do at "$DAY $1:00" $name sync; done
	hub_at "$DAY $1:20" merge
	for name in wang li sun desk; do at "$DAY $1:40" $name sync; done
}

# item NAME JQ: the id of the open proposal for which the filter holds
item() {
	at "$DAY 23:00:00" "$1" --json inbox --kind proposal | jq -er "[.[] | select($2)] | .[0].item"
}

# state ITEM NAME...: as each of these laptops has it
state() {
	local id=$1 name states=''
	shift
	for name; do
		states+=$(at "$DAY 23:00:00" "$name" --json inbox --all --kind proposal | jq -r --arg id "$id" '.[] | select(.item == $id) | .state + " "')
	done
	echo "$states"
}

@test "proposals: accepted offline, declined at a desk, withdrawn offline, expired at the hub; nobody takes back another's" {
	at "$DAY 09:00:00" wang put contact C-0001 grade=A -m 国家级专家
	at "$DAY 09:01:00" wang put contact C-0001 name=陈建囯 -m 名片如此
	at "$DAY 09:02:00" wang put contact C-0003 name=吴婧 -m 名片如此
	at "$DAY 09:03:00" wang put contact C-0003 grade=B -m 常用
	at "$DAY 09:04:00" li put contact C-0001 gender=男 -m 补全
	round 10:00
	grade=$(item wang '.value.grade.new == "A"')
	name=$(item wang '.value.name.new == "陈建囯"')
	other=$(item wang '.value.name.new == "吴婧"')
	late=$(item wang '.value.grade.new == "B"')
	open=$(item li '.value.gender')
	[ "$(field "$DAY 11:00:00" wang contact C-0001 grade)" = null ]

	# Each where the decider works, without the network of the moment; what is decided here is seen here at once.
	at "$DAY 11:00:00" sun resolve "$grade" accept -m 同意
	[ "$(field "$DAY 11:01:00" sun contact C-0001 grade)" = '"A"' ]
	at "$DAY 11:00:00" wang resolve "$other" withdraw -m 看错了
	at "$DAY 11:00:00" desk resolve "$name" decline -m 证件为国
	at "$DAY 11:05:00" desk sync
	hub_at "$DAY 11:06:00" resolve "$late" expire -m 三个月无人处理
	# Nobody takes back what another proposed.
	at "$DAY 11:10:00" li resolve "$open" withdraw -m 改主意
	run at "$DAY 11:11:00" wang resolve "$open" withdraw -m 替她撤
	round 12:00

	[ "$(state "$grade" wang li sun desk)" = 'accepted accepted accepted accepted ' ]
	[ "$(state "$name" wang li sun desk)" = 'declined declined declined declined ' ]
	[ "$(state "$late" wang sun desk)" = 'expired expired expired ' ]
	[ "$(state "$other" wang sun desk)" = 'withdrawn withdrawn withdrawn ' ]
	[ "$(state "$open" li sun desk)" = 'withdrawn withdrawn withdrawn ' ]
	for name in wang li sun desk; do
		[ "$(field "$DAY 13:00:00" $name contact C-0001 grade)" = '"A"' ]
		[ "$(field "$DAY 13:00:00" $name contact C-0001 name)" = '"陈建国"' ]
		at "$DAY 13:00:00" $name verify
	done
	# Written with both names: proposed by the one, accepted by the other.
	hub_at "$DAY 13:00:00" --json audit --entity contact --id C-0001 --field grade | tee "$W/audit"
	jq -e 'any(.[]; .rep == "E0003" and .new == "A") and any(.[]; .rep == "E0007" and .outcome == "proposed")' "$W/audit"
	"$REPSYNC" -C "$HUB" hub verify --replay
	world_fsck
}

@test "a second decision of a proposal changes nothing, whichever arrives first" {
	at "$DAY 09:00:00" wang put contact C-0001 grade=A -m 国家级专家
	round 10:00
	grade=$(item wang '.value.grade.new == "A"')
	at "$DAY 11:00:00" sun resolve "$grade" accept -m 同意
	at "$DAY 11:30:00" wang resolve "$grade" withdraw -m 算了
	at "$DAY 12:00:00" wang sync
	hub_at "$DAY 12:01:00" merge
	round 12:10
	round 12:20
	# The manager's decision is the earlier one, although the author's arrived before it.
	[ "$(state "$grade" wang sun desk)" = 'accepted accepted accepted ' ]
	[ "$(field "$DAY 13:00:00" wang contact C-0001 grade)" = '"A"' ]
	"$REPSYNC" -C "$HUB" hub verify --replay
}

@test "an open conflict is decided offline by one of the two, and closes for both" {
	at "$DAY 09:00:00" wang put contact C-0001 birthday=03-08 birthday_cal=公历 -m 本人说
	at "$DAY 09:30:00" li put contact C-0001 birthday=03-18 birthday_cal=农历 -m 同事说
	round 10:00
	at "$DAY 10:30:00" li --json conflicts | tee "$W/conflicts"
	id=$(jq -r '.[0].item' "$W/conflicts")
	jq -e 'length == 1 and .[0].state == "open" and (.[0].rivals | length) == 2' "$W/conflicts"
	# For the time being the earlier stands.
	[ "$(field "$DAY 10:30:00" li contact C-0001 birthday)" = '"03-08"' ]
	at "$DAY 11:00:00" li resolve "$id" mine -m 身份证为准
	[ "$(field "$DAY 11:01:00" li contact C-0001 birthday)" = '"03-18"' ]
	[ "$(at "$DAY 11:01:00" li --json conflicts | jq length)" = 0 ]
	round 12:00
	for name in wang li sun; do
		[ "$(field "$DAY 13:00:00" $name contact C-0001 birthday)" = '"03-18"' ]
		[ "$(field "$DAY 13:00:00" $name contact C-0001 birthday_cal)" = '"农历"' ]
		[ "$(at "$DAY 13:00:00" $name --json conflicts | jq length)" = 0 ]
	done
	"$REPSYNC" -C "$HUB" hub verify --replay
}
