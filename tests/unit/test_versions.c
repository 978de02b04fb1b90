/* What was said under an older version, read under a later one; and a fold over both. */
#include "unit/help_versions.h"

#include "core/base/limits.h"
#include "core/model/eras.h"
#include "core/store/derive.h"
#include "unit/help_rules.h"

#define OLD "2026-05-01T00:00:00.000Z-0000@devaaaaa"
#define OLDER "2026-04-01T00:00:00.000Z-0000@devaaaaa"
#define NEW "2026-07-01T00:00:00.000Z-0000@devbbbbb"

struct world {
	struct rep_derive *derive;
	struct rep_versions *versions;
	const struct rep_schema *first, *second;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct rep_error err = {0};

	assert_non_null(world);
	world->versions = two_versions(&world->derive);
	expect_ok(rep_versions_schema(world->versions, 1, &world->first, &err), &err);
	expect_ok(rep_versions_schema(world->versions, 2, &world->second, &err), &err);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	rep_versions_free(world->versions);
	rep_derive_free(world->derive);
	free(world);
	return 0;
}

/* ---- time and names ---- */

static void a_version_holds_from_its_first_millisecond_on(void **state)
{
	struct world *world = *state;

	assert_int_equal(rep_versions_at(world->versions, "2026-05-31T23:59:59.999Z-ffff@devaaaaa"),
			 1);
	assert_int_equal(rep_versions_at(world->versions, SECOND "-0000@devaaaaa"), 2);
	assert_int_equal(rep_versions_at(world->versions, SECOND), 2);
	assert_int_equal(rep_versions_newest(world->versions), 2);
	assert_int_equal(rep_versions_first(world->versions), 1);
}

static void an_id_names_a_version_of_its_schema_alone(void **state)
{
	(void)state;
	assert_int_equal(rep_version_of_id("pharma/7", "pharma"), 7);
	assert_int_equal(rep_version_of_id("pharma/07", "pharma"), 0);
	assert_int_equal(rep_version_of_id("pharma/7x", "pharma"), 0);
	assert_int_equal(rep_version_of_id("pharma/-1", "pharma"), 0);
	assert_int_equal(rep_version_of_id("pharma/", "pharma"), 0);
	assert_int_equal(rep_version_of_id("other/7", "pharma"), 0);
}

static const char *name_in(struct world *world, const char *name, int from, int to)
{
	struct rep_error err = {0};
	const char *out;

	expect_ok(rep_version_name(world->versions, "shop", name, from, to, &out, &err), &err);
	return out ? out : "(none)";
}

static void a_name_is_found_both_ways(void **state)
{
	struct world *world = *state;

	assert_string_equal(name_in(world, "code", 1, 2), "number");
	assert_string_equal(name_in(world, "number", 2, 1), "code");
	assert_string_equal(name_in(world, "town", 1, 2), "(none)");
	assert_string_equal(name_in(world, "mark", 2, 1), "(none)");
	assert_string_equal(name_in(world, "note", 2, 1), "(none)");
	assert_string_equal(name_in(world, "status", 1, 2), "status");
	assert_string_equal(name_in(world, "name", 2, 2), "name");
}

/* ---- lines ---- */

static char *line_in(struct world *world, enum rep_op op, const char *line, char **unknown)
{
	struct rep_json *given = quoted_json(line), *out, *strange;
	struct rep_error err = {0};
	char *text;

	expect_ok(rep_version_line(world->versions, "shop", op, given, 1, 2, &out, &strange, &err),
		  &err);
	text = rep_json_text(out ? out : given);
	if (unknown)
		*unknown = strange ? rep_json_text(strange) : NULL;
	rep_json_free(given);
	rep_json_free(out);
	rep_json_free(strange);
	return text;
}

static void expect_line(struct world *world, enum rep_op op, const char *line, const char *want)
{
	struct rep_json *json = quoted_json(want);
	char *text = line_in(world, op, line, NULL), *wanted = rep_json_text(json);

	assert_string_equal(text, wanted);
	rep_json_free(json);
	free(text);
	free(wanted);
}

static void a_line_reads_by_its_new_names_and_values(void **state)
{
	struct world *world = *state;

	expect_line(world, REP_OP_UPDATE,
		    "{'reason':'r','values':{'code':{'new':'7','old':'6','saw':'" OLD "'},"
		    "'size':{'new':'l','old':'m'},'tags':{'add':['x'],'remove':[]}}}",
		    "{'reason':'r','values':{'number':{'new':'7','old':'6','saw':'" OLD "'},"
		    "'size':{'new':'xl','old':'m'},'tags':{'add':['x'],'remove':[]}}}");
}

