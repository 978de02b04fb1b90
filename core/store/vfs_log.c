/*
 * The write-ahead log, sealed.
 *
 * Each of SQLite's pieces (the log's header, a frame's header, a frame's page) is sealed by itself, because SQLite writes them
 * by themselves: within a transaction it writes a page again in place, and at the commit it writes the headers from there on
 * again with new checksums. Until then those headers have no salts. So a page is bound to its frame and its page number, not to
 * the salts; what ties frames to one another are SQLite's own checksums, which lie sealed in the headers. (In the clear they
 * would tell something of the pages: they are sums of the content.)
 *
 * A frame that does not verify is one of two things: it was being written when the machine died, then SQLite must take it for the
 * end of the log; or it was damaged, then what was committed in it, and in all behind it, would silently be gone. To tell them
 * apart a **mark** in the log's first sector says up to which frame the log was synced. It is written after the sync of a commit
 * and not synced itself: if it is there, then so is all that it names; if it is not, nothing was promised about the last commit
 * yet that the next sync does not settle. It costs one small write a commit.
 */
#include <string.h>

#include "core/store/vfs_work.h"

static struct rep_vfs_file *file_of(sqlite3_file *raw)
{
	return (struct rep_vfs_file *)raw;
}

static uint32_t get_be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void put_be32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Where frame `frame` (from 1) lies on disk. */
static sqlite3_int64 frame_at(uint32_t frame)
{
	return DISK_LOG_HEAD + (sqlite3_int64)(frame - 1) * DISK_FRAME;
}

/* ---- header and mark ---- */

/* What is known of the log as a whole. */
struct log_head {
	uint8_t clear[LOG_HEAD];
	bool there;      /* false: the log is new, nothing was written yet */
	uint32_t synced; /* frames of this header's salts that were synced; 0 = not known */
};

static int read_head(struct rep_vfs_file *file, struct log_head *head)
{
	uint8_t disk[DISK_LOG_HEAD];
	uint8_t mark[MARK];
	bool whole;
	int rc = rep_vfs_read_real(file, disk, sizeof disk, 0, &whole);

	*head = (struct log_head){.there = false};
	if (rc != SQLITE_OK || rep_vfs_is_zero(disk, sizeof disk))
		return rc;
	if (!rep_vfs_open(file, KIND_LOG_HEAD, 0, 0, head->clear, disk, LOG_HEAD))
		return SQLITE_IOERR_DATA;
	head->there = true;
	if (rep_vfs_is_zero(disk + DISK_MARK_AT, MARK + REP_CIPHER_EXTRA))
		return SQLITE_OK;
	if (!rep_vfs_open(file, KIND_LOG_MARK, 0, 0, mark, disk + DISK_MARK_AT, MARK))
		return SQLITE_IOERR_DATA;
	if (memcmp(mark, head->clear + 16, 8) == 0) /* the salts: else it is of an older log */
		head->synced = get_be32(mark + 8);
	return SQLITE_OK;
}

static int write_mark(struct rep_vfs_file *file)
{
	uint8_t disk[MARK + REP_CIPHER_EXTRA];
	uint8_t mark[MARK] = {0};
	struct log_head head;
	int rc = read_head(file, &head);

	if (rc != SQLITE_OK || !head.there || head.synced >= file->frame)
		return rc;
	memcpy(mark, head.clear + 16, 8);
	put_be32(mark + 8, file->frame);
	rep_vfs_seal(file, KIND_LOG_MARK, 0, 0, disk, mark, MARK);
	return file->real->pMethods->xWrite(file->real, disk, sizeof disk, DISK_MARK_AT);
}

/* ---- pieces ---- */

enum piece_kind { PIECE_HEAD, PIECE_FRAME_HEAD, PIECE_FRAME_PAGE };

/* A piece of the log as SQLite sees it. */
struct piece {
	enum piece_kind kind;
	uint32_t frame;
	size_t from; /* the wanted offset within it */
	size_t size;
};

static struct piece piece_at(sqlite3_int64 at)
{
	struct piece piece = {.kind = PIECE_HEAD, .from = (size_t)at, .size = LOG_HEAD};
	size_t inside;

