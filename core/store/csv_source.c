#include "core/store/csv_source.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536u
/* Four characters of three bytes: by chance once in 10^8 lines of GB 2312 text. */
#define SURELY_UTF8 4u

struct rep_csv_source {
	int fd;
	iconv_t decoder; /* (iconv_t)-1 for UTF-8 */
	const char *encoding;
	size_t skipped;
	bool lone_cr;
	size_t rest_len; /* bytes of a character that the last piece cut */
	char rest[8];
};

/* What one pass over the file found. */
struct survey {
	size_t sure_lines; /* UTF-8 beyond doubt */
	size_t bad_lines;  /* not UTF-8 */
	size_t common;     /* pairs that GB 2312 has */
	size_t rare;       /* pairs that only GBK and GB18030 have, and what neither has */
	bool lf;

	unsigned need;       /* UTF-8 bytes still to come */
	unsigned char least; /* the least that the next one may be */
	unsigned char most;
	bool bad;        /* this line is not UTF-8 */
	unsigned threes; /* its characters of three bytes */
	unsigned char lead;
	unsigned skip; /* the rest of a GB18030 character of four bytes, which says nothing */
};

static void survey_line(struct survey *s)
{
	if (s->bad || s->need > 0)
		s->bad_lines++;
	else if (s->threes >= SURELY_UTF8)
		s->sure_lines++;
	s->bad = false;
	s->need = s->threes = 0;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static void survey_utf8(struct survey *s, unsigned char byte)
{
	if (s->need > 0) {
		if (byte < s->least || byte > s->most) {
			s->bad = true;
			s->need = 0;
			return;
		}
		s->need--;
		s->least = 0x80;
		s->most = 0xBF;
	} else if (byte >= 0x80) {
		s->least = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
		s->most = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
		if (byte < 0xC2 || byte > 0xF4) {
			s->bad = true;
			return;
		}
		s->need = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
		s->threes += byte >= 0xE3 && byte <= 0xE9;
	}
}

/* Pairs as GB 2312 has them: hanzi in rows B0..F7, signs in A1..A9, both bytes from A1 on. */
static void survey_gb(struct survey *s, unsigned char byte)
{
	if (s->skip > 0) {
		s->skip--;
		return;
	}
	if (s->lead == 0) {
		s->lead = byte >= 0x80 ? byte : 0;
		return;
	}
	if (byte >= '0' && byte <= '9')
		s->skip = 2;
	else if (byte >= 0xA1 && byte <= 0xFE &&
		 ((s->lead >= 0xB0 && s->lead <= 0xF7) || (s->lead >= 0xA1 && s->lead <= 0xA9)))
		s->common++;
	else
		s->rare++;
	s->lead = 0;
}

static void survey_bytes(struct survey *s, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		s->lf = s->lf || data[i] == '\n';
		if (data[i] == '\n' || data[i] == '\r') {
			survey_line(s);
			s->lead = 0;
			s->skip = 0;
			continue;
		}
		survey_utf8(s, data[i]);
		survey_gb(s, data[i]);
	}
}

static enum rep_code read_piece(const struct rep_csv_source *source, unsigned char *piece,
				size_t *len, struct rep_error *err)
{
	ssize_t got;

	do
		got = read(source->fd, piece, PIECE);
	while (got < 0 && errno == EINTR);
	*len = got > 0 ? (size_t)got : 0;
	return got < 0 ? rep_fail(err, REP_EIO, "read: %s", strerror(errno)) : REP_OK;
}

struct mark {
	const char *bytes;
	size_t len;
	const char *encoding;
};
static const struct mark marks[] = {
	{"\xEF\xBB\xBF", 3, "utf-8"},
	{"\xFF\xFE", 2, "utf-16le"},
	{"\xFE\xFF", 2, "utf-16be"},
	{"\x84\x31\x95\x33", 4, "gb18030"},
};

static const struct mark *find_mark(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (len >= marks[i].len && memcmp(data, marks[i].bytes, marks[i].len) == 0)
			return &marks[i];
	return NULL;
}

/* The names that people use -> iconv's; "utf-16" means little endian where no mark says otherwise. */
static const char *known_encoding(const char *name)
{
	static const char *const names[][2] = {
		{"utf-8", "utf-8"},
		{"utf8", "utf-8"},
		{"gb18030", "gb18030"},
		{"gbk", "gb18030"},
		{"gb2312", "gb18030"},
		{"utf-16", "utf-16le"},
		{"utf-16le", "utf-16le"},
		{"utf-16be", "utf-16be"},
		{"windows-1252", "windows-1252"},
		{"cp1252", "windows-1252"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i][0]) == 0)
			return names[i][1];
	return NULL;
}

static enum rep_code decide(struct rep_csv_source *source, const struct survey *s,
			    struct rep_error *err)
{
	enum rep_code rc;

	source->lone_cr = !s->lf;
	if (source->encoding)
		return REP_OK;
	if (s->bad_lines == 0 || s->sure_lines > 0) {
		source->encoding = "utf-8";
		return REP_OK;
	}
	if (s->common >= 3 * s->rare && s->common > 0) {
		source->encoding = "gb18030";
		return REP_OK;
	}
	rc = rep_fail(err, REP_EINVAL, "its encoding cannot be told: neither utf-8 nor gb18030");
	rep_hint(err, "name it: utf-8, gb18030, utf-16 or windows-1252");
	return rc;
}

