/*
 * Which records name another, or named it once, in a field by which they lie (a step of their partition): in their rows, or in a change,
 * whatever became of it. When that other record lies elsewhere these may too (run_follow.c). Asked of the lines of all changes it
 * would cost every move a look at everything that was ever written.
 *
 * Fields by their names of now. Nothing is ever taken out: who is asked in vain stays where it is.
 */
#include "core/base/limits.h"
#include "core/store/columns.h"
#include "sync/hub/hub_state.h"

/* All texts in `value` that may be ids; stamps, which stand beside them, have colons. */
static enum rep_code add(struct rep_db *db, const struct rep_json *value, const char *entity,
			 const char *id, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	struct rep_stmt *stmt;
	enum rep_code rc;

	rep_json_write(&text, value);
	rc = rep_buf_check(&text, "what a record names", err);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt,
				"INSERT OR IGNORE INTO _named(target, entity, id)"
				" SELECT atom, ?2, ?3 FROM json_tree(?1)"
				" WHERE type = 'text' AND instr(atom, ':') = 0",
				err);
	if (rc == REP_OK) {
		rep_bind_text_n(stmt, 1, text.data, text.len);
		rep_bind_text(stmt, 2, entity);
		rep_bind_text(stmt, 3, id);
		rc = rep_run(stmt, err);
	}
	rep_buf_clear(&text);
	return rc;
}

/* `fields`: {name: what is said of it}. */
static enum rep_code add_steps(struct rep_db *db, const struct rep_entity *entity, const char *id,
			       const struct rep_json *fields, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < entity->steps_len; i++) {
		const struct rep_step *step = &entity->steps[i];
		const struct rep_json *said = NULL;

		if (step->kind == REP_STEP_REFERENCE && step->field)
			said = rep_json_get(fields, step->field->name);
		if (said)
			rc = add(db, said, entity->name, id, err);
	}
	return rc;
}

enum rep_code rep_work_named_row(struct rep_db *db, const struct rep_record *record,
				 struct rep_error *err)
{
	return add_steps(db, record->entity, record->id, record->fields, err);
}

enum rep_code rep_work_change(struct rep_hub *hub, const struct rep_edit *edit,
			      const char *signed_stamp, const struct rep_json *outcome,
			      const char *segment, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(hub->schema, edit->entity);
	enum rep_code rc = rep_changes_put(hub->db, edit, signed_stamp, outcome, segment, err);

	if (rc == REP_OK && entity)
		rc = add_steps(hub->db, entity, edit->id, rep_json_get(edit->line, "values"), err);
	return rc;
}

enum rep_code rep_work_naming(struct rep_db *db, const char *target, const char *entity,
			      struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt, "SELECT id FROM _named WHERE target = ?1 AND entity = ?2 ORDER BY id",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, target);
	rep_bind_text(stmt, 2, entity);
	return rep_column_texts(stmt, 1, out, err);
}
