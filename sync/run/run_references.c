/*
 * What becomes of records whose target was deleted. A delete that a reference forbids is refused when it arrives
 * (run_check.c); what refers to a tombstone all the same came later, or is cleared or deleted with it. The hub does that
 * by changes of its own after its runs, so that journal, audit and replay have them like any others.
 *
 * For a live record that refers to a tombstone:
 *	1 restrict				the target is restored
 *	2 clear					the reference is taken out
 *	3 cascade, delete-wins			the record is deleted too
 *	4 cascade, archive-only			it is archived
 *	5 cascade, update-wins			it is deleted too, unless somebody else wrote it meanwhile: then 1
 *	6 cascade over what is never deleted, clear of what must not be empty: as 1
 * An erased target is neither: what refers to it was erased with it, cleared or left as it is, as its reference says.
 * "Meanwhile" is what the deleter cannot have seen: later by its stamp, or not known to the hub when the delete was made. A
 * target that is restored keeps everything that refers to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/hub/hub_line.h"
#include "sync/run/run.h"

/* Chains of cascades are short; what still refers to a tombstone after these rounds waits for the next run. */
#define ROUNDS_MAX 16
#define HITS_MAX 5000u

enum act { ACT_NONE, ACT_RESTORE, ACT_DELETE, ACT_CLEAR };

struct hit {
	const struct rep_entity *entity; /* of the record that refers */
	const struct rep_field *field;
	char id[REP_ID_LEN_MAX + 1], target[REP_ID_LEN_MAX + 1];
	char stamp[REP_STAMP_LEN + 1]; /* of the tombstone */
	enum act act;
};
struct references {
	struct rep_hub *hub;
	struct hit *hits;
	size_t len, cap;
	struct rep_json *done; /* "<entity>/<id>" restored or deleted in this round */
	struct rep_own *own;
};

bool rep_reference_binds(const struct rep_entity *entity, const struct rep_field *field)
{
	switch (field->on_delete) {
	case REP_REF_RESTRICT:
		return true;
	case REP_REF_CASCADE:
		return field->type == REP_TYPE_REFERENCE && entity->deletes == REP_DELETES_NEVER;
	case REP_REF_CLEAR:
		return field->required || rep_field_has_rule(field, REP_RULE_IMMUTABLE);
	}
	return true;
}

static bool leaves_tombstones(const struct rep_entity *entity)
{
	return entity->deletes == REP_DELETES_UPDATE_WINS ||
	       entity->deletes == REP_DELETES_DELETE_WINS;
}

static bool refers(const struct rep_field *field)
{
	return field->target && leaves_tombstones(field->target) &&
	       (field->type == REP_TYPE_REFERENCE || field->type == REP_TYPE_SET);
}

/* ---- finding ---- */

static enum rep_code add_hit(struct references *references, const struct rep_entity *entity,
			     const struct rep_field *field, struct rep_stmt *stmt,
			     struct rep_error *err)
{
	const char *id = rep_column_text(stmt, 0, NULL), *target = rep_column_text(stmt, 1, NULL);
	const char *stamp = rep_column_text(stmt, 2, NULL);
	struct hit *hit;

	if (references->len == references->cap) {
		size_t cap = references->cap ? 2 * references->cap : 16;

		hit = reallocarray(references->hits, cap, sizeof *hit);
		if (!hit)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		references->hits = hit;
		references->cap = cap;
	}
	hit = &references->hits[references->len];
	*hit = (struct hit){.entity = entity, .field = field};
	if (!id || !target || !stamp || strlen(id) >= sizeof hit->id ||
	    strlen(target) >= sizeof hit->target || strlen(stamp) >= sizeof hit->stamp)
		return rep_fail(err, REP_EINTEGRITY, "a row of %s cannot be read", entity->name);
	strcpy(hit->id, id);
	strcpy(hit->target, target);
	strcpy(hit->stamp, stamp);
	references->len++;
	return REP_OK;
}

/*
 * Live rows that name a tombstone; one that was merged into another is none. In this order of tables (a CROSS JOIN keeps it): left to
 * itself SQLite reads all rows that may refer, in every run. From the tombstones, of which there is an index, to who refers to them;
 * elements of sets have none, so that these are read whole, where there is a tombstone at all.
 */
