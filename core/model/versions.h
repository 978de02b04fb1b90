/*
 * The versions of a schema, one after the other, and how what was said under one reads under a later one.
 *
 * Each version names under `mappings` how fields, values of enums and types of the version before read under it
 * (docs/schema.md). A change is read forward, step by step, from the version it was made under; a record is carried forward
 * likewise. Names and values only: stamps, authors and ids stay what they are, so that nothing becomes newer by being read.
 *
 * A change is judged by the version in force at its (effective) stamp: the last one whose beginning does not lie after it.
 *
 * Schemas are loaded when they are first asked for, because what is older than the version in force is rarely needed. Belongs
 * to one thread. Everything handed out is borrowed from it unless it says otherwise.
 */
#ifndef REPSYNC_CORE_MODEL_VERSIONS_H
#define REPSYNC_CORE_MODEL_VERSIONS_H

#include "core/model/fold.h"

struct rep_versions;

struct rep_versions_source {
	/* Loads the schema of this number; REP_ENOTFOUND where its files are not at hand. */
	enum rep_code (*load)(void *user, int number, struct rep_schema **out,
			      struct rep_error *err);
	/*
	 * The value that the SQL of a `derive` gives for `field`, from the fields `old` of `entity`; null where it gives none that
	 * the field takes. A new reference. A function of its arguments alone.
	 */
	enum rep_code (*derive)(void *user, const char *sql, const struct rep_entity *entity,
				const struct rep_json *old, const struct rep_field *field,
				struct rep_json **out, struct rep_error *err);
	void *user;
};

REP_CHECK enum rep_code rep_versions_new(struct rep_versions **out,
					 const struct rep_versions_source *source,
					 struct rep_error *err);
void rep_versions_free(struct rep_versions *versions);
/* Versions come in the order of their numbers; `since` NULL or "" = in force from the beginning. */
REP_CHECK enum rep_code rep_versions_add(struct rep_versions *versions, int number,
					 const char *since, struct rep_error *err);
/* Hands over a schema that was loaded already; its number must have been added. */
void rep_versions_take(struct rep_versions *versions, struct rep_schema *schema);
/* Takes a loaded schema back, which the caller then owns; NULL where it was not loaded. */
struct rep_schema *rep_versions_give(struct rep_versions *versions, int number);

int rep_versions_first(const struct rep_versions *versions);
int rep_versions_newest(const struct rep_versions *versions);
/* The number of the version in force at this stamp or time. */
int rep_versions_at(const struct rep_versions *versions, const char *stamp);
/* When it came into force; "" = from the beginning, NULL = not known here. */
const char *rep_versions_since(const struct rep_versions *versions, int number);
bool rep_versions_has(const struct rep_versions *versions, int number);
REP_CHECK enum rep_code rep_versions_schema(struct rep_versions *versions, int number,
					    const struct rep_schema **out, struct rep_error *err);
/* The number in an id such as "pharma/7" where it is a version of the schema `name`; else 0. */
int rep_version_of_id(const char *id, const char *name);

/* ---- reading forward (version_line.c) ---- */

/*
 * A value line made under `from`, as it reads under the later version `to`. *out NULL = as it stands; else a new reference.
 * *unknown: names of `values` that the version `from` does not know, left out of *out: a new array, or NULL for none.
 */
REP_CHECK enum rep_code rep_version_line(struct rep_versions *versions, const char *entity,
					 enum rep_op op, const struct rep_json *line, int from,
					 int to, struct rep_json **out, struct rep_json **unknown,
					 struct rep_error *err);
/* A verdict whose fields bear their names of `from`, with those of `to`. A new reference; NULL = no verdict. */
REP_CHECK enum rep_code rep_version_verdict(struct rep_versions *versions, const char *entity,
					    const struct rep_json *verdict, int from, int to,
					    struct rep_json **out, struct rep_error *err);
/* The name that a field of `from` has in `to`, earlier or later; NULL = it has none there. Borrowed. */
REP_CHECK enum rep_code rep_version_name(struct rep_versions *versions, const char *entity,
					 const char *name, int from, int to, const char **out,
					 struct rep_error *err);
/*
 * Did the change with this outcome never come into force for the field (rep_outcome_refuses)? `field` bears its name of version
 * `number`. The fields of the outcome bear those of the version that judged it: the one it names, else `made`; 0 = `number`.
 */
REP_CHECK enum rep_code rep_version_refuses(struct rep_versions *versions, const char *entity,
					    const struct rep_json *outcome, int made,
					    const char *field, int number, bool *out,
					    struct rep_error *err);

/* ---- carrying records (version_record.c) ---- */

/* Turns record and review items, in place, from the shape of version `from` into that of the later version `to`. */
REP_CHECK enum rep_code rep_version_migrate(struct rep_versions *versions, const char *entity,
					    struct rep_folded *folded, int from, int to,
					    struct rep_error *err);
/*
 * A record in the shape of an earlier version, as far as it can be told: to judge an edit of that time by. What that version had
 * and the later one dropped is not there. *out is the caller's.
 */
REP_CHECK enum rep_code rep_version_project(struct rep_versions *versions,
					    const struct rep_record *record, int from, int to,
					    struct rep_record **out, struct rep_error *err);

#endif
