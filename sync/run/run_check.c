/*
 * What admission asks of other records: the schema's checks, and that a unique field is held by nobody else. Both depend on
 * the moment, so that the verdict is recorded like every other and never revisited.
 *
 * A check is one SQL expression over the record as it would be, the record as it is, and who edits when. NULL is a refusal
 * here: the hub can always tell. What a check names under `when` is what it refuses; one that names nothing refuses the whole.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/columns.h"
#include "sync/run/run.h"

#define SQL_SIZE_MAX (256u * 1024u)

struct checking {
	struct rep_run *run;
	const struct rep_fold_context *fold; /* of the version that judges */
	const struct rep_edit *edit;
	const struct rep_entity *entity; /* likewise */
	const struct rep_record *before; /* NULL = an insert */
	struct rep_folded after; /* the record as it would be; folded when first asked for */
	bool folded;
	struct rep_json **verdict;
};

/* ---- verdicts ---- */

/* What is said of the key, to be added to; NULL without memory. */
static struct rep_json *note_of(struct rep_json **verdict, const char *key)
{
	if (!*verdict)
		*verdict = rep_json_object();
	if (!rep_json_get(*verdict, key) && !rep_json_set(*verdict, key, rep_json_object()))
		return NULL;
	return rep_json_get(*verdict, key);
}

bool rep_verdict_note(struct rep_json **verdict, const char *key, enum rep_outcome outcome,
		      const char *code)
{
	struct rep_json *note = note_of(verdict, key);

	return rep_json_set_string(note, "outcome", rep_outcome_name(outcome)) &&
	       rep_json_set_string(note, "code", code);
}

bool rep_verdict_flag(struct rep_json **verdict, const char *flag)
{
	struct rep_json *whole = note_of(verdict, "*");

	if (!rep_json_get(whole, "flags") && !rep_json_set(whole, "flags", rep_json_array()))
		return false;
	return rep_json_append(rep_json_get(whole, "flags"), rep_json_string(flag));
}

static bool is_of_its_time(const struct checking *checking)
{
	return checking->fold->schema == checking->run->hub->schema;
}

/* ---- unique ---- */

/* Who holds a value is known by the field's name of today; NULL where today there is no such field. */
static enum rep_code unique_today(struct checking *checking, const struct rep_field *field,
				  const struct rep_entity **entity, const struct rep_field **out,
				  struct rep_error *err)
{
	const struct rep_hub *hub = checking->run->hub;
	const char *name = field->name;
	enum rep_code rc = REP_OK;

	*entity = rep_schema_entity(hub->schema, checking->entity->name);
	if (!is_of_its_time(checking))
		rc = rep_version_name(hub->versions, checking->entity->name, field->name,
				      checking->fold->schema->version, hub->schema->version, &name,
				      err);
	*out = rc == REP_OK && name && *entity ? rep_entity_field(*entity, name) : NULL;
	return rc;
}

static enum rep_code check_unique(struct checking *checking, const struct rep_field *field,
				  struct rep_error *err)
{
	const struct rep_edit *edit = checking->edit;
	const struct rep_json *spec = rep_json_get(rep_json_get(edit->line, "values"), field->name);
	const struct rep_json *value = rep_json_get(spec, "new");
	bool whole = !checking->before && field->required, other = false;
	const struct rep_entity *entity;
	const struct rep_field *today;
	enum rep_outcome outcome =
		field->unique == REP_UNIQUE_REVIEW && !whole ? REP_PROPOSED : REP_REJECTED;
	enum rep_code rc;

	if (field->unique == REP_UNIQUE_NO || !value ||
	    rep_json_get(*checking->verdict, field->name))
		return REP_OK;
	rc = unique_today(checking, field, &entity, &today, err);
	if (rc == REP_OK && today)
		rc = rep_work_unique_taken(checking->run->hub->db, entity, today, value, edit->id,
					   &other, err);
	if (rc == REP_OK && other &&
	    !rep_verdict_note(checking->verdict, whole ? "*" : field->name, outcome, "unique"))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	return rc;
}

