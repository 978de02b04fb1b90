/*
 * Runs a program and kills it, with all its children, at the n-th system call that changes a file.
 *
 * A kill between two such calls leaves the same files as a kill at the next one, so calls that only read are no points.
 * Neither is what goes through a pipe or a socket, what lies outside of the folder --within, and SQLite's -shm, which the
 * first one to open the database makes anew.
 * Calls are counted over the whole family in the order in which they are made: a parent that waits for its child is
 * killed while the child is at work, which a count for each process alone would never do.
 *
 *	killat [--log FILE] [--at N] [--child] [--opens] [--within DIR] PROGRAM ARGUMENT...
 *
 * Without --at it runs to its end and gives its exit status. --log: one line a point, `<process> <call> <path>`, processes
 * numbered from 0. --child: only points of descendants are counted, and only the one at the point dies. --opens: opening a file to read
 * it is a point too, for a child that only reads. Killed as asked: exit 137 (with --child: what the parent made of it). The point was
 * never reached: exit 66.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_KILLED 137
#define EXIT_NOT_REACHED 66
#define EXIT_BROKEN 70
#define FAMILY_MAX 4096
#define PATH_SIZE_MAX 4096

/* How a call names the file that it is about. */
enum how { BY_FD, BY_PATH };

struct call {
	const char *name;
	long number;
	int flags_arg; /* a point only if this argument asks to create or cut a file; -1 = always */
	enum how how;
	int arg; /* the argument with the file descriptor or the path */
};

#define ON_FD(name)                             \
	{                                       \
#name, SYS_##name, -1, BY_FD, 0 \
	}
#define ON_PATH(name, arg)                          \
	{                                           \
#name, SYS_##name, -1, BY_PATH, arg \
	}
static const struct call calls[] = {
	ON_FD(write),
	ON_FD(pwrite64),
	ON_FD(writev),
	ON_FD(pwritev),
	ON_FD(fsync),
	ON_FD(fdatasync),
	ON_FD(ftruncate),
	ON_FD(fallocate),
	ON_FD(fchmod),
	ON_FD(sendfile),
	{"copy_file_range", SYS_copy_file_range, -1, BY_FD, 2},
	ON_PATH(truncate, 0),
	ON_PATH(renameat, 3),
	ON_PATH(renameat2, 3),
	ON_PATH(unlinkat, 1),
	ON_PATH(linkat, 3),
	ON_PATH(symlinkat, 2),
	ON_PATH(mkdirat, 1),
	ON_PATH(fchmodat, 1),
	{"openat", SYS_openat, 2, BY_PATH, 1},
#ifdef SYS_open
	{"open", SYS_open, 1, BY_PATH, 0},
	ON_PATH(creat, 0),
	ON_PATH(rename, 1),
	ON_PATH(unlink, 0),
	ON_PATH(link, 1),
	ON_PATH(symlink, 1),
	ON_PATH(mkdir, 0),
	ON_PATH(rmdir, 0),
	ON_PATH(chmod, 0),
#endif
};
#define CALLS_LEN (sizeof calls / sizeof *calls)

struct family {
	pid_t pids[FAMILY_MAX];
	size_t len; /* everybody ever seen; pids[0] is the program */
	size_t alive;
};

struct options {
	long at;
	int child, opens;
	FILE *log;
	const char *within; /* NULL: anywhere */
};

static void broken(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	exit(EXIT_BROKEN);
}

/* Stops the traced process at each of `calls`, and at nothing else. */
static void install_filter(int opens)
{
	struct sock_filter code[1 + 5 * CALLS_LEN + 1];
	struct sock_fprog program = {.filter = code};
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS_LEN; i++) {
		const uint32_t stop = SECCOMP_RET_TRACE | (uint32_t)i;
		const int flags = opens ? -1 : calls[i].flags_arg;

		/* Another number: on to the next call's test. */
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i].number, 0, flags < 0 ? 1 : 4);
		if (flags >= 0) { /* an open that changes nothing goes on at once */
			const size_t arg = offsetof(struct seccomp_data, args) + 8 * (size_t)flags;

			code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
								 (uint32_t)arg);
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
								 O_CREAT | O_TRUNC, 1, 0);
			code[n++] =
				(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		}
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, stop);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		broken("seccomp");
}

static size_t number_of(struct family *family, pid_t pid)
{
	for (size_t i = 0; i < family->len; i++)
		if (family->pids[i] == pid)
			return i;
	if (family->len == FAMILY_MAX) {
		errno = E2BIG;
		broken("processes");
	}
	family->pids[family->len] = pid;
	family->alive++;
	return family->len++;
}

