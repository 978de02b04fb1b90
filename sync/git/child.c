#include "sync/git/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_MAX (1024u * 1024u * 1024u)
#define CPU_S_MAX 120u
#define FILE_SIZE_MAX (1024u * 1024u * 1024u)

/* A frame: tag, length (4 bytes, big-endian), data. These two tags are ours. */
#define TAG_END '!'
#define TAG_PROGRESS '%'
#define HEAD_SIZE 5u
#define MOVED_MIN 4096u /* bytes that count as a sign of life */

/* Two threads write to it: the one at work, and the one that looks at the sockets. */
struct rep_channel {
	int fd;
	pthread_mutex_t mutex;
};

struct end {
	uint32_t code;
	char msg[sizeof((struct rep_error *)0)->msg];
	char hint[sizeof((struct rep_error *)0)->hint];
};

struct rep_child {
	struct rep_child_job job;
	pid_t pid;
	int fd;
	struct rep_buf in;
	bool ended; /* the end frame came */
	struct end end;
	int64_t started_ms;
};

static void send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1); /* the parent has gone */
		data += n;
		len -= (size_t)n;
	}
}

void rep_channel_put(struct rep_channel *channel, char tag, const void *data, size_t len)
{
	char head[HEAD_SIZE] = {tag, (char)(uint8_t)(len >> 24), (char)(uint8_t)(len >> 16),
				(char)(uint8_t)(len >> 8), (char)(uint8_t)len};

	(void)pthread_mutex_lock(&channel->mutex);
	send_all(channel->fd, head, sizeof head);
	send_all(channel->fd, data, len);
	(void)pthread_mutex_unlock(&channel->mutex);
}

void rep_channel_progress(struct rep_channel *channel, uint64_t done, uint64_t total)
{
	uint64_t numbers[2] = {done, total};

	rep_channel_put(channel, TAG_PROGRESS, numbers, sizeof numbers);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void limit(int what, rlim_t value)
{
	struct rlimit bound = {value, value};

	(void)setrlimit((__rlimit_resource_t)what, &bound);
}

/* The fork begins with all that its parent has mapped; the bound is for what it adds. */
static size_t mapped_now(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file) {
		if (fscanf(file, "%lu", &pages) != 1)
			pages = 0;
		(void)fclose(file);
	}
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void set_limits(void)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, CPU_S_MAX);
	limit(RLIMIT_FSIZE, FILE_SIZE_MAX);
	if (!REP_SANITIZED) /* which maps terabytes for its shadow */
		limit(RLIMIT_AS, mapped_now() + MEMORY_MAX);
}

