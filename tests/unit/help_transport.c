#include "help_transport.h"

#include <pwd.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sync/mailbox/serve.h"

/* What a script of servers left below the site's folder; the caller frees it. */
static char *site_text(const struct site *site, const char *name)
{
	struct rep_buf buf = REP_BUF_INIT(65536);
	struct rep_error err;
	char path[4200];

	snprintf(path, sizeof path, "%s/%s", site->dir, name);
	expect_ok(rep_file_read(&buf, path, &err), &err);
	return rep_buf_take(&buf);
}

static unsigned site_port(const struct site *site, const char *name)
{
	char *text = site_text(site, name);
	unsigned port = (unsigned)strtoul(text, NULL, 10);

	free(text);
	assert_true(port > 0);
	return port;
}

static void write_text(const char *path, const char *text, unsigned mode)
{
	struct rep_error err;

	expect_ok(rep_file_write(path, text, strlen(text), mode, &err), &err);
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

	(void)site_folder(state);
	site = *state;
	site->kind = SITE_SSH;
	if (shell("command -v sshd >/dev/null || test -x /usr/sbin/sshd") != 0) {
		print_message("no sshd: the suite over ssh is skipped; install openssh-server\n");
		return 0;
	}
	expect_ok(rep_ssh_keygen(&site->secret, &site->public_line, "test", &err), &err);
	shell_ok("%s %s/ssh", source_path("script/sshd-start"), site->dir);
	site->port = site_port(site, "ssh/port");
	site->host_key = site_text(site, "ssh/host_key.pub");
	return 0;
}

static void write_site(const struct site *site)
{
	struct rep_buf text = REP_BUF_INIT(65536);
	char hub[4200], names[4][4200];
	struct rep_nginx nginx = {.hub = hub,
				  .host = "localhost",
				  .path = "/repsync",
				  .certificate = names[0],
				  .key = names[1],
				  .fastcgi = names[2],
				  .port = 443};
	struct rep_error err;

	snprintf(hub, sizeof hub, "%s/door", site->dir);
	snprintf(names[0], sizeof names[0], "%s/web/server.pem", site->dir);
	snprintf(names[1], sizeof names[1], "%s/web/server.key", site->dir);
	snprintf(names[2], sizeof names[2], "unix:%s/web/fcgi.sock", site->dir);
	expect_ok(rep_nginx_config(&text, &nginx, &err), &err);
	snprintf(names[3], sizeof names[3], "%s/web/site.conf", site->dir);
	write_text(names[3], rep_buf_str(&text), 0600);
	rep_buf_clear(&text);
}

int site_https(void **state)
{
	struct site *site;
	char name[4200], line[256], verifier[REP_VERIFIER_LEN + 1];
	struct rep_error err;

	(void)site_folder(state);
	site = *state;
	site->kind = SITE_HTTPS;
	if (shell("test -x /usr/sbin/nginx && test -x /usr/sbin/fcgiwrap") != 0) {
		print_message("no nginx: the suite over https is skipped; install nginx-light and "
			      "fcgiwrap\n");
		return 0;
	}
	expect_ok(rep_key_init(&err), &err);
	rep_token_make(site->token);
	rep_token_verifier(verifier, site->token);
	snprintf(line, sizeof line, WAY_DEVICE ":%s:2099-01-01T00:00:00.000Z\n", verifier);
	shell_ok("mkdir -p %s/door/serve %s/web", site->dir, site->dir);
	snprintf(name, sizeof name, "%s/door/" REP_SERVE_TOKENS, site->dir);
	write_text(name, line, 0600);
	write_site(site);
	shell_ok("%s %s/web", source_path("script/nginx-start"), site->dir);
	site->port = site_port(site, "web/port");
	site->ca = site_text(site, "web/ca.pem");
	return 0;
}

