/* hub import, export. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/access.h"
#include "cli/cli.h"
#include "cli/csv.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "core/base/file.h"
#include "core/base/limits.h"
#include "sync/admin/import.h"
#include "sync/audit/audit.h"

#define LISTED 20 /* refused lines that people are shown; --json has them all */

/* A file, or the name of one that comes with the schema: import/<name>.json. */
static enum rep_code read_mapping(const char *name, struct rep_json **out, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(REP_SCHEMA_FILE_SIZE_MAX);
	char file[300], *path = NULL;
	enum rep_code rc;

	if (!rep_file_exists(name) && !strchr(name, '/')) {
		snprintf(file, sizeof file, "%.200s%s", name, strstr(name, ".json") ? "" : ".json");
		path = cli_schema_path("import", file);
		if (path && rep_file_exists(path))
			name = path;
	}
	rc = rep_file_read(&text, name, err);
	if (!rc)
		rc = rep_json_parse(out, rep_buf_str(&text), text.len, REP_SCHEMA_FILE_SIZE_MAX,
				    REP_SCHEMA_DEPTH_MAX, err);
	rc = rep_wrap(err, rc, "mapping %s", name);
	rep_buf_clear(&text);
	free(path);
	return rc;
}

/* Adds KEY=VALUE texts to the mapping's object `name`. */
static enum rep_code add_pairs(struct cli *cli, struct rep_json *mapping, const char *name,
			       const struct cli_texts *texts, struct rep_error *err)
{
	struct rep_json *object = rep_json_get(mapping, name);
	const char *sign;
	char *key;

	if (texts->len > 0 && !object) {
		rep_json_set(mapping, name, rep_json_object());
		object = rep_json_get(mapping, name);
	}
	for (size_t i = 0; i < texts->len; i++) {
		sign = strchr(texts->texts[i], '=');
		if (!sign || sign == texts->texts[i])
			return cli_usage(cli, err, "%s is not NAME=VALUE", texts->texts[i]);
		key = strndup(texts->texts[i], (size_t)(sign - texts->texts[i]));
		if (!key || !rep_json_set_string(object, key, sign + 1)) {
			free(key);
			return rep_fail(err, REP_ENOMEM, "no memory");
		}
		free(key);
	}
	return REP_OK;
}

static void print_lines(const struct cli *cli, const char *title, const struct rep_json *lines)
{
	static const struct cli_column columns[] = {{"line", "行", "line", true},
						    {"field", "字段", "field", false},
						    {"value", "值", "value", false},
						    {"reason", "原因", "reason", false}};
	struct rep_json *shown = rep_json_array();
	size_t len = rep_json_size(lines);

	for (size_t i = 0; i < len && i < LISTED; i++)
		rep_json_append(shown, rep_json_ref(rep_json_at(lines, i)));
	if (len > 0)
		printf("\n%s: %zu\n", title, len);
	cli_table(cli, shown, columns, 4);
	if (len > LISTED)
		printf(cli->chinese ? "…… 另有 %zu 行, 见 --json\n"
				    : "... and %zu more; --json has all\n",
		       len - LISTED);
	rep_json_free(shown);
}

static void print_report(const struct cli *cli, const struct rep_json *report)
{
	const struct rep_json *refused = rep_json_get(report, "refused");

	if (cli->json) {
		cli_json(report);
		return;
	}
	if (cli->quiet)
		return;
	printf(cli->chinese ? "记录 %" PRId64 ": 采用 %" PRId64 ", 未变 %" PRId64
			      ", 拒绝 %zu, 略去单元格 %zu (%s)\n"
			    : "%" PRId64 " records: %" PRId64 " taken, %" PRId64
			      " unchanged, %zu refused; %zu cells left out (%s)\n",
	       rep_json_get_integer(report, "records"), rep_json_get_integer(report, "taken"),
	       rep_json_get_integer(report, "unchanged"), rep_json_size(refused),
	       rep_json_size(rep_json_get(report, "dropped")),
	       rep_json_get_string(report, "encoding"));
	print_lines(cli, cli->chinese ? "拒绝的行" : "refused lines", refused);
	print_lines(cli, cli->chinese ? "略去的单元格" : "cells left out",
		    rep_json_get(report, "dropped"));
}

static enum rep_code run_import(struct cli *cli, const struct rep_import *wanted,
				struct rep_error *err)
{
	struct rep_import import = *wanted;
	struct rep_json *report = NULL;
	struct rep_hub *hub = NULL;
	struct cli_progress bar;
	enum rep_code rc;

	if ((rc = cli_hub(cli, &hub, false, err)))
		return rc;
	cli_progress_begin(&bar, cli);
	import.progress = &bar.progress;
	import.now_ms = cli_now_ms();
	rc = rep_hub_import(hub, &import, &report, err);
	cli_progress_end(&bar);
	if (!rc)
		print_report(cli, report);
	rep_json_free(report);
	rep_hub_close(hub);
	return rc;
}

enum rep_code cmd_hub_import(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "FILE"};
	static struct cli_texts columns, set;
	struct rep_import import = {0};
	const char *mapping_name = NULL;
	struct rep_json *mapping = NULL;
	const struct cli_option options[] = {
		{.name = "source", .text = &import.source},
		{.name = "mapping", .path = &mapping_name},
		{.name = "map", .texts = &columns},
		{.name = "set", .texts = &set},
		{.name = "encoding", .text = &import.encoding},
		{.name = "dry-run", .flag = &import.dry_run},
	};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 6, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (mapping_name && (rc = read_mapping(mapping_name, &mapping, err))))
		goto out;
	if (!mapping)
		mapping = rep_json_object();
	if (!rep_json_is(mapping, REP_JSON_OBJECT)) {
		rc = rep_fail(err, REP_EINVAL, "mapping %s is no object", mapping_name);
		goto out;
	}
	if ((rc = add_pairs(cli, mapping, "columns", &columns, err)) ||
	    (rc = add_pairs(cli, mapping, "set", &set, err)))
		goto out;
	import.entity = cli->args[0];
	import.path = cli->raw[1];
	import.mapping = mapping;
	rc = run_import(cli, &import, err);
out:
	rep_json_free(mapping);
	return rc;
}

enum rep_code cmd_hub_export(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY"};
	static const char *const clocks[] = {"device", "hub"};
	const char *as_of = NULL, *by = NULL, *as = NULL;
	bool csv = false;
	const struct cli_option options[] = {{.name = "csv", .flag = &csv},
					     {.name = "as-of", .text = &as_of},
					     {.name = "by", .text = &by},
					     {.name = "as", .text = &as}};
	const struct rep_entity *entity;
	struct rep_json *records = NULL;
	struct rep_hub *hub = NULL;
	struct cli_access access;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 4, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) ||
	    (by && (rc = cli_one_of(cli, "--by", by, clocks, 2, err))) ||
	    (rc = cli_time(cli, "--as-of", &as_of, err)) || (rc = cli_hub(cli, &hub, true, err)) ||
	    (rc = cli_access_begin(&access, cli, hub, as, argc, argv, err)) ||
	    (rc = cli_entity(rep_hub_schema(hub), cli->args[0], &entity, err)) ||
	    (rc = rep_hub_export(hub, cli->args[0], as_of, by && strcmp(by, "hub") == 0, &records,
				 err)))
		goto out;
	if (cli->json)
		cli_json(records);
	else if (csv)
		rc = cli_csv_records(records, entity, err);
	else
		cli_records(cli, entity, records);
	rc = cli_access_end(&access, rc, (int64_t)rep_json_size(records), err);
out:
	rep_json_free(records);
	rep_hub_close(hub);
	return rc;
}
