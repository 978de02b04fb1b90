/*
 * The loader refuses: one small schema is right; each case of the tables plants one mistake in it, and
 * names the place and the code that the loader must give.
 */
#include "unit/help_schema.h"

#include <stdio.h>

#include "core/base/buf.h"

static void expect_mistakes(const struct mistake *mistakes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct mistake *mistake = &mistakes[i];
		struct rep_schema *schema;
		struct rep_error err = {0};
		char code[64];

		if (load_with(mistake, &schema, &err) == REP_OK)
			fail_msg("case %zu (%s): %s for %s was taken", i, mistake->code,
				 mistake->to, mistake->from ? mistake->from : "?");
		assert_null(schema);
		snprintf(code, sizeof code, ": %s: ", mistake->code);
		if (!strstr(err.msg, code) || !strstr(err.msg, mistake->says))
			fail_msg("case %zu: \"%s\" has not both \"%s\" and \"%s\"", i, err.msg,
				 code, mistake->says);
	}
}

#define EXPECT(mistakes) expect_mistakes(mistakes, sizeof(mistakes) / sizeof *(mistakes))

static void the_right_schema_loads(void **state)
{
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(NULL, &schema, &err), &err);
	assert_string_equal(schema->id, "shop/1");
	assert_int_equal(strlen(schema->hash), 64);
	rep_schema_free(schema);
}

static void files_and_their_json_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"json", SHOP, "", "{\"label\":1,\"label\":2}",
		 "schema: entities/shop.json: json: line 1"},
		{"json", SHOP, "\"max\":20", "\"max\":20.5", "shop.json"},
		{"json", SHOP, "", "{", "shop.json"},
		{"json", TOP, "\"format\":1", "\"format\":2", "format"},
		{"json", SHOP, "\"required\":true", "\"required\":1", "shop.name: json"},
		{"json", VISIT, "\"on\":\"write\"", "\"on\":\"never\"", "visit.cap"},
		{"json", TOP, "\"effective\":\"2026-01-01T00:00:00.000Z\"",
		 "\"effective\":\"2026-01-01\"", "effective"},
		{"unknown-key", SHOP, "\"title\":\"name\"", "\"heading\":\"name\"",
		 "shop: unknown-key: \"heading\""},
		{"unknown-key", TOP, "\"format\":1", "\"format\":1,\"colour\":1", "colour"},
		{"unknown-key", SHOP, "\"min\":1", "\"least\":1", "shop.name: unknown-key"},
		{"unknown-key", VISIT, "\"moves\":true", "\"moves\":true,\"is\":\"self\"",
		 "visit.partition"},
		{"missing-key", SHOP, "\"insert\":[\"rep\"],", "", "shop: missing-key: \"insert\""},
		{"missing-key", SHOP, "\"of\":\"text\",", "", "shop.tags: missing-key: \"of\""},
		{"missing-key", TOP, "\"version\":1,", "", "version"},
		{"missing-key", SHOP, "\"partition\":{\"is\":\"self\"},", "", "partition"},
		{"file-missing", VISIT, NULL, "", "schema.json: file-missing: entities/visit.json"},
		{"file-missing", REPORT, NULL, "", "reports/list.sql"},
		{"file-missing", TABLE, NULL, "", "tables/days.csv"},
		{"file-missing", TOP, NULL, "", "schema.json"},
		{"file-not-listed", "entities/other.json", "", "{}",
		 "schema: entities/other.json: file-not-listed"},
		{"file-not-listed", "README", "", "hello", "README"},
		{"file-not-listed", "reports/other.sql", "", "SELECT 1", "reports/other.sql"},
		{"file-not-listed", "tables/other.csv", "", "a\n", "tables/other.csv"},
	};

	(void)state;
	EXPECT(mistakes);
}

