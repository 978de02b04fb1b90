/*
 * What sync does in child processes, done in this one: a fork costs more than most of what such a child does, and here nothing
 * has to be survived. This takes the place of sync/git/child.c and of sync/git/program.c; that these do what they promise is tested
 * elsewhere (tests/unit, tests/e2e).
 *
 * Each transfer between a device and its mailbox passes here, so this is also where a network fails: sim_net_fail.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"
#include "sim/sim.h"
#include "sync/git/child.h"

/* ---- the network ---- */

static enum sim_net net;
static unsigned until; /* transfers that still pass */

void sim_net_fail(enum sim_net how, unsigned after)
{
	net = how;
	until = after;
}

static bool is_transfer(const struct rep_child_job *job)
{
	return job->code_stalled == REP_EUNREACHABLE;
}

/* ---- a child ---- */

struct frame {
	char tag;
	char *data;
	size_t len;
};

struct rep_channel {
	struct frame *frames;
	size_t len;
};

struct rep_child {
	struct rep_child_job job;
	struct rep_channel channel;
	enum rep_code rc;
	struct rep_error err;
};

void rep_channel_put(struct rep_channel *channel, char tag, const void *data, size_t len)
{
	struct frame *frames =
		realloc(channel->frames, (channel->len + 1) * sizeof *channel->frames);
	char *kept = malloc(len + 1);

	if (!frames || !kept)
		sim_fail("out of memory");
	memcpy(kept, data, len);
	channel->frames = frames;
	frames[channel->len++] = (struct frame){tag, kept, len};
}

void rep_channel_progress(struct rep_channel *channel, uint64_t done, uint64_t total)
{
	(void)channel;
	(void)done;
	(void)total;
}

static void drop_frames(struct rep_channel *channel)
{
	for (size_t i = 0; i < channel->len; i++)
		free(channel->frames[i].data);
	free(channel->frames);
	*channel = (struct rep_channel){0};
}

void rep_child_abort(struct rep_child *child)
{
	if (!child)
		return;
	drop_frames(&child->channel);
	free(child);
}

static void work(struct rep_child *child)
{
	child->rc = child->job.work(child->job.user, &child->channel, &child->err);
}

static void transfer(struct rep_child *child)
{
	bool fails = net != SIM_NET_FINE && until-- == 0;

	if (fails)
		until = net == SIM_NET_TWICE ? UINT32_MAX : 0;
	if (!fails || net != SIM_NET_DOWN)
		work(child);
	if (fails && net == SIM_NET_TWICE) {
		drop_frames(&child->channel);
		work(child);
	} else if (fails) {
		drop_frames(&child->channel);
		child->rc = rep_fail(&child->err, REP_EUNREACHABLE, "the network is cut");
	}
	if (fails && net == SIM_NET_CUT)
		net = SIM_NET_DOWN;
}

enum rep_code rep_child_start(struct rep_child **out, const struct rep_child_job *job,
			      struct rep_error *err)
{
	*out = calloc(1, sizeof **out);
	if (!*out)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	(*out)->job = *job;
	if (is_transfer(job))
		transfer(*out);
	else
		work(*out);
	return REP_OK;
}

enum rep_code rep_child_finish(struct rep_child *child, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (!child)
		return REP_OK;
	for (size_t i = 0; rc == REP_OK && i < child->channel.len; i++) {
		const struct frame *frame = &child->channel.frames[i];

		rc = child->job.frame(child->job.user, frame->tag, frame->data, frame->len, err);
	}
	if (rc == REP_OK && child->rc != REP_OK) {
		rc = child->rc;
		*err = child->err;
	}
	rep_child_abort(child);
	return rc;
}

/* ---- a program ---- */

static void redirect(posix_spawn_file_actions_t *actions, int fd, int to)
{
	int failed = fd < 0 ? posix_spawn_file_actions_addopen(actions, to, "/dev/null", 2, 0)
			    : posix_spawn_file_actions_adddup2(actions, fd, to);

	if (failed)
		sim_fail("out of memory");
}

enum rep_code rep_program_run(const struct rep_program *program, struct rep_buf *said, int *status,
			      struct rep_error *err)
{
	posix_spawn_file_actions_t actions;
	char block[4096];
	int fds[2], failed;
	pid_t pid;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) != 0 || posix_spawn_file_actions_init(&actions) != 0)
		return rep_fail(err, REP_EIO, "pipe");
	redirect(&actions, program->in_fd, 0);
	redirect(&actions, program->out_fd, 1);
	redirect(&actions, fds[1], 2);
	failed = posix_spawnp(&pid, program->argv[0], &actions, NULL,
			      (char *const *)(uintptr_t)program->argv,
			      (char *const *)(uintptr_t)program->envp);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while (!failed && (n = read(fds[0], block, sizeof block)) > 0)
		rep_text_safe_put(said, block, (size_t)n);
	close(fds[0]);
	if (failed || waitpid(pid, status, 0) != pid)
		return rep_fail(err, REP_EIO, "%s cannot be run", program->argv[0]);
	return REP_OK;
}