/* ---- checks ---- */

static bool touches(const struct checking *checking, const struct rep_check *check)
{
	const struct rep_json *values = rep_json_get(checking->edit->line, "values");

	if (check->on == REP_CHECK_INSERT ? checking->before != NULL
					  : check->on == REP_CHECK_UPDATE && !checking->before)
		return false;
	for (size_t i = 0; i < check->when_len; i++)
		if (rep_json_get(values, check->when[i]) &&
		    !rep_json_get(*checking->verdict, check->when[i]))
			return true;
	return check->when_len == 0;
}

static enum rep_code fold_after(struct checking *checking, struct rep_error *err)
{
	struct rep_edit edit = *checking->edit;
	struct rep_json *outcome = NULL;
	enum rep_code rc;

	if (checking->folded)
		return REP_OK;
	checking->folded = true;
	edit.verdict = *checking->verdict;
	if (checking->before && !(checking->after.record = rep_record_dup(checking->before)))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	checking->run->edit_stamp = edit.stamp;
	rc = rep_fold(&checking->after, &edit, checking->fold, &outcome, err);
	checking->run->edit_stamp = NULL;
	rep_json_free(outcome);
	return rc;
}

/* new(id, created_at, created_by, fields...) AS (SELECT ?, ?, ...) */
static void put_row(struct rep_buf *sql, const struct rep_entity *entity, const char *name)
{
	rep_buf_printf(sql, "%s(id, created_at, created_by", name);
	for (size_t i = 0; i < entity->fields_len; i++) {
		rep_buf_puts(sql, ", ");
		rep_db_quote(sql, entity->fields[i].name);
	}
	rep_buf_puts(sql, ") AS (SELECT ?, ?, ?");
	for (size_t i = 0; i < entity->fields_len; i++)
		rep_buf_puts(sql, ", ?");
	rep_buf_puts(sql, "), ");
}

static int bind_row(struct rep_stmt *stmt, int at, const struct rep_record *record)
{
	const struct rep_entity *entity = record->entity;
	char time[REP_TIME_LEN + 1] = "";

	memcpy(time, record->created.text, REP_TIME_LEN);
	rep_bind_text(stmt, at++, record->id);
	rep_bind_text(stmt, at++, time);
	rep_bind_text(stmt, at++, record->created_rep);
	for (size_t i = 0; i < entity->fields_len; i++, at++)
		if (!rep_column_bind(stmt, at, &entity->fields[i],
				     rep_json_get(record->fields, entity->fields[i].name)))
			rep_bind_null(stmt, at);
	return at;
}

static void bind_context(struct rep_stmt *stmt, int at, const struct checking *checking)
{
	const struct rep_edit *edit = checking->edit;
	const struct rep_role *role = rep_org_role(checking->fold->org, edit->rep, edit->stamp);
	char time[REP_TIME_LEN + 1] = "";

	memcpy(time, edit->stamp, REP_TIME_LEN);
	rep_bind_text(stmt, at++, edit->rep);
	rep_bind_text(stmt, at++, role ? role->name : NULL);
	rep_bind_text(stmt, at++, time);
	rep_bind_text(stmt, at, time);
}

static char *write_sql(const struct checking *checking, const struct rep_check *check)
{
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);

	rep_buf_puts(&sql, "WITH ");
	put_row(&sql, checking->entity, "new");
	put_row(&sql, checking->entity, "old");
	rep_buf_printf(
		&sql,
		"ctx(rep, role, at, today) AS (SELECT ?, ?, ?, date(?, '+8 hours')) SELECT (%s\n)"
		" FROM new, old, ctx",
		check->expr);
	return rep_buf_take(&sql);
}

