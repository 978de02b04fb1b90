#include "help.h"

#include "core/base/text.h"

#define LEN(s) (s), (sizeof(s) - 1)

static void well_formed_text_is_told_from_other_bytes(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool good;
	} cases[] = {
		{LEN(""), true},
		{LEN("abc"), true},
		{LEN("王敏"), true},
		{LEN("\xF0\x9F\x98\x80"), true},  /* an emoji, four bytes */
		{LEN("\xEF\xBF\xBE"), true},      /* U+FFFE: a noncharacter is well formed */
		{LEN("\xEF\xBB\xBF"), true},      /* U+FEFF inside text */
		{LEN("a\0b"), false},             /* NUL */
		{LEN("\xFF"), false},             /* no UTF-8 byte */
		{LEN("\x80"), false},             /* continuation alone */
		{LEN("\xC0\xAF"), false},         /* overlong '/' */
		{LEN("\xE0\x80\xAF"), false},     /* overlong, three bytes */
		{LEN("\xF0\x80\x80\xAF"), false}, /* overlong, four bytes */
		{LEN("\xC0\x80"), false},         /* overlong NUL */
		{LEN("\xED\xA0\x80"), false},     /* lone surrogate */
		{LEN("\xED\xA0\xBD\xED\xB8\x80"), false}, /* CESU-8 */
		{LEN("\xF4\x90\x80\x80"), false},         /* beyond U+10FFFF */
		{LEN("\xE7\x8E"), false},                 /* cut off */
		{LEN("\xE7\x8E"
		     "a"),
		 false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (rep_text_is_utf8(cases[i].text, cases[i].len) != cases[i].good)
			fail_msg("case %zu", i);
		if (rep_text_is_nfc(cases[i].text, cases[i].len) != cases[i].good)
			fail_msg("nfc of case %zu", i);
	}
}

static void nfc_is_told_from_other_forms(void **state)
{
	static const struct {
		const char *text;
		bool nfc;
	} cases[] = {
		{"\xC3\xA9", true},                  /* é */
		{"e\xCC\x81", false},                /* e + acute */
		{"\xE2\x84\xAB", false},             /* Angstrom sign is always A with ring */
		{"\xE2\x80\x80", false},             /* en quad */
		{"\xEF\xA4\x80", false},             /* a CJK compatibility ideograph */
		{"\xE1\x84\x80\xE1\x85\xA1", false}, /* Hangul jamo that compose */
		{"\xEA\xB0\x80", true},              /* Hangul syllable */
		{"\xE3\x81\x8B\xE3\x82\x99", false}, /* か + voicing mark */
		{"q\xCC\x81", true},                 /* no composed form exists */
		{"a\xCC\x96\xCC\x81", false},        /* reordered, á with a mark below */
		{"\xEF\xBC\xA1\xEF\xBC\x91", true},  /* full-width is NFC, not NFKC */
		{"\xE3\x80\x81", true},
		{"\xE0\xA4\x95\xE0\xA4\xBC", true}, /* composition exclusion stays apart */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (rep_text_is_nfc(cases[i].text, strlen(cases[i].text)) != cases[i].nfc)
			fail_msg("case %zu", i);
}

static size_t encode(char out[5], unsigned code)
{
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};

	for (size_t i = len; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3F));
	out[0] = (char)(leads[len] | code);
	out[len] = '\0';
	return len;
}

/* The short cut of rep_text_is_nfc against the long way, for each code point alone and in pairs. */
static void the_nfc_short_cut_agrees_with_the_long_way(void **state)
{
	struct rep_buf form = REP_BUF_INIT(100);
	struct rep_error err;
	char text[10];

	(void)state;
	for (unsigned code = 1; code < 0x11000; code++) {
		size_t len;

		if (code >= 0xD800 && code < 0xE000)
			continue;
		for (unsigned first = 0; first < 3; first++) {
			static const unsigned before[] = {0, 'a', 0x738B};
			bool same;

			len = first ? encode(text, before[first]) : 0;
			len += encode(text + len, code);
			rep_buf_reset(&form);
			expect_ok(rep_text_form_put(&form, text, len, REP_TEXT_NFC, &err), &err);
			same = form.len == len && memcmp(form.data, text, len) == 0;
			if (rep_text_is_nfc(text, len) != same)
				fail_msg("U+%04X after U+%04X", code, before[first]);
		}
	}
	rep_buf_clear(&form);
}

