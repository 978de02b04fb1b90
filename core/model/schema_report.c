/*
 * The header of a report: comment lines before the statement.
 *
 *	-- report: birthdays
 *	-- label: zh=近期生日 | en=Upcoming birthdays
 *	-- roles: rep care manager
 *	-- param: days integer = 7 | zh=天数 | en=days
 *	-- column: name | zh=姓名 | en=Name
 *
 * Whether the statement is one SELECT with these columns is asked of SQLite, in the store layer.
 */
#include <stdio.h>
#include <string.h>

#include "core/model/schema_load.h"

#define LINES_MAX 100u

struct header {
	struct rep_report *report;
	bool named;
	size_t cap; /* of params and columns: lines of the header */
};

/* A copy of [from, to) without white space at its ends, in the arena. */
static char *trimmed(struct rep_loader *ld, const char *from, const char *to)
{
	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
		to--;
	return rep_arena_text(ld->arena, from, (size_t)(to - from));
}

/* Cuts `text` at the next '|': gives what lies before it, and moves on; NULL without memory. */
static char *next_part(struct rep_loader *ld, const char **text)
{
	const char *end = strchr(*text, '|');
	char *part = trimmed(ld, *text, end ? end : *text + strlen(*text));

	*text = end ? end + 1 : *text + strlen(*text);
	return part;
}

/* `zh=… | en=…`: the rest of a line. */
static enum rep_code read_label(struct rep_loader *ld, struct rep_label *out, const char *text)
{
	while (*text) {
		char *part = next_part(ld, &text);

		if (!part)
			return rep_loader_no_memory(ld);
		if (strncmp(part, "zh=", 3) == 0)
			out->zh = part + 3;
		else if (strncmp(part, "en=", 3) == 0)
			out->en = part + 3;
		else
			return rep_loader_bad(ld, "report-header",
					      "\"%.60s\" is no zh= or en=", part);
	}
	if (!out->zh || !*out->zh || !out->en || !*out->en)
		return rep_loader_bad(ld, "label-language", "a label of a report lacks %s",
				      out->zh && *out->zh ? "en" : "zh");
	return REP_OK;
}

static enum rep_code read_name(struct rep_loader *ld, struct header *header, const char *text)
{
	if (header->named || strcmp(text, header->report->name) != 0)
		return rep_loader_bad(ld, "report-header", "\"report: %.60s\" is not its name",
				      text);
	header->named = true;
	return REP_OK;
}

static enum rep_code read_title(struct rep_loader *ld, struct header *header, const char *text)
{
	return read_label(ld, &header->report->label, text);
}

static enum rep_code read_roles(struct rep_loader *ld, struct header *header, const char *text)
{
	struct rep_report *report = header->report;
	/* At most one role for two bytes of text. */
	enum rep_code rc =
		rep_loader_array(ld, &report->roles, strlen(text) / 2 + 1, sizeof *report->roles);

	while (!rc && *text) {
		size_t len = strcspn(text, " ");
		char *name = trimmed(ld, text, text + len);

		text += len;
		text += strspn(text, " ");
		if (!name)
			return rep_loader_no_memory(ld);
		if (strcmp(name, "*") != 0 && !rep_schema_role(ld->schema, name))
			return rep_loader_bad(ld, "unknown-role", "\"%.60s\"", name);
		report->roles[report->roles_len++] = name;
	}
	return rc;
}

/* `org.level`: one of the values of that field. */
static enum rep_code read_enum_type(struct rep_loader *ld, struct rep_param *param,
				    const char *type)
{
	const char *dot = strchr(type, '.');
	char *name = trimmed(ld, type, dot);

	if (!name)
		return rep_loader_no_memory(ld);
	const struct rep_entity *entity = rep_schema_entity(ld->schema, name);

	param->type = REP_PARAM_ENUM;
	param->field = entity ? rep_entity_field(entity, dot + 1) : NULL;
	if (!param->field || param->field->type != REP_TYPE_ENUM)
		return rep_loader_bad(ld, "report-header", "\"%.60s\" is no enum field", type);
	return REP_OK;
}

static enum rep_code read_param_type(struct rep_loader *ld, struct rep_param *param,
				     const char *type)
{
	static const char *const types[] = {"text", "integer",   "date",   "datetime", "boolean",
					    "",     "reference", "period", NULL};
	int index = rep_word_index(types, type);

	if (strchr(type, '.'))
		return read_enum_type(ld, param, type);
	if (index < 0 || !*type)
		return rep_loader_bad(ld, "report-header", "param %s: no type \"%.40s\"",
				      param->name, type);
	param->type = (enum rep_param_type)index;
	return REP_OK;
}

static enum rep_code check_preset(struct rep_loader *ld, const struct rep_param *param)
{
	static const char *const macros[] = {"@today",   "@now",  "@rep", "@month",
					     "@quarter", "@year", NULL};

