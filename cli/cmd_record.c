/* put, new, delete: a record's edits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/store/edit.h"
#include "core/store/match.h"

struct assigns {
	struct rep_assign *assigns;
	struct rep_json **values;
	char (*fields)[REP_NAME_LEN_MAX + 1];
	size_t len;
};

static void assigns_clear(struct assigns *assigns)
{
	for (size_t i = 0; i < assigns->len && assigns->values; i++)
		rep_json_free(assigns->values[i]);
	free(assigns->assigns);
	free(assigns->values);
	free(assigns->fields);
}

/* `field@=file` becomes `field=` with the file's text. *out is `text` itself for anything else. */
static enum rep_code file_text(struct cli *cli, const char *text, const char **out,
			       struct rep_error *err)
{
	struct rep_buf made = REP_BUF_INIT(REP_TEXT_SIZE_MAX + REP_NAME_LEN_MAX + 2);
	const char *sign = strstr(text, "@=");
	enum rep_code rc;

	*out = text;
	if (!sign || strcspn(text, "=") != (size_t)(sign - text) + 1)
		return REP_OK;
	rep_buf_put(&made, text, (size_t)(sign - text));
	rep_buf_putc(&made, '=');
	rc = rep_file_read(&made, sign + 2, err);
	if (!rc && made.len > 0 && made.data[made.len - 1] == '\n')
		made.data[--made.len] = '\0';
	if (!rc && !rep_text_is_utf8(made.data, made.len))
		rc = rep_fail(err, REP_EINVAL, "%s is not valid utf-8 text", sign + 2);
	if (rc) {
		rep_buf_clear(&made);
		return rc;
	}
	return cli_text(cli, out, cli_keep(cli, rep_buf_take(&made)), err);
}

static enum rep_code assigns_read(struct cli *cli, struct assigns *out,
				  const struct rep_entity *entity, size_t from,
				  struct rep_error *err)
{
	size_t len = cli->args_len - from;
	enum rep_code rc = REP_OK;
	const char *text;

	out->assigns = calloc(len + 1, sizeof *out->assigns);
	out->values = calloc(len + 1, sizeof *out->values);
	out->fields = calloc(len + 1, sizeof *out->fields);
	out->len = len;
	if (!out->assigns || !out->values || !out->fields)
		return rep_fail(err, REP_ENOMEM, "no memory");
	for (size_t i = 0; i < len && !rc; i++) {
		rc = file_text(cli, cli->args[from + i], &text, err);
		if (!rc)
			rc = rep_assign_parse(&out->assigns[i], &out->values[i], out->fields[i],
					      sizeof out->fields[i], entity, text, err);
	}
	return rc;
}

/* ---- what may be there already ---- */

static bool asks(const struct rep_entity *entity, const struct assigns *assigns)
{
	for (size_t i = 0; i < assigns->len; i++)
		if (rep_match_asks(entity, assigns->assigns[i].field))
			return true;
	return false;
}

static void warn(const struct cli *cli, const struct rep_entity *entity, const struct rep_json *one)
{
	bool sure = rep_json_get_bool(one, "sure");
	struct rep_buf name = REP_BUF_INIT(2 * REP_TEXT_SIZE_MAX);

	rep_buf_printf(&name, "%s %s", entity->name, rep_json_get_string(one, "id"));
	if (rep_json_get_string(one, "title")) {
		rep_buf_putc(&name, ' ');
		cli_value(&name, rep_json_get(one, "title"));
	}
	if (cli->chinese)
		fprintf(stderr,
			sure ? "与 %s 是同一个（%s）：公司会合并\n" : "可能与 %s 是同一个（%s）\n",
			rep_buf_str(&name), rep_json_get_string(one, "key"));
	else
		fprintf(stderr,
			sure ? "the same as %s (%s): the company will join them\n"
			     : "may be the same as %s (%s)\n",
			rep_buf_str(&name), rep_json_get_string(one, "key"));
	rep_buf_clear(&name);
}

/*
 * Records here that may be the same as the one just written, where what was typed bears on it. The edit is made: a search that fails is
 * told and changes nothing. NULL = none.
 */
