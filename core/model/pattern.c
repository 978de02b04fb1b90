#include "core/model/pattern.h"

#include <locale.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

#define SOURCE_SIZE_MAX 1000u
#define REPEAT_MAX 255 /* RE_DUP_MAX of POSIX; glibc takes 32767 and gigabytes */

struct rep_pattern {
	regex_t regex;
};

/*
 * The thread's locale while a regex is compiled or matched. newlocale() of "C" gives a static object
 * in glibc and in musl: no allocation, and freelocale() has nothing to do, but is called as due.
 */
struct c_locale {
	locale_t own;
	locale_t before;
};

static bool c_locale_enter(struct c_locale *state)
{
	state->own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!state->own)
		return false;
	state->before = uselocale(state->own);
	return true;
}

static void c_locale_leave(struct c_locale *state)
{
	uselocale(state->before);
	freelocale(state->own);
}

static bool is_repetition(char byte)
{
	return byte == '*' || byte == '+' || byte == '?' || byte == '{';
}

static bool repeats_too_often(const char *at)
{
	char *end;

	if (strtol(at, &end, 10) > REPEAT_MAX)
		return true;
	return *end == ',' && strtol(end + 1, NULL, 10) > REPEAT_MAX;
}

/* Skips a bracket expression that begins at `at`; NULL when it is not closed or holds non-ASCII. */
static const char *bracket_end(const char *at, const char **why)
{
	at++;
	if (*at == '^')
		at++;
	if (*at == ']')
		at++;
	for (; *at && *at != ']'; at++) {
		if ((unsigned char)*at >= 0x80) {
			*why = "a character outside ASCII stands in brackets";
			return NULL;
		}
		if (*at == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '=')) {
			const char *end = strchr(at + 2, ']');

			if (!end || end[-1] != at[1])
				break;
			at = end;
		}
	}
	*why = "a bracket is not closed";
	return *at == ']' ? at : NULL;
}

static const char *source_problem(const char *source)
{
	const char *why = NULL;

	for (const char *at = source; *at; at++) {
		if (*at == '\\') {
			at++;
			if (*at >= '1' && *at <= '9')
				return "back-references are not taken";
			if (!*at)
				return "a backslash ends it";
			if (strchr("wWsSbB<>`'", *at))
				return "only POSIX escapes are taken";
		} else if (*at == '[') {
			at = bracket_end(at, &why);
			if (!at)
				return why;
		} else if (*at == '{' && repeats_too_often(at + 1)) {
			return "it repeats more than 255 times";
		} else if ((unsigned char)*at >= 0x80 && is_repetition(at[1])) {
			return "a character outside ASCII is repeated without a group";
		}
	}
	return NULL;
}

enum rep_code rep_pattern_new(struct rep_pattern **out, const char *source, bool whole,
			      struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(SOURCE_SIZE_MAX + 8);
	struct rep_pattern *pattern = NULL;
	struct c_locale locale;
	enum rep_code rc = REP_OK;
	char why[128];

	*out = NULL;
	if (strlen(source) > SOURCE_SIZE_MAX)
		return rep_fail(err, REP_EINVAL, "pattern of more than %u bytes", SOURCE_SIZE_MAX);
	if (source_problem(source))
		return rep_fail(err, REP_EINVAL, "pattern %s: %s", source, source_problem(source));
	rep_buf_printf(&text, whole ? "^(%s)$" : "%s", source);
	rc = rep_buf_check(&text, "pattern", err);
	if (rc)
		goto out;
	pattern = malloc(sizeof *pattern);
	if (!pattern || !c_locale_enter(&locale)) {
		rc = rep_fail(err, REP_ENOMEM, "pattern: out of memory");
		goto out;
	}
	int bad = regcomp(&pattern->regex, rep_buf_str(&text), REG_EXTENDED | REG_NOSUB);

	if (bad)
		regerror(bad, &pattern->regex, why, sizeof why);
	c_locale_leave(&locale);
	if (bad == REG_ESPACE) {
		rc = rep_fail(err, REP_ENOMEM, "pattern: out of memory");
		goto out;
	}
	if (bad) {
		rc = rep_fail(err, REP_EINVAL, "pattern %s: %s", source, why);
		goto out;
	}
	*out = pattern;
	pattern = NULL;
out:
	free(pattern);
	rep_buf_clear(&text);
	return rc;
}

void rep_pattern_free(struct rep_pattern *pattern)
{
	if (pattern)
		regfree(&pattern->regex);
	free(pattern);
}

bool rep_pattern_matches(const struct rep_pattern *pattern, const char *text)
{
	struct c_locale locale;

	if (!c_locale_enter(&locale))
		return false;
	bool found = regexec(&pattern->regex, text, 0, NULL, 0) == 0;

	c_locale_leave(&locale);
	return found;
}
