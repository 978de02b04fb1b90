#include "core/store/csv.h"

#include <stdio.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "help.h"

static char *folder;
static char path[256];

static int make_folder(void **state)
{
	struct rep_error err = {0};

	(void)state;
	if (rep_dir_private(&folder, "test-csv", &err))
		return -1;
	snprintf(path, sizeof path, "%s/in.csv", folder);
	return 0;
}

static int remove_folder(void **state)
{
	struct rep_error err = {0};

	(void)state;
	if (rep_dir_remove(folder, &err))
		return -1;
	free(folder);
	return 0;
}

static void write_bytes(const void *data, size_t len)
{
	struct rep_error err = {0};

	expect_ok(rep_file_write(path, data, len, 0600, &err), &err);
}

/* Reads the whole file as "line:cell|cell" or "line!problem", one a line. */
static char *read_all(const char *encoding)
{
	struct rep_buf out = REP_BUF_INIT(1u << 24);
	struct rep_csv_options options = {.encoding = encoding};
	struct rep_csv_record record;
	struct rep_error err = {0};
	struct rep_csv *csv;
	bool more;

	expect_ok(rep_csv_open(&csv, path, &options, &err), &err);
	for (;;) {
		expect_ok(rep_csv_next(csv, &record, &more, &err), &err);
		if (!more)
			break;
		rep_buf_printf(&out, "%zu%c", record.line, record.problem ? '!' : ':');
		if (record.problem)
			rep_buf_puts(&out, record.problem);
		for (size_t i = 0; i < record.len; i++)
			rep_buf_printf(&out, "%s%s", i ? "|" : "", record.cells[i]);
		rep_buf_putc(&out, '\n');
	}
	rep_csv_close(csv);
	expect_ok(rep_buf_check(&out, "test", &err), &err);
	rep_buf_puts(&out, "");
	return rep_buf_take(&out);
}

static void expect_read(const char *bytes, size_t len, const char *encoding, const char *expected)
{
	char *got;

	write_bytes(bytes, len);
	got = read_all(encoding);
	assert_string_equal(got ? got : "", expected);
	free(got);
}
#define EXPECT(bytes, expected) expect_read(bytes, sizeof(bytes) - 1, NULL, expected)

static void separator_is_the_one_of_the_header_line(void **state)
{
	(void)state;
	EXPECT("a,b\n1;2,3\n", "1:a|b\n2:1;2|3\n");
	EXPECT("a;b\n1,5;3\n", "1:a|b\n2:1,5|3\n");
	EXPECT("a\tb\n1,5\t3\n", "1:a|b\n2:1,5|3\n");
	EXPECT("\"a,b\";c\n1;2\n", "1:a,b|c\n2:1|2\n");
	EXPECT("a\n1\n", "1:a\n2:1\n");
}

static void line_ends_of_every_kind_end_a_record(void **state)
{
	(void)state;
	EXPECT("a,b\r\n1,2\r\n", "1:a|b\n2:1|2\n");
	EXPECT("a,b\r\r\n1,2\r\r\n3,4\r\r\n", "1:a|b\n2:1|2\n3:3|4\n");
	EXPECT("a,b\r1,2\r3,4", "1:a|b\n2:1|2\n3:3|4\n");
	EXPECT("a,b\n1,2", "1:a|b\n2:1|2\n");
	EXPECT("a,b\n1,x\ry\n", "1:a|b\n2:1|x\ry\n");
}

static void blank_lines_are_no_records_and_count_as_lines(void **state)
{
	(void)state;
	EXPECT("a,b\n\n1,2\n\n\n3,4\n\n", "1:a|b\n3:1|2\n6:3|4\n");
}

static void quotes_keep_separators_line_ends_and_doubled_quotes(void **state)
{
	(void)state;
	EXPECT("a,b\n\"x,\"\"y\"\"\",\"p\r\nq\"\n3,4\n", "1:a|b\n2:x,\"y\"|p\nq\n4:3|4\n");
	EXPECT("a,b\n\"\",\"x\" \n", "1:a|b\n2:|x\n");
	EXPECT("a,b\n5\" pipe,x\n", "1:a|b\n2:5\" pipe|x\n");
}

