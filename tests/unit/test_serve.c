/* The forced command, run as sshd runs it: a process of its own with SSH_ORIGINAL_COMMAND in its environment. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "help_transport.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/serve.h"

#define DEVICE "d7k3f9qm"

static void make_hub(void **state)
{
	const char *path = scratch(state, "mailboxes/" DEVICE ".git");
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_oid tip, now;
	struct rep_error err;

	expect_ok(rep_mailbox_create(path, &err), &err);
	expect_ok(rep_git_open(&git, path, &err), &err);
	expect_ok(rep_pack_new(&pack, git, &err), &err);
	expect_ok(rep_outbox_commit(pack, &rep_oid_zero, "enrol.json", "{}", 2, 1700000000, DEVICE,
				    &tip, &err),
		  &err);
	expect_ok(rep_pack_commit(pack, NULL, &err), &err);
	expect_ok(rep_git_ref(git, REP_OUTBOX, &now, &err), &err);
	if (rep_oid_is_zero(&now))
		expect_ok(rep_git_cas(git, REP_OUTBOX, &now, &tip, &err), &err);
	rep_pack_free(pack);
	rep_git_close(git);
}

/* The exit status of the shell for a command, and its first line of stderr. */
static const char *answer(void **state, const char *device, const char *command)
{
	(void)setenv("SSH_ORIGINAL_COMMAND", command, 1);
	return shell_line(
		"ASAN_OPTIONS=detect_leaks=0 %s --shell %s %s </dev/null 2>&1 >/dev/null; "
		"echo \"status $?\"",
		self_path(), (const char *)*state, device);
}

static void only_the_two_services_are_served_and_only_in_their_own_words(void **state)
{
	static const char *const bad[] = {
		"",
		"ls",
		"git-receive-pack",
		"git-receive-pack x",
		"git-receive-pack ''",
		"git-receive-pack 'x'; id",
		"git-receive-pack 'x' 'y'",
		"git-receive-pack 'a'b'",
		"git-receive-pack 'x' ",
		" git-receive-pack 'x'",
		"git-receive-pack  'x'",
		"git-receive-packx 'x'",
		"git-upload-archive 'x'",
		"git archive 'x'",
		"git -c core.x=y receive-pack 'x'",
		"env GIT_TRACE=1 git-receive-pack 'x'",
		"$(id)",
		"git-receive-pack \"x\"",
	};

	make_hub(state);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *said = answer(state, DEVICE, bad[i]);

		if (!strstr(said, "only git receive-pack and upload-pack"))
			fail_msg("\"%s\" was answered: %s", bad[i], said);
	}
}

static void a_missing_command_is_refused(void **state)
{
	struct rep_error err;

	expect_code(rep_mailbox_shell(*state, DEVICE, NULL, &err), REP_EREFUSED, &err, "only git");
}

static void a_device_is_one_that_could_be_ours(void **state)
{
	static const char *const bad[] = {"",        "../../x",   "D7K3F9QM",
					  "d7k3f9q", "d7k3f9qmm", "d7k3f9q/"};
	struct rep_error err;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_code(rep_mailbox_shell(*state, bad[i], "git-upload-pack 'x'", &err),
			    REP_EUSAGE, &err, "no device");
	expect_code(rep_mailbox_shell(*state, "aaaaaaaa", "git-upload-pack 'x'", &err),
		    REP_ENOTFOUND, &err, "no mailbox");
}

static void the_path_of_the_client_is_not_used(void **state)
{
	make_hub(state);
	/* Served is the device's own mailbox. */
	(void)setenv("SSH_ORIGINAL_COMMAND", "git-upload-pack '/etc'", 1);
	assert_int_equal(0, shell("printf 0000 | ASAN_OPTIONS=detect_leaks=0 %s --shell %s %s | "
				  "grep -qa 'refs/heads/outbox'",
				  self_path(), (const char *)*state, DEVICE));
	(void)setenv("SSH_ORIGINAL_COMMAND", "git receive-pack '../../other.git'", 1);
	assert_int_equal(0, shell("printf 0000 | ASAN_OPTIONS=detect_leaks=0 %s --shell %s %s | "
				  "grep -qa 'refs/heads/outbox.report-status'",
				  self_path(), (const char *)*state, DEVICE));
}

