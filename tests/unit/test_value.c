#include "help.h"

#include "core/base/buf.h"
#include "core/model/days.h"
#include "core/model/normalise.h"
#include "core/model/schema.h"
#include "core/model/value.h"
#include "core/model/value_text.h"

static struct rep_schema *pharma, *device;

static int load(void **state)
{
	struct rep_error err = {0};

	(void)state;
	expect_ok(rep_schema_load_dir(&pharma, source_path("schema"), &err), &err);
	expect_ok(rep_schema_load_dir(&device, source_path("tests/schemas/device-service"), &err),
		  &err);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	rep_schema_free(pharma);
	rep_schema_free(device);
	return 0;
}

/* "contact.phones" */
static const struct rep_field *field_of(const struct rep_schema *schema, const char *path)
{
	char entity[64];
	const char *dot = strchr(path, '.');

	memcpy(entity, path, (size_t)(dot - path));
	entity[dot - path] = '\0';
	const struct rep_field *field =
		rep_entity_field(rep_schema_entity(schema, entity), dot + 1);

	assert_non_null(field);
	return field;
}

static struct rep_json *parse(const char *text)
{
	struct rep_json *value;
	struct rep_error err = {0};

	expect_ok(rep_json_parse(&value, text, strlen(text), 1000000, 8, &err), &err);
	return value;
}

/* A field, what is typed, and the canonical JSON that it means; NULL: refused. */
struct reading {
	const char *field;
	const char *text;
	const char *json;
};

static void expect_readings(const struct rep_schema *schema, const struct reading *cases,
			    size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct rep_json *value;
		struct rep_error err = {0};
		enum rep_code rc = rep_value_read(&value, field_of(schema, cases[i].field),
						  cases[i].text, &err);
		char *text = rc ? NULL : rep_json_text(value);

		if (!cases[i].json && !rc)
			fail_msg("%s: \"%s\" was read as %s", cases[i].field, cases[i].text, text);
		if (cases[i].json && rc)
			fail_msg("%s: \"%s\": %s", cases[i].field, cases[i].text, err.msg);
		if (cases[i].json)
			assert_string_equal(text, cases[i].json);
		else if (!strstr(err.msg, strchr(cases[i].field, '.') + 1))
			fail_msg("\"%s\" does not name %s", err.msg, cases[i].field);
		free(text);
		rep_json_free(value);
	}
}

#define EXPECT(schema, cases) expect_readings(schema, cases, sizeof(cases) / sizeof *(cases))

static void text_is_trimmed_and_put_into_nfc(void **state)
{
	static const struct reading cases[] = {
		{"contact.title", "  科主任\xe3\x80\x80", "\"科主任\""},
		{"contact.title", "\xef\xbb\xbf院长\xe2\x80\x8b", "\"院长\""},
		{"contact.title", "Caf\x65\xcc\x81", "\"Café\""},
		{"contact.title", "", "null"},
		{"contact.title", " \t\xc2\xa0", "null"},
		{"contact.name", "王", NULL},
		{"contact.name", "一二三四五六七八九十一二三四五六七八九十一", NULL},
		{"contact.title", "\xff", NULL},
	};

	(void)state;
	EXPECT(pharma, cases);
}

static void formats_are_cleaned_and_checked(void **state)
{
	static const struct reading cases[] = {
		{"contact.phones", "138 0000-2222", "[\"13800002222\"]"},
		{"contact.phones", "+86 138 0000 2222", "[\"13800002222\"]"},
		{"contact.phones", "1.38E+10", NULL},
		{"contact.phones", "1380000222", NULL},
		{"contact.phones", "138****2222", NULL},
		{"contact.phones", "(605) 555-0124", NULL},
		{"contact.phones", "1-605-555-0124", NULL},
		{"contact.phones", "+1 605 555 0124", NULL},
		{"contact.emails", "li＠example.cn", "[\"li@example.cn\"]"},
		{"contact.emails", "li @ example.cn", "[\"li@example.cn\"]"},
		{"contact.emails", "li@example,cn", NULL},
		{"contact.id_no", "320501196811120029", "\"320501196811120029\""},
		{"contact.id_no", "320501196811120028", NULL},
		{"org.uscc", "'91350100m000100y43", "\"91350100M000100Y43\""},
		{"org.uscc", "91350100M000100Y44", NULL},
		{"org.admin_code", "５１０８００", "\"510800\""},
		{"org.admin_code", "18431", NULL},
		{"job.file_hash", "x", NULL},
	};

	(void)state;
	expect_readings(pharma, cases, sizeof cases / sizeof *cases - 1);
	expect_readings(device, cases + sizeof cases / sizeof *cases - 1, 1);
}

