#include "help.h"

#include <locale.h>

#include "core/model/normalise.h"
#include "core/model/pattern.h"

static void expect_form(const char *text, unsigned set, const char *form)
{
	struct rep_buf out = REP_BUF_INIT(10000);

	rep_normalise_put(&out, text, strlen(text), set);
	if (strcmp(rep_buf_str(&out), form) != 0)
		fail_msg("\"%s\" became \"%s\", not \"%s\"", text, rep_buf_str(&out), form);
	rep_buf_clear(&out);
}

static void names_of_normalisers_are_known(void **state)
{
	(void)state;
	assert_int_equal(rep_normaliser_bit("nfkc"), REP_NORM_NFKC);
	assert_int_equal(rep_normaliser_bit("dept"), REP_NORM_DEPT);
	assert_int_equal(rep_normaliser_bit("upper"), 0);
}

static void width_case_and_space_are_folded(void **state)
{
	(void)state;
	expect_form("Ａ１（x）", REP_NORM_NFKC, "A1(x)");
	expect_form("ÀB Straße", REP_NORM_CASE, "àb strasse");
	expect_form(" 张\xe3\x80\x80伟\xe2\x80\x8b\xef\xbb\xbf\n", REP_NORM_SPACE, "张伟");
	expect_form("a b", 0, "a b");
}

static void traditional_characters_are_simplified(void **state)
{
	(void)state;
	expect_form("劉敏 醫師 附屬", REP_NORM_SIMPLIFIED, "刘敏 医师 附属");
	expect_form("髮 發", REP_NORM_SIMPLIFIED, "发 发");
	/* Both are words of the simplified script too: folding would make two words one. */
	expect_form("乾 著", REP_NORM_SIMPLIFIED, "乾 著");
	assert_int_equal(rep_simplify(0x5289), 0x5218); /* 劉 */
	assert_int_equal(rep_simplify('a'), 'a');
}

static void simplifying_twice_changes_nothing(void **state)
{
	(void)state;
	for (unsigned code = 0x3400; code < 0x32000; code++)
		assert_int_equal(rep_simplify(rep_simplify(code)), rep_simplify(code));
}

