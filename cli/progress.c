#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#define CELLS 30

static void draw(const char *what, uint64_t done, uint64_t total)
{
	uint64_t filled = total ? done * CELLS / total : 0;

	fprintf(stderr, "\r\033[K%-12.40s ", what);
	if (total == 0) {
		fprintf(stderr, "%llu", (unsigned long long)done);
	} else {
		fputc('[', stderr);
		for (uint64_t i = 0; i < CELLS; i++)
			fputc(i < filled ? '#' : '.', stderr);
		fprintf(stderr, "] %3llu %%", (unsigned long long)(done * 100 / total));
	}
	fflush(stderr);
}

static void step(void *user, const char *what, uint64_t done, uint64_t total)
{
	struct cli_progress *bar = user;
	int64_t now = cli_now_ms();

	if (bar->shown && now - bar->drawn_ms >= 0 && now - bar->drawn_ms < 100)
		return;
	bar->shown = true;
	bar->drawn_ms = now;
	draw(what, total && done > total ? total : done, total);
}

void cli_progress_begin(struct cli_progress *bar, const struct cli *cli)
{
	*bar = (struct cli_progress){.progress = {.user = bar}};
	if (!cli->quiet && isatty(STDERR_FILENO))
		bar->progress.step = step;
}

void cli_progress_end(struct cli_progress *bar)
{
	if (bar->shown)
		fputs("\r\033[K", stderr);
	bar->shown = false;
}
