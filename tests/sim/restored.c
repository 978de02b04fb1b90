/*
 * A hub from a backup of some earlier moment of the history, beside the mailboxes that outlived it, comes to the records that the hub has
 * at its end. Not asked where somebody left: that mailbox is in archive/, which a restore does not look into.
 */
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"
#include "sync/admin/backup.h"

/* One step of the history, by the seed: what else is drawn stays as it is. */
void sim_backup(struct sim_world *world, unsigned steps)
{
	const unsigned when = 1 + (unsigned)((world->seed * 2654435761u >> 7) % steps);
	char to[512];
	const struct rep_backup options = {.to = to, .now_ms = world->now_ms};
	struct rep_json *report = NULL;
	struct rep_error err;

	if (!world->restore || world->step != when)
		return;
	snprintf(to, sizeof to, "%s/backup", world->dir);
	(void)sim_act_as(world, NULL);
	sim_run((const char *const[]){"rm", "-rf", to, NULL}); /* of the seed before */
	sim_ok(rep_hub_backup(sim_hub(world), &options, &report, &err), &err, "back up");
	sim_close_hub(world);
	rep_json_free(report);
	sim_trace(world, "backup");
}

static void restore(struct sim_world *world, const char *mailboxes)
{
	char from[512];
	const struct rep_restore options = {.from = from, .mailboxes = mailboxes};
	struct rep_json *report = NULL;
	struct rep_error err;

	snprintf(from, sizeof from, "%s/backup", world->dir);
	(void)sim_act_as(world, NULL);
	sim_ok(rep_hub_restore(world->hub, &options, &report, &err), &err, "restore");
	rep_json_free(report);
}

void sim_restored_kept(struct sim_world *world)
{
	struct sim_world other = *world;
	char mailboxes[640];

	sim_close_hub(world);
	other.open_hub = NULL;
	snprintf(mailboxes, sizeof mailboxes, "%s/mailboxes", world->hub);
	snprintf(other.hub, sizeof other.hub, "%s/again", world->dir);
	sim_run((const char *const[]){"rm", "-rf", other.hub, NULL});
	restore(&other, mailboxes);
	for (unsigned i = 0; i < 2; i++) {
		other.now_ms += 60000;
		sim_merge(&other);
	}
	sim_close_hub(&other);
	sim_same_trees(world, &other, "restored beside its mailboxes");
}
