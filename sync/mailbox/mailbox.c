#include "sync/mailbox/mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/limits.h"

/*
 * git 2.39 never syncs the folder of a ref, whatever core.fsync says; this hook runs between the ref's move and
 * the report to the client, so that a power cut after "ok" cannot take the push back (tried).
 */
static const char sync_hook[] = "#!/bin/sh\n"
				"[ \"$1\" = committed ] && sync -f .\n"
				"exit 0\n";
/* Sessions of ours name the program; a push that comes another way runs under no bounds and is not taken. */
static const char check_hook[] =
	"#!/bin/sh\n"
	"[ -n \"$REPSYNC_PROGRAM\" ] || {\n"
	"\techo 'repsync-refused: [ref] this mailbox is written through repsync only' >&2\n"
	"\texit 1\n"
	"}\n"
	"exec \"$REPSYNC_PROGRAM\" mailbox-check\n";

/* Beside what every repository has: bounds on what one session may take. */
static const char mailbox_config[] = "[pack]\n"
				     "\tthreads = 1\n"
				     "\twindowMemory = 64m\n"
				     "\tdeltaCacheSize = 16m\n"
				     "[http]\n"
				     "\tgetanyfile = false\n";

static bool file_is(const char *full, const char *text, unsigned mode)
{
	struct rep_buf now = REP_BUF_INIT(65536);
	struct rep_error ignored;
	struct stat st;
	bool is = rep_file_read(&now, full, &ignored) == REP_OK &&
		  strcmp(rep_buf_str(&now), text) == 0 && stat(full, &st) == 0 &&
		  (st.st_mode & 0777) == mode;

	rep_buf_clear(&now);
	return is;
}

/* What every mailbox has; `mend` writes it where it is anything else, otherwise *wrong names the first that is. */
static enum rep_code each_file(const char *path, bool mend, const char **wrong,
			       struct rep_error *err)
{
	struct rep_buf config = REP_BUF_INIT(16384);
	const struct {
		const char *name, *text;
		unsigned mode;
	} files[] = {{"config", NULL, 0600},
		     {"hooks/reference-transaction", sync_hook, 0700},
		     {"hooks/pre-receive", check_hook, 0700}};
	enum rep_code rc = REP_OK;

	rep_buf_puts(&config, rep_git_config);
	rep_buf_puts(&config, mailbox_config);
	for (size_t i = 0; !rc && i < sizeof files / sizeof *files; i++) {
		const char *text = files[i].text ? files[i].text : rep_buf_str(&config);
		char full[4096];

		if ((size_t)snprintf(full, sizeof full, "%s/%s", path, files[i].name) >=
		    sizeof full)
			rc = rep_fail(err, REP_EINVAL, "path too long");
		else if (file_is(full, text, files[i].mode))
			continue;
		else if (mend)
			rc = rep_file_write(full, text, strlen(text), files[i].mode, err);
		else if (!*wrong)
			*wrong = files[i].name;
	}
	rep_buf_clear(&config);
	return rc;
}

enum rep_code rep_mailbox_keep(const char *path, struct rep_error *err)
{
	char dir[4096];
	enum rep_code rc = REP_OK;

	if ((size_t)snprintf(dir, sizeof dir, "%s/hooks", path) >= sizeof dir)
		rc = rep_fail(err, REP_EINVAL, "path too long");
	if (!rc && !rep_file_is_dir(dir))
		rc = rep_dir_make(dir, 0700, err);
	if (!rc)
		rc = each_file(path, true, NULL, err);
	return rep_wrap(err, rc, "configure mailbox");
}

const char *rep_mailbox_wrong(const char *path)
{
	const char *wrong = NULL;
	struct rep_error ignored;

	return each_file(path, false, &wrong, &ignored) == REP_OK ? wrong : "config";
}

enum rep_code rep_mailbox_create(const char *path, struct rep_error *err)
{
	enum rep_code rc = rep_git_create(path, "outbox", err);

	if (rc == REP_EEXIST)
		rc = REP_OK;
	if (!rc)
		rc = rep_mailbox_keep(path, err);
	if (!rc)
		rc = rep_dir_sync(path, err);
	return rep_wrap(err, rc, "create mailbox %s", path);
}

