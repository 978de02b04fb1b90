#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut in the middle of a character would make the message itself invalid UTF-8. */
static void trim_partial(char *text, size_t size, int wanted)
{
	size_t end = size - 1, start = end;

	if (wanted < 0) {
		text[0] = '\0';
		return;
	}
	if ((size_t)wanted < size)
		return;
	while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)text[start - 1] >= 0xC0)
		text[start - 1] = '\0';
}

enum rep_code rep_fail(struct rep_error *err, enum rep_code code, const char *fmt, ...)
{
	va_list args;
	int wanted;

	if (!err)
		return code;
	err->code = code;
	err->hint[0] = '\0';
	va_start(args, fmt);
	wanted = vsnprintf(err->msg, sizeof err->msg, fmt, args);
	va_end(args);
	trim_partial(err->msg, sizeof err->msg, wanted);
	return code;
}

enum rep_code rep_wrap(struct rep_error *err, enum rep_code code, const char *fmt, ...)
{
	char fact[sizeof err->msg];
	size_t used;
	va_list args;
	int wanted;

	if (code == REP_OK || !err)
		return code;
	err->code = code;
	memcpy(fact, err->msg, sizeof fact);
	va_start(args, fmt);
	wanted = vsnprintf(err->msg, sizeof err->msg, fmt, args);
	va_end(args);
	trim_partial(err->msg, sizeof err->msg, wanted);
	used = strlen(err->msg);
	wanted = snprintf(err->msg + used, sizeof err->msg - used, ": %s", fact);
	trim_partial(err->msg + used, sizeof err->msg - used, wanted);
	return code;
}

void rep_hint(struct rep_error *err, const char *fmt, ...)
{
	va_list args;
	int wanted;

	if (!err)
		return;
	va_start(args, fmt);
	wanted = vsnprintf(err->hint, sizeof err->hint, fmt, args);
	va_end(args);
	trim_partial(err->hint, sizeof err->hint, wanted);
}

int rep_exit_status(enum rep_code code)
{
	switch (code) {
	case REP_OK:
		return 0;
	case REP_EUSAGE:
		return 2;
	case REP_EREFUSED:
		return 3;
	case REP_EUNREACHABLE:
		return 4;
	case REP_EINTEGRITY:
		return 5;
	case REP_EINVAL:
	case REP_ENOTFOUND:
	case REP_EEXIST:
	case REP_EIO:
	case REP_ENOMEM:
	case REP_ELIMIT:
	case REP_EBUSY:
	case REP_EORDER:
		return 1;
	}
	return 1;
}
