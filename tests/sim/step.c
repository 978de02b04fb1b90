/*
 * The history: who does what, when, and what goes wrong.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "sim/sim.h"
#include "sync/device/device.h"

/* ---- steps ---- */

/* It has obeyed the order to leave, and its files are gone; or the history is over, and the other of two copies had sent. */
static void leave(struct sim_world *world, struct sim_rep *rep)
{
	sim_close(rep);
	rep->acts = false;
	sim_trace(world, "%s leaves", rep->name);
}

/* False when the mailbox could not be reached, which is no fault where the network is down. */
static bool sync_over(struct sim_world *world, struct sim_rep *rep, bool may_fail)
{
	struct rep_sync options = {.now_ms = sim_act_as(world, rep)};
	struct rep_replica *replica = sim_replica(rep);
	struct rep_json *summary = NULL;
	struct rep_error err;
	enum rep_code rc;

	options.step = sim_below(SIM_FAULTS, 3); /* 0 = as many change sets a segment as fit */
	rc = rep_device_sync(replica, &options, &summary, &err);
	if (rep->revoked && rc == REP_EREFUSED) {
		leave(world, rep);
		return false;
	}
	if (rc == REP_EORDER && rep->has_copy) {
		if (world->step > SIM_STEPS_MAX) /* nothing more is to come from it */
			leave(world, rep);
		else
			sim_replace(world, rep);
		return false;
	}
	if (!may_fail || rc != REP_EUNREACHABLE)
		sim_ok(rc, &err, rep->name);
	if (rc == REP_OK)
		sim_mark_sent(rep);
	sim_check_visible(world, rep, replica);
	sim_check_refused(world, rep, replica);
	memcpy(rep->device, replica->device, sizeof rep->device);
	rep_json_free(summary);
	world->syncs++;
	return rc == REP_OK;
}

void sim_sync(struct sim_world *world, struct sim_rep *rep)
{
	(void)sync_over(world, rep, false);
}

void sim_merge(struct sim_world *world)
{
	struct rep_hub_merge options = {.now_ms = sim_act_as(world, NULL)};
	struct rep_json *summary = NULL;
	struct rep_error err;

	sim_ok(rep_hub_merge(sim_hub(world), &options, &summary, &err), &err, "merge");
	if (rep_json_size(rep_json_get(summary, "problems")) ||
	    (rep_json_get_integer(summary, "quarantined") && !sim_any_revoked(world)))
		sim_fail("merge: %s", rep_json_text(summary));
	rep_json_free(summary);
	world->merges++;
}

static int64_t edit(struct sim_world *world, struct sim_rep *rep)
{
	struct rep_replica *replica = sim_replica(rep);

	sim_act_as(world, rep);
	return replica->schema ? sim_edit(world, rep, replica) : 0;
}

static void remember(struct sim_world *world, struct sim_rep *rep, int64_t expected)
{
	struct sim_edit *edits = realloc(rep->edits, (rep->edits_len + 1) * sizeof *rep->edits);

	if (!edits)
		sim_fail("out of memory");
	rep->edits = edits;
	edits[rep->edits_len] =
		(struct sim_edit){.step = world->step, .expected = expected, .copy = rep->copy};
	memcpy(edits[rep->edits_len++].device, rep->device, sizeof rep->device);
}

/* ---- what goes wrong ---- */

enum action { ACT_EDIT, ACT_SYNC, ACT_MERGE };

static void act(struct sim_world *world, struct sim_rep *rep, enum action action)
{
	switch (action) {
	case ACT_EDIT:
		edit(world, rep);
		break;
	case ACT_SYNC:
		sim_sync(world, rep);
		break;
	case ACT_MERGE:
		sim_merge(world);
		break;
	}
}

