/*
 * May a change set be taken? By its number, its chain, its maker and its schema; what its changes may do is admission's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/erased.h"
#include "sync/run/run_judge.h"

bool rep_set_holds_org(const struct rep_reading *reading, const struct rep_changeset *set)
{
	for (size_t i = 0; i < set->changes_len; i++) {
		const struct rep_entity *entity =
			rep_schema_entity(reading->run->hub->schema, set->changes[i].entity);

		if (entity && entity->builtin != REP_BUILTIN_NONE &&
		    entity->builtin != REP_BUILTIN_REVIEW)
			return true;
	}
	return false;
}

static bool knows_entities(const struct rep_schema *schema, const struct rep_changeset *set)
{
	for (size_t i = 0; i < set->changes_len; i++)
		if (!rep_schema_entity(schema, set->changes[i].entity))
			return false;
	return true;
}

/* The schema that the set was made under; *out NULL where it is none that is in force here. */
static enum rep_code schema_of(const struct rep_reading *reading, const struct rep_changeset *set,
			       const struct rep_schema **out, struct rep_error *err)
{
	const struct rep_hub *hub = reading->run->hub;
	int number = rep_version_of_id(set->schema, hub->schema->name);

	*out = NULL;
	return rep_versions_has(hub->versions, number)
		       ? rep_versions_schema(hub->versions, number, out, err)
		       : REP_OK;
}

const struct rep_change *rep_set_release(const struct rep_reading *reading,
					 const struct rep_changeset *set)
{
	for (size_t i = 0; i < set->changes_len; i++) {
		const struct rep_entity *entity =
			rep_schema_entity(reading->run->hub->schema, set->changes[i].entity);

		if (entity && entity->builtin == REP_BUILTIN_RELEASE)
			return &set->changes[i];
	}
	return NULL;
}

/* Its files come another way than the change: where they are lost, it waits until they are published again. */
static enum rep_code find_files(struct rep_reading *reading, const struct rep_changeset *set,
				struct rep_error *err)
{
	const struct rep_change *release = rep_set_release(reading, set);
	const struct rep_json *values = release ? rep_json_get(release->line, "values") : NULL;
	const char *hash = rep_json_get_string(rep_json_get(values, "hash"), "new");
	struct rep_oid tree;
	bool there = true;
	enum rep_code rc = REP_OK;

	if (!release || !hash || *reading->problem)
		return REP_OK;
	rc = rep_release_files(reading->run->hub, release->id, hash, &tree, err);
	there = rc == REP_OK && !rep_oid_is_zero(&tree);
	if (rc == REP_OK && !there) {
		snprintf(reading->problem, sizeof reading->problem,
			 "the files of version %s of the schema are missing: publish them again",
			 release->id);
		reading->waits = true;
	}
	return rc;
}

/*
 * The first change whose value line is withheld though no erasure lists it and its record was not erased, or the number of changes. The
 * hub's own mailbox tells of an erasure behind what it erased.
 */
static enum rep_code first_withheld(const struct rep_reading *reading,
				    const struct rep_changeset *set, size_t *out,
				    struct rep_error *err)
{
	struct rep_db *db = reading->run->hub->db;
	bool erased = true;
	enum rep_code rc = REP_OK;

	*out = set->changes_len;
	if (strcmp(reading->device, REP_HUB_DEVICE) == 0)
		return REP_OK;
	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		const struct rep_change *change = &set->changes[i];
		const struct rep_erased_line line = {.device = set->device,
						     .seq = set->seq,
						     .index = (unsigned)i,
						     .digest = change->digest};

		if (change->line)
			continue;
		rc = rep_erased_may(db, &line, change->entity, change->id, &erased, err);
		if (rc == REP_OK && !erased) {
			*out = i;
			break;
		}
	}
	return rc;
}

/* Cases 2, 4, 6, 7 and 8: sets reading->problem. `schema`: that it was made under, NULL for case 7. */
static void judge_new(struct rep_reading *reading, const struct rep_changeset *set,
		      const struct rep_schema *schema, size_t withheld)
{
	char *problem = reading->problem;
	size_t size = sizeof reading->problem;

	if (strcmp(set->device, reading->device) != 0 || strcmp(set->rep, reading->rep) != 0)
		snprintf(problem, size, "[foreign] change set %lld is of device %s and rep %s",
			 (long long)set->seq, set->device, set->rep);
	else if (set->seq != reading->head.seq + 1)
		snprintf(problem, size, "[gap] change set %lld does not follow %lld",
			 (long long)set->seq, (long long)reading->head.seq);
	else if (strcmp(set->prev, reading->head.hash) != 0)
		snprintf(problem, size, "[fork] change set %lld continues another chain",
			 (long long)set->seq);
	else if (!schema) {
		snprintf(
			problem, size,
			"[schema] change set %lld was made under schema %s, which is not in force here",
			(long long)set->seq, set->schema);
		reading->waits = true;
	} else if (!knows_entities(schema, set))
		snprintf(problem, size, "[schema] change set %lld holds an unknown entity",
			 (long long)set->seq);
	else if (withheld < set->changes_len)
		snprintf(problem, size, "[erased] change set %lld lacks the values of change %zu",
			 (long long)set->seq, withheld);
}

enum rep_code rep_judge_old(struct rep_reading *reading, const struct rep_changeset *set,
			    struct rep_error *err)
{
	char hash[REP_HASH_HEX + 1];
	enum rep_code rc = REP_OK;

	if (set->seq > reading->merged_seq)
		memcpy(hash, reading->hashes[set->seq - reading->merged_seq - 1], sizeof hash);
	else
		rc = rep_changes_set_hash(reading->run->hub->db, reading->device, set->seq, hash,
					  err);
	if (rc == REP_OK && strcmp(hash, set->hash) != 0)
		snprintf(reading->problem, sizeof reading->problem,
			 "[fork] change set %lld is another than the one merged: the chain forked",
			 (long long)set->seq);
	return rc;
}

enum rep_code rep_judge_set(struct rep_reading *reading, const struct rep_changeset *set,
			    struct rep_error *err)
{
	const struct rep_schema *schema = NULL;
	size_t withheld = 0;
	enum rep_code rc = schema_of(reading, set, &schema, err);

	if (rc == REP_OK)
		rc = first_withheld(reading, set, &withheld, err);
	if (rc != REP_OK)
		return rc;
	judge_new(reading, set, schema, withheld);
	return find_files(reading, set, err);
}