static void select_hits(struct rep_buf *sql, const struct rep_entity *entity,
			const struct rep_field *field)
{
	const char *target = rep_table_name(field->target);

	rep_buf_puts(sql, "SELECT c.id, t.id, json_extract(t._deleted, '$.stamp') FROM ");
	if (field->type == REP_TYPE_SET) {
		rep_db_quote(sql, rep_table_name(entity));
		rep_buf_puts(sql, " AS c CROSS JOIN json_each(c.");
		rep_db_quote(sql, field->name);
		rep_buf_puts(sql, ") AS e CROSS JOIN ");
		rep_db_quote(sql, target);
		rep_buf_puts(sql, " AS t ON t.id = e.value AND EXISTS(SELECT 1 FROM ");
		rep_db_quote(sql, target);
		rep_buf_puts(sql, " WHERE _deleted IS NOT NULL)");
	} else {
		rep_db_quote(sql, target);
		rep_buf_puts(sql, " AS t CROSS JOIN ");
		rep_db_quote(sql, rep_table_name(entity));
		rep_buf_puts(sql, " AS c ON t.id = c.");
		rep_db_quote(sql, field->name);
	}
	rep_buf_printf(
		sql,
		" WHERE t._deleted IS NOT NULL AND json_extract(t._deleted, '$.merged_into') "
		"IS NULL AND c._deleted IS NULL AND NOT EXISTS(SELECT 1 FROM _erased e WHERE"
		" e.entity = '%s' AND e.id = t.id) ORDER BY c.id, t.id LIMIT %u",
		field->target->name, HITS_MAX);
}

static enum rep_code find_field(struct references *references, const struct rep_entity *entity,
				const struct rep_field *field, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(2048);
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc;

	select_hits(&sql, entity, field);
	rc = rep_buf_check(&sql, "statement", err);
	if (rc == REP_OK)
		rc = rep_db_prepare(references->hub->db, &stmt, rep_buf_str(&sql), err);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rc = add_hit(references, entity, field, stmt, err);
	rep_stmt_free(stmt);
	rep_buf_clear(&sql);
	return rc;
}

static enum rep_code find_all(struct references *references, struct rep_error *err)
{
	const struct rep_schema *schema = references->hub->schema;
	enum rep_code rc = REP_OK;

	references->len = 0;
	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];

		if (entity->builtin == REP_BUILTIN_REVIEW)
			continue;
		for (size_t k = 0; rc == REP_OK && k < entity->fields_len; k++)
			if (refers(&entity->fields[k]))
				rc = find_field(references, entity, &entity->fields[k], err);
	}
	return rc;
}

/* ---- deciding ---- */

static enum rep_code ask(struct rep_db *db, const char *sql, const char *const *texts, size_t len,
			 bool *yes, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt, sql, err);

	if (rc != REP_OK)
		return rc;
	for (size_t i = 0; i < len; i++)
		rep_bind_text(stmt, (int)i + 1, texts[i]);
	rc = rep_step(stmt, yes, err);
	rep_stmt_reset(stmt);
	return rc;
}

/* Was the record written by another device so that the deleter cannot have seen it? */
static enum rep_code written_meanwhile(struct references *references, const struct hit *hit,
				       bool *yes, struct rep_error *err)
{
	const char *const texts[] = {hit->entity->name, hit->id, hit->stamp,
				     rep_stamp_device(hit->stamp)};

	return ask(references->hub->db,
		   "SELECT 1 FROM _change AS c LEFT JOIN _segment AS s ON s.n = c.segment WHERE"
		   " c.entity = ?1 AND c.id = ?2 AND c.held = 0 AND c.device <> ?4 AND"
		   " c.device <> '" REP_HUB_DEVICE "' AND (c.eff > ?3 OR s.hub_time >="
		   " substr(?3, 1, 24)) AND coalesce(json_extract(c.outcome, '$.outcome'), '')"
		   " NOT IN ('rejected', 'proposed') LIMIT 1",
		   texts, 4, yes, err);
}

/* What the hub tried in vain is not tried in every run again. */
static enum rep_code was_refused(struct references *references, const char *entity, const char *id,
				 enum rep_op op, bool *yes, struct rep_error *err)
{
	const char *const texts[] = {entity, id, rep_op_name(op)};

