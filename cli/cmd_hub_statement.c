/* hub statement: what the hub states of its history, to be kept elsewhere. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "sync/audit/statement.h"

/* A hash as people compare it: by fours. */
static void put_hash(const char *label, const char *hash)
{
	printf("%s\n", label);
	for (size_t i = 0; hash[i]; i += 32) {
		fputs("   ", stdout);
		for (size_t k = i; k < i + 32 && hash[k]; k += 4)
			printf(" %.4s", hash + k);
		putchar('\n');
	}
}

/* A page to print, sign and file: whoever holds it can show later that history is what it was. */
static void print_page(const struct cli *cli, const struct rep_json *statement)
{
	const bool zh = cli->chinese;

	printf(zh ? "repsync 声明\n\n" : "repsync statement\n\n");
	printf(zh ? "公司      %s\n" : "company   %s\n", rep_json_get_string(statement, "company"));
	printf(zh ? "运行      %lld (纪元 %lld)\n" : "run       %lld (epoch %lld)\n",
	       (long long)rep_json_get_integer(statement, "run"),
	       (long long)rep_json_get_integer(statement, "epoch"));
	printf(zh ? "中枢时间  %s\n\n" : "hub time  %s\n\n",
	       rep_json_get_string(statement, "hub_time"));
	put_hash(zh ? "声明的 SHA-256" : "SHA-256 of the statement",
		 rep_json_get_string(statement, "hash"));
	put_hash(zh ? "各设备日志之末的 SHA-256" : "SHA-256 of the ends of all journals",
		 rep_json_get_string(statement, "heads"));
	put_hash(zh ? "中枢公钥 (Ed25519)" : "public key of the hub (Ed25519)",
		 rep_json_get_string(statement, "public"));
	printf("\n%s\n\n\n%s ______________________    %s ______________________\n",
	       zh ? "至此运行为止的全部变更, 任何一处改动都会使以上数值不再相符."
		  : "Whoever alters any change up to this run makes these numbers wrong.",
	       zh ? "日期" : "date", zh ? "签名" : "signature");
}

enum rep_code cmd_hub_statement(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	struct rep_buf lines = REP_BUF_INIT(4u << 20);
	struct rep_json *statement = NULL;
	struct rep_hub *hub = NULL;
	bool print = false;
	const struct cli_option options[] = {{.name = "print", .flag = &print}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 0, 0, NULL, err)) || (rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = rep_hub_statement(hub, &lines, &statement, err)))
		goto out;
	if (cli->json)
		cli_json(statement);
	else if (print)
		print_page(cli, statement);
	else
		fwrite(lines.data, 1, lines.len, stdout);
out:
	rep_json_free(statement);
	rep_buf_clear(&lines);
	rep_hub_close(hub);
	return rc;
}
