/* get, list, find, sql, history: reading a replica. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/audit_rows.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/record.h"
#include "core/store/large_read.h"
#include "core/store/query.h"

enum rep_code cmd_get(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	struct rep_replica *replica = NULL;
	const struct rep_entity *entity;
	struct rep_json *record = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (rc = cli_replica(cli, &replica, true, true, err)) ||
	    (rc = cli_entity(replica->schema, cli->args[0], &entity, err)) ||
	    (rc = rep_query_get(replica, cli->args[0], cli->args[1], &record, err)))
		goto out;
	if (cli->json)
		cli_json(record);
	else
		cli_record(cli, replica->schema, record);
out:
	rep_json_free(record);
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_list(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY"};
	struct rep_query_list query = {0};
	const struct cli_option options[] = {{.name = "where", .text = &query.where},
					     {.name = "order", .text = &query.order},
					     {.name = "limit", .number = &query.limit},
					     {.name = "all", .flag = &query.archived}};
	struct rep_replica *replica = NULL;
	const struct rep_entity *entity;
	struct rep_json *records = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 4, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) ||
	    (rc = cli_replica_to_list(cli, &replica, true, err)) ||
	    (rc = cli_entity(replica->schema, cli->args[0], &entity, err)))
		goto out;
	query.entity = cli->args[0];
	if ((rc = rep_query_list(replica, &query, &records, err)) ||
	    (rc = rep_note_read(replica, "list", cli->args[0], (int64_t)rep_json_size(records),
				cli_now_ms(), err)))
		goto out;
	if (cli->json)
		cli_json(records);
	else
		cli_records(cli, entity, records);
out:
	rep_json_free(records);
	rep_replica_close(replica);
	return rc;
}

/* What was found is of many entities: each with its title. */
static void print_found(const struct cli *cli, const struct rep_schema *schema,
			const struct rep_json *records)
{
	static const struct cli_column columns[] = {{"entity", "实体", "entity", false},
						    {"id", "编号", "id", false},
						    {"title", "名称", "title", false},
						    {"partition", "分区", "partition", false}};
	struct rep_json *rows = rep_json_array(), *row;
	struct rep_buf title = REP_BUF_INIT(1u << 20);

	for (size_t i = 0; i < rep_json_size(records); i++) {
		const struct rep_json *record = rep_json_at(records, i);
		const struct rep_entity *entity =
			rep_schema_entity(schema, rep_json_get_string(record, "entity"));

		row = rep_json_object();
		rep_json_set_string(row, "entity", rep_json_get_string(record, "entity"));
		rep_json_set_string(row, "id", rep_json_get_string(record, "id"));
		rep_json_set(row, "partition", rep_json_dup(rep_json_get(record, "partition")));
		rep_buf_reset(&title);
		if (entity && entity->title)
			cli_value(&title,
				  rep_json_get(rep_json_get(record, "fields"), entity->title));
		rep_json_set_string(row, "title", rep_buf_str(&title));
		rep_json_append(rows, row);
	}
	cli_table(cli, rows, columns, 4);
	rep_json_free(rows);
	rep_buf_clear(&title);
}

/* The index is caught up before a search, so the replica is opened for writing. */
/* Where nothing can be written (a read-only mount, a full disk), the index is used as far as it is caught up. */
static enum rep_code find(struct cli *cli, struct rep_replica **replica, int64_t limit,
			  struct rep_json **out, struct rep_error *err)
{
	struct rep_error ignored;
	enum rep_code rc = cli_replica(cli, replica, false, true, err);

	if (!rc)
		rc = rep_query_find(*replica, cli->args[0], limit, out, err);
	if (rc != REP_EIO)
		return rc;
	rep_replica_close(*replica);
	*replica = NULL;
	if (cli_replica(cli, replica, true, true, &ignored) ||
	    rep_query_find(*replica, cli->args[0], limit, out, &ignored))
		return rc;
	return REP_OK;
}