static void nothing_of_the_clients_environment_reaches_git(void **state)
{
	make_hub(state);
	(void)setenv("SSH_ORIGINAL_COMMAND", "git-upload-pack 'x'", 1);
	(void)setenv("GIT_TRACE", scratch(state, "trace"), 1);
	(void)setenv("GIT_PROTOCOL", "version=2", 1);
	assert_int_equal(0, shell("printf 0000 | ASAN_OPTIONS=detect_leaks=0 %s --shell %s %s | "
				  "grep -qa 'refs/heads/outbox'",
				  self_path(), (const char *)*state, DEVICE));
	(void)unsetenv("GIT_TRACE");
	(void)unsetenv("GIT_PROTOCOL");
	assert_false(rep_file_exists(scratch(state, "trace")));
}

static void a_closed_mailbox_serves_no_push_but_is_read(void **state)
{
	struct rep_error err;

	make_hub(state);
	expect_ok(rep_mailbox_close(scratch(state, "mailboxes/" DEVICE ".git"), &err), &err);
	assert_non_null(strstr(answer(state, DEVICE, "git-receive-pack 'x'"), "no more pushes"));
	(void)setenv("SSH_ORIGINAL_COMMAND", "git-upload-pack 'x'", 1);
	assert_int_equal(0, shell("printf 0000 | ASAN_OPTIONS=detect_leaks=0 %s --shell %s %s | "
				  "grep -qa 'refs/heads/outbox'",
				  self_path(), (const char *)*state, DEVICE));
	assert_int_equal(0, unlink(scratch(state, "mailboxes/" DEVICE ".git/repsync.closed")));
}

static void a_push_holds_the_mailboxs_lock_until_git_ends(void **state)
{
	struct rep_lock *lock = NULL;
	struct rep_error err;
	char box[4096], byte;
	int in[2], out[2];
	pid_t pid;

	make_hub(state);
	snprintf(box, sizeof box, "%s", scratch(state, "mailboxes/" DEVICE ".git"));
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)!rep_mailbox_shell(*state, DEVICE, "git-receive-pack 'x'", &err);
		_exit(1);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	/* Its advertisement is there: it is git now, and waits for what we push. */
	assert_int_equal(read(out[0], &byte, 1), 1);
	expect_code(rep_mailbox_lock(&lock, box, false, &err), REP_EBUSY, &err, "in use");
	(void)close(in[1]);
	while (read(out[0], &byte, 1) > 0)
		;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	expect_ok(rep_mailbox_lock(&lock, box, true, &err), &err);
	rep_lock_free(lock);
	(void)close(out[0]);
}

/* ---- the CGI program ---- */

/* What it answers to a request in CGI's environment, without line ends. */
static const char *cgi(void **state, const char *env)
{
	return shell_line("env -i PATH=\"$PATH\" ASAN_OPTIONS=detect_leaks=0 %s %s --http %s "
			  "</dev/null 2>&1 | tr -d '\\0\\r' | tr '\\n' ' '",
			  env, self_path(), (const char *)*state);
}

static void make_token(void **state, const char *device, const char *expires)
{
	char token[REP_TOKEN_HEX + 1], verifier[REP_VERIFIER_LEN + 1], line[256];
	struct rep_error err;

	expect_ok(rep_key_init(&err), &err);
	rep_token_make(token);
	rep_token_verifier(verifier, token);
	assert_true(rep_token_is_verifier(verifier));
	snprintf(line, sizeof line, "aaaaaaaa:%s:2099-01-01T00:00:00.000Z\n%s:%s:%s\n", verifier,
		 device, verifier, expires);
	shell_ok("mkdir -p %s", scratch(state, REP_SERVE_DIR));
	expect_ok(rep_file_write(scratch(state, REP_SERVE_TOKENS), line, strlen(line), 0600, &err),
		  &err);
}

#define FETCH "REQUEST_METHOD=GET PATH_INFO=/info/refs QUERY_STRING=service=git-upload-pack "
#define PUSH "REQUEST_METHOD=GET PATH_INFO=/info/refs QUERY_STRING=service=git-receive-pack "

