/*
 * By what a record may be the same as another: a number for each rule and combination of its key's values, so that who shares one is
 * found without looking at anybody else. A reference counts as the record that it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/value.h"
#include "core/store/match.h"
#include "core/store/tables.h"

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

static enum rep_code add_reference(struct rep_db *db, struct part *part,
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
	rc = rep_row_get(db, field->target, id, &target, err);
	into = target ? rep_json_get_string(target->deleted, "merged_into") : NULL;
	rep_buf_puts(out, into ? into : id);
	rep_record_free(target);
	return rc;
}

/* What another holds already and was therefore only proposed: that is how a duplicate shows. */
static enum rep_code add_proposed(struct rep_db *db, struct part *part,
				  const struct rep_record *record, const struct rep_field *field,
				  struct rep_error *err)
{
	struct rep_stmt *stmt;
	char path[REP_NAME_LEN_MAX + 32];
	bool row = false;
	enum rep_code rc = rep_db_use(
		db, &stmt,
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

static enum rep_code add_field(struct rep_db *db, struct part *part,
			       const struct rep_record *record, const struct rep_field *field,
			       struct rep_error *err)
{
	const struct rep_json *value = rep_record_value(record, field->name);

	if (field->type == REP_TYPE_REFERENCE)
		return add_reference(db, part, field, value, err);
	if (field->type == REP_TYPE_SET)
		for (size_t i = 0; i < rep_json_size(value); i++)
			add_json(part, field, rep_json_at(value, i));
	else
		add_json(part, field, value);
	return part->len == 0 && field->unique == REP_UNIQUE_REVIEW
		       ? add_proposed(db, part, record, field, err)
		       : REP_OK;
}

static void row_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *name,
		    const char *param)
{
	rep_buf_printf(sql, "%s AS (SELECT * FROM ", name);
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_printf(sql, " WHERE id = %s)", param);
}

static enum rep_code add_sql(struct rep_db *db, struct part *part, const struct rep_record *record,
			     const char *expr, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX), *out;
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc;

	rep_buf_puts(&sql, "WITH ");
	row_sql(&sql, record->entity, "a", "?1");
	rep_buf_printf(&sql, " SELECT (%s\n) FROM a", expr);
	rc = rep_buf_check(&sql, "SQL of a match", err);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt, rep_buf_str(&sql), err);
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

static enum rep_code add_rule(struct rep_db *db, const struct rep_record *record, size_t rule,
			      struct rep_match_keys *out, struct rep_error *err)
{
	const struct rep_match *match = &record->entity->match[rule];
	struct part parts[PARTS_MAX] = {0};
	bool whole = match->on_len > 0 && match->on_len <= PARTS_MAX;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && whole && i < match->on_len; i++) {
		const struct rep_field *field = rep_entity_field(record->entity, match->on[i]);

		rc = field ? add_field(db, &parts[i], record, field, err)
			   : add_sql(db, &parts[i], record, match->on[i], err);
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

enum rep_code rep_match_keys_of(struct rep_db *db, const struct rep_record *record,
				struct rep_match_keys *out, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	out->len = 0;
	for (size_t i = 0; rc == REP_OK && is_matched(record) && i < record->entity->match_len; i++)
		rc = add_rule(db, record, i, out, err);
	return rep_wrap(err, rc, "match %s %s", record->entity->name, record->id);
}

/* ---- a pair ---- */

enum rep_code rep_match_contradicts(struct rep_db *db, const struct rep_entity *entity,
				    const struct rep_match *match, const char *a, const char *b,
				    bool *does, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc;

	*does = false;
	if (!match->unless)
		return REP_OK;
	rep_buf_puts(&sql, "WITH ");
	row_sql(&sql, entity, "a", "?1");
	rep_buf_puts(&sql, ", ");
	row_sql(&sql, entity, "b", "?2");
	rep_buf_printf(&sql, " SELECT (%s\n) FROM a, b", match->unless);
	rc = rep_buf_check(&sql, "SQL of a match", err);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, a);
		rep_bind_text(stmt, 2, b);
		rc = rep_step(stmt, &row, err);
		*does = rc == REP_OK && row && rep_column_int(stmt, 0) != 0;
		rep_stmt_reset(stmt);
	}
	rep_buf_clear(&sql);
	return rc;
}

void rep_duplicate_id(char *out, const char *entity, const char *a, const char *b)
{
	char name[REP_NAME_LEN_MAX + 2 * REP_ID_LEN_MAX + 16];
	bool ordered = strcmp(a, b) < 0;
	int len = snprintf(name, sizeof name, "duplicate/%s/%s/%s", entity, ordered ? a : b,
			   ordered ? b : a);

	rep_uuid5(out, name, (size_t)len, NULL);
}
