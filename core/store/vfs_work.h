/* What the files of the encrypting VFS share. */
#ifndef REPSYNC_CORE_STORE_VFS_WORK_H
#define REPSYNC_CORE_STORE_VFS_WORK_H

#include <stdbool.h>

#include "core/model/cipher.h"
#include "core/store/db_raw.h"
#include "core/store/vfs.h"

#define PAGE REP_VFS_PAGE_SIZE
#define USABLE (PAGE - REP_CIPHER_EXTRA) /* of a page of the database */

/* Sizes that SQLite sees in a log (sqlite.org/fileformat2.html, 4.1), and what they become on disk. */
#define LOG_HEAD 32u
#define FRAME_HEAD 24u
#define FRAME (FRAME_HEAD + PAGE)
#define MARK 16u /* ours: how far the log was synced */
#define DISK_MARK_AT (LOG_HEAD + REP_CIPHER_EXTRA)
#define DISK_LOG_HEAD (DISK_MARK_AT + MARK + REP_CIPHER_EXTRA)
#define DISK_FRAME_HEAD (FRAME_HEAD + REP_CIPHER_EXTRA)
#define DISK_FRAME (DISK_FRAME_HEAD + PAGE + REP_CIPHER_EXTRA)

/* What a sealed piece is: no piece can stand for one of another kind. */
enum rep_vfs_kind {
	KIND_PAGE = 'p',
	KIND_LOG_HEAD = 'l',
	KIND_LOG_MARK = 'm',
	KIND_FRAME_HEAD = 'h',
	KIND_FRAME_PAGE = 'f'
};

struct rep_vfs_secret {
	struct rep_db_key key;
	struct rep_nonce nonce;
};

struct rep_vfs {
	sqlite3_vfs raw; /* first: SQLite hands it back */
	sqlite3_vfs *base;
	struct rep_vfs_secret *secret;
	char name[40];
};

struct rep_vfs_file {
	sqlite3_file raw; /* first */
	struct rep_vfs *vfs;
	sqlite3_file *real; /* the base's, behind this struct */
	uint8_t *disk;      /* one piece as it lies on disk */
	uint8_t *clear;     /* one piece as SQLite sees it */

	/* Of a log: the frame whose header this connection wrote last. */
	uint32_t frame; /* counts from 1; 0 = none */
	uint32_t frame_page;
	bool frame_commits;
};

/* Seals `len` bytes of `clear` into `out`, nonce and tag behind them; opens likewise. */
void rep_vfs_seal(struct rep_vfs_file *file, enum rep_vfs_kind kind, uint64_t place, uint32_t page,
		  uint8_t *out, const void *clear, size_t len);
bool rep_vfs_open(struct rep_vfs_file *file, enum rep_vfs_kind kind, uint64_t place, uint32_t page,
		  void *clear, const uint8_t *disk, size_t len);
/* Reads exactly `len` bytes. *whole is false, and the rest zeroed, where the file ends before. */
int rep_vfs_read_real(struct rep_vfs_file *file, void *out, size_t len, sqlite3_int64 at,
		      bool *whole);
bool rep_vfs_is_zero(const void *data, size_t len);

/* ---- vfs_log.c: the methods that differ for a write-ahead log ---- */
int rep_vfs_log_read(sqlite3_file *raw, void *out, int amount, sqlite3_int64 at);
int rep_vfs_log_write(sqlite3_file *raw, const void *data, int amount, sqlite3_int64 at);
int rep_vfs_log_truncate(sqlite3_file *raw, sqlite3_int64 size);
int rep_vfs_log_sync(sqlite3_file *raw, int flags);
int rep_vfs_log_size(sqlite3_file *raw, sqlite3_int64 *size);

#endif
