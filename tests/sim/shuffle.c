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

/* ---- the hub as it was, with all that was sent ---- */

static void put_back(struct sim_world *world, const char *saved)
{
	char played[SIM_PATH_SIZE / 2], from[SIM_PATH_SIZE + 8], to[SIM_PATH_SIZE + 8];
	struct rep_error err;

	sim_close_hub(world);
	snprintf(played, sizeof played, "%s.played", world->hub);
	if (rename(world->hub, played) != 0)
		sim_fail("rename the hub: %s", strerror(errno));
	sim_copy(saved, world->hub);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		char path[SIM_PATH_SIZE];

		sim_mailbox_path(path, played, &world->reps[i]);
		snprintf(from, sizeof from, "%s/objects", path);
		sim_mailbox_path(path, world->hub, &world->reps[i]);
		snprintf(to, sizeof to, "%s/objects", path);
		sim_copy(from, to);
	}
	sim_ok(rep_dir_remove(played, &err), &err, "tidy up");
}

/* ---- pieces ---- */

/* Some of what is left of it, or all. */
static void move_on(const struct sim_world *world, const struct sim_rep *rep,
		    struct sim_pieces *pieces)
{
	unsigned left = pieces->len - 1,
		 next = sim_below(SIM_STEPS, 3) ? 0 : sim_below(SIM_STEPS, left);

	sim_outbox_set(world, rep, &pieces->tips[left], &pieces->tips[next]);
	pieces->len = next + 1;
}

void sim_shuffled(struct sim_world *world, const char *saved, const struct sim_tips *before,
		  const struct sim_tips *after)
{
	static struct sim_pieces pieces[SIM_LAPTOPS];
	unsigned waiting[SIM_LAPTOPS], len = 0;

	put_back(world, saved);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		sim_pieces(world, &world->reps[i], &before->outbox[i], &after->outbox[i],
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
