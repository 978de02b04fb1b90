#include "unit/help_fold.h"

#include <stdio.h>

#include "core/base/limits.h"

int company_set_up(void **state)
{
	*state = company_new();
	return 0;
}

int company_tear_down(void **state)
{
	company_free(*state);
	return 0;
}

char *with_stamps(const char *text, char stamps[][64])
{
	struct rep_buf buf = REP_BUF_INIT(REP_LINE_SIZE_MAX);

	for (; *text; text++) {
		if (*text == '$' && text[1] >= '0' && text[1] <= '9')
			rep_buf_puts(&buf, stamps[*++text - '0']);
		else
			rep_buf_putc(&buf, *text);
	}
	return rep_buf_take(&buf);
}

void fold_line(struct rep_folded *folded, const struct company *company, enum rep_op op,
	       const char *stamp, const char *line, char *outcome, const char *field)
{
	struct rep_edit *edit = edit_new(op, "thing", "T-1", stamp, line);
	struct rep_error err = {0};
	struct rep_json *out;
	const char *found;

	expect_ok(rep_fold(folded, edit, &company->context, &out, &err), &err);
	found = rep_json_get_string(rep_json_get(rep_json_get(out, "fields"), field), "outcome");
	if (!found)
		found = rep_json_get_string(out, "outcome");
	strcpy(outcome, found);
	rep_json_free(out);
	edit_free(edit);
}

void start_record(struct rep_folded *folded, const struct company *company, const char *insert)
{
	char line[600], outcome[16];

	snprintf(line, sizeof(line), "{'values':{'name':{'new':'n'},'account':{'new':'A-1'}%s%s}}",
		 insert ? "," : "", insert ? insert : "");
	fold_line(folded, company, REP_OP_INSERT, at(0, HUB), line, outcome, "name");
	assert_string_equal(outcome, "applied");
}

const char *item_state(const struct rep_folded *folded, const char *field)
{
	char id[40];
	const struct rep_record *item;

	rep_review_conflict_id(id, "thing", "T-1", field);
	item = rep_folded_review(folded, id);
	return item ? rep_json_string_value(rep_record_value(item, "state")) : NULL;
}

struct rep_json *fold_judged(struct rep_folded *folded, const struct company *company,
			     enum rep_op op, const char *entity, const char *id, const char *stamp,
			     const char *line, const char *verdict)
{
	struct rep_edit *edit = edit_new(op, entity, id, stamp, line);
	struct rep_error err = {0};
	struct rep_json *out;

	edit->verdict = verdict ? quoted_json(verdict) : NULL;
	expect_ok(rep_fold(folded, edit, &company->context, &out, &err), &err);
	edit_free(edit);
	return out;
}

void make_open(struct rep_folded *folded, const struct company *company, char *id)
{
	char outcome[16], line[200];

	start_record(folded, company, "'f_review':{'new':'a'}");
	snprintf(line, sizeof(line), "{'values':{'f_review':{'new':'b','saw':'%s'}}}", at(0, HUB));
	fold_line(folded, company, REP_OP_UPDATE, at(1, ANA), line, outcome, "f_review");
	snprintf(line, sizeof(line), "{'values':{'f_review':{'new':'c','saw':'%s'}}}", at(0, HUB));
	fold_line(folded, company, REP_OP_UPDATE, at(2, BEN), line, outcome, "f_review");
	assert_string_equal(outcome, "queued");
	rep_review_conflict_id(id, "thing", "T-1", "f_review");
}
