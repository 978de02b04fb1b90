#include "unit/help_schema.h"

#include "core/base/buf.h"

#define TOP_HEAD                                                                                          \
	"{\"format\":1,\"name\":\"shop\",\"version\":1,\"effective\":\"2026-01-01T00:00:00.000Z\"," LABEL \
	","
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"," LABEL "}"

/* Small, and yet with one of everything that a mistake can be planted in. */
static const struct right_file right[] = {
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

size_t right_files(const struct right_file **out)
{
	*out = right;
	return FILES;
}

static void put_replaced(struct rep_buf *out, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (!at)
		fail_msg("the case looks for \"%s\", which is not there", from);
	rep_buf_put(out, text, (size_t)(at - text));
	rep_buf_puts(out, to);
	rep_buf_puts(out, at + strlen(from));
}

enum rep_code load_with(const struct mistake *mistake, struct rep_schema **out,
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
