/* What only the hub can judge of a mailbox, each with the code of mailbox.h, by change sets that their device signed. */
#include <stdio.h>

#include "core/base/limits.h"
#include "help_hub.h"
#include "sync/admin/hub_schema.h"
#include "sync/mailbox/mailbox.h"
#include "unit/help_git.h"

#define AT(n) (HUB_T0 + (n)*MINUTE)

static struct rep_error err;

struct company {
	char dir[4096];
	struct rep_hub *hub;
	struct laptop laptop;
};

static int setup(void **state)
{
	struct company *company = calloc(1, sizeof *company);

	assert_non_null(company);
	company->hub = hub_make(company->dir, sizeof company->dir);
	hub_company(company->hub, &company->laptop);
	hub_run_quietly(company->hub, AT(5));
	*state = company;
	return 0;
}

static int teardown(void **state)
{
	struct company *company = *state;

	laptop_clear(&company->laptop);
	hub_drop(company->hub, company->dir);
	free(company);
	return 0;
}

static void write_doctor(struct laptop *laptop, const char *id)
{
	laptop_change(laptop, "insert", "contact", id, AT(6), insert_doctor);
}

/* Sends what was sealed and merges: the problems have these codes and no other. */
static void expect_codes(struct company *company, const char *want)
{
	struct rep_buf codes = REP_BUF_INIT(1024);
	struct rep_json *summary;
	const struct rep_json *problems;

	if (company->laptop.sets.len)
		laptop_send(&company->laptop, company->dir, AT(7));
	summary = hub_run(company->hub, AT(8));
	problems = rep_json_get(summary, "problems");
	for (size_t i = 0; i < rep_json_size(problems); i++) {
		const char *code = rep_json_get_string(rep_json_at(problems, i), "code");

		rep_buf_printf(&codes, "%s%s", i ? " " : "", code ? code : "none");
	}
	assert_string_equal(rep_buf_str(&codes), want);
	rep_buf_clear(&codes);
	rep_json_free(summary);
}

static void what_is_all_right_has_no_code(void **state)
{
	struct company *company = *state;

	write_doctor(&company->laptop, "C-0001");
	expect_codes(company, "");
}

static void another_set_of_a_number_that_was_merged_is_a_fork(void **state)
{
	struct company *company = *state;
	struct laptop *laptop = &company->laptop;

	write_doctor(laptop, "C-0001");
	expect_codes(company, "");
	laptop->seq = 0;
	laptop->first = 1;
	memcpy(laptop->hash, rep_changeset_no_prev, sizeof laptop->hash);
	write_doctor(laptop, "C-0002");
	laptop->first = laptop->seq = 2; /* the name of its file is free to choose */
	expect_codes(company, "fork");
}

static void a_set_that_continues_another_chain_is_a_fork(void **state)
{
	struct company *company = *state;
	struct laptop *laptop = &company->laptop;

	write_doctor(laptop, "C-0001");
	expect_codes(company, "");
	memset(laptop->hash, 'a', sizeof laptop->hash - 1);
	write_doctor(laptop, "C-0002");
	expect_codes(company, "fork");
}

static void a_number_that_is_left_out_is_a_gap(void **state)
{
	struct company *company = *state;

	company->laptop.seq = 1;
	company->laptop.first = 2;
	memset(company->laptop.hash, 'a', sizeof company->laptop.hash - 1);
	write_doctor(&company->laptop, "C-0001");
	expect_codes(company, "gap");
}

static void another_person_in_ones_own_chain_is_foreign(void **state)
{
	struct company *company = *state;

	snprintf(company->laptop.rep, sizeof company->laptop.rep, "r018");
	write_doctor(&company->laptop, "C-0001");
	expect_codes(company, "foreign");
}

static void another_device_in_ones_own_mailbox_is_foreign(void **state)
{
	struct company *company = *state;
	struct laptop other = company->laptop;

	other.sets = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	memcpy(other.id, "aaaaaaaa", sizeof other.id);
	write_doctor(&other, "C-0001");
	rep_buf_put(&company->laptop.sets, other.sets.data, other.sets.len);
	company->laptop.seq = 1;
	laptop_clear(&other);
	expect_codes(company, "foreign");
}

