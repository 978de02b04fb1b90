/*
 * By what a record may be the same as another: a number for each rule and combination of its key's values, so that who shares one is
 * found without looking at anybody else. They are kept beside the rows, and what was written with other keys than before waits to be
 * matched after the run.
 *
 * A key in SQL is taken when the record is written, not when what it reads changes. A reference counts as the record that it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "sync/match.h"

#define PART_VALUES_MAX 8u
#define PARTS_MAX 8u
#define SQL_SIZE_MAX (64u * 1024u)

/* The values of one part of a key; a set has several. */
struct part {
	struct rep_buf values[PART_VALUES_MAX];
	size_t len;
};

static void part_clear(struct part *part)
{
	for (size_t i = 0; i < PART_VALUES_MAX; i++)
		rep_buf_clear(&part->values[i]);
	part->len = 0;
}

static struct rep_buf *add_value(struct part *part)
{
	if (part->len == PART_VALUES_MAX)
		return NULL;
	part->values[part->len] = REP_BUF_INIT(8u * REP_TEXT_SIZE_MAX);
	return &part->values[part->len++];
}

static void add_json(struct part *part, const struct rep_field *field, const struct rep_json *value)
{
	struct rep_buf *out = rep_value_empty(value) ? NULL : add_value(part);

	if (out)
		rep_value_element_key(out, field, value);
}

/* ---- parts ---- */

static enum rep_code add_reference(struct rep_hub *hub, struct part *part,
				   const struct rep_field *field, const struct rep_json *value,
				   struct rep_error *err)
{
	const char *id = rep_json_string_value(value);
	struct rep_record *target = NULL;
	const char *into;
	struct rep_buf *out;
	enum rep_code rc = REP_OK;

	if (!id || !field->target || !(out = add_value(part)))
		return REP_OK;
	rc = rep_row_get(hub->db, field->target, id, &target, err);
	into = target ? rep_json_get_string(target->deleted, "merged_into") : NULL;
	rep_buf_puts(out, into ? into : id);
	rep_record_free(target);
	return rc;
}

/* What another holds already and was therefore only proposed: that is how a duplicate shows. */
static enum rep_code add_proposed(struct rep_hub *hub, struct part *part,
				  const struct rep_record *record, const struct rep_field *field,
				  struct rep_error *err)
{
	struct rep_stmt *stmt;
	char path[REP_NAME_LEN_MAX + 32];
	bool row = false;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt,
		"SELECT json_extract(_fields, ?3) FROM _review WHERE entity = ?1 AND record = ?2"
		" AND kind = 'proposal' AND state = 'open' AND json_extract(_fields, ?3) IS NOT NULL"
		" ORDER BY id LIMIT 1",
		err);

	if (rc != REP_OK)
		return rc;
	snprintf(path, sizeof path, "$.values.%s.new", field->name);
	rep_bind_text(stmt, 1, record->entity->name);
	rep_bind_text(stmt, 2, record->id);
	rep_bind_text(stmt, 3, path);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		struct rep_json *value = rep_json_string(rep_column_text(stmt, 0, NULL));

		add_json(part, field, value);
		rep_json_free(value);
	}
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code add_field(struct rep_hub *hub, struct part *part,
			       const struct rep_record *record, const struct rep_field *field,
			       struct rep_error *err)
{
	const struct rep_json *value = rep_record_value(record, field->name);

	if (field->type == REP_TYPE_REFERENCE)
		return add_reference(hub, part, field, value, err);
	if (field->type == REP_TYPE_SET)
		for (size_t i = 0; i < rep_json_size(value); i++)
			add_json(part, field, rep_json_at(value, i));
	else
		add_json(part, field, value);
	return part->len == 0 && field->unique == REP_UNIQUE_REVIEW
		       ? add_proposed(hub, part, record, field, err)
		       : REP_OK;
}

void rep_match_row_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *name,
		       const char *param)
{
	rep_buf_printf(sql, "%s AS (SELECT * FROM ", name);
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_printf(sql, " WHERE id = %s)", param);
}

static enum rep_code add_sql(struct rep_hub *hub, struct part *part,
			     const struct rep_record *record, const char *expr,
			     struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX), *out;
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc;

	rep_buf_puts(&sql, "WITH ");
	rep_match_row_sql(&sql, record->entity, "a", "?1");
	rep_buf_printf(&sql, " SELECT (%s\n) FROM a", expr);
	rc = rep_buf_check(&sql, "SQL of a match", err);
	if (rc == REP_OK)
		rc = rep_db_use(hub->db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, record->id);
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row && rep_column_text(stmt, 0, NULL) &&
		    *rep_column_text(stmt, 0, NULL) && (out = add_value(part)))
			rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
		rep_stmt_reset(stmt);
	}
	rep_buf_clear(&sql);
	return rc;
}

/* ---- keys ---- */

/* Sixty bits of a hash: what happens to share them is asked again by whoever finds it. */
static int64_t number_of(const struct rep_entity *entity, const struct rep_match *match,
			 const struct part *parts, const size_t *at)
{
	struct rep_buf text = REP_BUF_INIT(64u * REP_TEXT_SIZE_MAX);
	char hex[REP_HASH_HEX + 1];

	rep_buf_printf(&text, "%s\n%s", entity->name, match->name);
	for (size_t i = 0; i < match->on_len; i++)
		rep_buf_printf(&text, "\n%s", rep_buf_str(&parts[i].values[at[i]]));
	rep_sha256_hex(hex, rep_buf_str(&text), text.len);
	rep_buf_clear(&text);
	hex[15] = '\0';
	return strtoll(hex, NULL, 16);
}

