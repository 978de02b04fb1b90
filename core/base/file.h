/*
 * Files and folders, with everything synced before success is told. Paths are byte strings.
 */
#ifndef REPSYNC_CORE_BASE_FILE_H
#define REPSYNC_CORE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"

/* Appends a whole file; refuses what is not a regular file, and what would pass the buffer's limit. */
REP_CHECK enum rep_code rep_file_read(struct rep_buf *out, const char *path, struct rep_error *err);

/* Writes through a temporary file: data synced, renamed over `path`, folder synced. `mode` as chmod. */
REP_CHECK enum rep_code rep_file_write(const char *path, const void *data, size_t len,
				       unsigned mode, struct rep_error *err);

/* Writes all of it, whatever a signal cuts short; not synced. `what` names the file in the error, REP_EIO. */
REP_CHECK enum rep_code rep_fd_write(int fd, const void *data, size_t len, const char *what,
				     struct rep_error *err);

/* An empty file of mode 0600, where there is none: its mode never depends on the umask. No symlink is followed. */
REP_CHECK enum rep_code rep_file_make_private(const char *path, struct rep_error *err);
bool rep_file_exists(const char *path);
bool rep_file_is_dir(const char *path);
REP_CHECK enum rep_code rep_dir_make(const char *path, unsigned mode,
				     struct rep_error *err); /* with parents */
REP_CHECK enum rep_code rep_dir_sync(const char *path, struct rep_error *err);
REP_CHECK enum rep_code rep_dir_remove(
	const char *path,
	struct rep_error *err); /* with all below; no symlink followed; absent is fine */
/* A new private folder (0700) in memory where there is /dev/shm, else in TMPDIR; the caller frees the path. */
REP_CHECK enum rep_code rep_dir_private(char **out, const char *prefix, struct rep_error *err);

/*
 * An exclusive advisory lock (flock) on `path`, made if absent. REP_EBUSY at once when another
 * process holds it, naming `what`; with `wait` it blocks. Released by rep_lock_free or by death.
 */
struct rep_lock;
REP_CHECK enum rep_code rep_lock_take(struct rep_lock **out, const char *path, const char *what,
				      bool wait, struct rep_error *err);
void rep_lock_free(struct rep_lock *lock);

#endif