static void what_was_dropped_is_no_longer_said(void **state)
{
	expect_line(*state, REP_OP_UPDATE, "{'values':{'town':{'new':'a'},'street':{'new':'b'}}}",
		    "{'values':{'street':{'new':'b'}}}");
}

static void a_field_is_derived_where_all_that_it_reads_is_given(void **state)
{
	struct world *world = *state;

	expect_line(world, REP_OP_INSERT, "{'values':{'name':{'new':'n'},'code':{'new':'1'}}}",
		    "{'values':{'name':{'new':'n'},'number':{'new':'1'},'mark':{'new':'n-1'}}}");
	expect_line(world, REP_OP_INSERT, "{'values':{'name':{'new':'n'}}}",
		    "{'values':{'name':{'new':'n'},'mark':{'new':'n-?'}}}");
	expect_line(world, REP_OP_UPDATE, "{'values':{'name':{'new':'n'}}}",
		    "{'values':{'name':{'new':'n'}}}");
	expect_line(world, REP_OP_UPDATE,
		    "{'values':{'name':{'new':'n','old':'m','saw':'" OLDER
		    "'},'code':{'new':'1','old':'2','saw':'" OLD "'}}}",
		    "{'values':{'name':{'new':'n','old':'m','saw':'" OLDER
		    "'},'number':{'new':'1','old':'2','saw':'" OLD
		    "'},'mark':{'new':'n-1','old':'m-2','saw':'" OLD "'}}}");
}

static void a_delete_saw_what_was_derived(void **state)
{
	expect_line(*state, REP_OP_DELETE,
		    "{'values':{'name':{'old':'m','saw':'" OLD "'},'code':{'old':'2'}}}",
		    "{'values':{'name':{'old':'m','saw':'" OLD
		    "'},'number':{'old':'2'},'mark':{'old':'m-2','saw':'" OLD "'}}}");
}

static void a_name_that_its_version_does_not_know_is_told(void **state)
{
	char *unknown;
	char *text = line_in(*state, REP_OP_UPDATE,
			     "{'values':{'note':{'new':'x'},'name':{'new':'n'}}}", &unknown);

	assert_string_equal(text, "{\"values\":{\"name\":{\"new\":\"n\"}}}");
	assert_string_equal(unknown, "[\"note\"]");
	free(text);
	free(unknown);
}

static void a_verdict_bears_the_new_names(void **state)
{
	struct world *world = *state;
	struct rep_json *given =
		quoted_json("{'*':{'flags':['x']},'code':{'outcome':'proposed','code':'no-right'},"
			    "'town':{'outcome':'rejected','code':'bad-value'}}");
	struct rep_error err = {0};
	struct rep_json *out;
	char *text;

	expect_ok(rep_version_verdict(world->versions, "shop", given, 1, 2, &out, &err), &err);
	text = rep_json_text(out);
	assert_string_equal(text, "{\"*\":{\"flags\":[\"x\"]},"
				  "\"number\":{\"code\":\"no-right\",\"outcome\":\"proposed\"}}");
	free(text);
	rep_json_free(out);
	rep_json_free(given);
}

/* ---- records ---- */

static struct rep_record *shop(struct world *world)
{
	return record_of(world->first, "shop", "S-1", "S-1",
			 "{'name':'n','code':'7','size':'l','tags':['a','b'],'town':'t',"
			 "'street':'s'}");
}

static const char *text_of(const struct rep_record *record, const char *field)
{
	const char *text = rep_json_string_value(rep_record_value(record, field));

	return text ? text : "(none)";
}

static void migrate(struct world *world, struct rep_folded *folded)
{
	struct rep_error err = {0};

	expect_ok(rep_version_migrate(world->versions, "shop", folded, 1, 2, &err), &err);
}

static void a_record_keeps_its_stamps_under_its_new_names(void **state)
{
	struct world *world = *state;
	struct rep_folded folded = {.record = shop(world)};

	rep_record_put(folded.record, "code", rep_json_string("8"), OLD);
	rep_record_put_part_stamp(folded.record, "tags", "\"a\"", OLD, true);
	rep_record_put_part_stamp(folded.record, "tags", "\"c\"", OLD, false);
	migrate(world, &folded);
	assert_ptr_equal(folded.record->entity, rep_schema_entity(world->second, "shop"));
	assert_string_equal(text_of(folded.record, "number"), "8");
	assert_string_equal(rep_record_stamp(folded.record, "number"), OLD);
	assert_string_equal(text_of(folded.record, "size"), "xl");
	assert_string_equal(text_of(folded.record, "town"), "(none)");
	assert_string_equal(text_of(folded.record, "mark"), "n-8");
	assert_string_equal(rep_record_stamp(folded.record, "mark"), OLD);
	assert_string_equal(rep_record_element_stamp(folded.record, "tags", "\"c\""), OLD);
	assert_string_equal(rep_record_element_stamp(folded.record, "tags", "\"a\""), OLD);
	rep_folded_clear(&folded);
}

