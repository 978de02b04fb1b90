/*
 * The simulator: a company, its hub and two to five reps in one process, on the real code of core and sync over folder
 * mailboxes, with everything that chance or time decides taken from one seed.
 *
 * A seed first plays a random history (edits of few records, syncs, merges, killed steps, wrong clocks), then a shuffle: what
 * is left is delivered, and three more times to the hub as it was before, in other orders. What must hold is asked along
 * the way and at the end; the fold itself is judged by tests/oracle, which shares no code with this.
 *
 * Replicas and hub stay open from step to step, as in a program that embeds the engine; before a step that is made by a
 * child and killed, the one that makes it is closed, as after a command.
 */
#ifndef REPSYNC_TESTS_SIM_H
#define REPSYNC_TESTS_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/store/replica.h"
#include "sync/git/git.h"
#include "sync/hub/hub.h"

#define SIM_PEOPLE 5u
#define SIM_LAPTOPS 7u  /* of whom two have two; a seed lets 2 to 5 of them act */
#define SIM_ACCOUNTS 3u /* accounts a1, a2, a3 */
#define SIM_NOWHERE 6u  /* people whom edits name and an import may bring: nowhere0 ... */
#define SIM_VERSIONS 3u /* of a schema, in a history at most */
#define SIM_STEPS_MAX 999u

/* ---- chance.c: one stream a subsystem, so that one more draw here changes nothing there ---- */

enum sim_stream { SIM_STEPS, SIM_EDITS, SIM_FAULTS, SIM_ENGINE, SIM_STREAMS };
void sim_chance_init(
	void); /* before libsodium is used: the engine's randomness comes from SIM_ENGINE */
void sim_chance_seed(uint64_t seed);
/* The engine's stream begins anew with each step: what a killed step drew moves nothing. */
void sim_chance_engine(uint64_t step);
/*
 * For shrinking: between sim_chance_keep and sim_chance_again a child plays the whole history; after that each step begins with
 * the chance with which it began there, whichever steps are left out. False when the whole history never came to it.
 */
void sim_chance_keep(void);
void sim_chance_again(void);
bool sim_chance_step(unsigned step); /* at the begin of a step; 0 = the end of the history */
uint64_t sim_draw(enum sim_stream stream);
unsigned sim_below(enum sim_stream stream, unsigned n);     /* 0 .. n-1; n > 0 */
bool sim_percent(enum sim_stream stream, unsigned percent); /* true that often */
void sim_shuffle(enum sim_stream stream, unsigned *items, unsigned n);

/* ---- clock.c: SQLite's clock, which stamps edits, is the acting machine's ---- */

void sim_clock_init(void); /* before a database is opened */
extern int64_t sim_clock_ms;

/* ---- kill.c: the process dies at its n-th write, sync or rename ---- */

void sim_kill_after(unsigned calls); /* 0 = never */

/* ---- child.c: the network between devices and their mailboxes ---- */

enum sim_net {
	SIM_NET_FINE,
	SIM_NET_DOWN,  /* nothing gets through */
	SIM_NET_CUT,   /* a transfer is done, but nobody is told; then nothing gets through */
	SIM_NET_TWICE, /* a transfer is made twice */
};
/* From the transfer after the next `after` on. */
void sim_net_fail(enum sim_net how, unsigned after);

/* ---- world.c ---- */

/* What the simulator has to know of a schema; the rest it takes from the schema itself. */
struct sim_cast {
	const char *schema_dir; /* below the source tree */
	const char *account;    /* the entity of the accounts */
	const char *person;     /* an entity that belongs to one, and its reference to it */
	const char *person_account;
	const char *roles[SIM_PEOPLE];
};

struct sim_edit {
	char device[REP_DEVICE_LEN + 1];
	unsigned step;
	bool sent;        /* by a sync that said so */
	unsigned copy;    /* of the replica that made it: 0, 1, or one of those below */
	int64_t expected; /* changes with this step's reason; -1 = killed: none or one */
};

#define SIM_BOTH 2u /* made before there were two */
#define SIM_GONE 3u /* by one that will not be seen again */
/* A laptop. */
struct sim_rep {
	const char *name; /* "e1", and "e1b" the second one of e1 */
	const char *rep;
	char dir[512]; /* of the replica */
	char device[REP_DEVICE_LEN + 1];
	struct rep_replica *replica; /* NULL while closed */
	bool acts;
	bool revoked; /* by the hub: what it has not sent is not merged any more */
	/* A copy of the replica lies beside it: a backup, or the clone on another computer. */
	bool has_copy;
	unsigned copy;     /* which of the two is at work */
	unsigned replaced; /* how often the laptop was enrolled anew */
	int64_t skew_ms;
	struct sim_edit *edits;
	unsigned edits_len;
	int64_t refused; /* edits that the laptop itself refused */
};