	if (param->preset[0] == '@' && rep_word_index(macros, param->preset) < 0)
		return rep_loader_bad(ld, "report-header", "param %s: no default \"%.40s\"",
				      param->name, param->preset);
	return REP_OK;
}

/* `days integer = 7 | zh=天数 | en=days` */
static enum rep_code read_param(struct rep_loader *ld, struct header *header, const char *text)
{
	struct rep_param *param = &header->report->params[header->report->params_len++];
	const char *rest = text;
	char *head = next_part(ld, &rest);

	if (!head)
		return rep_loader_no_memory(ld);
	char *equals = strchr(head, '=');
	const char *end = equals ? equals : head + strlen(head);
	size_t len = strcspn(head, " ");
	char *type = trimmed(ld, head + len, end);

	param->name = trimmed(ld, head, head + len);
	param->preset = equals ? trimmed(ld, equals + 1, head + strlen(head)) : NULL;
	if (!param->name || !type || (equals && !param->preset))
		return rep_loader_no_memory(ld);
	enum rep_code rc = rep_loader_name(ld, param->name, false);

	if (!rc)
		rc = read_param_type(ld, param, type);
	if (!rc && param->preset)
		rc = check_preset(ld, param);
	for (size_t i = 0; !rc && i + 1 < header->report->params_len; i++)
		if (strcmp(header->report->params[i].name, param->name) == 0)
			rc = rep_loader_bad(ld, "duplicate-name", "param %s", param->name);
	return rc ? rc : read_label(ld, &param->label, rest);
}

static enum rep_code read_column(struct rep_loader *ld, struct header *header, const char *text)
{
	struct rep_report_column *column = &header->report->columns[header->report->columns_len++];
	const char *rest = text;
	char *name = next_part(ld, &rest);

	if (!name)
		return rep_loader_no_memory(ld);
	column->name = name;
	enum rep_code rc = rep_loader_name(ld, name, false);

	for (size_t i = 0; !rc && i + 1 < header->report->columns_len; i++)
		if (strcmp(header->report->columns[i].name, name) == 0)
			rc = rep_loader_bad(ld, "duplicate-name", "column %s", name);
	return rc ? rc : read_label(ld, &column->label, rest);
}

struct header_key {
	const char *name;
	enum rep_code (*read)(struct rep_loader *ld, struct header *header, const char *text);
};

/* `line` is what follows "--". */
static enum rep_code read_line(struct rep_loader *ld, struct header *header, const char *line)
{
	static const struct header_key keys[] = {
		{"report", read_name}, {"label", read_title},   {"roles", read_roles},
		{"param", read_param}, {"column", read_column},
	};
	const char *colon = strchr(line, ':');

	for (size_t i = 0; colon && i < sizeof keys / sizeof *keys; i++) {
		if (strlen(keys[i].name) != (size_t)(colon - line) ||
		    strncmp(keys[i].name, line, (size_t)(colon - line)) != 0)
			continue;
		char *text = trimmed(ld, colon + 1, line + strlen(line));

		return text ? keys[i].read(ld, header, text) : rep_loader_no_memory(ld);
	}
	return rep_loader_bad(ld, "report-header", "\"-- %.60s\" is no line of a header", line);
}

static size_t header_lines(const char *sql)
{
	size_t lines = 0;

	while (strncmp(sql, "--", 2) == 0) {
		lines++;
		sql += strcspn(sql, "\n");
		sql += *sql == '\n';
	}
	return lines;
}

static enum rep_code read_header(struct rep_loader *ld, struct header *header)
{
	struct rep_report *report = header->report;
	const char *at = report->sql;
	enum rep_code rc =
		rep_loader_array(ld, &report->params, header->cap, sizeof *report->params);

	if (!rc)
		rc = rep_loader_array(ld, &report->columns, header->cap, sizeof *report->columns);
	while (!rc && strncmp(at, "--", 2) == 0) {
		size_t len = strcspn(at, "\n");
		char *line = trimmed(ld, at + 2, at + len);

		rc = line ? read_line(ld, header, line) : rep_loader_no_memory(ld);
		at += len + (at[len] == '\n');
	}
	return rc;
}

enum rep_code rep_load_report(struct rep_loader *ld, struct rep_report *out, const char *name,
			      const char *sql)
{
	struct header header = {.report = out, .cap = header_lines(sql)};

	out->name = name;
	out->sql = sql;
	ld->entity = name;
	ld->field = NULL;
	if (header.cap > LINES_MAX)
		return rep_loader_bad(ld, "too-many", "%zu lines of header", header.cap);
	enum rep_code rc = read_header(ld, &header);

	if (rc)
		return rc;
	if (!header.named || !out->label.zh || !out->roles_len || !out->columns_len)
		return rep_loader_bad(ld, "report-header", "it lacks %s",
				      !header.named     ? "\"report:\""
				      : !out->label.zh  ? "\"label:\""
				      : !out->roles_len ? "\"roles:\""
							: "\"column:\"");
	return REP_OK;
}
