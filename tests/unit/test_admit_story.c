/* US-03: two reps and one doctor, through admission and fold by the shipped schema. */
#include "unit/help_rules.h"

#include "core/base/limits.h"

#define WANG "devkkkkk"
#define LI "devlllll"
#define STAMP0 "2026-03-10T00:00:00.000Z-0000@hub00000"
#define STAMP_WANG "2026-03-16T01:10:00.000Z-0000@" WANG
#define STAMP_LI "2026-03-16T02:25:00.000Z-0000@" LI

static struct company *pharma(void)
{
	struct company *company = company_of("schema");

	company_add(company, "territory", "JN-01", "{'name':'一'}");
	company_add(company, "territory", "JN-02", "{'name':'二'}");
	company_person(company, "E0007", WANG, "rep", false);
	company_person(company, "E0012", LI, "rep", false);
	company_assign(company, "employee", "E0007", "JN-01", "primary", NULL, NULL);
	company_assign(company, "employee", "E0012", "JN-02", "primary", NULL, NULL);
	company_assign(company, "org", "O-0101", "JN-01", "primary", NULL, NULL);
	company_assign(company, "org", "O-0101", "JN-02", "assist", NULL, NULL);
	company_finish(company);
	return company;
}

static struct rep_edit *doctor_edit(enum rep_op op, const char *rep, const char *stamp,
				    const char *line)
{
	struct rep_edit *edit = edit_new(op, "contact", "C-0001", stamp, line);

	edit->rep = rep;
	edit->seq = 1;
	return edit;
}

/* Admits as at the hub: by the state that it has when the edit arrives. */
static void admit(const struct company *company, struct rep_edit *edit,
		  const struct rep_record *record)
{
	struct rep_admit_context context = {.fold = &company->context};
	struct rep_admission out;
	struct rep_error err = {0};

	expect_ok(rep_admit(&out, edit, record, &context, &err), &err);
	assert_false(out.held);
	edit->verdict = out.verdict;
}

static void fold(const struct company *company, struct rep_folded *folded,
		 const struct rep_edit *edit)
{
	struct rep_json *outcome;
	struct rep_error err = {0};

	expect_ok(rep_fold(folded, edit, &company->context, &outcome, &err), &err);
	rep_json_free(outcome);
}

static void write_all(struct rep_buf *out, const struct rep_folded *folded)
{
	rep_record_write(out, folded->record, "open");
	rep_record_write(out, folded->record, "address");
	for (size_t i = 0; i < folded->reviews_len; i++) {
		rep_record_write(out, folded->reviews[i], "open");
		rep_record_write(out, folded->reviews[i], "address");
	}
}

static const struct rep_record *proposal_of(const struct rep_folded *folded, const char *field)
{
	for (size_t i = 0; i < folded->reviews_len; i++) {
		if (rep_json_get(rep_record_value(folded->reviews[i], "values"), field))
			return folded->reviews[i];
	}
	fail_msg("no proposal of %s", field);
	return NULL;
}

static void check_doctor(const struct rep_folded *folded)
{
	struct rep_json *fields = quoted_json(
		"{'name':'陈建国','kind':'医务人员','org':'O-0101','prof_title':'主任医师',"
		"'phones':['13900002222','13900003333'],'best_time':'周四上午','hobbies':['书法','羽毛球'],"
		"'influence':'国家级','employment':'在职','home_address':'江南市滨湖区人民路18号'}");
	struct rep_json *value;

	for (void *it = rep_json_iter(folded->record->fields); it;
	     it = rep_json_iter_next(folded->record->fields, it)) {
		if (strcmp(rep_json_iter_key(it), "influence_evidence") == 0)
			continue;
		value = rep_json_get(fields, rep_json_iter_key(it));
		char *text = rep_json_text(rep_json_iter_value(it));
		if (!rep_json_equal(value, rep_json_iter_value(it)))
			fail_msg("%s is %s", rep_json_iter_key(it), text);
		free(text);
	}
	assert_int_equal(rep_json_size(folded->record->fields), rep_json_size(fields) + 1);
	rep_json_free(fields);
	value = rep_json_get(rep_record_value(proposal_of(folded, "home_address"), "values"),
			     "home_address");
	assert_string_equal(rep_json_get_string(value, "new"), "人民路88号");
	assert_string_equal(proposal_of(folded, "home_address")->twin, "address");
	assert_string_equal(
		rep_json_string_value(rep_record_value(proposal_of(folded, "home_address"), "to")),
		"E0007");
	value = rep_json_get(rep_record_value(proposal_of(folded, "name"), "values"), "name");
	assert_string_equal(rep_json_get_string(value, "new"), "陈建囯");
}

static const char doctor_line[] =
	"{'values':{'name':{'new':'陈建国'},'kind':{'new':'医务人员'},'org':{'new':'O-0101'},"
	"'prof_title':{'new':'副主任医师'},'phones':{'new':['13900001111']},'best_time':{'new':'周二上午'},"
	"'hobbies':{'new':['书法']},'influence':{'new':'市级'},'employment':{'new':'在职'}}}";
