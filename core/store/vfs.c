/*
 * The VFS and the database file; vfs_log.c has the write-ahead log.
 *
 * Found by trying with SQLite 3.40:
 *
 * 1. At open SQLite reads 100 bytes at 0, and later 16 at 24, without a lock that would keep a checkpoint from writing that very
 *    page, and before it looks into the log, whose copy of the page is the good one if power went in the middle of a checkpoint.
 *    So reading less than a page never fails: what cannot be opened is answered with what every database of ours begins with, or,
 *    where SQLite asks whether something changed, with noise. Whole pages are read under locks and from the log first.
 * 2. The last 40 bytes of a page read as zero, whatever SQLite left in them when it wrote.
 * 3. A page that is all zero on disk is refused like any other that does not verify. SQLite leaves none behind: a page that it
 *    never wrote (the free list's leaves, the lock page at 1 GiB) it never reads.
 * 4. With page-sized sectors and without "powersafe overwrite" SQLite would split its writes to the log at sector borders.
 * 5. A file named …-journal beside the database, left there by somebody, would be played back: there is none for us.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/vfs_work.h"

static struct rep_vfs_file *file_of(sqlite3_file *raw)
{
	return (struct rep_vfs_file *)raw;
}

static struct rep_vfs *vfs_of(sqlite3_vfs *raw)
{
	return (struct rep_vfs *)raw;
}

/* ---- sealing ---- */

