/*
 * Backups that are put back, and clones: two copies of one replica, of which now the one and now the other is at work. Whichever
 * syncs when the mailbox holds what the other sent is refused, and its laptop is enrolled anew, as the message says.
 */
#include <errno.h>
#include <string.h>

#include "core/base/file.h"
#include "sim/sim.h"
#include "sync/device/device.h"

static void copy_path(const struct sim_rep *rep, char out[600])
{
	snprintf(out, 600, "%s.copy", rep->dir);
}

static void move(const char *from, const char *to)
{
	if (rename(from, to) != 0)
		sim_fail("rename %s: %s", from, strerror(errno));
}

static void begin(struct sim_world *world, struct sim_rep *rep, const char *copy)
{
	sim_copy(rep->dir, copy);
	rep->has_copy = true;
	rep->copy = 0;
	for (unsigned i = 0; i < rep->edits_len; i++)
		rep->edits[i].copy = SIM_BOTH;
	sim_trace(world, "%s is copied", rep->name);
}

/* The other copy will not be seen again: what it alone had is gone, and from now on there are two of this one. */
static void drop_other(struct sim_rep *rep, const char *copy)
{
	struct rep_error err;

	sim_ok(rep_dir_remove(copy, &err), &err, copy);
	sim_copy(rep->dir, copy);
	for (unsigned i = 0; i < rep->edits_len; i++) {
		struct sim_edit *edit = &rep->edits[i];

		if (edit->copy == rep->copy)
			edit->copy = SIM_BOTH;
		else if (edit->copy != SIM_BOTH)
			edit->copy = SIM_GONE;
	}
}

void sim_copy_step(struct sim_world *world, struct sim_rep *rep)
{
	char copy[600], aside[620];

	if (rep->revoked || !sim_replica(rep)->schema)
		return;
	sim_close(rep);
	copy_path(rep, copy);
	if (!rep->has_copy) {
		begin(world, rep, copy);
		return;
	}
	snprintf(aside, sizeof aside, "%s.aside", copy);
	move(rep->dir, aside);
	move(copy, rep->dir);
	move(aside, copy);
	rep->copy = !rep->copy;
	if (sim_below(SIM_FAULTS, 3) == 0)
		drop_other(rep, copy);
	sim_trace(world, "%s: the other copy is at work", rep->name);
}

void sim_replace(struct sim_world *world, struct sim_rep *rep)
{
	sim_close(rep);
	rep->replaced++;
	world->replaced++;
	snprintf(rep->dir, sizeof rep->dir, "%s/world/%s-%u", world->dir, rep->name, rep->replaced);
	rep->has_copy = false;
	rep->copy = 0;
	sim_act_as(world, NULL);
	sim_enroll(world, (unsigned)(rep - world->reps));
	memcpy(rep->device, sim_replica(rep)->device, sizeof rep->device);
	sim_trace(world, "%s is enrolled anew, as %s", rep->name, rep->device);
}

void sim_mark_sent(struct sim_rep *rep)
{
	for (unsigned i = 0; i < rep->edits_len; i++) {
		struct sim_edit *edit = &rep->edits[i];

		if (strcmp(edit->device, rep->device) == 0 &&
		    (!rep->has_copy || edit->copy == rep->copy || edit->copy == SIM_BOTH))
			edit->sent = true;
	}
}

/* What a device that was taken back, or a copy that was given up, had not sent. */
bool sim_may_be_lost(const struct sim_rep *rep, const struct sim_edit *edit)
{
	return !edit->sent &&
	       (rep->revoked || rep->has_copy || strcmp(edit->device, rep->device) != 0);
}
