#include "help_store.h"

#include <stdio.h>

#include "core/base/limits.h"
#include "core/model/fold.h"
#include "core/model/id.h"
#include "core/store/edit.h"
#include "core/store/journal.h"
#include "core/store/rebase.h"
#include "core/store/tables.h"

#define NOW 1795226400000  /* 2026-11-21T02:00:00.000Z */
#define LATE 1795278600000 /* 2026-11-21T16:30:00.000Z: the next day in China */

/* Puts assignments as typed; `texts` ends with NULL. */
static enum rep_code put(const char *id, const char *reason, const char *const *texts)
{
	struct rep_assign assigns[8];
	struct rep_json *values[8] = {0};
	char fields[8][REP_NAME_LEN_MAX + 1];
	enum rep_code rc = REP_OK;
	size_t len = 0;

	for (; rc == REP_OK && texts[len]; len++)
		rc = rep_assign_parse(&assigns[len], &values[len], fields[len], sizeof fields[len],
				      entity("thing"), texts[len], &err);
	if (rc == REP_OK)
		rc = rep_put(store, "thing", id, assigns, len, reason, &err);
	for (size_t i = 0; i < 8; i++)
		rep_json_free(values[i]);
	return rc;
}

#define PUT(id, ...) put(id, NULL, (const char *const[]){__VA_ARGS__, NULL})

static enum rep_code new_record(const char *name, const char *id, int64_t now, char *out,
				const char *const *texts)
{
	struct rep_assign assigns[8];
	struct rep_json *values[8] = {0};
	char fields[8][REP_NAME_LEN_MAX + 1];
	enum rep_code rc = REP_OK;
	size_t len = 0;

	for (; rc == REP_OK && texts[len]; len++)
		rc = rep_assign_parse(&assigns[len], &values[len], fields[len], sizeof fields[len],
				      entity(name), texts[len], &err);
	if (rc == REP_OK)
		rc = rep_new(store, name, id, assigns, len, NULL, now, out, &err);
	for (size_t i = 0; i < 8; i++)
		rep_json_free(values[i]);
	return rc;
}

#define NEW(name, id, out, ...) \
	new_record(name, id, NOW, out, (const char *const[]){__VA_ARGS__, NULL})

static int setup(void **state)
{
	struct rep_record *made;

	store_setup(state);
	made = record("thing", "t1",
		      "{\"name\":\"王敏\",\"size\":5,\"phones\":[\"13900001111\"],\"tags\":[\"a\"],"
		      "\"scores\":{\"a\":1},\"street\":\"长安街\",\"city\":\"北京\"}");
	view_row(made, "data");
	rep_record_free(made);
	return 0;
}

static const char *column(const char *name)
{
	char text[200];

	snprintf(text, sizeof text, "SELECT \"%s\" FROM thing WHERE id = 't1'", name);
	return sql_text(text);
}

static void put_writes_row_and_pending_with_its_reason(void **state)
{
	(void)state;
	expect_ok(put("t1", "门诊拜访", (const char *const[]){"size=7", "good=是", NULL}), &err);
	assert_string_equal(column("size"), "7");
	assert_string_equal(column("good"), "1");
	assert_string_equal(sql_text("SELECT reason FROM _pending"), "门诊拜访");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 1);
	assert_int_equal(sql_int("SELECT count(*) FROM _reason"), 0);
}

static void put_without_difference_is_no_edit(void **state)
{
	(void)state;
	expect_ok(PUT("t1", "size=5", "phones+=+86 139 0000 1111", "tags-=b"), &err);
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 0);
}

static void plus_and_minus_change_parts(void **state)
{
	(void)state;
	expect_ok(PUT("t1", "phones+=138-0000-2222", "tags+=b、c", "scores+=b:-2", "notes+=看过了",
		      "size+=3"),
		  &err);
	assert_string_equal(column("phones"), "[\"13800002222\",\"13900001111\"]");
	assert_string_equal(column("tags"), "[\"a\",\"b\",\"c\"]");
	assert_string_equal(column("scores"), "{\"a\":1,\"b\":-2}");
	assert_string_equal(column("notes"), "[{\"text\":\"看过了\"}]");
	assert_string_equal(column("size"), "8");
	expect_ok(PUT("t1", "phones-=13900001111", "tags-=a", "scores-=a", "size-=1"), &err);
	assert_string_equal(column("phones"), "[\"13800002222\"]");
	assert_string_equal(column("tags"), "[\"b\",\"c\"]");
	assert_string_equal(column("scores"), "{\"b\":-2}");
	assert_string_equal(column("size"), "7");
}

