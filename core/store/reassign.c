#include "core/store/reassign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/store/reassign_work.h"
#include "core/store/tables.h"

enum rep_code rep_reassign_no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "reassign: no memory");
}

void rep_reassign_plan_clear(struct rep_reassign_plan *plan)
{
	rep_json_free(plan->ends);
	rep_json_free(plan->begins);
	rep_json_free(plan->told);
	memset(plan, 0, sizeof *plan);
}

const char *rep_reassign_text(const struct rep_record *record, const char *field)
{
	const char *text = rep_json_string_value(rep_record_value(record, field));

	return text ? text : "";
}

static void put(struct rep_planning *planning, struct rep_json *object, const char *key,
		struct rep_json *value)
{
	planning->failed = !rep_json_set(object, key, value) || planning->failed;
}

static void append(struct rep_planning *planning, struct rep_json *array, struct rep_json *value)
{
	planning->failed = !rep_json_append(array, value) || planning->failed;
}

static bool has_text(const struct rep_json *array, const char *text)
{
	for (size_t i = 0; i < rep_json_size(array); i++)
		if (strcmp(rep_json_string_value(rep_json_at(array, i)), text) == 0)
			return true;
	return false;
}

/* ---- the subject ---- */

/* The entity and the partition of an account that is there. */
static enum rep_code find_account(struct rep_planning *planning, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < planning->schema->entities_len; i++) {
		const struct rep_entity *entity = &planning->schema->entities[i];

		if (!rep_entity_is_account(entity))
			continue;
		rep_buf_reset(&planning->partition);
		rc = rep_row_partition(planning->db, entity, planning->id, &planning->partition,
				       err);
		if (rc != REP_OK || !planning->partition.len)
			continue;
		planning->entity = entity;
		return REP_OK;
	}
	return rc;
}

static enum rep_code find_record(struct rep_planning *planning, const char *name,
				 struct rep_error *err)
{
	planning->entity = rep_schema_entity(planning->schema, name);
	if (!planning->entity || planning->entity->builtin != REP_BUILTIN_NONE)
		return rep_fail(err, REP_ENOTFOUND, "%s is no entity of records to assign", name);
	rep_buf_reset(&planning->partition);
	return rep_row_partition(planning->db, planning->entity, planning->id, &planning->partition,
				 err);
}

/* ---- which assignments end, which begin ---- */

/* An assignment of the subject that is in force at the time, or later. */
static bool concerns(const struct rep_planning *planning, const struct rep_record *record)
{
	const char *to = rep_reassign_text(record, "valid_to");
	const char *from = rep_reassign_text(record, "valid_from");

	return !record->deleted &&
	       strcmp(rep_reassign_text(record, "subject"), planning->id) == 0 &&
	       strcmp(rep_reassign_text(record, "subject_entity"), planning->entity->name) == 0 &&
	       strcmp(rep_reassign_text(record, "kind"), "assist") != 0 &&
	       (!*to || (strcmp(to, planning->time) > 0 && strcmp(to, from) > 0));
}

/* In force from the time on and for ever: nothing to do for its line. */
static bool stays(const struct rep_planning *planning, const struct rep_record *record)
{
	return strcmp(rep_reassign_text(record, "territory"), planning->reassign->to) == 0 &&
	       strcmp(rep_reassign_text(record, "valid_from"), planning->time) <= 0 &&
	       !*rep_reassign_text(record, "valid_to");
}

static enum rep_code look(void *user, struct rep_record *record, struct rep_error *err)
{
	struct rep_planning *planning = user;
	const char *line = rep_reassign_text(record, "line");
	const char *from = rep_reassign_text(record, "valid_from");
	const char *territory = rep_reassign_text(record, "territory");
	struct rep_json *end;

	if (!concerns(planning, record))
		return REP_OK;
	if (stays(planning, record)) {
		append(planning, planning->kept, rep_json_string(line));
		return REP_OK;
	}
	if (!has_text(planning->lines, line))
		append(planning, planning->lines, rep_json_string(line));
	if (strcmp(from, planning->time) <= 0 && !has_text(planning->from, territory))
		append(planning, planning->from, rep_json_string(territory));
	end = rep_json_object();
	put(planning, end, "id", rep_json_string(record->id));
	put(planning, end, "valid_to",
	    rep_json_string(strcmp(from, planning->time) > 0 ? from : planning->time));
	append(planning, planning->plan->ends, end);
	return planning->failed ? rep_reassign_no_memory(err) : REP_OK;
}