static void amounts_are_read_as_fen(void **state)
{
	static const struct reading cases[] = {
		{"product.list_price_fen", "1500.00", "150000"},
		{"product.list_price_fen", "1500", "150000"},
		{"product.list_price_fen", "0.5", "50"},
		{"product.list_price_fen", "¥14.50", "1450"},
		{"product.list_price_fen", "￥14.50", "1450"},
		{"product.list_price_fen", "14.50元", "1450"},
		{"product.list_price_fen", "３７.９２", "3792"},
		{"product.list_price_fen", "1,500.00", "150000"},
		{"product.list_price_fen", "12,345,678.90", "1234567890"},
		{"product.list_price_fen", "1,73.72", NULL},
		{"product.list_price_fen", "1,500", NULL},
		{"product.list_price_fen", "73,72", NULL},
		{"product.list_price_fen", "1.234", NULL},
		{"product.list_price_fen", "1.", NULL},
		{"product.list_price_fen", ".5", NULL},
		{"product.list_price_fen", "-1.00", NULL},
		{"product.list_price_fen", "99999999999999999999", NULL},
	};

	(void)state;
	EXPECT(pharma, cases);
}

static void numbers_and_booleans_are_read(void **state)
{
	static const struct reading cases[] = {
		{"unit.exposures", "-3", "-3"},    {"unit.exposures", "３", NULL},
		{"unit.hours", "３", "3"},         {"unit.hours", "3.0", NULL},
		{"unit.hours", "3x", NULL},        {"unit.hours", "-", NULL},
		{"unit.dose", "1.5", "\"1.500\""}, {"unit.dose", "2", "\"2.000\""},
		{"unit.dose", "1.2345", NULL},     {"unit.dose", "-0.000", NULL},
		{"unit.recalled", "是", "true"},   {"unit.recalled", "TRUE", "true"},
		{"unit.recalled", "1", "true"},    {"unit.recalled", "否", "false"},
		{"unit.recalled", "maybe", NULL},
	};

	(void)state;
	expect_readings(device, cases + 2, sizeof cases / sizeof *cases - 2);
}

static void dates_are_read_where_they_mean_one_thing(void **state)
{
	static const struct reading cases[] = {
		{"org.gsp_valid_to", "2026-03-16", "\"2026-03-16\""},
		{"org.gsp_valid_to", "2026/3/6", "\"2026-03-06\""},
		{"org.gsp_valid_to", "2026.03.06", "\"2026-03-06\""},
		{"org.gsp_valid_to", "2026年3月6日", "\"2026-03-06\""},
		{"org.gsp_valid_to", "20260306", "\"2026-03-06\""},
		{"org.gsp_valid_to", "２０２６-03-06", "\"2026-03-06\""},
		{"org.gsp_valid_to", "2026-03-16 00:00:00", "\"2026-03-16\""},
		{"org.gsp_valid_to", "2026-03-16T08:00:00+08:00", "\"2026-03-16\""},
		{"org.gsp_valid_to", "3/5/2024", NULL},
		{"org.gsp_valid_to", "45356", NULL},
		{"org.gsp_valid_to", "2026-02-29", NULL},
		{"org.gsp_valid_to", "2024-02-29", "\"2024-02-29\""},
		{"org.gsp_valid_to", "2026-13-01", NULL},
		{"org.gsp_valid_to", "2026-3", NULL},
		{"org.gsp_valid_to", "2026/3-6", NULL},
	};

	(void)state;
	EXPECT(pharma, cases);
}

