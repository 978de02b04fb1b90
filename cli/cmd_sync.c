/* enroll, sync, status, verify: a device and its company. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "cli/progress.h"
#include "core/base/file.h"
#include "core/store/lease.h"
#include "core/store/query.h"
#include "sync/device/desk.h"
#include "sync/device/device.h"

#define TRIES 3u
#define TIMEOUT_S 60u
#define INVITATION_SIZE_MAX (64u * 1024u)

/* The passphrase is asked before anything is made. */
static enum rep_code enroll(struct cli *cli, const struct rep_buf *invitation,
			    struct rep_replica **replica, struct rep_error *err)
{
	struct rep_replica_options options = {.read_only = true};
	struct rep_replica_seal seal = {.passphrase = NULL};
	struct cli_passphrase *passphrase = NULL;
	const bool wants = rep_enroll_wants_seal(rep_buf_str(invitation), invitation->len);
	char *keys_dir = NULL;
	enum rep_code rc = REP_OK;

	if (wants && !(rc = rep_vault_keys_dir(&keys_dir, err)))
		rc = cli_new_passphrase(cli, cli->passphrase_file, &passphrase, err);
	if (!rc && wants)
		seal = (struct rep_replica_seal){.passphrase = passphrase->text,
						 .passphrase_len = passphrase->len,
						 .keys_dir = keys_dir};
	if (!rc)
		rc = rep_enroll_sealed(cli->raw[1], rep_buf_str(invitation), invitation->len,
				       wants ? &seal : NULL, cli_now_ms(), err);
	if (!rc && wants)
		rc = rep_replica_vault(&options.vault, cli->raw[1], keys_dir, err);
	if (!rc && options.vault)
		rc = rep_vault_unlock(options.vault, passphrase->text, passphrase->len, err);
	if (!rc)
		rc = rep_replica_open_with(replica, cli->raw[1], &options, err);
	else
		rep_vault_free(options.vault);
	rep_secret_free(passphrase);
	free(keys_dir);
	return rc;
}

enum rep_code cmd_enroll(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"INVITATION", "DIR"};
	struct rep_buf invitation = REP_BUF_INIT(INVITATION_SIZE_MAX);
	struct rep_replica *replica = NULL;
	struct rep_json *answer;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (rc = rep_file_read(&invitation, cli->raw[0], err)) ||
	    (rc = enroll(cli, &invitation, &replica, err)))
		goto out;
	if (cli->json) {
		answer = rep_json_object();
		rep_json_set_string(answer, "device", replica->device);
		rep_json_set_string(answer, "rep", replica->rep);
		rep_json_set_string(answer, "dir", cli->args[1]);
		cli_json(answer);
		rep_json_free(answer);
	} else {
		cli_say(cli,
			cli->chinese ? "设备 %s（%s）: 首次 repsync sync 登记公钥"
				     : "device %s of %s: the first repsync sync registers its key",
			replica->device, replica->rep);
	}
out:
	rep_replica_close(replica);
	rep_buf_clear(&invitation);
	return rc;
}

static void print_sync(const struct cli *cli, const struct rep_json *summary)
{
	static const struct cli_column columns[] = {
		{"sealed", "封存变更集", "sealed", true},
		{"sent", "已发送变更集", "sent", true},
		{"received", "收到记录", "received", true},
		{"applied", "生效", "applied", true},
		{"conflicts", "冲突", "conflicts", true},
		{"rejected", "拒绝", "rejected", true},
		{"proposed", "转为建议", "proposed", true},
		{"held", "等待", "held", true},
		{"lease_end", "租约到期", "lease ends", false},
		{"hub_time", "中枢时间", "hub time", false},
	};

	if (!cli->quiet)
		cli_members(cli, summary, columns, sizeof columns / sizeof *columns);
	if (rep_json_get_integer(summary, "recovered"))
		cli_say(cli,
			cli->chinese
				? "公司的中枢已从备份恢复 (纪元 %lld); 它所缺的变更由本机补发"
				: "the company's hub was restored from a backup (epoch %lld); what "
				  "it lacks of this laptop's changes is sent again",
			(long long)rep_json_get_integer(summary, "recovered"));
	if (rep_json_get_bool(summary, "hub_key"))
		cli_say(cli, cli->chinese
				     ? "公司中枢更换了密钥,本机已跟随"
				     : "the company's hub has a new key; this replica follows it");
}

/* Nothing is begun any more when the first minute, or what --timeout says, is over: then the rep is told. */
struct patience {
	int64_t start_ms;
	int64_t ms_max;
};

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool wait_for_try(void *user, unsigned delay_ms)
{
	const struct patience *patience = user;
	const struct timespec pause = {.tv_sec = delay_ms / 1000,
				       .tv_nsec = (long)(delay_ms % 1000) * 1000000};

	if (monotonic_ms() - patience->start_ms + delay_ms > patience->ms_max)
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}