static void begin(struct rep_planning *planning, const char *line)
{
	struct rep_json *values = rep_json_object(), *one = rep_json_object();
	uint8_t random[10];
	char id[REP_UUID_LEN + 1];

	rep_random(random, sizeof random);
	rep_uuid7(id, planning->now_ms, random);
	put(planning, values, "subject_entity", rep_json_string(planning->entity->name));
	put(planning, values, "subject", rep_json_string(planning->id));
	put(planning, values, "territory", rep_json_string(planning->reassign->to));
	put(planning, values, "kind", rep_json_string("primary"));
	put(planning, values, "valid_from", rep_json_string(planning->time));
	if (*line)
		put(planning, values, "line", rep_json_string(line));
	put(planning, one, "id", rep_json_string(id));
	put(planning, one, "partition", rep_json_string(rep_buf_str(&planning->partition)));
	put(planning, one, "values", values);
	append(planning, planning->plan->begins, one);
}

static enum rep_code plan_assignments(struct rep_planning *planning, struct rep_error *err)
{
	size_t before = rep_json_size(planning->plan->begins);
	enum rep_code rc =
		rep_row_each(planning->db, planning->assignment, NULL, look, planning, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(planning->lines); i++) {
		const char *line = rep_json_string_value(rep_json_at(planning->lines, i));

		if (!has_text(planning->kept, line))
			begin(planning, line);
	}
	if (rc == REP_OK && !rep_json_size(planning->lines) && !rep_json_size(planning->kept))
		begin(planning, "");
	planning->unchanged =
		rep_json_size(planning->plan->begins) == before && !rep_json_size(planning->lines);
	return rc == REP_OK && planning->failed ? rep_reassign_no_memory(err) : rc;
}

/* ---- one subject ---- */

static enum rep_code count(struct rep_planning *planning, const struct rep_entity *entity,
			   int64_t *out, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(512);
	struct rep_stmt *stmt;
	bool row;
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT count(*) FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE _partition = ?1 AND _deleted IS NULL");
	rc = rep_db_use(planning->db, &stmt, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	*out = 0;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, rep_buf_str(&planning->partition));
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		*out = rep_column_int(stmt, 0);
	rep_stmt_reset(stmt);
	return rc;
}

/* An account brings all its records along, a record only itself. */
static enum rep_code count_records(struct rep_planning *planning, struct rep_json *records,
				   struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (planning->reassign->entity) {
		put(planning, records, planning->entity->name, rep_json_integer(1));
		return REP_OK;
	}
	for (size_t i = 0; rc == REP_OK && i < planning->schema->entities_len; i++) {
		const struct rep_entity *entity = &planning->schema->entities[i];
		int64_t n;

		if (entity->builtin != REP_BUILTIN_NONE)
			continue;
		rc = count(planning, entity, &n, err);
		if (rc == REP_OK && n)
			put(planning, records, entity->name, rep_json_integer(n));
	}
	return rc;
}

static void add_records(struct rep_planning *planning, const struct rep_json *records)
{
	struct rep_json *all = rep_json_get(planning->plan->told, "records");

	for (void *it = rep_json_iter(records); it && !planning->unchanged;
	     it = rep_json_iter_next(records, it)) {
		const char *name = rep_json_iter_key(it);

		put(planning, all, name,
		    rep_json_integer(rep_json_get_integer(all, name) +
				     rep_json_integer_value(rep_json_iter_value(it))));
	}
}

static enum rep_code plan_subject(struct rep_planning *planning, struct rep_error *err)
{
	struct rep_json *told = rep_json_object(), *records = rep_json_object();
	enum rep_code rc;

	planning->entity = NULL;
	planning->lines = rep_json_array();
	planning->kept = rep_json_array();
	planning->from = rep_json_array();
	rc = planning->reassign->entity ? find_record(planning, planning->reassign->entity, err)
					: find_account(planning, err);
	if (rc == REP_OK && (!planning->entity || !planning->partition.len))
		rc = rep_fail(err, REP_ENOTFOUND, "there is no %s %s",
			      planning->reassign->entity ? planning->reassign->entity : "account",
			      planning->id);
	if (rc == REP_OK)
		rc = plan_assignments(planning, err);
	if (rc == REP_OK)
		rc = count_records(planning, records, err);
	if (rc == REP_OK) {
		put(planning, told, "entity", rep_json_string(planning->entity->name));
		put(planning, told, "id", rep_json_string(planning->id));
		put(planning, told, "partition",
		    rep_json_string(rep_buf_str(&planning->partition)));
		put(planning, told, "from", rep_json_ref(planning->from));
		put(planning, told, "unchanged", rep_json_bool(planning->unchanged));
		put(planning, told, "records", rep_json_ref(records));
		append(planning, rep_json_get(planning->plan->told, "subjects"),
		       rep_json_ref(told));
		add_records(planning, records);
	}
	rep_json_free(planning->lines);
	rep_json_free(planning->kept);
	rep_json_free(planning->from);
	rep_json_free(records);
	rep_json_free(told);
	return rc == REP_OK && planning->failed ? rep_reassign_no_memory(err) : rc;
}