static void a_record_is_written_and_read_as_it_was_carried(void **state)
{
	struct world *world = *state;
	struct rep_folded folded = {.record = shop(world)};
	struct rep_buf bytes = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_buf rewritten = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_record *again = NULL;
	struct rep_json *extra = NULL;
	struct rep_error err = {0};

	migrate(world, &folded);
	assert_true(rep_record_write(&bytes, folded.record, "open"));
	expect_ok(rep_record_read(&again, &extra, world->second, "S-1", rep_buf_str(&bytes),
				  bytes.len, &err),
		  &err);
	assert_null(extra);
	assert_string_equal(text_of(again, "number"), "7");
	assert_string_equal(text_of(again, "size"), "xl");
	assert_true(rep_record_write(&rewritten, again, "open"));
	assert_string_equal(rep_buf_str(&rewritten), rep_buf_str(&bytes));
	rep_record_free(again);
	rep_buf_clear(&rewritten);
	rep_buf_clear(&bytes);
	rep_folded_clear(&folded);
}

static void a_record_is_projected_back_for_who_is_judged_by_its_time(void **state)
{
	struct world *world = *state;
	struct rep_folded folded = {.record = shop(world)};
	struct rep_record *back;
	struct rep_error err = {0};

	migrate(world, &folded);
	expect_ok(rep_version_project(world->versions, folded.record, 2, 1, &back, &err), &err);
	assert_string_equal(text_of(back, "code"), "7");
	assert_string_equal(text_of(back, "size"), "l");
	assert_string_equal(text_of(back, "town"), "(none)");
	rep_record_free(back);
	rep_folded_clear(&folded);
}

static void the_insert_of_an_older_version_gets_the_default_of_a_new_required_field(void **state)
{
	static const struct replaced third[] = {
		{SHOP, "{\"name\":\"seen_on\"",
		 "{\"name\":\"kind\",\"type\":\"text\"," LABEL
		 ",\"required\":true,\"default\":\"plain\"},{\"name\":\"seen_on\""},
		{NULL, NULL, NULL}};
	struct world *world = *state;
	struct rep_folded folded = {.record = shop(world)};
	struct rep_versions_source source = {.derive = rep_derive_value, .user = world->derive};
	struct rep_versions *versions;
	struct rep_error err = {0};

	expect_ok(rep_versions_new(&versions, &source, &err), &err);
	expect_ok(rep_versions_add(versions, 1, NULL, &err), &err);
	expect_ok(rep_versions_add(versions, 2, SECOND, &err), &err);
	rep_versions_take(versions, version_of(1, NULL, NULL));
	rep_versions_take(versions, version_of(2, NULL, third));
	expect_ok(rep_version_migrate(versions, "shop", &folded, 1, 2, &err), &err);
	assert_string_equal(text_of(folded.record, "kind"), "plain");
	assert_string_equal(rep_record_stamp(folded.record, "kind"), folded.record->created.text);
	rep_folded_clear(&folded);
	rep_versions_free(versions);
}

/* ---- the fold over both ---- */

struct folding {
	struct rep_org *org;
	struct rep_eras *eras;
	struct rep_folded folded;
	int shape;
};

static void begin(struct folding *folding, struct world *world)
{
	struct rep_fold_context context = {.schema = world->second};
	struct rep_error err = {0};

	*folding = (struct folding){.shape = 1};
	expect_ok(rep_org_new(&folding->org, world->second, &err), &err);
	expect_ok(rep_org_finish(folding->org, &err), &err);
	context.org = folding->org;
	expect_ok(rep_eras_new(&folding->eras, world->versions, &context, &err), &err);
}

static void end(struct folding *folding)
{
	rep_folded_clear(&folding->folded);
	rep_eras_free(folding->eras);
	rep_org_free(folding->org);
}

