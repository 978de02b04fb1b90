/*
 * The loader. One small schema is right; each case of the tables plants one mistake in it, and names
 * the place and the code that the loader must give.
 */
#include "help.h"

#include <stdio.h>

#include <sqlite3.h>

#include "core/base/buf.h"
#include "core/model/schema.h"
#include "core/model/schema_load.h"

#define LABEL "\"label\":{\"zh\":\"甲\",\"en\":\"A\"}"
#define TOP_HEAD                                                                                          \
	"{\"format\":1,\"name\":\"shop\",\"version\":1,\"effective\":\"2026-01-01T00:00:00.000Z\"," LABEL \
	","
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"," LABEL "}"

struct file {
	const char *path;
	const char *text;
};

/* Small, and yet with one of everything that a mistake can be planted in. */
static const struct file right[] = {
	{"schema.json", TOP_HEAD
	 "\"roles\":{\"rep\":{" LABEL ",\"rank\":20,\"scope\":\"held\"},"
	 "\"boss\":{" LABEL
	 ",\"rank\":40,\"scope\":\"all\",\"desk\":true,\"entities\":[\"shop\"]}},"
	 "\"visibility\":{\"secret\":[\"boss\"]},"
	 "\"policy\":{\"cap\":5,\"words\":[\"a\",\"b'c\"],\"word\":\"x\"},"
	 "\"forbid\":[{\"pattern\":\"^rx_|统方\",\"why\":{\"zh\":\"不可\",\"en\":\"No\"}}],"
	 "\"sources\":[\"boss\",\"csv\"],"
	 "\"tables\":{\"days\":{" LABEL ",\"columns\":{\"day\":\"date\",\"n\":\"integer\"},"
	 "\"key\":[\"day\"]}},"
	 "\"entities\":[\"shop\",\"visit\",\"staff\",\"area\"],\"reports\":[\"list\"]}"},
	{"entities/shop.json",
	 "{" LABEL ",\"title\":\"name\",\"partition\":{\"is\":\"self\"},\"insert\":[\"rep\"],"
	 "\"write\":[\"rep\"],\"propose\":[\"*\"],\"external_key\":[\"code\"],\"fields\":["
	 "{\"name\":\"name\",\"type\":\"text\"," LABEL ",\"required\":true,\"min\":1,\"max\":20},"
	 "{\"name\":\"code\",\"type\":\"text\"," LABEL ",\"pattern\":\"[0-9]+\"},"
	 "{\"name\":\"size\",\"type\":\"enum\"," LABEL ",\"values\":[\"s\",\"m\",\"l\"],"
	 "\"default\":\"s\"},"
	 "{\"name\":\"tags\",\"type\":\"set\",\"of\":\"text\"," LABEL ",\"rule\":\"set\"},"
	 "{\"name\":\"street\",\"type\":\"text\"," LABEL ",\"group\":\"place\"},"
	 "{\"name\":\"town\",\"type\":\"text\"," LABEL ",\"group\":\"place\"},"
	 "{\"name\":\"seen_on\",\"type\":\"date\"," LABEL "},"
	 "{\"name\":\"stock\",\"type\":\"integer\"," LABEL
	 ",\"rule\":[\"business-date\",\"latest\"],\"date_field\":\"seen_on\"}],"
	 "\"match\":[{\"name\":\"D1\",\"on\":[\"code\",\"substr(a.name,1,2)\"],\"then\":\"ask\"}]}"},
	{"entities/visit.json",
	 "{" LABEL ",\"partition\":{\"of\":[\"shop\"],\"moves\":true},\"insert\":[\"rep\"],"
	 "\"write\":[\"rep\"],\"residue\":{\"to\":\"author\",\"fields\":[\"day\"]},"
	 "\"id\":{\"from\":[\"shop\",\"day\"]},\"fields\":["
	 "{\"name\":\"shop\",\"type\":\"reference\",\"to\":\"shop\"," LABEL ",\"required\":true},"
	 "{\"name\":\"day\",\"type\":\"date\"," LABEL ",\"required\":true},"
	 "{\"name\":\"fee\",\"type\":\"integer\",\"unit\":\"fen\"," LABEL
	 ",\"open_in\":[\"open\"]},"
	 "{\"name\":\"by_whom\",\"type\":\"reference\",\"to\":\"staff\"," LABEL
	 ",\"default\":\"@rep\"},"
	 "{\"name\":\"lines\",\"type\":\"list\"," LABEL ",\"fields\":[{\"name\":\"txt\","
	 "\"type\":\"text\"}],\"rule\":\"append\"},"
	 "{\"name\":\"state\",\"type\":\"enum\"," LABEL ",\"values\":[\"open\",\"sent\",\"shut\"],"
	 "\"rule\":\"state\"}],"
	 "\"states\":{\"field\":\"state\",\"initial\":\"open\",\"priority\":[\"shut\",\"sent\","
	 "\"open\"],\"moves\":[{\"from\":\"open\",\"to\":\"sent\",\"by\":[\"rep\"]},"
	 "{\"from\":\"sent\",\"to\":\"shut\",\"by\":[\"boss\"],\"desk\":true}]},"
	 "\"checks\":[{\"name\":\"cap\",\"on\":\"write\",\"level\":\"refuse\",\"when\":[\"fee\"],"
	 "\"message\":{\"zh\":\"多\",\"en\":\"Much\"},\"expr\":\"new.fee<={cap}\"}]}"},
	{"entities/staff.json",
	 "{" LABEL ",\"builtin\":\"rep\",\"partition\":{\"is\":\"company\"},\"insert\":[\"boss\"],"
	 "\"write\":[\"boss\"],\"fields\":[" FIELD("name", "text") "]}"},
	{"entities/area.json",
	 "{" LABEL ",\"builtin\":\"territory\",\"partition\":{\"is\":\"company\"},"
	 "\"insert\":[\"boss\"],\"write\":[\"boss\"],\"fields\":[" FIELD(
		 "name",
		 "text") ",{\"name\":\"parent\",\"type\":\"reference\",\"to\":\"area\"," LABEL
			 "}]}"},
	{"reports/list.sql",
	 "-- report: list\n-- label: zh=表 | en=List\n-- roles: rep boss\n"
	 "-- param: size shop.size = s | zh=大小 | en=size\n-- param: p period = @month | zh=期 | en=p\n"
	 "-- column: name | zh=名 | en=Name\nSELECT name FROM v_shop WHERE size = :size;\n"},
	{"tables/days.csv", "day,n\n2026-01-01,1\n2026-01-02,2\n"},
};