static void die_with_parent(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/*
 * An empty frame of progress says "alive" and no number. Keep-alives must not pass for progress: sshd's and receive-pack's
 * are some 20 bytes a second, a line that works at all moves more.
 */
static void *watch_sockets(void *channel)
{
	const struct timespec pause = {.tv_sec = 1};
	uint64_t before = 0;

	for (;;) {
		uint64_t now = rep_sockets_moved();

		if (now < before) /* one was closed */
			before = now;
		if (now - before >= MOVED_MIN) {
			rep_channel_put(channel, TAG_PROGRESS, "", 0);
			before = now;
		}
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

static void run_child(const struct rep_child_job *job, int fd, pid_t parent)
{
	struct rep_channel channel = {.fd = fd, .mutex = PTHREAD_MUTEX_INITIALIZER};
	pthread_t watcher;
	struct rep_error err = {0};
	struct end end = {0};

	die_with_parent(parent);
	(void)setpgid(0, 0); /* so that its own children are killed with it */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	if (job->limited)
		set_limits();
	/* Without the thread it is only judged more strictly. */
	if (job->sockets && pthread_create(&watcher, NULL, watch_sockets, &channel) == 0)
		(void)pthread_detach(watcher);
	end.code = (uint32_t)job->work(job->user, &channel, &err);
	memcpy(end.msg, err.msg, sizeof end.msg);
	memcpy(end.hint, err.hint, sizeof end.hint);
	rep_channel_put(&channel, TAG_END, &end, sizeof end);
	_exit(0);
}

enum rep_code rep_child_start(struct rep_child **out, const struct rep_child_job *job,
			      struct rep_error *err)
{
	struct rep_child *child = calloc(1, sizeof *child);
	pid_t parent = getpid();
	int fds[2];

	*out = NULL;
	if (!child)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	if (pipe2(fds, O_CLOEXEC) != 0) {
		free(child);
		return rep_fail(err, REP_EIO, "pipe: %s", strerror(errno));
	}
	child->job = *job;
	child->in = REP_BUF_INIT(job->frame_max + HEAD_SIZE + 65536u + sizeof(struct end));
	child->started_ms = now_ms();
	child->pid = fork();
	if (child->pid < 0) {
		enum rep_code rc = rep_fail(err, REP_EIO, "fork: %s", strerror(errno));

		(void)close(fds[0]);
		(void)close(fds[1]);
		free(child);
		return rc;
	}
	if (child->pid == 0) {
		(void)close(fds[0]);
		run_child(job, fds[1], parent);
	}
	(void)setpgid(child->pid, child->pid); /* whichever of the two comes first */
	(void)close(fds[1]);
	child->fd = fds[0];
	*out = child;
	return REP_OK;
}

static void reap(struct rep_child *child, bool force, int *status)
{
	/* Also what the child started and left; the group outlives it until the last one ends. */
	if (force) {
		(void)kill(-child->pid, SIGKILL);
		(void)kill(child->pid, SIGKILL);
	}
	*status = 0;
	while (waitpid(child->pid, status, 0) < 0 && errno == EINTR)
		;
}

void rep_child_abort(struct rep_child *child)
{
	int status;

	if (!child)
		return;
	reap(child, true, &status);
	(void)close(child->fd);
	rep_buf_clear(&child->in);
	free(child);
}

static enum rep_code take_frame(struct rep_child *child, char tag, const char *data, size_t len,
				struct rep_error *err)
{
	uint64_t numbers[2];

	if (tag == TAG_PROGRESS && len == 0)
		return REP_OK;
	if (tag == TAG_PROGRESS && len == sizeof numbers) {
		memcpy(numbers, data, sizeof numbers);
		if (child->job.progress)
			child->job.progress(child->job.user, numbers[0], numbers[1]);
		return REP_OK;
	}
	if (tag == TAG_END && len == sizeof child->end) {
		memcpy(&child->end, data, sizeof child->end);
		child->end.msg[sizeof child->end.msg - 1] = '\0';
		child->end.hint[sizeof child->end.hint - 1] = '\0';
		child->ended = true;
		return REP_OK;
	}
	if (len > child->job.frame_max || child->ended)
		return rep_fail(err, child->job.code_died, "child process: frame of %zu bytes",
				len);
	return child->job.frame(child->job.user, tag, data, len, err);
}

/* Takes every whole frame that is in the buffer. */
static enum rep_code take_frames(struct rep_child *child, struct rep_error *err)
{
	size_t at = 0;
	enum rep_code rc = REP_OK;

	while (!rc && child->in.len - at >= HEAD_SIZE) {
		const uint8_t *head = (const uint8_t *)child->in.data + at;
		size_t len = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 |
			     head[4];

		if (len > child->job.frame_max + sizeof(struct end))
			return rep_fail(err, child->job.code_died,
					"child process: frame of %zu bytes", len);
		if (child->in.len - at - HEAD_SIZE < len)
			break;
		rc = take_frame(child, (char)head[0], child->in.data + at + HEAD_SIZE, len, err);
		at += HEAD_SIZE + len;
	}
	memmove(child->in.data, child->in.data + at, child->in.len - at);
	child->in.len -= at;
	return rc;
}

/* Waits for more; *more is false at the end of the pipe. */
static enum rep_code receive(struct rep_child *child, bool *more, struct rep_error *err)
{
	struct pollfd ready = {.fd = child->fd, .events = POLLIN};
	int64_t left_ms = child->started_ms + (int64_t)child->job.overall_s * 1000 - now_ms();
	int64_t stall_ms = (int64_t)child->job.stall_s * 1000;
	char block[65536];
	ssize_t n;
	int rc;

	*more = true;
	if (left_ms <= 0)
		return rep_fail(err, child->job.code_stalled, "not done after %u s",
				child->job.overall_s);
	rc = poll(&ready, 1, (int)(left_ms < stall_ms ? left_ms : stall_ms));
	if (rc < 0 && errno != EINTR)
		return rep_fail(err, REP_EIO, "poll: %s", strerror(errno));
	if (rc == 0 && left_ms > stall_ms)
		return rep_fail(err, child->job.code_stalled, "no answer for %u s",
				child->job.stall_s);
	if (rc <= 0)
		return REP_OK;
	n = read(child->fd, block, sizeof block);
	if (n < 0 && errno != EINTR)
		return rep_fail(err, REP_EIO, "read from child process: %s", strerror(errno));
	if (n == 0)
		*more = false;
	if (n <= 0)
		return REP_OK;
	rep_buf_put(&child->in, block, (size_t)n);
	return rep_buf_check(&child->in, "answer of child process", err);
}

static enum rep_code how_it_ended(const struct rep_child *child, int status, struct rep_error *err)
{
	if (child->ended && child->end.code == REP_OK)
		return REP_OK;
	if (child->ended && child->end.code <= REP_EINTEGRITY) {
		enum rep_code rc =
			rep_fail(err, (enum rep_code)child->end.code, "%s", child->end.msg);

		if (child->end.hint[0])
			rep_hint(err, "%s", child->end.hint);
		return rc;
	}
	if (WIFSIGNALED(status))
		return rep_fail(err, child->job.code_died, "child process died: %s",
				strsignal(WTERMSIG(status)));
	return rep_fail(err, child->job.code_died, "child process ended without an answer");
}

enum rep_code rep_child_finish(struct rep_child *child, struct rep_error *err)
{
	bool more = true;
	enum rep_code rc = REP_OK;
	int status;

	if (!child)
		return REP_OK;
	while (!rc && more && !child->ended) {
		rc = receive(child, &more, err);
		if (!rc && more)
			rc = take_frames(child, err);
	}
	reap(child, rc != REP_OK, &status);
	if (!rc)
		rc = how_it_ended(child, status, err);
	(void)close(child->fd);
	rep_buf_clear(&child->in);
	free(child);
	return rc;
}