static void times_are_put_into_utc(void **state)
{
	static const struct reading cases[] = {
		{"interaction.started_at", "2026-03-16T01:10:00.000Z",
		 "\"2026-03-16T01:10:00.000Z\""},
		{"interaction.started_at", "2026-03-16T09:10:00+08:00",
		 "\"2026-03-16T01:10:00.000Z\""},
		{"interaction.started_at", "2026-03-01 07:10 +0800",
		 "\"2026-02-28T23:10:00.000Z\""},
		{"interaction.started_at", "2025-12-31T20:00:00.5-05:00",
		 "\"2026-01-01T01:00:00.500Z\""},
		{"interaction.started_at", "2026-03-16 09:10", NULL},
		{"interaction.started_at", "2026-03-16", NULL},
		{"interaction.started_at", "2026-03-16T24:10:00Z", NULL},
		{"interaction.started_at", "2026-03-16T09:10:00+25:00", NULL},
		{"interaction.started_at", "2026-03-16T09:10:00Zx", NULL},
	};

	(void)state;
	EXPECT(pharma, cases);
}

static void enums_sets_and_maps_are_read(void **state)
{
	static const struct reading cases[] = {
		{"contact.gender", "M", "\"男\""},
		{"contact.gender", "女性", "\"女\""},
		{"contact.gender", "未知", NULL},
		{"contact.prof_title", "副主任醫師", "\"副主任医师\""},
		{"contact.prof_title", "付主任医师", "\"副主任医师\""},
		{"contact.hobbies", "羽毛球、书法，书法; 钓鱼|", "[\"书法\",\"羽毛球\",\"钓鱼\"]"},
		{"contact.hobbies", "[\"书法\",\"书法\"]", "[\"书法\"]"},
		{"contact.hobbies", "，", "[]"},
		{"contact.phones", "13800002222\n13800001111", "[\"13800001111\",\"13800002222\"]"},
		{"contact.im", "QQ=12345、微信 = abc", "{\"QQ\":\"12345\",\"微信\":\"abc\"}"},
		{"contact.im", "{\"QQ\":\"1\"}", "{\"QQ\":\"1\"}"},
		{"contact.im", "ICQ=1", NULL},
		{"contact.im", "12345", NULL},
		{"org.party_kind", "上游,下游", "[\"上游\",\"下游\"]"},
		{"org.party_kind", "上游,中游", NULL},
		{"contact.birthday", "闰08-15", "\"闰08-15\""},
		{"contact.birthday", "1970-08-15", "\"1970-08-15\""},
		{"contact.birthday", "8-15", NULL},
		{"contact.org", "H1", "\"H1\""},
		{"contact.org", "a/b", NULL},
		{"contact.influence_evidence", "[{\"note\":\"x\"}]", "[{\"note\":\"x\"}]"},
		{"contact.influence_evidence", "x", NULL},
	};

	(void)state;
	EXPECT(pharma, cases);
}

