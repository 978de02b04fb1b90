#include <string.h>

#include "core/store/csv.h"

/*
 * What a spreadsheet would take for a formula (OWASP, "CSV Injection"): also in the wide forms of East Asian input, which some of them
 * read as the narrow ones, and behind white space, which some of them drop.
 */
static bool is_formula(const char *cell)
{
	static const char *const wide[] = {"＝", "＋", "－", "＠"};

	if (*cell == '\t' || *cell == '\r' || *cell == '\n')
		return true;
	cell += strspn(cell, " ");
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
		if (strncmp(cell, wide[i], strlen(wide[i])) == 0)
			return true;
	return *cell && strchr("=+-@", *cell);
}

static void put_cell(struct rep_buf *out, const char *cell)
{
	bool quote = cell[strcspn(cell, "\",;\t\r\n")] != '\0' || *cell == ' ';

	if (quote)
		rep_buf_putc(out, '"');
	if (is_formula(cell))
		rep_buf_putc(out, '\'');
	for (; *cell; cell++) {
		if (*cell == '"')
			rep_buf_putc(out, '"');
		rep_buf_putc(out, *cell);
	}
	if (quote)
		rep_buf_putc(out, '"');
}

void rep_csv_write(struct rep_buf *out, const char *const *cells, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (i > 0)
			rep_buf_putc(out, ',');
		put_cell(out, cells[i]);
	}
	rep_buf_putc(out, '\n');
}