static void a_schema_that_was_never_in_force_is_told(void **state)
{
	struct company *company = *state;

	snprintf(strchr(company->laptop.schema, '/'), 8, "/99");
	write_doctor(&company->laptop, "C-0001");
	expect_codes(company, "schema");
}

static void publish_second(struct company *company)
{
	char dir[5000];
	struct rep_json *out = NULL;

	snprintf(dir, sizeof dir, "%s/second", company->dir);
	shell_ok("cp -r '%s' '%s' && sed -i 's/\"version\": 1/\"version\": 2/' '%s/schema.json'",
		 source_path("schema"), dir, dir);
	expect_ok(rep_hub_schema_publish(
			  company->hub,
			  &(struct rep_hub_publish_schema){.dir = dir, .now_ms = AT(9)}, &out,
			  &err),
		  &err);
	rep_json_free(out);
}

/* Sets that follow in the chain wait with it, and all come once the version is there, without being sent again. */
static void what_was_made_under_an_unknown_version_waits_whole_until_that_is_published(void **state)
{
	struct company *company = *state;
	struct rep_json *summary;
	struct rep_record *row;

	snprintf(strchr(company->laptop.schema, '/'), 8, "/2");
	write_doctor(&company->laptop, "C-0001");
	laptop_send(&company->laptop, company->dir, AT(6));
	write_doctor(&company->laptop, "C-0002");
	expect_codes(company, "schema");
	assert_null(hub_row(company->hub, "contact", "C-0001"));
	publish_second(company);
	summary = hub_run(company->hub, AT(10));
	assert_int_equal(rep_json_size(rep_json_get(summary, "problems")), 0);
	rep_json_free(summary);
	for (unsigned i = 1; i <= 2; i++) {
		row = hub_row(company->hub, "contact", i == 1 ? "C-0001" : "C-0002");
		assert_non_null(row);
		rep_record_free(row);
	}
	expect_replay(company->hub);
}

static void an_entity_that_the_schema_has_not_is_told(void **state)
{
	struct company *company = *state;

	laptop_change(&company->laptop, "insert", "unicorn", "U-0001", AT(6), insert_doctor);
	expect_codes(company, "schema");
}

static void values_that_are_withheld_are_told_as_erased(void **state)
{
	struct company *company = *state;
	struct rep_buf sent = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_buf *sets = &company->laptop.sets;

	write_doctor(&company->laptop, "C-0001");
	expect_ok(rep_changeset_erase(&sent, sets->data, sets->len, 0, &err), &err);
	rep_buf_reset(sets);
	rep_buf_put(sets, sent.data, sent.len);
	rep_buf_clear(&sent);
	expect_codes(company, "erased");
}

/* The signature holds, the digest is of other values. */
static void values_that_were_changed_are_content_and_what_comes_after_follows(void **state)
{
	struct company *company = *state;
	struct laptop *laptop = &company->laptop;

	write_doctor(laptop, "C-0001");
	*strstr(laptop->sets.data, "医务人员") = '\xe4';
	laptop_send(laptop, company->dir, AT(6));
	write_doctor(laptop, "C-0002");
	expect_codes(company, "content follows");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_all_right_has_no_code),
		TEST(another_set_of_a_number_that_was_merged_is_a_fork),
		TEST(a_set_that_continues_another_chain_is_a_fork),
		TEST(a_number_that_is_left_out_is_a_gap),
		TEST(another_person_in_ones_own_chain_is_foreign),
		TEST(another_device_in_ones_own_mailbox_is_foreign),
		TEST(a_schema_that_was_never_in_force_is_told),
		TEST(what_was_made_under_an_unknown_version_waits_whole_until_that_is_published),
		TEST(an_entity_that_the_schema_has_not_is_told),
		TEST(values_that_are_withheld_are_told_as_erased),
		TEST(values_that_were_changed_are_content_and_what_comes_after_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