static void initials_are_those_of_the_reading(void **state)
{
	static const struct {
		unsigned code;
		char letter;
	} cases[] = {
		{0x5f20, 'z'},               /* 张 */
		{0x654f, 'm'},               /* 敏 */
		{0x6c88, 's'},               /* 沈 */
		{0x5409, 'j'},               /* 吉 */
		{0x4dae, 'y'},               /* 䶮 */
		{0x2c35b, 'l'},              /* 𬍛, above the basic plane */
		{'a', 0},       {0x3042, 0}, /* あ */
		{0x10ffff, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (rep_pinyin_initial(cases[i].code) != cases[i].letter)
			fail_msg("U+%04X", cases[i].code);
}

static void phones_become_digits(void **state)
{
	(void)state;
	expect_form("138-0000-2222", REP_NORM_PHONE, "13800002222");
	expect_form("+86 138 0000 2222", REP_NORM_PHONE, "13800002222");
	expect_form("0086 13800002222", REP_NORM_PHONE, "13800002222");
	expect_form("86-13800002222", REP_NORM_PHONE, "13800002222");
	expect_form("'13800002222", REP_NORM_PHONE, "13800002222");
	expect_form("13800002222.0", REP_NORM_PHONE, "13800002222");
	expect_form("１３８００００２２２２", REP_NORM_PHONE, "13800002222");
	expect_form("（010）6513 2255", REP_NORM_PHONE, "01065132255");
	expect_form("+86-10-65132255", REP_NORM_PHONE, "01065132255");
	expect_form("8610 6513", REP_NORM_PHONE, "86106513");
}

static void foreign_phones_do_not_pass_for_chinese_ones(void **state)
{
	(void)state;
	expect_form("+1 (605) 555-0124", REP_NORM_PHONE, "+16055550124");
	expect_form("1-605-555-0124", REP_NORM_PHONE, "+16055550124");
	expect_form("1-380-000-2222", REP_NORM_PHONE, "+13800002222");
	expect_form("+852 2345 6789", REP_NORM_PHONE, "+85223456789");
}

static void titles_and_separators_are_no_part_of_a_name(void **state)
{
	static const char *const spellings[] = {
		"张伟",       "张伟主任", "张伟 副主任医师", "张伟（副主任医师）",
		"张伟(外院)", "张伟教授"};

	(void)state;
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
		expect_form(spellings[i], REP_NORM_PERSON, "张伟");
	expect_form("阿卜杜·热合曼", REP_NORM_PERSON, "阿卜杜热合曼");
	expect_form("阿卜杜•热合曼", REP_NORM_PERSON, "阿卜杜热合曼");
	expect_form("Dr. J. Smith", REP_NORM_PERSON, "J Smith");
	expect_form("高教授", REP_NORM_PERSON, "高教授");
	expect_form("主任", REP_NORM_PERSON, "主任");
	expect_form("张伟主任教授", REP_NORM_PERSON, "张伟");
}

static void spellings_of_organisations_are_one(void **state)
{
	(void)state;
	expect_form("江南市第１人民医院", REP_NORM_ORG, "江南市一院");
	expect_form("江南市第一人民医院", REP_NORM_ORG, "江南市一院");
	expect_form("江南市一院", REP_NORM_ORG, "江南市一院");
	expect_form("江南大学附属中山医院", REP_NORM_ORG, "江南大学附中山医院");
	expect_form("恒康医药有限责任公司", REP_NORM_ORG, "恒康医药有限公司");
	expect_form("恒康医药股份有限公司", REP_NORM_ORG, "恒康医药有限公司");
	expect_form("临江县中医医院（本部）", REP_NORM_ORG, "临江县中医院");
	expect_form("第12医院", REP_NORM_ORG, "第十二医院");
	expect_form("人民医院", REP_NORM_ORG, "人民医院");
	expect_form("江南市第一医院", REP_NORM_ORG, "江南市第一医院");
}

static void departments_are_known_by_either_name(void **state)
{
	(void)state;
	expect_form("心血管内科", REP_NORM_DEPT, "心内科");
	expect_form("心内科", REP_NORM_DEPT, "心内科");
	expect_form("老年心血管内科", REP_NORM_DEPT, "老年心血管内科");
}

static void normalising_twice_changes_nothing(void **state)
{
	static const char *const texts[] = {"江南市第１人民医院(本部)",
					    "張 偉（副主任医師）",
					    "+86 138-0000-2222",
					    "心血管內科",
					    "阿卜杜·热合曼",
					    "恒康醫藥有限責任公司"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		for (unsigned set = 0; set < 256; set++) {
			struct rep_buf once = REP_BUF_INIT(10000);

			rep_normalise_put(&once, texts[i], strlen(texts[i]), set);
			expect_form(rep_buf_str(&once), set, rep_buf_str(&once));
			rep_buf_clear(&once);
		}
	}
}

static void patterns_match_the_whole_or_any_part(void **state)
{
	struct rep_pattern *pattern;
	struct rep_error err = {0};

	(void)state;
	expect_ok(rep_pattern_new(&pattern, "a|bc", true, &err), &err);
	assert_true(rep_pattern_matches(pattern, "bc"));
	assert_false(rep_pattern_matches(pattern, "abc"));
	assert_false(rep_pattern_matches(pattern, "bcx"));
	rep_pattern_free(pattern);
	expect_ok(rep_pattern_new(&pattern, "(闰)?[0-9]{2}", false, &err), &err);
	assert_true(rep_pattern_matches(pattern, "x闰08"));
	assert_false(rep_pattern_matches(pattern, "x8"));
	rep_pattern_free(pattern);
}

static void patterns_that_mean_something_else_elsewhere_are_refused(void **state)
{
	static const struct {
		const char *source, *why;
	} cases[] = {
		{"(a)\\1", "back-references"},
		{"a\\", "backslash"},
		{"\\w+", "POSIX escapes"},
		{"a\\b", "POSIX escapes"},
		{"[闰]", "brackets"},
		{"[a", "not closed"},
		{"[[:digit:", "not closed"},
		{"闰*", "without a group"},
		{"a{256}", "255"},
		{"a{1,256}", "255"},
		{"(a", "pattern (a:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_pattern *pattern;
		struct rep_error err = {0};

		expect_code(rep_pattern_new(&pattern, cases[i].source, true, &err), REP_EINVAL,
			    &err, cases[i].why);
		assert_null(pattern);
	}
}

static void good_patterns_are_taken(void **state)
{
	static const struct {
		const char *source, *yes, *no;
	} cases[] = {
		{"[]a]+", "a]", "b"},
		{"[^]a]", "b", "]"},
		{"[[:digit:]-]{2,3}", "1-2", "1"},
		{"a\\.b", "a.b", "axb"},
		{"(闰)?(08|八月)", "闰八月", "闰闰08"},
		{"a{255}|b", "b", "a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_pattern *pattern;
		struct rep_error err = {0};

		expect_ok(rep_pattern_new(&pattern, cases[i].source, true, &err), &err);
		assert_true(rep_pattern_matches(pattern, cases[i].yes));
		assert_false(rep_pattern_matches(pattern, cases[i].no));
		rep_pattern_free(pattern);
	}
}

static void patterns_do_not_depend_on_the_language(void **state)
{
	struct rep_pattern *pattern;
	struct rep_error err = {0};
	bool dot = false;

	(void)state;
	/* In a UTF-8 locale "." is one character, bytewise it is one of its three bytes. */
	if (!setlocale(LC_ALL, "C.UTF-8"))
		skip();
	expect_ok(rep_pattern_new(&pattern, "...", true, &err), &err);
	dot = rep_pattern_matches(pattern, "王");
	rep_pattern_free(pattern);
	setlocale(LC_ALL, "C");
	assert_true(dot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_normalisers_are_known),
		cmocka_unit_test(width_case_and_space_are_folded),
		cmocka_unit_test(traditional_characters_are_simplified),
		cmocka_unit_test(simplifying_twice_changes_nothing),
		cmocka_unit_test(initials_are_those_of_the_reading),
		cmocka_unit_test(phones_become_digits),
		cmocka_unit_test(foreign_phones_do_not_pass_for_chinese_ones),
		cmocka_unit_test(titles_and_separators_are_no_part_of_a_name),
		cmocka_unit_test(spellings_of_organisations_are_one),
		cmocka_unit_test(departments_are_known_by_either_name),
		cmocka_unit_test(normalising_twice_changes_nothing),
		cmocka_unit_test(patterns_match_the_whole_or_any_part),
		cmocka_unit_test(patterns_that_mean_something_else_elsewhere_are_refused),
		cmocka_unit_test(good_patterns_are_taken),
		cmocka_unit_test(patterns_do_not_depend_on_the_language),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
