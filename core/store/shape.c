#include "core/store/shape.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/store/capture.h"
#include "core/store/search.h"
#include "core/store/tables.h"

/* _journal is append-only: the one update is the erasure of value lines, under a row of _erasing in the same transaction. */
static const char tables[] =
	"CREATE TABLE _secret (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT;\n"
	"CREATE TABLE _journal (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, prev TEXT NOT NULL, "
	"sealed TEXT NOT NULL, reason TEXT, changes INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB "
	"NOT NULL) STRICT;\n"
	"CREATE TABLE _journal_record (entity TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, "
	"PRIMARY KEY (entity, id, seq)) STRICT, WITHOUT ROWID;\n"
	"CREATE INDEX _journal_record__seq ON _journal_record (seq);\n"
	"CREATE TABLE _erasing (seq INTEGER NOT NULL) STRICT;\n"
	"CREATE TRIGGER _journal__update BEFORE UPDATE ON _journal WHEN NEW.seq IS NOT OLD.seq OR "
	"NEW.hash IS NOT OLD.hash OR NEW.prev IS NOT OLD.prev OR NEW.sealed IS NOT OLD.sealed OR "
	"NEW.changes IS NOT OLD.changes OR NOT EXISTS (SELECT 1 FROM _erasing WHERE seq = OLD.seq)\n"
	"BEGIN\nSELECT RAISE(ABORT, 'the journal is append-only');\nEND;\n"
	"CREATE TRIGGER _journal__delete BEFORE DELETE ON _journal\n"
	"BEGIN\nSELECT RAISE(ABORT, 'the journal is append-only');\nEND;\n"
	"CREATE TRIGGER _journal__insert BEFORE INSERT ON _journal WHEN NEW.seq IS NOT coalesce((SELECT "
	"max(seq) FROM _journal), 0) + 1\n"
	"BEGIN\nSELECT RAISE(ABORT, 'the journal is append-only');\nEND;\n"
	"CREATE TABLE _outcome (seq INTEGER NOT NULL, idx INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY "
	"KEY (seq, idx)) STRICT, WITHOUT ROWID;\n"
	"CREATE TABLE _held (entity TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (entity, id)) STRICT, "
	"WITHOUT ROWID;\n"
	"CREATE TABLE _clone (name TEXT NOT NULL, piece INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY "
	"(name, piece)) STRICT;\n"
	"CREATE TABLE _schema (path TEXT NOT NULL PRIMARY KEY, data BLOB NOT NULL) STRICT;\n";

enum rep_code rep_shape_create(struct rep_db *db, struct rep_error *err)
{
	enum rep_code rc = rep_capture_create(db, err);

	if (rc == REP_OK)
		rc = rep_db_exec(db, tables, err);
	if (rc == REP_OK)
		rc = rep_search_create(db, err);
	return rc;
}

enum rep_code rep_shape_install(struct rep_db *db, const struct rep_schema *schema,
				const char *device, struct rep_error *err)
{
	enum rep_code rc = rep_tables_create(db, schema, err);

	if (rc == REP_OK)
		rc = rep_capture_install(db, schema, device, err);
	if (rc == REP_OK)
		rc = rep_search_install(db, schema, err);
	return rc;
}

/* ---- comparing ---- */

/* The one text that `sql` gives for a name, appended; nothing when there is none. */
static enum rep_code read_text(struct rep_db *db, const char *sql, const char *type,
			       const char *name, struct rep_buf *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(db, &stmt, sql, err);

	rep_buf_reset(out);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, name);
	if (type)
		rep_bind_text(stmt, 2, type);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row && rep_column_text(stmt, 0, NULL))
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc == REP_OK ? rep_buf_check(out, "an object of the database", err) : rc;
}

static const char object_sql[] = "SELECT sql FROM sqlite_schema WHERE name = ?1 AND type = ?2";
static const char columns_sql[] =
	"SELECT group_concat(c, ';') FROM (SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || "
	"coalesce(dflt_value, '') || ' ' || pk || ' ' || hidden AS c FROM pragma_table_xinfo(?1) "
	"ORDER BY name)";

static enum rep_code compare_object(struct rep_db *have_db, struct rep_db *want_db,
				    const char *type, const char *name, struct rep_error *err)
{
	const bool is_table = strcmp(type, "table") == 0;
	const char *sql = is_table ? columns_sql : object_sql;
	struct rep_buf have = REP_BUF_INIT(4u * 1024u * 1024u);
	struct rep_buf want = REP_BUF_INIT(4u * 1024u * 1024u);
	enum rep_code rc;

	rc = read_text(have_db, sql, is_table ? NULL : type, name, &have, err);
	if (rc == REP_OK)
		rc = read_text(want_db, sql, is_table ? NULL : type, name, &want, err);
	if (rc == REP_OK && !have.len)
		rc = rep_fail(err, REP_EINTEGRITY, "%s %s is missing", type, name);
	else if (rc == REP_OK && strcmp(have.data, rep_buf_str(&want)) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "%s %s is not what the schema makes", type,
			      name);
	rep_buf_clear(&have);
	rep_buf_clear(&want);
	return rc;
}

/* Columns that an older schema had stay, and so may indexes: more than there must be is only wrong where it acts. */
static enum rep_code check_objects(struct rep_db *have, struct rep_db *want, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(
		want, &stmt, "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL", err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rc = compare_object(have, want, rep_column_text(stmt, 0, NULL),
				    rep_column_text(stmt, 1, NULL), err);
	if (stmt)
		rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code check_triggers(struct rep_db *have, struct rep_db *want, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(4u * 1024u * 1024u);
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(have, &stmt,
				      "SELECT name FROM sqlite_schema WHERE type = 'trigger'", err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const char *name = rep_column_text(stmt, 0, NULL);

		rc = read_text(want, object_sql, "trigger", name, &sql, err);
		if (rc == REP_OK && !sql.len)
			rc = rep_fail(err, REP_EINTEGRITY, "trigger %s is not repsync's", name);
	}
	if (stmt)
		rep_stmt_reset(stmt);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_shape_check(struct rep_replica *replica, struct rep_error *err)
{
	const struct rep_db_options memory = {.memory = true};
	struct rep_db *want = NULL;
	enum rep_code rc = rep_db_open(&want, "shape", &memory, err);

	if (rc == REP_OK)
		rc = rep_shape_create(want, err);
	if (rc == REP_OK && replica->schema)
		rc = rep_shape_install(want, replica->schema, replica->device, err);
	if (rc == REP_OK)
		rc = check_objects(replica->db, want, err);
	if (rc == REP_OK)
		rc = check_triggers(replica->db, want, err);
	rep_db_close(want);
	return rc;
}