#define FILES (sizeof right / sizeof *right)

/* In `file`, the first `from` becomes `to`; NULL `from`: the file is left out; "": `to` is its text. */
struct mistake {
	const char *code;
	const char *file;
	const char *from;
	const char *to;
	const char *says; /* part of the message, besides the code */
};

static void put_replaced(struct rep_buf *out, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (!at)
		fail_msg("the case looks for \"%s\", which is not there", from);
	rep_buf_put(out, text, (size_t)(at - text));
	rep_buf_puts(out, to);
	rep_buf_puts(out, at + strlen(from));
}

static enum rep_code load_with(const struct mistake *mistake, struct rep_schema **out,
			       struct rep_error *err)
{
	struct rep_schema_files files = {0};
	bool planted = !mistake;

	for (size_t i = 0; i < FILES; i++) {
		struct rep_buf text = REP_BUF_INIT(4u * 1024u * 1024u);
		bool here = mistake && strcmp(mistake->file, right[i].path) == 0;

		planted = planted || here;
		if (here && mistake->from && *mistake->from)
			put_replaced(&text, right[i].text, mistake->from, mistake->to);
		else
			rep_buf_puts(&text, here && mistake->from ? mistake->to : right[i].text);
		if (!here || mistake->from)
			expect_ok(rep_schema_files_add(&files, right[i].path, rep_buf_str(&text),
						       text.len, err),
				  err);
		rep_buf_clear(&text);
	}
	if (!planted)
		expect_ok(rep_schema_files_add(&files, mistake->file, mistake->to,
					       strlen(mistake->to), err),
			  err);
	return rep_schema_load(out, &files, err);
}

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
#define SHOP "entities/shop.json"
#define VISIT "entities/visit.json"
#define STAFF "entities/staff.json"
#define AREA "entities/area.json"
#define TOP "schema.json"
#define REPORT "reports/list.sql"
#define TABLE "tables/days.csv"

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