static void values_are_read_as_people_type_them(void **state)
{
	(void)state;
	expect_ok(put("t1", "为何",
		      (const char *const[]){"price=1500.00", "kind=乙", "day=2026-03-16",
					    "rate=1.50", "more:={\"a\":[1]}", "size=", NULL}),
		  &err);
	assert_string_equal(column("price"), "150000");
	assert_string_equal(column("day"), "2026-03-16");
	assert_string_equal(column("more"), "{\"a\":[1]}");
	assert_string_equal(column("size"), "");
}

static void bad_values_are_refused_before_anything_is_written(void **state)
{
	static const char *const tries[][2] = {
		{"size=x", "size"},
		{"size=1001", "size"},
		{"kind=丙", "kind"},
		{"name=", "required"},
		{"name=x", "name"},
		{"nothing=1", "no field nothing"},
		{"day=2026-02-30", "day"},
		{"more:={\"a\":1.5}", NULL},
		{"notes-=x", "only added"},
		{"name+=x", "+= and -="},
		{"scores+=b", "key:value"},
		{"phones:={}", "phones"},
		{"size=950", "check small_enough"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		expect_code(PUT("t1", "good=1", tries[i][0]), REP_EINVAL, &err, tries[i][1]);
	expect_code(PUT("t1", "size"), REP_EUSAGE, &err, "field=value");
	expect_code(PUT("t1", "=5"), REP_EUSAGE, &err, "field=value");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 0);
	assert_string_equal(column("good"), "");
	assert_false(rep_db_in_transaction(store->db));
}

static void field_that_demands_a_reason_gets_one(void **state)
{
	(void)state;
	expect_code(PUT("t1", "price=5"), REP_EUSAGE, &err, "reason");
	assert_string_equal(err.hint, "-m REASON");
	expect_ok(put("t1", "调价", (const char *const[]){"price=5", NULL}), &err);
}

static void absent_or_deleted_record_is_not_found(void **state)
{
	struct rep_record *dead = record("thing", "t9", "{\"name\":\"aa\"}");

	(void)state;
	expect_code(PUT("nope", "size=1"), REP_ENOTFOUND, &err, "no such record");
	dead->deleted = json("{\"rep\":\"r009\",\"stamp\":\"" STAMP_B "\"}");
	view_row(dead, "data");
	rep_record_free(dead);
	expect_code(PUT("t9", "size=1"), REP_ENOTFOUND, &err, "deleted");
	expect_code(rep_put(store, "_role", "x", NULL, 0, NULL, &err), REP_EINVAL, &err,
		    "no entity");
	expect_code(rep_put(store, "role", "x", NULL, 0, NULL, &err), REP_EINVAL, &err,
		    "only the engine");
}

static void new_record_has_its_time_in_its_id_and_its_partition(void **state)
{
	char id[REP_ID_LEN_MAX + 1];
	char text[200];
	int64_t ms;

	(void)state;
	expect_ok(NEW("thing", NULL, id, "name=新的"), &err);
	assert_true(rep_uuid7_ms(id, &ms));
	assert_int_equal(ms, NOW);
	snprintf(text, sizeof text, "SELECT _partition || _place FROM thing WHERE id = '%s'", id);
	assert_int_equal(strncmp(sql_text(text), id, strlen(id)), 0);
	assert_string_equal(sql_text("SELECT op FROM _pending"), "insert");
	expect_ok(NEW("thing", "my.id", id, "name=新的", "place=p1"), &err);
	assert_string_equal(id, "my.id");
	assert_string_equal(sql_text("SELECT count(*) FROM _silent"), "0");
}

static void new_record_must_be_whole_and_new(void **state)
{
	char id[REP_ID_LEN_MAX + 1];

	(void)state;
	expect_code(NEW("thing", NULL, id, "size=5"), REP_EINVAL, &err, "name is required");
	expect_code(NEW("thing", "t1", id, "name=新的"), REP_EEXIST, &err, "already");
	expect_code(NEW("thing", "a..b", id, "name=新的"), REP_EINVAL, &err, "no id");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 0);
}

static void same_thing_made_twice_has_one_id(void **state)
{
	char first[REP_ID_LEN_MAX + 1];
	char derived[REP_UUID_LEN + 1];
	struct rep_json *fields = json("{\"name\":\"市一院\"}");

	(void)state;
	expect_ok(rep_id_derive(derived, entity("place"), fields, &err), &err);
	expect_ok(NEW("place", NULL, first, "name=市一院"), &err);
	assert_string_equal(first, derived);
	expect_code(NEW("place", NULL, first, "name=市一院"), REP_EEXIST, &err, derived);
	rep_json_free(fields);
	fields = json("{}");
	expect_code(rep_id_derive(derived, entity("place"), fields, &err), REP_EINVAL, &err,
		    "name");
	rep_json_free(fields);
}