/* Folds as the hub does; the outcome is the caller's. */
static struct rep_json *fold_one(struct folding *folding, struct world *world, enum rep_op op,
				 const char *stamp, int version, const char *line)
{
	struct rep_edit *edit = edit_new(op, "shop", "S-1", stamp, line);
	const struct rep_fold_context *context;
	struct rep_era_edit read;
	struct rep_error err = {0};
	struct rep_json *out;

	edit->version = version;
	expect_ok(rep_eras_read(folding->eras, edit, folding->shape, &read, &err), &err);
	expect_ok(rep_version_migrate(world->versions, "shop", &folding->folded, folding->shape,
				      read.number, &err),
		  &err);
	folding->shape = read.number;
	expect_ok(rep_eras_context(folding->eras, read.number, &context, &err), &err);
	expect_ok(rep_fold(&folding->folded, &read.edit, context, &out, &err), &err);
	rep_era_edit_clear(&read);
	edit_free(edit);
	return out;
}

static void fold_quietly(struct folding *folding, struct world *world, enum rep_op op,
			 const char *stamp, int version, const char *line)
{
	rep_json_free(fold_one(folding, world, op, stamp, version, line));
}

static void an_edit_of_an_older_version_after_the_change_is_read_forward(void **state)
{
	struct world *world = *state;
	struct folding folding;

	begin(&folding, world);
	fold_quietly(&folding, world, REP_OP_INSERT, OLDER, 1,
		     "{'values':{'name':{'new':'n'},'code':{'new':'1'},'size':{'new':'l'}}}");
	assert_int_equal(folding.shape, 1);
	fold_quietly(&folding, world, REP_OP_UPDATE, NEW, 1,
		     "{'values':{'code':{'new':'2','saw':'" OLDER "'},'town':{'new':'x'}}}");
	assert_int_equal(folding.shape, 2);
	assert_string_equal(text_of(folding.folded.record, "number"), "2");
	assert_string_equal(text_of(folding.folded.record, "size"), "xl");
	assert_string_equal(text_of(folding.folded.record, "mark"), "n-1");
	end(&folding);
}

static void the_rule_between_two_rivals_is_that_of_the_later(void **state)
{
	/* In the first version the later wins; in the second, the earlier. */
	static const struct replaced second[] = {
		{SHOP, "\"name\":\"code\",\"type\":\"text\"",
		 "\"name\":\"code\",\"type\":\"text\",\"rule\":\"earliest\""},
		{NULL, NULL, NULL}};
	struct world *world = *state, other = *world;
	struct rep_versions_source source = {.derive = rep_derive_value, .user = world->derive};
	struct rep_error err = {0};
	struct folding folding;
	const char *const later[] = {"2026-05-02T00:00:00.000Z-0000@devbbbbb", NEW};
	const char *const want[] = {"b", "a"};

	expect_ok(rep_versions_new(&other.versions, &source, &err), &err);
	expect_ok(rep_versions_add(other.versions, 1, NULL, &err), &err);
	expect_ok(rep_versions_add(other.versions, 2, SECOND, &err), &err);
	rep_versions_take(other.versions, version_of(1, NULL, NULL));
	rep_versions_take(other.versions, version_of(2, NULL, second));
	expect_ok(rep_versions_schema(other.versions, 2, &other.second, &err), &err);
	for (size_t i = 0; i < 2; i++) {
		struct rep_json *outcome;

		begin(&folding, &other);
		fold_quietly(&folding, &other, REP_OP_INSERT, OLDER, 1,
			     "{'values':{'name':{'new':'n'},'code':{'new':'0'}}}");
		fold_quietly(&folding, &other, REP_OP_UPDATE, OLD, 1,
			     "{'values':{'code':{'new':'a','saw':'" OLDER "'}}}");
		outcome = fold_one(&folding, &other, REP_OP_UPDATE, later[i], 1,
				   "{'values':{'code':{'new':'b','saw':'" OLDER "'}}}");
		assert_string_equal(text_of(folding.folded.record, "code"), want[i]);
		rep_json_free(outcome);
		end(&folding);
	}
	rep_versions_free(other.versions);
}

static void a_conflict_stays_one_when_its_field_gets_another_name(void **state)
{
	struct world *world = *state;
	struct folding folding;
	const struct rep_record *item;
	char id[40];

	begin(&folding, world);
	fold_quietly(&folding, world, REP_OP_INSERT, OLDER, 1,
		     "{'values':{'name':{'new':'n'},'code':{'new':'0'}}}");
	fold_quietly(&folding, world, REP_OP_UPDATE, OLD, 1,
		     "{'values':{'code':{'new':'1','saw':'" OLDER "'}}}");
	fold_quietly(&folding, world, REP_OP_UPDATE, "2026-05-02T00:00:00.000Z-0000@devbbbbb", 1,
		     "{'values':{'code':{'new':'2','saw':'" OLDER "'}}}");
	fold_quietly(&folding, world, REP_OP_UPDATE, "2026-07-02T00:00:00.000Z-0000@devccccc", 1,
		     "{'values':{'code':{'new':'3','saw':'" OLDER "'}}}");
	assert_int_equal(folding.folded.reviews_len, 1);
	item = folding.folded.reviews[0];
	rep_review_conflict_id(id, "shop", "S-1", "code");
	assert_string_equal(item->id, id);
	assert_string_equal(text_of(item, "field"), "number");
	assert_int_equal(rep_json_size(rep_record_value(item, "rivals")), 3);
	end(&folding);
}