/* A field and JSON that is or is not acceptable for it. */
static void json_of_the_wrong_shape_is_refused(void **state)
{
	static const struct {
		const char *field, *json;
		bool good;
	} cases[] = {
		{"unit.hours", "5", true},
		{"unit.hours", "\"5\"", false},
		{"unit.hours", "-1", false},
		{"unit.hours", "null", true},
		{"unit.exposures", "9007199254740991", true},
		{"unit.recalled", "true", true},
		{"unit.recalled", "1", false},
		{"unit.dose", "\"1.500\"", true},
		{"unit.dose", "\"1.5\"", false},
		{"unit.dose", "\"01.500\"", false},
		{"unit.dose", "\"-0.000\"", false},
		{"unit.dose", "\"-0.001\"", true},
		{"unit.warranty_to", "\"2026-01-01\"", true},
		{"unit.warranty_to", "\"1999-12-31\"", false},
		{"unit.warranty_to", "\"2100-01-01\"", false},
		{"job.planned_at", "\"2026-01-01T00:00:00.000Z\"", true},
		{"job.planned_at", "\"2026-01-01T00:00:00Z\"", false},
		{"job.planned_at", "\"2026-01-01T00:60:00.000Z\"", false},
		{"unit.settings", "{\"kv\":120}", true},
		{"unit.settings", "{\"kv\":\"120\"}", false},
		{"unit.settings", "{\"KV\":120}", false},
		{"unit.settings", "[]", false},
		{"person.skills", "[\"CT\",\"US\"]", true},
		{"person.skills", "[\"CT\",\"CT\"]", false},
		{"person.skills", "[\"PET\"]", false},
		{"person.skills", "\"CT\"", false},
		{"person.mails", "[\"A@b.cn\",\"a@b.cn\"]", false},
		{"unit.log", "[{\"text\":\"x\",\"minutes\":5,\"grade\":\"ok\"}]", true},
		{"unit.log", "[{\"text\":\"x\",\"entry\":\"e\",\"by\":\"r\",\"at\":\"t\"}]", true},
		{"unit.log",
		 "[{\"text\":\"x\",\"amends\":\"2026-03-16T01:00:00.000Z-0000@hub00000\"}]", true},
		{"unit.log", "[{\"text\":\"x\",\"redacts\":\"yesterday's\"}]", false},
		{"unit.log", "[{\"minutes\":5}]", false},
		{"unit.log", "[{\"text\":\"x\",\"colour\":\"red\"}]", false},
		{"unit.log", "[{\"text\":\"x\",\"minutes\":-5}]", false},
		{"unit.log", "[{\"text\":\"x\",\"by\":7}]", false},
		{"unit.log", "[\"x\"]", false},
		{"site.floor_plan", "{\"a\":[1,{\"b\":null}]}", true},
		{"site.kind", "\"clinic\"", true},
		{"site.kind", "\"诊所\"", false},
		{"site.name", "\"甲\"", false},
		{"site.name", "7", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_json *value = parse(cases[i].json);
		struct rep_error err = {0};
		enum rep_code rc = rep_value_check(field_of(device, cases[i].field), value, &err);

		if ((rc == REP_OK) != cases[i].good)
			fail_msg("%s: %s: %s", cases[i].field, cases[i].json,
				 rc ? err.msg : "taken");
		rep_json_free(value);
	}
}

static void json_above_its_bytes_is_refused(void **state)
{
	char text[5000];
	struct rep_error err = {0};

	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	struct rep_json *value = rep_json_string(text);

	expect_code(rep_value_check(field_of(device, "site.floor_plan"), value, &err), REP_EINVAL,
		    &err, "4096");
	rep_json_free(value);
}

static void values_are_the_same_after_the_normaliser(void **state)
{
	static const struct {
		const char *field, *a, *b;
		bool same;
	} cases[] = {
		{"contact.name", "\"张 伟\"", "\"张伟\"", true},
		{"contact.name", "\"張偉\"", "\"张伟\"", true},
		{"contact.name", "\"张伟主任\"", "\"张伟\"", true},
		{"contact.name", "\"陈建国\"", "\"陈建囯\"", false},
		{"contact.dept", "\"心血管内科\"", "\"心内科\"", true},
		{"contact.best_time", "\"周二\"", "\"周二 \"", false},
		{"contact.phones", "[\"13800002222\",\"13800001111\"]",
		 "[\"138-0000-1111\",\"13800002222\"]", true},
		{"contact.phones", "[\"13800002222\"]", "[\"13800002222\",\"13800001111\"]", false},
		{"contact.phones", "[]", "null", true},
		{"contact.im", "{}", "null", true},
		{"contact.im", "{\"QQ\":\"1\"}", "{\"QQ\":\"2\"}", false},
		{"contact.name", "null", "\"\"", false},
		{"contact.name", "null", "null", true},
		{"org.beds", "5", "5", true},
		{"org.beds", "5", "6", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_json *a = parse(cases[i].a), *b = parse(cases[i].b);
		const struct rep_field *field = field_of(pharma, cases[i].field);

		if (rep_value_same(field, a, b) != cases[i].same ||
		    rep_value_same(field, b, a) != cases[i].same)
			fail_msg("%s: %s and %s", cases[i].field, cases[i].a, cases[i].b);
		rep_json_free(a);
		rep_json_free(b);
	}
}

static void element_keys_are_canonical_and_normalised(void **state)
{
	struct rep_buf key = REP_BUF_INIT(1000);
	struct rep_json *phone = rep_json_string("138-0000 2222");
	struct rep_json *hobby = rep_json_string("书 \"法\"");

	(void)state;
	rep_value_element_key(&key, field_of(pharma, "contact.phones"), phone);
	assert_string_equal(rep_buf_str(&key), "\"13800002222\"");
	rep_buf_reset(&key);
	rep_value_element_key(&key, field_of(pharma, "contact.hobbies"), hobby);
	assert_string_equal(rep_buf_str(&key), "\"书 \\\"法\\\"\"");
	rep_buf_clear(&key);
	rep_json_free(phone);
	rep_json_free(hobby);
}

static void values_compare_by_the_declared_order(void **state)
{
	static const struct {
		const char *field, *less, *more;
	} cases[] = {
		{"site.rating", "\"D\"", "\"A\""},
		{"site.rating", "null", "\"D\""},
		{"unit.hours", "9", "10"},
		{"unit.recalled", "false", "true"},
		{"unit.warranty_to", "\"2025-12-31\"", "\"2026-01-01\""},
		{"unit.dose", "\"9.000\"", "\"10.000\""},
		{"unit.dose", "\"-10.000\"", "\"-9.000\""},
		{"unit.dose", "\"-0.001\"", "\"0.000\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_json *less = parse(cases[i].less), *more = parse(cases[i].more);
		const struct rep_field *field = field_of(device, cases[i].field);

		assert_true(rep_value_compare(field, less, more) < 0);
		assert_true(rep_value_compare(field, more, less) > 0);
		assert_int_equal(rep_value_compare(field, less, less), 0);
		rep_json_free(less);
		rep_json_free(more);
	}
}

static void values_are_shown_as_people_write_them(void **state)
{
	static const struct {
		const char *field, *json, *text;
	} cases[] = {
		{"job.cost_fen", "150000", "1500.00"},
		{"job.cost_fen", "-5", "-0.05"},
		{"job.cost_fen", "null", ""},
		{"unit.recalled", "true", "是"},
		{"unit.recalled", "false", "否"},
		{"person.skills", "[\"CT\",\"US\"]", "CT、US"},
		{"person.channels", "{\"QQ\":\"1\",\"WeChat\":\"a\"}", "QQ=1、WeChat=a"},
		{"unit.log", "[{\"text\":\"x\",\"minutes\":5,\"by\":\"r\"},{\"text\":\"y\"}]",
		 "x 5、y"},
		{"site.floor_plan", "{\"a\":1}", "{\"a\":1}"},
		{"unit.settings", "{\"kv\":120}", "kv=120"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_buf out = REP_BUF_INIT(1000);
		struct rep_json *value = parse(cases[i].json);

		rep_value_show(&out, field_of(device, cases[i].field), value);
		assert_string_equal(rep_buf_str(&out), cases[i].text);
		rep_json_free(value);
		rep_buf_clear(&out);
	}
}

/* What is shown, read again, is the value: for every type of which both ways exist. */
static void what_is_shown_can_be_read(void **state)
{
	static const struct {
		const char *field, *json;
	} cases[] = {
		{"job.cost_fen", "150005"},
		{"unit.recalled", "false"},
		{"person.skills", "[\"CT\",\"US\"]"},
		{"person.channels", "{\"QQ\":\"1\",\"WeChat\":\"a\"}"},
		{"unit.dose", "\"-1.250\""},
		{"job.planned_at", "\"2026-03-16T01:10:00.000Z\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_buf out = REP_BUF_INIT(1000);
		struct rep_json *value = parse(cases[i].json), *again;
		struct rep_error err = {0};
		const struct rep_field *field = field_of(device, cases[i].field);

		rep_value_show(&out, field, value);
		expect_ok(rep_value_read(&again, field, rep_buf_str(&out), &err), &err);
		assert_true(rep_json_equal(value, again));
		rep_json_free(value);
		rep_json_free(again);
		rep_buf_clear(&out);
	}
}

static void stored_sets_are_sorted_and_unique(void **state)
{
	struct rep_json *value = parse("[\"+86 13800002222\",\"13800001111\",\"138-0000-2222\"]");
	struct rep_json *stored = rep_value_stored(field_of(pharma, "contact.phones"), value);
	char *text = rep_json_text(stored);

	(void)state;
	assert_string_equal(text, "[\"13800001111\",\"13800002222\"]");
	free(text);
	rep_json_free(stored);
	rep_json_free(value);
}

static void empty_is_null_and_nothing_within(void **state)
{
	static const char *const empty[] = {"null", "\"\"", "[]", "{}"};
	static const char *const full[] = {"false", "0", "\" \"", "[null]", "{\"a\":null}"};

	(void)state;
	assert_true(rep_value_empty(NULL));
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		struct rep_json *value = parse(empty[i]);

		assert_true(rep_value_empty(value));
		rep_json_free(value);
	}
	for (size_t i = 0; i < sizeof full / sizeof *full; i++) {
		struct rep_json *value = parse(full[i]);

		assert_false(rep_value_empty(value));
		rep_json_free(value);
	}
}

static void check_digits_are_computed(void **state)
{
	static const struct {
		enum rep_text_check format;
		const char *text;
		bool good;
	} cases[] = {
		{REP_FORMAT_CN_ID, "11010519491231002X", true}, /* the example of GB 11643 */
		{REP_FORMAT_CN_ID, "440524188001010014", true}, /* likewise */
		{REP_FORMAT_CN_ID, "11010519491231002x", false},
		{REP_FORMAT_CN_ID, "110105194902310026", false}, /* 31 February */
		{REP_FORMAT_CN_ID, "1101051949123100", false},
		{REP_FORMAT_CN_USCC, "91350100M000100Y43", true}, /* the example of GB 32100 */
		{REP_FORMAT_CN_USCC, "91350100M000100Y4", false},
		{REP_FORMAT_CN_USCC, "91350100M000100I43", false}, /* no I in the alphabet */
		{REP_FORMAT_CN_MOBILE, "13900001111", true},
		{REP_FORMAT_CN_MOBILE, "12900001111", false},
		{REP_FORMAT_CN_MOBILE, "139000011112", false},
		{REP_FORMAT_CN_REGION, "110105", true},
		{REP_FORMAT_CN_REGION, "010105", false},
		{REP_FORMAT_EMAIL, "a.b+c@example.com", true},
		{REP_FORMAT_EMAIL, "a@b", false},
		{REP_FORMAT_EMAIL, "a@b.c", false},
		{REP_FORMAT_EMAIL, "a@@b.cn", false},
		{REP_FORMAT_EMAIL, "a@.cn", false},
		{REP_FORMAT_EMAIL, ".a@b.cn", false},
		{REP_FORMAT_EMAIL, "a@b..cn", false},
		{REP_FORMAT_EMAIL, "a@-b.cn", false},
		{REP_FORMAT_EMAIL, "a", false},
		{REP_FORMAT_SHA256,
		 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", true},
		{REP_FORMAT_SHA256,
		 "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", false},
		{REP_FORMAT_NONE, "anything", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (rep_text_has_format(cases[i].text, cases[i].format) != cases[i].good)
			fail_msg("%s as %s", cases[i].text, rep_text_format_name(cases[i].format));
}

static void days_are_counted_both_ways(void **state)
{
	int year, month, day;

	(void)state;
	assert_int_equal(rep_days_of(1970, 1, 1), 0);
	assert_int_equal(rep_days_of(2000, 3, 1), 11017);
	assert_int_equal(rep_days_of(1969, 12, 31), -1);
	for (int64_t days = -720000; days < 2900000; days += 97) {
		rep_days_to(days, &year, &month, &day);
		assert_int_equal(rep_days_of(year, month, day), days);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_trimmed_and_put_into_nfc),
		cmocka_unit_test(formats_are_cleaned_and_checked),
		cmocka_unit_test(amounts_are_read_as_fen),
		cmocka_unit_test(numbers_and_booleans_are_read),
		cmocka_unit_test(dates_are_read_where_they_mean_one_thing),
		cmocka_unit_test(times_are_put_into_utc),
		cmocka_unit_test(enums_sets_and_maps_are_read),
		cmocka_unit_test(json_of_the_wrong_shape_is_refused),
		cmocka_unit_test(json_above_its_bytes_is_refused),
		cmocka_unit_test(values_are_the_same_after_the_normaliser),
		cmocka_unit_test(element_keys_are_canonical_and_normalised),
		cmocka_unit_test(values_compare_by_the_declared_order),
		cmocka_unit_test(values_are_shown_as_people_write_them),
		cmocka_unit_test(what_is_shown_can_be_read),
		cmocka_unit_test(stored_sets_are_sorted_and_unique),
		cmocka_unit_test(empty_is_null_and_nothing_within),
		cmocka_unit_test(check_digits_are_computed),
		cmocka_unit_test(days_are_counted_both_ways),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
