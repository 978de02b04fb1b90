/*
 * Commit objects, written and read as bytes: git_commit_create of libgit2 1.5.1 tells success when writing
 * the object failed.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/git/pack.h"

#define COMMIT_SIZE_MAX (64u * 1024u)

/* git refuses these in a name; what else stands there is the company's own text. */
static void put_clean(struct rep_buf *out, const char *text)
{
	size_t start = out->len;

	for (const char *p = text ? text : ""; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c == 0x7f || c == '<' || c == '>')
			continue;
		if (out->len == start && (c == ' ' || c == '.' || c == ','))
			continue;
		rep_buf_putc(out, *p);
	}
	if (out->len == start)
		rep_buf_puts(out, "unknown");
}

static void put_person(struct rep_buf *out, const char *role, const char *name, const char *email,
		       int64_t time_s)
{
	rep_buf_puts(out, role);
	put_clean(out, name);
	rep_buf_puts(out, " <");
	put_clean(out, email);
	rep_buf_printf(out, "> %lld +0000\n", (long long)(time_s > 0 ? time_s : 0));
}

void rep_git_commit_write(struct rep_buf *out, const struct rep_git_commit *commit)
{
	char hex[REP_OID_HEX + 1];

	rep_oid_hex(hex, &commit->tree);
	rep_buf_printf(out, "tree %s\n", hex);
	if (!rep_oid_is_zero(&commit->parent)) {
		rep_oid_hex(hex, &commit->parent);
		rep_buf_printf(out, "parent %s\n", hex);
	}
	put_person(out, "author ", commit->author_name, commit->author_email, commit->author_s);
	put_person(out, "committer ", commit->committer_name, commit->committer_email,
		   commit->committer_s);
	rep_buf_putc(out, '\n');
	rep_buf_puts(out, commit->message);
	if (commit->message[0] && commit->message[strlen(commit->message) - 1] != '\n')
		rep_buf_putc(out, '\n');
}

enum rep_code rep_pack_add_commit(struct rep_pack *pack, const struct rep_git_commit *commit,
				  struct rep_oid *out, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	enum rep_code rc;

	rep_git_commit_write(&bytes, commit);
	rc = rep_buf_check(&bytes, "commit", err);
	if (rc == REP_OK)
		rc = rep_pack_add(pack, REP_OBJECT_COMMIT, bytes.data, bytes.len, out, err);
	rep_buf_clear(&bytes);
	return rc;
}

/* Takes `<word> <40 hex>\n` from *text. */
static bool take_oid(const char **text, const char *word, struct rep_oid *out)
{
	size_t len = strlen(word);
	char hex[REP_OID_HEX + 1];

	if (strncmp(*text, word, len) != 0 || strnlen(*text + len, REP_OID_HEX + 1) <= REP_OID_HEX)
		return false;
	memcpy(hex, *text + len, REP_OID_HEX);
	hex[REP_OID_HEX] = '\0';
	if ((*text)[len + REP_OID_HEX] != '\n' || !rep_oid_parse(out, hex))
		return false;
	*text += len + REP_OID_HEX + 1;
	return true;
}

/* Takes a person's line and its time. */
static bool take_person(const char **text, const char *word, int64_t *time_s)
{
	const char *end = strchr(*text, '\n');
	const char *mail = end ? memrchr(*text, '>', (size_t)(end - *text)) : NULL;
	char *stop;

	if (strncmp(*text, word, strlen(word)) != 0 || !mail || mail[1] != ' ')
		return false;
	*time_s = strtoll(mail + 2, &stop, 10);
	if (*stop != ' ' || *time_s < 0 || *time_s > REP_INT_MAX)
		return false;
	*text = end + 1;
	return true;
}

enum rep_code rep_git_commit_read(struct rep_git *git, const struct rep_oid *oid,
				  struct rep_oid *tree, struct rep_oid *parent,
				  int64_t *committer_s, struct rep_error *err)
{
	struct rep_buf buf = REP_BUF_INIT(COMMIT_SIZE_MAX);
	struct rep_oid second;
	const char *text;
	char hex[REP_OID_HEX + 1];
	enum rep_code rc = rep_git_read(git, oid, REP_OBJECT_COMMIT, &buf, err);

	*tree = *parent = rep_oid_zero;
	*committer_s = 0;
	rep_oid_hex(hex, oid);
	if (rc)
		goto out;
	text = rep_buf_str(&buf);
	if (!take_oid(&text, "tree ", tree)) {
		rc = rep_fail(err, REP_EINTEGRITY, "commit without a tree");
		goto out;
	}
	(void)take_oid(&text, "parent ", parent);
	if (take_oid(&text, "parent ", &second))
		rc = rep_fail(err, REP_EINVAL, "more than one parent");
	else if (!take_person(&text, "author ", committer_s) ||
		 !take_person(&text, "committer ", committer_s))
		rc = rep_fail(err, REP_EINTEGRITY, "author or committer is malformed");
out:
	rep_buf_clear(&buf);
	return rep_wrap(err, rc, "commit %s", hex);
}

enum rep_code rep_git_chain_has(struct rep_git *git, const struct rep_oid *tip,
				const struct rep_oid *commit, bool *has, struct rep_error *err)
{
	struct rep_oid at = *tip, tree, parent;
	int64_t time_s;
	enum rep_code rc = REP_OK;

	*has = false;
	while (rc == REP_OK && !rep_oid_is_zero(&at)) {
		if (rep_oid_equal(&at, commit)) {
			*has = true;
			break;
		}
		rc = rep_git_commit_read(git, &at, &tree, &parent, &time_s, err);
		at = parent;
	}
	return rc;
}