enum rep_code cmd_find(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"TEXT"};
	struct rep_replica *replica = NULL;
	struct rep_json *records = NULL;
	int64_t limit = 50;
	const struct cli_option options[] = {{.name = "limit", .number = &limit}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)) ||
	    (rc = find(cli, &replica, limit, &records, err)) ||
	    (rc = rep_note_read(replica, "find", cli->args[0], (int64_t)rep_json_size(records),
				cli_now_ms(), err)))
		goto out;
	if (cli->json)
		cli_json(records);
	else
		print_found(cli, replica->schema, records);
out:
	rep_json_free(records);
	rep_replica_close(replica);
	return rc;
}

#define SQL_COLUMNS_MAX 32

/* {"columns":[...],"rows":[[...]]} as a table. */
static void print_sql(const struct cli *cli, const struct rep_json *answer)
{
	const struct rep_json *names = rep_json_get(answer, "columns");
	const struct rep_json *rows = rep_json_get(answer, "rows");
	struct cli_column columns[SQL_COLUMNS_MAX];
	size_t len = rep_json_size(names);
	struct rep_json *objects = rep_json_array(), *object;
	char keys[SQL_COLUMNS_MAX][8];

	len = len > SQL_COLUMNS_MAX ? SQL_COLUMNS_MAX : len;
	for (size_t i = 0; i < len; i++) {
		const char *name = rep_json_string_value(rep_json_at(names, i));

		/* Two columns of a query may have one name. */
		snprintf(keys[i], sizeof keys[i], "%u", (unsigned)i % 1000);
		columns[i] =
			(struct cli_column){keys[i], name ? name : "", name ? name : "", false};
	}
	for (size_t n = 0; n < rep_json_size(rows); n++) {
		object = rep_json_object();
		for (size_t i = 0; i < len; i++)
			rep_json_set(object, keys[i],
				     rep_json_ref(rep_json_at(rep_json_at(rows, n), i)));
		rep_json_append(objects, object);
	}
	cli_table(cli, objects, columns, len);
	rep_json_free(objects);
}

static enum rep_code sql_write(struct cli *cli, struct rep_error *err)
{
	struct rep_replica *replica = NULL;
	struct rep_json *answer;
	int64_t edits;
	enum rep_code rc = cli_replica(cli, &replica, false, true, err);

	if (!rc)
		rc = rep_query_sql_write(replica->db, cli->args[0], &edits, err);
	if (!rc && cli->json) {
		answer = rep_json_object();
		rep_json_set_integer(answer, "edits", edits);
		cli_json(answer);
		rep_json_free(answer);
	} else if (!rc) {
		cli_say(cli, cli->chinese ? "记录了 %lld 项修改" : "%lld edits recorded",
			(long long)edits);
	}
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_sql(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"QUERY"};
	struct rep_replica *replica = NULL;
	struct rep_json *answer = NULL;
	bool write = false;
	const struct cli_option options[] = {{.name = "write", .flag = &write}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 1, 1, names, err)))
		return rc;
	if (write)
		return sql_write(cli, err);
	if ((rc = cli_replica_to_list(cli, &replica, false, err)) ||
	    (rc = rep_query_sql(replica->db, cli->args[0], &answer, err)) ||
	    (rc = rep_note_read(replica, "sql", cli->args[0],
				(int64_t)rep_json_size(rep_json_get(answer, "rows")), cli_now_ms(),
				err)))
		goto out;
	if (cli->json)
		cli_json(answer);
	else
		print_sql(cli, answer);
out:
	rep_json_free(answer);
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_history(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	struct rep_replica *replica = NULL;
	const struct rep_entity *entity;
	struct rep_json *rows = NULL;
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, NULL, 0, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (rc = cli_replica(cli, &replica, true, true, err)) ||
	    (rc = cli_entity(replica->schema, cli->args[0], &entity, err)) ||
	    (rc = rep_query_history(replica, cli->args[0], cli->args[1], &rows, err)))
		goto out;
	if (cli->json)
		cli_json(rows);
	else
		rc = cli_audit_table(cli, rows, err);
out:
	rep_json_free(rows);
	rep_replica_close(replica);
	return rc;
}