static void a_request_is_one_that_a_device_makes(void **state)
{
	static const char *const bad[] = {
		"",
		"REQUEST_METHOD=GET PATH_INFO=/info/refs",
		"REQUEST_METHOD=GET PATH_INFO=/info/refs QUERY_STRING=service=git-upload-archive",
		"REQUEST_METHOD=GET PATH_INFO=/info/refs 'QUERY_STRING=service=git-upload-pack&x=y'",
		"REQUEST_METHOD=GET PATH_INFO=/HEAD",
		"REQUEST_METHOD=GET PATH_INFO=/objects/info/packs",
		"REQUEST_METHOD=GET PATH_INFO=/../aaaaaaaa.git/info/refs "
		"QUERY_STRING=service=git-upload-pack",
		"REQUEST_METHOD=POST PATH_INFO=/git-upload-pack CONTENT_TYPE=text/plain",
		"REQUEST_METHOD=PUT PATH_INFO=/git-receive-pack "
		"CONTENT_TYPE=application/x-git-receive-pack-request",
		FETCH "CONTENT_LENGTH=-1",
		FETCH "CONTENT_LENGTH=1x",
		FETCH "HTTP_CONTENT_ENCODING=gzip",
	};

	make_hub(state);
	make_token(state, DEVICE, "2099-01-01T00:00:00.000Z");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char env[400];
		const char *said;

		snprintf(env, sizeof env, "REMOTE_USER=" DEVICE " %s", bad[i]);
		said = cgi(state, env);
		if (!strstr(said, "Status: 403") || !strstr(said, "only git receive-pack"))
			fail_msg("\"%s\" was answered: %s", bad[i], said);
	}
	assert_non_null(strstr(cgi(state, FETCH "REMOTE_USER=" DEVICE), "refs/heads/outbox"));
	assert_non_null(strstr(cgi(state, PUSH "REMOTE_USER=" DEVICE), "refs/heads/outbox"));
}

static void a_body_that_is_cut_off_ends_the_request_and_frees_the_mailbox(void **state)
{
	char env[400];
	struct rep_error err;
	struct rep_lock *lock;
	char box[4096];

	make_hub(state);
	snprintf(box, sizeof box, "%s", scratch(state, "mailboxes/" DEVICE ".git"));
	make_token(state, DEVICE, "2099-01-01T00:00:00.000Z");
	snprintf(env, sizeof env,
		 "REMOTE_USER=" DEVICE " REQUEST_METHOD=POST PATH_INFO=/git-receive-pack "
		 "CONTENT_TYPE=application/x-git-receive-pack-request CONTENT_LENGTH=100000 "
		 "timeout -v 10");
	/* git itself would read on at the end of its input, for ever. */
	assert_null(strstr(cgi(state, env), "sending signal"));
	expect_ok(rep_mailbox_lock(&lock, box, false, &err), &err);
	rep_lock_free(lock);
}

static void the_web_server_names_a_device_that_is_let_in(void **state)
{
	make_hub(state);
	make_token(state, DEVICE, "2099-01-01T00:00:00.000Z");
	assert_non_null(strstr(cgi(state, FETCH), "names no device"));
	assert_non_null(strstr(cgi(state, FETCH "REMOTE_USER=../x"), "is no device"));
	assert_non_null(strstr(cgi(state, FETCH "REMOTE_USER=aaaaaaaa"), "no mailbox"));
	make_token(state, DEVICE, "2020-01-01T00:00:00.000Z");
	assert_non_null(strstr(cgi(state, FETCH "REMOTE_USER=" DEVICE), "no longer"));
	make_token(state, "bbbbbbbb", "2099-01-01T00:00:00.000Z");
	assert_non_null(strstr(cgi(state, FETCH "REMOTE_USER=" DEVICE), "Status: 403"));
}

static void nothing_of_a_requests_headers_reaches_git(void **state)
{
	char env[600];

	make_hub(state);
	make_token(state, DEVICE, "2099-01-01T00:00:00.000Z");
	snprintf(env, sizeof env,
		 FETCH "REMOTE_USER=" DEVICE " GIT_TRACE=%s HTTP_GIT_PROTOCOL=version=2 "
		       "GIT_PROTOCOL=version=2 GIT_PROJECT_ROOT=/etc PATH_TRANSLATED=/etc/passwd",
		 scratch(state, "trace"));
	assert_non_null(strstr(cgi(state, env), "refs/heads/outbox"));
	assert_false(rep_file_exists(scratch(state, "trace")));
}