void rep_mailbox_code(char out[REP_MAILBOX_CODE_SIZE], const char *message)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

	out[0] = '\0';
	for (const char *at = strchr(message, '['); at; at = strchr(at + 1, '[')) {
		size_t len = strspn(at + 1, letters);

		if (len > 0 && len < REP_MAILBOX_CODE_SIZE && at[1 + len] == ']') {
			memcpy(out, at + 1, len);
			out[len] = '\0';
			return;
		}
	}
}

enum rep_code rep_mailbox_lock(struct rep_lock **out, const char *path, bool wait,
			       struct rep_error *err)
{
	char name[4096];

	*out = NULL;
	if ((size_t)snprintf(name, sizeof name, "%s/repsync.lock", path) >= sizeof name)
		return rep_fail(err, REP_EINVAL, "%s: path too long", path);
	return rep_lock_take(out, name, path, wait, err);
}

static enum rep_code set_flag(const char *path, const char *flag, struct rep_error *err)
{
	char name[4096];

	snprintf(name, sizeof name, "%.4000s/repsync.%s", path, flag);
	return rep_file_write(name, "", 0, 0600, err);
}

static bool has_flag(const char *path, const char *flag)
{
	char name[4096];

	snprintf(name, sizeof name, "%.4000s/repsync.%s", path, flag);
	return rep_file_exists(name);
}

enum rep_code rep_mailbox_close(const char *path, struct rep_error *err)
{
	return rep_wrap(err, set_flag(path, "closed", err), "close mailbox %s", path);
}

bool rep_mailbox_is_closed(const char *path)
{
	return has_flag(path, "closed");
}

enum rep_code rep_mailbox_set_leaving(const char *path, struct rep_error *err)
{
	return rep_wrap(err, set_flag(path, "leaving", err), "mailbox %s", path);
}

bool rep_mailbox_is_leaving(const char *path)
{
	return has_flag(path, "leaving");
}

/* A positive number without a leading zero, up to 2^53-1; NULL, or where it ends. */
static const char *take_number(const char *text, int64_t *out)
{
	int64_t value = 0;
	const char *p = text;

	if (*p < '1' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (*p - '0');
		if (value > REP_INT_MAX)
			return NULL;
	}
	*out = value;
	return p;
}

/* yyyy-mm/ */
static bool is_month(const char *text)
{
	for (unsigned i = 0; i < 7; i++)
		if (i == 4 ? text[i] != '-' : text[i] < '0' || text[i] > '9')
			return false;
	if (text[5] == '0')
		return text[6] != '0';
	return text[5] == '1' && text[6] <= '2';
}

bool rep_outbox_name_parse(struct rep_outbox_name *out, const char *path)
{
	const char *p;

	*out = (struct rep_outbox_name){0};
	if (strcmp(path, "enrol.json") == 0) {
		out->kind = REP_OUTBOX_ENROL;
		return true;
	}
	if (strcmp(path, "statement.json") == 0) {
		out->kind = REP_OUTBOX_STATEMENT;
		return true;
	}
	if (strnlen(path, 9) < 9 || !is_month(path) || path[7] != '/')
		return false;
	p = take_number(path + 8, &out->first);
	if (!p || *p != '-')
		return false;
	p = take_number(p + 1, &out->last);
	if (!p || out->last < out->first || out->last - out->first >= REP_SEGMENT_SETS_MAX)
		return false;
	out->kind = strcmp(p, ".receipt.json") == 0 ? REP_OUTBOX_RECEIPT : REP_OUTBOX_SEGMENT;
	return out->kind == REP_OUTBOX_RECEIPT || strcmp(p, ".jsonl") == 0;
}

void rep_outbox_path(struct rep_buf *out, const char *time, int64_t first, int64_t last,
		     bool receipt)
{
	rep_buf_printf(out, "%.7s/%lld-%lld%s", time, (long long)first, (long long)last,
		       receipt ? ".receipt.json" : ".jsonl");
}