static const char *sql_of(struct checking *checking, const struct rep_check *check)
{
	struct rep_run *run = checking->run;
	struct rep_run_check_sql *grown;

	for (size_t i = 0; i < run->checks_len; i++)
		if (run->checks[i].check == check)
			return run->checks[i].sql;
	grown = reallocarray(run->checks, run->checks_len + 1, sizeof *grown);
	if (!grown)
		return NULL;
	run->checks = grown;
	grown[run->checks_len] =
		(struct rep_run_check_sql){.check = check, .sql = write_sql(checking, check)};
	return grown[run->checks_len++].sql;
}

void rep_run_checks_clear(struct rep_run *run)
{
	for (size_t i = 0; i < run->checks_len; i++)
		free(run->checks[i].sql);
	free(run->checks);
	run->checks = NULL;
	run->checks_len = 0;
}

/*
 * A check of an earlier version may ask other records for what is called otherwise by now, and cannot be asked at all then: *asked
 * false.
 */
static enum rep_code evaluate(struct checking *checking, const struct rep_check *check, bool *holds,
			      bool *asked, struct rep_error *err)
{
	const struct rep_record *old = checking->before ? checking->before : checking->after.record;
	const char *sql = sql_of(checking, check);
	struct rep_stmt *stmt;
	bool row = false;
	int at;
	enum rep_code rc = sql ? rep_db_use(checking->run->hub->db, &stmt, sql, err)
			       : rep_fail(err, REP_ENOMEM, "out of memory");

	*asked = rc == REP_OK || rc == REP_ENOMEM || is_of_its_time(checking);
	if (!*asked)
		return REP_OK;
	if (rc == REP_OK) {
		at = bind_row(stmt, 1, checking->after.record);
		bind_context(stmt, bind_row(stmt, at, old), checking);
		rc = rep_step(stmt, &row, err);
		*holds = rc == REP_OK && row && rep_column_int(stmt, 0) != 0;
		rep_stmt_reset(stmt);
	}
	return rep_wrap(err, rc, "check %s of %s", check->name, checking->entity->name);
}

static bool is_needed(const struct checking *checking, const char *name)
{
	const struct rep_field *field = rep_entity_field(checking->entity, name);

	return !checking->before && field && field->required;
}

static bool refuse(struct checking *checking, const struct rep_check *check)
{
	const struct rep_json *values = rep_json_get(checking->edit->line, "values");
	bool whole = check->when_len == 0, kept = true;

	for (size_t i = 0; i < check->when_len; i++)
		whole = whole || is_needed(checking, check->when[i]);
	if (whole)
		return rep_verdict_note(checking->verdict, "*", REP_REJECTED, check->name);
	for (size_t i = 0; i < check->when_len; i++)
		if (rep_json_get(values, check->when[i]) &&
		    !rep_json_get(*checking->verdict, check->when[i]))
			kept = rep_verdict_note(checking->verdict, check->when[i], REP_REJECTED,
						check->name) &&
			       kept;
	return kept;
}

static enum rep_code run_check(struct checking *checking, const struct rep_check *check,
			       struct rep_error *err)
{
	bool holds = true, kept = true, asked;
	enum rep_code rc;