/* ---- the whole ---- */

static enum rep_code check_time(struct rep_planning *planning, struct rep_error *err)
{
	const char *from = planning->reassign->from_time;
	int64_t from_ms = planning->now_ms;
	enum rep_code rc;

	if (from && !rep_time_parse(&from_ms, from))
		return rep_fail(err, REP_EUSAGE, "\"%.40s\" is no time", from);
	rep_time_format(planning->time, from_ms);
	if (from_ms >= planning->now_ms)
		return REP_OK;
	rc = rep_fail(err, REP_EREFUSED, "%s has passed", planning->time);
	rep_hint(
		err,
		"what was judged by the old assignment stays right: give a time to come, or none for now");
	return rc;
}

static enum rep_code check_territory(struct rep_planning *planning, struct rep_error *err)
{
	const struct rep_entity *entity =
		rep_schema_builtin(planning->schema, REP_BUILTIN_TERRITORY);
	struct rep_buf partition = REP_BUF_INIT(4 * REP_ID_LEN_MAX);
	enum rep_code rc = REP_OK;

	planning->assignment = rep_schema_builtin(planning->schema, REP_BUILTIN_ASSIGNMENT);
	if (!entity || !planning->assignment)
		return rep_fail(err, REP_EINVAL, "schema %s has no territories",
				planning->schema->id);
	rc = rep_row_partition(planning->db, entity, planning->reassign->to, &partition, err);
	if (rc == REP_OK && !partition.len)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no territory %s",
			      planning->reassign->to);
	rep_buf_clear(&partition);
	return rc;
}

static enum rep_code check_ids(const struct rep_reassign *reassign, struct rep_error *err)
{
	for (size_t i = 0; i < reassign->len; i++) {
		if (!rep_id_valid(reassign->ids[i]))
			return rep_fail(err, REP_EINVAL, "\"%.70s\" is no id", reassign->ids[i]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(reassign->ids[i], reassign->ids[k]) == 0)
				return rep_fail(err, REP_EINVAL, "%s is named twice",
						reassign->ids[i]);
	}
	return REP_OK;
}

static void start(struct rep_planning *planning)
{
	struct rep_reassign_plan *plan = planning->plan;

	plan->ends = rep_json_array();
	plan->begins = rep_json_array();
	plan->told = rep_json_object();
	put(planning, plan->told, "from_time", rep_json_string(planning->time));
	put(planning, plan->told, "to", rep_json_string(planning->reassign->to));
	put(planning, plan->told, "subjects", rep_json_array());
	put(planning, plan->told, "records", rep_json_object());
}

enum rep_code rep_reassign_plan(struct rep_reassign_plan *out, struct rep_db *db,
				const struct rep_schema *schema,
				const struct rep_reassign *reassign, int64_t now_ms,
				struct rep_error *err)
{
	struct rep_planning planning = {.db = db,
					.schema = schema,
					.reassign = reassign,
					.plan = out,
					.now_ms = now_ms,
					.partition = REP_BUF_INIT(4 * REP_ID_LEN_MAX)};
	enum rep_code rc;

	memset(out, 0, sizeof *out);
	rc = check_time(&planning, err);
	if (rc == REP_OK)
		rc = check_territory(&planning, err);
	if (rc == REP_OK)
		rc = check_ids(reassign, err);
	if (rc == REP_OK)
		start(&planning);
	for (size_t i = 0; rc == REP_OK && i < reassign->len; i++) {
		planning.id = reassign->ids[i];
		rc = plan_subject(&planning, err);
	}
	if (rc == REP_OK)
		rc = rep_reassign_concerned(&planning, err);
	if (rc == REP_OK && planning.failed)
		rc = rep_reassign_no_memory(err);
	rep_buf_clear(&planning.partition);
	if (rc != REP_OK)
		rep_reassign_plan_clear(out);
	return rc;
}