static void excel_text_cells_lose_their_sign_and_quotes(void **state)
{
	(void)state;
	EXPECT("a,b\n=\"0351\",\"=\"\"15,08\"\"\"\n", "1:a|b\n2:0351|15,08\n");
	EXPECT("a,b\n=A1,=\"\"\n", "1:a|b\n2:=A1|\n");
}

static void an_open_quote_spoils_its_own_line_only(void **state)
{
	(void)state;
	EXPECT("a,b\n\"open,1\n2,3\n4,5\n", "1:a|b\n2!quote never closed\n3:2|3\n4:4|5\n");
	EXPECT("a,b\n\"open,1\n2,\"3\"\n4,5\n",
	       "1:a|b\n2!text behind a closing quote\n3:2|3\n4:4|5\n");
	EXPECT("a,b\n1,2\n\"", "1:a|b\n2:1|2\n3!quote never closed\n");
}

static void an_open_quote_cannot_eat_a_large_file(void **state)
{
	struct rep_buf big = REP_BUF_INIT(8u << 20);
	char *got;

	(void)state;
	rep_buf_puts(&big, "a,b\n\"open,1\n");
	for (int i = 0; i < 300000; i++)
		rep_buf_puts(&big, "12345,67\n");
	write_bytes(big.data, big.len);
	got = read_all(NULL);
	assert_ptr_equal(strstr(got, "1:a|b\n2!quote never closed\n3:12345|67\n"), got);
	assert_non_null(strstr(got, "\n300002:12345|67\n"));
	free(got);
	rep_buf_clear(&big);
}

static void a_line_above_the_limit_is_told_of_and_skipped(void **state)
{
	struct rep_buf big = REP_BUF_INIT(8u << 20);
	char *got;

	(void)state;
	rep_buf_puts(&big, "a,b\n");
	for (unsigned i = 0; i < REP_CSV_LINE_SIZE_MAX + 70000; i++)
		rep_buf_putc(&big, 'x');
	rep_buf_puts(&big, ",1\n2,3\n");
	write_bytes(big.data, big.len);
	got = read_all(NULL);
	assert_string_equal(got, "1:a|b\n2!longer than 1048576 bytes\n3:2|3\n");
	free(got);
	rep_buf_clear(&big);
}

static void a_file_with_nothing_but_broken_quotes_is_given_up(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(1u << 20);
	struct rep_csv_record record;
	struct rep_error err = {0};
	enum rep_code rc = REP_OK;
	struct rep_csv *csv;
	bool more = true;

	(void)state;
	for (int i = 0; i < 1000; i++)
		rep_buf_puts(&bytes, "\"a\"b\n");
	write_bytes(bytes.data, bytes.len);
	expect_ok(rep_csv_open(&csv, path, NULL, &err), &err);
	while (!rc && more)
		rc = rep_csv_next(csv, &record, &more, &err);
	expect_code(rc, REP_EINVAL, &err, "broken quotes");
	rep_csv_close(csv);
	rep_buf_clear(&bytes);
}

static void a_byte_order_mark_is_no_text(void **state)
{
	(void)state;
	EXPECT("\xEF\xBB\xBF"
	       "a,b\n\xE5\x88\x98,2\n",
	       "1:a|b\n2:刘|2\n");
}

static void utf16_is_read_by_its_mark(void **state)
{
	static const char little[] = "\xFF\xFE"
				     "a\0\t\0b\0\r\0\n\0\x18\x52\t\0"
				     "2\0";
	static const char big[] = "\xFE\xFF\0a\0,\0b\0\n\x52\x18\0,\0"
				  "2\0\n";

	(void)state;
	expect_read(little, sizeof little - 1, NULL, "1:a|b\n2:刘|2\n");
	expect_read(big, sizeof big - 1, NULL, "1:a|b\n2:刘|2\n");
}

static void half_a_surrogate_spoils_its_own_line_only(void **state)
{
	static const char bytes[] = "\xFF\xFE"
				    "a\0\n\0\x00\xD8x\0\n\0"
				    "2\0\n";

	(void)state;
	expect_read(bytes, sizeof bytes, NULL, "1:a\n2!not valid utf-16le\n3:2\n");
}

