/* CSV files: the first byte chooses encoding and separator. */
#include "core/base/text.h"
#include "core/store/csv.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const encodings[] = {NULL, "utf-8", "gb18030", "utf-16"};
	static const char separators[] = {0, ',', ';', '\t'};
	struct rep_csv_options options = {0};
	struct rep_csv_record record;
	struct rep_csv *csv = NULL;
	struct rep_error err;
	bool more = true;

	if (size == 0)
		return 0;
	options.encoding = encodings[data[0] % 4];
	options.separator = separators[data[0] / 4 % 4];
	if (rep_csv_open(&csv, fuzz_file(data + 1, size - 1), &options, &err) == REP_OK)
		while (rep_csv_next(csv, &record, &more, &err) == REP_OK && more)
			for (size_t i = 0; !record.problem && i < record.len; i++)
				fuzz_expect(memchr(record.cells[i], '\xff',
						   strlen(record.cells[i])) == NULL,
					    "a cell is UTF-8");
	rep_csv_close(csv);
	return 0;
}
