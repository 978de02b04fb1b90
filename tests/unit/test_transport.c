/*
 * One suite for every transport: a folder, and a real sshd on loopback with stock git behind the forced command. Then
 * what only a network can do.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "help_git.h"
#include "sync/mailbox.h"
#include "sync/serve.h"
#include "sync/transport.h"

#define DEVICE "d7k3f9qm"

/* What all tests of a group share. */
struct site {
	char *dir;
	bool ssh;
	unsigned port;
	char *secret, *public_line, *host_key;
};

/* One device's mailbox and clone, and a way to it. */
struct way {
	char hub[4096], box[4200], clone[4200];
	char url[4400];
	struct rep_transport_options options;
	struct rep_transport *transport;
	struct rep_git *git; /* the clone */
	struct rep_pack *pack;
	struct rep_oid tip;
	unsigned sent;
};

static const char *self_path(void)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

	assert_true(len > 0);
	path[len] = '\0';
	return path;
}

static char *file_text(const char *path)
{
	struct rep_buf buf = REP_BUF_INIT(65536);
	struct rep_error err;

	expect_ok(rep_file_read(&buf, path, &err), &err);
	return rep_buf_take(&buf);
}

static int site_folder(void **state)
{
	struct site *site = calloc(1, sizeof *site);
	struct rep_error err;

	assert_non_null(site);
	expect_ok(rep_dir_private(&site->dir, "repsync-test", &err), &err);
	*state = site;
	return 0;
}

static int site_ssh(void **state)
{
	struct site *site;
	struct rep_error err;
	char name[4200];
	char *text;

	(void)site_folder(state);
	site = *state;
	site->ssh = true;
	if (shell("command -v sshd >/dev/null || test -x /usr/sbin/sshd") != 0) {
		print_message("no sshd: the suite over ssh is skipped; install openssh-server\n");
		return 0;
	}
	expect_ok(rep_ssh_keygen(&site->secret, &site->public_line, "test", &err), &err);
	shell_ok("%s %s/ssh", source_path("script/sshd-start"), site->dir);
	snprintf(name, sizeof name, "%s/ssh/port", site->dir);
	text = file_text(name);
	site->port = (unsigned)strtoul(text, NULL, 10);
	free(text);
	snprintf(name, sizeof name, "%s/ssh/host_key.pub", site->dir);
	site->host_key = file_text(name);
	assert_true(site->port > 0);
	return 0;
}

static int site_end(void **state)
{
	struct site *site = *state;
	struct rep_error err;

	if (site->port)
		shell_ok("kill $(cat %s/ssh/pid)", site->dir);
	expect_ok(rep_dir_remove(site->dir, &err), &err);
	free(site->secret);
	free(site->public_line);
	free(site->host_key);
	free(site->dir);
	free(site);
	return 0;
}

/* The key's line in authorized_keys: this program is the forced command. */
static void admit(const struct site *site, const struct way *link)
{
	char name[4200];
	char *line = NULL;
	struct rep_error err;

	assert_true(asprintf(&line, "restrict,command=\"%s --shell '%s' %s\" %s\n", self_path(),
			     link->hub, DEVICE, site->public_line) > 0);
	snprintf(name, sizeof name, "%s/ssh/authorized_keys", site->dir);
	expect_ok(rep_file_write(name, line, strlen(line), 0600, &err), &err);
	free(line);
}

static void reconnect(struct way *link)
{
	struct rep_error err;

	rep_transport_close(link->transport);
	expect_ok(rep_transport_open(&link->transport, &link->options, &err), &err);
}

static struct way *link_new(void **state)
{
	static unsigned n;
	const struct site *site = *state;
	struct way *link = calloc(1, sizeof *link);
	struct rep_error err;

	if (site->ssh && !site->port) {
		free(link);
		skip();
	}
	assert_non_null(link);
	snprintf(link->hub, sizeof link->hub, "%s/hub%u", site->dir, n++);
	snprintf(link->box, sizeof link->box, "%s/mailboxes/" DEVICE ".git", link->hub);
	snprintf(link->clone, sizeof link->clone, "%s/clone.git", link->hub);
	expect_ok(rep_mailbox_create(link->box, &err), &err);
	link->git = create_and_open(link->clone, "inbox");
	expect_ok(rep_pack_new(&link->pack, link->git, &err), &err);
	if (site->ssh) {
		admit(site, link);
		snprintf(link->url, sizeof link->url, "ssh://%s@127.0.0.1:%u/any/path.git",
			 getpwuid(geteuid())->pw_name, site->port);
	} else {
		snprintf(link->url, sizeof link->url, "%s", link->box);
	}
	link->options = (struct rep_transport_options){.url = link->url,
						       .ssh_secret = site->secret,
						       .ssh_public = site->public_line,
						       .host_key = site->host_key,
						       .stall_s = 20};
	reconnect(link);
	return link;
}

