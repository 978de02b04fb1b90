/*
 * What follows when a record lies elsewhere: those whose partition is that of a record they refer to.
 */
#include <string.h>

#include "core/store/columns.h"
#include "sync/run/run.h"

/* Does the entity lie where a record of `target` lies that it names? */
static bool follows(const struct rep_entity *entity, const char *target)
{
	for (size_t i = 0; entity->partition == REP_PARTITION_OF && i < entity->steps_len; i++) {
		const struct rep_step *step = &entity->steps[i];

		if (step->kind == REP_STEP_REFERENCE && step->field && step->field->to &&
		    strcmp(step->field->to, target) == 0)
			return true;
	}
	return false;
}

enum rep_code rep_run_refold_follow(struct rep_run *run, struct rep_touched *touched,
				    struct rep_error *err)
{
	struct rep_buf was = REP_BUF_INIT(1u << 20), is = REP_BUF_INIT(1u << 20);
	enum rep_code rc = rep_run_places(run, touched, &was, err);

	if (rc == REP_OK)
		rc = rep_run_refold(run, touched, err);
	if (rc == REP_OK)
		rc = rep_run_places(run, touched, &is, err);
	if (rc == REP_OK && strcmp(rep_buf_str(&was), rep_buf_str(&is)) != 0)
		rc = rep_run_follow_all(run, touched, err);
	rep_buf_clear(&was);
	rep_buf_clear(&is);
	return rc;
}

static enum rep_code follow_one(struct rep_run *run, const struct rep_entity *entity,
				const char *id, struct rep_error *err)
{
	struct rep_touched *touched;
	enum rep_code rc = rep_run_touch(run, entity, id, &touched, err);

	if (rc != REP_OK || (!touched->folded.record && !touched->folded.reviews_len))
		return rc;
	return rep_run_refold_follow(run, touched, err);
}

/*
 * Also who named it once: what stays lies by that, and what moves lay by it, for those that stay with it. And who is only proposed: the
 * proposal lies where the record would.
 */
static enum rep_code follow_entity(struct rep_run *run, const struct rep_entity *entity,
				   const struct rep_touched *target, struct rep_error *err)
{
	struct rep_json *ids;
	enum rep_code rc;

	if (!follows(entity, target->entity->name))
		return REP_OK;
	ids = rep_json_array();
	rc = rep_work_naming(run->hub->db, target->id, entity->name, ids, err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(ids); i++)
		rc = follow_one(run, entity, rep_json_string_value(rep_json_at(ids, i)), err);
	rep_json_free(ids);
	return rc;
}

/* An item of a pair lies where the two lay when it was made. */
static enum rep_code follow_pairs(struct rep_run *run, const struct rep_touched *target,
				  struct rep_error *err)
{
	const struct rep_entity *kind = rep_schema_entity(run->hub->schema, "duplicate");
	struct rep_json *ids = rep_json_array();
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		run->hub->db, &stmt,
		"SELECT id FROM _review WHERE kind = 'duplicate' AND entity = ?1 AND ?2 IN"
		" (json_extract(_fields, '$.a'), json_extract(_fields, '$.b')) ORDER BY id",
		err);

	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, target->entity->name);
		rep_bind_text(stmt, 2, target->id);
		rc = rep_column_texts(stmt, 1, ids, err);
	}
	for (size_t i = 0; rc == REP_OK && kind && i < rep_json_size(ids); i++)
		rc = follow_one(run, kind, rep_json_string_value(rep_json_at(ids, i)), err);
	rep_json_free(ids);
	return rc;
}

/* Partitions follow references without a cycle (the schema's loader sees to it), so that this ends. */
enum rep_code rep_run_follow(struct rep_run *run, const struct rep_touched *touched,
			     struct rep_error *err)
{
	const struct rep_schema *schema = run->hub->schema;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++)
		rc = follow_entity(run, &schema->entities[i], touched, err);
	if (rc == REP_OK && touched->entity->match_len)
		rc = follow_pairs(run, touched, err);
	return rc;
}