static void names_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"bad-name", SHOP, "\"name\":\"seen_on\"", "\"name\":\"SeenOn\"", "shop.SeenOn"},
		{"bad-name", SHOP, "\"name\":\"tags\"", "\"name\":\"group\"", "keyword"},
		{"bad-name", SHOP, "\"name\":\"tags\"", "\"name\":\"ctx\"", "reserved"},
		{"bad-name", SHOP, "\"name\":\"tags\"", "\"name\":\"status\"", "reserved"},
		{"bad-name", SHOP, "\"name\":\"tags\"", "\"name\":\"rep_x\"", "prefix"},
		{"bad-name", SHOP, "\"name\":\"tags\"", "\"name\":\"sqlite_x\"", "prefix"},
		{"bad-name", SHOP, "\"name\":\"tags\"", "\"name\":\"_x\"", "shop._x"},
		{"bad-name", SHOP, "\"name\":\"tags\"", "\"name\":\"a__b\"", "underscores"},
		{"bad-name", SHOP, "\"name\":\"tags\"",
		 "\"name\":\"a1234567890123456789012345678901234567890\"", "0,39"},
		{"bad-name", TOP, "\"shop\",\"visit\",\"staff\"", "\"device\",\"visit\",\"staff\"",
		 "\"device\" is reserved"},
		{"bad-name", TOP, "\"shop\",\"visit\",\"staff\"", "\"v_shop\",\"visit\",\"staff\"",
		 "v_shop"},
		{"bad-name", TOP, "\"roles\":{\"rep\"", "\"roles\":{\"hub\"", "roles.hub"},
		{"bad-name", TOP, "\"secret\"", "\"open\"", "visibility.open"},
		{"bad-name", VISIT, "\"name\":\"txt\"", "\"name\":\"entry\"", "visit.lines"},
		{"bad-name", SHOP, "\"name\":\"D1\"", "\"name\":\"D 1\"", "D 1"},
		{"bad-name", VISIT, "\"name\":\"cap\"", "\"name\":\"ca'p\"", "ca'p"},
		{"duplicate-name", TOP, "\"staff\",\"area\"]", "\"shop\",\"area\"]", "shop"},
		{"duplicate-name", SHOP, "\"name\":\"town\"", "\"name\":\"street\"", "shop.street"},
		{"duplicate-name", SHOP, "\"match\":[",
		 "\"match\":[{\"name\":\"d1\",\"on\":[\"code\"],\"then\":\"act\"},", "shop.D1"},
		{"duplicate-name", VISIT, "\"checks\":[",
		 "\"checks\":[{\"name\":\"cap\",\"on\":\"write\",\"level\":\"warn\",\"message\":"
		 "{\"zh\":\"多\",\"en\":\"M\"},\"expr\":\"1\"},",
		 "visit.cap"},
		{"duplicate-name", TOP, "\"tables\":{\"days\"", "\"tables\":{\"visit\"", "visit"},
		{"duplicate-name", AREA, "\"territory\"", "\"rep\"", "builtin"},
		{"label-language", SHOP, LABEL, "\"label\":{\"zh\":\"甲\"}", "\"en\""},
		{"label-language", SHOP, LABEL, "\"label\":{\"zh\":\"\",\"en\":\"A\"}", "zh"},
		{"label-language", SHOP, LABEL,
		 "\"label\":{\"zh\":\"甲\",\"en\":\"A\",\"fr\":\"B\"}", "fr"},
		{"label-language", SHOP, LABEL, "\"label\":\"甲\"", "label"},
		{"label-language", REPORT, "zh=表 | en=List", "zh=表", "en"},
		{"forbidden-field", SHOP, "\"name\":\"tags\"", "\"name\":\"rx_count\"",
		 "shop.rx_count: forbidden-field: \"rx_count\": 不可 / No"},
		{"forbidden-field", VISIT,
		 "\"name\":\"fee\",\"type\":\"integer\",\"unit\":\"fen\"," LABEL,
		 "\"name\":\"fee\",\"type\":\"integer\",\"unit\":\"fen\",\"label\":{\"zh\":\"统方\","
		 "\"en\":\"A\"}",
		 "visit.fee"},
	};

	(void)state;
	EXPECT(mistakes);
}

