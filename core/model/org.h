/*
 * The organisation as it stood at any time: who has which role, which device is whose, who holds
 * which territory, and who is primary for an account. Judging by the time of an edit, not by the time
 * of its arrival, is what makes a merge independent of who synced first.
 *
 * Built from the records of the engine's entities and of the schema's builtin ones; immutable after
 * rep_org_finish. Pure: no clock, no I/O. Intervals are half-open [from, to), times are compared as
 * the text of datetimes (a stamp's first 24 bytes).
 */
#ifndef REPSYNC_CORE_MODEL_ORG_H
#define REPSYNC_CORE_MODEL_ORG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/key.h"
#include "core/model/record.h"
#include "core/model/schema.h"

struct rep_org;

REP_CHECK enum rep_code rep_org_new(struct rep_org **out, const struct rep_schema *schema,
				    struct rep_error *err);
void rep_org_free(struct rep_org *org);
/* Adds a record of the entities device, role, rep, territory, assignment; others are ignored. */
REP_CHECK enum rep_code rep_org_add(struct rep_org *org, const struct rep_record *record,
				    struct rep_error *err);
REP_CHECK enum rep_code rep_org_finish(struct rep_org *org, struct rep_error *err);
/*
 * The same people and posts with the roles as another version of the schema has them: for edits of its time. Borrows from `org`
 * and must be freed before it; each is freed by rep_org_free.
 */
REP_CHECK enum rep_code rep_org_under(struct rep_org **out, const struct rep_org *org,
				      const struct rep_schema *schema, struct rep_error *err);

struct rep_org_device {
	char id[REP_DEVICE_LEN + 1];
	char *rep;
	uint8_t public[REP_PUBLIC_SIZE];
	bool has_key;
	char *ssh_key; /* "ssh-ed25519 AAAA...", or NULL */
	bool desk;     /* a replica beside the hub */
	char *state;   /* invited, active, revoked, leaving: revoked, and told to erase */
	char *since;   /* of the state */
};
const struct rep_org_device *rep_org_device(const struct rep_org *org, const char *device);
size_t rep_org_devices(const struct rep_org *org,
		       const struct rep_org_device **out); /* sorted by id */
bool rep_org_device_active(const struct rep_org *org, const char *device, const char *time);

bool rep_org_has_rep(const struct rep_org *org, const char *rep);
/* The rep of a device ("hub" for hub00000), or NULL. */
const char *rep_org_rep_of(const struct rep_org *org, const char *device);
/* The rep's role at `time`, or NULL: the first of several by rank. "hub" has none. */
const struct rep_role *rep_org_role(const struct rep_org *org, const char *rep, const char *time);
int rep_org_rank(const struct rep_org *org, const char *rep,
		 const char *time); /* 0 for the hub and the unknown */

/* Does `rep` hold `territory` at `time`, in whatever role (primary or assist)? */
bool rep_org_holds_territory(const struct rep_org *org, const char *rep, const char *territory,
			     const char *time);
/*
 * Is `partition` within the scope of one of the rep's roles at `time`? Everybody employed reaches `company`
 * and the own staff file; `desk` is for desk roles and scope all; others' staff files for those whose
 * territory lies above, and for roles of scope all that list an entity which lives there.
 */
bool rep_org_in_scope(const struct rep_org *org, const char *rep, const char *partition,
		      const char *time);
/*
 * Is `rep` primary for the record at `time`: by the record's own assignment, else by its partition's;
 * for the line, or for any where line is NULL?
 */
bool rep_org_is_primary(const struct rep_org *org, const char *rep, const char *entity,
			const char *id, const char *partition, const char *line, const char *time);

/* The rep who is primary for the record (of several the smallest id), or NULL. Borrowed. */
const char *rep_org_primary(const struct rep_org *org, const char *entity, const char *id,
			    const char *partition, const char *time);

/*
 * The rights of `rep`, working on `device`, over a field's terms at `time`, for a record (whose
 * created_rep is `author`; NULL for a new one, whose author is the rep). rep "hub" holds everything. A role
 * with `desk` gives rights only on a desk device. Of several roles at one time each counts.
 */
struct rep_right {
	const char *rep;
	const char *device;
	const char *time;
	const char *entity;
	const char *id;
	const char *partition;
	const char *author;
	bool anywhere; /* leave the scope out of it: what would the terms say if the account were held? */
};
bool rep_org_may(const struct rep_org *org, const struct rep_right *right,
		 const struct rep_terms *terms);

/*
 * What a view on `device` holds at `time`: what any of the rep's roles reaches. Partitions sorted, unique. `all` = every
 * partition there is (a role of scope all). A role that lists entities carries these only. A desk role counts at a
 * desk. Without a role nothing; whoever has one sees at least the company and the own file.
 */
struct rep_view_scope {
	bool all;
	bool whole; /* all, and everything that lies in it */
	char **partitions; /* company, staff-<rep>, team-<t>..., accounts; of scope all only the first two */
	size_t partitions_len;
	const struct rep_role **roles; /* that count, the higher rank first */
	size_t roles_len;
	const struct rep_org *org; /* borrowed, as are the roles */
	char *rep;
	char time[REP_TIME_LEN + 1];
};
REP_CHECK enum rep_code rep_org_view(const struct rep_org *org, const char *rep, const char *device,
				     const char *time, struct rep_view_scope *out,
				     struct rep_error *err);
void rep_view_scope_clear(struct rep_view_scope *scope);
/* Does one of the roles that reach the partition carry all that lies in it? */
bool rep_view_scope_whole(const struct rep_view_scope *scope, const char *partition);
/* Does one of the roles that reach the partition (NULL = of all roles) carry the entity? */
bool rep_view_scope_carries(const struct rep_view_scope *scope, const char *partition,
			    const char *entity);
/* Is `rep` a reader of class `visibility` in `partition` at `time`? */
bool rep_org_reads(const struct rep_org *org, const char *rep, const char *device,
		   const char *visibility, const char *partition, const char *time);
/* The rep's own territories at `time`, sorted; the caller frees array and strings. First = the default team. */
REP_CHECK enum rep_code rep_org_territories(const struct rep_org *org, const char *rep,
					    const char *time, char ***out, size_t *len,
					    struct rep_error *err);

#endif
