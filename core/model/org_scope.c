/* Who reaches what: territories held, scopes, primary, rights, views. Everything at a given time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/org.h"
#include "core/model/org_rows.h"

bool rep_org_holds_territory(const struct rep_org *org, const char *rep, const char *territory,
			     const char *time)
{
	struct rep_org_range at = rep_org_assigns_of(org, rep);

	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_assign *row = &org->assigns[i];
		if (row->is_rep && strcmp(row->territory, territory) == 0 &&
		    rep_org_covers(&row->span, time))
			return true;
	}
	return false;
}

/* Held, or beneath one that is held where the role's scope goes down. */
static bool reaches(const struct rep_org *org, const char *rep, const struct rep_role *role,
		    const char *territory, const char *time)
{
	if (rep_org_holds_territory(org, rep, territory, time))
		return true;
	return role->scope == REP_SCOPE_BELOW && rep_org_holds_above(org, rep, territory, time);
}

/* Does the role list an entity that lives in staff files? Only such roles read all of them. */
static bool lists_staff(const struct rep_org *org, const struct rep_role *role)
{
	for (size_t i = 0; i < role->entities_len; i++) {
		const struct rep_entity *entity = rep_schema_entity(org->schema, role->entities[i]);
		for (size_t j = 0; entity && j < entity->steps_len; j++) {
			if (entity->steps[j].kind == REP_STEP_STAFF_FIELD)
				return true;
		}
	}
	return false;
}

/* Is the staff file's rep somewhere beneath? Who shares a territory is no superior. */
static bool is_superior(const struct rep_org *org, const char *rep, const char *other,
			const char *time)
{
	struct rep_org_range at = rep_org_assigns_of(org, other);

	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_assign *row = &org->assigns[i];
		if (row->is_rep && rep_org_covers(&row->span, time) &&
		    rep_org_holds_above(org, rep, row->territory, time))
			return true;
	}
	return false;
}

static bool reaches_account(const struct rep_org *org, const char *rep, const struct rep_role *role,
			    const char *partition, const char *time)
{
	struct rep_org_range at = rep_org_assigns_of(org, partition);

	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_assign *row = &org->assigns[i];
		if (row->is_account && rep_org_covers(&row->span, time) &&
		    reaches(org, rep, role, row->territory, time))
			return true;
	}
	return false;
}

bool rep_org_role_reaches(const struct rep_org *org, const char *rep, const struct rep_role *role,
			  const char *partition, const char *time)
{
	if (strcmp(partition, "company") == 0 || strcmp(partition, REP_PARTITION_ORG) == 0)
		return true;
	if (strncmp(partition, "staff-", 6) == 0) {
		if (strcmp(partition + 6, rep) == 0)
			return true;
		if (role->scope == REP_SCOPE_ALL)
			return lists_staff(org, role);
		return role->scope == REP_SCOPE_BELOW && is_superior(org, rep, partition + 6, time);
	}
	if (role->scope == REP_SCOPE_ALL)
		return true;
	if (strcmp(partition, "desk") == 0)
		return role->desk;
	if (strncmp(partition, "team-", 5) == 0)
		return reaches(org, rep, role, partition + 5, time);
	return reaches_account(org, rep, role, partition, time);
}

bool rep_org_in_scope(const struct rep_org *org, const char *rep, const char *partition,
		      const char *time)
{
	struct rep_org_range at = rep_org_roles_of(org, rep);

	if (strcmp(rep, "hub") == 0)
		return true;
	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_role_row *row = &org->roles[i];
		if (rep_org_covers(&row->span, time) &&
		    rep_org_role_reaches(org, rep, row->role, partition, time))
			return true;
	}
	return false;
}

/* ---- primary ---- */

static bool same_line(const char *a, const char *b)
{
	return !a || !b || strcmp(a, b) == 0;
}

static bool holds_primary(const struct rep_org *org, const char *rep, const char *territory,
			  const char *line, const char *time)
{
	struct rep_org_range at = rep_org_assigns_of(org, rep);

	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_assign *row = &org->assigns[i];
		if (row->is_rep && row->primary && strcmp(row->territory, territory) == 0 &&
		    same_line(row->line, line) && rep_org_covers(&row->span, time))
			return true;
	}
	return false;
}

/*
 * Walks the assignments that decide who is primary: the record's own where it has any at that time, else
 * its partition's. Returns how many there were.
 */
struct walk {
	const struct rep_org *org;
	const char *line;
	const char *time;
	bool (*each)(struct walk *walk, const struct rep_org_assign *row); /* true ends the walk */
	const char *rep;                                                   /* asked for, or found */
	bool found;
};