static struct rep_schema *load_dir(const char *dir)
{
	struct rep_schema *schema;
	struct rep_error err = {0};

	expect_ok(rep_schema_load_dir(&schema, source_path(dir), &err), &err);
	return schema;
}

static void the_pharmaceutical_schema_loads(void **state)
{
	struct rep_schema *schema = load_dir("schema");

	(void)state;
	assert_string_equal(schema->id, "pharma/1");
	const struct rep_entity *contact = rep_schema_entity(schema, "contact");
	const struct rep_field *name = rep_entity_field(contact, "name");

	assert_int_equal(name->rules_len, 2);
	assert_int_equal(name->rules[0], REP_RULE_CENTRAL);
	assert_int_equal(name->rules[1], REP_RULE_REVIEW);
	assert_int_equal(name->write.len, 1);
	assert_string_equal(name->write.terms[0].role, "steward");
	assert_string_equal(name->insert.terms[0].role, "rep");
	assert_int_equal(contact->partition, REP_PARTITION_OF);
	assert_int_equal(contact->steps[0].kind, REP_STEP_REFERENCE);
	assert_int_equal(contact->steps[1].kind, REP_STEP_ID);
	assert_ptr_equal(contact->steps[0].field->target, rep_schema_entity(schema, "org"));
	assert_true(contact->moves);
	assert_true(rep_schema_entity(schema, "interaction")->monthly);
	assert_string_equal(rep_schema_builtin(schema, REP_BUILTIN_REP)->name, "employee");
	assert_non_null(rep_schema_forbids(schema, "月处方量"));
	assert_null(rep_schema_forbids(schema, "department"));
	rep_schema_free(schema);
}

static void the_engine_adds_its_own_entities_last(void **state)
{
	static const char *const names[] = {"device",    "role",      "conflict", "proposal",
					    "duplicate", "rejection", "claim"};
	struct rep_schema *schema = load_dir("schema");
	size_t first = schema->entities_len - sizeof names / sizeof *names;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_string_equal(schema->entities[first + i].name, names[i]);
	const struct rep_entity *conflict = rep_schema_entity(schema, "conflict");

	assert_int_equal(conflict->builtin, REP_BUILTIN_REVIEW);
	assert_int_equal(rep_entity_field(conflict, "rivals")->type, REP_TYPE_JSON);
	assert_string_equal(conflict->write.terms[0].role, "hub");
	assert_int_equal(rep_schema_entity(schema, "device")->builtin, REP_BUILTIN_DEVICE);
	rep_schema_free(schema);
}

static void every_entity_ends_in_status(void **state)
{
	struct rep_schema *schema = load_dir("tests/schemas/device-service");

	(void)state;
	for (size_t i = 0; i < schema->entities_len; i++) {
		const struct rep_entity *entity = &schema->entities[i];
		const struct rep_field *status = &entity->fields[entity->fields_len - 1];

		assert_string_equal(status->name, "status");
		assert_true(status->engine);
		assert_int_equal(status->index, entity->fields_len - 1);
		assert_int_equal(status->rules[0], REP_RULE_MAX);
		assert_true(rep_field_rank(status, "erased") > rep_field_rank(status, "archived"));
		assert_true(rep_field_rank(status, "archived") > rep_field_rank(status, "active"));
		assert_true(rep_field_rank(status, "active") > rep_field_rank(status, "inactive"));
	}
	rep_schema_free(schema);
}

static void the_other_trade_uses_every_rule_and_type(void **state)
{
	struct rep_schema *schema = load_dir("tests/schemas/device-service");
	bool rules[REP_RULE_REVIEW + 1] = {false}, types[REP_TYPE_JSON + 1] = {false};

	(void)state;
	for (size_t i = 0; i + 7 < schema->entities_len; i++) {
		for (size_t k = 0; k + 1 < schema->entities[i].fields_len; k++) {
			const struct rep_field *field = &schema->entities[i].fields[k];

			types[field->type] = true;
			for (size_t r = 0; r < field->rules_len; r++)
				rules[field->rules[r]] = true;
		}
	}
	for (size_t i = 0; i <= REP_RULE_REVIEW; i++)
		if (!rules[i])
			fail_msg("no field has the rule %s", rep_rule_name((enum rep_rule)i));
	for (size_t i = 0; i <= REP_TYPE_JSON; i++)
		if (!types[i])
			fail_msg("no field has the type %s", rep_type_name((enum rep_type)i));
	rep_schema_free(schema);
}