static void types_and_limits_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"unknown-type", SHOP, "\"type\":\"date\"", "\"type\":\"day\"", "shop.seen_on"},
		{"unknown-type", SHOP, "\"of\":\"text\"", "\"of\":\"set\"", "shop.tags"},
		{"unknown-type", VISIT, "\"name\":\"txt\",\"type\":\"text\"",
		 "\"name\":\"txt\",\"type\":\"json\"", "visit.lines"},
		{"unknown-type", TOP, "\"day\":\"date\"", "\"day\":\"json\"", "day"},
		{"key-not-for-type", SHOP, "\"type\":\"date\"",
		 "\"type\":\"date\",\"unit\":\"fen\"", "shop.seen_on: key-not-for-type: \"unit\""},
		{"key-not-for-type", SHOP, "\"rule\":\"set\"",
		 "\"rule\":\"set\",\"unique\":\"review\"", "shop.tags"},
		{"key-not-for-type", SHOP, "\"type\":\"date\"",
		 "\"type\":\"date\",\"lower\":[\"rep\"]", "lower"},
		{"key-not-for-type", SHOP, "\"group\":\"place\"",
		 "\"group\":\"place\",\"date_field\":\"seen_on\"", "date_field"},
		{"bad-limit", SHOP, "\"min\":1,\"max\":20", "\"min\":21,\"max\":20", "shop.name"},
		{"bad-limit", SHOP, "\"max\":20", "\"max\":70000", "shop.name"},
		{"bad-limit", SHOP, "\"min\":1", "\"min\":-1", "shop.name"},
		{"bad-limit", SHOP, "\"type\":\"date\"", "\"type\":\"date\",\"min\":\"2026-02-30\"",
		 "shop.seen_on"},
		{"bad-limit", SHOP, "\"type\":\"date\"",
		 "\"type\":\"date\",\"min\":\"2026-02-03\",\"max\":\"2026-02-02\"", "after"},
		{"bad-limit", SHOP, "\"type\":\"date\"", "\"type\":\"date\",\"personal\":3",
		 "personal"},
		{"bad-limit", SHOP, "\"type\":\"date\"", "\"type\":\"decimal\",\"scale\":10",
		 "scale"},
		{"bad-limit", TOP, "\"version\":1", "\"version\":0", "version"},
		{"bad-limit", TOP, "\"rank\":20", "\"rank\":0", "roles.rep"},
		{"bad-pattern", SHOP, "[0-9]+", "([0-9]", "shop.code"},
		{"bad-pattern", SHOP, "[0-9]+", "([0-9])\\\\1", "back-references"},
		{"bad-pattern", SHOP, "[0-9]+", "[闰]", "brackets"},
		{"bad-pattern", SHOP, "[0-9]+", "闰?x", "without a group"},
		{"bad-pattern", SHOP, "[0-9]+", "(a{200}){300}", "255"},
		{"bad-pattern", TOP, "^rx_|统方", "(", "forbid"},
		{"enum-empty", SHOP, "\"values\":[\"s\",\"m\",\"l\"]", "\"values\":[]",
		 "shop.size"},
		{"enum-empty", SHOP, "\"m\"", "\"\"", "shop.size"},
		{"enum-duplicate", SHOP, "\"m\",\"l\"]", "\"s\",\"l\"]", "shop.size"},
		{"enum-duplicate", SHOP, "\"m\",\"l\"]",
		 "{\"value\":\"m\",\"also\":[\"Ｓ \"]},\"l\"]", "is also \"s\""},
		{"default-invalid", SHOP, "\"default\":\"s\"", "\"default\":\"xl\"", "shop.size"},
		{"default-invalid", SHOP, "\"type\":\"date\"",
		 "\"type\":\"date\",\"default\":\"@now\"", "@now"},
		{"default-invalid", VISIT, "\"@rep\"", "\"@territory\"", "visit.by_whom"},
		{"default-invalid", VISIT, "\"rule\":\"state\"",
		 "\"rule\":\"state\",\"default\":\"sent\"", "visit.state"},
		{"default-invalid", VISIT, "\"level\":\"refuse\"",
		 "\"level\":\"block\",\"set\":{\"state\":\"gone\"}", "visit.cap"},
		{"too-many", TOP, "\"columns\":{\"day\":\"date\",\"n\":\"integer\"}",
		 "\"columns\":{}", "columns"},
	};

	(void)state;
	EXPECT(mistakes);
}

