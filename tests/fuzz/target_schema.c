/* Schemas: each file of one begins with a line "=== <path>". */
#include <stdlib.h>
#include <string.h>

#include "core/model/schema.h"
#include "fuzz.h"

#define MARK "=== "

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rep_schema_files files = {0};
	struct rep_schema *schema = NULL;
	const char *at = (const char *)data, *end = at + size;
	struct rep_error err;
	bool fine = true;

	while (fine && end - at > 5 && memcmp(at, MARK, 4) == 0) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		const char *next = line ? memmem(line, (size_t)(end - line), "\n" MARK, 5) : NULL;
		char *path;

		if (!line)
			break;
		next = next ? next + 1 : end;
		path = strndup(at + 4, (size_t)(line - at) - 4);
		fine = path && rep_schema_files_add(&files, path, line + 1,
						    (size_t)(next - line - 1), &err) == REP_OK;
		free(path);
		at = next;
	}
	if (fine)
		(void)!rep_schema_load(&schema, &files, &err); /* takes them over */
	else
		rep_schema_files_clear(&files);
	rep_schema_free(schema);
	return 0;
}