static void add_keys(struct rep_match_keys *out, const struct rep_entity *entity, size_t rule,
		     const struct part *parts)
{
	const struct rep_match *match = &entity->match[rule];
	size_t at[PARTS_MAX] = {0};

	while (out->len < REP_MATCH_KEYS_MAX) {
		size_t i = 0;

		out->keys[out->len] = number_of(entity, match, parts, at);
		out->rules[out->len++] = rule;
		while (i < match->on_len && ++at[i] == parts[i].len)
			at[i++] = 0;
		if (i == match->on_len)
			return;
	}
}

static enum rep_code add_rule(struct rep_hub *hub, const struct rep_record *record, size_t rule,
			      struct rep_match_keys *out, struct rep_error *err)
{
	const struct rep_match *match = &record->entity->match[rule];
	struct part parts[PARTS_MAX] = {0};
	bool whole = match->on_len > 0 && match->on_len <= PARTS_MAX;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && whole && i < match->on_len; i++) {
		const struct rep_field *field = rep_entity_field(record->entity, match->on[i]);

		rc = field ? add_field(hub, &parts[i], record, field, err)
			   : add_sql(hub, &parts[i], record, match->on[i], err);
		whole = parts[i].len > 0; /* an empty part says nothing */
	}
	if (rc == REP_OK && whole)
		add_keys(out, record->entity, rule, parts);
	for (size_t i = 0; i < PARTS_MAX; i++)
		part_clear(&parts[i]);
	return rc;
}

static bool is_matched(const struct rep_record *record)
{
	const char *status = rep_json_string_value(rep_record_value(record, "status"));

	return !record->deleted && (!status || strcmp(status, "inactive") == 0);
}

enum rep_code rep_match_keys_of(struct rep_hub *hub, const struct rep_record *record,
				struct rep_match_keys *out, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	out->len = 0;
	for (size_t i = 0; rc == REP_OK && is_matched(record) && i < record->entity->match_len; i++)
		rc = add_rule(hub, record, i, out, err);
	return rep_wrap(err, rc, "match %s %s", record->entity->name, record->id);
}

/* ---- kept ---- */

static void write_keys(struct rep_buf *out, const struct rep_match_keys *keys)
{
	for (size_t i = 0; i < keys->len; i++)
		rep_buf_printf(out, "%s%lld", i ? " " : "", (long long)keys->keys[i]);
}

static enum rep_code known_keys(struct rep_hub *hub, const struct rep_record *record,
				struct rep_buf *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt, "SELECT keys FROM _matched WHERE entity = ?1 AND id = ?2", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, record->entity->name);
	rep_bind_text(stmt, 2, record->id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		rep_buf_puts(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code change_key(struct rep_hub *hub, const char *sql, int64_t key, const char *id,
				struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(hub->db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, key);
	rep_bind_text(stmt, 2, id);
	return rep_run(stmt, err);
}

static enum rep_code replace_keys(struct rep_hub *hub, const struct rep_record *record,
				  const char *before, const char *now,
				  const struct rep_match_keys *keys, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = REP_OK;

	for (char *at = NULL; rc == REP_OK && *before; before = at + (*at == ' '))
		rc = change_key(hub, "DELETE FROM _match WHERE key = ?1 AND id = ?2",
				strtoll(before, &at, 10), record->id, err);
	for (size_t i = 0; rc == REP_OK && i < keys->len; i++)
		rc = change_key(hub, "INSERT OR IGNORE INTO _match(key, id) VALUES(?1, ?2)",
				keys->keys[i], record->id, err);
	if (rc == REP_OK)
		rc = rep_db_use(
			hub->db, &stmt,
			"INSERT OR REPLACE INTO _matched(entity, id, keys) VALUES(?1, ?2, ?3)",
			err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, record->entity->name);
	rep_bind_text(stmt, 2, record->id);
	rep_bind_text(stmt, 3, now);
	return rep_run(stmt, err);
}

enum rep_code rep_match_note(struct rep_hub *hub, const char *entity, const char *id,
			     struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt, "INSERT OR IGNORE INTO _rematch(entity, id) VALUES(?1, ?2)", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	return rep_run(stmt, err);
}

enum rep_code rep_match_written(struct rep_hub *hub, const struct rep_record *record, bool note,
				struct rep_error *err)
{
	struct rep_buf before = REP_BUF_INIT(8192), now = REP_BUF_INIT(8192);
	struct rep_match_keys keys;
	enum rep_code rc;

	if (!record->entity->match_len)
		return REP_OK;
	rc = rep_match_keys_of(hub, record, &keys, err);
	if (rc == REP_OK)
		rc = known_keys(hub, record, &before, err);
	write_keys(&now, &keys);
	if (rc == REP_OK && strcmp(rep_buf_str(&before), rep_buf_str(&now)) != 0) {
		rc = replace_keys(hub, record, rep_buf_str(&before), rep_buf_str(&now), &keys, err);
		if (rc == REP_OK && note && keys.len)
			rc = rep_match_note(hub, record->entity->name, record->id, err);
	}
	rep_buf_clear(&before);
	rep_buf_clear(&now);
	return rc;
}