	if (at < (sqlite3_int64)LOG_HEAD)
		return piece;
	piece.frame = (uint32_t)((at - LOG_HEAD) / FRAME + 1);
	inside = (size_t)((at - LOG_HEAD) % FRAME);
	piece.kind = inside < FRAME_HEAD ? PIECE_FRAME_HEAD : PIECE_FRAME_PAGE;
	piece.from = inside < FRAME_HEAD ? inside : inside - FRAME_HEAD;
	piece.size = inside < FRAME_HEAD ? FRAME_HEAD : PAGE;
	return piece;
}

static int load_frame_head(struct rep_vfs_file *file, uint32_t frame, uint8_t *out, bool *whole)
{
	uint8_t disk[DISK_FRAME_HEAD];
	int rc = rep_vfs_read_real(file, disk, sizeof disk, frame_at(frame), whole);

	if (rc != SQLITE_OK || !*whole)
		return rc;
	return rep_vfs_open(file, KIND_FRAME_HEAD, frame, 0, out, disk, FRAME_HEAD)
		       ? SQLITE_OK
		       : SQLITE_IOERR_DATA;
}

/* The number of the page in a frame: as just written, or as its header says. */
static int frame_page(struct rep_vfs_file *file, uint32_t frame, uint32_t *out, bool *whole)
{
	uint8_t head[FRAME_HEAD];
	int rc;

	*whole = true;
	*out = file->frame_page;
	if (file->frame == frame)
		return SQLITE_OK;
	rc = load_frame_head(file, frame, head, whole);
	*out = get_be32(head);
	return rc;
}

static int load_frame_page(struct rep_vfs_file *file, uint32_t frame, bool *whole)
{
	uint32_t number;
	int rc = frame_page(file, frame, &number, whole);

	if (rc == SQLITE_OK && *whole)
		rc = rep_vfs_read_real(file, file->disk, PAGE + REP_CIPHER_EXTRA,
				       frame_at(frame) + DISK_FRAME_HEAD, whole);
	if (rc != SQLITE_OK || !*whole)
		return rc;
	return rep_vfs_open(file, KIND_FRAME_PAGE, frame, number, file->clear, file->disk, PAGE)
		       ? SQLITE_OK
		       : SQLITE_IOERR_DATA;
}

/* Into file->clear, whole. */
static int load_piece(struct rep_vfs_file *file, const struct piece *piece, bool *whole)
{
	struct log_head head;
	int rc;

	*whole = true;
	switch (piece->kind) {
	case PIECE_HEAD:
		/* So begins SQLite's recovery: what this connection wrote last is no longer what counts. */
		file->frame = 0;
		rc = read_head(file, &head);
		*whole = head.there;
		memcpy(file->clear, head.clear, LOG_HEAD);
		return rc;
	case PIECE_FRAME_HEAD:
		return load_frame_head(file, piece->frame, file->clear, whole);
	case PIECE_FRAME_PAGE:
		return load_frame_page(file, piece->frame, whole);
	}
	return SQLITE_IOERR_READ;
}

/* ---- reading ---- */

/* May what does not verify be a frame that was never finished? Only recovery reads those, and it reads header and page at once. */
static int was_unfinished(struct rep_vfs_file *file, const struct piece *piece, size_t len,
			  bool *out)
{
	struct log_head head;
	int rc = read_head(file, &head);

	*out = piece->kind == PIECE_FRAME_HEAD && piece->from == 0 && len == FRAME &&
	       piece->frame > head.synced && piece->frame > file->frame;
	return rc;
}

int rep_vfs_log_read(sqlite3_file *raw, void *out, int amount, sqlite3_int64 at)
{
	struct rep_vfs_file *file = file_of(raw);
	const struct piece first = piece_at(at);
	uint8_t *bytes = out;
	bool whole = true, unfinished = false;
	int rc = SQLITE_OK;

	for (size_t done = 0; done < (size_t)amount;) {
		struct piece piece = piece_at(at + (sqlite3_int64)done);
		size_t len = piece.size - piece.from;

		if (len > (size_t)amount - done)
			len = (size_t)amount - done;
		rc = load_piece(file, &piece, &whole);
		if (rc != SQLITE_OK || !whole)
			break;
		memcpy(bytes + done, file->clear + piece.from, len);
		done += len;
	}
	if (rc == SQLITE_OK && whole)
		return SQLITE_OK;
	memset(out, 0, (size_t)amount);
	if (rc != SQLITE_IOERR_DATA)
		return rc != SQLITE_OK ? rc : SQLITE_IOERR_SHORT_READ;
	rc = was_unfinished(file, &first, (size_t)amount, &unfinished);
	return rc == SQLITE_OK && !unfinished ? SQLITE_IOERR_DATA : rc;
}