static void delete_takes_the_row_and_keeps_what_it_was(void **state)
{
	(void)state;
	expect_ok(rep_delete(store, "thing", "t1", "重复", &err), &err);
	assert_int_equal(sql_int("SELECT count(*) FROM thing"), 0);
	assert_string_equal(sql_text("SELECT op || reason FROM _pending"), "delete重复");
	expect_code(rep_delete(store, "thing", "t1", NULL, &err), REP_ENOTFOUND, &err,
		    "no such record");
}

/* ---- with the shipped schema ---- */

static void presets_and_first_state_are_filled_in(void **state)
{
	char id[REP_ID_LEN_MAX + 1];

	(void)state;
	expect_ok(NEW("org", "o1", id, "name=市第一人民医院"), &err);
	expect_ok(NEW("interaction", NULL, id, "type=面对面", "org=o1"), &err);
	assert_string_equal(
		sql_text("SELECT state || direction || started_at || _partition FROM interaction"),
		"draft我方主动2026-11-21T02:00:00.000Zo1");
	expect_code(NEW("interaction", NULL, id, "type=面对面", "org=o1", "state=submitted"),
		    REP_EINVAL, &err, "a new record is draft");
	expect_code(rep_delete(store, "interaction", id, NULL, &err), REP_EINVAL, &err,
		    "never deleted");
}

static void states_move_only_along_declared_moves(void **state)
{
	char id[REP_ID_LEN_MAX + 1];
	struct rep_json *submitted = rep_json_string("submitted");
	struct rep_json *draft = rep_json_string("draft");
	struct rep_assign assign = {.field = "state", .value = submitted};

	(void)state;
	expect_ok(NEW("org", "o1", id, "name=市第一人民医院"), &err);
	expect_ok(NEW("interaction", NULL, id, "type=面对面", "org=o1"), &err);
	expect_ok(rep_put(store, "interaction", id, &assign, 1, NULL, &err), &err);
	assign.value = draft;
	expect_code(rep_put(store, "interaction", id, &assign, 1, NULL, &err), REP_EINVAL, &err,
		    "nothing leads from submitted to draft");
	rep_json_free(submitted);
	rep_json_free(draft);
}

static void today_is_a_day_of_china(void **state)
{
	struct rep_schema *schema = small_schema(
		",{\"name\":\"made_on\",\"type\":\"date\",\"default\":\"@today\",\"label\":{"
		"\"zh\":\"x\",\"en\":\"x\"}},{\"name\":\"made_by\",\"type\":\"text\","
		"\"default\":\"@rep\",\"label\":{\"zh\":\"x\",\"en\":\"x\"}}");
	char id[REP_ID_LEN_MAX + 1];

	(void)state;
	expect_ok(rep_replica_install_schema(store, schema, &err), &err);
	expect_ok(new_record("thing", "x1", LATE, id, (const char *const[]){"name=aa", NULL}),
		  &err);
	assert_string_equal(sql_text("SELECT made_on || made_by FROM thing WHERE id = 'x1'"),
			    "2026-11-22" TEST_REP);
}

/* ---- decisions ---- */

#define ITEM "01900000-0000-5000-8000-000000000001"
#define MINE "2026-05-02T01:00:00.000Z-0000@" TEST_DEVICE

static void put_org(void)
{
	struct rep_record *made = record("device", TEST_DEVICE,
					 "{\"rep\":\"" TEST_REP "\",\"state\":\"active\",\"since\":"
					 "\"2026-01-01T00:00:00.000Z\"}");

	view_row(made, "data");
	rep_record_free(made);
	made = record("role", TEST_REP,
		      "{\"rep\":\"" TEST_REP
		      "\",\"role\":\"rep\",\"valid_from\":\"2026-01-01T00:00:00.000Z\"}");
	view_row(made, "data");
	rep_record_free(made);
	expect_ok(rep_replica_load_org(store, &err), &err);
}