static void policies_become_literals(void **state)
{
	const struct mistake change = {"", VISIT, "new.fee<={cap}",
				       "new.x IN {words} AND y={word} AND '{cap}'<>{cap}", ""};
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(&change, &schema, &err), &err);
	assert_string_equal(rep_schema_entity(schema, "visit")->checks[0].expr,
			    "new.x IN ('a','b''c') AND y='x' AND '{cap}'<>5");
	rep_schema_free(schema);
}

static void old_within_a_string_is_no_name(void **state)
{
	(void)state;
	assert_true(rep_sql_uses_old("1=old.x"));
	assert_true(rep_sql_uses_old("old.x"));
	assert_false(rep_sql_uses_old("'old.x'"));
	assert_false(rep_sql_uses_old("new.gold.x"));
	assert_false(rep_sql_uses_old("threshold.x"));
	assert_false(rep_sql_uses_old("1 -- old.x"));
	assert_false(rep_sql_uses_old("/* old.x */ 1"));
	assert_true(rep_sql_uses_old("/* */ Old.x"));
}

static void central_alone_gets_a_successor(void **state)
{
	const struct mistake change = {
		"", SHOP, "\"type\":\"date\"",
		"\"type\":\"date\",\"write\":[\"boss\"],\"rule\":\"central\"", ""};
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(&change, &schema, &err), &err);
	const struct rep_field *field =
		rep_entity_field(rep_schema_entity(schema, "shop"), "seen_on");

	assert_int_equal(field->rules_len, 2);
	assert_int_equal(field->rules[1], REP_RULE_LATEST);
	rep_schema_free(schema);
}

static void fields_of_an_id_become_immutable(void **state)
{
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(NULL, &schema, &err), &err);
	const struct rep_field *day = rep_entity_field(rep_schema_entity(schema, "visit"), "day");

	assert_int_equal(day->rules_len, 1);
	assert_int_equal(day->rules[0], REP_RULE_IMMUTABLE);
	rep_schema_free(schema);
}

static void machines_are_found_by_kind(void **state)
{
	struct rep_schema *schema = load_dir("tests/schemas/device-service");
	const struct rep_entity *job = rep_schema_entity(schema, "job");

	(void)state;
	assert_string_equal(job->state_by->name, "kind");
	assert_string_equal(rep_entity_machine(job, "inspection")->initial, "asked");
	assert_string_equal(rep_entity_machine(job, "repair")->initial, "new");
	assert_null(rep_entity_machine(job, NULL));
	assert_string_equal(rep_entity_machine(rep_schema_entity(schema, "stock"), NULL)->initial,
			    "ok");
	rep_schema_free(schema);
}

static void reference_tables_are_read(void **state)
{
	struct rep_schema *schema = load_dir("tests/schemas/device-service");
	const struct rep_table *table = &schema->tables[0];

	(void)state;
	assert_int_equal(schema->tables_len, 1);
	assert_int_equal(rep_json_size(table->rows), 3);
	const struct rep_json *row = rep_json_at(table->rows, 1);

	assert_string_equal(rep_json_string_value(rep_json_at(row, 0)), "2026-02-17");
	assert_string_equal(rep_json_string_value(rep_json_at(row, 1)), "春节, 初一");
	assert_true(rep_json_bool_value(rep_json_at(row, 2)));
	rep_schema_free(schema);
}

static void report_headers_are_read(void **state)
{
	struct rep_schema *schema;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(NULL, &schema, &err), &err);
	const struct rep_report *report = &schema->reports[0];

	assert_string_equal(report->label.en, "List");
	assert_int_equal(report->roles_len, 2);
	assert_string_equal(report->roles[1], "boss");
	assert_int_equal(report->params_len, 2);
	assert_int_equal(report->params[0].type, REP_PARAM_ENUM);
	assert_string_equal(report->params[0].field->name, "size");
	assert_string_equal(report->params[0].preset, "s");
	assert_int_equal(report->params[1].type, REP_PARAM_PERIOD);
	assert_int_equal(report->columns_len, 1);
	assert_string_equal(report->columns[0].label.zh, "名");
	rep_schema_free(schema);
}