static void link_end(struct way *link)
{
	rep_transport_close(link->transport);
	rep_pack_free(link->pack);
	rep_git_close(link->git);
	expect_clean(link->box);
	expect_clean(link->clone);
	free(link);
}

/* The next commit of the device, in its clone. */
static struct rep_oid compose(struct way *link, const struct rep_oid *on, const char *text)
{
	struct rep_oid tip;
	struct rep_error err;
	char path[64];

	snprintf(path, sizeof path, "2026-11/%u-%u.jsonl", link->sent, link->sent);
	if (rep_oid_is_zero(on))
		snprintf(path, sizeof path, "enrol.json");
	link->sent++;
	expect_ok(rep_outbox_commit(link->pack, on, path, text, strlen(text), 1700000000, DEVICE,
				    &tip, &err),
		  &err);
	expect_ok(rep_pack_commit(link->pack, NULL, &err), &err);
	return tip;
}

static void push_next(struct way *link, const char *text)
{
	struct rep_oid next = compose(link, &link->tip, text);
	struct rep_error err;

	expect_ok(rep_transport_push(link->transport, link->clone, &link->tip, &next, &err), &err);
	link->tip = next;
}

static void expect_tips(struct way *link, const struct rep_oid *outbox, const struct rep_oid *inbox)
{
	struct rep_oid out, in;
	struct rep_error err;

	expect_ok(rep_transport_tips(link->transport, &out, &in, &err), &err);
	assert_true(rep_oid_equal(&out, outbox));
	assert_true(rep_oid_equal(&in, inbox));
}

/* The hub publishes a view of one file in the mailbox. */
static struct rep_oid publish(struct way *link, const char *text, bool new_root)
{
	struct rep_git *box;
	struct rep_pack *pack;
	struct rep_tree *tree;
	struct rep_oid blob, root, tip;
	struct rep_error err;

	if (new_root)
		shell_ok("git -C %s update-ref -d refs/heads/inbox", link->box);
	expect_ok(rep_git_open(&box, link->box, &err), &err);
	expect_ok(rep_pack_new(&pack, box, &err), &err);
	blob = add_blob(pack, text);
	expect_ok(rep_tree_edit(&tree, pack, &rep_oid_zero, &err), &err);
	expect_ok(rep_tree_put(tree, "data/x/self.json", &blob, false, &err), &err);
	expect_ok(rep_tree_write(tree, &root, &err), &err);
	tip = commit_on(box, pack, REP_INBOX, &root);
	rep_tree_free(tree);
	rep_pack_free(pack);
	rep_git_close(box);
	return tip;
}

static void an_empty_mailbox_has_no_tips(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid tip;
	struct rep_error err;

	expect_tips(link, &rep_oid_zero, &rep_oid_zero);
	expect_ok(rep_transport_fetch(link->transport, link->clone, &tip, &err), &err);
	assert_true(rep_oid_is_zero(&tip));
	link_end(link);
}

static void what_is_pushed_is_in_the_mailbox(void **state)
{
	struct way *link = link_new(state);
	struct rep_outbox outbox;
	struct rep_error err;
	uint64_t up, down;

	push_next(link, "{}\n");
	expect_tips(link, &link->tip, &rep_oid_zero);
	push_next(link, "one\n");
	push_next(link, "two\n");
	expect_tips(link, &link->tip, &rep_oid_zero);
	rep_transport_bytes(link->transport, &up, &down);
	assert_true(up > 100);
	expect_ok(rep_mailbox_read(&outbox, link->box, &rep_oid_zero, &err), &err);
	assert_int_equal(outbox.segments_len, 2);
	assert_string_equal(outbox.segments[1].data, "two\n");
	rep_outbox_clear(&outbox);
	link_end(link);
}

static void a_push_that_was_stored_already_is_ok(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid before;
	struct rep_error err;

	push_next(link, "{}\n");
	before = link->tip;
	push_next(link, "one\n");
	expect_ok(rep_transport_push(link->transport, link->clone, &before, &link->tip, &err),
		  &err);
	link_end(link);
}

