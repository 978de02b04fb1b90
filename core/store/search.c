#include "core/store/search.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/capture_sql.h"
#include "core/store/columns.h"
#include "core/store/grams.h"
#include "core/store/tables.h"

#define SQL_SIZE_MAX (1024u * 1024u)
#define TEXT_SIZE_MAX (1024u * 1024u)
#define WORDS_MAX 16
#define GRAMS_OF_WORD_MAX 8

enum rep_code rep_search_create(struct rep_db *db, struct rep_error *err)
{
	return rep_db_exec(
		db,
		"CREATE TABLE IF NOT EXISTS _search_dirty (entity TEXT NOT NULL, id TEXT NOT NULL, "
		"PRIMARY KEY (entity, id)) STRICT, WITHOUT ROWID;\n"
		"CREATE TABLE IF NOT EXISTS _search_doc (doc INTEGER PRIMARY KEY, entity TEXT NOT NULL, "
		"id TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (entity, id)) STRICT;\n"
		"CREATE TABLE IF NOT EXISTS _gram (gram TEXT NOT NULL, doc INTEGER NOT NULL, PRIMARY KEY "
		"(gram, doc)) STRICT, WITHOUT ROWID;\n",
		err);
}

static bool is_searched(const struct rep_entity *entity)
{
	if (strcmp(rep_table_name(entity), entity->name) != 0)
		return false;
	for (size_t i = 0; i < entity->fields_len; i++) {
		if (rep_search_in(&entity->fields[i]))
			return true;
	}
	return false;
}

/* No conflict can arise, so that the outer statement's conflict clause means nothing here. */
static void queue_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *row)
{
	rep_buf_printf(
		sql,
		"\nBEGIN\nINSERT INTO _search_dirty (entity, id) SELECT '%s', %s.id WHERE NOT "
		"EXISTS (SELECT 1 FROM _search_dirty WHERE entity = '%s' AND id = %s.id);\n",
		entity->name, row, entity->name, row);
	rep_trigger_end(sql);
}

static void trigger_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *suffix,
			const char *event)
{
	rep_buf_puts(sql, "CREATE TRIGGER ");
	rep_trigger_name(sql, entity->name, suffix);
	rep_buf_printf(sql, " AFTER %s ON ", event);
	rep_db_quote(sql, rep_table_name(entity));
}

static void update_event(struct rep_buf *event, const struct rep_entity *entity)
{
	rep_buf_puts(event, "UPDATE OF status, _deleted");
	for (size_t i = 0; i < entity->fields_len; i++) {
		if (!rep_search_in(&entity->fields[i]))
			continue;
		rep_buf_puts(event, ", ");
		rep_db_quote(event, entity->fields[i].name);
	}
}

void rep_search_triggers(struct rep_buf *out, const struct rep_schema *schema)
{
	for (size_t i = 0; i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];
		struct rep_buf event = REP_BUF_INIT(SQL_SIZE_MAX);

		if (!is_searched(entity))
			continue;
		update_event(&event, entity);
		trigger_sql(out, entity, "search_insert", "INSERT");
		queue_sql(out, entity, "NEW");
		trigger_sql(out, entity, "search_update", rep_buf_str(&event));
		queue_sql(out, entity, "NEW");
		trigger_sql(out, entity, "search_delete", "DELETE");
		queue_sql(out, entity, "OLD");
		if (event.failed)
			out->failed = event.failed;
		rep_buf_clear(&event);
	}
}

enum rep_code rep_search_queue_all(struct rep_db *db, const struct rep_schema *schema,
				   struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc;

	for (size_t i = 0; i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (!is_searched(entity))
			continue;
		rep_buf_printf(
			&sql,
			"INSERT OR IGNORE INTO _search_dirty (entity, id) SELECT '%s', id FROM ",
			entity->name);
		rep_db_quote(&sql, rep_table_name(entity));
		rep_buf_puts(&sql, ";\n");
	}
	rc = rep_buf_check(&sql, "what is searched", err);
	if (rc == REP_OK)
		rc = rep_db_exec(db, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	return rep_wrap(err, rc, "queue all for search");
}

enum rep_code rep_search_queue(struct rep_db *db, const struct rep_entity *entity, const char *id,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc;

	if (!is_searched(entity))
		return REP_OK;
	rc = rep_db_use(db, &stmt,
			"INSERT OR IGNORE INTO _search_dirty (entity, id) VALUES (?1, ?2)", err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity->name);
	rep_bind_text(stmt, 2, id);
	return rep_run(stmt, err);
}

/* ---- catching up ---- */

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "search: no memory");
}

struct doc {
	int64_t number; /* 0 = not there */
	char *text;     /* as indexed */
};

