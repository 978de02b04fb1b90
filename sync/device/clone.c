/*
 * The clone: unpacked, stored, shrunk. A pack never changes and is named after what it holds, so storing is adding the
 * names that the table lacks and removing those that the folder lacks.
 */
#include "sync/device/clone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sync/device/clone_work.h"
#include "sync/device/device_work.h"
#include "sync/git/pack.h"
#include "sync/mailbox/mailbox.h"

#define PIECE_SIZE (1024u * 1024u)
#define PACKS_MAX 20u /* more are made one: each costs two files and a look-up */

/* pack-<40 hex>.pack or .idx: nothing else is written into a folder on a database's word. */
static bool is_pack_file(const char *name)
{
	struct rep_oid ignored;
	char hex[REP_OID_HEX + 1];

	if (strncmp(name, "pack-", 5) != 0 || strnlen(name, 60) < 5 + REP_OID_HEX + 4)
		return false;
	memcpy(hex, name + 5, REP_OID_HEX);
	hex[REP_OID_HEX] = '\0';
	name += 5 + REP_OID_HEX;
	return rep_oid_parse(&ignored, hex) &&
	       (strcmp(name, ".pack") == 0 || strcmp(name, ".idx") == 0);
}

static enum rep_code pack_path(char *out, size_t size, const char *repository, const char *name,
			       struct rep_error *err)
{
	if ((size_t)snprintf(out, size, "%s/objects/pack/%s", repository, name) >= size)
		return rep_fail(err, REP_EINVAL, "path too long");
	return REP_OK;
}

/* ---- out of the replica ---- */

static enum rep_code append_piece(const char *path, const void *data, size_t len,
				  struct rep_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum rep_code rc;

	if (fd < 0)
		return rep_fail(err, REP_EIO, "open %s: %s", path, strerror(errno));
	rc = rep_fd_write(fd, data, len, path, err);
	if (close(fd) != 0 && !rc)
		rc = rep_fail(err, REP_EIO, "close %s: %s", path, strerror(errno));
	return rc;
}

static enum rep_code unpack(struct rep_clone *clone, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(clone->replica->db, &stmt,
				      "SELECT name, data FROM _clone ORDER BY name, piece", err);
	bool row = false;

	while (!rc && !(rc = rep_step(stmt, &row, err)) && row) {
		const char *name = rep_column_text(stmt, 0, NULL);
		char path[4096];
		size_t len;
		const void *data = rep_column_blob(stmt, 1, &len);

		if (!name || !is_pack_file(name))
			rc = rep_fail(err, REP_EINTEGRITY, "_clone: \"%.80s\" is no pack",
				      name ? name : "");
		if (!rc)
			rc = pack_path(path, sizeof path, clone->path, name, err);
		if (!rc)
			rc = append_piece(path, data, len, err);
	}
	return rc;
}

/* The tips are what the fetch tells the server that we have. */
static enum rep_code set_ref(struct rep_clone *clone, const char *ref, const char *key,
			     struct rep_error *err)
{
	struct rep_oid tip;
	enum rep_code rc = rep_clone_tip(clone, key, &tip, err);

	if (rc || rep_oid_is_zero(&tip) || !rep_git_has(clone->git, &tip))
		return rc; /* without it everything is fetched anew */
	return rep_git_cas(clone->git, ref, &rep_oid_zero, &tip, err);
}

enum rep_code rep_clone_tip(const struct rep_clone *clone, const char *key, struct rep_oid *out,
			    struct rep_error *err)
{
	char *text = NULL;
	enum rep_code rc = rep_meta_get(clone->replica->db, key, &text, err);

	*out = rep_oid_zero;
	if (!rc && text && text[0] && !rep_oid_parse(out, text))
		rc = rep_fail(err, REP_EINTEGRITY, "_meta: \"%s\" is no commit", key);
	free(text);
	return rc;
}

enum rep_code rep_clone_open(struct rep_clone **out, struct rep_replica *replica,
			     struct rep_error *err)
{
	struct rep_clone *clone = calloc(1, sizeof *clone);
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!clone)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	clone->replica = replica;
	rc = rep_private_make(&clone->dir, "repsync-clone", err);
	if (!rc && asprintf(&clone->path, "%s/clone.git", clone->dir.path) < 0) {
		clone->path = NULL;
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	}
	if (!rc)
		rc = rep_git_create(clone->path, "inbox", err);
	if (!rc)
		rc = unpack(clone, err);
	if (!rc)
		rc = rep_git_open(&clone->git, clone->path, err);
	if (!rc)
		rc = set_ref(clone, REP_INBOX, REP_META_APPLIED_TIP, err);
	if (!rc)
		rc = set_ref(clone, REP_OUTBOX, REP_META_PLANNED_TIP, err);
	if (rc) {
		rep_clone_close(clone);
		return rep_wrap(err, rc, "unpack the clone");
	}
	*out = clone;
	return REP_OK;
}