/* ---- writing ---- */

static int write_frame_page(struct rep_vfs_file *file, uint32_t frame, const void *data)
{
	uint32_t number;
	bool whole;
	int rc = frame_page(file, frame, &number, &whole);

	if (rc != SQLITE_OK || !whole)
		return rc != SQLITE_OK ? rc : SQLITE_IOERR_WRITE;
	rep_vfs_seal(file, KIND_FRAME_PAGE, frame, number, file->disk, data, PAGE);
	return file->real->pMethods->xWrite(file->real, file->disk, PAGE + REP_CIPHER_EXTRA,
					    frame_at(frame) + DISK_FRAME_HEAD);
}

static int write_frame_head(struct rep_vfs_file *file, uint32_t frame, const uint8_t *data)
{
	file->frame = frame;
	file->frame_page = get_be32(data);
	file->frame_commits = get_be32(data + 4) != 0;
	rep_vfs_seal(file, KIND_FRAME_HEAD, frame, 0, file->disk, data, FRAME_HEAD);
	return file->real->pMethods->xWrite(file->real, file->disk, DISK_FRAME_HEAD,
					    frame_at(frame));
}

/* SQLite writes whole pieces, one at a time. */
int rep_vfs_log_write(sqlite3_file *raw, const void *data, int amount, sqlite3_int64 at)
{
	struct rep_vfs_file *file = file_of(raw);
	const struct piece piece = piece_at(at);

	if (piece.from != 0 || (size_t)amount != piece.size)
		return SQLITE_IOERR_WRITE;
	switch (piece.kind) {
	case PIECE_HEAD:
		file->frame = 0;
		rep_vfs_seal(file, KIND_LOG_HEAD, 0, 0, file->disk, data, LOG_HEAD);
		return file->real->pMethods->xWrite(file->real, file->disk,
						    LOG_HEAD + REP_CIPHER_EXTRA, 0);
	case PIECE_FRAME_HEAD:
		return write_frame_head(file, piece.frame, data);
	case PIECE_FRAME_PAGE:
		return write_frame_page(file, piece.frame, data);
	}
	return SQLITE_IOERR_WRITE;
}

int rep_vfs_log_truncate(sqlite3_file *raw, sqlite3_int64 size)
{
	struct rep_vfs_file *file = file_of(raw);
	sqlite3_int64 frames = (size - LOG_HEAD + FRAME - 1) / FRAME;

	file->frame = 0;
	return file->real->pMethods->xTruncate(file->real,
					       size <= 0 ? 0 : DISK_LOG_HEAD + frames * DISK_FRAME);
}

int rep_vfs_log_sync(sqlite3_file *raw, int flags)
{
	struct rep_vfs_file *file = file_of(raw);
	int rc = file->real->pMethods->xSync(file->real, flags);

	if (rc == SQLITE_OK && file->frame > 0 && file->frame_commits) {
		rc = write_mark(file);
		file->frame_commits = false;
	}
	return rc;
}

/* Whole frames only. A log that is shorter than what was synced was cut by somebody. */
int rep_vfs_log_size(sqlite3_file *raw, sqlite3_int64 *size)
{
	struct rep_vfs_file *file = file_of(raw);
	struct log_head head;
	sqlite3_int64 disk = 0, frames;
	int rc = file->real->pMethods->xFileSize(file->real, &disk);

	*size = 0;
	if (rc != SQLITE_OK || disk == 0)
		return rc;
	rc = read_head(file, &head);
	frames = disk > (sqlite3_int64)DISK_LOG_HEAD ? (disk - DISK_LOG_HEAD) / DISK_FRAME : 0;
	if (rc == SQLITE_OK && frames < head.synced)
		return SQLITE_IOERR_DATA;
	if (rc == SQLITE_OK && head.there)
		*size = LOG_HEAD + frames * FRAME;
	return rc;
}
