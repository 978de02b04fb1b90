/* One suite for every transport: a folder, a real sshd and a real nginx on loopback, with stock git behind them. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "help_transport.h"

static void an_empty_mailbox_has_no_tips(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid tip;
	struct rep_error err;

	expect_tips(way, &rep_oid_zero, &rep_oid_zero);
	expect_ok(rep_transport_fetch(way->transport, way->clone, &tip, &err), &err);
	assert_true(rep_oid_is_zero(&tip));
	way_end(way);
}

static void what_is_pushed_is_in_the_mailbox(void **state)
{
	struct way *way = way_new(state);
	struct rep_outbox outbox;
	struct rep_error err;
	uint64_t up, down;

	push_next(way, "{}\n");
	expect_tips(way, &way->tip, &rep_oid_zero);
	push_next(way, "one\n");
	push_next(way, "two\n");
	expect_tips(way, &way->tip, &rep_oid_zero);
	rep_transport_bytes(way->transport, &up, &down);
	assert_true(up > 100);
	expect_ok(rep_mailbox_read(&outbox, way->box, &rep_oid_zero, &err), &err);
	assert_int_equal(outbox.segments_len, 2);
	assert_string_equal(outbox.segments[1].data, "two\n");
	rep_outbox_clear(&outbox);
	way_end(way);
}

static void a_push_that_was_stored_already_is_ok(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid before;
	struct rep_error err;

	push_next(way, "{}\n");
	before = way->tip;
	push_next(way, "one\n");
	expect_ok(rep_transport_push(way->transport, way->clone, &before, &way->tip, &err), &err);
	way_end(way);
}

static void a_push_on_another_tip_than_the_mailbox_has_is_refused(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid first, other;
	struct rep_error err;

	push_next(way, "{}\n");
	first = way->tip;
	push_next(way, "one\n");
	other = compose(way, &first, "another\n");
	/* It does not continue what the mailbox has, whatever the device believes. */
	expect_code(rep_transport_push(way->transport, way->clone, &first, &other, &err),
		    REP_EORDER, &err, "moved");
	expect_code(rep_transport_push(way->transport, way->clone, &way->tip, &other, &err),
		    REP_EORDER, &err, "does not continue");
	expect_code(rep_transport_push(way->transport, way->clone, &rep_oid_zero, &other, &err),
		    REP_EORDER, &err, "moved");
	expect_tips(way, &way->tip, &rep_oid_zero);
	way_end(way);
}

static void a_fetch_brings_the_view_and_then_only_what_is_new(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid tip, want = publish_view(way, "view 1", false), now;
	struct rep_error err;
	uint64_t up, first, second;

	expect_ok(rep_transport_fetch(way->transport, way->clone, &tip, &err), &err);
	assert_true(rep_oid_equal(&tip, &want));
	expect_ok(rep_git_ref(way->git, REP_INBOX, &now, &err), &err);
	assert_true(rep_oid_equal(&now, &want));
	rep_transport_bytes(way->transport, &up, &first);
	assert_true(first > 0);
	want = publish_view(way, "view 2", false);
	expect_ok(rep_transport_fetch(way->transport, way->clone, &tip, &err), &err);
	assert_true(rep_oid_equal(&tip, &want));
	assert_string_equal("view 2",
			    shell_line("git -C %s show inbox:data/x/self.json", way->clone));
	rep_transport_bytes(way->transport, &up, &first);
	expect_ok(rep_transport_fetch(way->transport, way->clone, &tip, &err), &err);
	rep_transport_bytes(way->transport, &up, &second);
	assert_int_equal(first, second);
	way_end(way);
}

static void a_new_root_of_the_hub_replaces_the_view(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid tip, want;
	struct rep_error err;

	(void)publish_view(way, "view 1", false);
	expect_ok(rep_transport_fetch(way->transport, way->clone, &tip, &err), &err);
	want = publish_view(way, "view anew", true);
	expect_ok(rep_transport_fetch(way->transport, way->clone, &tip, &err), &err);
	assert_true(rep_oid_equal(&tip, &want));
	assert_string_equal("1", shell_line("git -C %s rev-list --count inbox", way->clone));
	way_end(way);
}

