/* A company for tests: a hub in a scratch folder, its people and accounts, laptops with folder mailboxes. All real. */
#ifndef REPSYNC_TESTS_HELP_WORLD_H
#define REPSYNC_TESTS_HELP_WORLD_H

#include "core/store/replica.h"
#include "help_git.h"
#include "sync/device/device.h"
#include "sync/hub/hub.h"

/* The doctor of the user stories. */
#define CHEN "C-0001"

struct world {
	char dir[600]; /* scratch folder; the hub is in dir/hub, laptops in dir/<name> */
	struct rep_hub *hub;
};
/* Milliseconds now: laptops stamp by the real clock, so the hub's must be real too. */
int64_t world_now(void);
/* Makes hub and people in scratch(state, name): JN-01 held by E0007 (primary) and E0012 (assist), JN-03 by E0015, above all E0003 (manager). */
void world_make(struct world *world, void **state, const char *name);
/* One more, of no territory when it is NULL. */
void world_rep(struct world *world, const char *rep, const char *name, const char *role,
	       const char *territory, bool assist);
/* CHEN, as US-01 and US-03 begin with them. */
void world_chen(struct world *world);
void world_close(struct world *world);
/* Closes and opens the hub again. */
void world_reopen(struct world *world, bool read_only);

/* One change of the hub's own, merged at once; `values` is JSON text {"field":{"new":...}}. */
void world_hub_change(struct world *world, enum rep_op op, const char *entity, const char *id,
		      const char *values, const char *reason);
/* The hub's run; its summary, freed by the caller. */
struct rep_json *world_merge(struct world *world);
void world_merge_quietly(struct world *world);

/* A laptop of `rep`, or a desk, enrolled and synced until its first view is there. */
struct rep_replica *world_laptop(struct world *world, const char *rep, const char *name);
struct rep_replica *world_desk(struct world *world, const char *rep, const char *name);
struct rep_replica *world_open_laptop(struct world *world, const char *name);

/* A company, and the laptops of the two reps who share a territory: E0007's and E0012's. */
struct two {
	struct world world;
	struct rep_replica *wang, *li;
};
void two_laptops(struct two *two); /* of the company that is there */
/* A company that knows CHEN, and the laptops. */
void two_make(struct two *two, void **state, const char *name);
void two_close(struct two *two);

/* Syncs; the summary, freed by the caller. */
struct rep_json *world_sync(struct rep_replica *replica);
void world_sync_quietly(struct rep_replica *replica);
/* The company's root key; and a replica made as one lies there whose invitation says nothing of it. */
void world_root_key(const struct world *world, struct rep_key *out);
void world_forget_root(struct rep_replica *replica);
enum rep_code world_try_sync(struct rep_replica *replica, struct rep_error *err);

/* put and new as the command line does them: "field=value", "field+=value" ..., ended by NULL. */
void world_put(struct rep_replica *replica, const char *reason, const char *entity, const char *id,
	       const char *const *assigns);
enum rep_code world_try_put(struct rep_replica *replica, const char *reason, const char *entity,
			    const char *id, const char *const *assigns, struct rep_error *err);
void world_new(struct rep_replica *replica, const char *reason, const char *entity, const char *id,
	       const char *const *assigns, char *out_id);
#define ASSIGNS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A field of a row as canonical JSON; "null" when absent, "(none)" when there is no row. Static storage, four in turn. */
const char *world_field(struct rep_db *db, const struct rep_schema *schema, const char *entity,
			const char *id, const char *field);
const char *laptop_field(struct rep_replica *replica, const char *entity, const char *id,
			 const char *field);
const char *hub_field(struct world *world, const char *entity, const char *id, const char *field);

/* The id of a tree of central's main, in hexadecimal. Static storage, four in turn. */
const char *world_tree(struct world *world, const char *path);
/* Fails unless verify says that all is well. */
void expect_verified(struct rep_replica *replica);

#endif
