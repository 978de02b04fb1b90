/* Review items as people read them. */
#include <string.h>

#include "cli/output.h"
#include "cli/record.h"

#define TEXT_MAX (1u << 20)

/* "周三下午 (E0007)、周四上午 (E0012)" */
static void put_rivals(struct rep_buf *out, const struct rep_json *rivals)
{
	for (size_t i = 0; i < rep_json_size(rivals); i++) {
		const struct rep_json *rival = rep_json_at(rivals, i);
		const char *rep = rep_json_get_string(rival, "rep");

		rep_buf_puts(out, i ? "、" : "");
		cli_value(out, rep_json_get(rival, "value"));
		if (rep)
			rep_buf_printf(out, " (%s)", rep);
	}
}

/* {"best_time":{"new":...}} as best_time=...; sets as best_time+=..., -=... */
static void put_values(struct rep_buf *out, const struct rep_json *values)
{
	static const struct {
		const char *key;
		const char *sign;
	} parts[] = {{"new", "="}, {"add", "+="},   {"remove", "-="}, {"delta", "+="},
		     {"set", "="}, {"entry", "+="}, {"keys", "+="}};

	for (void *it = values ? rep_json_iter(values) : NULL; it;
	     it = rep_json_iter_next(values, it)) {
		const struct rep_json *edit = rep_json_iter_value(it);

		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
			const struct rep_json *value = rep_json_get(edit, parts[i].key);

			if (!value ||
			    (rep_json_is(value, REP_JSON_ARRAY) && rep_json_size(value) == 0))
				continue;
			rep_buf_printf(out, "%s%s%s", out->len ? " " : "", rep_json_iter_key(it),
				       parts[i].sign);
			cli_value(out, value);
		}
	}
}

static struct rep_json *row_of(const struct rep_json *item)
{
	static const char *const copied[] = {"item",  "kind",  "state",  "entity", "id",
					     "title", "field", "stands", "rule",   "rep",
					     "code",  "text",  "reason", "since"};
	struct rep_json *row = rep_json_object();
	struct rep_buf text = REP_BUF_INIT(TEXT_MAX);

	for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
		struct rep_json *value = rep_json_get(item, copied[i]);

		if (value)
			rep_json_set(row, copied[i], rep_json_ref(value));
	}
	put_rivals(&text, rep_json_get(item, "rivals"));
	put_values(&text, rep_json_get(item, "value"));
	rep_json_set_string(row, "says", rep_buf_str(&text));
	rep_buf_clear(&text);
	return row;
}

void cli_items(const struct cli *cli, const struct rep_json *items)
{
	static const struct cli_column columns[] = {
		{"item", "待办", "item", false},       {"kind", "类型", "kind", false},
		{"state", "状态", "state", false},     {"entity", "实体", "entity", false},
		{"id", "编号", "id", false},           {"title", "名称", "title", false},
		{"field", "字段", "field", false},     {"stands", "现值", "stands", false},
		{"says", "各方的值", "values", false}, {"rule", "规则", "rule", false},
		{"rep", "提出人", "by", false},        {"code", "代码", "code", false},
		{"text", "说明", "text", false},       {"reason", "原因", "reason", false},
		{"since", "时间", "since", false},
	};
	struct rep_json *rows = rep_json_array();

	for (size_t i = 0; i < rep_json_size(items); i++)
		rep_json_append(rows, row_of(rep_json_at(items, i)));
	cli_table_brief(cli, rows, columns, sizeof columns / sizeof *columns,
			sizeof columns / sizeof *columns);
	rep_json_free(rows);
}