void rep_clone_close(struct rep_clone *clone)
{
	if (!clone)
		return;
	rep_git_close(clone->git);
	rep_private_remove(&clone->dir);
	free(clone->path);
	free(clone);
}

const char *rep_clone_path(const struct rep_clone *clone)
{
	return clone->path;
}

struct rep_git *rep_clone_git(struct rep_clone *clone)
{
	return clone->git;
}

/* ---- into the replica ---- */

static enum rep_code is_stored(struct rep_db *db, const char *name, bool *stored,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt, "SELECT 1 FROM _clone WHERE name = ?1 LIMIT 1", err);

	*stored = false;
	if (rc)
		return rc;
	rep_bind_text(stmt, 1, name);
	rc = rep_step(stmt, stored, err);
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code store_piece(struct rep_db *db, const char *name, int64_t piece,
				 const void *data, size_t len, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt, "INSERT INTO _clone(name, piece, data) VALUES (?1, ?2, ?3)", err);

	if (rc)
		return rc;
	rep_bind_text(stmt, 1, name);
	rep_bind_int(stmt, 2, piece);
	rep_bind_blob(stmt, 3, data, len);
	return rep_run(stmt, err);
}

static enum rep_code store_file(struct rep_clone *clone, const char *name, struct rep_error *err)
{
	char path[4096];
	char *block = malloc(PIECE_SIZE);
	int fd = -1;
	enum rep_code rc = pack_path(path, sizeof path, clone->path, name, err);

	if (!rc && !block)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (!rc && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		rc = rep_fail(err, REP_EIO, "open %s: %s", path, strerror(errno));
	for (int64_t piece = 0; !rc; piece++) {
		size_t len = 0;
		ssize_t n = 1;

		while (len < PIECE_SIZE && (n = read(fd, block + len, PIECE_SIZE - len)) > 0)
			len += (size_t)n;
		if (n < 0)
			rc = rep_fail(err, REP_EIO, "read %s: %s", path, strerror(errno));
		if (rc || len == 0)
			break;
		rc = store_piece(clone->replica->db, name, piece, block, len, err);
	}
	if (fd >= 0)
		(void)close(fd);
	free(block);
	return rc;
}

static enum rep_code store_new(struct rep_clone *clone, struct rep_error *err)
{
	char dir[4096];
	DIR *stream;
	const struct dirent *entry;
	enum rep_code rc = pack_path(dir, sizeof dir, clone->path, "", err);

	if (rc)
		return rc;
	stream = opendir(dir);
	if (!stream)
		return rep_fail(err, REP_EIO, "open %s: %s", dir, strerror(errno));
	while (!rc && (entry = readdir(stream)) != NULL) {
		bool stored;

		if (!is_pack_file(entry->d_name))
			continue;
		rc = is_stored(clone->replica->db, entry->d_name, &stored, err);
		if (!rc && !stored)
			rc = store_file(clone, entry->d_name, err);
	}
	(void)closedir(stream);
	return rc;
}

/* Names are collected first: a table is not changed while it is read. */
static enum rep_code forget_old(struct rep_clone *clone, struct rep_error *err)
{
	struct rep_db *db = clone->replica->db;
	struct rep_buf gone = REP_BUF_INIT(1u << 20);
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(db, &stmt, "SELECT DISTINCT name FROM _clone", err);

	while (!rc && !(rc = rep_step(stmt, &row, err)) && row) {
		const char *name = rep_column_text(stmt, 0, NULL);
		char path[4096];

		rc = pack_path(path, sizeof path, clone->path, name ? name : "", err);
		if (!rc && name && !rep_file_exists(path))
			rep_buf_put(&gone, name, strlen(name) + 1);
	}
	if (!rc)
		rc = rep_buf_check(&gone, "names of packs", err);
	for (size_t at = 0; !rc && at < gone.len; at += strlen(gone.data + at) + 1) {
		rc = rep_db_use(db, &stmt, "DELETE FROM _clone WHERE name = ?1", err);
		if (rc)
			break;
		rep_bind_text(stmt, 1, gone.data + at);
		rc = rep_run(stmt, err);
	}
	rep_buf_clear(&gone);
	return rc;
}

static enum rep_code store(struct rep_clone *clone, struct rep_error *err)
{
	enum rep_code rc = store_new(clone, err);

	return rc ? rc : forget_old(clone, err);
}

enum rep_code rep_clone_store(struct rep_clone *clone, struct rep_error *err)
{
	enum rep_code rc = rep_clone_gather(clone, PACKS_MAX, err);

	if (!rc)
		rc = store(clone, err);
	return rep_wrap(err, rc, "store the clone");
}

enum rep_code rep_clone_shrink(struct rep_clone *clone, struct rep_error *err)
{
	enum rep_code rc = rep_clone_reduce(clone, err);

	if (!rc)
		rc = store(clone, err);
	return rep_wrap(err, rc, "shrink the clone");
}
