/* What org.c builds and org_scope.c asks: private to the two. All strings are owned by the org. */
#ifndef REPSYNC_CORE_MODEL_ORG_ROWS_H
#define REPSYNC_CORE_MODEL_ORG_ROWS_H

#include "core/model/org.h"

/* [from, to), either end may be NULL for open. */
struct rep_org_span {
	const char *from;
	const char *to;
};

struct rep_org_role_row {
	const char *rep;
	const char *name;
	const struct rep_role *role; /* as the schema has it; NULL in `given` where it has none */
	struct rep_org_span span;
};

struct rep_org_territory_row {
	const char *id;
	const char *parent; /* or NULL */
};

struct rep_org_assign {
	const char *entity;
	const char *subject;
	const char *territory;
	const char *line; /* NULL = every line */
	bool primary;
	bool is_rep;     /* the subject is a rep: it gives the territory a holder */
	bool is_account; /* the subject is a partition of its own */
	struct rep_org_span span;
};

struct rep_org {
	const struct rep_schema *schema;
	char **strings;
	size_t strings_len;
	struct rep_org_device *devices; /* by id */
	size_t devices_len;
	const char **reps; /* sorted */
	size_t reps_len;
	struct rep_org_role_row
		*given; /* every role that was given, whether the schema has it or not */
	size_t given_len;
	struct rep_org_role_row *roles; /* those it has, by rep, then the higher rank first */
	size_t roles_len;
	struct rep_org_territory_row *territories; /* by id */
	size_t territories_len;
	struct rep_org_territory_row *children; /* the same by parent */
	struct rep_org_assign *assigns;         /* by subject */
	size_t assigns_len;
	struct rep_org_assign **by_territory; /* the same by territory */
	bool borrowed;                        /* all but schema and roles is another's */
};

struct rep_org_range {
	size_t from, until;
};

/* Does the span hold the time (a datetime or a stamp)? */
bool rep_org_covers(const struct rep_org_span *span, const char *time);
struct rep_org_range rep_org_assigns_of(const struct rep_org *org, const char *subject);
struct rep_org_range rep_org_assigns_in(const struct rep_org *org, const char *territory);
struct rep_org_range rep_org_children_of(const struct rep_org *org, const char *territory);
struct rep_org_range rep_org_roles_of(const struct rep_org *org, const char *rep);
/* The territory's parent, or NULL. */
const char *rep_org_parent(const struct rep_org *org, const char *territory);
/* Does the rep hold a territory above this one (not itself)? */
bool rep_org_holds_above(const struct rep_org *org, const char *rep, const char *territory,
			 const char *time);

/* Is the partition within the scope of this role of the rep's? org_scope.c */
bool rep_org_role_reaches(const struct rep_org *org, const char *rep, const struct rep_role *role,
			  const char *partition, const char *time);

#endif
