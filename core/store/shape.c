#include "core/store/shape.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/store/capture.h"
#include "core/store/search.h"
#include "core/store/tables.h"

#define TRIGGERS_SIZE_MAX (16u * 1024u * 1024u)

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

/* All triggers that a schema makes, in the order in which they are made, each with a NUL behind it. */
static enum rep_code triggers(struct rep_buf *out, struct rep_db *db,
			      const struct rep_schema *schema, const char *device,
			      struct rep_error *err)
{
	enum rep_code rc = rep_capture_triggers(out, db, schema, device, err);

	rep_search_triggers(out, schema);
	return rc == REP_OK ? rep_buf_check(out, "triggers", err) : rc;
}

static enum rep_code install_tables(struct rep_db *db, const struct rep_schema *schema,
				    struct rep_error *err)
{
	enum rep_code rc = rep_tables_create(db, schema, err);

	if (rc == REP_OK)
		rc = rep_capture_create(db, err);
	if (rc == REP_OK)
		rc = rep_search_create(db, err);
	return rc;
}

enum rep_code rep_shape_install(struct rep_db *db, const struct rep_schema *schema,
				const char *device, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(TRIGGERS_SIZE_MAX);
	enum rep_code rc = install_tables(db, schema, err);

	if (rc == REP_OK)
		rc = triggers(&sql, db, schema, device, err);
	for (size_t at = 0; rc == REP_OK && at < sql.len; at += strlen(sql.data + at) + 1)
		rc = rep_db_exec(db, sql.data + at, err);
	rep_buf_clear(&sql);
	if (rc == REP_OK)
		rc = rep_meta_set_int(db, REP_META_SHAPE, REP_SHAPE_VERSION, err);
	return rc == REP_OK ? rep_search_queue_all(db, schema, err) : rc;
}

/* ---- what there is, and what there must be ---- */

struct object {
	char *type, *name, *sql;
};

struct objects {
	struct object *list; /* by type and name, once sorted */
	size_t len, cap;
};

static void objects_clear(struct objects *objects)
{
	for (size_t i = 0; i < objects->len; i++) {
		free(objects->list[i].type);
		free(objects->list[i].name);
		free(objects->list[i].sql);
	}
	free(objects->list);
	*objects = (struct objects){0};
}

static enum rep_code objects_add(struct objects *objects, const char *type, const char *name,
				 const char *sql, struct rep_error *err)
{
	struct object *object;

	if (objects->len == objects->cap) {
		size_t cap = objects->cap ? 2 * objects->cap : 256;
		struct object *grown = reallocarray(objects->list, cap, sizeof *grown);

		if (!grown)
			return rep_fail(err, REP_ENOMEM, "list objects of the database");
		objects->list = grown;
		objects->cap = cap;
	}
	object = &objects->list[objects->len++];
	*object = (struct object){strdup(type), strdup(name), strdup(sql)};
	if (!object->type || !object->name || !object->sql)
		return rep_fail(err, REP_ENOMEM, "list objects of the database");
	return REP_OK;
}

static int by_name(const void *a, const void *b)
{
	const struct object *one = a, *other = b;
	int order = strcmp(one->type, other->type);

	return order ? order : strcmp(one->name, other->name);
}

static void objects_sort(struct objects *objects)
{
	if (objects->len)
		qsort(objects->list, objects->len, sizeof *objects->list, by_name);
}

static const struct object *objects_find(const struct objects *objects, const struct object *like)
{
	return objects->len ? bsearch(like, objects->list, objects->len, sizeof *like, by_name)
			    : NULL;
}

/* A damaged file may say anything: a text that is missing reads as an empty one. */
static enum rep_code objects_read(struct objects *out, struct rep_db *db, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		"SELECT coalesce(type, ''), coalesce(name, ''), sql FROM sqlite_schema WHERE sql IS NOT "
		"NULL",
		err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rc = objects_add(out, rep_column_text(stmt, 0, NULL),
				 rep_column_text(stmt, 1, NULL), rep_column_text(stmt, 2, NULL),
				 err);
	if (stmt)
		rep_stmt_reset(stmt);
	return rc;
}

/* SQLite keeps a trigger's text as it was given. Ours begin with CREATE TRIGGER and the name in quotes. */
static enum rep_code add_triggers(struct objects *out, const struct rep_buf *sql,
				  struct rep_error *err)
{
	static const char begin[] = "CREATE TRIGGER \"";
	enum rep_code rc = REP_OK;

	for (size_t at = 0; rc == REP_OK && at < sql->len; at += strlen(sql->data + at) + 1) {
		const char *text = sql->data + at, *name = text + sizeof begin - 1;
		char *copy = strndup(name, strcspn(name, "\""));

		rc = copy ? objects_add(out, "trigger", copy, text, err)
			  : rep_fail(err, REP_ENOMEM, "list triggers");
		free(copy);
	}
	return rc;
}