static void rights_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"unknown-role", SHOP, "\"write\":[\"rep\"]", "\"write\":[\"king\"]", "king"},
		{"unknown-role", REPORT, "rep boss", "rep king", "king"},
		{"unknown-term", SHOP, "\"write\":[\"rep\"]", "\"write\":[\"rep:mine\"]",
		 "rep:mine"},
		{"unknown-term", SHOP, "\"write\":[\"rep\"]", "\"write\":[\"hub:author\"]", "hub"},
		{"unknown-term", TOP, "\"secret\":[\"boss\"]", "\"secret\":[7]", "secret"},
		{"unknown-visibility", SHOP, "\"type\":\"date\"",
		 "\"type\":\"date\",\"visibility\":\"hidden\"", "shop.seen_on"},
		{"required-unreachable", SHOP, "\"required\":true",
		 "\"required\":true,\"insert\":[]", "shop.name"},
		{"required-unreachable", SHOP, "\"required\":true",
		 "\"required\":true,\"insert\":[\"hub\"]", "shop.name"},
		{"required-unreachable", SHOP, "\"required\":true",
		 "\"required\":true,\"computed\":\"1\"", "computed"},
	};

	(void)state;
	EXPECT(mistakes);
}

static void rules_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"unknown-rule", SHOP, "\"rule\":\"set\"", "\"rule\":\"newest\"", "shop.tags"},
		{"rule-not-for-type", SHOP, "\"rule\":\"set\"", "\"rule\":\"sum\"",
		 "sum of type set"},
		{"rule-not-for-type", SHOP, "\"default\":\"s\"", "\"rule\":\"state\"",
		 "field of \"states\""},
		{"rule-not-for-type", SHOP, "\"type\":\"date\"",
		 "\"type\":\"date\",\"rule\":[\"central\",\"latest\"]", "scope held"},
		{"rule-not-total", SHOP, "\"type\":\"date\"",
		 "\"type\":\"date\",\"rule\":[\"role\",\"owner\"]", "ends in owner"},
		{"rule-not-total", SHOP, "\"type\":\"date\"", "\"type\":\"date\",\"rule\":[]",
		 "empty"},
		{"rule-missing-partner", SHOP, ",\"date_field\":\"seen_on\"", "", "shop.stock"},
		{"rule-missing-partner", SHOP, "\"date_field\":\"seen_on\"",
		 "\"date_field\":\"name\"", "no date"},
		{"group-mixed", SHOP, "\"group\":\"place\"",
		 "\"group\":\"place\",\"rule\":\"review\"", "rule is not that of \"street\""},
		{"group-mixed", SHOP, "\"group\":\"place\"",
		 "\"group\":\"place\",\"visibility\":\"secret\"", "visibility"},
		{"group-mixed", SHOP, "\"group\":\"place\"",
		 "\"group\":\"place\",\"write\":[\"boss\"]", "permissions"},
		{"group-mixed", SHOP, "\"rule\":\"set\"", "\"rule\":\"set\",\"group\":\"place\"",
		 "a set"},
	};

	(void)state;
	EXPECT(mistakes);
}