int site_end(void **state)
{
	struct site *site = *state;
	struct rep_error err;

	if (site->port && site->kind == SITE_SSH)
		shell_ok("kill $(cat %s/ssh/pid)", site->dir);
	if (site->port && site->kind == SITE_HTTPS)
		shell_ok("kill -- $(cat %s/web/nginx.pid) -$(cat %s/web/fcgiwrap.pid)", site->dir,
			 site->dir);
	expect_ok(rep_dir_remove(site->dir, &err), &err);
	free(site->secret);
	free(site->public_line);
	free(site->host_key);
	free(site->ca);
	free(site->dir);
	free(site);
	return 0;
}

/* The server's CGI program, for this way's hub. */
static void admit_http(const struct site *site, const struct way *way)
{
	char name[4200];
	char *text = NULL;

	assert_true(asprintf(&text, "#!/bin/sh\nASAN_OPTIONS=detect_leaks=0 exec %s --http '%s'\n",
			     self_path(), way->hub) > 0);
	snprintf(name, sizeof name, "%s/door/" REP_SERVE_CGI, site->dir);
	write_text(name, text, 0700);
	free(text);
	shell_ok("mkdir -p %s/serve && cp %s/door/" REP_SERVE_TOKENS " %s/serve/", way->hub,
		 site->dir, way->hub);
}

/* The key's line in authorized_keys: this program is the forced command. */
static void admit(const struct site *site, const struct way *way)
{
	char name[4200];
	char *line = NULL;

	assert_true(asprintf(&line, "restrict,command=\"%s --shell '%s' %s\" %s\n", self_path(),
			     way->hub, WAY_DEVICE, site->public_line) > 0);
	snprintf(name, sizeof name, "%s/ssh/authorized_keys", site->dir);
	write_text(name, line, 0600);
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

	if (site->kind != SITE_FOLDER && !site->port) {
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
	snprintf(way->url, sizeof way->url, "%s", way->box);
	if (site->kind == SITE_SSH) {
		admit(site, way);
		snprintf(way->url, sizeof way->url, "ssh://%s@127.0.0.1:%u/any/path.git",
			 getpwuid(geteuid())->pw_name, site->port);
	} else if (site->kind == SITE_HTTPS) {
		admit_http(site, way);
		snprintf(way->url, sizeof way->url, "https://localhost:%u/repsync", site->port);
	}
	way->options = (struct rep_transport_options){.url = way->url,
						      .ssh_secret = site->secret,
						      .ssh_public = site->public_line,
						      .host_key = site->host_key,
						      .user = WAY_DEVICE,
						      .token = site->token,
						      .ca = site->ca,
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

/* As the program tells a device. */
static void say(const struct rep_error *err)
{
	struct rep_buf line = REP_BUF_INIT(8192);

	rep_said_put(&line, err);
	fputs(rep_buf_str(&line), stderr);
	rep_buf_clear(&line);
}

bool run_as_shell(int argc, char **argv, int *status)
{
	struct rep_error err = {0};

	if (argc == 2 && strcmp(argv[1], "mailbox-check") == 0) {
		char updates[4096];
		size_t len = fread(updates, 1, sizeof updates - 1, stdin);

		updates[len] = '\0';
		*status = rep_exit_status(rep_mailbox_hook(updates, &err));
		if (*status)
			say(&err);
		return true;
	}
	if (argc == 3 && strcmp(argv[1], "--http") == 0) {
		struct rep_buf answer = REP_BUF_INIT(65536);

		*status = rep_exit_status(
			rep_mailbox_http(argv[2], (int64_t)time(NULL) * 1000, &err));
		rep_http_answer(&answer, &err);
		fputs(rep_buf_str(&answer), stdout);
		return true;
	}
	if (argc != 4 || strcmp(argv[1], "--shell") != 0)
		return false;
	*status = rep_exit_status(
		rep_mailbox_shell(argv[2], argv[3], getenv("SSH_ORIGINAL_COMMAND"), &err));
	say(&err);
	return true;
}