static void gb18030_is_found_where_its_pairs_are_common_ones(void **state)
{
	(void)state;
	EXPECT("name,dept\n\xC1\xF5\xC0\xF6,\xC4\xDA\xBF\xC6\n", "1:name|dept\n2:刘丽|内科\n");
	/* 𬍛 is four bytes: 99 31 D9 37 */
	EXPECT("name,dept\n\xC1\xF5\x99\x31\xD9\x37,\xC4\xDA\xBF\xC6\xD2\xBD\xD4\xBA\n",
	       "1:name|dept\n2:刘𬍛|内科医院\n");
}

static void characters_cut_between_two_pieces_are_put_together(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(1u << 20);
	char *got;

	(void)state;
	rep_buf_puts(&bytes, "a\nx");
	while (bytes.len < 200000)
		rep_buf_puts(&bytes, "\xC1\xF5");
	write_bytes(bytes.data, bytes.len);
	got = read_all(NULL);
	assert_null(strchr(got, '!'));
	assert_int_equal(strlen(got), 4 + 3 + 1 + (200000 - 3 + 1) / 2 * 3);
	free(got);
	rep_buf_clear(&bytes);
}

static void utf8_then_gb18030_tells_of_each_bad_line(void **state)
{
	static const char bytes[] =
		"name,dept\n陈建国主任,心血管内科\n\xC1\xF5\xC0\xF6,\xC4\xDA\n1,2\n";

	(void)state;
	expect_read(bytes, sizeof bytes - 1, NULL,
		    "1:name|dept\n2:陈建国主任|心血管内科\n3!not valid utf-8 at byte 42\n4:1|2\n");
}

static void a_file_cut_inside_a_character_loses_its_last_line_only(void **state)
{
	static const char bytes[] = "name,dept\n陈建国主任,心血管内科\n张伟,\xE5\x86";

	(void)state;
	expect_read(bytes, sizeof bytes - 1, NULL,
		    "1:name|dept\n2:陈建国主任|心血管内科\n3!not valid utf-8 at byte 49\n");
}

static void a_western_file_is_refused_rather_than_read_as_chinese(void **state)
{
	static const char bytes[] = "name;city\nCaf\xE9 Zo\xEB;Gen\xE8ve\nM\xFCller;K\xF6ln\n";
	struct rep_error err = {0};
	struct rep_csv *csv;

	(void)state;
	write_bytes(bytes, sizeof bytes - 1);
	expect_code(rep_csv_open(&csv, path, NULL, &err), REP_EINVAL, &err, "encoding");
	assert_non_null(strstr(err.hint, "windows-1252"));
	expect_read(bytes, sizeof bytes - 1, "windows-1252",
		    "1:name|city\n2:Café Zoë|Genève\n3:Müller|Köln\n");
}

static void cells_come_in_nfc(void **state)
{
	(void)state;
	EXPECT("a\ne\xCC\x81t\n", "1:a\n2:\xC3\xA9t\n");
}

static void a_nul_byte_spoils_its_own_line_only(void **state)
{
	(void)state;
	EXPECT("a\nx\0y\nz\n", "1:a\n2!a NUL byte in the text\n3:z\n");
}

static void an_empty_file_has_no_header(void **state)
{
	(void)state;
	EXPECT("", "");
	EXPECT("\xEF\xBB\xBF", "");
}

static void unknown_encodings_and_missing_files_are_named(void **state)
{
	struct rep_csv_options options = {.encoding = "klingon"};
	struct rep_error err = {0};
	struct rep_csv *csv;

	(void)state;
	write_bytes("a\n", 2);
	expect_code(rep_csv_open(&csv, path, &options, &err), REP_EUSAGE, &err, "klingon");
	assert_null(csv);
	expect_code(rep_csv_open(&csv, "/nonexistent/x.csv", NULL, &err), REP_ENOTFOUND, &err,
		    "/nonexistent/x.csv");
	expect_code(rep_csv_open(&csv, folder, NULL, &err), REP_EINVAL, &err, "regular");
}

