#include "help_git.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"

#define CLEAN                                                                                  \
	"unset GIT_DIR GIT_WORK_TREE; export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 "         \
	"GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t " \
	"GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'; "

int scratch_setup(void **state)
{
	char *path = NULL;
	struct rep_error err;

	expect_ok(rep_dir_private(&path, "repsync-test", &err), &err);
	*state = path;
	return 0;
}

int scratch_teardown(void **state)
{
	struct rep_error err;

	expect_ok(rep_dir_remove(*state, &err), &err);
	free(*state);
	return 0;
}

const char *scratch(void **state, const char *name)
{
	static char paths[4][4096];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
	return path;
}

static char *command(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
static char *command(const char *fmt, va_list args)
{
	char *text = NULL, *whole = NULL;

	if (vasprintf(&text, fmt, args) < 0 || asprintf(&whole, CLEAN "%s", text) < 0)
		fail_msg("out of memory");
	free(text);
	return whole;
}

int shell(const char *fmt, ...)
{
	va_list args;
	char *line;
	int status;

	va_start(args, fmt);
	line = command(fmt, args);
	va_end(args);
	status = system(line);
	free(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void shell_ok(const char *fmt, ...)
{
	va_list args;
	char *line;
	int status;

	va_start(args, fmt);
	line = command(fmt, args);
	va_end(args);
	status = system(line);
	if (status != 0)
		fail_msg("status %d of: %s", status, line);
	free(line);
}

const char *shell_line(const char *fmt, ...)
{
	static char first[4096];
	va_list args;
	char *line;
	FILE *pipe;

	va_start(args, fmt);
	line = command(fmt, args);
	va_end(args);
	pipe = popen(line, "r");
	first[0] = '\0';
	if (!pipe || (!fgets(first, sizeof first, pipe) && ferror(pipe)))
		fail_msg("cannot run: %s", line);
	while (fgetc(pipe) != EOF) /* lets it end by itself */
		;
	if (pclose(pipe) != 0)
		fail_msg("failed: %s", line);
	free(line);
	first[strcspn(first, "\n")] = '\0';
	return first;
}

void expect_clean(const char *path)
{
	assert_string_equal("", shell_line("git -C '%s' -c safe.directory='*' fsck --full --strict "
					   "--no-dangling 2>&1 | grep -v '^notice: HEAD points' "
					   "| grep -v '^notice: No default ref' | cat",
					   path));
	assert_string_equal("0", shell_line("find '%s/objects' -type f | "
					    "grep -c '/objects/[0-9a-f][0-9a-f]/' | cat",
					    path));
}

struct rep_git *create_and_open(const char *path, const char *head)
{
	struct rep_git *git;
	struct rep_error err;

	expect_ok(rep_git_create(path, head, &err), &err);
	expect_ok(rep_git_open(&git, path, &err), &err);
	return git;
}

struct rep_oid add_blob(struct rep_pack *pack, const char *text)
{
	struct rep_oid oid;
	struct rep_error err;

	expect_ok(rep_pack_add(pack, REP_OBJECT_BLOB, text, strlen(text), &oid, &err), &err);
	return oid;
}

struct rep_oid commit_on(struct rep_git *git, struct rep_pack *pack, const char *ref,
			 const struct rep_oid *tree)
{
	struct rep_git_commit commit = {.tree = *tree,
					.author_name = "王敏",
					.author_email = "r017",
					.author_s = 1700000000,
					.committer_name = "hub",
					.committer_email = "hub00000",
					.committer_s = 1700000001,
					.message = "a test"};
	struct rep_buf buf = REP_BUF_INIT(4096);
	struct rep_oid oid;
	struct rep_error err;

	expect_ok(rep_git_ref(git, ref, &commit.parent, &err), &err);
	rep_git_commit_write(&buf, &commit);
	expect_ok(rep_pack_add(pack, REP_OBJECT_COMMIT, buf.data, buf.len, &oid, &err), &err);
	expect_ok(rep_pack_commit(pack, NULL, &err), &err);
	expect_ok(rep_git_cas(git, ref, &commit.parent, &oid, &err), &err);
	rep_buf_clear(&buf);
	return oid;
}