	return ask(
		references->hub->db,
		"SELECT 1 FROM _change WHERE entity = ?1 AND id = ?2 AND op = ?3 AND device = '" REP_HUB_DEVICE
		"' AND json_extract(outcome, '$.outcome') = 'rejected' LIMIT 1",
		texts, 3, yes, err);
}

static bool is_archived(const struct rep_record *record)
{
	const char *status = rep_json_string_value(rep_record_value(record, "status"));

	return status && (strcmp(status, "archived") == 0 || strcmp(status, "erased") == 0);
}

static enum rep_code decide(struct references *references, struct hit *hit, struct rep_error *err)
{
	struct rep_record *record = NULL;
	bool meanwhile = false;
	enum rep_code rc = REP_OK;

	hit->act = ACT_RESTORE; /* 1, 6 */
	if (rep_reference_binds(hit->entity, hit->field))
		return REP_OK;
	if (hit->field->on_delete == REP_REF_CLEAR || hit->field->type == REP_TYPE_SET) { /* 2 */
		hit->act = ACT_CLEAR;
		return REP_OK;
	}
	hit->act = ACT_DELETE;                               /* 3 */
	if (hit->entity->deletes == REP_DELETES_UPDATE_WINS) /* 5 */
		rc = written_meanwhile(references, hit, &meanwhile, err);
	if (meanwhile)
		hit->act = ACT_RESTORE;
	if (rc == REP_OK && hit->entity->deletes == REP_DELETES_ARCHIVE_ONLY) /* 4 */
		rc = rep_row_get(references->hub->db, hit->entity, hit->id, &record, err);
	if (record && is_archived(record))
		hit->act = ACT_NONE;
	rep_record_free(record);
	return rc;
}

/* ---- acting ---- */

static bool name_of(char out[2 * REP_ID_LEN_MAX + 8], const char *entity, const char *id)
{
	int len = snprintf(out, 2 * REP_ID_LEN_MAX + 8, "%s/%s", entity, id);

	return len > 0 && (size_t)len < 2 * REP_ID_LEN_MAX + 8;
}

static enum rep_code add(struct references *references, enum rep_op op, const char *entity,
			 const char *id, struct rep_json *line, const char *why, const char *other,
			 struct rep_error *err)
{
	char reason[REP_ID_LEN_MAX * 2 + 64];
	bool refused = false;
	enum rep_code rc = was_refused(references, entity, id, op, &refused, err);

	snprintf(reason, sizeof reason, "%s %s", why, other);
	if (rc == REP_OK && !rep_json_set_string(line, "reason", reason))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc != REP_OK || refused) {
		rep_json_free(line);
		return rc;
	}
	return rep_own_add(references->own, op, entity, id, line, err);
}

/* Once for each record and round; false where it was done already. */
static bool first_time(struct references *references, const char *name)
{
	if (rep_json_get(references->done, name))
		return false;
	return rep_json_set(references->done, name, rep_json_bool(true));
}

static enum rep_code restore_target(struct references *references, const struct hit *hit,
				    struct rep_error *err)
{
	char target[2 * REP_ID_LEN_MAX + 8], by[2 * REP_ID_LEN_MAX + 8];
	struct rep_json *line;

	name_of(target, hit->field->target->name, hit->target);
	name_of(by, hit->entity->name, hit->id);
	if (!first_time(references, target))
		return REP_OK;
	line = rep_json_object();
	if (!rep_json_set_string(line, "saw", hit->stamp)) {
		rep_json_free(line);
		return rep_fail(err, REP_ENOMEM, "out of memory");
	}
	return add(references, REP_OP_RESTORE, hit->field->target->name, hit->target, line,
		   "referred to by", by, err);
}

static struct rep_json *clear_line(const struct rep_record *record, const struct hit *hit)
{
	struct rep_json *line = rep_line_new(), *spec, *seen, *drop;
	char key[REP_ID_LEN_MAX + 3];
	const char *stamp;
	bool made;

