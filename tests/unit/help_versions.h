/* Versions of the small schema of help_schema.h, each the last one with some texts replaced. */
#ifndef REPSYNC_TESTS_HELP_VERSIONS_H
#define REPSYNC_TESTS_HELP_VERSIONS_H

#include "unit/help_schema.h"

#include "core/model/versions.h"

/* In `file` the first `from` becomes `to`; `from` "": `to` is its text; `from` NULL: the file goes. Ended by file NULL. */
struct replaced {
	const char *file;
	const char *from;
	const char *to;
};
/* The files of the right schema as this version; `mappings` is the JSON of that key, or NULL. */
void version_files(struct rep_schema_files *out, int version, const char *mappings,
		   const struct replaced *replaced);
struct rep_schema *version_of(int version, const char *mappings, const struct replaced *replaced);
/* The same in a folder, as `hub schema publish` takes it. */
void version_write(const char *dir, int version, const char *mappings,
		   const struct replaced *replaced);
struct rep_derive;
/*
 * Version 1 from the beginning, version 2 since 2026-06-01: shop.code became number, its size "l" "xl", town went out of the
 * group and out of the schema, mark is made of name and code, note is new.
 */
struct rep_versions *two_versions(struct rep_derive **derive);
extern const char two_mappings[];
extern const struct replaced two_replaced[];
#define SECOND "2026-06-01T00:00:00.000Z"

#endif
