# bash completion for repsync
_repsync()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i command= hub=
	local commands='enroll put new delete get list find sql history commit log show sync bundle status verify inbox
		conflicts resolve merge-records unmerge reassign unlock lock passwd agent hub mailbox-shell mailbox-http mailbox-check help'
	local hub_commands='init rep territory reassign enroll desk key import export merge bundle status audit show blame history explain access revert replay subject erase statement backup restore recover
		verify rebuild schema inbox resolve merge-records unmerge serve'
	local common='--json --quiet --passphrase-file --help'

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-C | --passphrase-file) ((i++)) ;;
		-*) ;;
		hub) [ -n "$command" ] || hub=1 ;;
		*) [ -n "$command" ] || command=${COMP_WORDS[i]} ;;
		esac
	done
	case $prev in
	-C) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--out | --mapping | --evidence | --statements | --mailboxes | --host-key | --ca | --program | --certificate | --key | --passphrase-file | --new-passphrase-file | --recovery-key) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--schema) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--kind) mapfile -t COMPREPLY < <(compgen -W 'conflict proposal duplicate rejection claim' -- "$cur"); return ;;
	--replicas) mapfile -t COMPREPLY < <(compgen -W 'encrypted plain' -- "$cur"); return ;;
	--format) mapfile -t COMPREPLY < <(compgen -W 'table json csv' -- "$cur"); return ;;
	--by) mapfile -t COMPREPLY < <(compgen -W 'device hub' -- "$cur"); return ;;
	--encoding) mapfile -t COMPREPLY < <(compgen -W 'utf-8 gb18030 utf-16 windows-1252' -- "$cur"); return ;;
	esac
	if [ -z "$command" ]; then
		if [ -n "$hub" ]; then
			mapfile -t COMPREPLY < <(compgen -W "$hub_commands" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$commands -C --version $common" -- "$cur")
		fi
		return
	fi
	local options=
	case ${hub:+hub-}$command in
	put | delete | commit | resolve | hub-resolve | unmerge | hub-unmerge) options=-m ;;
	merge-records | hub-merge-records) options='--into -m' ;;
	new) options='-m --id' ;;
	list) options='--where --order --limit --all' ;;
	find) options=--limit ;;
	sql) options=--write ;;
	unlock) options='--for --recovery-key --restored' ;;
	lock) options=--all ;;
	passwd) options='--new-passphrase-file --recovery-key' ;;
	agent) options=--foreground ;;
	bundle) options='export import' ;;
	hub-bundle) options='export import --whole' ;;
	sync) options='--step --tries --timeout' ;;
	inbox | hub-inbox) options='--kind --all' ;;
	conflicts) options=--all ;;
	help) options="$commands" ;;
	hub-init) options='--schema --company --replicas' ;;
	hub-rep) options='add set list --name --role --territory --assist' ;;
	hub-schema) options='publish list show diff --effective --check' ;;
	hub-territory) options='set add remove list --name --parent --partition' ;;
	reassign | hub-reassign) options='--record --to --from-time --preview -m' ;;
	hub-key) options='--root' ;;
	hub-enroll) options='--out --url --host-key --ca --days' ;;
	hub-import) options='--source --mapping --map --set --encoding --dry-run' ;;
	hub-export) options='--csv --as-of' ;;
	hub-merge) options='--watch --jobs' ;;
	hub-audit) options='--entity --id --field --rep --device --since --until --format' ;;
	hub-show) options='--as-of --by' ;;
	hub-verify) options='--full --replay --device --statements' ;;
	hub-restore) options='--mailboxes --root-key' ;;
	hub-recover) options='--root-key' ;;
	hub-serve) options='ssh-keys ssh-config nginx-config --program --user --host --port --path --certificate --key --fastcgi' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$options $common" -- "$cur")
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -F _repsync repsync
