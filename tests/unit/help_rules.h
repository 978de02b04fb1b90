/*
 * A small company for tests of the model: the schema of tests/fixtures/rules, which has every rule once,
 * and an organisation.
 *
 *	territory	north > t1, t2
 *	ana   devA	rep, primary on t1, which has account A-1 (and assists on A-2's t2)
 *	ben   devB	rep, assist on t1, primary on t2, which has account A-2
 *	cleo  devC	senior rep, assist on t1
 *	max   devM	manager, holds north
 *	sue   devS	steward, a desk
 */
#ifndef REPSYNC_TESTS_UNIT_HELP_RULES_H
#define REPSYNC_TESTS_UNIT_HELP_RULES_H

#include "help.h"

#include "core/model/admit.h"
#include "core/model/fold.h"

#define ANA "devaaaaa"
#define BEN "devbbbbb"
#define CLEO "devccccc"
#define MAX "devmmmmm"
#define SUE "devsssss"
#define HUB "hub00000"

/* Parses JSON that people write; single quotes stand for double ones. */
struct rep_json *quoted_json(const char *text);
/* A record with these fields, as if inserted by `rep` at minute 0. */
struct rep_record *record_of(const struct rep_schema *schema, const char *entity, const char *id,
			     const char *partition, const char *fields);

/* The stamp of minute `minute` of 2026-03-16T01:00Z on a device; static storage, eight in turn. */
const char *at(unsigned minute, const char *device);

struct company {
	struct rep_schema *schema;
	struct rep_org *org;
	struct rep_fold_context context;
};
struct company *company_of(const char *schema_dir);
struct company *company_new(void); /* as above */
void company_add(struct company *company, const char *entity, const char *id, const char *fields);
void company_finish(struct company *company);
void company_free(struct company *company);
/* A device of a rep in a role, and the rep. */
void company_person(struct company *company, const char *rep, const char *device, const char *role,
		    bool desk);
/* Gives a subject (a rep or an account) to a territory; kind "primary" or "assist". */
void company_assign(struct company *company, const char *entity, const char *subject,
		    const char *territory, const char *kind, const char *from, const char *until);

/* An edit whose parts it owns. `line` as quoted_json(). */
struct rep_edit *edit_new(enum rep_op op, const char *entity, const char *id, const char *stamp,
			  const char *line);
void edit_free(struct rep_edit *edit);

#endif