	if (!touches(checking, check))
		return REP_OK;
	rc = fold_after(checking, err);
	if (rc != REP_OK || !checking->after.record)
		return rc;
	rc = evaluate(checking, check, &holds, &asked, err);
	if (rc != REP_OK || (holds && asked))
		return rc;
	if (!asked) /* taken, and whoever reads the record sees that it was not checked */
		return rep_verdict_flag(checking->verdict, check->name)
			       ? REP_OK
			       : rep_fail(err, REP_ENOMEM, "out of memory");
	switch (check->level) {
	case REP_LEVEL_REFUSE:
		kept = refuse(checking, check);
		break;
	case REP_LEVEL_WARN:
		kept = rep_verdict_flag(checking->verdict, check->name);
		break;
	case REP_LEVEL_BLOCK:
		kept = rep_verdict_flag(checking->verdict, check->name);
		rc = rep_run_blocked(checking->run, checking->edit, check, err);
		if (rc != REP_OK)
			return rc;
		break;
	}
	return kept ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- deletes ---- */

/* Does a live record refer to it by a field that forbids the delete? */
static enum rep_code is_referred_to(struct checking *checking, const struct rep_entity *entity,
				    const struct rep_field *field, bool *found,
				    struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(2048);
	struct rep_stmt *stmt;
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT 1 FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE _deleted IS NULL AND ");
	if (field->type == REP_TYPE_SET) {
		rep_buf_puts(&sql, "EXISTS(SELECT 1 FROM json_each(");
		rep_db_quote(&sql, field->name);
		rep_buf_puts(&sql, ") WHERE value = ?1)");
	} else {
		rep_db_quote(&sql, field->name);
		rep_buf_puts(&sql, " = ?1");
	}
	rep_buf_puts(&sql, " LIMIT 1");
	rc = rep_db_use(checking->run->hub->db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, checking->edit->id);
		rc = rep_step(stmt, found, err);
		rep_stmt_reset(stmt);
	}
	rep_buf_clear(&sql);
	return rc;
}

static bool restricts(const struct rep_entity *entity, const struct rep_field *field,
		      const struct rep_entity *target)
{
	return field->target == target && rep_reference_binds(entity, field) &&
	       (field->type == REP_TYPE_REFERENCE || field->type == REP_TYPE_SET);
}

/* Only a delete that would leave a tombstone: one that archives keeps the record for those that refer to it. */
static enum rep_code check_delete(struct checking *checking, struct rep_error *err)
{
	const struct rep_schema *schema = checking->run->hub->schema;
	const struct rep_entity *today = rep_schema_entity(schema, checking->entity->name);
	bool found = false;
	enum rep_code rc = REP_OK;

	if (checking->entity->deletes != REP_DELETES_UPDATE_WINS &&
	    checking->entity->deletes != REP_DELETES_DELETE_WINS)
		return REP_OK;
	for (size_t i = 0; rc == REP_OK && !found && i < schema->entities_len; i++)
		for (size_t k = 0; rc == REP_OK && !found && k < schema->entities[i].fields_len;
		     k++)
			if (restricts(&schema->entities[i], &schema->entities[i].fields[k], today))
				rc = is_referred_to(checking, &schema->entities[i],
						    &schema->entities[i].fields[k], &found, err);
	if (rc == REP_OK && found &&
	    !rep_verdict_note(checking->verdict, "*", REP_REJECTED, "referenced"))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	return rc;
}

static bool is_judged(enum rep_op op)
{
	return op == REP_OP_INSERT || op == REP_OP_UPDATE || op == REP_OP_RESOLVE;
}

enum rep_code rep_run_check(struct rep_run *run, const struct rep_fold_context *fold,
			    const struct rep_edit *edit, const struct rep_record *record,
			    struct rep_json **verdict, struct rep_error *err)
{
	struct checking checking = {.run = run,
				    .fold = fold,
				    .edit = edit,
				    .entity = rep_schema_entity(fold->schema, edit->entity),
				    .before = record,
				    .verdict = verdict};
	enum rep_code rc = REP_OK;

	/* Of what is refused or only proposed as a whole, nothing comes into force. */
	if (rep_json_get_string(rep_json_get(*verdict, "*"), "outcome"))
		return REP_OK;
	if (edit->op == REP_OP_DELETE)
		return check_delete(&checking, err);
	if (!is_judged(edit->op))
		return REP_OK;
	for (size_t i = 0; rc == REP_OK && i < checking.entity->fields_len; i++)
		rc = check_unique(&checking, &checking.entity->fields[i], err);
	for (size_t i = 0; rc == REP_OK && i < checking.entity->checks_len; i++)
		rc = run_check(&checking, &checking.entity->checks[i], err);
	rep_folded_clear(&checking.after);
	return rc;
}