static void kill_all(const struct family *family)
{
	/* Children first would give a parent time to tidy up after them. */
	for (size_t i = 0; i < family->len; i++)
		if (family->pids[i] > 0)
			(void)kill(family->pids[i], SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The file that a call is about: its path as given, or where its file descriptor leads to. */
static void find_path(char *out, pid_t pid, const struct call *call)
{
	struct __ptrace_syscall_info info = {0};
	char link[64];
	ssize_t len = -1;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_SECCOMP) {
		const uint64_t value = info.seccomp.args[call->arg];

		if (call->how == BY_FD) {
			snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, (int)value);
			len = readlink(link, out, PATH_SIZE_MAX - 1);
		} else {
			struct iovec here = {out, PATH_SIZE_MAX - 1};
			struct iovec there = {(void *)(uintptr_t)value, 0};

			/* Not over the end of a page that may be the last one. */
			there.iov_len = PATH_SIZE_MAX - value % PATH_SIZE_MAX;
			if (there.iov_len > here.iov_len)
				there.iov_len = here.iov_len;
			len = process_vm_readv(pid, &here, 1, &there, 1, 0);
		}
	}
	out[len < 0 ? 0 : len] = '\0';
}

static int is_ignored(const struct options *options, const char *path, const struct call *call)
{
	const size_t len = strlen(path), within_len = options->within ? strlen(options->within) : 0;

	if (call->how == BY_FD && path[0] != '/')
		return 1;
	if (len >= 4 && strcmp(path + len - 4, "-shm") == 0)
		return 1;
	return within_len && path[0] == '/' && strncmp(path, options->within, within_len) != 0;
}

/* True when the program as a whole is to die here. */
static int at_point(const struct options *options, struct family *family, pid_t pid, long *count)
{
	const size_t who = number_of(family, pid);
	const struct call *call;
	char path[PATH_SIZE_MAX];
	unsigned long which = 0;

	if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &which) != 0)
		return 0; /* died meanwhile */
	if (options->child && who == 0)
		return 0;
	call = &calls[which % CALLS_LEN];
	find_path(path, pid, call);
	if (is_ignored(options, path, call))
		return 0;
	++*count;
	if (options->log)
		fprintf(options->log, "%zu %s %s\n", who, call->name, path);
	if (*count != options->at)
		return 0;
	if (!options->child)
		return 1;
	(void)kill(pid, SIGKILL);
	return 0;
}

static int follow(const struct options *options, pid_t first)
{
	struct family family = {.pids = {first}, .len = 1, .alive = 1};
	long count = 0;
	int status, result = EXIT_BROKEN;

	while (family.alive > 0) {
		const pid_t pid = waitpid(-1, &status, __WALL);
		int event, signal = 0;

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (pid == first)
				result = exit_status(status);
			family.pids[number_of(&family, pid)] = 0; /* its id may be used again */
			family.alive--;
			continue;
		}
		(void)number_of(&family, pid);
		event = status >> 16;
		if (event == PTRACE_EVENT_SECCOMP) {
			if (at_point(options, &family, pid, &count)) {
				kill_all(&family);
				return EXIT_KILLED;
			}
		} else if (event == 0 && WSTOPSIG(status) != SIGSTOP) {
			signal = WSTOPSIG(status);
		}
		(void)ptrace(PTRACE_CONT, pid, 0, signal);
	}
	return options->at > count ? EXIT_NOT_REACHED : result;
}

static pid_t start(const struct options *options, char **argv)
{
	const long trace = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	const pid_t pid = fork();
	int status;

	if (pid < 0)
		broken("fork");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
			broken("ptrace");
		(void)raise(SIGSTOP);
		install_filter(options->opens);
		execvp(argv[0], argv);
		broken(argv[0]);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, trace) != 0 || ptrace(PTRACE_CONT, pid, 0, 0) != 0)
		broken("trace");
	return pid;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	int i = 1, result;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--child") == 0)
			options.child = 1;
		else if (strcmp(argv[i], "--opens") == 0)
			options.opens = 1;
		else if (strcmp(argv[i], "--at") == 0 && i + 1 < argc)
			options.at = strtol(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--within") == 0 && i + 1 < argc)
			options.within = argv[++i];
		else if (strcmp(argv[i], "--log") == 0 && i + 1 < argc) {
			options.log = fopen(argv[++i], "we");
			if (!options.log)
				broken(argv[i]);
		} else
			break;
	}
	if (i >= argc) {
		fputs("usage: killat [--log FILE] [--at N] [--child] [--opens] [--within DIR] PROGRAM ARGUMENT...\n",
		      stderr);
		return EXIT_BROKEN;
	}
	result = follow(&options, start(&options, argv + i));
	if (options.log && fclose(options.log) != 0)
		broken("log");
	return result;
}
