#include "core/store/changes.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/store/erased.h"

/*
 * The index by record is what every fold asks; by device what an audit and a rebuild ask. Cut stamps and aliases are rare, so
 * their indexes are partial and cost nothing where no clock runs ahead and nothing was merged.
 */
static const char schema_sql[] =
	"CREATE TABLE IF NOT EXISTS _segment(n INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE,"
	" device TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, hub_time TEXT NOT NULL,"
	" commit_id TEXT, run INTEGER NOT NULL, offset_ms INTEGER NOT NULL) STRICT;"
	"CREATE INDEX IF NOT EXISTS _segment_device ON _segment(device, first);"
	"CREATE TABLE IF NOT EXISTS _set(device TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL,"
	" sealed TEXT NOT NULL, PRIMARY KEY(device, seq)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _head(device TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL,"
	" eff TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS _held(device TEXT NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,"
	" waits_for TEXT NOT NULL, PRIMARY KEY(device, seq, idx)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS _held_for ON _held(waits_for);"
	"CREATE TABLE IF NOT EXISTS _change(n INTEGER PRIMARY KEY, device TEXT NOT NULL, seq INTEGER NOT NULL,"
	" idx INTEGER NOT NULL, stamp TEXT NOT NULL, eff TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL,"
	" op TEXT NOT NULL, rep TEXT NOT NULL, line TEXT, outcome TEXT, held INTEGER NOT NULL,"
	" segment INTEGER, version INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX IF NOT EXISTS _change_device ON _change(device, seq, idx);"
	"CREATE INDEX IF NOT EXISTS _change_record ON _change(entity, id, eff, seq, idx);"
	"CREATE INDEX IF NOT EXISTS _change_eff ON _change(eff, seq, idx);"
	"CREATE INDEX IF NOT EXISTS _change_cut ON _change(device, stamp) WHERE stamp <> eff;"
	"CREATE INDEX IF NOT EXISTS _change_alias ON _change(entity, id) WHERE op IN ('alias', 'unalias');"
	"CREATE INDEX IF NOT EXISTS _change_into ON _change(entity, json_extract(line, '$.into'))"
	" WHERE op IN ('alias', 'unalias');";

enum rep_code rep_changes_create(struct rep_db *db, struct rep_error *err)
{
	enum rep_code rc =
		rep_wrap(err, rep_db_exec(db, schema_sql, err), "make the index of changes");

	return rc == REP_OK ? rep_erased_create(db, err) : rc;
}

void rep_indexed_clear(struct rep_indexed *change)
{
	rep_json_free(change->owned_line);
	rep_json_free(change->owned_verdict);
	rep_json_free(change->outcome);
	free(change->entity);
	free(change->id);
	free(change->rep);
	free(change->segment);
	memset(change, 0, sizeof *change);
}

/* ---- writing ---- */

static bool is_held(const struct rep_json *outcome)
{
	const char *name = rep_json_get_string(outcome, "outcome");

	return name && strcmp(name, rep_outcome_name(REP_HELD)) == 0;
}

static enum rep_code mark_held(struct rep_db *db, const char *device, int64_t seq, unsigned index,
			       const struct rep_json *outcome, struct rep_error *err)
{
	const char *waits_for = rep_json_get_string(outcome, "waits_for");
	struct rep_stmt *stmt;
	bool held = is_held(outcome);
	enum rep_code rc =
		rep_db_use(db, &stmt,
			   held ? "INSERT OR REPLACE INTO _held(device, seq, idx, waits_for)"
				  " VALUES(?1, ?2, ?3, ?4)"
				: "DELETE FROM _held WHERE device = ?1 AND seq = ?2 AND idx = ?3",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, seq);
	rep_bind_int(stmt, 3, index);
	if (held)
		rep_bind_text(stmt, 4, waits_for ? waits_for : "");
	return rep_run(stmt, err);
}

static enum rep_code bind_json(struct rep_stmt *stmt, int at, const struct rep_json *value,
			       struct rep_buf *text, struct rep_error *err)
{
	rep_buf_reset(text);
	if (!value || rep_json_is(value, REP_JSON_NULL)) {
		rep_bind_null(stmt, at);
		return REP_OK;
	}
	rep_json_write(text, value);
	rep_bind_text_n(stmt, at, text->data, text->len);
	return rep_buf_check(text, "a change as text", err);
}

