#include "core/model/normalise_names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/base/limits.h"
#include "core/base/text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

/* Where the bracket closes that opens at `at`, one byte behind; NULL when it does not. */
static const char *bracket_close(const char *at)
{
	if (*at == '(') {
		const char *end = strchr(at, ')');

		return end ? end + 1 : NULL;
	}
	const char *end = strstr(at, "）");

	return end ? end + strlen("）") : NULL;
}

/*
 * Longest first, so that 副主任医师 is not left as 副主任. A name of two characters keeps at least two:
 * 高教授 stays what it is, for 高 alone would be everybody.
 */
static const char *const person_titles[] = {
	"副主任医师", "副主任药师", "副主任护师", "主任医师", "主治医师", "住院医师",
	"主任药师",   "主管药师",   "主任护师",   "主管护师", "主治医生", "副主任",
	"副教授",     "副院长",     "科主任",     "护士长",   "总经理",   "主任",
	"教授",       "院长",       "医师",       "医生",     "大夫",     "药师",
	"护士",       "老师",       "博士",       "经理",     "先生",     "女士",
};

static bool cut_title(const char *text, size_t *len)
{
	for (size_t i = 0; i < COUNT(person_titles); i++) {
		if (!ends_with(text, *len, person_titles[i]))
			continue;
		size_t rest = *len - strlen(person_titles[i]);

		if (rep_text_chars(text, rest) < 2)
			return false;
		*len = rest;
		return true;
	}
	return false;
}

static bool is_name_separator(unsigned code)
{
	static const unsigned separators[] = {'.',    0xb7,   0x2022, 0x2027, 0x2219,
					      0x22c5, 0x30fb, 0xff0e, 0xff65};

	for (size_t i = 0; i < COUNT(separators); i++)
		if (separators[i] == code)
			return true;
	return false;
}

void rep_normalise_person(struct rep_buf *out, const char *text)
{
	struct rep_buf name = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	unsigned code;

	if (strncasecmp(text, "dr.", 3) == 0 || strncasecmp(text, "dr ", 3) == 0)
		text += 3;
	while (*text) {
		size_t step = rep_text_next(text, &code);
		const char *behind = code == '(' || code == 0xff08 ? bracket_close(text) : NULL;

		if (behind && name.len) {
			text = behind; /* 张伟(副主任医师): a title, a note; never part of the name */
			continue;
		}
		if (!is_name_separator(code))
			rep_buf_put(&name, text, step);
		text += step;
	}
	size_t len = name.len;

	do {
		while (len && name.data[len - 1] == ' ')
			len--;
	} while (cut_title(rep_buf_str(&name), &len));
	const char *start = rep_buf_str(&name);

	while (len && *start == ' ') {
		start++;
		len--;
	}
	rep_buf_put(out, start, len);
	if (name.failed)
		out->failed = name.failed;
	rep_buf_clear(&name);
}

struct spelling {
	const char *from, *to;
};

/* Anywhere in the name, the first that fits. */
static const struct spelling org_words[] = {
	{"（", "("},
	{"）", ")"},
	{"股份有限公司", "有限公司"},
	{"有限责任公司", "有限公司"},
	{"附属", "附"},
	{"中医医院", "中医院"},
	{"妇幼保健院", "妇保院"},
	{"社区卫生服务中心", "社区卫生中心"},
};

/* At the end only, in this order: what stands behind the name goes first. */
static const struct spelling org_ends[] = {
	{"(本部)", ""},           {"(总院)", ""},           {"第一人民医院", "一院"},
	{"第二人民医院", "二院"}, {"第三人民医院", "三院"}, {"第四人民医院", "四院"},
	{"第五人民医院", "五院"}, {"人民医院", "人医"},
};

static size_t put_word(struct rep_buf *out, const char *text)
{
	for (size_t i = 0; i < COUNT(org_words); i++) {
		size_t len = strlen(org_words[i].from);

		if (strncmp(text, org_words[i].from, len) == 0) {
			rep_buf_puts(out, org_words[i].to);
			return len;
		}
	}
	return 0;
}