static void a_push_on_another_tip_than_the_mailbox_has_is_refused(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid first, other;
	struct rep_error err;

	push_next(link, "{}\n");
	first = link->tip;
	push_next(link, "one\n");
	other = compose(link, &first, "another\n");
	/* It does not continue what the mailbox has, whatever the device believes. */
	expect_code(rep_transport_push(link->transport, link->clone, &first, &other, &err),
		    REP_EORDER, &err, "moved");
	expect_code(rep_transport_push(link->transport, link->clone, &link->tip, &other, &err),
		    REP_EORDER, &err, "does not continue");
	expect_code(rep_transport_push(link->transport, link->clone, &rep_oid_zero, &other, &err),
		    REP_EORDER, &err, "moved");
	expect_tips(link, &link->tip, &rep_oid_zero);
	link_end(link);
}

static void a_fetch_brings_the_view_and_then_only_what_is_new(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid tip, want = publish(link, "view 1", false), now;
	struct rep_error err;
	uint64_t up, first, second;

	expect_ok(rep_transport_fetch(link->transport, link->clone, &tip, &err), &err);
	assert_true(rep_oid_equal(&tip, &want));
	expect_ok(rep_git_ref(link->git, REP_INBOX, &now, &err), &err);
	assert_true(rep_oid_equal(&now, &want));
	rep_transport_bytes(link->transport, &up, &first);
	assert_true(first > 0);
	want = publish(link, "view 2", false);
	expect_ok(rep_transport_fetch(link->transport, link->clone, &tip, &err), &err);
	assert_true(rep_oid_equal(&tip, &want));
	assert_string_equal("view 2",
			    shell_line("git -C %s show inbox:data/x/self.json", link->clone));
	rep_transport_bytes(link->transport, &up, &first);
	expect_ok(rep_transport_fetch(link->transport, link->clone, &tip, &err), &err);
	rep_transport_bytes(link->transport, &up, &second);
	assert_int_equal(first, second);
	link_end(link);
}

static void a_new_root_of_the_hub_replaces_the_view(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid tip, want;
	struct rep_error err;

	(void)publish(link, "view 1", false);
	expect_ok(rep_transport_fetch(link->transport, link->clone, &tip, &err), &err);
	want = publish(link, "view anew", true);
	expect_ok(rep_transport_fetch(link->transport, link->clone, &tip, &err), &err);
	assert_true(rep_oid_equal(&tip, &want));
	assert_string_equal("1", shell_line("git -C %s rev-list --count inbox", link->clone));
	link_end(link);
}

static void a_closed_mailbox_takes_no_push_but_gives_its_view(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid next, tip, want = publish(link, "goodbye", false);
	struct rep_error err;

	push_next(link, "{}\n");
	expect_ok(rep_mailbox_close(link->box, &err), &err);
	next = compose(link, &link->tip, "late\n");
	expect_code(rep_transport_push(link->transport, link->clone, &link->tip, &next, &err),
		    REP_EREFUSED, &err, "no more pushes");
	expect_tips(link, &link->tip, &want);
	expect_ok(rep_transport_fetch(link->transport, link->clone, &tip, &err), &err);
	assert_true(rep_oid_equal(&tip, &want));
	link_end(link);
}

static void a_push_waits_for_the_mailboxs_lock(void **state)
{
	struct way *link = link_new(state);
	struct rep_lock *held;
	struct rep_oid next = compose(link, &link->tip, "{}\n");
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
		_exit(rep_transport_push(link->transport, link->clone, &link->tip, &next, &err) !=
		      REP_OK);
	}
	expect_ok(rep_mailbox_lock(&held, link->box, false, &err), &err);
	(void)close(gate[0]);
	(void)close(gate[1]);
	usleep(400000);
	assert_string_equal("", shell_line("git -C %s for-each-ref", link->box));
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	rep_lock_free(held);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect_tips(link, &next, &rep_oid_zero);
	link_end(link);
}

static char *megabytes(unsigned n)
{
	size_t size = (size_t)n << 20;
	char *text = malloc(size + 1);
	uint32_t x = 1;

	assert_non_null(text);
	for (size_t i = 0; i < size; i++) {
		x = x * 1664525u + 1013904223u;
		text[i] = (char)(33 + (x >> 24) % 90);
	}
	text[size] = '\0';
	return text;
}