enum rep_code rep_changes_put(struct rep_db *db, const struct rep_edit *edit,
			      const char *signed_stamp, const struct rep_json *outcome,
			      const char *segment, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(2u * REP_LINE_SIZE_MAX);
	struct rep_stmt *stmt;
	enum rep_code rc;

	rc = rep_db_use(
		db, &stmt,
		"INSERT INTO _change(device, seq, idx, stamp, eff, entity, id, op, rep, line,"
		" outcome, held, segment, version) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		" ?11, ?12, (SELECT n FROM _segment WHERE path = ?13), ?14)"
		" ON CONFLICT(device, seq, idx) DO UPDATE SET eff = excluded.eff,"
		" line = excluded.line, outcome = excluded.outcome, held = excluded.held,"
		" segment = excluded.segment",
		err);
	if (rc != REP_OK)
		goto out;
	rep_bind_text(stmt, 1, edit->device);
	rep_bind_int(stmt, 2, edit->seq);
	rep_bind_int(stmt, 3, edit->index);
	rep_bind_text(stmt, 4, signed_stamp);
	rep_bind_text(stmt, 5, edit->stamp);
	rep_bind_text(stmt, 6, edit->entity);
	rep_bind_text(stmt, 7, edit->id);
	rep_bind_text(stmt, 8, rep_op_name(edit->op));
	rep_bind_text(stmt, 9, edit->rep);
	rc = bind_json(stmt, 10, edit->line, &text, err);
	if (rc == REP_OK)
		rc = bind_json(stmt, 11, outcome, &text, err);
	rep_bind_int(stmt, 12, is_held(outcome));
	rep_bind_text(stmt, 13, segment);
	rep_bind_int(stmt, 14, edit->version);
	if (rc == REP_OK)
		rc = rep_run(stmt, err);
	if (rc == REP_OK && is_held(outcome))
		rc = mark_held(db, edit->device, edit->seq, edit->index, outcome, err);
out:
	rep_buf_clear(&text);
	return rep_wrap(err, rc, "index change %s %lld/%u", edit->device, (long long)edit->seq,
			edit->index);
}

enum rep_code rep_changes_outcome(struct rep_db *db, const char *device, int64_t seq,
				  unsigned index, const struct rep_json *outcome,
				  struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(2u * REP_LINE_SIZE_MAX);
	struct rep_stmt *stmt;
	enum rep_code rc;

	rc = rep_db_use(db, &stmt,
			"UPDATE _change SET outcome = ?4, held = ?5"
			" WHERE device = ?1 AND seq = ?2 AND idx = ?3",
			err);
	if (rc != REP_OK)
		goto out;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, seq);
	rep_bind_int(stmt, 3, index);
	rep_bind_int(stmt, 5, is_held(outcome));
	rc = bind_json(stmt, 4, outcome, &text, err);
	if (rc == REP_OK)
		rc = rep_run(stmt, err);
	if (rc == REP_OK)
		rc = mark_held(db, device, seq, index, outcome, err);
out:
	rep_buf_clear(&text);
	return rep_wrap(err, rc, "index outcome of %s %lld/%u", device, (long long)seq, index);
}

/* ---- reading ---- */

#define COLUMNS                                                                                   \
	"c.device, c.seq, c.idx, c.stamp, c.eff, c.entity, c.id, c.op, c.rep, c.line, c.outcome," \
	" c.held, s.path, s.hub_time, s.offset_ms, s.commit_id, c.version"
#define SEGMENTS " LEFT JOIN _segment s ON s.n = c.segment"
#define FROM " FROM _change c" SEGMENTS

static char *dup_column(struct rep_stmt *stmt, int index)
{
	const char *text = rep_column_text(stmt, index, NULL);

	return text ? strdup(text) : NULL;
}

static void copy_column(char *out, size_t size, struct rep_stmt *stmt, int index)
{
	size_t len = 0;
	const char *text = rep_column_text(stmt, index, &len);

	if (!text || len >= size)
		len = 0;
	if (len)
		memcpy(out, text, len);
	out[len] = '\0';
}

static enum rep_code json_column(struct rep_json **out, struct rep_stmt *stmt, int index,
				 struct rep_error *err)
{
	size_t len = 0;
	const char *text = rep_column_text(stmt, index, &len);

	*out = NULL;
	if (!text)
		return REP_OK;
	return rep_json_parse(out, text, len, 2u * REP_LINE_SIZE_MAX, REP_SCHEMA_DEPTH_MAX, err);
}

static enum rep_code load(struct rep_indexed *out, struct rep_stmt *stmt, struct rep_error *err)
{
	const char *op = rep_column_text(stmt, 7, NULL);
	enum rep_code rc;

