/*
 * The branches of mailboxes, as whoever carries deliveries may show them: what a device sent may reach the hub later than what others
 * sent after it, and views a device later than the hub made them. Nothing arrives before what went the same way earlier: a branch
 * that went back would be a rollback, which is refused and tested elsewhere.
 */
#include "core/store/tables.h"
#include "sim/sim.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/mailbox.h"

void sim_mailbox_path(char out[SIM_PATH_SIZE], const char *hub, const struct sim_rep *rep)
{
	snprintf(out, SIM_PATH_SIZE, "%s/mailboxes/%s.git", hub, rep->device);
}

static struct rep_git *open_mailbox(const struct sim_world *world, const struct sim_rep *rep)
{
	char path[SIM_PATH_SIZE];
	struct rep_git *git;
	struct rep_error err;

	sim_mailbox_path(path, world->hub, rep);
	sim_ok(rep_git_open(&git, path, &err), &err, "open a mailbox");
	return git;
}

static void get_ref(const struct sim_world *world, const struct sim_rep *rep, const char *ref,
		    struct rep_oid *out)
{
	struct rep_git *git = open_mailbox(world, rep);
	struct rep_error err;

	sim_ok(rep_git_ref(git, ref, out, &err), &err, ref);
	rep_git_close(git);
}

static void set_ref(const struct sim_world *world, const struct sim_rep *rep, const char *ref,
		    const struct rep_oid *from, const struct rep_oid *to)
{
	struct rep_git *git = open_mailbox(world, rep);
	struct rep_error err;

	/* Whoever was killed there may have left a lock. */
	sim_ok(rep_git_janitor(rep_git_path(git), &err), &err, "tidy a mailbox");
	sim_ok(rep_git_cas(git, ref, from, to, &err), &err, ref);
	rep_git_close(git);
}

void sim_outbox(const struct sim_world *world, const struct sim_rep *rep, struct rep_oid *out)
{
	get_ref(world, rep, REP_OUTBOX, out);
}

void sim_outbox_set(const struct sim_world *world, const struct sim_rep *rep,
		    const struct rep_oid *from, const struct rep_oid *to)
{
	set_ref(world, rep, REP_OUTBOX, from, to);
}

/* ---- pieces ---- */

void sim_pieces(const struct sim_world *world, const struct sim_rep *rep,
		const struct rep_oid *before, const struct rep_oid *after, struct sim_pieces *out)
{
	struct rep_git *git = open_mailbox(world, rep);
	struct rep_oid at = *after, tree, parent;
	struct rep_error err;
	int64_t time_s;

	out->len = 0;
	out->tips[out->len++] = at;
	while (!rep_oid_equal(&at, before) && !rep_oid_is_zero(&at)) {
		sim_ok(rep_git_commit_read(git, &at, &tree, &parent, &time_s, &err), &err,
		       "a mailbox");
		if (out->len == SIM_PIECES_MAX)
			sim_fail("more than %u pieces in a mailbox", SIM_PIECES_MAX);
		at = parent;
		out->tips[out->len++] = at;
	}
	rep_git_close(git);
}

/* ---- what is on its way ---- */

/* A commit between the two, `from` and `to` among them; false where it is `to`, or `from` lies on another way. */
static bool choose_between(const struct sim_world *world, const struct sim_rep *rep,
			   const struct rep_oid *from, const struct rep_oid *to,
			   struct rep_oid *out)
{
	static struct sim_pieces pieces;

	if (rep_oid_equal(from, to))
		return false;
	sim_pieces(world, rep, from, to, &pieces);
	if (!rep_oid_equal(&pieces.tips[pieces.len - 1], from))
		return false;
	*out = pieces.tips[sim_below(SIM_FAULTS, pieces.len)];
	return !rep_oid_is_zero(out) && !rep_oid_equal(out, to);
}

/* The commit of the device's outbox that the hub read last. */
static void hub_knows(struct sim_world *world, const struct sim_rep *rep, struct rep_oid *out)
{
	struct rep_stmt *stmt;
	struct rep_error err;
	bool row = false;

	*out = rep_oid_zero;
	sim_ok(rep_db_use(rep_hub_db(sim_hub(world)), &stmt,
			  "SELECT tip FROM _mailbox WHERE device = ?1", &err),
	       &err, "what the hub read");
	rep_bind_text(stmt, 1, rep->device);
	sim_ok(rep_step(stmt, &row, &err), &err, "what the hub read");
	if (row)
		(void)rep_oid_parse(out, rep_column_text(stmt, 0, NULL));
	rep_stmt_reset(stmt);
}

void sim_delay_outboxes(struct sim_world *world, struct sim_tips *real)
{
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		struct sim_rep *rep = &world->reps[i];
		struct rep_oid known, shown;

		sim_outbox(world, rep, &real->outbox[i]);
		hub_knows(world, rep, &known);
		if (rep->acts && sim_below(SIM_FAULTS, 3) &&
		    choose_between(world, rep, &known, &real->outbox[i], &shown))
			sim_outbox_set(world, rep, &real->outbox[i], &shown);
	}
}

void sim_deliver_outboxes(struct sim_world *world, const struct sim_tips *real)
{
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		struct rep_oid shown;

		sim_outbox(world, &world->reps[i], &shown);
		if (!rep_oid_equal(&shown, &real->outbox[i]))
			sim_outbox_set(world, &world->reps[i], &shown, &real->outbox[i]);
	}
}

bool sim_delay_inbox(struct sim_world *world, struct sim_rep *rep, struct rep_oid *real,
		     struct rep_oid *shown)
{
	struct rep_oid taken = rep_oid_zero;
	struct rep_error err;

	get_ref(world, rep, REP_INBOX, real);
	sim_ok(rep_device_tip(sim_replica(rep)->db, REP_META_APPLIED_TIP, &taken, &err), &err,
	       rep->name);
	if (!choose_between(world, rep, &taken, real, shown))
		return false;
	set_ref(world, rep, REP_INBOX, real, shown);
	return true;
}

void sim_deliver_inbox(struct sim_world *world, struct sim_rep *rep, const struct rep_oid *shown,
		       const struct rep_oid *real)
{
	set_ref(world, rep, REP_INBOX, shown, real);
}
