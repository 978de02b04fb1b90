/* Work in a child that may be killed: what counts as a sign of life, and what its end is called. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "help.h"
#include "help_socket.h"
#include "sync/git/child.h"

struct work {
	int fd; /* a connected socket, or -1 */
	size_t frames;
	uint64_t done;
};

static enum rep_code take_frame(void *user, char tag, const char *data, size_t len,
				struct rep_error *err)
{
	struct work *work = user;

	(void)tag, (void)data, (void)len, (void)err;
	work->frames++;
	return REP_OK;
}

static void take_progress(void *user, uint64_t done, uint64_t total)
{
	struct work *work = user;

	(void)total;
	work->done = done;
}

static enum rep_code run(struct work *work, bool sockets,
			 enum rep_code (*what)(void *, struct rep_channel *, struct rep_error *),
			 struct rep_error *err)
{
	struct rep_child_job job = {.work = what,
				    .frame = take_frame,
				    .progress = take_progress,
				    .user = work,
				    .frame_max = 64,
				    .stall_s = 2,
				    .overall_s = 8,
				    .sockets = sockets,
				    .limited = true,
				    .code_stalled = REP_EUNREACHABLE,
				    .code_died = REP_EIO};
	struct rep_child *child;

	expect_ok(rep_child_start(&child, &job, err), err);
	return rep_child_finish(child, err);
}

/* A connection of loopback: `out[0]` for the child, `out[1]` for who feeds it. */
static void connect_pair(int out[2])
{
	unsigned port;
	int listener = listen_on_loopback(&port);

	out[0] = connect_to_loopback(port);
	assert_true(out[0] >= 0);
	out[1] = accept(listener, NULL, NULL);
	assert_true(out[1] >= 0);
	(void)close(listener);
}

/* Sends a block of `size` every half second, `n` times, and goes. */
static pid_t feed(int fd, size_t size, int n)
{
	const struct timespec pause = {.tv_nsec = 500000000};
	pid_t pid = fork();
	char block[8192] = {0};

	if (pid != 0)
		return pid;
	for (int i = 0; i < n; i++) {
		if (write(fd, block, size) != (ssize_t)size)
			_exit(1);
		(void)nanosleep(&pause, NULL);
	}
	_exit(0);
}

/* Reads to the end of the connection without a word to the parent: libgit2 in the middle of a pack. */
static enum rep_code read_quietly(void *user, struct rep_channel *channel, struct rep_error *err)
{
	struct work *work = user;
	char block[65536];

	(void)channel, (void)err;
	while (read(work->fd, block, sizeof block) > 0)
		;
	return REP_OK;
}

static enum rep_code fed(size_t size, bool sockets, struct rep_error *err)
{
	struct work work = {0};
	int ends[2];
	pid_t feeder;
	enum rep_code rc;

	connect_pair(ends);
	work.fd = ends[0];
	feeder = feed(ends[1], size, 9);
	(void)close(ends[1]);
	rc = run(&work, sockets, read_quietly, err);
	(void)close(ends[0]);
	(void)kill(feeder, SIGKILL);
	assert_int_equal(waitpid(feeder, NULL, 0), feeder);
	return rc;
}

static void bytes_on_a_socket_are_a_sign_of_life(void **state)
{
	struct rep_error err;

	(void)state;
	expect_ok(fed(8192, true, &err), &err);
}

static void unless_it_was_not_asked_for(void **state)
{
	struct rep_error err;

	(void)state;
	expect_code(fed(8192, false, &err), REP_EUNREACHABLE, &err, "no answer for 2 s");
}

static void keep_alives_are_no_sign_of_life(void **state)
{
	struct rep_error err;

	(void)state;
	expect_code(fed(64, true, &err), REP_EUNREACHABLE, &err, "no answer for 2 s");
}

static enum rep_code chatter(void *user, struct rep_channel *channel, struct rep_error *err)
{
	const struct timespec pause = {.tv_nsec = 200000000};

	(void)user, (void)err;
	for (uint64_t n = 0;; n++) {
		rep_channel_progress(channel, n, 0);
		(void)nanosleep(&pause, NULL);
	}
	return REP_OK;
}

static void what_never_ends_is_ended(void **state)
{
	struct work work = {0};
	struct rep_error err;
	time_t start = time(NULL);

	(void)state;
	expect_code(run(&work, false, chatter, &err), REP_EUNREACHABLE, &err, "not done after 8 s");
	assert_true(time(NULL) - start < 12);
	assert_true(work.done > 10);
}

static enum rep_code crash(void *user, struct rep_channel *channel, struct rep_error *err)
{
	(void)user, (void)channel, (void)err;
	(void)signal(SIGSEGV, SIG_DFL);
	(void)raise(SIGSEGV);
	return REP_OK;
}

static void a_crash_of_it_is_an_error_of_ours(void **state)
{
	struct work work = {0};
	struct rep_error err;

	(void)state;
	expect_code(run(&work, false, crash, &err), REP_EIO, &err, "Segmentation fault");
}

static enum rep_code break_pipe(void *user, struct rep_channel *channel, struct rep_error *err)
{
	struct work *work = user;
	char block[1024] = {0};

	(void)channel;
	for (int i = 0; i < 1000; i++)
		if (write(work->fd, block, sizeof block) < 0)
			return rep_fail(err, REP_EUNREACHABLE, "the peer has gone");
	return REP_OK;
}

static void a_peer_that_goes_does_not_kill_it(void **state)
{
	struct work work = {0};
	struct rep_error err;
	int ends[2];

	(void)state;
	connect_pair(ends);
	(void)close(ends[1]);
	work.fd = ends[0];
	expect_code(run(&work, false, break_pipe, &err), REP_EUNREACHABLE, &err, "has gone");
	(void)close(ends[0]);
}

static enum rep_code swallow(void *user, struct rep_channel *channel, struct rep_error *err)
{
	(void)user, (void)channel;
	for (;;) {
		char *block = malloc(1u << 28);

		if (!block)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		memset(block, 1, 4096);
	}
}

static void its_memory_is_bounded(void **state)
{
	struct work work = {0};
	struct rep_error err;

	(void)state;
	if (REP_SANITIZED) /* whose shadow cannot be bounded */
		skip();
	expect_code(run(&work, false, swallow, &err), REP_ENOMEM, &err, "out of memory");
}

static enum rep_code say_much(void *user, struct rep_channel *channel, struct rep_error *err)
{
	char block[65] = {0};

	(void)user, (void)err;
	rep_channel_put(channel, 'a', block, 64);
	rep_channel_put(channel, 'a', block, 65);
	return REP_OK;
}

static void a_frame_beyond_the_bound_is_refused(void **state)
{
	struct work work = {0};
	struct rep_error err;

	(void)state;
	expect_code(run(&work, false, say_much, &err), REP_EIO, &err, "frame of 65 bytes");
	assert_int_equal(work.frames, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_on_a_socket_are_a_sign_of_life),
		cmocka_unit_test(unless_it_was_not_asked_for),
		cmocka_unit_test(keep_alives_are_no_sign_of_life),
		cmocka_unit_test(what_never_ends_is_ended),
		cmocka_unit_test(a_crash_of_it_is_an_error_of_ours),
		cmocka_unit_test(a_peer_that_goes_does_not_kill_it),
		cmocka_unit_test(its_memory_is_bounded),
		cmocka_unit_test(a_frame_beyond_the_bound_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
