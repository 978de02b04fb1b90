/* Record files of a view: a main file, then after a line "---" its twin. */
#include <string.h>

#include "core/base/json.h"
#include "core/model/record.h"
#include "fuzz.h"

#define MARK "\n---\n"

static const struct rep_schema *schema(void)
{
	static struct rep_schema *loaded;
	struct rep_error err;

	if (!loaded)
		fuzz_expect(rep_schema_load_dir(&loaded, REP_SOURCE_DIR "/schema", &err) == REP_OK,
			    "the schema loads");
	return loaded;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *mark = memmem(data, size, MARK, strlen(MARK));
	size_t len = mark ? (size_t)(mark - text) + 1 : size;
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	struct rep_buf again = REP_BUF_INIT(4u << 20);
	struct rep_error err;

	if (rep_record_read(&record, &extra, schema(), "O-0101", text, len, &err) == REP_OK) {
		fuzz_expect(rep_record_write_extra(&again, record, extra, "open") &&
				    again.len == len && memcmp(again.data, text, len) == 0,
			    "a record file is what writing its record gives");
		if (mark)
			(void)!rep_record_read(&record, &extra, schema(), "O-0101",
					       mark + strlen(MARK), size - len - strlen(MARK) + 1,
					       &err);
	}
	rep_record_free(record);
	rep_json_free(extra);
	rep_buf_clear(&again);
	return 0;
}
