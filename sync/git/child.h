/*
 * Private to sync: a piece of work in a child process.
 *
 * libgit2 survives neither a silent peer nor a lack of memory nor a hostile repository, so such work is done by
 * a child that may be killed. What the child finds comes back through a pipe as frames; frames and progress
 * are also its sign of life, and on request the counters of its sockets: on a slow line minutes lie between two
 * callbacks of libgit2, while the kernel's send buffer empties. The child is a fork: it sees the caller's memory as it
 * was, changes nothing of it, and ends by _exit. It is killed when its parent dies.
 */
#ifndef REPSYNC_SYNC_GIT_CHILD_H
#define REPSYNC_SYNC_GIT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"

/* A sanitizer maps terabytes for its shadow: then address space cannot be bounded. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REP_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REP_SANITIZED 1
#endif
#endif
#ifndef REP_SANITIZED
#define REP_SANITIZED 0
#endif

struct rep_channel; /* the child's end of the pipe */
/* Sends a frame; `tag` is the caller's own letter. The child ends when nobody reads any more. */
void rep_channel_put(struct rep_channel *channel, char tag, const void *data, size_t len);
/* A sign of life, with numbers for the caller's progress. */
void rep_channel_progress(struct rep_channel *channel, uint64_t done, uint64_t total);

struct rep_child_job {
	/* Runs in the child; what it returns, with its error, is what rep_child_finish returns. */
	enum rep_code (*work)(void *user, struct rep_channel *channel, struct rep_error *err);
	/* Runs in the parent for each frame, with at most `frame_max` bytes. */
	enum rep_code (*frame)(void *user, char tag, const char *data, size_t len,
			       struct rep_error *err);
	void (*progress)(void *user, uint64_t done,
			 uint64_t total); /* in the parent; may be NULL */
	void *user;
	size_t frame_max;
	unsigned stall_s;   /* killed after so long without a sign of life */
	bool sockets;       /* each 4 KiB that its TCP sockets move are a sign of life, too */
	unsigned overall_s; /* killed after so long in any case */
	bool limited;       /* also bound its memory, processor time and files */
	enum rep_code code_stalled; /* what a kill by the watchdog is */
	enum rep_code code_died;    /* what the child's own death is */
};

/* Bytes that this process's TCP sockets have had acknowledged and received; changes whenever one moves on. */
uint64_t rep_sockets_moved(void);

/* Is one of them still connected, both ways? */
bool rep_sockets_up(void);

struct rep_child;
/* `job` is copied; what its `user` points to must live until rep_child_finish. */
REP_CHECK enum rep_code rep_child_start(struct rep_child **out, const struct rep_child_job *job,
					struct rep_error *err);
/* Takes the frames, waits for the end, frees. NULL is REP_OK. */
REP_CHECK enum rep_code rep_child_finish(struct rep_child *child, struct rep_error *err);
/* Kills and frees; NULL is fine. */
void rep_child_abort(struct rep_child *child);

/*
 * Runs a program inside a child and waits: `argv`, `envp` complete. `in_fd` and `out_fd` become its stdin and stdout
 * (-1 = /dev/null). What it says on stderr is appended to `said`, cut at the buffer's limit and made safe.
 * *status is what waitpid tells.
 */
struct rep_program {
	const char *const *argv;
	const char *const *envp;
	int in_fd, out_fd;
};
REP_CHECK enum rep_code rep_program_run(const struct rep_program *program, struct rep_buf *said,
					int *status, struct rep_error *err);

#endif
