# Over https a device believes one authority, and what it signed for the host of its mailbox.
load transports

setup_file() { transport_world https; }
teardown_file() { transport_end; }

# believes NAME FILE: the laptop's invitation had named this authority
believes() { sqlite3 "$W/$1/replica.db" "UPDATE _meta SET value = json_set(value, '\$.ca', CAST(readfile('$2') AS TEXT)) WHERE key = 'invitation'"; }

refuses_the_certificate() {
	run on_laptop wang sync
	[ "$status" -eq 3 ]
	[[ "$output" == *"certificate of localhost is not the company's"* ]]
}

@test "a certificate of another authority, or for another name, is refused" {
	local other=$SERVER/other
	on_laptop wang put contact C-0001 best_time=周三下午 -m 拜访
	mkdir "$other"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=test authority' \
		-keyout "$other/ca.key" -out "$other/ca.pem" 2>/dev/null
	believes wang "$other/ca.pem"
	refuses_the_certificate
	believes wang "$SERVER/ca.pem"

	# The company's authority signed it, for another of its servers.
	cp "$SERVER"/ca.{pem,key} "$other"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=mail.example' \
		-keyout "$other/server.key" -out "$other/server.csr" 2>/dev/null
	openssl x509 -req -days 30 -in "$other/server.csr" -CA "$other/ca.pem" -CAkey "$other/ca.key" -CAcreateserial \
		-extfile <(echo 'subjectAltName=DNS:mail.example') -out "$other/server.pem" 2>/dev/null
	"$ROOT/script/nginx-start" "$other" "$REPSYNC" "$HUB"
	lead_to wang "$(cat "$other/port")"
	refuses_the_certificate
	[ "$(json_of wang status | jq .unsent)" = 1 ]
	lead_to wang "$PORT"
	all_arrived
}