static void put_conflict(const char *field, const char *mine, const char *theirs)
{
	char id[REP_UUID_LEN + 1];
	char fields[2000];
	struct rep_record *made;

	put_org();
	rep_review_conflict_id(id, "thing", "t1", field);
	snprintf(
		fields, sizeof fields,
		"{\"entity\":\"thing\",\"field\":\"%s\",\"record\":\"t1\",\"rivals\":[{\"device\":\"" OTHER_DEVICE
		"\",\"rep\":\"r009\",\"rule\":\"review\",\"stamp\":\"" STAMP_A
		"\",\"value\":%s},{\"device\":\"" TEST_DEVICE "\",\"rep\":\"" TEST_REP
		"\",\"rule\":\"review\",\"stamp\":\"" MINE
		"\",\"value\":%s}],\"state\":\"open\",\"winner\":\"" STAMP_A "\"}",
		field, theirs, mine);
	made = record("conflict", id, fields);
	view_row(made, "data");
	rep_record_free(made);
}

static const char *conflict_id(void)
{
	static char id[REP_UUID_LEN + 1];

	snprintf(id, sizeof id, "%s", sql_text("SELECT id FROM _review"));
	return id;
}

static void own_value_can_be_chosen(void **state)
{
	(void)state;
	put_conflict("size", "8", "5");
	expect_ok(rep_resolve(store, conflict_id(), "mine", "我刚问过", &err), &err);
	assert_string_equal(column("size"), "8");
	assert_string_equal(sql_text("SELECT state FROM _review"), "decided");
	assert_string_equal(sql_text("SELECT op || reason FROM _pending"), "resolve我刚问过");
	assert_string_equal(
		sql_text(
			"SELECT json_extract(extra, '$.rivals[1]') || json_extract(extra, "
			"'$.values.size.new') || json_extract(extra, '$.values.size.old') FROM _pending"),
		MINE "85");
	assert_int_equal(sql_int("SELECT count(*) FROM _silent"), 0);
}

static void what_stands_needs_no_value(void **state)
{
	(void)state;
	put_conflict("size", "8", "5");
	expect_ok(rep_resolve(store, conflict_id(), "theirs", NULL, &err), &err);
	assert_string_equal(column("size"), "5");
	assert_string_equal(sql_text("SELECT state FROM _review"), "decided");
	assert_int_equal(sql_int("SELECT json_type(extra, '$.values') IS NULL FROM _pending"), 1);
}

static void third_value_can_be_typed(void **state)
{
	(void)state;
	put_conflict("size", "8", "5");
	expect_code(rep_resolve(store, conflict_id(), "many", NULL, &err), REP_EINVAL, &err,
		    "size");
	expect_code(rep_resolve(store, conflict_id(), "accept", NULL, &err), REP_EINVAL, &err,
		    "mine, theirs");
	assert_int_equal(sql_int("SELECT count(*) FROM _pending"), 0);
	expect_ok(rep_resolve(store, conflict_id(), "77", NULL, &err), &err);
	assert_string_equal(column("size"), "77");
}

static void group_is_chosen_whole(void **state)
{
	(void)state;
	put_conflict("address", "{\"city\":\"上海\",\"street\":\"南京路\"}",
		     "{\"city\":\"北京\",\"street\":\"长安街\"}");
	expect_code(rep_resolve(store, conflict_id(), "上海", NULL, &err), REP_EINVAL, &err,
		    "mine or theirs");
	expect_ok(rep_resolve(store, conflict_id(), "mine", NULL, &err), &err);
	assert_string_equal(column("city"), "上海");
	assert_string_equal(column("street"), "南京路");
}

static void element_of_a_set_is_chosen(void **state)
{
	(void)state;
	put_conflict("tags", "{\"b\":true}", "{\"b\":false}");
	expect_ok(rep_resolve(store, conflict_id(), "mine", NULL, &err), &err);
	assert_string_equal(column("tags"), "[\"a\",\"b\"]");
}

static void key_of_a_map_is_chosen(void **state)
{
	(void)state;
	put_conflict("scores", "{\"a\":9,\"z\":null}", "{\"a\":1}");
	expect_ok(rep_resolve(store, conflict_id(), "mine", NULL, &err), &err);
	assert_string_equal(column("scores"), "{\"a\":9}");
}

static void decision_can_be_sealed(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset set = {0};
	int64_t sealed;
	size_t used;

	(void)state;
	put_conflict("size", "8", "5");
	expect_ok(rep_resolve(store, conflict_id(), "mine", NULL, &err), &err);
	expect_ok(rep_seal(store, NOW, NULL, &sealed, &err), &err);
	expect_ok(rep_journal_read(store->db, 1, &bytes, &err), &err);
	expect_ok(rep_changeset_read(&set, &used, rep_buf_str(&bytes), bytes.len, store->key.public,
				     &err),
		  &err);
	assert_int_equal(set.changes[0].op, REP_OP_RESOLVE);
	assert_string_equal(rep_json_get_string(set.changes[0].line, "item"), conflict_id());
	assert_int_equal(rep_json_size(rep_json_get(set.changes[0].line, "rivals")), 2);
	rep_changeset_clear(&set);
	rep_buf_clear(&bytes);
}