static void forms_are_made(void **state)
{
	static const struct {
		const char *text;
		enum rep_text_form form;
		const char *expected;
	} cases[] = {
		{"e\xCC\x81", REP_TEXT_NFC, "\xC3\xA9"},
		{"plain", REP_TEXT_NFC, "plain"},
		{"\xEF\xBC\xA1\xEF\xBC\x91", REP_TEXT_NFC, "\xEF\xBC\xA1\xEF\xBC\x91"},
		{"\xEF\xBC\xA1\xEF\xBC\x91", REP_TEXT_NFKC, "A1"},
		{"\xEF\xBC\xA1\xEF\xBC\x91 Stra\xC3\x9F"
		 "e",
		 REP_TEXT_NFKC_CASEFOLD, "a1 strasse"},
		{"", REP_TEXT_NFKC, ""},
	};
	struct rep_buf out = REP_BUF_INIT(1000);
	struct rep_error err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		rep_buf_reset(&out);
		expect_ok(rep_text_form_put(&out, cases[i].text, strlen(cases[i].text),
					    cases[i].form, &err),
			  &err);
		assert_string_equal(rep_buf_str(&out), cases[i].expected);
	}
	expect_code(rep_text_form_put(&out, LEN("\xFF"), REP_TEXT_NFC, &err), REP_EINVAL, &err,
		    "UTF-8");
	expect_code(rep_text_form_put(&out, LEN("a\0b"), REP_TEXT_NFKC, &err), REP_EINVAL, &err,
		    "NUL");
	rep_buf_clear(&out);
}

static void widths_are_those_of_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(rep_text_width(""), 0);
	assert_int_equal(rep_text_width("abc"), 3);
	assert_int_equal(rep_text_width("王敏"), 4);
	assert_int_equal(rep_text_width("e\xCC\x81"), 1);
	assert_int_equal(rep_text_width("\xEF\xBC\xA1"), 2);
	assert_int_equal(rep_text_width("a\x1B"), 1);
	assert_int_equal(rep_text_chars(LEN("王敏a")), 3);
}

static void code_points_are_walked(void **state)
{
	const char *text = "a王\xF0\x9F\x98\x80";
	unsigned code;

	(void)state;
	assert_int_equal(rep_text_next(text, &code), 1);
	assert_int_equal(code, 'a');
	assert_int_equal(rep_text_next(text + 1, &code), 3);
	assert_int_equal(code, 0x738B);
	assert_int_equal(rep_text_next(text + 4, &code), 4);
	assert_int_equal(code, 0x1F600);
	assert_int_equal(rep_text_next("\xFFx", &code), 1);
	assert_int_equal(code, 0xFFFD);
}

static void text_for_a_terminal_cannot_move_its_cursor(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{"plain 王敏", "plain 王敏"},
		{"\x1B[2J", "\xEF\xBF\xBD[2J"},
		{"a\nb\tc", "a\xEF\xBF\xBD"
			    "b\xEF\xBF\xBD"
			    "c"},
		{"\xE2\x80\xAEgnp.exe", "\xEF\xBF\xBDgnp.exe"}, /* right-to-left override */
		{"\xE2\x80\xA8", "\xEF\xBF\xBD"},               /* line separator */
		{"\xC2\x9B", "\xEF\xBF\xBD"}, /* C1: control sequence introducer */
		{"\xFF\x80z", "\xEF\xBF\xBD\xEF\xBF\xBDz"},
	};
	struct rep_buf out = REP_BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		rep_buf_reset(&out);
		rep_text_safe_put(&out, cases[i].text, strlen(cases[i].text));
		assert_string_equal(rep_buf_str(&out), cases[i].expected);
	}
	rep_buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_text_is_told_from_other_bytes),
		cmocka_unit_test(nfc_is_told_from_other_forms),
		cmocka_unit_test(the_nfc_short_cut_agrees_with_the_long_way),
		cmocka_unit_test(forms_are_made),
		cmocka_unit_test(widths_are_those_of_a_terminal),
		cmocka_unit_test(code_points_are_walked),
		cmocka_unit_test(text_for_a_terminal_cannot_move_its_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