	memset(out, 0, sizeof *out);
	copy_column(out->device, sizeof out->device, stmt, 0);
	copy_column(out->stamp.text, sizeof out->stamp.text, stmt, 3);
	copy_column(out->eff.text, sizeof out->eff.text, stmt, 4);
	out->entity = dup_column(stmt, 5);
	out->id = dup_column(stmt, 6);
	out->rep = dup_column(stmt, 8);
	out->held = rep_column_int(stmt, 11) != 0;
	out->segment = dup_column(stmt, 12);
	copy_column(out->hub_time, sizeof out->hub_time, stmt, 13);
	out->clock_offset_ms = rep_column_int(stmt, 14);
	copy_column(out->commit, sizeof out->commit, stmt, 15);
	out->edit.seq = rep_column_int(stmt, 1);
	out->edit.index = (unsigned)rep_column_int(stmt, 2);
	out->edit.version = (int)rep_column_int(stmt, 16);
	rc = json_column(&out->owned_line, stmt, 9, err);
	if (rc == REP_OK)
		rc = json_column(&out->outcome, stmt, 10, err);
	if (rc == REP_OK && (!op || !rep_op_parse(&out->edit.op, op)))
		rc = rep_fail(err, REP_EINTEGRITY, "unknown operation in the index");
	if (rc == REP_OK && (!out->entity || !out->id || !out->rep))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	out->edit.entity = out->entity;
	out->edit.id = out->id;
	out->edit.stamp = out->eff.text;
	out->edit.rep = out->rep;
	out->edit.device = out->device;
	out->edit.line = out->owned_line;
	if (rc == REP_OK && out->outcome)
		rc = rep_outcome_verdict(&out->owned_verdict, out->outcome, err);
	out->edit.verdict = out->owned_verdict;
	out->edit.judged = (int)rep_json_get_integer(out->outcome, REP_OUTCOME_SCHEMA);
	return rc;
}

struct condition {
	const char *sql;
	const char *value;
};

/* "?n, ?n+1, ..." of the members of a group, the first of which is bound as `first`. */
static void put_list(struct rep_buf *sql, const struct rep_changes_query *query, size_t first)
{
	for (size_t i = 0; i < query->ids_len; i++)
		rep_buf_printf(sql, "%s?%zu", i ? ", " : "", first + i);
}

/* The members of a group, behind the conditions that are there always: the entity among them, as ?1. */
static void put_ids(struct rep_buf *sql, const struct rep_changes_query *query, size_t bound)
{
	if (!query->ids_len)
		return;
	if (!query->with_into) {
		rep_buf_puts(sql, " AND c.id IN (");
		put_list(sql, query, bound + 1);
	} else {
		rep_buf_puts(sql,
			     " AND c.n IN (SELECT n FROM _change WHERE entity = ?1 AND id IN (");
		put_list(sql, query, bound + 1);
		rep_buf_puts(sql,
			     ") UNION SELECT n FROM _change WHERE entity = ?1 AND"
			     " op IN ('alias', 'unalias') AND json_extract(line, '$.into') IN (");
		put_list(sql, query, bound + 1);
		rep_buf_puts(sql, ")");
	}
	rep_buf_puts(sql, ")");
}

/*
 * Of few records, by their index; where those that joined them count too, by the numbers that the inner query finds, which SQLite would
 * rather look for in every change of the entity. Of anything else in the order of the stamps, by theirs, so that the first row comes at
 * once and nothing is sorted: SQLite would rather sort millions of rows than read them in order.
 */