static enum rep_code put_files(struct rep_tree *tree, const struct rep_outbox_file *files,
			       size_t len, struct rep_error *err)
{
	for (size_t i = 0; i < len; i++) {
		struct rep_outbox_name name;
		enum rep_code rc;

		if (!rep_outbox_name_parse(&name, files[i].path))
			return rep_fail(err, REP_EUSAGE, "\"%s\" is no name of an outbox",
					files[i].path);
		rc = rep_tree_put_blob(tree, files[i].path, files[i].data, files[i].len, err);
		if (rc)
			return rc;
	}
	return REP_OK;
}

/* The tree of `tip`, which may still be in the pack only. */
static enum rep_code tree_of(struct rep_pack *pack, const struct rep_oid *tip, struct rep_oid *out,
			     struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(65536);
	enum rep_code rc;

	*out = rep_oid_zero;
	if (rep_oid_is_zero(tip))
		return REP_OK;
	rc = rep_pack_read(pack, tip, REP_OBJECT_COMMIT, &buf, err);
	if (!rc && buf.len > 5 + REP_OID_HEX) {
		buf.data[5 + REP_OID_HEX] = '\0';
		if (!rep_oid_parse(out, buf.data + 5))
			rc = rep_fail(err, REP_EINTEGRITY, "commit without a tree");
	}
	rep_buf_clear(&buf);
	return rc;
}

enum rep_code rep_outbox_commit_files(struct rep_pack *pack, const struct rep_oid *tip,
				      const struct rep_outbox_file *files, size_t len,
				      int64_t time_s, const char *device, struct rep_oid *out,
				      struct rep_error *err)
{
	struct rep_git_commit commit = {.parent = *tip,
					.author_name = device,
					.author_email = device,
					.author_s = time_s,
					.committer_name = device,
					.committer_email = device,
					.committer_s = time_s,
					.message = len > 0 ? files[0].path : ""};
	struct rep_tree *tree = NULL;
	struct rep_oid base;
	enum rep_code rc = tree_of(pack, tip, &base, err);

	*out = rep_oid_zero;
	if (!rc)
		rc = rep_tree_edit(&tree, pack, &base, err);
	if (!rc)
		rc = put_files(tree, files, len, err);
	if (!rc)
		rc = rep_tree_write(tree, &commit.tree, err);
	if (!rc)
		rc = rep_pack_add_commit(pack, &commit, out, err);
	rep_tree_free(tree);
	return rep_wrap(err, rc, "commit to outbox");
}

enum rep_code rep_outbox_commit(struct rep_pack *pack, const struct rep_oid *tip, const char *path,
				const void *data, size_t len, int64_t time_s, const char *device,
				struct rep_oid *out, struct rep_error *err)
{
	struct rep_outbox_file file = {.path = path, .data = data, .len = len};

	return rep_outbox_commit_files(pack, tip, &file, 1, time_s, device, out, err);
}

enum rep_code rep_outbox_commit_range(struct rep_git *git, const struct rep_oid *commit,
				      int64_t *first, int64_t *last, struct rep_oid *parent,
				      struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(65536);
	struct rep_outbox_name name;
	struct rep_oid tree;
	const char *message;
	int64_t time_s;
	enum rep_code rc = rep_git_commit_read(git, commit, &tree, parent, &time_s, err);

	*first = *last = 0;
	if (rc || rep_oid_is_zero(parent))
		return rc;
	rc = rep_git_read(git, commit, REP_OBJECT_COMMIT, &buf, err);
	message = rc ? NULL : strstr(rep_buf_str(&buf), "\n\n");
	if (message)
		buf.data[strcspn(message + 2, "\n") + (size_t)(message + 2 - buf.data)] = '\0';
	if (!rc && (!message || !rep_outbox_name_parse(&name, message + 2)))
		rc = rep_fail(err, REP_EINTEGRITY, "a commit of the outbox names no segment");
	if (!rc && name.kind == REP_OUTBOX_SEGMENT) {
		*first = name.first;
		*last = name.last;
	}
	rep_buf_clear(&buf);
	return rc;
}