static void a_closed_mailbox_takes_no_push_but_gives_its_view(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid next, tip, want = publish_view(way, "goodbye", false);
	struct rep_error err;

	push_next(way, "{}\n");
	expect_ok(rep_mailbox_close(way->box, &err), &err);
	next = compose(way, &way->tip, "late\n");
	expect_code(rep_transport_push(way->transport, way->clone, &way->tip, &next, &err),
		    REP_EREFUSED, &err, "no more pushes");
	expect_tips(way, &way->tip, &want);
	expect_ok(rep_transport_fetch(way->transport, way->clone, &tip, &err), &err);
	assert_true(rep_oid_equal(&tip, &want));
	way_end(way);
}

static void a_push_waits_for_the_mailboxs_lock(void **state)
{
	struct way *way = way_new(state);
	struct rep_lock *held;
	struct rep_oid next = compose(way, &way->tip, "{}\n");
	struct rep_error err;
	int gate[2], status = -1;
	char byte;
	pid_t pid;

	/* The pusher is there before the lock is taken: a fork would share it. */
	assert_int_equal(pipe(gate), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		_exit(rep_transport_push(way->transport, way->clone, &way->tip, &next, &err) !=
		      REP_OK);
	}
	expect_ok(rep_mailbox_lock(&held, way->box, false, &err), &err);
	(void)close(gate[0]);
	(void)close(gate[1]);
	usleep(400000);
	assert_string_equal("", shell_line("git -C %s for-each-ref", way->box));
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	rep_lock_free(held);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect_tips(way, &next, &rep_oid_zero);
	way_end(way);
}

static void a_device_that_is_killed_in_a_push_pushes_again(void **state)
{
	static const unsigned after_ms[] = {5, 30, 90, 200};
	struct way *way = way_new(state);
	char *text = megabytes(3);

	push_next(way, "{}\n");
	for (size_t i = 0; i < sizeof after_ms / sizeof *after_ms; i++) {
		struct rep_oid next = compose(way, &way->tip, text), out, in;
		struct rep_error err;
		pid_t pid = fork();

		if (pid == 0) {
			(void)!rep_transport_push(way->transport, way->clone, &way->tip, &next,
						  &err);
			_exit(0);
		}
		usleep(after_ms[i] * 1000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		/* A sync has a clone of its own each time: none meets the lock of one that was killed. */
		expect_ok(rep_git_janitor(way->clone, &err), &err);
		expect_ok(rep_transport_tips(way->transport, &out, &in, &err), &err);
		assert_true(rep_oid_equal(&out, &way->tip) || rep_oid_equal(&out, &next));
		expect_ok(rep_transport_push(way->transport, way->clone, &way->tip, &next, &err),
			  &err);
		way->tip = next;
		text[0] = (char)('a' + i);
	}
	free(text);
	way_end(way);
}

static void a_large_push_reports_its_progress(void **state)
{
	struct way *way = way_new(state);
	char *text = megabytes(2);
	uint64_t up, down;

	push_next(way, "{}\n");
	push_next(way, text);
	rep_transport_bytes(way->transport, &up, &down);
	assert_true(up > 1000000);
	free(text);
	way_end(way);
}

/* ---- only in a folder, or nowhere ---- */

static void a_folder_that_is_not_there_is_unreachable(void **state)
{
	struct way *way = way_new(state);
	struct rep_oid out, in;
	struct rep_error err;

	snprintf(way->url, sizeof way->url, "file://%s/none.git", way->hub);
	reconnect(way);
	expect_code(rep_transport_tips(way->transport, &out, &in, &err), REP_EUNREACHABLE, &err,
		    "not there");
	way_end(way);
}

static void no_acknowledged_push_is_lost_in_a_race_of_two_devices(void **state)
{
	struct way *way = way_new(state);

	push_next(way, "{}\n");
	for (int round = 0; round < 20; round++) {
		struct rep_oid tips[2];
		struct rep_error err;
		char text[32];
		pid_t pids[2];
		int winners = 0, winner = -1;

		for (int i = 0; i < 2; i++) {
			snprintf(text, sizeof text, "%d %d\n", round, i);
			tips[i] = compose(way, &way->tip, text);
		}
		for (int i = 0; i < 2; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				_exit(rep_transport_push(way->transport, way->clone, &way->tip,
							 &tips[i], &err) == REP_OK);
		}
		for (int i = 0; i < 2; i++) {
			int status = -1;

			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			if (WEXITSTATUS(status) == 1) {
				winners++;
				winner = i;
			}
		}
		assert_int_equal(winners, 1);
		expect_tips(way, &tips[winner], &rep_oid_zero);
		way->tip = tips[winner];
	}
	way_end(way);
}

static void addresses_that_lead_to_no_mailbox_are_refused(void **state)
{
	static const char *const bad[] = {
		"http://host/x.git",    "relative/path",     "",
		"ssh://host/x.git",     "ssh://user@host",   "ssh://user@host/",
		"ssh://user@/x",        "ssh://@host/x",     "ssh://u@host:0/x",
		"ssh://u@host:65536/x", "ssh://u@host:2x/x", "ssh://-o@host/x",
		"ssh://u@-oProxy/x",    "git://host/x",      "https://host",
		"https://host/",        "https://u@host/x",  "https://127.0.0.1/x",
		"https://host:0/x",     "https://-host/x",   "https://[::1]/x"};
	struct rep_transport_options options = {.ssh_secret = "x",
						.ssh_public = "x",
						.host_key = "x",
						.user = "x",
						.token = "x",
						.ca = "x"};
	struct rep_transport *transport;
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		options.url = bad[i];
		expect_code(rep_transport_open(&transport, &options, &err), REP_EUSAGE, &err, NULL);
		assert_null(transport);
	}
}