static void put_be(uint8_t *out, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

/* Pieces are bound to replica, kind, place and, for a frame's page, the page's number. */
struct bound {
	uint8_t bytes[REP_CIPHER_SALT + 1 + 8 + 4];
};

static struct rep_cipher cipher_of(const struct rep_vfs_file *file, enum rep_vfs_kind kind,
				   uint64_t place, uint32_t page, struct bound *bound)
{
	const struct rep_db_key *key = &file->vfs->secret->key;

	memcpy(bound->bytes, key->salt, REP_CIPHER_SALT);
	bound->bytes[REP_CIPHER_SALT] = (uint8_t)kind;
	put_be(bound->bytes + REP_CIPHER_SALT + 1, place, 8);
	put_be(bound->bytes + REP_CIPHER_SALT + 9, page, 4);
	return (struct rep_cipher){key->key, bound->bytes, sizeof bound->bytes};
}

void rep_vfs_seal(struct rep_vfs_file *file, enum rep_vfs_kind kind, uint64_t place, uint32_t page,
		  uint8_t *out, const void *clear, size_t len)
{
	struct bound bound;
	const struct rep_cipher cipher = cipher_of(file, kind, place, page, &bound);

	rep_cipher_seal(&cipher, &file->vfs->secret->nonce, out, clear, len, out + len);
}

bool rep_vfs_open(struct rep_vfs_file *file, enum rep_vfs_kind kind, uint64_t place, uint32_t page,
		  void *clear, const uint8_t *disk, size_t len)
{
	struct bound bound;
	const struct rep_cipher cipher = cipher_of(file, kind, place, page, &bound);

	return rep_cipher_open(&cipher, clear, disk, len, disk + len);
}

int rep_vfs_read_real(struct rep_vfs_file *file, void *out, size_t len, sqlite3_int64 at,
		      bool *whole)
{
	int rc = file->real->pMethods->xRead(file->real, out, (int)len, at);

	*whole = rc == SQLITE_OK;
	return rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc;
}

bool rep_vfs_is_zero(const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

/* ---- the database file ---- */

/* Opens page `number` (from 1) into file->clear. */
static int load_page(struct rep_vfs_file *file, uint32_t number, bool *whole)
{
	const sqlite3_int64 at = REP_VFS_HEAD_SIZE + (sqlite3_int64)(number - 1) * PAGE;
	int rc = rep_vfs_read_real(file, file->disk, PAGE, at, whole);

	if (rc != SQLITE_OK || !*whole)
		return rc;
	if (!rep_vfs_open(file, KIND_PAGE, number, number, file->clear, file->disk, USABLE))
		return SQLITE_IOERR_DATA;
	memset(file->clear + USABLE, 0, REP_CIPHER_EXTRA);
	return SQLITE_OK;
}

static int database_size(sqlite3_file *raw, sqlite3_int64 *size)
{
	struct rep_vfs_file *file = file_of(raw);
	int rc = file->real->pMethods->xFileSize(file->real, size);

	/* A last page that is not whole was being written when the machine died, and lies in the log. */
	*size = *size > REP_VFS_HEAD_SIZE ? (*size - REP_VFS_HEAD_SIZE) / PAGE * PAGE : 0;
	return rc;
}

/* What the first 100 bytes of a database of ours say of its form (fileformat2.html, 1.3): see 1. above. */
static void known_head(uint8_t *out)
{
	memset(out, 0, PAGE);
	memcpy(out, "SQLite format 3", 16);
	put_be(out + 16, PAGE, 2);
	out[18] = out[19] = 2; /* WAL */
	out[20] = REP_CIPHER_EXTRA;
	out[21] = 64;
	out[22] = out[23] = 32;
}

/* Less than a page, of the first page: see 1. above. */
static int read_part(struct rep_vfs_file *file, uint8_t *out, size_t len, sqlite3_int64 at)
{
	sqlite3_int64 size;
	bool whole = false;
	int rc = database_size(&file->raw, &size);

	if (rc != SQLITE_OK)
		return rc;
	if (size == 0) {
		memset(out, 0, len);
		return SQLITE_IOERR_SHORT_READ;
	}
	if (at < 0 || (size_t)at + len > PAGE)
		return SQLITE_IOERR_READ;
	rc = load_page(file, 1, &whole);
	if (rc != SQLITE_OK && rc != SQLITE_IOERR_DATA)
		return rc;
	if (rc == SQLITE_IOERR_DATA || !whole)
		known_head(file->clear);
	memcpy(out, file->clear + at, len);
	if (at > 0 && (rc == SQLITE_IOERR_DATA || !whole))
		rep_random(out, len);
	return SQLITE_OK;
}

static int database_read(sqlite3_file *raw, void *out, int amount, sqlite3_int64 at)
{
	struct rep_vfs_file *file = file_of(raw);
	bool whole = false;
	int rc;

	if (amount != (int)PAGE || at % PAGE != 0)
		return read_part(file, out, (size_t)amount, at);
	rc = load_page(file, (uint32_t)(at / PAGE + 1), &whole);
	if (rc == SQLITE_OK && whole) {
		memcpy(out, file->clear, PAGE);
		return SQLITE_OK;
	}
	memset(out, 0, PAGE);
	return rc != SQLITE_OK ? rc : SQLITE_IOERR_SHORT_READ;
}

static int database_write(sqlite3_file *raw, const void *data, int amount, sqlite3_int64 at)
{
	struct rep_vfs_file *file = file_of(raw);
	const uint32_t number = (uint32_t)(at / PAGE + 1);

	if (amount != (int)PAGE || at % PAGE != 0)
		return SQLITE_IOERR_WRITE;
	rep_vfs_seal(file, KIND_PAGE, number, number, file->disk, data, USABLE);
	return file->real->pMethods->xWrite(file->real, file->disk, (int)PAGE,
					    at + REP_VFS_HEAD_SIZE);
}

static int database_truncate(sqlite3_file *raw, sqlite3_int64 size)
{
	struct rep_vfs_file *file = file_of(raw);

	return file->real->pMethods->xTruncate(file->real, size + REP_VFS_HEAD_SIZE);
}

static int database_sync(sqlite3_file *raw, int flags)
{
	struct rep_vfs_file *file = file_of(raw);

	return file->real->pMethods->xSync(file->real, flags);
}

/* ---- what both kinds of file share ---- */

static int file_close(sqlite3_file *raw)
{
	struct rep_vfs_file *file = file_of(raw);
	int rc = SQLITE_OK;

	if (file->real->pMethods)
		rc = file->real->pMethods->xClose(file->real);
	free(file->disk);
	if (file->clear)
		rep_wipe(file->clear, PAGE);
	free(file->clear);
	return rc;
}

static int file_lock(sqlite3_file *raw, int level)
{
	struct rep_vfs_file *file = file_of(raw);

	return file->real->pMethods->xLock(file->real, level);
}

static int file_unlock(sqlite3_file *raw, int level)
{
	struct rep_vfs_file *file = file_of(raw);

	return file->real->pMethods->xUnlock(file->real, level);
}

static int file_check_reserved(sqlite3_file *raw, int *out)
{
	struct rep_vfs_file *file = file_of(raw);

	return file->real->pMethods->xCheckReservedLock(file->real, out);
}

/* Memory maps would show what lies on disk; a hint of the size to come does not count the head. */
static int file_control(sqlite3_file *raw, int op, void *arg)
{
	struct rep_vfs_file *file = file_of(raw);
	sqlite3_int64 size;

	if (op == SQLITE_FCNTL_MMAP_SIZE)
		return SQLITE_NOTFOUND;
	if (op == SQLITE_FCNTL_SIZE_HINT) {
		size = *(sqlite3_int64 *)arg + REP_VFS_HEAD_SIZE;
		arg = &size;
	}
	return file->real->pMethods->xFileControl(file->real, op, arg);
}

static int file_sector_size(sqlite3_file *raw)
{
	(void)raw;
	return PAGE;
}

static int file_characteristics(sqlite3_file *raw)
{
	(void)raw;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int shm_map(sqlite3_file *raw, int region, int size, int extend, void volatile **out)
{
	struct rep_vfs_file *file = file_of(raw);

	return file->real->pMethods->xShmMap(file->real, region, size, extend, out);
}

static int shm_lock(sqlite3_file *raw, int offset, int len, int flags)
{
	struct rep_vfs_file *file = file_of(raw);

	return file->real->pMethods->xShmLock(file->real, offset, len, flags);
}

static void shm_barrier(sqlite3_file *raw)
{
	struct rep_vfs_file *file = file_of(raw);

	file->real->pMethods->xShmBarrier(file->real);
}

static int shm_unmap(sqlite3_file *raw, int delete_it)
{
	struct rep_vfs_file *file = file_of(raw);

	return file->real->pMethods->xShmUnmap(file->real, delete_it);
}

/* Version 2: shared memory for the log's index, no memory maps. */
static const sqlite3_io_methods database_methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = database_read,
	.xWrite = database_write,
	.xTruncate = database_truncate,
	.xSync = database_sync,
	.xFileSize = database_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

static const sqlite3_io_methods log_methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = rep_vfs_log_read,
	.xWrite = rep_vfs_log_write,
	.xTruncate = rep_vfs_log_truncate,
	.xSync = rep_vfs_log_sync,
	.xFileSize = rep_vfs_log_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
};

/* ---- the VFS ---- */

static int vfs_open(sqlite3_vfs *raw, sqlite3_filename name, sqlite3_file *out, int flags,
		    int *out_flags)
{
	struct rep_vfs_file *file = file_of(out);
	const bool is_log = (flags & SQLITE_OPEN_WAL) != 0;
	int rc;

	out->pMethods = NULL;
	if (!name || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
		return SQLITE_CANTOPEN;
	memset(file, 0, sizeof *file);
	file->vfs = vfs_of(raw);
	file->real = (sqlite3_file *)(file + 1);
	memset(file->real, 0, (size_t)file->vfs->base->szOsFile);
	file->disk = malloc(DISK_FRAME);
	file->clear = malloc(PAGE);
	rc = file->disk && file->clear
		     ? file->vfs->base->xOpen(file->vfs->base, name, file->real, flags, out_flags)
		     : SQLITE_NOMEM;
	if (rc == SQLITE_OK)
		out->pMethods = is_log ? &log_methods : &database_methods;
	else
		(void)file_close(out);
	return rc;
}

static int vfs_delete(sqlite3_vfs *raw, const char *name, int sync)
{
	return vfs_of(raw)->base->xDelete(vfs_of(raw)->base, name, sync);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);
	size_t end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static int vfs_access(sqlite3_vfs *raw, const char *name, int flags, int *out)
{
	if (ends_with(name, "-journal")) {
		*out = 0;
		return SQLITE_OK;
	}
	return vfs_of(raw)->base->xAccess(vfs_of(raw)->base, name, flags, out);
}

static int vfs_full_path(sqlite3_vfs *raw, const char *name, int size, char *out)
{
	return vfs_of(raw)->base->xFullPathname(vfs_of(raw)->base, name, size, out);
}

static int vfs_random(sqlite3_vfs *raw, int len, char *out)
{
	return vfs_of(raw)->base->xRandomness(vfs_of(raw)->base, len, out);
}

static int vfs_sleep(sqlite3_vfs *raw, int us)
{
	return vfs_of(raw)->base->xSleep(vfs_of(raw)->base, us);
}

static int vfs_time(sqlite3_vfs *raw, double *out)
{
	return vfs_of(raw)->base->xCurrentTime(vfs_of(raw)->base, out);
}

static int vfs_time_ms(sqlite3_vfs *raw, sqlite3_int64 *out)
{
	return vfs_of(raw)->base->xCurrentTimeInt64(vfs_of(raw)->base, out);
}

static int vfs_last_error(sqlite3_vfs *raw, int len, char *out)
{
	return vfs_of(raw)->base->xGetLastError(vfs_of(raw)->base, len, out);
}

static void set_methods(struct rep_vfs *vfs)
{
	vfs->raw = (sqlite3_vfs){
		.iVersion = vfs->base->iVersion < 2 ? 1 : 2,
		.szOsFile = (int)sizeof(struct rep_vfs_file) + vfs->base->szOsFile,
		.mxPathname = vfs->base->mxPathname,
		.zName = vfs->name,
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_path,
		.xRandomness = vfs_random,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xGetLastError = vfs_last_error,
		.xCurrentTimeInt64 = vfs_time_ms,
	};
}

/* A replica's head is read before its database is opened: SQLite is set up here or never. */
static bool start_sqlite(void)
{
	rep_db_init();
	return sqlite3_initialize() == SQLITE_OK;
}

enum rep_code rep_vfs_new(struct rep_vfs **out, const struct rep_db_key *key, struct rep_error *err)
{
	struct rep_vfs *vfs = calloc(1, sizeof *vfs);

	*out = NULL;
	if (!vfs || !start_sqlite() || !(vfs->secret = rep_secret_new(sizeof *vfs->secret))) {
		free(vfs);
		return rep_fail(err, REP_ENOMEM, "open database: no memory");
	}
	vfs->base = sqlite3_vfs_find(NULL);
	vfs->secret->key = *key;
	rep_nonce_init(&vfs->secret->nonce);
	snprintf(vfs->name, sizeof vfs->name, "repsync-%p", (void *)vfs);
	set_methods(vfs);
	if (sqlite3_vfs_register(&vfs->raw, 0) != SQLITE_OK) {
		rep_secret_free(vfs->secret);
		free(vfs);
		return rep_fail(err, REP_ENOMEM, "open database: no memory");
	}
	*out = vfs;
	return REP_OK;
}

void rep_vfs_free(struct rep_vfs *vfs)
{
	if (!vfs)
		return;
	sqlite3_vfs_unregister(&vfs->raw);
	rep_secret_free(vfs->secret);
	free(vfs);
}

const char *rep_vfs_name(const struct rep_vfs *vfs)
{
	return vfs->name;
}

/* ---- the head ---- */

/* A file opened outside of any connection; `out` is freed with close_bare. */
static enum rep_code open_bare(sqlite3_file **out, sqlite3_filename *name, const char *path,
			       bool write, struct rep_error *err)
{
	const int flags =
		SQLITE_OPEN_MAIN_DB | (write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
	sqlite3_vfs *base = start_sqlite() ? sqlite3_vfs_find(NULL) : NULL;
	char *full = base ? malloc((size_t)base->mxPathname + 1) : NULL;
	int rc = SQLITE_NOMEM;

	*out = base ? calloc(1, (size_t)base->szOsFile) : NULL;
	*name = NULL;
	if (full && *out)
		rc = base->xFullPathname(base, path, base->mxPathname + 1, full);
	if ((rc & 0xff) == SQLITE_OK)
		*name = sqlite3_create_filename(full, "", "", 0, NULL);
	if (*name)
		rc = base->xOpen(base, *name, *out, flags, NULL);
	free(full);
	if (rc == SQLITE_OK && *name)
		return REP_OK;
	return rep_fail(err, rc == SQLITE_NOMEM ? REP_ENOMEM : REP_EIO, "open %s: %s", path,
			sqlite3_errstr(rc));
}

static void close_bare(sqlite3_file *file, sqlite3_filename name)
{
	if (file && file->pMethods)
		(void)file->pMethods->xClose(file);
	free(file);
	sqlite3_free_filename(name);
}

enum rep_code rep_vfs_head_read(const char *path, void *head, size_t *len, struct rep_error *err)
{
	sqlite3_file *file;
	sqlite3_filename name;
	sqlite3_int64 size = 0;
	enum rep_code rc = open_bare(&file, &name, path, false, err);
	int raw = SQLITE_OK;

	*len = 0;
	memset(head, 0, REP_VFS_HEAD_SIZE);
	if (rc == REP_OK) {
		raw = file->pMethods->xFileSize(file, &size);
		if (raw == SQLITE_OK)
			raw = file->pMethods->xRead(file, head, (int)REP_VFS_HEAD_SIZE, 0);
		if (raw != SQLITE_OK && raw != SQLITE_IOERR_SHORT_READ)
			rc = rep_fail(err, REP_EIO, "read %s: %s", path, sqlite3_errstr(raw));
		*len = size < (sqlite3_int64)REP_VFS_HEAD_SIZE ? (size_t)size : REP_VFS_HEAD_SIZE;
	}
	close_bare(file, name);
	return rc;
}

enum rep_code rep_vfs_head_bears(const char *path, const char *magic, size_t len, size_t step,
				 bool *found, struct rep_error *err)
{
	sqlite3_file *file;
	sqlite3_filename name;
	char there[32] = "";
	enum rep_code rc = open_bare(&file, &name, path, false, err);

	*found = false;
	for (size_t at = 0; rc == REP_OK && !*found && at < REP_VFS_HEAD_SIZE; at += step) {
		int raw = file->pMethods->xRead(file, there, (int)len, (sqlite3_int64)at);

		if (raw != SQLITE_OK && raw != SQLITE_IOERR_SHORT_READ)
			rc = rep_fail(err, REP_EIO, "read %s: %s", path, sqlite3_errstr(raw));
		*found = raw == SQLITE_OK && memcmp(there, magic, len) == 0;
	}
	close_bare(file, name);
	return rc;
}

enum rep_code rep_vfs_head_write(const char *path, size_t at, const void *data, size_t len,
				 struct rep_error *err)
{
	sqlite3_file *file;
	sqlite3_filename name;
	enum rep_code rc = open_bare(&file, &name, path, true, err);
	int raw = SQLITE_OK;

	if (rc == REP_OK) {
		raw = file->pMethods->xWrite(file, data, (int)len, (sqlite3_int64)at);
		if (raw == SQLITE_OK)
			raw = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
		if ((raw & 0xff) == SQLITE_FULL)
			rc = rep_fail(err, REP_EIO, "write %s: disk full", path);
		else if (raw != SQLITE_OK)
			rc = rep_fail(err, REP_EIO, "write %s: %s", path, sqlite3_errstr(raw));
	}
	close_bare(file, name);
	return rc;
}