static void references_and_partitions_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"unknown-reference", VISIT, "\"to\":\"shop\"", "\"to\":\"store\"", "visit.shop"},
		{"unknown-reference", VISIT, "\"to\":\"shop\"", "\"to\":\"device\"", "visit.shop"},
		{"unknown-reference", VISIT, "\"to\":\"shop\"",
		 "\"to\":\"shop\",\"carry\":[\"store\"]", "store"},
		{"unknown-reference", TOP, "\"entities\":[\"shop\"]", "\"entities\":[\"store\"]",
		 "roles.boss"},
		{"reference-cycle", AREA, "\"to\":\"area\"", "\"to\":\"area\",\"required\":true",
		 "area"},
		{"partition-unreachable", VISIT, "\"of\":[\"shop\"]", "\"of\":[\"day\",\"desk\"]",
		 "visit.partition"},
		{"partition-unreachable", VISIT, "\"of\":[\"shop\"]", "\"of\":[\"by_whom\"]",
		 "last step"},
		{"partition-unreachable", VISIT, "\"of\":[\"shop\"]",
		 "\"of\":[\"team:by_whom\",\"desk\"]", "territory"},
		{"partition-unreachable", VISIT, "\"of\":[\"shop\"]", "\"of\":[\"staff:shop\"]",
		 "rep"},
		{"partition-cycle", AREA, "\"partition\":{\"is\":\"company\"}",
		 "\"partition\":{\"of\":[\"parent\",\"desk\"]}", "area"},
		{"id-fields", VISIT, "\"id\":{\"from\":[\"shop\",\"day\"]}",
		 "\"id\":{\"from\":[\"fee\"]}", "visit.fee: id-fields: it is not required"},
		{"id-fields", VISIT, "\"type\":\"date\"", "\"type\":\"set\",\"of\":\"text\"",
		 "a set"},
		{"id-fields", VISIT, "{\"name\":\"day\",\"type\":\"date\"",
		 "{\"name\":\"day\",\"rule\":\"latest\",\"type\":\"date\"", "immutable"},
		{"id-fields", VISIT, "\"id\":{\"from\":[\"shop\",\"day\"]}", "\"id\":{\"from\":[]}",
		 "empty"},
		{"unknown-field", SHOP, "\"title\":\"name\"", "\"title\":\"nam\"", "nam"},
		{"unknown-field", SHOP, "\"external_key\":[\"code\"]", "\"external_key\":[\"cod\"]",
		 "external_key"},
		{"unknown-field", SHOP, "\"on\":[\"code\"", "\"on\":[\"cod\"", "match"},
		{"unknown-field", SHOP, "\"date_field\":\"seen_on\"", "\"date_field\":\"seen\"",
		 "date_field"},
		{"unknown-field", VISIT, "\"fields\":[\"day\"]", "\"fields\":[\"days\"]",
		 "residue"},
		{"unknown-field", VISIT, "\"open_in\":[\"open\"]", "\"open_in\":[\"ajar\"]",
		 "visit.fee"},
		{"unknown-field", SHOP, "\"group\":\"place\"",
		 "\"group\":\"place\",\"open_in\":[\"open\"]", "without"},
		{"unknown-field", VISIT, "\"when\":[\"fee\"]", "\"when\":[\"fees\"]", "visit.cap"},
		{"unknown-field", VISIT, "\"of\":[\"shop\"]", "\"of\":[\"shops\"]", "partition"},
		{"unknown-field", VISIT, "\"field\":\"state\"", "\"field\":\"stat\"", "states"},
		{"unknown-field", VISIT, "\"to\":\"sent\"", "\"to\":\"send\"", "no state \"send\""},
		{"builtin-field", AREA, "\"name\":\"parent\"", "\"name\":\"above\"",
		 "area.parent: builtin-field"},
		{"builtin-field", STAFF, "\"type\":\"text\"", "\"type\":\"date\"", "staff.name"},
		{"builtin-field", AREA, "\"to\":\"area\"", "\"to\":\"shop\"", "territories"},
	};

	(void)state;
	EXPECT(mistakes);
}