static void a_made_key_is_one_that_openssh_reads(void **state)
{
	const struct site *site = *state;
	char *secret, *public_line;
	char name[4200];
	struct rep_error err;

	expect_ok(rep_ssh_keygen(&secret, &public_line, "d7k3f9qm", &err), &err);
	snprintf(name, sizeof name, "%s/key", site->dir);
	expect_ok(rep_file_write(name, secret, strlen(secret), 0600, &err), &err);
	assert_string_equal(public_line, shell_line("ssh-keygen -y -f %s", name));
	free(secret);
	free(public_line);
	expect_code(rep_ssh_keygen(&secret, &public_line, "two words", &err), REP_EUSAGE, &err,
		    "comment");
}

#define EVERYWHERE                                                                       \
	cmocka_unit_test(an_empty_mailbox_has_no_tips),                                  \
		cmocka_unit_test(what_is_pushed_is_in_the_mailbox),                      \
		cmocka_unit_test(a_push_that_was_stored_already_is_ok),                  \
		cmocka_unit_test(a_push_on_another_tip_than_the_mailbox_has_is_refused), \
		cmocka_unit_test(a_fetch_brings_the_view_and_then_only_what_is_new),     \
		cmocka_unit_test(a_new_root_of_the_hub_replaces_the_view),               \
		cmocka_unit_test(a_closed_mailbox_takes_no_push_but_gives_its_view),     \
		cmocka_unit_test(a_push_waits_for_the_mailboxs_lock),                    \
		cmocka_unit_test(a_device_that_is_killed_in_a_push_pushes_again),        \
		cmocka_unit_test(a_large_push_reports_its_progress)

int main(int argc, char **argv)
{
	const struct CMUnitTest over_folder[] = {
		EVERYWHERE,
		cmocka_unit_test(a_folder_that_is_not_there_is_unreachable),
		cmocka_unit_test(no_acknowledged_push_is_lost_in_a_race_of_two_devices),
		cmocka_unit_test(addresses_that_lead_to_no_mailbox_are_refused),
		cmocka_unit_test(a_made_key_is_one_that_openssh_reads),
	};
	const struct CMUnitTest over_ssh[] = {EVERYWHERE};
	const struct CMUnitTest over_https[] = {EVERYWHERE};
	int failed;

	if (run_as_shell(argc, argv, &failed))
		return failed;
	failed = cmocka_run_group_tests_name("folder", over_folder, site_folder, site_end);
	failed += cmocka_run_group_tests_name("ssh", over_ssh, site_ssh, site_end);
	return failed + cmocka_run_group_tests_name("https", over_https, site_https, site_end);
}
