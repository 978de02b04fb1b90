#include "core/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rep_buf_clear(struct rep_buf *buf)
{
	free(buf->data);
	*buf = REP_BUF_INIT(buf->limit);
}

void rep_buf_reset(struct rep_buf *buf)
{
	buf->len = 0;
	buf->failed = REP_OK;
	if (buf->data)
		buf->data[0] = '\0';
}

/* Room for `more` bytes and the NUL. Doubles, so that appending n bytes copies at most 2n. */
static bool grow(struct rep_buf *buf, size_t more)
{
	size_t need, cap;
	char *data;

	if (buf->failed)
		return false;
	if (buf->len > buf->limit || more > buf->limit - buf->len ||
	    more > SIZE_MAX / 2 - 64 - buf->len) {
		buf->failed = REP_ELIMIT;
		return false;
	}
	need = buf->len + more + 1;
	if (need <= buf->cap)
		return true;
	cap = buf->cap < 64 ? 64 : buf->cap;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = REP_ENOMEM;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void rep_buf_put(struct rep_buf *buf, const void *data, size_t len)
{
	if (!grow(buf, len))
		return;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void rep_buf_puts(struct rep_buf *buf, const char *text)
{
	rep_buf_put(buf, text, strlen(text));
}

void rep_buf_putc(struct rep_buf *buf, char byte)
{
	if (!grow(buf, 1))
		return;
	buf->data[buf->len++] = byte;
	buf->data[buf->len] = '\0';
}

void rep_buf_printf(struct rep_buf *buf, const char *fmt, ...)
{
	va_list args;
	int wanted;

	va_start(args, fmt);
	wanted = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (wanted < 0) {
		if (!buf->failed)
			buf->failed = REP_EINVAL;
		return;
	}
	if (!grow(buf, (size_t)wanted))
		return;
	va_start(args, fmt);
	vsnprintf(buf->data + buf->len, (size_t)wanted + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)wanted;
}

const char *rep_buf_str(const struct rep_buf *buf)
{
	return buf->data ? buf->data : "";
}

enum rep_code rep_buf_check(const struct rep_buf *buf, const char *what, struct rep_error *err)
{
	switch (buf->failed) {
	case REP_OK:
		return REP_OK;
	case REP_ENOMEM:
		return rep_fail(err, REP_ENOMEM, "%s: out of memory", what);
	case REP_ELIMIT:
		return rep_fail(err, REP_ELIMIT, "%s: would be more than %zu bytes", what,
				buf->limit);
	case REP_EUSAGE:
	case REP_EINVAL:
	case REP_ENOTFOUND:
	case REP_EEXIST:
	case REP_EIO:
	case REP_EBUSY:
	case REP_EORDER:
	case REP_EREFUSED:
	case REP_EUNREACHABLE:
	case REP_EINTEGRITY:
		break;
	}
	return rep_fail(err, buf->failed, "%s: has a part that cannot be written", what);
}

char *rep_buf_take(struct rep_buf *buf)
{
	char *data = NULL;

	if (!buf->failed && buf->len > 0) {
		data = buf->data;
		buf->data = NULL;
	}
	rep_buf_clear(buf);
	return data;
}
