/*
 * What admission asks of other records: that a unique field is held by nobody else. It depends on the moment, so that the
 * verdict is recorded like every other and never revisited: the first merged keeps the value.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/run.h"

static enum rep_code held_by_other(struct rep_run *run, const struct rep_edit *edit,
				   const struct rep_field *field, const char *value, bool *other,
				   struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(run->hub->schema, edit->entity);
	struct rep_buf sql = REP_BUF_INIT(1024);
	struct rep_stmt *stmt;
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT 1 FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE ");
	rep_db_quote(&sql, field->name);
	rep_buf_puts(&sql, " = ?1 AND id <> ?2 AND _deleted IS NULL LIMIT 1");
	rc = rep_db_use(run->hub->db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, value);
		rep_bind_text(stmt, 2, edit->id);
		rc = rep_step(stmt, other, err);
		rep_stmt_reset(stmt);
	}
	rep_buf_clear(&sql);
	return rc;
}

static bool add_verdict(struct rep_json **verdict, const char *key, enum rep_outcome outcome,
			const char *code)
{
	struct rep_json *note;

	if (!*verdict)
		*verdict = rep_json_object();
	note = rep_json_get(*verdict, key);
	if (!note) {
		note = rep_json_object();
		if (!rep_json_set(*verdict, key, note))
			return false;
	}
	return rep_json_set_string(note, "outcome", rep_outcome_name(outcome)) &&
	       rep_json_set_string(note, "code", code);
}

static enum rep_code check_unique(struct rep_run *run, const struct rep_edit *edit,
				  const struct rep_field *field, struct rep_json **verdict,
				  struct rep_error *err)
{
	const struct rep_json *spec = rep_json_get(rep_json_get(edit->line, "values"), field->name);
	const char *value = rep_json_get_string(spec, "new");
	bool whole = edit->op == REP_OP_INSERT && field->required, other = false;
	enum rep_outcome outcome =
		field->unique == REP_UNIQUE_REVIEW && !whole ? REP_PROPOSED : REP_REJECTED;
	enum rep_code rc;

	if (field->unique == REP_UNIQUE_NO || !value || rep_json_get(*verdict, field->name))
		return REP_OK;
	rc = held_by_other(run, edit, field, value, &other, err);
	if (rc == REP_OK && other &&
	    !add_verdict(verdict, whole ? "*" : field->name, outcome, "unique"))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	return rc;
}

enum rep_code rep_run_check(struct rep_run *run, const struct rep_edit *edit,
			    const struct rep_record *record, struct rep_json **verdict,
			    struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(run->hub->schema, edit->entity);
	enum rep_code rc = REP_OK;

	(void)record;
	if (rep_json_get_string(rep_json_get(*verdict, "*"), "outcome"))
		return REP_OK; /* nothing of it comes into force */
	for (size_t i = 0; rc == REP_OK && i < entity->fields_len; i++)
		rc = check_unique(run, edit, &entity->fields[i], verdict, err);
	return rc;
}