static void a_proposal_is_carried_with_its_names(void **state)
{
	struct world *world = *state;
	struct rep_folded folded = {.record = shop(world)};
	struct rep_record *item = record_of(
		world->first, "proposal", "0193e2a0-7c00-7000-8000-000000000001", "S-1",
		"{'entity':'shop','record':'S-1','values':{'code':{'new':'9'},'town':{'new':'x'}},"
		"'saw':{'code':'" OLD "','town':'" OLD "'},'state':'open'}");
	struct rep_record *list[] = {item};
	char *values, *saw;

	folded.reviews = malloc(sizeof(list));
	memcpy(folded.reviews, list, sizeof(list));
	folded.reviews_len = 1;
	migrate(world, &folded);
	values = rep_json_text(rep_record_value(item, "values"));
	saw = rep_json_text(rep_record_value(item, "saw"));
	assert_string_equal(values, "{\"number\":{\"new\":\"9\"}}");
	assert_string_equal(saw, "{\"number\":\"" OLD "\"}");
	assert_string_equal(text_of(item, "state"), "open");
	free(values);
	free(saw);
	rep_folded_clear(&folded);
}

static void a_proposal_of_which_nothing_is_left_expires(void **state)
{
	struct world *world = *state;
	struct rep_folded folded = {.record = shop(world)};
	struct rep_record *item =
		record_of(world->first, "proposal", "0193e2a0-7c00-7000-8000-000000000001", "S-1",
			  "{'entity':'shop','record':'S-1','values':{'town':{'new':'x'}},"
			  "'state':'open'}");

	folded.reviews = malloc(sizeof(item));
	folded.reviews[0] = item;
	folded.reviews_len = 1;
	migrate(world, &folded);
	assert_string_equal(text_of(item, "state"), "expired");
	rep_folded_clear(&folded);
}

static void a_derivation_that_fails_gives_no_value(void **state)
{
	struct world *world = *state;
	const struct rep_entity *entity = rep_schema_entity(world->first, "shop");
	const struct rep_field *field = rep_entity_field(entity, "name");
	struct rep_json *old = quoted_json("{'name':'{'}"), *out;
	struct rep_error err = {0};

	expect_ok(rep_derive_value(world->derive, "json_extract(old.name, '$.a')", entity, old,
				   field, &out, &err),
		  &err);
	assert_true(rep_json_is(out, REP_JSON_NULL));
	rep_json_free(out);
	expect_ok(rep_derive_value(world->derive, "'longer than the twenty that it takes'", entity,
				   old, field, &out, &err),
		  &err);
	assert_true(rep_json_is(out, REP_JSON_NULL));
	rep_json_free(out);
	rep_json_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_version_holds_from_its_first_millisecond_on),
		TEST(an_id_names_a_version_of_its_schema_alone),
		TEST(a_name_is_found_both_ways),
		TEST(a_line_reads_by_its_new_names_and_values),
		TEST(what_was_dropped_is_no_longer_said),
		TEST(a_field_is_derived_where_all_that_it_reads_is_given),
		TEST(a_delete_saw_what_was_derived),
		TEST(a_name_that_its_version_does_not_know_is_told),
		TEST(a_verdict_bears_the_new_names),
		TEST(a_record_keeps_its_stamps_under_its_new_names),
		TEST(a_record_is_written_and_read_as_it_was_carried),
		TEST(a_record_is_projected_back_for_who_is_judged_by_its_time),
		TEST(the_insert_of_an_older_version_gets_the_default_of_a_new_required_field),
		TEST(an_edit_of_an_older_version_after_the_change_is_read_forward),
		TEST(the_rule_between_two_rivals_is_that_of_the_later),
		TEST(a_conflict_stays_one_when_its_field_gets_another_name),
		TEST(a_proposal_is_carried_with_its_names),
		TEST(a_proposal_of_which_nothing_is_left_expires),
		TEST(a_derivation_that_fails_gives_no_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
