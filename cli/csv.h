/* Rows as CSV on standard output. */
#ifndef REPSYNC_CLI_CSV_H
#define REPSYNC_CLI_CSV_H

#include "cli/cli.h"
#include "core/base/json.h"

/* A line of heads, and a line for a row. UTF-8 without a mark. */
REP_CHECK enum rep_code cli_csv_head(const char *const *columns, size_t len, struct rep_error *err);
REP_CHECK enum rep_code cli_csv_row(const struct rep_json *row, const char *const *columns,
				    size_t len, struct rep_error *err);
/* Records: id and every field of the entity. */
REP_CHECK enum rep_code cli_csv_records(const struct rep_json *records,
					const struct rep_entity *entity, struct rep_error *err);

#endif