/* Where the lease is over, the company is asked for another one first. */
static enum rep_code open_to_sync(struct cli *cli, const struct rep_sync *sync,
				  struct rep_replica **out, struct rep_error *err)
{
	struct rep_replica_options options = {.read_only = false};
	bool over = false;
	enum rep_code rc = cli_open_vault_to_sync(cli, cli->dir, &options.vault, &over, err);

	if (!rc && over)
		rc = rep_lease_renew(options.vault, cli->dir, sync, err);
	if (rc) {
		rep_vault_free(options.vault);
		return rc;
	}
	rc = rep_replica_open_with(out, cli->dir, &options, err);
	if (rc == REP_ENOTFOUND && !err->hint[0])
		rep_hint(err, "-C DIR names the replica's folder; repsync enroll makes one");
	return rc;
}

enum rep_code cmd_sync(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_sync sync = {.now_ms = cli_now_ms()};
	int64_t tries = -1, timeout = -1;
	const struct cli_option options[] = {{.name = "step", .number = &sync.step},
					     {.name = "tries", .number = &tries},
					     {.name = "timeout", .number = &timeout}};
	struct patience patience = {.start_ms = monotonic_ms()};
	struct rep_replica *replica = NULL;
	struct rep_json *summary = NULL;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 3, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)))
		goto out;
	if (tries == 0 || tries > 100 || timeout == 0 || timeout > 3600) {
		rc = cli_usage(cli, err, "--tries must be 1 to 100, --timeout 1 to 3600 seconds");
		goto out;
	}
	sync.tries = tries > 0 ? (unsigned)tries : TRIES;
	sync.stall_s = timeout > 0 ? (unsigned)timeout : TIMEOUT_S;
	patience.ms_max = (int64_t)sync.stall_s * 1000;
	sync.pause = wait_for_try;
	sync.pause_user = &patience;
	cli_progress_begin(&bar, cli);
	sync.progress = &bar.progress;
	rc = open_to_sync(cli, &sync, &replica, err);
	if (!rc)
		rc = rep_desk_sync(replica, &sync, &summary, err);
	cli_progress_end(&bar);
	if (!rc && cli->json)
		cli_json(summary);
	else if (!rc)
		print_sync(cli, summary);
out:
	rep_json_free(summary);
	rep_replica_close(replica);
	return rc;
}

/* By which a lease counts: a clock that was set back counts for nothing. */
static int64_t time_of(const struct rep_replica *replica)
{
	struct rep_lease lease;

	if (!replica->vault)
		return cli_now_ms();
	rep_lease_look(&lease, replica->vault, cli_now_ms());
	return lease.now_ms;
}

enum rep_code cmd_status(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const struct cli_column columns[] = {
		{"device", "设备", "device", false},
		{"rep", "人员", "rep", false},
		{"role", "角色", "role", false},
		{"pending", "未封存", "pending edits", true},
		{"unsent", "未发送", "unsent change sets", true},
		{"unacknowledged", "未确认", "unacknowledged", true},
		{"inbox", "待办", "inbox", true},
		{"last_sync", "上次同步", "last sync", false},
		{"view", "视图", "view", true},
		{"hub_time", "中枢时间", "hub time", false},
		{"lease", "租约到期", "lease ends", false},
		{"lease_days_left", "租约剩余天数", "days left", true},
	};
	struct rep_replica *replica = NULL;
	struct rep_json *status = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) ||
	    (rc = cli_replica(cli, &replica, true, false, err)) ||
	    (rc = rep_query_status(replica, time_of(replica), &status, err)))
		goto out;
	if (cli->json)
		cli_json(status);
	else
		cli_members(cli, status, columns, sizeof columns / sizeof *columns);
out:
	rep_json_free(status);
	rep_replica_close(replica);
	return rc;
}

/* Own changes are compared in a transaction that is taken back; where nothing can be written, there may be none. */
static enum rep_code open_to_verify(struct cli *cli, struct rep_replica **replica,
				    struct rep_error *err)
{
	struct rep_error ignored;
	enum rep_code rc = cli_replica(cli, replica, false, false, err);

	if (rc == REP_EIO && cli_replica(cli, replica, true, false, &ignored) == REP_OK)
		rc = REP_OK;
	return rc;
}

enum rep_code cmd_verify(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_replica *replica = NULL;
	struct rep_json *report = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) || (rc = open_to_verify(cli, &replica, err)))
		return rc;
	rc = rep_device_verify(replica, &report, err);
	cli_verify_report(cli, report);
	rep_json_free(report);
	rep_replica_close(replica);
	return rc;
}