static void the_hash_tells_any_byte(void **state)
{
	const struct mistake change = {"", SHOP, "\"max\":20", "\"max\":21", ""};
	struct rep_schema *one, *other;
	struct rep_error err = {0};

	(void)state;
	expect_ok(load_with(NULL, &one, &err), &err);
	expect_ok(load_with(&change, &other, &err), &err);
	assert_string_not_equal(one->hash, other->hash);
	rep_schema_free(one);
	rep_schema_free(other);
}

static void sources_rank_by_the_declared_order(void **state)
{
	struct rep_schema *schema = load_dir("schema");

	(void)state;
	assert_true(rep_schema_source_rank(schema, "steward") <
		    rep_schema_source_rank(schema, "csv"));
	assert_int_equal(rep_schema_source_rank(schema, "nobody"), schema->sources_len);
	assert_int_equal(rep_schema_source_rank(schema, NULL), schema->sources_len);
	rep_schema_free(schema);
}

static void spellings_of_an_import_are_found(void **state)
{
	struct rep_schema *schema = load_dir("schema");
	const struct rep_field *level = rep_entity_field(rep_schema_entity(schema, "org"), "level");
	static const char *const spellings[] = {"三甲",     "3甲",       "３甲", "Ⅲ甲",
						"三級甲等", "三级 甲等", "3a",   "三级甲等医院"};

	(void)state;
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
		int rank = rep_enum_find(level, spellings[i]);

		if (rank < 0)
			fail_msg("%s is not found", spellings[i]);
		assert_string_equal(level->values[rank].value, "三级甲等");
	}
	assert_int_equal(rep_enum_find(level, "四级"), -1);
	rep_schema_free(schema);
}

/* The library at hand may know more words than its 3.40: they could not be names of columns either. */
static void the_keywords_are_those_of_sqlite(void **state)
{
	(void)state;
	for (int i = 0; i < sqlite3_keyword_count(); i++) {
		char word[64];
		const char *name;
		int len;

		assert_int_equal(sqlite3_keyword_name(i, &name, &len), SQLITE_OK);
		snprintf(word, sizeof word, "%.*s", len, name);
		if (!rep_name_is_keyword(word))
			fail_msg("%s", word);
	}
	assert_false(rep_name_is_keyword("name"));
}

static void a_path_out_of_the_folder_is_refused(void **state)
{
	static const char *const paths[] = {"../x", "/x", "a//b", "a/", ".x", "a/../b", "a\\b", ""};
	struct rep_schema_files files = {0};
	struct rep_error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		expect_code(rep_schema_files_add(&files, paths[i], "x", 1, &err), REP_EINVAL, &err,
			    NULL);
	expect_ok(rep_schema_files_add(&files, "a", "x", 1, &err), &err);
	expect_code(rep_schema_files_add(&files, "a", "x", 1, &err), REP_EEXIST, &err, "a");
	rep_schema_files_clear(&files);
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
		cmocka_unit_test(the_text_of_checks_is_checked),
		cmocka_unit_test(headers_of_reports_are_checked),
		cmocka_unit_test(tables_are_checked),
		cmocka_unit_test(more_than_the_engine_takes_is_refused),
		cmocka_unit_test(the_pharmaceutical_schema_loads),
		cmocka_unit_test(the_engine_adds_its_own_entities_last),
		cmocka_unit_test(every_entity_ends_in_status),
		cmocka_unit_test(the_other_trade_uses_every_rule_and_type),
		cmocka_unit_test(policies_become_literals),
		cmocka_unit_test(old_within_a_string_is_no_name),
		cmocka_unit_test(central_alone_gets_a_successor),
		cmocka_unit_test(fields_of_an_id_become_immutable),
		cmocka_unit_test(machines_are_found_by_kind),
		cmocka_unit_test(reference_tables_are_read),
		cmocka_unit_test(report_headers_are_read),
		cmocka_unit_test(the_hash_tells_any_byte),
		cmocka_unit_test(sources_rank_by_the_declared_order),
		cmocka_unit_test(spellings_of_an_import_are_found),
		cmocka_unit_test(the_keywords_are_those_of_sqlite),
		cmocka_unit_test(a_path_out_of_the_folder_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
