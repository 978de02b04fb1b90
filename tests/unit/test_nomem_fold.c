/* What the fold, admission and record files do when memory runs out: they tell, or it did not matter. */
#include "unit/help_rules.h"
#include "unit/nomem.h"

#include "core/base/limits.h"

static struct company *company;
static struct rep_edit *insert, *first, *second, *deleted;
static struct rep_folded before; /* after the first two */
static char *expected;           /* after all */

static const char insert_line[] =
	"{'values':{'name':{'new':'n'},'account':{'new':'A-1'},'f_latest':{'new':'a'},'f_set':{'new':['a','b']},"
	"'f_map':{'new':{'k':'1'}},'f_list':{'new':[{'note':'x'}]},'f_text':{'new':'a\\nb\\nc'},'f_sum':{'new':1},"
	"'day':{'new':'1'},'calendar':{'new':'solar'},'f_secret':{'new':'s'}}}";
static const char first_line[] =
	"{'values':{'f_latest':{'new':'b'},'f_set':{'add':['c'],'remove':['a']},'f_map':{'keys':{'k':{'new':'2'}}},"
	"'f_text':{'new':'A\\nb\\nc','old':'a\\nb\\nc'},'day':{'new':'2','old':'1'},'f_secret':{'new':'t','old':'s'}}}";
static const char second_line[] =
	"{'reason':'r','source':'register','values':{'f_latest':{'new':'c'},'f_set':{'add':['a']},"
	"'f_map':{'keys':{'k':{'new':'3'}}},'f_text':{'new':'a\\nb\\nC','old':'a\\nb\\nc'},'day':{'new':'3'},"
	"'f_list':{'entry':{'note':'y'}},'f_sum':{'delta':2},'f_secret':{'new':'u'},'f_source':{'new':'v'},"
	"'account':{'new':'A-2'},'f_central':{'new':'p'},'stage':{'new':'sent','old':'draft'}}}";

/* Everything as text; NULL without memory. */
static char *written(const struct rep_folded *folded)
{
	struct rep_buf out = REP_BUF_INIT(REP_RECORD_SIZE_MAX);

	for (size_t i = 0; i <= folded->reviews_len; i++) {
		const struct rep_record *record = i ? folded->reviews[i - 1] : folded->record;
		rep_buf_puts(&out, record->partition);
		rep_record_write(&out, record, "open");
		rep_record_write(&out, record, "secret");
	}
	return rep_buf_take(&out);
}

static bool copy_folded(struct rep_folded *out, const struct rep_folded *from)
{
	*out = (struct rep_folded){0};
	out->record = from->record ? rep_record_dup(from->record) : NULL;
	out->reviews = calloc(from->reviews_len + 1, sizeof(*out->reviews));
	for (size_t i = 0; out->reviews && i < from->reviews_len; i++) {
		out->reviews[i] = rep_record_dup(from->reviews[i]);
		out->reviews_len += out->reviews[i] != NULL;
		if (!out->reviews[i])
			return false;
	}
	return out->reviews && !out->record == !from->record;
}

static void fold_one(struct rep_folded *folded, const struct rep_edit *edit)
{
	struct rep_json *outcome;
	struct rep_error err;

	expect_ok(rep_fold(folded, edit, &company->context, &outcome, &err), &err);
	rep_json_free(outcome);
}

static int set_up(void **state)
{
	struct rep_folded after = {0};

	(void)state;
	company = company_new();
	insert = edit_new(REP_OP_INSERT, "thing", "T-1", at(1, HUB), insert_line);
	first = edit_new(REP_OP_UPDATE, "thing", "T-1", at(2, ANA), first_line);
	second = edit_new(REP_OP_UPDATE, "thing", "T-1", at(3, BEN), second_line);
	second->verdict = quoted_json(
		"{'f_central':{'outcome':'proposed','code':'no-right'},"
		"'stage':{'outcome':'rejected','code':'no-right'},'*':{'flags':['f']}}");
	deleted = edit_new(REP_OP_DELETE, "thing", "T-1", at(4, SUE), "{'values':{}}");
	fold_one(&before, insert);
	fold_one(&before, first);
	assert_true(copy_folded(&after, &before));
	fold_one(&after, second);
	fold_one(&after, deleted);
	expected = written(&after);
	rep_folded_clear(&after);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(expected);
	rep_folded_clear(&before);
	edit_free(insert);
	edit_free(first);
	edit_free(second);
	edit_free(deleted);
	company_free(company);
	return 0;
}

static enum rep_code out_of_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* The message is the fold's own; the sweep asks for these words. */
static enum rep_code told(enum rep_code rc, struct rep_error *err)
{
	return rc == REP_ENOMEM ? out_of_memory(err) : rc;
}

/* Folds two more edits onto a copy; what comes of it is right, or REP_ENOMEM. */
static enum rep_code try_fold(struct rep_error *err)
{
	struct rep_folded folded;
	struct rep_json *outcome = NULL;
	enum rep_code rc = REP_ENOMEM;