struct sim_world {
	const struct sim_cast *cast;
	char dir[256];
	char hub[512];
	struct rep_hub *open_hub; /* NULL while closed */
	uint64_t seed;
	int64_t now_ms; /* true time; the hub's clock */
	struct sim_rep reps[SIM_LAPTOPS];
	bool restore;      /* a hub from a backup is looked at in the end */
	unsigned versions; /* of the schema, published */
	unsigned step;
	unsigned steps; /* of the history; 0 = as the seed says */
	unsigned syncs, merges, kills, lost_pushes, late, replaced;
	bool trace;
	const bool *only; /* of the steps these are played; NULL = all */
};

extern const struct sim_cast sim_casts[];
extern const unsigned sim_casts_len;

/* Makes the company of `cast` in `dir`/world, everybody enrolled and synced, and keeps it as `dir`/template<cast>. */
void sim_template(const char *dir, unsigned cast);
/* The folder of a later version of the cast's schema: 2 or SIM_VERSIONS. */
void sim_version_path(const char *dir, unsigned cast, unsigned version, char out[512]);
/* A fresh copy of the template as `dir`/world: always there, because mailboxes are known by their path. */
void sim_world_begin(struct sim_world *world, const char *dir, unsigned cast, uint64_t seed);
void sim_world_end(struct sim_world *world);
/* Open from now on, until closed. */
struct rep_replica *sim_replica(struct sim_rep *rep);
struct rep_hub *sim_hub(struct sim_world *world);
void sim_close(struct sim_rep *rep);
void sim_close_hub(struct sim_world *world);

/* The value line of a record that the hub makes: every required field but references; and one value more. */
struct rep_json *sim_insert_line(const struct rep_entity *entity, unsigned n);
void sim_line_value(struct rep_json *line, const char *field, const char *value);

/* Invites the laptop's rep, and makes the laptop's replica by the invitation. */
void sim_enroll(struct sim_world *world, unsigned laptop);

/* Sets the clock of the acting machine. */
int64_t sim_act_as(const struct sim_world *world, const struct sim_rep *rep); /* NULL = the hub */

/* ---- tell.c: a fault found says what and ends the process ---- */

void sim_fail(const char *fmt, ...) REP_PRINTF(1, 2) __attribute__((noreturn));
void sim_ok(enum rep_code rc, const struct rep_error *err, const char *what);
void sim_trace(const struct sim_world *world, const char *fmt, ...) REP_PRINTF(2, 3);

/* Runs a program and fails the seed unless it exits 0. */
void sim_run(const char *const *argv);
/*
 * Copies the folder `from` to `to`, in the place of what is there. Databases may be open, if nothing is being written: the copy of
 * a database with its log is one that a crash left behind.
 */
void sim_copy(const char *from, const char *to);

/* ---- choose.c, values.c, edit.c ---- */

/* A value for the field, or NULL when none comes to mind. `current` may be NULL. Texts bear the number of the step. */
struct rep_json *sim_value(struct rep_replica *replica, const struct rep_field *field,
			   const struct rep_json *current, unsigned step);
/* What `+=` and `-=` take: an array of one element, an object of one key, an entry of a list. */
struct rep_json *sim_element(struct rep_replica *replica, const struct rep_field *field,
			     unsigned step);
/* The id of a row of the entity, or false. `out` needs REP_ID_LEN_MAX + 1 bytes. */
bool sim_any_row(struct rep_db *db, const struct rep_entity *entity, char *out);

/* Any but the engine's; with a cast, half of the time its persons. */
const struct rep_entity *sim_any_entity(const struct rep_schema *schema,
					const struct sim_cast *cast);

bool sim_any_revoked(const struct sim_world *world);
/* One of the laptops that act. */
struct sim_rep *sim_choose_rep(struct sim_world *world);

/* The record of an edit (`id` empty: none there), and a field of it. */
void sim_choose_record(const struct sim_world *world, struct rep_replica *replica,
		       const struct rep_entity **entity, char *id);
const struct rep_field *sim_choose_field(const struct sim_world *world, struct rep_replica *replica,
					 const struct rep_entity *entity);
/* Do the terms name the replica's rep now, whatever account it is? */
bool sim_may(struct rep_replica *replica, const struct rep_entity *entity,
	     const struct rep_terms *terms);

/* One random edit on the rep's open replica. Returns how many changes it recorded. */
int64_t sim_edit(struct sim_world *world, struct sim_rep *rep, struct rep_replica *replica);
/* What several write at once: a record and a field of it, chosen on one of their replicas. */
struct sim_spot {
	const struct rep_entity *entity;
	char id[REP_ID_LEN_MAX + 1]; /* empty: none there */
	const char *field;
};
void sim_choose_spot(const struct sim_world *world, struct rep_replica *replica,
		     struct sim_spot *out);
