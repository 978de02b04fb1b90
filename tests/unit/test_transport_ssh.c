/* What only a network can do to a transport, against a real sshd. */
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "help_socket.h"
#include "help_transport.h"

static void a_host_with_another_key_is_refused(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid out, in;
	struct rep_error err = {0};
	char *secret, *other;

	expect_ok(rep_ssh_keygen(&secret, &other, "other", &err), &err);
	way->options.host_key = other;
	reconnect(way);
	expect_code(rep_transport_tips(way->transport, &out, &in, &err), REP_EREFUSED, &err,
		    "host key");
	assert_non_null(strstr(err.hint, "ask the company"));
	free(secret);
	free(other);
	way_end(way);
}

static void a_device_whose_key_is_unknown_is_refused(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid out, in;
	struct rep_error err;
	char *secret, *public_line;

	expect_ok(rep_ssh_keygen(&secret, &public_line, "other", &err), &err);
	way->options.ssh_secret = secret;
	way->options.ssh_public = public_line;
	reconnect(way);
	expect_code(rep_transport_tips(way->transport, &out, &in, &err), REP_EREFUSED, &err,
		    "does not take this device's key");
	free(secret);
	free(public_line);
	way_end(way);
}

static void point_at(struct way *way, unsigned port)
{
	snprintf(way->url, sizeof way->url, "ssh://%s@127.0.0.1:%u/x.git",
		 getpwuid(geteuid())->pw_name, port);
	reconnect(way);
}

static void a_silent_server_is_given_up_by_the_watchdog(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid out, in;
	struct rep_error err;
	unsigned port;
	int fd = listen_on_loopback(&port);
	time_t start = time(NULL);

	way->options.stall_s = 1;
	point_at(way, port);
	expect_code(rep_transport_tips(way->transport, &out, &in, &err), REP_EUNREACHABLE, &err,
		    "no answer");
	assert_true(time(NULL) - start <= 10);
	(void)close(fd);
	way_end(way);
}

static void a_port_where_nobody_listens_is_unreachable(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid out, in;
	struct rep_error err;
	unsigned port;
	int fd = listen_on_loopback(&port);

	(void)close(fd);
	point_at(way, port);
	expect_code(rep_transport_tips(way->transport, &out, &in, &err), REP_EUNREACHABLE, &err,
		    "127.0.0.1");
	way_end(way);
}

static void a_host_that_is_not_known_is_unreachable(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid out, in;
	struct rep_error err;

	snprintf(way->url, sizeof way->url, "ssh://sync@no-such-host.invalid/x.git");
	reconnect(way);
	expect_code(rep_transport_tips(way->transport, &out, &in, &err), REP_EUNREACHABLE, &err,
		    "no-such-host.invalid");
	way_end(way);
}

/* Relays one connection to `port` and cuts it when `bytes` went up; then relays whatever follows. */
static void relay(int listener, unsigned port, size_t bytes)
{
	bool cut = false;

	for (;;) {
		int client = accept(listener, NULL, NULL);
		int server = connect_to_loopback(port);
		size_t up = 0;

		if (server < 0)
			_exit(1);
		for (;;) {
			struct pollfd ends[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
			char block[4096];
			ssize_t n;
			int from;

			if (poll(ends, 2, -1) < 0)
				_exit(1);
			from = ends[0].revents ? client : server;
			n = read(from, block, sizeof block);
			if (n <= 0)
				break;
			if (from == client)
				up += (size_t)n;
			if (!cut && up > bytes) {
				cut = true;
				break;
			}
			if (write(from == client ? server : client, block, (size_t)n) != n)
				break;
		}
		(void)close(client);
		(void)close(server);
	}
}

static void a_connection_cut_anywhere_leaves_old_or_new_and_heals(void **state)
{
	static const size_t cuts[] = {0, 500, 2500, 3500, 5000, 20000, 60000, 150000};
	const struct site *site = *state;
	struct way *way = way_new(state);
	char *text = megabytes(1);

	text[200000] = '\0';
	push_next(way, "{}\n");
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		struct rep_oid next, out, in;
		struct rep_error err;
		unsigned port;
		int listener = listen_on_loopback(&port);
		pid_t pid = fork();
		enum rep_code rc;

		if (pid == 0)
			relay(listener, site->port, cuts[i]);
		(void)close(listener);
		text[0] = (char)('a' + i);
		next = compose(way, &way->tip, text);
		way->options.stall_s = 2;
		point_at(way, port);
		rc = rep_transport_push(way->transport, way->clone, &way->tip, &next, &err);
		if (rc != REP_OK)
			expect_code(rc, REP_EUNREACHABLE, &err, NULL);
		point_at(way, site->port);
		expect_ok(rep_transport_tips(way->transport, &out, &in, &err), &err);
		assert_true(rep_oid_equal(&out, &next) ||
			    (rc != REP_OK && rep_oid_equal(&out, &way->tip)));
		expect_ok(rep_transport_push(way->transport, way->clone, &way->tip, &next, &err),
			  &err);
		way->tip = next;
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	free(text);
	way_end(way);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_with_another_key_is_refused),
		cmocka_unit_test(a_device_whose_key_is_unknown_is_refused),
		cmocka_unit_test(a_silent_server_is_given_up_by_the_watchdog),
		cmocka_unit_test(a_port_where_nobody_listens_is_unreachable),
		cmocka_unit_test(a_host_that_is_not_known_is_unreachable),
		cmocka_unit_test(a_connection_cut_anywhere_leaves_old_or_new_and_heals),
	};
	int status;

	if (run_as_shell(argc, argv, &status))
		return status;
	return cmocka_run_group_tests(tests, site_ssh, site_end);
}
