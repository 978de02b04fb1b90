/*
 * Records joined and taken apart by hand, as changes of hub00000.
 */
#include <stdlib.h>
#include <string.h>

#include "core/store/aliases.h"
#include "sync/hub/hub_line.h"

struct pair {
	struct rep_hub *hub;
	const struct rep_entity *entity;
	struct rep_hub_batch *batch;
};

static enum rep_code find_entity(struct pair *pair, const char *name, struct rep_error *err)
{
	pair->entity = rep_schema_entity(pair->hub->schema, name);
	if (!pair->entity)
		return rep_fail(err, REP_ENOTFOUND, "there is no entity %s", name);
	if (pair->entity->builtin != REP_BUILTIN_NONE)
		return rep_fail(err, REP_EREFUSED, "the engine's own records are not merged");
	return REP_OK;
}

/* {"into": id}; NULL without memory. */
static struct rep_json *line_into(const char *id)
{
	struct rep_json *line = rep_json_object();

	if (rep_json_set_string(line, "into", id))
		return line;
	rep_json_free(line);
	return NULL;
}

static enum rep_code add(const struct pair *pair, enum rep_op op, const char *id, const char *into,
			 struct rep_error *err)
{
	struct rep_json *line = line_into(into);

	if (!line)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return rep_hub_batch_add(pair->batch, op, pair->entity->name, id, line, err);
}

static enum rep_code send(struct pair *pair, enum rep_code rc, int64_t now_ms,
			  struct rep_error *err)
{
	if (rc == REP_OK)
		return rep_hub_apply(pair->hub, pair->batch, now_ms, err);
	rep_hub_batch_free(pair->batch);
	return rc;
}

enum rep_code rep_hub_merge_records(struct rep_hub *hub, const char *entity, const char *loser,
				    const char *into, const char *reason, int64_t now_ms,
				    struct rep_error *err)
{
	struct pair pair = {.hub = hub};
	enum rep_code rc = find_entity(&pair, entity, err);

	if (rc == REP_OK && strcmp(loser, into) == 0)
		rc = rep_fail(err, REP_EUSAGE, "%s is named twice", loser);
	if (rc == REP_OK)
		rc = rep_alias_check(hub->db, pair.entity, loser, err);
	if (rc == REP_OK)
		rc = rep_alias_check(hub->db, pair.entity, into, err);
	if (rc == REP_OK)
		rc = rep_hub_batch_new(&pair.batch, hub, reason, now_ms, err);
	if (rc == REP_OK)
		rc = send(&pair, add(&pair, REP_OP_ALIAS, loser, into, err), now_ms, err);
	return rep_wrap(err, rc, "merge %s %s and %s", entity, loser, into);
}

static bool stands(const struct rep_edges *edges, const char *loser, const char *into)
{
	for (size_t i = 0; i < edges->len; i++)
		if (strcmp(edges->list[i].loser, loser) == 0 &&
		    strcmp(edges->list[i].into, into) == 0)
			return edges->list[i].stands;
	return false;
}

/* Of every other member it is said that the two are two, also where they were one by way of a third. */
static enum rep_code part(const struct pair *pair, const struct rep_group *group, const char *id,
			  struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < group->len; i++) {
		const char *other = group->ids[i];

		if (strcmp(other, id) == 0)
			continue;
		rc = add(pair, REP_OP_UNALIAS, id, other, err);
		if (rc == REP_OK && stands(&group->edges, other, id))
			rc = add(pair, REP_OP_UNALIAS, other, id, err);
	}
	return rc;
}

enum rep_code rep_hub_unmerge(struct rep_hub *hub, const char *entity, const char *id,
			      const char *reason, int64_t now_ms, struct rep_error *err)
{
	struct pair pair = {.hub = hub};
	struct rep_group group = {0};
	enum rep_code rc = find_entity(&pair, entity, err);

	if (rc == REP_OK)
		rc = rep_group_load(&group, hub->db, entity, id, err);
	if (rc == REP_OK && group.len < 2)
		rc = rep_fail(err, REP_ENOTFOUND, "it is merged with no other");
	if (rc == REP_OK)
		rc = rep_hub_batch_new(&pair.batch, hub, reason, now_ms, err);
	if (rc == REP_OK)
		rc = send(&pair, part(&pair, &group, id, err), now_ms, err);
	rep_group_clear(&group);
	return rep_wrap(err, rc, "unmerge %s %s", entity, id);
}
