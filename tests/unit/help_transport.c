#include "help_transport.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sync/serve.h"

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

int site_folder(void **state)
{
	struct site *site = calloc(1, sizeof *site);
	struct rep_error err;

	assert_non_null(site);
	expect_ok(rep_dir_private(&site->dir, "repsync-test", &err), &err);
	*state = site;
	return 0;
}

int site_ssh(void **state)
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

int site_end(void **state)
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
static void admit(const struct site *site, const struct way *way)
{
	char name[4200];
	char *line = NULL;
	struct rep_error err;

	assert_true(asprintf(&line, "restrict,command=\"%s --shell '%s' %s\" %s\n", self_path(),
			     way->hub, WAY_DEVICE, site->public_line) > 0);
	snprintf(name, sizeof name, "%s/ssh/authorized_keys", site->dir);
	expect_ok(rep_file_write(name, line, strlen(line), 0600, &err), &err);
	free(line);
}

void reconnect(struct way *way)
{
	struct rep_error err;

	rep_transport_close(way->transport);
	expect_ok(rep_transport_open(&way->transport, &way->options, &err), &err);
}

struct way *way_new(void **state)
{
	static unsigned n;
	const struct site *site = *state;
	struct way *way = calloc(1, sizeof *way);
	struct rep_error err;

	if (site->ssh && !site->port) {
		free(way);
		skip();
	}
	assert_non_null(way);
	snprintf(way->hub, sizeof way->hub, "%s/hub%u", site->dir, n++);
	snprintf(way->box, sizeof way->box, "%s/mailboxes/" WAY_DEVICE ".git", way->hub);
	snprintf(way->clone, sizeof way->clone, "%s/clone.git", way->hub);
	expect_ok(rep_mailbox_create(way->box, &err), &err);
	way->git = create_and_open(way->clone, "inbox");
	expect_ok(rep_pack_new(&way->pack, way->git, &err), &err);
	if (site->ssh) {
		admit(site, way);
		snprintf(way->url, sizeof way->url, "ssh://%s@127.0.0.1:%u/any/path.git",
			 getpwuid(geteuid())->pw_name, site->port);
	} else {
		snprintf(way->url, sizeof way->url, "%s", way->box);
	}
	way->options = (struct rep_transport_options){.url = way->url,
						      .ssh_secret = site->secret,
						      .ssh_public = site->public_line,
						      .host_key = site->host_key,
						      .stall_s = 20};
	reconnect(way);
	return way;
}

void way_end(struct way *way)
{
	rep_transport_close(way->transport);
	rep_pack_free(way->pack);
	rep_git_close(way->git);
	expect_clean(way->box);
	expect_clean(way->clone);
	free(way);
}

/* The next commit of the device, in its clone. */
struct rep_oid compose(struct way *way, const struct rep_oid *on, const char *text)
{
	struct rep_oid tip;
	struct rep_error err;
	char path[64];

	snprintf(path, sizeof path, "2026-11/%u-%u.jsonl", way->sent, way->sent);
	if (rep_oid_is_zero(on))
		snprintf(path, sizeof path, "enrol.json");
	way->sent++;
	expect_ok(rep_outbox_commit(way->pack, on, path, text, strlen(text), 1700000000, WAY_DEVICE,
				    &tip, &err),
		  &err);
	expect_ok(rep_pack_commit(way->pack, NULL, &err), &err);
	return tip;
}

void push_next(struct way *way, const char *text)
{
	struct rep_oid next = compose(way, &way->tip, text);
	struct rep_error err;

	expect_ok(rep_transport_push(way->transport, way->clone, &way->tip, &next, &err), &err);
	way->tip = next;
}

void expect_tips(struct way *way, const struct rep_oid *outbox, const struct rep_oid *inbox)
{
	struct rep_oid out, in;
	struct rep_error err;

	expect_ok(rep_transport_tips(way->transport, &out, &in, &err), &err);
	assert_true(rep_oid_equal(&out, outbox));
	assert_true(rep_oid_equal(&in, inbox));
}

/* The hub publishes a view of one file in the mailbox. */
struct rep_oid publish_view(struct way *way, const char *text, bool new_root)
{
	struct rep_git *box;
	struct rep_pack *pack;
	struct rep_tree *tree;
	struct rep_oid blob, root, tip;
	struct rep_error err;

	if (new_root)
		shell_ok("git -C %s update-ref -d refs/heads/inbox", way->box);
	expect_ok(rep_git_open(&box, way->box, &err), &err);
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

char *megabytes(unsigned n)
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

bool run_as_shell(int argc, char **argv, int *status)
{
	struct rep_error err = {0};

	if (argc != 4 || strcmp(argv[1], "--shell") != 0)
		return false;
	*status = rep_exit_status(
		rep_mailbox_shell(argv[2], argv[3], getenv("SSH_ORIGINAL_COMMAND"), &err));
	fprintf(stderr, "%s\n", err.msg);
	return true;
}
