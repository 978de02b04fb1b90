#include "help_power.h"

#include <stdio.h>

#include <sqlite3.h>

#include "help.h"

#define FILES_MAX 8
#define SECTOR 512

/* A write or truncation since the last sync. */
struct pending {
	sqlite3_int64 at;
	size_t len;
	char *data; /* NULL: a truncation to `at` */
};

/* A file as it certainly is on disk, and what may be. */
struct disk_file {
	char name[256];
	char *data;
	size_t len;
	struct pending *pending;
	size_t pending_len;
	bool deleted;
};

struct power_file {
	sqlite3_file raw;
	struct disk_file *disk; /* NULL: not one of those that are watched */
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs raw;
	sqlite3_vfs *base;
	struct disk_file files[FILES_MAX];
	size_t files_len;
	uint64_t random;
	long operations, cut_at;
} power;

static uint64_t next_random(void) /* xorshift64* */
{
	power.random ^= power.random >> 12;
	power.random ^= power.random << 25;
	power.random ^= power.random >> 27;
	return power.random * 2685821657736338717u;
}

static bool step(void)
{
	if (power_is_off())
		return false;
	power.operations++;
	return !power_is_off();
}

bool power_is_off(void)
{
	return power.cut_at > 0 && power.operations >= power.cut_at;
}

long power_operations(void)
{
	return power.operations;
}

/* ---- the disk ---- */

static void write_bytes(struct disk_file *file, size_t at, const char *data, size_t len)
{
	if (at + len > file->len) {
		file->data = realloc(file->data, at + len);
		assert_non_null(file->data);
		memset(file->data + file->len, 0, at + len - file->len);
		file->len = at + len;
	}
	memcpy(file->data + at, data, len);
}

static void cut_to(struct disk_file *file, size_t len)
{
	if (len < file->len)
		file->len = len;
}

static void apply(struct disk_file *file, const struct pending *pending)
{
	if (pending->data)
		write_bytes(file, (size_t)pending->at, pending->data, pending->len);
	else
		cut_to(file, (size_t)pending->at);
}

static void forget_pending(struct disk_file *file)
{
	for (size_t i = 0; i < file->pending_len; i++)
		free(file->pending[i].data);
	free(file->pending);
	file->pending = NULL;
	file->pending_len = 0;
}

static void remember(struct disk_file *file, sqlite3_int64 at, const void *data, size_t len)
{
	struct pending *pending;

	file->pending = realloc(file->pending, (file->pending_len + 1) * sizeof *file->pending);
	assert_non_null(file->pending);
	pending = &file->pending[file->pending_len++];
	*pending = (struct pending){.at = at, .len = len};
	if (data) {
		pending->data = malloc(len);
		assert_non_null(pending->data);
		memcpy(pending->data, data, len);
	}
}

/* Whole, not at all, or some of its sectors. */
static void apply_some(struct disk_file *file, const struct pending *pending)
{
	const uint64_t fate = next_random() % 4;
	size_t len;

	if (fate == 0)
		return;
	if (fate <= 2 || !pending->data) {
		apply(file, pending);
		return;
	}
	for (size_t at = 0; at < pending->len; at += len) {
		len = SECTOR - ((size_t)pending->at + at) % SECTOR;
		if (len > pending->len - at)
			len = pending->len - at;
		if (next_random() % 2)
			write_bytes(file, (size_t)pending->at + at, pending->data + at, len);
	}
}

void power_image(const char *into)
{
	char path[4096];

	for (size_t i = 0; i < power.files_len; i++) {
		struct disk_file *file = &power.files[i];
		FILE *out;

		for (size_t j = 0; j < file->pending_len; j++)
			apply_some(file, &file->pending[j]);
		forget_pending(file);
		if (!file->deleted || next_random() % 2) {
			snprintf(path, sizeof path, "%s/%s", into, file->name);
			out = fopen(path, "wb");
			assert_non_null(out);
			if (file->len > 0)
				assert_int_equal(fwrite(file->data, 1, file->len, out), file->len);
			fclose(out);
		}
		free(file->data);
		*file = (struct disk_file){.len = 0};
	}
	power.files_len = 0;
}

void power_begin(uint64_t seed, long cut_at)
{
	for (size_t i = 0; i < power.files_len; i++) {
		forget_pending(&power.files[i]);
		free(power.files[i].data);
		power.files[i] = (struct disk_file){.len = 0};
	}
	power.files_len = 0;
	power.random = seed * 2654435769u + 88172645463325252u;
	power.operations = 0;
	power.cut_at = cut_at;
}

static struct disk_file *disk_file(const char *path, bool make)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	for (size_t i = 0; i < power.files_len; i++)
		if (strcmp(power.files[i].name, name) == 0)
			return &power.files[i];
	if (!make)
		return NULL;
	assert_true(power.files_len < FILES_MAX);
	snprintf(power.files[power.files_len].name, sizeof power.files->name, "%s", name);
	return &power.files[power.files_len++];
}

/* ---- files ---- */

static struct power_file *file_of(sqlite3_file *raw)
{
	return (struct power_file *)raw;
}

static int file_close(sqlite3_file *raw)
{
	return file_of(raw)->real->pMethods->xClose(file_of(raw)->real);
}

static int file_read(sqlite3_file *raw, void *out, int len, sqlite3_int64 at)
{
	return file_of(raw)->real->pMethods->xRead(file_of(raw)->real, out, len, at);
}