static enum rep_code prepare_each(struct rep_db *db, const struct rep_changes_query *query,
				  const struct condition *conditions, size_t len,
				  struct rep_stmt **out, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(8192 + 64 * query->ids_len);
	bool few = query->id || query->ids_len;
	size_t bound = 0;
	int at = 0;
	enum rep_code rc;

	*out = NULL;
	rep_buf_printf(&sql, "SELECT " COLUMNS " FROM _change c%s" SEGMENTS,
		       !few                                 ? " INDEXED BY _change_eff"
		       : query->ids_len && query->with_into ? " NOT INDEXED"
							    : "");
	for (size_t i = 0; i < len; i++)
		if (conditions[i].value)
			rep_buf_printf(&sql, " %s %s%zu", bound ? "AND" : "WHERE",
				       conditions[i].sql, bound + 1),
				bound++;
	put_ids(&sql, query, bound);
	rep_buf_puts(&sql, " ORDER BY c.eff, c.seq, c.idx");
	rc = rep_buf_check(&sql, "a query", err);
	if (rc == REP_OK)
		rc = rep_db_prepare(db, out, rep_buf_str(&sql), err);
	for (size_t i = 0; rc == REP_OK && i < len; i++)
		if (conditions[i].value)
			rep_bind_text(*out, ++at, conditions[i].value);
	for (size_t i = 0; rc == REP_OK && i < query->ids_len; i++)
		rep_bind_text(*out, ++at, query->ids[i]);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_changes_each(struct rep_db *db, const struct rep_changes_query *query,
			       enum rep_code (*each)(void *user, struct rep_indexed *change,
						     struct rep_error *err),
			       void *user, struct rep_error *err)
{
	const bool by_hub = query->by_hub;
	const struct condition conditions[] = {
		{"c.entity = ?", query->entity},
		{"c.id = ?", query->id},
		{"c.rep = ?", query->rep},
		{"c.device = ?", query->device},
		{by_hub ? "s.hub_time >= ?" : "c.eff >= ?", query->since},
		{by_hub ? "s.hub_time < ?" : "c.eff < ?", query->until},
	};
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = prepare_each(db, query, conditions,
					sizeof conditions / sizeof *conditions, &stmt, err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		struct rep_indexed change;

		rc = load(&change, stmt, err);
		if (rc == REP_OK)
			rc = each(user, &change, err);
		rep_indexed_clear(&change);
	}
	rep_stmt_free(stmt);
	return rc;
}

static enum rep_code one(struct rep_stmt *stmt, struct rep_indexed *out, bool *found,
			 struct rep_error *err)
{
	enum rep_code rc = rep_step(stmt, found, err);

	if (rc == REP_OK && *found)
		rc = load(out, stmt, err);
	rep_stmt_reset(stmt);
	return rc;
}

/* eff ends in the device, so that ordering by it is ordering by (eff, device). */
enum rep_code rep_changes_last(struct rep_db *db, const char *entity, const char *id,
			       struct rep_change_place *out, bool *found, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc;

	*found = false;
	memset(out, 0, sizeof *out);
	rc = rep_db_use(db, &stmt,
			"SELECT eff, device, seq, idx FROM _change"
			" WHERE entity = ?1 AND id = ?2 AND held = 0"
			" ORDER BY eff DESC, seq DESC, idx DESC LIMIT 1",
			err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rc = rep_step(stmt, found, err);
	if (rc == REP_OK && *found) {
		copy_column(out->eff.text, sizeof out->eff.text, stmt, 0);
		copy_column(out->device, sizeof out->device, stmt, 1);
		out->seq = rep_column_int(stmt, 2);
		out->index = (unsigned)rep_column_int(stmt, 3);
	}
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_changes_get(struct rep_db *db, const char *device, int64_t seq, unsigned index,
			      struct rep_indexed *out, bool *found, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc;

	*found = false;
	memset(out, 0, sizeof *out);
	rc = rep_db_use(db, &stmt,
			"SELECT " COLUMNS FROM " WHERE c.device = ?1 AND c.seq = ?2 AND c.idx = ?3",
			err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_int(stmt, 2, seq);
	rep_bind_int(stmt, 3, index);
	return one(stmt, out, found, err);
}

enum rep_code rep_changes_cut(struct rep_db *db, const char *device, const char *stamp,
			      struct rep_stamp *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "SELECT eff FROM _change WHERE device = ?1 AND stamp = ?2"
				      " AND stamp <> eff LIMIT 1",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rep_bind_text(stmt, 2, stamp);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		copy_column(out->text, sizeof out->text, stmt, 0);
	rep_stmt_reset(stmt);
	return rc;
}

/* ---- held changes ---- */

struct held {
	char device[REP_DEVICE_LEN + 1];
	int64_t seq;
	unsigned index;
};

static enum rep_code list_held(struct rep_db *db, const char *waits_for, struct held **out,
			       size_t *len, struct rep_error *err)
{
	struct rep_stmt *stmt;
	size_t cap = 0;
	bool row = true;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		waits_for ? "SELECT device, seq, idx FROM _held WHERE waits_for = ?1"
			    " ORDER BY device, seq, idx"
			  : "SELECT device, seq, idx FROM _held ORDER BY device, seq, idx",
		err);

	if (rc != REP_OK)
		return rc;
	if (waits_for)
		rep_bind_text(stmt, 1, waits_for);
	while ((rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		if (*len == cap) {
			struct held *grown = reallocarray(*out, cap ? 2 * cap : 8, sizeof *grown);

			if (!grown) {
				rc = rep_fail(err, REP_ENOMEM, "list held changes");
				break;
			}
			*out = grown;
			cap = cap ? 2 * cap : 8;
		}
		copy_column((*out)[*len].device, sizeof(*out)[*len].device, stmt, 0);
		(*out)[*len].seq = rep_column_int(stmt, 1);
		(*out)[(*len)++].index = (unsigned)rep_column_int(stmt, 2);
	}
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_changes_held(struct rep_db *db, const char *waits_for,
			       enum rep_code (*each)(void *user, const char *device, int64_t seq,
						     unsigned index, struct rep_error *err),
			       void *user, struct rep_error *err)
{
	struct held *held = NULL;
	size_t len = 0;
	enum rep_code rc = list_held(db, waits_for, &held, &len, err);

	for (size_t i = 0; rc == REP_OK && i < len; i++)
		rc = each(user, held[i].device, held[i].seq, held[i].index, err);
	free(held);
	return rc;
}