/* 第1, 第１, 第12 as 第一, 第十二: up to 19, which hospitals' numbers do not pass in practice. */
static size_t put_ordinal(struct rep_buf *out, const char *text)
{
	static const char *const numerals[] = {"",   "一", "二", "三", "四",
					       "五", "六", "七", "八", "九"};
	const char *at = text + strlen("第");
	unsigned number = 0;
	size_t digits = 0;

	if (strncmp(text, "第", strlen("第")) != 0)
		return 0;
	for (; digits < 3; digits++) {
		unsigned code;
		size_t len = rep_text_next(at, &code);

		if (code >= 0xff10 && code <= 0xff19)
			code = code - 0xff10 + '0';
		if (code < '0' || code > '9')
			break;
		number = number * 10 + (code - '0');
		at += len;
	}
	if (!digits || number < 1 || number > 19)
		return 0;
	rep_buf_puts(out, "第");
	if (number >= 10)
		rep_buf_puts(out, "十");
	rep_buf_puts(out, numerals[number % 10]);
	return (size_t)(at - text);
}

void rep_normalise_org(struct rep_buf *out, const char *text)
{
	struct rep_buf name = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	unsigned code;

	while (*text) {
		size_t len = put_word(&name, text);

		if (!len)
			len = put_ordinal(&name, text);
		if (!len) {
			len = rep_text_next(text, &code);
			rep_buf_put(&name, text, len);
		}
		text += len;
	}
	size_t len = name.len;
	const char *end = "";

	for (size_t i = 0; i < COUNT(org_ends); i++) {
		if (!ends_with(rep_buf_str(&name), len, org_ends[i].from) ||
		    len == strlen(org_ends[i].from))
			continue;
		len -= strlen(org_ends[i].from);
		end = org_ends[i].to;
		if (*end)
			break;
	}
	rep_buf_put(out, rep_buf_str(&name), len);
	rep_buf_puts(out, end);
	if (name.failed)
		out->failed = name.failed;
	rep_buf_clear(&name);
}

/* Whole names only; the right side is what both become. */
static const struct spelling departments[] = {
	{"心血管内科", "心内科"},
	{"心脏内科", "心内科"},
	{"心血管科", "心内科"},
	{"呼吸内科", "呼吸科"},
	{"呼吸与危重症医学科", "呼吸科"},
	{"神经内科", "神内科"},
	{"神内", "神内科"},
	{"神经外科", "神外科"},
	{"神外", "神外科"},
	{"消化内科", "消化科"},
	{"内分泌科", "内分泌"},
	{"内分泌代谢科", "内分泌"},
	{"肾脏内科", "肾内科"},
	{"肾病科", "肾内科"},
	{"血液内科", "血液科"},
	{"风湿免疫科", "风湿科"},
	{"泌尿外科", "泌尿科"},
	{"普通外科", "普外科"},
	{"普外", "普外科"},
	{"骨外科", "骨科"},
	{"心胸外科", "胸心外科"},
	{"心脏外科", "心外科"},
	{"妇产", "妇产科"},
	{"小儿科", "儿科"},
	{"小儿内科", "儿内科"},
	{"小儿外科", "儿外科"},
	{"耳鼻咽喉科", "耳鼻喉科"},
	{"耳鼻咽喉头颈外科", "耳鼻喉科"},
	{"肿瘤内科", "肿瘤科"},
	{"急诊医学科", "急诊科"},
	{"重症医学科", "ICU"},
	{"重症监护室", "ICU"},
	{"icu", "ICU"},
	{"麻醉手术科", "麻醉科"},
	{"药剂科", "药学部"},
	{"药剂部", "药学部"},
	{"全科医学科", "全科"},
	{"康复医学科", "康复科"},
	{"皮肤性病科", "皮肤科"},
	{"感染性疾病科", "感染科"},
	{"传染科", "感染科"},
};

void rep_normalise_dept(struct rep_buf *out, const char *text)
{
	for (size_t i = 0; i < COUNT(departments); i++) {
		if (strcmp(departments[i].from, text) == 0) {
			rep_buf_puts(out, departments[i].to);
			return;
		}
	}
	rep_buf_puts(out, text);
}