static void written_records_read_back_and_run_nothing(void **state)
{
	const char *cells[] = {"plain", "a,b", "say \"hi\"", "line\nend", "=1+1",
			       "-2",    "+86", "@x",         ""};
	struct rep_buf out = REP_BUF_INIT(4096);

	(void)state;
	rep_csv_write(&out, cells, sizeof cells / sizeof *cells);
	assert_string_equal(out.data,
			    "plain,\"a,b\",\"say \"\"hi\"\"\",\"line\nend\",'=1+1,'-2,'+86,'@x,\n");
	expect_read(out.data, out.len, NULL,
		    "1:plain|a,b|say \"hi\"|line\nend|'=1+1|'-2|'+86|'@x|\n");
	rep_buf_clear(&out);
}

static void no_form_of_a_formula_is_written_as_one(void **state)
{
	static const char *const cells[] = {"=1",  " =1", "+1",  "-1",  "@x", "\t=1",
					    "\rx", "＝1", "＋1", "－1", "＠x"};
	struct rep_buf out = REP_BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
		rep_buf_reset(&out);
		rep_csv_write(&out, &cells[i], 1);
		assert_true(out.data[0] == '\'' || (out.data[0] == '"' && out.data[1] == '\''));
	}
	rep_buf_clear(&out);
}

/* Every prefix of a hard file, and every byte of it replaced: an answer or an error, never a crash or a hang. */
static void damaged_files_end_in_an_answer(void **state)
{
	static const char bytes[] =
		"a;b\r\n\"x\"\"y\";=\"0351\"\r\r\n\xC1\xF5;\"p\nq\"\n\xE5\x88\x98;\"open\n";
	struct rep_csv_record record;
	struct rep_error err = {0};
	char damaged[sizeof bytes];
	struct rep_csv *csv;
	bool more;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof bytes - 2; i++) {
		size_t len = i < sizeof bytes ? i : sizeof bytes - 1;

		memcpy(damaged, bytes, sizeof bytes);
		damaged[i % (sizeof bytes - 1)] = "\0\"\r\n\xFF;"[i % 6];
		write_bytes(damaged, len);
		if (rep_csv_open(&csv, path, NULL, &err))
			continue;
		more = true;
		for (int n = 0; more && n < 100; n++)
			if (rep_csv_next(csv, &record, &more, &err))
				more = false;
		assert_false(more);
		rep_csv_close(csv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(separator_is_the_one_of_the_header_line),
		cmocka_unit_test(line_ends_of_every_kind_end_a_record),
		cmocka_unit_test(blank_lines_are_no_records_and_count_as_lines),
		cmocka_unit_test(quotes_keep_separators_line_ends_and_doubled_quotes),
		cmocka_unit_test(excel_text_cells_lose_their_sign_and_quotes),
		cmocka_unit_test(an_open_quote_spoils_its_own_line_only),
		cmocka_unit_test(an_open_quote_cannot_eat_a_large_file),
		cmocka_unit_test(a_line_above_the_limit_is_told_of_and_skipped),
		cmocka_unit_test(a_file_with_nothing_but_broken_quotes_is_given_up),
		cmocka_unit_test(a_byte_order_mark_is_no_text),
		cmocka_unit_test(utf16_is_read_by_its_mark),
		cmocka_unit_test(half_a_surrogate_spoils_its_own_line_only),
		cmocka_unit_test(gb18030_is_found_where_its_pairs_are_common_ones),
		cmocka_unit_test(characters_cut_between_two_pieces_are_put_together),
		cmocka_unit_test(utf8_then_gb18030_tells_of_each_bad_line),
		cmocka_unit_test(a_file_cut_inside_a_character_loses_its_last_line_only),
		cmocka_unit_test(a_western_file_is_refused_rather_than_read_as_chinese),
		cmocka_unit_test(cells_come_in_nfc),
		cmocka_unit_test(a_nul_byte_spoils_its_own_line_only),
		cmocka_unit_test(an_empty_file_has_no_header),
		cmocka_unit_test(unknown_encodings_and_missing_files_are_named),
		cmocka_unit_test(written_records_read_back_and_run_nothing),
		cmocka_unit_test(no_form_of_a_formula_is_written_as_one),
		cmocka_unit_test(damaged_files_end_in_an_answer),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