static enum rep_code get_doc(struct rep_db *db, const char *entity, const char *id, struct doc *out,
			     struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		db, &stmt, "SELECT doc, text FROM _search_doc WHERE entity = ?1 AND id = ?2", err);

	*out = (struct doc){0};
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		out->number = rep_column_int(stmt, 0);
		out->text = strdup(rep_column_text(stmt, 1, NULL));
		if (!out->text)
			rc = no_memory(err);
	}
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code put_doc(struct rep_db *db, const char *entity, const char *id,
			     const char *text, struct doc *doc, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		!*text        ? "DELETE FROM _search_doc WHERE entity = ?1 AND id = ?2"
		: doc->number ? "UPDATE _search_doc SET text = ?3 WHERE entity = ?1 AND id = ?2"
			      : "INSERT INTO _search_doc (entity, id, text) VALUES (?1, ?2, ?3)",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	if (*text)
		rep_bind_text(stmt, 3, text);
	rc = rep_run(stmt, err);
	if (rc == REP_OK && !doc->number)
		doc->number = rep_db_last_id(db);
	return rc;
}

static enum rep_code change_gram(struct rep_db *db, int64_t doc, const char *gram, bool add,
				 struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt,
			   add ? "INSERT OR IGNORE INTO _gram (gram, doc) VALUES (?1, ?2)"
			       : "DELETE FROM _gram WHERE gram = ?1 AND doc = ?2",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, gram);
	rep_bind_int(stmt, 2, doc);
	return rep_run(stmt, err);
}

/* Both lists are sorted: only what differs is written. */
static enum rep_code change_grams(struct rep_db *db, int64_t doc, const struct rep_grams *old,
				  const struct rep_grams *new, struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	size_t i = 0;
	size_t k = 0;

	while (rc == REP_OK && (i < old->len || k < new->len)) {
		int order = i == old->len   ? 1
			    : k == new->len ? -1
					    : strcmp(old->grams[i], new->grams[k]);

		if (order < 0)
			rc = change_gram(db, doc, old->grams[i], false, err);
		else if (order > 0)
			rc = change_gram(db, doc, new->grams[k], true, err);
		i += order <= 0;
		k += order >= 0;
	}
	return rc;
}

static enum rep_code index_text(struct rep_db *db, const char *entity, const char *id,
				const char *text, struct rep_error *err)
{
	struct rep_grams old = {0};
	struct rep_grams new = {0};
	struct doc doc;
	enum rep_code rc = get_doc(db, entity, id, &doc, err);

	if (rc != REP_OK || strcmp(doc.text ? doc.text : "", text) == 0)
		goto out;
	if (!rep_grams_make(&old, doc.text ? doc.text : "") || !rep_grams_make(&new, text)) {
		rc = no_memory(err);
		goto out;
	}
	rc = put_doc(db, entity, id, text, &doc, err);
	if (rc == REP_OK)
		rc = change_grams(db, doc.number, &old, &new, err);
out:
	rep_grams_clear(&old);
	rep_grams_clear(&new);
	free(doc.text);
	return rc;
}

static bool is_live(const struct rep_record *record)
{
	const char *status = rep_json_get_string(record->fields, "status");

	return !record->deleted &&
	       (!status || (strcmp(status, "archived") != 0 && strcmp(status, "erased") != 0));
}

static enum rep_code index_record(struct rep_replica *replica, const char *name, const char *id,
				  struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(replica->schema, name);
	struct rep_buf text = REP_BUF_INIT(TEXT_SIZE_MAX);
	struct rep_record *record = NULL;
	enum rep_code rc = REP_OK;

	if (entity)
		rc = rep_row_get(replica->db, entity, id, &record, err);
	if (rc == REP_OK && record && is_live(record))
		rep_search_text(&text, record);
	if (rc == REP_OK && text.failed == REP_ENOMEM)
		rc = no_memory(err);
	if (rc == REP_OK)
		rc = index_text(replica->db, name, id, rep_buf_str(&text), err);
	rep_record_free(record);
	rep_buf_clear(&text);
	return rc;
}

static enum rep_code work_off(struct rep_replica *replica, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc =
		rep_db_prepare(replica->db, &stmt, "SELECT entity, id FROM _search_dirty", err);

	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = index_record(replica, rep_column_text(stmt, 0, NULL),
					  rep_column_text(stmt, 1, NULL), err);
	}
	rep_stmt_free(stmt);
	return rc == REP_OK ? rep_db_exec(replica->db, "DELETE FROM _search_dirty", err) : rc;
}

static enum rep_code is_dirty(struct rep_db *db, bool *dirty, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt, "SELECT 1 FROM _search_dirty LIMIT 1", err);

	if (rc == REP_OK)
		rc = rep_step(stmt, dirty, err);
	if (rc == REP_OK)
		rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_search_catch_up(struct rep_replica *replica, struct rep_error *err)
{
	bool dirty = false;
	enum rep_code rc = is_dirty(replica->db, &dirty, err);

	if (rc != REP_OK || !dirty || !replica->schema)
		return rc;
	rc = rep_db_begin(replica->db, err);
	if (rc == REP_OK) {
		rc = work_off(replica, err);
		if (rc == REP_OK)
			rc = rep_db_commit(replica->db, err);
		else
			rep_db_abort(replica->db);
	}
	return rep_wrap(err, rc, "catch the search index up");
}