static struct rep_json *duplicates(struct cli *cli, struct rep_replica *replica,
				   const struct rep_entity *entity, const char *id,
				   const struct assigns *assigns)
{
	struct rep_json *found = NULL;
	struct rep_error err = {0};

	if (!asks(entity, assigns))
		return NULL;
	if (rep_duplicates_of(replica, entity->name, id, &found, &err) != REP_OK)
		fprintf(stderr, "repsync: %s\n", err.msg);
	for (size_t i = 0; !cli->json && !cli->quiet && i < rep_json_size(found); i++)
		warn(cli, entity, rep_json_at(found, i));
	if (rep_json_size(found))
		return found;
	rep_json_free(found);
	return NULL;
}

/* What was written, for programs; with what may be the same. Takes `found`. */
static void print_written(const char *entity, const char *id, struct rep_json *found)
{
	struct rep_json *made = rep_json_object();

	rep_json_set_string(made, "entity", entity);
	rep_json_set_string(made, "id", id);
	if (found)
		rep_json_set(made, "duplicates", found);
	cli_json(made);
	rep_json_free(made);
}

enum rep_code cmd_put(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID", "FIELD=VALUE"};
	struct rep_replica *replica = NULL;
	const struct rep_entity *entity;
	struct assigns assigns = {0};
	struct rep_json *found = NULL;
	const char *reason = NULL;
	const struct cli_option options[] = {{.name = "message", .letter = 'm', .text = &reason}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 3, CLI_TEXTS_MAX, names, err)) ||
	    (rc = cli_replica(cli, &replica, false, true, err)) ||
	    (rc = cli_entity(replica->schema, cli->args[0], &entity, err)) ||
	    (rc = assigns_read(cli, &assigns, entity, 2, err)))
		goto out;
	rc = rep_put(replica, cli->args[0], cli->args[1], assigns.assigns, assigns.len, reason,
		     err);
	if (!rc)
		found = duplicates(cli, replica, entity, cli->args[1], &assigns);
	if (found && cli->json) {
		print_written(cli->args[0], cli->args[1], found);
		found = NULL;
	}
out:
	rep_json_free(found);
	assigns_clear(&assigns);
	rep_replica_close(replica);
	return rc;
}

/* Takes `found`. */
static void print_id(const struct cli *cli, const char *entity, const char *id,
		     struct rep_json *found)
{
	if (cli->json) {
		print_written(entity, id, found);
		return;
	}
	puts(id);
	rep_json_free(found);
}

enum rep_code cmd_new(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY"};
	struct rep_replica *replica = NULL;
	const struct rep_entity *entity;
	struct assigns assigns = {0};
	const char *reason = NULL, *id = NULL;
	const struct cli_option options[] = {{.name = "message", .letter = 'm', .text = &reason},
					     {.name = "id", .text = &id}};
	char made[REP_ID_LEN_MAX + 1];
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 2, err)) ||
	    (rc = cli_args(cli, 1, CLI_TEXTS_MAX, names, err)) ||
	    (rc = cli_replica(cli, &replica, false, true, err)) ||
	    (rc = cli_entity(replica->schema, cli->args[0], &entity, err)) ||
	    (rc = assigns_read(cli, &assigns, entity, 1, err)))
		goto out;
	rc = rep_new(replica, cli->args[0], id, assigns.assigns, assigns.len, reason, cli_now_ms(),
		     made, err);
	if (!rc)
		print_id(cli, cli->args[0], made, duplicates(cli, replica, entity, made, &assigns));
out:
	assigns_clear(&assigns);
	rep_replica_close(replica);
	return rc;
}

enum rep_code cmd_delete(struct cli *cli, int argc, char **argv, struct rep_error *err)
{
	static const char *const names[] = {"ENTITY", "ID"};
	struct rep_replica *replica = NULL;
	const struct rep_entity *entity;
	const char *reason = NULL;
	const struct cli_option options[] = {{.name = "message", .letter = 'm', .text = &reason}};
	enum rep_code rc;

	if ((rc = cli_options(cli, argc, argv, options, 1, err)) ||
	    (rc = cli_args(cli, 2, 2, names, err)) ||
	    (rc = cli_replica(cli, &replica, false, true, err)))
		return rc;
	rc = cli_entity(replica->schema, cli->args[0], &entity, err);
	if (!rc)
		rc = rep_delete(replica, cli->args[0], cli->args[1], reason, err);
	rep_replica_close(replica);
	return rc;
}