/* The step is made by a child that dies somewhere in the middle; nobody tidies up after it. */
static void act_and_die(struct sim_world *world, struct sim_rep *rep, enum action action)
{
	unsigned calls = 1 + sim_below(SIM_FAULTS, action == ACT_EDIT ? 12 : 150);
	int status;
	pid_t pid;

	/* What the child works on it opens itself; of the others it has no use, and leaves them as they are. */
	if (action == ACT_MERGE)
		sim_close_hub(world);
	else
		sim_close(rep);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		sim_fail("fork");
	if (pid == 0) {
		sim_kill_after(calls);
		act(world, rep, action);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		sim_fail("waitpid");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		world->kills++;
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		sim_fail("a step to be killed failed by itself: status %x", (unsigned)status);
	sim_trace(world, "%s %s killed after %u calls: %s", rep->name,
		  action == ACT_EDIT   ? "edit"
		  : action == ACT_SYNC ? "sync"
				       : "merge",
		  calls, WIFSIGNALED(status) ? "died" : "was done before");
	if (action == ACT_EDIT) {
		remember(world, rep, -1);
		sim_draw(SIM_EDITS);
	}
}

/* A push that was told of as done and is gone after the server's power cut: the sync that follows must send it again. */
static void sync_and_lose(struct sim_world *world, struct sim_rep *rep)
{
	struct rep_oid before, after;

	unsigned len = rep->edits_len;
	bool *sent = calloc(len + 1, sizeof *sent);

	for (unsigned i = 0; i < len; i++)
		sent[i] = rep->edits[i].sent;
	sim_outbox(world, rep, &before);
	sim_sync(world, rep);
	sim_outbox(world, rep, &after);
	if (!rep_oid_is_zero(&before) && !rep_oid_equal(&before, &after)) {
		sim_outbox_set(world, rep, &after, &before);
		for (unsigned i = 0; i < len; i++)
			rep->edits[i].sent = sent[i];
		world->lost_pushes++;
		sim_trace(world, "%s: the push is lost", rep->name);
	}
	free(sent);
}

/* The network fails on the way, for good or for a moment: what was told of as done is done, and the rest is made up for later. */
static void sync_badly(struct sim_world *world, struct sim_rep *rep)
{
	static const char *const names[] = {[SIM_NET_FINE] = "fine",
					    [SIM_NET_DOWN] = "down",
					    [SIM_NET_CUT] = "cut",
					    [SIM_NET_TWICE] = "twice"};
	enum sim_net how = (enum sim_net)(SIM_NET_DOWN + sim_below(SIM_FAULTS, 3));
	unsigned after = sim_below(SIM_FAULTS, 4);
	bool done;

	sim_net_fail(how, after);
	done = sync_over(world, rep, true);
	sim_net_fail(SIM_NET_FINE, 0);
	sim_trace(world, "%s sync, network %s after %u: %s", rep->name, names[how], after,
		  done ? "done" : "not done");
}

/* Some of what was sent has not arrived yet, while others' later deliveries have. */
static void merge_late(struct sim_world *world)
{
	struct sim_tips real;

	sim_act_as(world, NULL);
	sim_delay_outboxes(world, &real);
	sim_merge(world);
	sim_deliver_outboxes(world, &real);
	world->late++;
	sim_trace(world, "hub merge, deliveries late");
}

/* An older view than the newest. */
static void sync_late(struct sim_world *world, struct sim_rep *rep)
{
	struct rep_oid real, shown;
	bool late = sim_delay_inbox(world, rep, &real, &shown);
	unsigned replaced = rep->replaced;

	sim_sync(world, rep);
	if (late && rep->replaced == replaced)
		sim_deliver_inbox(world, rep, &shown, &real);
	world->late += late;
	sim_trace(world, "%s sync%s", rep->name, late ? ", the view late" : "");
}

/* ---- the history ---- */

/* Mostly minutes, sometimes nothing at all, sometimes days: within one millisecond counters must count. */
static void let_time_pass(struct sim_world *world)
{
	unsigned dice = sim_below(SIM_FAULTS, 10);

	if (dice < 2)
		return;
	world->now_ms += dice < 9 ? 1 + sim_below(SIM_FAULTS, 600000)
				  : 3600000LL * (1 + sim_below(SIM_FAULTS, 72));
	if (sim_percent(SIM_FAULTS, 2)) {
		struct sim_rep *rep = &world->reps[sim_below(SIM_FAULTS, SIM_LAPTOPS)];

		rep->skew_ms = -rep->skew_ms / 2; /* somebody set a clock */
	}
}

/*
 * Two or three write the same field at the same moment by clocks that are right: where neither's last stamp lies ahead, the stamps
 * are the same but for the device.
 */
static void together(struct sim_world *world, struct sim_rep *rep)
{
	struct sim_spot spot = {0};
	bool wrote[SIM_LAPTOPS] = {false};

	/* Later than what anybody has seen, whose clock did not run ahead itself. */
	world->now_ms += 300000 + sim_below(SIM_FAULTS, 600000);
	for (unsigned n = 3 + sim_below(SIM_STEPS, 4); n > 0; n--, rep = sim_choose_rep(world)) {
		struct rep_replica *replica = sim_replica(rep);

		sim_clock_ms = world->now_ms;
		if (!replica->schema || wrote[rep - world->reps])
			continue;
		wrote[rep - world->reps] = true;
		if (!spot.entity)
			sim_choose_spot(world, replica, &spot);
		if (spot.id[0])
			remember(world, rep, sim_edit_spot(world, rep, replica, &spot));
	}
}

static void one_step(struct sim_world *world)
{
	struct sim_rep *rep = sim_choose_rep(world);
	unsigned dice = sim_below(SIM_STEPS, 100);
	enum action action = dice < 66 ? ACT_EDIT : dice < 81 ? ACT_SYNC : ACT_MERGE;

	if (sim_percent(SIM_FAULTS, 5) && !rep->revoked && !rep->has_copy) {
		act_and_die(world, rep, action);
	} else if (dice >= 93) {
		sim_company(world);
	} else if (dice >= 90) {
		together(world, rep);
	} else if (dice >= 89) {
		sim_copy_step(world, rep);
	} else if (action == ACT_EDIT) {
		remember(world, rep, edit(world, rep));
		if (world->step % 4 == 0)
			sim_check_visible(world, rep, sim_replica(rep));
	} else if (action == ACT_MERGE && sim_percent(SIM_FAULTS, 30)) {
		merge_late(world);
	} else if (action == ACT_SYNC && sim_percent(SIM_FAULTS, 30)) {
		static void (*const bad[])(struct sim_world *, struct sim_rep *) = {
			sync_badly, sync_and_lose, sync_late, sync_late};

		/* What is lost of a device that is gone, or of the other of two copies, nobody sends again. */
		bad[rep->revoked || rep->has_copy ? 2 : sim_below(SIM_FAULTS, 4)](world, rep);
	} else {
		sim_trace(world, "%s %s", action == ACT_SYNC ? rep->name : "hub",
			  action == ACT_SYNC ? "sync" : "merge");
		act(world, rep, action);
		if (action == ACT_SYNC && sim_percent(SIM_FAULTS, 10) && rep->acts)
			act(world, rep, action); /* somebody pressed the button twice */
	}
}

void sim_history(struct sim_world *world)
{
	unsigned steps = 40 + sim_below(SIM_STEPS, 61);

	if (world->steps)
		steps = world->steps;
	for (world->step = 1; world->step <= steps; world->step++) {
		if (!sim_chance_step(world->step))
			break;
		sim_chance_engine(world->step);
		let_time_pass(world);
		if (!world->only || world->only[world->step])
			one_step(world);
		sim_backup(world, steps);
	}
	world->steps = steps;
}