/* ---- searching ---- */

struct query {
	char *words[WORDS_MAX];
	struct rep_grams grams[WORDS_MAX];
	size_t len;
};

static void clear_query(struct query *query)
{
	for (size_t i = 0; i < query->len; i++) {
		free(query->words[i]);
		rep_grams_clear(&query->grams[i]);
	}
}

static enum rep_code read_query(struct query *query, const char *text, struct rep_error *err)
{
	struct rep_buf form = REP_BUF_INIT(TEXT_SIZE_MAX);
	enum rep_code rc = REP_OK;
	char *rest;
	char *word;

	rep_search_normalise(&form, text, strlen(text));
	rc = rep_buf_check(&form, "search text", err);
	word = rc == REP_OK && form.len ? strtok_r(form.data, " ", &rest) : NULL;
	for (; rc == REP_OK && word && query->len < WORDS_MAX; word = strtok_r(NULL, " ", &rest)) {
		query->words[query->len] = strdup(word);
		if (!query->words[query->len] || !rep_grams_make(&query->grams[query->len], word))
			rc = no_memory(err);
		query->len++;
	}
	rep_buf_clear(&form);
	if (rc == REP_OK && query->len == 0)
		rc = rep_fail(err, REP_EUSAGE, "find: nothing to look for");
	return rc;
}

/*
 * The pairs of a word narrow more than its single characters; so many are asked for as an intersection is worth.
 */
static size_t pick_grams(const struct rep_grams *grams, const char *word, const char **out)
{
	size_t chars = 0;
	size_t len = 0;

	for (const char *at = word; *at; at++)
		chars += ((unsigned char)*at & 0xc0) != 0x80;
	for (size_t i = 0; i < grams->len && len < GRAMS_OF_WORD_MAX; i++) {
		const char *gram = grams->grams[i];
		bool single = ((unsigned char)gram[0] >= 0xf0   ? gram[4]
			       : (unsigned char)gram[0] >= 0xe0 ? gram[3]
			       : (unsigned char)gram[0] >= 0xc0 ? gram[2]
								: gram[1]) == '\0';

		if (!single || chars == 1)
			out[len++] = gram;
	}
	return len;
}

static void find_sql(struct rep_buf *sql, const struct query *query, const char **binds,
		     size_t *binds_len)
{
	const char *separator = "";

	rep_buf_puts(sql, "SELECT entity, id FROM _search_doc WHERE ");
	for (size_t i = 0; i < query->len; i++) {
		binds[(*binds_len)++] = query->words[i];
		rep_buf_printf(sql, "%sinstr(text, ?%zu) > 0", i ? " AND " : "", *binds_len);
	}
	for (size_t i = 0; i < query->len; i++) {
		const char *grams[GRAMS_OF_WORD_MAX];
		size_t len = pick_grams(&query->grams[i], query->words[i], grams);

		for (size_t k = 0; k < len; k++) {
			binds[(*binds_len)++] = grams[k];
			rep_buf_printf(sql, "%sSELECT doc FROM _gram WHERE gram = ?%zu",
				       *separator ? separator : " AND doc IN (", *binds_len);
			separator = " INTERSECT ";
		}
	}
	rep_buf_printf(sql, "%s ORDER BY instr(text, ?1), length(text), entity, id LIMIT ?%zu",
		       *separator ? ")" : "", *binds_len + 1);
}

static enum rep_code run_query(struct rep_db *db, const struct query *query, int64_t limit,
			       struct rep_json *out, struct rep_error *err)
{
	const char *binds[WORDS_MAX * (GRAMS_OF_WORD_MAX + 1)];
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt = NULL;
	size_t len = 0;
	enum rep_code rc;

	find_sql(&sql, query, binds, &len);
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = rep_db_prepare(db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		for (size_t i = 0; i < len; i++)
			rep_bind_text(stmt, (int)i + 1, binds[i]);
		rep_bind_int(stmt, (int)len + 1, limit > 0 ? limit : -1);
		rc = rep_column_texts(stmt, 2, out, err);
	}
	rep_stmt_free(stmt);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_search_find(struct rep_replica *replica, const char *text, int64_t limit,
			      struct rep_json **out, struct rep_error *err)
{
	struct query query = {0};
	struct rep_json *found = rep_json_array();
	enum rep_code rc = found ? read_query(&query, text, err) : no_memory(err);

	*out = NULL;
	if (rc == REP_OK && !replica->read_only)
		rc = rep_search_catch_up(replica, err);
	if (rc == REP_OK)
		rc = run_query(replica->db, &query, limit, found, err);
	if (rc == REP_OK) {
		*out = found;
		found = NULL;
	}
	rep_json_free(found);
	clear_query(&query);
	return rep_wrap(err, rc, "search");
}
