/*
 * repsync-sim: plays seeds. Each seed is a process of its own, so that a crash is a finding and not the end.
 *
 *	repsync-sim [--from SEED] [--count N] [--steps N] [--only STEPS] [--dump DIR] [--restore] [--trace] [--keep]
 *
 * --steps plays histories of so many steps; without it they have 40 to 100. The shorter one is how the longer one begins.
 * --only 3,7-9 plays these steps of the history and leaves the others out; what is left draws what it drew in the whole.
 * --restore takes a backup at one step, and looks at hubs that are restored from it in the end, in the place of other orders.
 * --keep leaves the world of the last seed where it lies and prints where.
 *
 * Prints a line for each seed: "seed N DIR/N", for tests/oracle/check_sim.py to read, or "failed N". Exit 1 when one failed.
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/db.h"
#include "sim/sim.h"
#include "sync/git/git.h"

/* Of one seed, under sanitizers too: of the processor, and of waiting for whoever else uses the machine. */
#define CPU_SECONDS_MAX 120
#define SECONDS_MAX 1200

struct options {
	uint64_t from, count;
	unsigned steps; /* of a history; 0 = as the seed says */
	const char *dump;
	bool trace, keep, shrunk, quiet, restore;
	bool only[SIM_STEPS_MAX + 1]; /* where `shrunk`: the steps that are played */
};

static void engine_init(void)
{
	struct rep_error err;

	sim_chance_init();
	rep_db_init();
	sim_clock_init();
	rep_json_init();
	sim_ok(rep_key_init(&err), &err, "libsodium");
	sim_ok(rep_git_init(&err), &err, "libgit2");
}

static void play(const struct options *options, const char *dir, uint64_t seed, unsigned cast)
{
	struct sim_world world;
	char dump[512];

	setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS_MAX, CPU_SECONDS_MAX});
	alarm(SECONDS_MAX);
	if (options->dump)
		snprintf(dump, sizeof dump, "%s/%llu", options->dump, (unsigned long long)seed);
	sim_world_begin(&world, dir, cast, seed);
	world.trace = options->trace;
	world.restore = options->restore;
	world.steps = options->steps;
	world.only = options->shrunk ? options->only : NULL;
	sim_history(&world);
	sim_final(&world, options->dump ? dump : NULL);
	sim_trace(&world, "%u steps, %u syncs, %u merges, %u killed, %u pushes lost, %u late",
		  world.steps, world.syncs, world.merges, world.kills, world.lost_pushes,
		  world.late);
	sim_world_end(&world);
}

static bool in_child(const struct options *options, const char *dir, int64_t seed, unsigned cast)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (options->quiet && !freopen("/dev/null", "w", stderr))
			sim_fail("no /dev/null");
		if (seed < 0)
			sim_template(dir, cast);
		else
			play(options, dir, (uint64_t)seed, cast);
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		sim_fail("fork");
	if (WIFSIGNALED(status))
		fprintf(stderr, "sim: killed by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The whole history, quietly, for what each step draws. */
static void play_whole(const struct options *options, const char *dir, uint64_t seed, unsigned cast)
{
	struct options whole = {.from = options->from, .steps = options->steps, .quiet = true};

	sim_chance_keep();
	(void)in_child(&whole, dir, (int64_t)seed, cast);
	sim_chance_again();
}

static void print_failed(const struct options *options, uint64_t seed)
{
	char steps[32] = "";

	if (options->steps)
		snprintf(steps, sizeof steps, " --steps %u", options->steps);
	printf("failed %llu: repsync-sim --from %llu%s --trace\n", (unsigned long long)seed,
	       (unsigned long long)seed, steps);
}

static bool play_all(const struct options *options, const char *dir)
{
	bool ok = true, made[8] = {false};

	for (uint64_t seed = options->from; seed < options->from + options->count; seed++) {
		unsigned cast = (unsigned)(seed % sim_casts_len);

		if (!made[cast] && !(made[cast] = in_child(options, dir, -1, cast)))
			return false;
		if (options->shrunk)
			play_whole(options, dir, seed, cast);
		if (in_child(options, dir, (int64_t)seed, cast)) {
			printf("seed %llu %s/%llu\n", (unsigned long long)seed,
			       options->dump ? options->dump : "-", (unsigned long long)seed);
		} else {
			print_failed(options, seed);
			ok = false;
		}
		fflush(stdout);
	}
	return ok;
}

/* "3,7-9" */
static bool read_steps(struct options *options, const char *text)
{
	while (*text) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (!first || last > SIM_STEPS_MAX || (*end && *end != ','))
			return false;
		for (unsigned long step = first; step <= last; step++)
			options->only[step] = true;
		text = *end ? end + 1 : end;
	}
	return true;
}

static bool read_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"from", required_argument, NULL, 'f'},
		{"count", required_argument, NULL, 'c'},
		{"dump", required_argument, NULL, 'd'},
		{"keep", no_argument, NULL, 'k'},
		{"only", required_argument, NULL, 'o'},
		{"steps", required_argument, NULL, 's'},
		{"trace", no_argument, NULL, 't'},
		{"restore", no_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	int found;

	*options = (struct options){.from = 1, .count = 1};
	while ((found = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (found) {
		case 'f':
			options->from = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			options->count = strtoull(optarg, NULL, 10);
			break;
		case 'd':
			options->dump = optarg;
			break;
		case 's':
			options->steps = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			options->shrunk = read_steps(options, optarg);
			if (!options->shrunk)
				return false;
			break;
		case 't':
			options->trace = true;
			break;
		case 'r':
			options->restore = true;
			break;
		case 'k':
			options->keep = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc && options->steps <= SIM_STEPS_MAX;
}

int main(int argc, char **argv)
{
	struct options options;
	struct rep_error err;
	char *dir = NULL;
	bool ok;

	if (!read_options(&options, argc, argv))
		return 2;
	engine_init();
	sim_ok(rep_dir_private(&dir, "repsync-sim-", &err), &err, "a private folder");
	ok = play_all(&options, dir);
	if (options.keep)
		fprintf(stderr, "sim: kept %s/world\n", dir);
	else
		sim_ok(rep_dir_remove(dir, &err), &err, "tidy up");
	free(dir);
	return ok ? 0 : 1;
}
