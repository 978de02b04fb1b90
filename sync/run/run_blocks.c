/*
 * Checks of the level `block`: the edit is taken, and what the check declares is set by the hub, by a change of its own
 * after the run. What is to be set is remembered in the transaction of the run, so that a hub that dies in between does it
 * next time.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "sync/hub/hub_line.h"
#include "sync/run/run.h"

/* What a check sets may fail another check; two that set each other's fields for ever end here, their flags set. */
#define PASSES_MAX 4

struct block {
	const struct rep_entity *entity;
	const struct rep_check *check;
	char id[REP_ID_LEN_MAX + 1];
};

enum rep_code rep_run_blocked(struct rep_run *run, const struct rep_edit *edit,
			      const struct rep_check *check, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		run->hub->db, &stmt,
		"INSERT OR IGNORE INTO _blocked(entity, id, name) VALUES(?1, ?2, ?3)", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, edit->entity);
	rep_bind_text(stmt, 2, edit->id);
	rep_bind_text(stmt, 3, check->name);
	return rep_run(stmt, err);
}

static const struct rep_check *check_of(const struct rep_entity *entity, const char *name)
{
	for (size_t i = 0; entity && i < entity->checks_len; i++)
		if (strcmp(entity->checks[i].name, name) == 0)
			return &entity->checks[i];
	return NULL;
}

/* The flag tells that the edit was taken: one that another check refused leaves none. */
static bool is_flagged(const struct rep_record *record, const char *name)
{
	for (size_t i = 0; i < rep_json_size(record->flags); i++) {
		const char *flag = rep_json_string_value(rep_json_at(record->flags, i));

		if (flag && strcmp(flag, name) == 0)
			return true;
	}
	return false;
}

/* What the check sets and the record does not say yet; NULL without memory. */
static struct rep_json *line_of(const struct block *block, const struct rep_record *record)
{
	struct rep_json *line = rep_line_new();
	char reason[REP_NAME_LEN_MAX + 16];

	for (void *it = rep_json_iter(block->check->set); line && it;
	     it = rep_json_iter_next(block->check->set, it)) {
		const char *name = rep_json_iter_key(it);
		const struct rep_field *field = rep_entity_field(block->entity, name);
		struct rep_json *value = rep_json_iter_value(it);

		if (field && !rep_value_same(field, value, rep_record_value(record, name)))
			rep_line_change(line, record, name, rep_json_ref(value));
	}
	snprintf(reason, sizeof reason, "check %s", block->check->name);
	if (rep_json_set_string(line, "reason", reason))
		return line;
	rep_json_free(line);
	return NULL;
}

static enum rep_code add(struct rep_own *own, const struct block *block, struct rep_error *err)
{
	struct rep_record *record = NULL;
	struct rep_json *line;
	enum rep_code rc = rep_row_get(own->hub->db, block->entity, block->id, &record, err);

	if (rc == REP_OK && record && !record->deleted && is_flagged(record, block->check->name)) {
		line = line_of(block, record);
		if (!line)
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
		else if (rep_json_size(rep_json_get(line, "values")) == 0)
			rep_json_free(line);
		else
			rc = rep_own_add(own, REP_OP_UPDATE, block->entity->name, block->id, line,
					 err);
	}
	rep_record_free(record);
	return rc;
}

/* One row at a time, because what is added reads rows by statements of its own. */
static enum rep_code next_block(struct rep_hub *hub, int64_t after, struct block *out, int64_t *n,
				struct rep_error *err)
{
	struct rep_stmt *stmt;
	const char *id;
	bool row = false;
	enum rep_code rc = rep_db_use(hub->db, &stmt,
				      "SELECT n, entity, id, name FROM _blocked WHERE n > ?1"
				      " ORDER BY n LIMIT 1",
				      err);

	*out = (struct block){0};
	*n = 0;
	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, after);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		*n = rep_column_int(stmt, 0);
		out->entity = rep_schema_entity(hub->schema, rep_column_text(stmt, 1, NULL));
		out->check = check_of(out->entity, rep_column_text(stmt, 3, NULL));
		id = rep_column_text(stmt, 2, NULL);
		if (id && strlen(id) < sizeof out->id)
			strcpy(out->id, id);
	}
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code add_all(void *user, struct rep_own *own, struct rep_error *err)
{
	struct block block;
	int64_t n;
	enum rep_code rc = next_block(own->hub, 0, &block, &n, err);

	(void)user;
	own->waited = n != 0;
	while (rc == REP_OK && n) {
		if (block.check && block.check->set)
			rc = add(own, &block, err);
		if (rc == REP_OK)
			rc = next_block(own->hub, n, &block, &n, err);
	}
	return rc;
}

#define FORGET "DELETE FROM _blocked"

enum rep_code rep_hub_blocks(struct rep_hub *hub, const struct rep_hub_merge *options,
			     struct rep_run_total *total, struct rep_error *err)
{
	const struct rep_follower follower = {
		.reason = "checks", .passes = PASSES_MAX, .forget = FORGET, .pass = add_all};
	bool more = false;
	enum rep_code rc = rep_hub_follow(hub, options, &follower, total, &more, err);

	if (rc == REP_OK && more)
		rc = rep_db_exec(hub->db, FORGET, err);
	return rep_wrap(err, rc, "checks that block");
}
