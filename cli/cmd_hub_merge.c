/* hub merge, status, rebuild. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"

/* Most of a job is waiting for the disk, so that there are more of them than processors. */
#define JOBS 8
#define JOBS_MAX 64
#define CLI_OWED_MAX (64u * 1024u)

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void print_run(const struct cli *cli, const struct rep_json *summary)
{
	static const struct cli_column columns[] = {
		{"run", "批次", "run", true},
		{"devices", "设备", "devices", true},
		{"changesets", "变更集", "change sets", true},
		{"changes", "变更", "changes", true},
		{"applied", "生效", "applied", true},
		{"merged", "合并", "merged", true},
		{"conflicts", "冲突", "conflicts", true},
		{"proposed", "转为建议", "proposed", true},
		{"held", "等待", "held", true},
		{"rejected", "拒绝", "rejected", true},
		{"quarantined", "隔离", "quarantined", true},
		{"seconds", "秒", "seconds", true},
		{"commit", "提交", "commit", false},
	};
	static const struct cli_column problems[] = {{"device", "设备", "device", false},
						     {"reason", "问题", "problem", false}};

	if (cli->json) {
		cli_json(summary);
	} else if (!cli->quiet) {
		cli_members(cli, summary, columns, sizeof columns / sizeof *columns);
		cli_table(cli, rep_json_get(summary, "problems"), problems, 2);
	}
}

static enum rep_code merge_once(struct cli *cli, int64_t jobs, struct rep_error *err)
{
	struct rep_hub_merge run = {.now_ms = cli_now_ms(), .jobs = jobs};
	struct rep_json *summary = NULL;
	struct rep_hub *hub = NULL;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_hub(cli, &hub, false, err)))
		return rc;
	cli_progress_begin(&bar, cli);
	run.progress = &bar.progress;
	rc = rep_hub_merge(hub, &run, &summary, err);
	cli_progress_end(&bar);
	if (!rc)
		print_run(cli, summary);
	rep_json_free(summary);
	rep_hub_close(hub);
	return rc;
}

/*
 * A run every `seconds`, until SIGINT or SIGTERM: a run that was begun is finished. Another process at the hub is no reason to
 * stop; the next run comes.
 */
static enum rep_code watch(struct cli *cli, int64_t seconds, int64_t jobs, struct rep_error *err)
{
	struct sigaction action = {.sa_handler = stop};
	struct timespec pause = {.tv_sec = (time_t)seconds};
	enum rep_code rc;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	do {
		rc = merge_once(cli, jobs, err);
		if (rc && rc != REP_EBUSY)
			return rc;
		if ((rc = cli_finish(err)))
			return rc;
		if (!stopped)
			nanosleep(&pause, NULL);
	} while (!stopped);
	return REP_OK;
}

enum rep_code cmd_hub_merge(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	int64_t seconds = -1, jobs = JOBS;
	const struct cli_option options[] = {{.name = "watch", .number = &seconds},
					     {.name = "jobs", .number = &jobs}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	if (jobs < 1 || jobs > JOBS_MAX)
		return cli_usage(cli, err, "--jobs must be 1 to %d", JOBS_MAX);
	if (seconds == 0 || seconds > 86400)
		return cli_usage(cli, err, "--watch must be 1 to 86400 seconds");
	return seconds > 0 ? watch(cli, seconds, jobs, err) : merge_once(cli, jobs, err);
}

/* From whom something may still come that the restored hub has not. */
static void print_owed(const struct cli *cli, const struct rep_json *devices)
{
	struct rep_buf text = REP_BUF_INIT(CLI_OWED_MAX);

	for (size_t i = 0; i < rep_json_size(devices); i++) {
		const struct rep_json *row = rep_json_at(devices, i);
		const char *rep = rep_json_get_string(row, "rep");

		if (rep_json_get_bool(row, "owed"))
			rep_buf_printf(&text, "%s%s (%s)", text.len ? ", " : "", rep ? rep : "",
				       rep_json_get_string(row, "device"));
	}
	if (text.len)
		cli_say(cli, "%s%s",
			cli->chinese ? "恢复之后尚未联系: " : "not heard since the restore: ",
			rep_buf_str(&text));
	rep_buf_clear(&text);
}

static void print_status(const struct cli *cli, const struct rep_json *status)
{
	static const struct cli_column devices[] = {
		{"device", "设备", "device", false},
		{"rep", "人员", "rep", false},
		{"state", "状态", "state", false},
		{"desk", "工作台", "desk", false},
		{"last_contact", "上次联系", "last contact", false},
		{"seq", "序号", "seq", true},
		{"lease", "租约到期", "lease ends", false},
		{"clock_offset_ms", "时钟偏差(毫秒)", "clock offset (ms)", true},
		{"unmerged", "未合并", "unmerged", true},
		{"problem", "问题", "problem", false},
	};
	static const struct cli_column members[] = {
		{"conflicts", "冲突", "open conflicts", true},
		{"proposals", "建议", "proposals", true},
		{"duplicates", "重复", "duplicates", true},
		{"rejections", "拒绝", "rejections", true},
		{"held", "等待", "held", true},
		{"quarantined", "隔离", "quarantined", true},
		{"large_reads", "大量读取（28 天）", "large reads (28 days)", true},
		{"run", "批次", "run", true},
		{"commit", "提交", "commit", false},
	};

	cli_table(cli, rep_json_get(status, "devices"), devices, sizeof devices / sizeof *devices);
	cli_members(cli, status, members, sizeof members / sizeof *members);
	print_owed(cli, rep_json_get(status, "devices"));
}

enum rep_code cmd_hub_status(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_json *status = NULL;
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) || (rc = cli_hub(cli, &hub, true, err)))
		return rc;
	rc = rep_hub_status(hub, cli_now_ms(), &status, err);
	if (!rc && cli->json)
		cli_json(status);
	else if (!rc)
		print_status(cli, status);
	rep_json_free(status);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_rebuild(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		return rc;
	cli_progress_begin(&bar, cli);
	rc = rep_hub_rebuild(cli->dir, &bar.progress, err);
	cli_progress_end(&bar);
	return rc;
}
