#include "core/store/unsent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/journal.h"

#define KEY_SIZE (REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2)

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "unsent fields: no memory");
}

static bool add(struct rep_json *out, const char *entity, const char *id, const char *field)
{
	char key[KEY_SIZE];

	snprintf(key, sizeof key, "%s/%s", entity, id);
	if (!rep_json_get(out, key) && !rep_json_set(out, key, rep_json_object()))
		return false;
	return rep_json_set(rep_json_get(out, key), field, rep_json_bool(true));
}

static enum rep_code add_pending(struct rep_replica *replica, const char *entity, const char *id,
				 struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(
		replica->db, &stmt,
		"SELECT p.entity, p.id, f.field FROM _pending AS p JOIN _pending_field AS f ON f.n = p.n WHERE "
		"?1 IS NULL OR (p.entity = ?1 AND p.id = ?2)",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row &&
		    !add(out, rep_column_text(stmt, 0, NULL), rep_column_text(stmt, 1, NULL),
			 rep_column_text(stmt, 2, NULL)))
			rc = no_memory(err);
	}
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code add_set(struct rep_replica *replica, int64_t seq, const char *entity,
			     const char *id, struct rep_json *out, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	size_t used;
	enum rep_code rc = rep_journal_read(replica->db, seq, &bytes, err);

	if (rc == REP_OK)
		rc = rep_changeset_read(&set, &used, rep_buf_str(&bytes), bytes.len, NULL, err);
	for (size_t i = 0; rc == REP_OK && i < set.changes_len; i++) {
		const struct rep_change *change = &set.changes[i];
		const struct rep_json *values = rep_json_get(change->line, "values");

		if (entity && (strcmp(change->entity, entity) != 0 || strcmp(change->id, id) != 0))
			continue;
		for (void *it = values ? rep_json_iter(values) : NULL; rc == REP_OK && it;
		     it = rep_json_iter_next(values, it)) {
			if (!add(out, change->entity, change->id, rep_json_iter_key(it)))
				rc = no_memory(err);
		}
	}
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code add_sealed(struct rep_replica *replica, const char *entity, const char *id,
				struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	int64_t merged = 0;
	bool row = true;
	enum rep_code rc = rep_meta_get_int(replica->db, "merged_seq", &merged, err);

	if (rc == REP_OK)
		rc = rep_db_prepare(
			replica->db, &stmt,
			entity ? "SELECT seq FROM _journal_record WHERE entity = ?2 AND id = ?3 AND "
				 "seq > ?1"
			       : "SELECT seq FROM _journal WHERE seq > ?1",
			err);
	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, merged);
	if (entity) {
		rep_bind_text(stmt, 2, entity);
		rep_bind_text(stmt, 3, id);
	}
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = add_set(replica, rep_column_int(stmt, 0), entity, id, out, err);
	}
	rep_stmt_free(stmt);
	return rc;
}

enum rep_code rep_unsent(struct rep_replica *replica, const char *entity, const char *id,
			 struct rep_json **out, struct rep_error *err)
{
	struct rep_json *found = rep_json_object();
	enum rep_code rc = found ? add_pending(replica, entity, id, found, err) : no_memory(err);

	*out = NULL;
	if (rc == REP_OK)
		rc = add_sealed(replica, entity, id, found, err);
	if (rc == REP_OK)
		*out = found;
	else
		rep_json_free(found);
	return rc;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct rep_json *rep_unsent_fields(const struct rep_json *unsent, const char *entity,
				   const char *id)
{
	struct rep_json *out = rep_json_array();
	const struct rep_json *fields;
	char key[KEY_SIZE];
	const char **names;
	size_t len = 0;

	snprintf(key, sizeof key, "%s/%s", entity, id);
	fields = rep_json_get(unsent, key);
	names = calloc(rep_json_size(fields) + 1, sizeof *names);
	if (!names) {
		rep_json_free(out);
		return NULL;
	}
	for (void *it = fields ? rep_json_iter(fields) : NULL; it;
	     it = rep_json_iter_next(fields, it))
		names[len++] = rep_json_iter_key(it);
	qsort(names, len, sizeof *names, compare);
	for (size_t i = 0; out && i < len; i++) {
		if (!rep_json_append(out, rep_json_string(names[i]))) {
			rep_json_free(out);
			out = NULL;
		}
	}
	free(names);
	return out;
}