	if (hit->field->type == REP_TYPE_REFERENCE) {
		rep_line_change(line, record, hit->field->name, NULL);
		return line;
	}
	snprintf(key, sizeof key, "\"%s\"", hit->target);
	stamp = rep_record_element_stamp(record, hit->field->name, key);
	spec = rep_json_object();
	drop = rep_json_array();
	seen = rep_json_object();
	made = rep_json_append(drop, rep_json_string(hit->target)) &&
	       (!stamp || rep_json_set_string(seen, key, stamp));
	made = rep_json_set(spec, "remove", drop) && made;
	made = rep_json_set(spec, "seen", seen) && made;
	made = rep_json_set(rep_json_get(line, "values"), hit->field->name, spec) && made;
	if (made)
		return line;
	rep_json_free(line);
	return NULL;
}

static enum rep_code follow_target(struct references *references, const struct hit *hit,
				   struct rep_error *err)
{
	char target[2 * REP_ID_LEN_MAX + 8], own[2 * REP_ID_LEN_MAX + 8];
	bool drops = hit->act == ACT_DELETE;
	struct rep_record *record = NULL;
	struct rep_json *line;
	enum rep_code rc;

	name_of(target, hit->field->target->name, hit->target);
	name_of(own, hit->entity->name, hit->id);
	if (hit->act == ACT_NONE || rep_json_get(references->done, target) ||
	    rep_json_get(references->done, own) || (drops && !first_time(references, own)))
		return REP_OK;
	rc = rep_row_get(references->hub->db, hit->entity, hit->id, &record, err);
	if (rc == REP_OK && record) {
		line = drops ? rep_line_delete(record) : clear_line(record, hit);
		rc = line ? add(references, drops ? REP_OP_DELETE : REP_OP_UPDATE,
				hit->entity->name, hit->id, line, "deleted:", target, err)
			  : rep_fail(err, REP_ENOMEM, "out of memory");
	}
	rep_record_free(record);
	return rc;
}

static enum rep_code act(struct references *references, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < references->len; i++)
		rc = decide(references, &references->hits[i], err);
	for (size_t i = 0; rc == REP_OK && i < references->len; i++)
		if (references->hits[i].act == ACT_RESTORE)
			rc = restore_target(references, &references->hits[i], err);
	for (size_t i = 0; rc == REP_OK && i < references->len; i++)
		if (references->hits[i].act != ACT_RESTORE)
			rc = follow_target(references, &references->hits[i], err);
	return rc;
}

static enum rep_code one_round(void *user, struct rep_own *own, struct rep_error *err)
{
	struct references references = {.hub = own->hub, .own = own, .done = rep_json_object()};
	enum rep_code rc = references.done ? find_all(&references, err)
					   : rep_fail(err, REP_ENOMEM, "out of memory");

	(void)user;
	if (rc == REP_OK)
		rc = act(&references, err);
	rep_json_free(references.done);
	free(references.hits);
	return rc;
}

/* Nothing can have changed since: the rows are those that were looked at. */
static enum rep_code is_settled(struct rep_hub *hub, bool *settled, struct rep_error *err)
{
	char *head = NULL, *seen = NULL;
	enum rep_code rc = rep_work_get(hub->db, "marker", &head, err);

	if (rc == REP_OK)
		rc = rep_work_get(hub->db, "references", &seen, err);
	*settled = rc == REP_OK && head && seen && strcmp(head, seen) == 0;
	free(head);
	free(seen);
	return rc;
}

static enum rep_code note_settled(struct rep_hub *hub, struct rep_error *err)
{
	char *head = NULL;
	enum rep_code rc = rep_work_get(hub->db, "marker", &head, err);

	if (rc == REP_OK && head)
		rc = rep_work_set(hub->db, "references", head, err);
	free(head);
	return rc;
}

enum rep_code rep_hub_references(struct rep_hub *hub, const struct rep_hub_merge *options,
				 struct rep_run_total *total, struct rep_error *err)
{
	const struct rep_follower follower = {
		.reason = "references", .passes = ROUNDS_MAX, .pass = one_round};
	bool settled = false, more = false;
	enum rep_code rc = is_settled(hub, &settled, err);

	if (rc == REP_OK && !settled)
		rc = rep_hub_follow(hub, options, &follower, total, &more, err);
	if (rc == REP_OK && !settled && !more)
		rc = note_settled(hub, err);
	return rep_wrap(err, rc, "references");
}