static int file_write(sqlite3_file *raw, const void *data, int len, sqlite3_int64 at)
{
	struct power_file *file = file_of(raw);

	if (power_is_off())
		return SQLITE_IOERR_WRITE;
	if (file->disk)
		remember(file->disk, at, data, (size_t)len);
	if (!step())
		return SQLITE_IOERR_WRITE;
	return file->real->pMethods->xWrite(file->real, data, len, at);
}

static int file_truncate(sqlite3_file *raw, sqlite3_int64 size)
{
	struct power_file *file = file_of(raw);

	if (power_is_off())
		return SQLITE_IOERR_TRUNCATE;
	if (file->disk)
		remember(file->disk, size, NULL, 0);
	if (!step())
		return SQLITE_IOERR_TRUNCATE;
	return file->real->pMethods->xTruncate(file->real, size);
}

static int file_sync(sqlite3_file *raw, int flags)
{
	struct power_file *file = file_of(raw);

	(void)flags;
	if (power_is_off() || !step())
		return SQLITE_IOERR_FSYNC;
	for (size_t i = 0; file->disk && i < file->disk->pending_len; i++)
		apply(file->disk, &file->disk->pending[i]);
	if (file->disk)
		forget_pending(file->disk);
	return SQLITE_OK;
}

static int file_size(sqlite3_file *raw, sqlite3_int64 *size)
{
	return file_of(raw)->real->pMethods->xFileSize(file_of(raw)->real, size);
}

static int file_lock(sqlite3_file *raw, int level)
{
	return file_of(raw)->real->pMethods->xLock(file_of(raw)->real, level);
}

static int file_unlock(sqlite3_file *raw, int level)
{
	return file_of(raw)->real->pMethods->xUnlock(file_of(raw)->real, level);
}

static int file_check(sqlite3_file *raw, int *out)
{
	return file_of(raw)->real->pMethods->xCheckReservedLock(file_of(raw)->real, out);
}

static int file_control(sqlite3_file *raw, int op, void *arg)
{
	return file_of(raw)->real->pMethods->xFileControl(file_of(raw)->real, op, arg);
}

static int file_sector(sqlite3_file *raw)
{
	(void)raw;
	return SECTOR;
}

static int file_characteristics(sqlite3_file *raw)
{
	(void)raw;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int shm_map(sqlite3_file *raw, int region, int size, int extend, void volatile **out)
{
	return file_of(raw)->real->pMethods->xShmMap(file_of(raw)->real, region, size, extend, out);
}

static int shm_lock(sqlite3_file *raw, int offset, int len, int flags)
{
	return file_of(raw)->real->pMethods->xShmLock(file_of(raw)->real, offset, len, flags);
}

static void shm_barrier(sqlite3_file *raw)
{
	file_of(raw)->real->pMethods->xShmBarrier(file_of(raw)->real);
}

static int shm_unmap(sqlite3_file *raw, int delete_it)
{
	return file_of(raw)->real->pMethods->xShmUnmap(file_of(raw)->real, delete_it);
}

static const sqlite3_io_methods methods = {
	2,
	file_close,
	file_read,
	file_write,
	file_truncate,
	file_sync,
	file_size,
	file_lock,
	file_unlock,
	file_check,
	file_control,
	file_sector,
	file_characteristics,
	shm_map,
	shm_lock,
	shm_barrier,
	shm_unmap,
	NULL,
	NULL,
};

/* ---- the VFS ---- */

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *out, int flags,
		    int *out_flags)
{
	struct power_file *file = file_of(out);
	sqlite3_int64 size = 0;
	int rc;

	(void)vfs;
	memset(file, 0, sizeof *file);
	file->real = (sqlite3_file *)(file + 1);
	if (power_is_off())
		return SQLITE_CANTOPEN;
	rc = power.base->xOpen(power.base, name, file->real, flags, out_flags);
	if (rc != SQLITE_OK)
		return rc;
	out->pMethods = &methods;
	if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)))
		return SQLITE_OK;
	file->disk = disk_file(name, true);
	if (file->disk->deleted) {
		forget_pending(file->disk);
		file->disk->len = 0;
		file->disk->deleted = false;
	}
	file->real->pMethods->xFileSize(file->real, &size);
	if (size > 0 && !file->disk->data) { /* it was there before: it is on disk */
		char *data = malloc((size_t)size);

		assert_non_null(data);
		file->real->pMethods->xRead(file->real, data, (int)size, 0);
		write_bytes(file->disk, 0, data, (size_t)size);
		free(data);
	}
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct disk_file *file = disk_file(name, false);

	(void)vfs;
	if (power_is_off() || !step())
		return SQLITE_IOERR_DELETE;
	if (file)
		file->deleted = true;
	return power.base->xDelete(power.base, name, sync);
}

void power_install(void)
{
	assert_int_equal(sqlite3_initialize(), SQLITE_OK);
	power.base = sqlite3_vfs_find(NULL);
	power.raw = *power.base;
	power.raw.zName = "power";
	power.raw.szOsFile = (int)sizeof(struct power_file) + power.base->szOsFile;
	power.raw.xOpen = vfs_open;
	power.raw.xDelete = vfs_delete;
	assert_int_equal(sqlite3_vfs_register(&power.raw, 1), SQLITE_OK);
}

void power_uninstall(void)
{
	power_begin(0, 0);
	sqlite3_vfs_unregister(&power.raw);
}