/*
 * Of a database in memory that is made anew. The triggers are not made there: SQLite would parse each of them twice, to keep the text
 * that it was given.
 */
static enum rep_code objects_wanted(struct objects *out, struct rep_db *memory,
				    const struct rep_replica *replica, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(TRIGGERS_SIZE_MAX);
	enum rep_code rc = rep_shape_create(memory, err);

	if (rc == REP_OK && replica->schema)
		rc = install_tables(memory, replica->schema, err);
	if (rc == REP_OK && replica->schema)
		rc = triggers(&sql, memory, replica->schema, replica->device, err);
	if (rc == REP_OK)
		rc = objects_read(out, memory, err);
	if (rc == REP_OK)
		rc = add_triggers(out, &sql, err);
	rep_buf_clear(&sql);
	return rc;
}

/* ---- comparing ---- */

static const char columns_sql[] =
	"SELECT group_concat(c, ';') FROM (SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || "
	"coalesce(dflt_value, '') || ' ' || pk || ' ' || hidden AS c FROM pragma_table_xinfo(?1) "
	"ORDER BY name)";

static enum rep_code columns_of(struct rep_db *db, const char *table, struct rep_buf *out,
				struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(db, &stmt, columns_sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, table);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row && rep_column_text(stmt, 0, NULL))
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc == REP_OK ? rep_buf_check(out, "columns of a table", err) : rc;
}

static enum rep_code same_columns(struct rep_db *have_db, struct rep_db *want_db, const char *table,
				  bool *same, struct rep_error *err)
{
	struct rep_buf have = REP_BUF_INIT(4u * 1024u * 1024u);
	struct rep_buf want = REP_BUF_INIT(4u * 1024u * 1024u);
	enum rep_code rc = columns_of(have_db, table, &have, err);

	if (rc == REP_OK)
		rc = columns_of(want_db, table, &want, err);
	*same = strcmp(rep_buf_str(&have), rep_buf_str(&want)) == 0;
	rep_buf_clear(&have);
	rep_buf_clear(&want);
	return rc;
}

/* Columns that an older schema had stay, and so may indexes: more than there must be is only wrong where it acts. */
static enum rep_code check_objects(struct rep_db *have_db, struct rep_db *want_db,
				   const struct objects *have, const struct objects *want,
				   struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < want->len; i++) {
		const struct object *wanted = &want->list[i];
		const struct object *there = objects_find(have, wanted);
		bool same = false;

		if (!there)
			return rep_fail(err, REP_EINTEGRITY, "%s %s is missing", wanted->type,
					wanted->name);
		if (strcmp(wanted->type, "table") == 0)
			rc = same_columns(have_db, want_db, wanted->name, &same, err);
		else
			same = strcmp(there->sql, wanted->sql) == 0;
		if (rc == REP_OK && !same)
			rc = rep_fail(err, REP_EINTEGRITY, "%s %s is not what the schema makes",
				      wanted->type, wanted->name);
	}
	return rc;
}

static enum rep_code check_triggers(const struct objects *have, const struct objects *want,
				    struct rep_error *err)
{
	for (size_t i = 0; i < have->len; i++)
		if (strcmp(have->list[i].type, "trigger") == 0 &&
		    !objects_find(want, &have->list[i]))
			return rep_fail(err, REP_EINTEGRITY, "trigger %s is not repsync's",
					have->list[i].name);
	return REP_OK;
}

static enum rep_code check_version(struct rep_replica *replica, struct rep_error *err)
{
	int64_t version;
	enum rep_code rc = rep_meta_get_int(replica->db, REP_META_SHAPE, &version, err);

	if (rc == REP_OK && replica->schema && version != REP_SHAPE_VERSION)
		rc = rep_fail(err, REP_EINTEGRITY,
			      "its triggers are of another version of repsync: any command that "
			      "writes brings them up to date");
	return rc;
}

enum rep_code rep_shape_check(struct rep_replica *replica, struct rep_error *err)
{
	const struct rep_db_options memory = {.memory = true};
	struct objects have = {0}, want = {0};
	struct rep_db *want_db = NULL;
	enum rep_code rc = check_version(replica, err);

	if (rc == REP_OK)
		rc = rep_db_open(&want_db, "shape", &memory, err);
	if (rc == REP_OK)
		rc = objects_wanted(&want, want_db, replica, err);
	if (rc == REP_OK)
		rc = objects_read(&have, replica->db, err);
	if (rc == REP_OK) {
		objects_sort(&have);
		objects_sort(&want);
		rc = check_objects(replica->db, want_db, &have, &want, err);
	}
	if (rc == REP_OK)
		rc = check_triggers(&have, &want, err);
	objects_clear(&have);
	objects_clear(&want);
	rep_db_close(want_db);
	return rc;
}