static void put_proposal(void)
{
	struct rep_record *made = record(
		"proposal", ITEM,
		"{\"device\":\"" OTHER_DEVICE
		"\",\"entity\":\"thing\",\"record\":\"t1\",\"rep\":\"r009\",\"state\":"
		"\"open\",\"values\":{\"size\":{\"new\":6,\"old\":4},\"tags\":{\"add\":[\"c\"],\"remove\":[]}}}");

	put_org();
	view_row(made, "data");
	rep_record_free(made);
}

static void accepted_proposal_is_written_over_what_stands(void **state)
{
	(void)state;
	put_proposal();
	expect_code(rep_resolve(store, ITEM, "mine", NULL, &err), REP_EINVAL, &err,
		    "accept or decline");
	expect_ok(rep_resolve(store, ITEM, "accept", NULL, &err), &err);
	assert_string_equal(column("size"), "6");
	assert_string_equal(column("tags"), "[\"a\",\"c\"]");
	assert_string_equal(sql_text("SELECT state FROM _review"), "accepted");
	expect_code(rep_resolve(store, ITEM, "decline", NULL, &err), REP_EINVAL, &err,
		    "accepted already");
}

static void declined_proposal_changes_nothing(void **state)
{
	(void)state;
	put_proposal();
	expect_ok(rep_resolve(store, ITEM, "decline", NULL, &err), &err);
	assert_string_equal(column("size"), "5");
	assert_string_equal(sql_text("SELECT state FROM _review"), "declined");
}

static void items_that_wait_for_nothing_are_refused(void **state)
{
	struct rep_record *made = record("rejection", ITEM,
					 "{\"entity\":\"thing\",\"record\":\"t1\",\"code\":\"x\"}");

	(void)state;
	view_row(made, "data");
	rep_record_free(made);
	expect_code(rep_resolve(store, ITEM, "accept", NULL, &err), REP_EINVAL, &err,
		    "waits for no decision");
	expect_code(rep_resolve(store, "none", "accept", NULL, &err), REP_ENOTFOUND, &err,
		    "no such item");
}

static void record_that_the_schema_does_not_let_the_rep_write_is_told_as_a_hint(void **state)
{
	struct rep_json *value = rep_json_string("李敏");
	struct rep_assign assign = {.field = "name", .value = value};
	struct rep_record *made;

	(void)state;
	made = record("contact", "c1", "{\"name\":\"王敏\",\"kind\":\"医务人员\"}");
	view_row(made, "data");
	rep_record_free(made);
	expect_ok(rep_put(store, "contact", "c1", &assign, 1, NULL, &err), &err);
	assert_non_null(strstr(err.hint, "name: this will be a proposal"));
	rep_json_free(value);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)
#define SHIPPED(name) cmocka_unit_test_setup_teardown(name, store_setup_shipped, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(put_writes_row_and_pending_with_its_reason),
		CASE(put_without_difference_is_no_edit),
		CASE(plus_and_minus_change_parts),
		CASE(values_are_read_as_people_type_them),
		CASE(bad_values_are_refused_before_anything_is_written),
		CASE(field_that_demands_a_reason_gets_one),
		CASE(absent_or_deleted_record_is_not_found),
		CASE(new_record_has_its_time_in_its_id_and_its_partition),
		CASE(new_record_must_be_whole_and_new),
		CASE(same_thing_made_twice_has_one_id),
		CASE(delete_takes_the_row_and_keeps_what_it_was),
		SHIPPED(presets_and_first_state_are_filled_in),
		SHIPPED(states_move_only_along_declared_moves),
		CASE(today_is_a_day_of_china),
		CASE(own_value_can_be_chosen),
		CASE(what_stands_needs_no_value),
		CASE(third_value_can_be_typed),
		CASE(group_is_chosen_whole),
		CASE(element_of_a_set_is_chosen),
		CASE(key_of_a_map_is_chosen),
		CASE(decision_can_be_sealed),
		CASE(accepted_proposal_is_written_over_what_stands),
		CASE(declined_proposal_changes_nothing),
		CASE(items_that_wait_for_nothing_are_refused),
		SHIPPED(record_that_the_schema_does_not_let_the_rep_write_is_told_as_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