static const char wang_line[] =
	"{'reason':'拜访时本人告知','values':{"
	"'prof_title':{'new':'主任医师','old':'副主任医师','saw':'" STAMP0 "'},"
	"'phones':{'add':['13900002222'],'remove':[],'seen':{}},"
	"'best_time':{'new':'周三下午','old':'周二上午','saw':'" STAMP0 "'},"
	"'influence':{'new':'国家级','old':'市级','saw':'" STAMP0 "'},"
	"'influence_evidence':{'entry':{'note':'中华医学会某分会委员'}},"
	"'home_address':{'new':'江南市滨湖区人民路18号','old':null,'saw':'" STAMP0 "'}}}";
static const char li_line[] =
	"{'reason':'换号','values':{"
	"'phones':{'add':['13900003333'],'remove':['13900001111'],'seen':{'\\\"13900001111\\\"':'" STAMP0
	"'}},"
	"'best_time':{'new':'周四上午','old':'周二上午','saw':'" STAMP0 "'},"
	"'hobbies':{'add':['羽毛球'],'remove':[],'seen':{}},"
	"'influence':{'new':'省级','old':'市级','saw':'" STAMP0 "'},"
	"'home_address':{'new':'人民路88号','old':null,'saw':'" STAMP0 "'},"
	"'name':{'new':'陈建囯','old':'陈建国','saw':'" STAMP0 "'}}}";

static void two_reps_and_one_doctor_in_either_order(void **state)
{
	struct company *company = pharma();
	struct rep_folded first = {0}, late = {0};
	struct rep_buf a = REP_BUF_INIT(REP_RECORD_SIZE_MAX), b = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_edit *doctor = doctor_edit(REP_OP_INSERT, "hub", STAMP0, doctor_line);
	struct rep_edit *wang = doctor_edit(REP_OP_UPDATE, "E0007", STAMP_WANG, wang_line);
	struct rep_edit *li = doctor_edit(REP_OP_UPDATE, "E0012", STAMP_LI, li_line);

	(void)state;
	/* Wang syncs first. */
	fold(company, &first, doctor);
	admit(company, wang, first.record);
	assert_null(wang->verdict);
	fold(company, &first, wang);
	admit(company, li, first.record);
	fold(company, &first, li);
	check_doctor(&first);
	write_all(&a, &first);
	/* Li syncs first: Wang's edits are late, the record is folded again from its beginning. */
	edit_free(li);
	edit_free(wang);
	wang = doctor_edit(REP_OP_UPDATE, "E0007", STAMP_WANG, wang_line);
	li = doctor_edit(REP_OP_UPDATE, "E0012", STAMP_LI, li_line);
	fold(company, &late, doctor);
	admit(company, li, late.record);
	fold(company, &late, li);
	admit(company, wang, late.record);
	rep_folded_clear(&late);
	fold(company, &late, doctor);
	fold(company, &late, wang);
	fold(company, &late, li);
	write_all(&b, &late);
	assert_string_equal(rep_buf_str(&a), rep_buf_str(&b));
	rep_folded_clear(&first);
	rep_folded_clear(&late);
	rep_buf_clear(&a);
	rep_buf_clear(&b);
	edit_free(doctor);
	edit_free(wang);
	edit_free(li);
	company_free(company);
}

static void after_a_reassignment_an_edit_is_proposed_to_the_new_owner(void **state)
{
	struct company *company = company_of("schema");
	struct rep_edit *edit =
		doctor_edit(REP_OP_UPDATE, "E0007", "2026-04-01T06:00:00.000Z-0000@" WANG,
			    "{'reason':'x','values':{'phones':{'add':['13900002222']}}}");
	struct rep_record *record;
	struct rep_folded folded = {0};

	(void)state;
	company_person(company, "E0007", WANG, "rep", false);
	company_person(company, "E0012", LI, "rep", false);
	company_assign(company, "employee", "E0007", "JN-01", "primary", NULL, NULL);
	company_assign(company, "employee", "E0012", "JN-02", "primary", NULL, NULL);
	company_assign(company, "org", "O-0103", "JN-01", "primary", NULL,
		       "2026-03-31T16:00:00.000Z");
	company_assign(company, "org", "O-0103", "JN-02", "primary", "2026-03-31T16:00:00.000Z",
		       NULL);
	company_finish(company);
	record = record_of(company->schema, "contact", "C-0001", "O-0103",
			   "{'name':'周','org':'O-0103','phones':['13900001111']}");
	folded.record = record;
	admit(company, edit, record);
	fold(company, &folded, edit);
	assert_int_equal(rep_json_size(rep_record_value(record, "phones")), 1);
	assert_string_equal(rep_json_string_value(rep_record_value(folded.reviews[0], "to")),
			    "E0012");
	edit_free(edit);
	edit = doctor_edit(REP_OP_UPDATE, "E0007", "2026-03-31T15:59:59.999Z-0000@" WANG,
			   "{'reason':'x','values':{'phones':{'add':['13900003333']}}}");
	admit(company, edit, record); /* made before the cut: the old owner's work */
	assert_null(edit->verdict);
	edit_free(edit);
	rep_folded_clear(&folded);
	company_free(company);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_reps_and_one_doctor_in_either_order),
		cmocka_unit_test(after_a_reassignment_an_edit_is_proposed_to_the_new_owner),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