static bool walk_subject(struct walk *walk, const char *entity, const char *subject)
{
	struct rep_org_range at = rep_org_assigns_of(walk->org, subject);
	bool any = false;

	for (size_t i = at.from; i < at.until && !walk->found; i++) {
		const struct rep_org_assign *row = &walk->org->assigns[i];
		bool meant = entity ? strcmp(row->entity, entity) == 0 : row->is_account;
		if (row->is_rep || !meant || !same_line(row->line, walk->line) ||
		    !rep_org_covers(&row->span, walk->time))
			continue;
		any = true;
		if (row->primary && walk->each(walk, row))
			walk->found = true;
	}
	return any;
}

static void walk_primary(struct walk *walk, const char *entity, const char *id,
			 const char *partition)
{
	if (entity && id && walk_subject(walk, entity, id))
		return;
	if (partition)
		(void)walk_subject(walk, NULL, partition);
}

static bool is_held_by(struct walk *walk, const struct rep_org_assign *row)
{
	return holds_primary(walk->org, walk->rep, row->territory, walk->line, walk->time);
}

bool rep_org_is_primary(const struct rep_org *org, const char *rep, const char *entity,
			const char *id, const char *partition, const char *line, const char *time)
{
	struct walk walk = {.org = org, .line = line, .time = time, .each = is_held_by, .rep = rep};

	walk_primary(&walk, entity, id, partition);
	return walk.found;
}

/* Keeps the smallest id of those who hold the territory as primary. */
static bool smallest_holder(struct walk *walk, const struct rep_org_assign *row)
{
	struct rep_org_range at = rep_org_assigns_in(walk->org, row->territory);

	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_assign *holder = walk->org->by_territory[i];
		if (holder->is_rep && holder->primary &&
		    rep_org_covers(&holder->span, walk->time) &&
		    (!walk->rep || strcmp(holder->subject, walk->rep) < 0))
			walk->rep = holder->subject;
	}
	return false;
}

const char *rep_org_primary(const struct rep_org *org, const char *entity, const char *id,
			    const char *partition, const char *time)
{
	struct walk walk = {.org = org, .time = time, .each = smallest_holder};

	walk_primary(&walk, entity, id, partition);
	return walk.rep;
}

/* ---- rights ---- */

static bool is_self(const struct rep_org *org, const struct rep_right *right)
{
	const struct rep_entity *entity =
		right->entity ? rep_schema_entity(org->schema, right->entity) : NULL;

	if (entity && entity->builtin == REP_BUILTIN_REP)
		return right->id && strcmp(right->id, right->rep) == 0;
	return right->partition && strncmp(right->partition, "staff-", 6) == 0 &&
	       strcmp(right->partition + 6, right->rep) == 0;
}

static bool term_holds(const struct rep_org *org, const struct rep_right *right,
		       const struct rep_role *role, const struct rep_term *term)
{
	if (strcmp(term->role, "*") != 0 && strcmp(term->role, role->name) != 0)
		return false;
	switch (term->scope) {
	case REP_TERM_ANY:
		return true;
	case REP_TERM_PRIMARY:
		return rep_org_is_primary(org, right->rep, right->entity, right->id,
					  right->partition, NULL, right->time);
	case REP_TERM_AUTHOR:
		return !right->author || strcmp(right->author, right->rep) == 0;
	case REP_TERM_SELF:
		return is_self(org, right);
	}
	return false;
}

bool rep_org_may(const struct rep_org *org, const struct rep_right *right,
		 const struct rep_terms *terms)
{
	struct rep_org_range at = rep_org_roles_of(org, right->rep);
	const struct rep_org_device *device = rep_org_device(org, right->device);

	if (strcmp(right->rep, "hub") == 0)
		return true;
	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_role_row *row = &org->roles[i];
		if (!rep_org_covers(&row->span, right->time) ||
		    (row->role->desk && (!device || !device->desk)))
			continue;
		if (right->partition && !right->anywhere &&
		    !rep_org_role_reaches(org, right->rep, row->role, right->partition,
					  right->time))
			continue;
		for (size_t j = 0; j < terms->len; j++) {
			if (term_holds(org, right, row->role, &terms->terms[j]))
				return true;
		}
	}
	return false;
}

bool rep_org_reads(const struct rep_org *org, const char *rep, const char *device,
		   const char *visibility, const char *partition, const char *time)
{
	struct rep_right right = {
		.rep = rep,
		.device = device,
		.time = time,
		.partition = partition,
		.author = "", /* of no record in particular: nobody is its author */
	};

	if (strcmp(visibility, "open") == 0)
		return rep_org_in_scope(org, rep, partition, time);
	for (size_t i = 0; i < org->schema->visibility_len; i++) {
		if (strcmp(org->schema->visibility[i].name, visibility) == 0)
			return rep_org_may(org, &right, &org->schema->visibility[i].readers);
	}
	return false;
}
