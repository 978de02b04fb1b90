/*
 * Encryption at rest: an SQLite VFS over the system's that seals each page of a database and each frame of its write-ahead
 * log. docs/formats.md, "Encrypted replica", has the layout.
 *
 * SQLite itself is the stock library and knows nothing of it: it sees pages of 4096 bytes of which 40 are reserved. One VFS
 * belongs to one connection and holds its key. Only WAL databases can be written: rollback journals and temporary files are
 * refused, so whatever connects through it keeps temporary things in memory (temp_store = MEMORY).
 *
 * What does not verify is SQLITE_IOERR_DATA and never content. One thing is not an error: frames at the end of a log that were
 * not yet synced when the machine died come back as zeros, which SQLite takes for the end of the log, as it must.
 */
#ifndef REPSYNC_CORE_STORE_VFS_H
#define REPSYNC_CORE_STORE_VFS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/store/db.h"

/* The file begins with this many bytes that are not pages: the vault (vault.h). A multiple of the page. */
#define REP_VFS_HEAD_SIZE 65536u
#define REP_VFS_PAGE_SIZE 4096u

struct rep_vfs;
/* Copies the key. The VFS must outlive the connection. */
REP_CHECK enum rep_code rep_vfs_new(struct rep_vfs **out, const struct rep_db_key *key,
				    struct rep_error *err);
void rep_vfs_free(struct rep_vfs *vfs); /* wipes the key; NULL is fine */
/* For sqlite3_open_v2. Borrowed. */
const char *rep_vfs_name(const struct rep_vfs *vfs);

/*
 * The head of the file at `path`, through SQLite's own layer: a plain close() of the same file would drop the locks that another
 * connection of this process holds on it. `head` has REP_VFS_HEAD_SIZE bytes; what the file lacks is zeroed and *len says how much
 * was there.
 */
REP_CHECK enum rep_code rep_vfs_head_read(const char *path, void *head, size_t *len,
					  struct rep_error *err);
/* Does `magic` stand at one of the places 0, `step`, 2 * `step` ... of the head? So asked, most files need not be read further. */
REP_CHECK enum rep_code rep_vfs_head_bears(const char *path, const char *magic, size_t len,
					   size_t step, bool *found, struct rep_error *err);
/*
 * Replaces `len` bytes of the head at `at`, synced. The caller holds the replica's key lock (vault.h); SQLite is not concerned.
 */
REP_CHECK enum rep_code rep_vfs_head_write(const char *path, size_t at, const void *data,
					   size_t len, struct rep_error *err);

#endif