static void a_device_that_is_killed_in_a_push_pushes_again(void **state)
{
	static const unsigned after_ms[] = {5, 30, 90, 200};
	struct way *link = link_new(state);
	char *text = megabytes(3);

	push_next(link, "{}\n");
	for (size_t i = 0; i < sizeof after_ms / sizeof *after_ms; i++) {
		struct rep_oid next = compose(link, &link->tip, text), out, in;
		struct rep_error err;
		pid_t pid = fork();

		if (pid == 0) {
			(void)!rep_transport_push(link->transport, link->clone, &link->tip, &next,
						  &err);
			_exit(0);
		}
		usleep(after_ms[i] * 1000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		expect_ok(rep_transport_tips(link->transport, &out, &in, &err), &err);
		assert_true(rep_oid_equal(&out, &link->tip) || rep_oid_equal(&out, &next));
		expect_ok(rep_transport_push(link->transport, link->clone, &link->tip, &next, &err),
			  &err);
		link->tip = next;
		text[0] = (char)('a' + i);
	}
	free(text);
	link_end(link);
}

static void a_large_push_reports_its_progress(void **state)
{
	struct way *link = link_new(state);
	char *text = megabytes(2);
	uint64_t up, down;

	push_next(link, "{}\n");
	push_next(link, text);
	rep_transport_bytes(link->transport, &up, &down);
	assert_true(up > 1000000);
	free(text);
	link_end(link);
}

/* ---- only over a network ---- */

static void a_host_with_another_key_is_refused(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid out, in;
	struct rep_error err = {0};
	char *secret, *other;

	expect_ok(rep_ssh_keygen(&secret, &other, "other", &err), &err);
	link->options.host_key = other;
	reconnect(link);
	expect_code(rep_transport_tips(link->transport, &out, &in, &err), REP_EREFUSED, &err,
		    "host key");
	assert_non_null(strstr(err.hint, "ask the company"));
	free(secret);
	free(other);
	link_end(link);
}

static void a_device_whose_key_is_unknown_is_refused(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid out, in;
	struct rep_error err;
	char *secret, *public_line;

	expect_ok(rep_ssh_keygen(&secret, &public_line, "other", &err), &err);
	link->options.ssh_secret = secret;
	link->options.ssh_public = public_line;
	reconnect(link);
	expect_code(rep_transport_tips(link->transport, &out, &in, &err), REP_EREFUSED, &err,
		    "does not take this device's key");
	free(secret);
	free(public_line);
	link_end(link);
}

static int listen_on_loopback(unsigned *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void point_at(struct way *link, unsigned port)
{
	snprintf(link->url, sizeof link->url, "ssh://%s@127.0.0.1:%u/x.git",
		 getpwuid(geteuid())->pw_name, port);
	reconnect(link);
}

static void a_silent_server_is_given_up_by_the_watchdog(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid out, in;
	struct rep_error err;
	unsigned port;
	int fd = listen_on_loopback(&port);
	time_t start = time(NULL);

	link->options.stall_s = 1;
	point_at(link, port);
	expect_code(rep_transport_tips(link->transport, &out, &in, &err), REP_EUNREACHABLE, &err,
		    "no answer");
	assert_true(time(NULL) - start <= 10);
	(void)close(fd);
	link_end(link);
}

static void a_port_where_nobody_listens_is_unreachable(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid out, in;
	struct rep_error err;
	unsigned port;
	int fd = listen_on_loopback(&port);

	(void)close(fd);
	point_at(link, port);
	expect_code(rep_transport_tips(link->transport, &out, &in, &err), REP_EUNREACHABLE, &err,
		    "127.0.0.1");
	link_end(link);
}

static void a_host_that_is_not_known_is_unreachable(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid out, in;
	struct rep_error err;

	snprintf(link->url, sizeof link->url, "ssh://sync@no-such-host.invalid/x.git");
	reconnect(link);
	expect_code(rep_transport_tips(link->transport, &out, &in, &err), REP_EUNREACHABLE, &err,
		    "no-such-host.invalid");
	link_end(link);
}

/* Relays one connection to `port` and cuts it when `bytes` went up; then relays whatever follows. */
static void relay(int listener, unsigned port, size_t bytes)
{
	bool cut = false;

	for (;;) {
		struct sockaddr_in address = {.sin_family = AF_INET,
					      .sin_port = htons((uint16_t)port)};
		int client = accept(listener, NULL, NULL);
		int server = socket(AF_INET, SOCK_STREAM, 0);
		size_t up = 0;

		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (connect(server, (struct sockaddr *)&address, sizeof address) != 0)
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
	struct way *link = link_new(state);
	char *text = megabytes(1);

	text[200000] = '\0';
	push_next(link, "{}\n");
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
		next = compose(link, &link->tip, text);
		link->options.stall_s = 2;
		point_at(link, port);
		rc = rep_transport_push(link->transport, link->clone, &link->tip, &next, &err);
		if (rc != REP_OK)
			expect_code(rc, REP_EUNREACHABLE, &err, NULL);
		point_at(link, site->port);
		expect_ok(rep_transport_tips(link->transport, &out, &in, &err), &err);
		assert_true(rep_oid_equal(&out, &next) ||
			    (rc != REP_OK && rep_oid_equal(&out, &link->tip)));
		expect_ok(rep_transport_push(link->transport, link->clone, &link->tip, &next, &err),
			  &err);
		link->tip = next;
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	free(text);
	link_end(link);
}

/* ---- only in a folder, or nowhere ---- */

static void a_folder_that_is_not_there_is_unreachable(void **state)
{
	struct way *link = link_new(state);
	struct rep_oid out, in;
	struct rep_error err;

	snprintf(link->url, sizeof link->url, "file://%s/none.git", link->hub);
	reconnect(link);
	expect_code(rep_transport_tips(link->transport, &out, &in, &err), REP_EUNREACHABLE, &err,
		    "not there");
	link_end(link);
}

static void no_acknowledged_push_is_lost_in_a_race_of_two_devices(void **state)
{
	struct way *link = link_new(state);

	push_next(link, "{}\n");
	for (int round = 0; round < 20; round++) {
		struct rep_oid tips[2];
		struct rep_error err;
		char text[32];
		pid_t pids[2];
		int winners = 0, winner = -1;

		for (int i = 0; i < 2; i++) {
			snprintf(text, sizeof text, "%d %d\n", round, i);
			tips[i] = compose(link, &link->tip, text);
		}
		for (int i = 0; i < 2; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				_exit(rep_transport_push(link->transport, link->clone, &link->tip,
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
		expect_tips(link, &tips[winner], &rep_oid_zero);
		link->tip = tips[winner];
	}
	link_end(link);
}

static void addresses_that_are_neither_folder_nor_ssh_are_refused(void **state)
{
	static const char *const bad[] = {
		"http://host/x.git",    "relative/path",     "",
		"ssh://host/x.git",     "ssh://user@host",   "ssh://user@host/",
		"ssh://user@/x",        "ssh://@host/x",     "ssh://u@host:0/x",
		"ssh://u@host:65536/x", "ssh://u@host:2x/x", "ssh://-o@host/x",
		"ssh://u@-oProxy/x",    "git://host/x"};
	struct rep_transport_options options = {
		.ssh_secret = "x", .ssh_public = "x", .host_key = "x"};
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
		cmocka_unit_test(addresses_that_are_neither_folder_nor_ssh_are_refused),
		cmocka_unit_test(a_made_key_is_one_that_openssh_reads),
	};
	const struct CMUnitTest over_ssh[] = {
		EVERYWHERE,
		cmocka_unit_test(a_host_with_another_key_is_refused),
		cmocka_unit_test(a_device_whose_key_is_unknown_is_refused),
		cmocka_unit_test(a_silent_server_is_given_up_by_the_watchdog),
		cmocka_unit_test(a_port_where_nobody_listens_is_unreachable),
		cmocka_unit_test(a_host_that_is_not_known_is_unreachable),
		cmocka_unit_test(a_connection_cut_anywhere_leaves_old_or_new_and_heals),
	};
	int failed;

	if (argc == 4 && strcmp(argv[1], "--shell") == 0) {
		struct rep_error err;
		enum rep_code rc =
			rep_mailbox_shell(argv[2], argv[3], getenv("SSH_ORIGINAL_COMMAND"), &err);

		fprintf(stderr, "%s\n", err.msg);
		return rep_exit_status(rc);
	}
	failed = cmocka_run_group_tests_name("folder", over_folder, site_folder, site_end);
	return failed + cmocka_run_group_tests_name("ssh", over_ssh, site_ssh, site_end);
}