static void nginx_gets_plain_names_only(void **state)
{
	static const char *const bad[] = {"a;b", "a b", "{", "$x", "", "a\"", "a#"};
	struct rep_nginx nginx = {.hub = "/srv/hub",
				  .host = "h",
				  .path = "/repsync",
				  .certificate = "/c",
				  .key = "/k",
				  .fastcgi = "unix:/s",
				  .port = 443};
	struct rep_buf out = REP_BUF_INIT(65536);
	struct rep_error err;

	(void)state;
	expect_ok(rep_nginx_config(&out, &nginx, &err), &err);
	assert_non_null(strstr(rep_buf_str(&out), "auth_basic_user_file /srv/hub/serve/tokens;"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		nginx.host = bad[i];
		expect_code(rep_nginx_config(&out, &nginx, &err), REP_EINVAL, &err, NULL);
	}
	nginx.host = "h";
	nginx.path = "/a.*";
	expect_code(rep_nginx_config(&out, &nginx, &err), REP_EINVAL, &err, "plain");
	rep_buf_clear(&out);
}

static void authorized_keys_restrict_each_key_to_its_mailbox(void **state)
{
	const struct rep_ssh_device devices[] = {
		{"d7k3f9qm", "ssh-ed25519 AAAA one", NULL},
		{"aaaaaaaa", "ssh-ed25519 BBBB two", "2026-11-21T02:14:05.123Z"}};
	struct rep_buf out = REP_BUF_INIT(65536);
	struct rep_error err;

	(void)state;
	expect_ok(
		rep_ssh_authorized_keys(&out, "/usr/bin/repsync", "/srv/the hub", devices, 2, &err),
		&err);
	assert_string_equal(rep_buf_str(&out),
			    "restrict,command=\"'/usr/bin/repsync' -C '/srv/the hub' mailbox-shell "
			    "d7k3f9qm\" ssh-ed25519 AAAA one\n"
			    "restrict,expiry-time=\"20261121021405Z\",command=\"'/usr/bin/repsync' "
			    "-C '/srv/the hub' mailbox-shell "
			    "aaaaaaaa\" ssh-ed25519 BBBB two\n");
	rep_buf_clear(&out);
}

static void a_key_that_smuggles_a_line_or_an_option_is_refused(void **state)
{
	static const char *const bad[] = {"ssh-ed25519 AAAA\nssh-ed25519 BBBB",
					  "command=\"sh\" ssh-ed25519 AAAA", "ssh-rsa AAAA",
					  "ssh-ed25519 AAAA \"", ""};
	struct rep_buf out = REP_BUF_INIT(65536);
	struct rep_ssh_device device = {.device = "d7k3f9qm"};
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		device.ssh_key = bad[i];
		expect_code(rep_ssh_authorized_keys(&out, "/r", "/h", &device, 1, &err), REP_EINVAL,
			    &err, "not an ssh public key");
	}
	device.ssh_key = "ssh-ed25519 AAAA";
	expect_code(rep_ssh_authorized_keys(&out, "/r", "/h'x", &device, 1, &err), REP_EINVAL, &err,
		    "quote");
	rep_buf_clear(&out);
}

static void sshd_takes_the_printed_configuration(void **state)
{
	struct rep_buf out = REP_BUF_INIT(65536);
	struct rep_error err;

	if (shell("test -x /usr/sbin/sshd") != 0)
		skip();
	rep_buf_printf(&out, "HostKey %s\n", scratch(state, "host_key"));
	shell_ok("mkdir -p /run/sshd 2>/dev/null; ssh-keygen -q -t ed25519 -N '' -f %s",
		 scratch(state, "host_key"));
	expect_ok(rep_ssh_config(&out, "sync", "/srv/hub", &err), &err);
	expect_ok(rep_file_write(scratch(state, "sshd_config"), out.data, out.len, 0600, &err),
		  &err);
	shell_ok("/usr/sbin/sshd -t -f %s", scratch(state, "sshd_config"));
	assert_int_equal(0, shell("/usr/sbin/sshd -T -C user=sync,host=x,addr=1.2.3.4 -f %s | "
				  "grep -q '^disableforwarding yes'",
				  scratch(state, "sshd_config")));
	rep_buf_clear(&out);
}

int main(int argc, char **argv)
{
	int status;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_two_services_are_served_and_only_in_their_own_words),
		cmocka_unit_test(a_missing_command_is_refused),
		cmocka_unit_test(a_device_is_one_that_could_be_ours),
		cmocka_unit_test(the_path_of_the_client_is_not_used),
		cmocka_unit_test(nothing_of_the_clients_environment_reaches_git),
		cmocka_unit_test(a_closed_mailbox_serves_no_push_but_is_read),
		cmocka_unit_test(a_push_holds_the_mailboxs_lock_until_git_ends),
		cmocka_unit_test(a_request_is_one_that_a_device_makes),
		cmocka_unit_test(a_body_that_is_cut_off_ends_the_request_and_frees_the_mailbox),
		cmocka_unit_test(the_web_server_names_a_device_that_is_let_in),
		cmocka_unit_test(nothing_of_a_requests_headers_reaches_git),
		cmocka_unit_test(nginx_gets_plain_names_only),
		cmocka_unit_test(authorized_keys_restrict_each_key_to_its_mailbox),
		cmocka_unit_test(a_key_that_smuggles_a_line_or_an_option_is_refused),
		cmocka_unit_test(sshd_takes_the_printed_configuration),
	};

	if (run_as_shell(argc, argv, &status))
		return status;
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