static void states_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"state-unreachable", VISIT, "\"from\":\"sent\",\"to\":\"shut\"",
		 "\"from\":\"shut\",\"to\":\"sent\"", "visit.state: state-unreachable: \"shut\""},
		{"state-unreachable", VISIT, "\"values\":[\"open\"",
		 "\"values\":[\"idle\",\"open\"", "idle"},
		{"state-no-exit-of-initial", VISIT, "\"initial\":\"open\"", "\"initial\":\"shut\"",
		 "shut"},
		{"priority-incomplete", VISIT, "[\"shut\",\"sent\",\"open\"]",
		 "[\"shut\",\"open\"]", "sent"},
		{"state-not-enum", VISIT, "\"field\":\"state\"", "\"field\":\"fee\"", "visit.fee"},
		{"state-not-enum", VISIT, "\"rule\":\"state\"", "\"rule\":\"latest\"",
		 "visit.state"},
	};

	(void)state;
	EXPECT(mistakes);
}

/* An entity whose kinds have machines of their own. */
#define KINDS(by, a, more)                                                                          \
	"{" LABEL ",\"partition\":{\"is\":\"self\"},\"insert\":[\"rep\"],\"write\":[\"rep\"],"      \
	"\"fields\":[{\"name\":\"kind\",\"type\":\"enum\"," LABEL ",\"values\":[\"a\",\"b\"]},"     \
	"{\"name\":\"note\",\"type\":\"text\"," LABEL "},"                                          \
	"{\"name\":\"state\",\"type\":\"enum\"," LABEL                                              \
	",\"values\":[\"x\",\"y\",\"z\"],\"rule\":\"state\"}],"                                     \
	"\"states\":{\"field\":\"state\",\"by\":\"" by "\",\"machines\":{\"" a                      \
	"\":{\"initial\":\"x\",\"priority\":[\"y\",\"x\"],\"moves\":[{\"from\":\"x\",\"to\":\"y\"," \
	"\"by\":[\"*\"]}]}" more "}}}"
#define KIND_B                                                                                          \
	",\"b\":{\"initial\":\"z\",\"priority\":[\"x\",\"z\"],\"moves\":[{\"from\":\"z\",\"to\":\"x\"," \
	"\"by\":[\"*\"]}]}"

static void machines_of_kinds_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"missing-key", VISIT, "", KINDS("kind", "a", ""), "no \"b\""},
		{"unknown-field", VISIT, "", KINDS("kind", "c", KIND_B), "\"c\" is no value"},
		{"unknown-field", VISIT, "", KINDS("sort", "a", KIND_B), "sort"},
		{"state-not-enum", VISIT, "", KINDS("note", "a", KIND_B), "note"},
	};
	const struct mistake none = {"", VISIT, "", KINDS("kind", "a", KIND_B), ""};
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	EXPECT(mistakes);
	expect_ok(load_with(&none, &schema, &err), &err);
	/* Each kind begins elsewhere: there is no common default. */
	assert_null(rep_entity_field(rep_schema_entity(schema, "visit"), "state")->preset);
	rep_schema_free(schema);
}

static void the_text_of_checks_is_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"check-old-in-insert", VISIT, "new.fee<={cap}", "new.fee<=old.fee", "visit.cap"},
		{"check-old-in-insert", VISIT, "new.fee<={cap}", "coalesce(OLD . fee,1)",
		 "visit.cap"},
		{"policy-unknown", VISIT, "{cap}", "{cup}", "visit.cap: policy-unknown: {cup}"},
		{"missing-key", VISIT, "\"level\":\"refuse\"", "\"level\":\"block\"", "visit.cap"},
	};

	(void)state;
	EXPECT(mistakes);
}

