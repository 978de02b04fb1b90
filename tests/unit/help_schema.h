/*
 * A small right schema in memory, and the planting of one mistake in it.
 */
#ifndef REPSYNC_TESTS_HELP_SCHEMA_H
#define REPSYNC_TESTS_HELP_SCHEMA_H

#include "help.h"

#include "core/model/schema.h"

/* How it writes a label. */
#define LABEL "\"label\":{\"zh\":\"甲\",\"en\":\"A\"}"
#define SHOP "entities/shop.json"
#define VISIT "entities/visit.json"
#define STAFF "entities/staff.json"
#define AREA "entities/area.json"
#define TOP "schema.json"
#define REPORT "reports/list.sql"
#define TABLE "tables/days.csv"

/* In `file`, the first `from` becomes `to`; NULL `from`: the file is left out; "": `to` is its text. */
struct mistake {
	const char *code;
	const char *file;
	const char *from;
	const char *to;
	const char *says; /* part of the message, besides the code */
};

/* The files of the right schema. */
struct right_file {
	const char *path;
	const char *text;
};
size_t right_files(const struct right_file **out);

/* Loads the right schema with the mistake in it (NULL = none). */
enum rep_code load_with(const struct mistake *mistake, struct rep_schema **out,
			struct rep_error *err);

#endif