	if (copy_folded(&folded, &before))
		rc = rep_fold(&folded, second, &company->context, &outcome, err);
	rep_json_free(outcome);
	outcome = NULL;
	if (!rc)
		rc = rep_fold(&folded, deleted, &company->context, &outcome, err);
	rep_json_free(outcome);
	if (!rc) {
		char *text = written(&folded);
		if (text)
			assert_string_equal(text, expected);
		else
			rc = REP_ENOMEM;
		free(text);
	}
	rep_folded_clear(&folded);
	return told(rc, err);
}

static void the_fold_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_fold) > 100);
}

static enum rep_code try_first(struct rep_error *err)
{
	struct rep_folded folded = {0};
	struct rep_json *outcome = NULL;
	enum rep_code rc = rep_fold(&folded, insert, &company->context, &outcome, err);

	rep_json_free(outcome);
	if (!rc) {
		assert_int_equal(rep_json_size(folded.record->stamps), 1);
		assert_int_equal(rep_json_size(folded.record->fields), 12);
		assert_int_equal(rep_json_size(rep_record_value(folded.record, "f_set")), 2);
		assert_string_equal(folded.record->partition, "A-1");
	}
	rep_folded_clear(&folded);
	return told(rc, err);
}

static void an_insert_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_first) > 30);
}

static enum rep_code try_admit(struct rep_error *err)
{
	struct rep_admit_context context = {.fold = &company->context};
	struct rep_admission out;
	enum rep_code rc = rep_admit(&out, second, before.record, &context, err);

	if (!rc) {
		assert_int_equal(rep_json_size(out.verdict), 2);
		rep_admission_clear(&out);
	}
	return told(rc, err);
}

static void admission_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_admit) > 5);
}

/* A verdict that was cut short would let through what admission refused. */
static enum rep_code try_verdict(struct rep_error *err)
{
	static const char *const text =
		"{\"*\":{\"code\":\"archive\",\"flags\":[\"f\"],\"outcome\":"
		"\"proposed\"},\"a\":{\"code\":\"form\",\"outcome\":\"rejected\"},"
		"\"b\":{\"code\":\"no-right\",\"outcome\":\"rejected\"}}";
	struct rep_json *verdict, *outcome = NULL, *again = NULL;
	enum rep_code rc = rep_json_parse_canonical(&verdict, text, strlen(text), 8, err);

	if (!rc)
		rc = rep_outcome_of_verdict(&outcome, verdict, err);
	if (!rc)
		rc = rep_outcome_verdict(&again, outcome, err);
	if (!rc) {
		rep_json_del(verdict, "a"); /* the fold gives that one again */
		assert_true(rep_json_equal(verdict, again));
		assert_true(rep_outcome_refuses(outcome, "b"));
		assert_true(rep_outcome_refuses(outcome, "c")); /* proposed with the whole */
	}
	rep_json_free(verdict);
	rep_json_free(outcome);
	rep_json_free(again);
	return told(rc, err);
}

static void a_recorded_verdict_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_verdict) > 20);
}

static struct rep_buf files[2];

static enum rep_code try_read(struct rep_error *err)
{
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < 2 && !rc; i++)
		rc = rep_record_read(&record, &extra, company->schema, "A-1", files[i].data,
				     files[i].len, err);
	if (!rc)
		assert_true(rep_json_equal(record->stamps, before.record->stamps));
	rep_record_free(record);
	rep_json_free(extra);
	return told(rc, err);
}

static void reading_a_record_tells_of_it(void **state)
{
	(void)state;
	files[0] = files[1] = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	assert_true(rep_record_write(&files[0], before.record, "open"));
	assert_true(rep_record_write(&files[1], before.record, "secret"));
	assert_true(sweep(try_read) > 30);
	rep_buf_clear(&files[0]);
	rep_buf_clear(&files[1]);
}

static enum rep_code try_org(struct rep_error *err)
{
	struct rep_view_scope scope = {0};
	struct rep_record *role = NULL;
	struct rep_org *org = NULL;
	enum rep_code rc = rep_org_new(&org, company->schema, err);

	if (!rc)
		rc = rep_record_new(&role, rep_schema_entity(company->schema, "role"), "r", "org",
				    "hub", "2026-03-16T01:00:00.000Z-0000@hub00000", err);
	if (!rc) {
		rep_record_put(role, "rep", rep_json_string("ana"), NULL);
		rep_record_put(role, "role", rep_json_string("rep"), NULL);
		rc = rep_record_value(role, "rep") && rep_record_value(role, "role") &&
				     !role->failed
			     ? rep_org_add(org, role, err)
			     : REP_ENOMEM;
	}
	if (!rc)
		rc = rep_org_finish(org, err);
	if (!rc)
		rc = rep_org_view(org, "ana", "devaaaaa", "2026-03-16T01:00:00.000Z", &scope, err);
	if (!rc)
		assert_int_equal(scope.partitions_len, 2);
	rep_view_scope_clear(&scope);
	rep_record_free(role);
	rep_org_free(org);
	return told(rc, err);
}

static void the_organisation_tells_of_it(void **state)
{
	(void)state;
	assert_true(sweep(try_org) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fold_tells_of_it),
		cmocka_unit_test(an_insert_tells_of_it),
		cmocka_unit_test(admission_tells_of_it),
		cmocka_unit_test(a_recorded_verdict_tells_of_it),
		cmocka_unit_test(reading_a_record_tells_of_it),
		cmocka_unit_test(the_organisation_tells_of_it),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