int64_t sim_edit_spot(struct sim_world *world, struct sim_rep *rep, struct rep_replica *replica,
		      const struct sim_spot *spot);

/* ---- check.c: what must hold while the history runs ---- */

/*
 * After a sync: what unacknowledged edits wrote last is still on the screen, unless a rule says that another wins. Asked of
 * fields under `latest` alone; the oracle judges the others.
 */
void sim_check_visible(struct sim_world *world, const struct sim_rep *rep,
		       struct rep_replica *replica);
/* What the view rejected is not on the screen any more, and its outcome is kept. */
void sim_check_refused(struct sim_world *world, const struct sim_rep *rep,
		       struct rep_replica *replica);
/* Every change that the hub refused is told to its author's replica. */
void sim_check_outcomes(struct sim_rep *rep, struct rep_hub *hub);
/* The hub's journal of the device is the device's own, number by number. */
void sim_check_journal(struct sim_rep *rep, struct rep_hub *hub);

/* ---- delay.c: the branches of mailboxes ---- */

#define SIM_PATH_SIZE 1600u
void sim_mailbox_path(char out[SIM_PATH_SIZE], const char *hub, const struct sim_rep *rep);
void sim_outbox(const struct sim_world *world, const struct sim_rep *rep, struct rep_oid *out);
void sim_outbox_set(const struct sim_world *world, const struct sim_rep *rep,
		    const struct rep_oid *from, const struct rep_oid *to);
#define SIM_PIECES_MAX 1024u
struct sim_pieces {
	struct rep_oid
		tips[SIM_PIECES_MAX]; /* the newest first; the last is what was there before */
	unsigned len;
};
/* The commits of a branch from `after` back to `before`. */
void sim_pieces(const struct sim_world *world, const struct sim_rep *rep,
		const struct rep_oid *before, const struct rep_oid *after, struct sim_pieces *out);

struct sim_tips {
	struct rep_oid outbox[SIM_LAPTOPS];
};
/* The hub sees some outboxes as they were at some moment since it read them last, until they are delivered. */
void sim_delay_outboxes(struct sim_world *world, struct sim_tips *real);
void sim_deliver_outboxes(struct sim_world *world, const struct sim_tips *real);
/* Likewise a device its inbox. False when there is nothing to be late. */
bool sim_delay_inbox(struct sim_world *world, struct sim_rep *rep, struct rep_oid *real,
		     struct rep_oid *shown);
void sim_deliver_inbox(struct sim_world *world, struct sim_rep *rep, const struct rep_oid *shown,
		       const struct rep_oid *real);

/* ---- shuffle.c: deliveries in another order ---- */

/*
 * Puts the hub back to the copy at `saved`, and delivers to it what the mailboxes of the hub at play hold between `before` and
 * `after`, in an order and in pieces by chance.
 */
void sim_shuffled(struct sim_world *world, const char *saved, const struct sim_tips *before,
		  const struct sim_tips *after);

/* ---- company.c ---- */

/* Something that the company does at the hub. */
void sim_company(struct sim_world *world);

/* ---- copies.c: backups and clones ---- */

/*
 * The first time a copy of the replica is put beside it; then the two change places, or what is at work is given up for the copy as it
 * was made. So one that is restored and one that was cloned are at work, and sync when the hub has heard the other.
 */
void sim_copy_step(struct sim_world *world, struct sim_rep *rep);
/* A sync was refused because the other of the two had sent: the laptop is enrolled anew, and what this one had not sent stays in it. */
void sim_replace(struct sim_world *world, struct sim_rep *rep);
void sim_mark_sent(struct sim_rep *rep);
/* Was an edit made that may never come? */
bool sim_may_be_lost(const struct sim_rep *rep, const struct sim_edit *edit);

/* ---- step.c, final.c ---- */

void sim_history(struct sim_world *world);
void sim_sync(struct sim_world *world, struct sim_rep *rep);
void sim_merge(struct sim_world *world);
/* The shuffle and everything that must hold at the end; dumps to `dump`.* when not NULL. */
void sim_final(struct sim_world *world, const char *dump);
/* Fails the seed where the records of the two hubs are not the same. */
void sim_same_trees(const struct sim_world *want, const struct sim_world *have, const char *what);

/* ---- restored.c: where world->restore ---- */

/* After each step of `steps`: takes the backup if it is its time. */
void sim_backup(struct sim_world *world, unsigned steps);
void sim_restored_kept(struct sim_world *world);

#endif
