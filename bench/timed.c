/*
 * Runs a program and tells what it took: wall time, CPU time of it and all its children, and the greatest resident
 * memory of any of them. A small process of its own, because a child's figure for memory begins with its parent's.
 *
 *	bench-timed FILE PROGRAM ARGS...	writes one JSON object to FILE; exits as PROGRAM does
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct rusage used;
	double begin, wall;
	int status = 0;
	FILE *file;
	pid_t pid;

	if (argc < 3)
		return 2;
	begin = now_s();
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 126;
	wall = now_s() - begin;
	(void)getrusage(RUSAGE_CHILDREN, &used);
	file = fopen(argv[1], "w");
	if (!file)
		return 126;
	fprintf(file, "{\"wall_s\":%.6f,\"cpu_s\":%.6f,\"rss_kib\":%ld}\n", wall,
		seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
	if (fclose(file) != 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
