/*
 * git fsck over central, and what the objects it names are for.
 *
 * Nothing here goes through libgit2, which hangs or writes out of bounds on some damaged objects. Git names an object; an
 * auditor wants to know which record or which change set that is, so the object is looked for among the paths of the history.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "sync/audit/verify_hub.h"
#include "sync/git/stock_git.h"
#include "sync/hub/central.h"

#define SAID_SIZE_MAX (256u * 1024u)
#define NAMED_MAX 20u /* problems for which a path is looked for */

static enum rep_code temporary(int *fd, struct rep_error *err)
{
	*fd = memfd_create("repsync-fsck", MFD_CLOEXEC);
	if (*fd < 0)
		return rep_fail(err, REP_EIO, "temporary file: %s", strerror(errno));
	return REP_OK;
}

/* Appends what a program wrote to a temporary file, up to the buffer's limit. */
static void read_back(int fd, struct rep_buf *out)
{
	char block[4096];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) != 0)
		return;
	while ((n = read(fd, block, sizeof block)) > 0 && out->len + (size_t)n / 3 < out->limit / 3)
		rep_text_safe_put(out, block, (size_t)n);
}

/* Ends of lines were made safe for a terminal like every other control character. */
static void split_lines(char *text)
{
	static const char mark[] = "\xEF\xBF\xBD";

	for (char *at = text; (at = strstr(at, mark)); at += strlen(mark))
		memset(at, '\n', strlen(mark));
}

/* The first 40 hexadecimal digits that stand alone; NULL when there are none. */
static const char *find_oid(const char *line)
{
	size_t run = 0;

	for (const char *at = line;; at++) {
		bool hex = isdigit((unsigned char)*at) || (*at >= 'a' && *at <= 'f');

		if (hex) {
			run++;
			continue;
		}
		if (run == REP_OID_HEX)
			return at - REP_OID_HEX;
		run = isalnum((unsigned char)*at) || *at == '-' ? 100 : 0;
		if (*at == '\0')
			return NULL;
	}
}

/* ---- what an object is for ---- */

struct origin {
	char path[1024]; /* empty when git cannot tell */
	char commit[REP_OID_HEX + 1];
};

/* ":100644 100644 <old> <new> M<tab><path>", with a control character in place of the tab. */
static void read_origin(struct origin *out, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) && !*out->path) {
		const char *oid = find_oid(line), *tail;

		if (strncmp(line, "commit ", 7) == 0 && oid)
			memcpy(out->commit, oid, REP_OID_HEX);
		if (*line != ':' || !oid)
			continue;
		/* After the letter of what was done comes the path; the tab between became a line's end. */
		tail = rest ? rest + strspn(rest, "\n") : NULL;
		if (tail)
			snprintf(out->path, sizeof out->path, "%.*s", (int)strcspn(tail, "\n"),
				 tail);
	}
}

/* The first commit and the path that have the object. Git compares ids for it and does not read the object itself. */
static void find_origin(const char *repository, const char *oid, struct origin *out)
{
	char find[64];
	const char *const args[] = {
		"log",         "--format=commit %H", "--reverse", "--raw",  "-t",
		"--no-abbrev", "--no-renames",       find,        REP_MAIN, NULL};
	struct rep_buf said = REP_BUF_INIT(SAID_SIZE_MAX), printed = REP_BUF_INIT(SAID_SIZE_MAX);
	struct rep_error ignored;
	int fd = -1, status;

	*out = (struct origin){0};
	snprintf(find, sizeof find, "--find-object=%.40s", oid);
	if (temporary(&fd, &ignored) == REP_OK &&
	    rep_stock_git(repository, args, fd, &said, &status, &ignored) == REP_OK) {
		read_back(fd, &printed);
		if (printed.len) {
			split_lines(printed.data);
			read_origin(out, printed.data);
		}
	}
	if (fd >= 0)
		(void)close(fd);
	rep_buf_clear(&said);
	rep_buf_clear(&printed);
}

/* ---- problems ---- */

struct naming {
	const char *repository;
	struct rep_problems *problems;
	char last[REP_OID_HEX + 1]; /* git often says several lines about one object */
};

static void add_object(struct naming *naming, const char *oid, const char *line)
{
	struct origin origin = {0};

	if (strncmp(naming->last, oid, REP_OID_HEX) == 0)
		return;
	memcpy(naming->last, oid, REP_OID_HEX);
	if (rep_json_size(naming->problems->list) < NAMED_MAX)
		find_origin(naming->repository, oid, &origin);
	if (*origin.path)
		rep_problems_add(naming->problems, origin.path,
				 "object %.40s is damaged, first in commit %s: git says: %s", oid,
				 origin.commit, line);
	else
		rep_problems_add(naming->problems, "central.git", "object %.40s: git says: %s", oid,
				 line);
}

/* "broken link from tree X to blob Y" is followed by "missing blob Y", which says it better. */
static bool is_chatter(const char *line)
{
	line += strspn(line, " ");
	return !*line || strncmp(line, "broken link ", 12) == 0 || strncmp(line, "to ", 3) == 0 ||
	       strncmp(line, "notice:", 7) == 0 || strncmp(line, "dangling ", 9) == 0 ||
	       strncmp(line, "Checking ", 9) == 0 || strncmp(line, "warning:", 8) == 0;
}

/* Objects with a name first, so that the first problem says as much as can be said. */
static void add_lines(struct naming *naming, char *text)
{
	char *copy, *rest = text, *line;

	split_lines(text);
	copy = strdup(text);
	while ((line = strsep(&rest, "\n"))) {
		const char *oid = is_chatter(line) ? NULL : find_oid(line);

		if (oid)
			add_object(naming, oid, line);
	}
	rest = copy;
	while (copy && (line = strsep(&rest, "\n")))
		if (!is_chatter(line) && !find_oid(line))
			rep_problems_add(naming->problems, "central.git", "git says: %s", line);
	free(copy);
}

static void name_problems(const char *repository, struct rep_buf *said, int status,
			  struct rep_problems *problems)
{
	struct naming naming = {.repository = repository, .problems = problems};

	if (said->len)
		add_lines(&naming, said->data);
	if (!rep_problems_any(problems))
		rep_problems_add(problems, "central.git", "git fsck ended with status %d",
				 WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

enum rep_code rep_verify_fsck(const char *repository, struct rep_problems *problems,
			      struct rep_error *err)
{
	const char *const args[] = {"fsck", "--full", "--no-dangling", "--no-progress", NULL};
	struct rep_buf said = REP_BUF_INIT(SAID_SIZE_MAX);
	int fd = -1, status = -1;
	enum rep_code rc = temporary(&fd, err);

	if (rc == REP_OK)
		rc = rep_stock_git(repository, args, fd, &said, &status, err);
	if (rc == REP_OK && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		rc = rep_fail(err, REP_EIO, "git is not installed");
	if (rc == REP_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		read_back(fd, &said);
		name_problems(repository, &said, status, problems);
	}
	if (fd >= 0)
		(void)close(fd);
	rep_buf_clear(&said);
	return rep_wrap(err, rc, "git fsck");
}
