/*
 * Running stock git inside a child: no shell, an environment of our own, what it says bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"
#include "sync/git/child.h"

static void become(const struct rep_program *program, int err_fd)
{
	int null = open("/dev/null", O_RDWR);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(program->in_fd >= 0 ? program->in_fd : null, 0) < 0 ||
	    dup2(program->out_fd >= 0 ? program->out_fd : null, 1) < 0 || dup2(err_fd, 2) < 0)
		_exit(127);
	execvpe(program->argv[0], (char *const *)(uintptr_t)program->argv,
		(char *const *)(uintptr_t)program->envp);
	_exit(127);
}

enum rep_code rep_program_run(const struct rep_program *program, struct rep_buf *said, int *status,
			      struct rep_error *err)
{
	char block[4096];
	int fds[2];
	pid_t pid;
	ssize_t n;

	*status = -1;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return rep_fail(err, REP_EIO, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		become(program, fds[1]);
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		return rep_fail(err, REP_EIO, "fork: %s", strerror(errno));
	}
	while ((n = read(fds[0], block, sizeof block)) > 0 || (n < 0 && errno == EINTR)) {
		size_t room = said->limit - said->len;

		/* A replaced byte takes three. */
		if (n > 0)
			rep_text_safe_put(said, block, (size_t)n < room / 3 ? (size_t)n : room / 3);
	}
	(void)close(fds[0]);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return REP_OK;
}