/* One pass for the marks and the survey, then back to the first byte after the mark. */
static enum rep_code detect(struct rep_csv_source *source, struct rep_error *err)
{
	unsigned char *piece = malloc(PIECE);
	struct survey survey = {0};
	const struct mark *mark;
	enum rep_code rc = REP_OK;
	bool first = true;
	size_t len;

	if (!piece)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	do {
		rc = read_piece(source, piece, &len, err);
		mark = first && !rc ? find_mark(piece, len) : NULL;
		if (mark &&
		    (!source->encoding || strncmp(source->encoding, mark->encoding, 6) == 0)) {
			source->encoding = mark->encoding;
			source->skipped = mark->len;
		}
		first = false;
		survey_bytes(&survey, piece, len);
	} while (!rc && len > 0);
	survey_line(&survey);
	free(piece);
	if (!rc)
		rc = decide(source, &survey, err);
	if (!rc && lseek(source->fd, (off_t)source->skipped, SEEK_SET) < 0)
		rc = rep_fail(err, REP_EIO, "seek: %s", strerror(errno));
	return rc;
}

static enum rep_code open_file(struct rep_csv_source *source, const char *path,
			       struct rep_error *err)
{
	struct stat st;

	source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (source->fd < 0)
		return rep_fail(err, errno == ENOENT ? REP_ENOTFOUND : REP_EIO, "%s",
				strerror(errno));
	if (fstat(source->fd, &st) || !S_ISREG(st.st_mode))
		return rep_fail(err, REP_EINVAL, "not a regular file");
	return REP_OK;
}

enum rep_code rep_csv_source_open(struct rep_csv_source **out, const char *path,
				  const char *encoding, struct rep_error *err)
{
	struct rep_csv_source *source = calloc(1, sizeof *source);
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (!source)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	source->fd = -1;
	source->decoder = (iconv_t)-1;
	if (encoding && !(source->encoding = known_encoding(encoding))) {
		rc = rep_fail(err, REP_EUSAGE, "unknown encoding %s", encoding);
		rep_hint(err, "known are utf-8, gb18030, utf-16 and windows-1252");
		goto out;
	}
	if ((rc = open_file(source, path, err)) || (rc = detect(source, err)))
		goto out;
	if (strcmp(source->encoding, "utf-8") != 0) {
		source->decoder = iconv_open("utf-8", source->encoding);
		if (source->decoder == (iconv_t)-1) {
			rc = rep_fail(err, REP_EIO, "iconv %s: %s", source->encoding,
				      strerror(errno));
			goto out;
		}
	}
	*out = source;
	source = NULL;
out:
	rep_csv_source_close(source);
	return rep_wrap(err, rc, "%s", path);
}

void rep_csv_source_close(struct rep_csv_source *source)
{
	if (!source)
		return;
	if (source->decoder != (iconv_t)-1)
		iconv_close(source->decoder);
	if (source->fd >= 0)
		close(source->fd);
	free(source);
}

/* Decodes what can be; what is undecodable becomes 0xFF, what the piece cut waits in `rest`. */
static enum rep_code decode(struct rep_csv_source *source, struct rep_buf *out, char *data,
			    size_t len, bool last, struct rep_error *err)
{
	size_t unit = strncmp(source->encoding, "utf-16", 6) == 0 ? 2 : 1, left, done;
	char text[4096], *to;
	bool stuck;

	while (len > 0) {
		to = text;
		left = sizeof text;
		stuck = iconv(source->decoder, &data, &len, &to, &left) == (size_t)-1;
		done = sizeof text - left;
		rep_buf_put(out, text, done);
		if (!stuck || errno == E2BIG)
			continue;
		if (errno == EINVAL && !last && len < sizeof source->rest) {
			memcpy(source->rest, data, len);
			source->rest_len = len;
			break;
		}
		rep_buf_putc(out, (char)0xFF);
		unit = unit < len ? unit : len;
		data += unit;
		len -= unit;
		iconv(source->decoder, NULL, NULL, NULL, NULL);
	}
	return rep_buf_check(out, "csv text", err);
}

enum rep_code rep_csv_source_read(struct rep_csv_source *source, struct rep_buf *out, bool *more,
				  struct rep_error *err)
{
	char *piece = malloc(PIECE + sizeof source->rest);
	size_t kept = source->rest_len, len = 0;
	enum rep_code rc;

	*more = false;
	if (!piece)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	memcpy(piece, source->rest, kept);
	source->rest_len = 0;
	rc = read_piece(source, (unsigned char *)piece + kept, &len, err);
	if (!rc && source->decoder == (iconv_t)-1) {
		rep_buf_put(out, piece, len);
		rc = rep_buf_check(out, "csv text", err);
	} else if (!rc) {
		rc = decode(source, out, piece, kept + len, len == 0, err);
	}
	*more = len > 0;
	free(piece);
	return rc;
}

const char *rep_csv_source_encoding(const struct rep_csv_source *source)
{
	return source->encoding;
}

size_t rep_csv_source_skipped(const struct rep_csv_source *source)
{
	return source->skipped;
}

bool rep_csv_source_lone_cr(const struct rep_csv_source *source)
{
	return source->lone_cr;
}