static void headers_of_reports_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"report-header", REPORT, "report: list", "report: lists", "list: report-header"},
		{"report-header", REPORT, "-- report: list\n", "", "report:"},
		{"report-header", REPORT, "-- label: zh=表 | en=List\n", "", "label:"},
		{"report-header", REPORT, "-- roles: rep boss\n", "", "roles:"},
		{"report-header", REPORT, "-- column: name | zh=名 | en=Name\n", "", "column:"},
		{"report-header", REPORT, "-- roles:", "-- rolls:", "rolls"},
		{"report-header", REPORT, "shop.size", "shop.name", "shop.name"},
		{"report-header", REPORT, "shop.size", "number", "number"},
		{"report-header", REPORT, "@month", "@week", "@week"},
		{"report-header", REPORT, "zh=名 | en=Name", "名", "名"},
		{"duplicate-name", REPORT, "param: p period", "param: size period", "size"},
		{"bad-name", REPORT, "column: name", "column: Name", "Name"},
	};

	(void)state;
	EXPECT(mistakes);
}

static void tables_are_checked(void **state)
{
	static const struct mistake mistakes[] = {
		{"table-csv", TABLE, "day,n", "day,m", "tables/days.csv: tables.days: table-csv"},
		{"table-csv", TABLE, "day,n", "day", "column 2"},
		{"table-csv", TABLE, "day,n", "day,n,o", "more columns"},
		{"table-csv", TABLE, "2026-01-01,1", "2026-01-01", "line 2"},
		{"table-csv", TABLE, "2026-01-01,1", "2026-01-01,1,1", "line 2"},
		{"table-csv", TABLE, "2026-01-01,1", "2026-01-01,one", "line 2"},
		{"table-csv", TABLE, "2026-01-01,1", "\"2026-01-01,1", "line 2"},
		{"table-key", TABLE, "2026-01-02", "2026-01-01", "lines 2 and 3"},
		{"table-key", TABLE, "2026-01-02", "", "line 3"},
		{"table-key", TOP, "\"key\":[\"day\"]", "\"key\":[\"date\"]", "tables.days"},
	};

	(void)state;
	EXPECT(mistakes);
}

/* `count` items, numbered between `before` and `after`, are put where `from` stands, before it. */
static void expect_too_many(const char *file, const char *from, size_t count, const char *before,
			    const char *after, const char *says)
{
	struct rep_buf many = REP_BUF_INIT(1024u * 1024u);

	for (size_t i = 0; i < count; i++)
		rep_buf_printf(&many, "%s%zu%s,", before, i, after);
	rep_buf_puts(&many, from);
	expect_mistakes(&(struct mistake){"too-many", file, from, rep_buf_str(&many), says}, 1);
	rep_buf_clear(&many);
}

static void more_than_the_engine_takes_is_refused(void **state)
{
	(void)state;
	expect_too_many(TOP, "\"shop\",\"visit\"", 199, "\"e", "\"", "203 entities");
	expect_too_many(TOP, "\"list\"", 500, "\"r", "\"", "501 reports");
	expect_too_many(SHOP, "{\"name\":\"tags\"", 193, "{\"name\":\"f",
			"\",\"type\":\"date\"," LABEL "}", "201 fields");
	expect_too_many(
		VISIT, "{\"name\":\"cap\"", 100, "{\"name\":\"c",
		"\",\"on\":\"write\",\"level\":\"warn\",\"message\":{\"zh\":\"多\",\"en\":\"M\"},"
		"\"expr\":\"1\"}",
		"101 checks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_schema_loads),
		cmocka_unit_test(files_and_their_json_are_checked),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(types_and_limits_are_checked),
		cmocka_unit_test(rights_are_checked),
		cmocka_unit_test(rules_are_checked),
		cmocka_unit_test(references_and_partitions_are_checked),
		cmocka_unit_test(states_are_checked),
		cmocka_unit_test(machines_of_kinds_are_checked),
		cmocka_unit_test(the_text_of_checks_is_checked),
		cmocka_unit_test(headers_of_reports_are_checked),
		cmocka_unit_test(tables_are_checked),
		cmocka_unit_test(more_than_the_engine_takes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
