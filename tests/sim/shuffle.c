/*
 * The same deliveries in other orders. What the devices sent is in their mailboxes; each is put back to where it was before the
 * delivery, beside the hub as it was then, and moved on piece by piece, with merges in between or not. No laptop takes part:
 * what a device seals does not depend on what others have sent by then.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "sim/sim.h"
#include "sync/mailbox.h"

#define PIECES_MAX 256u
#define PATH_SIZE 1600u

static void mailbox_path(char out[PATH_SIZE], const char *hub, const struct sim_rep *rep)
{
	snprintf(out, PATH_SIZE, "%s/mailboxes/%s.git", hub, rep->device);
}

static struct rep_git *open_mailbox(const struct sim_world *world, const struct sim_rep *rep)
{
	char path[PATH_SIZE];
	struct rep_git *git;
	struct rep_error err;

	mailbox_path(path, world->hub, rep);
	sim_ok(rep_git_open(&git, path, &err), &err, "open a mailbox");
	return git;
}

void sim_outbox(const struct sim_world *world, const struct sim_rep *rep, struct rep_oid *out)
{
	struct rep_git *git = open_mailbox(world, rep);
	struct rep_error err;

	sim_ok(rep_git_ref(git, REP_OUTBOX, out, &err), &err, "outbox");
	rep_git_close(git);
}

void sim_outbox_set(const struct sim_world *world, const struct sim_rep *rep,
		    const struct rep_oid *from, const struct rep_oid *to)
{
	struct rep_git *git = open_mailbox(world, rep);
	struct rep_error err;

	/* Whoever was killed there may have left a lock. */
	sim_ok(rep_git_janitor(rep_git_path(git), &err), &err, "tidy a mailbox");
	sim_ok(rep_git_cas(git, REP_OUTBOX, from, to, &err), &err, "move the outbox");
	rep_git_close(git);
}

/* ---- the hub as it was, with all that was sent ---- */

static void put_back(struct sim_world *world, const char *saved)
{
	char played[PATH_SIZE / 2], from[PATH_SIZE + 8], to[PATH_SIZE + 8];
	struct rep_error err;

	sim_close_hub(world);
	snprintf(played, sizeof played, "%s.played", world->hub);
	if (rename(world->hub, played) != 0)
		sim_fail("rename the hub: %s", strerror(errno));
	sim_copy(saved, world->hub);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		char path[PATH_SIZE];

		mailbox_path(path, played, &world->reps[i]);
		snprintf(from, sizeof from, "%s/objects", path);
		mailbox_path(path, world->hub, &world->reps[i]);
		snprintf(to, sizeof to, "%s/objects", path);
		sim_copy(from, to);
	}
	sim_ok(rep_dir_remove(played, &err), &err, "tidy up");
}

/* ---- pieces ---- */

struct pieces {
	struct rep_oid tips[PIECES_MAX]; /* the newest first; the last is what was there before */
	unsigned len;
};

static void list_pieces(const struct sim_world *world, const struct sim_rep *rep,
			const struct rep_oid *before, const struct rep_oid *after,
			struct pieces *out)
{
	struct rep_git *git = open_mailbox(world, rep);
	struct rep_oid at = *after, tree, parent;
	struct rep_error err;
	int64_t time_s;

	out->len = 0;
	out->tips[out->len++] = at;
	while (!rep_oid_equal(&at, before) && !rep_oid_is_zero(&at)) {
		sim_ok(rep_git_commit_read(git, &at, &tree, &parent, &time_s, &err), &err,
		       "an outbox");
		if (out->len == PIECES_MAX)
			sim_fail("more than %u pieces in an outbox", PIECES_MAX);
		at = parent;
		out->tips[out->len++] = at;
	}
	rep_git_close(git);
}

/* Some of what is left of it, or all. */
static void move_on(const struct sim_world *world, const struct sim_rep *rep, struct pieces *pieces)
{
	unsigned left = pieces->len - 1,
		 next = sim_below(SIM_STEPS, 3) ? 0 : sim_below(SIM_STEPS, left);

	sim_outbox_set(world, rep, &pieces->tips[left], &pieces->tips[next]);
	pieces->len = next + 1;
}

void sim_shuffled(struct sim_world *world, const char *saved, const struct sim_tips *before,
		  const struct sim_tips *after)
{
	static struct pieces pieces[SIM_LAPTOPS];
	unsigned waiting[SIM_LAPTOPS], len = 0;

	put_back(world, saved);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		list_pieces(world, &world->reps[i], &before->outbox[i], &after->outbox[i],
			    &pieces[i]);
		if (pieces[i].len > 1)
			waiting[len++] = i;
	}
	while (len > 0) {
		unsigned k = sim_below(SIM_STEPS, len), i = waiting[k];

		move_on(world, &world->reps[i], &pieces[i]);
		if (pieces[i].len == 1)
			waiting[k] = waiting[--len];
		if (sim_percent(SIM_STEPS, 30))
			sim_merge(world);
	}
	sim_merge(world);
}
