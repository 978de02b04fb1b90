/* Records as people read them. */
#ifndef REPSYNC_CLI_RECORD_H
#define REPSYNC_CLI_RECORD_H

#include "cli/cli.h"
#include "core/base/json.h"

/* One record of docs/cli.md, field by field with labels; unsent fields are marked. */
void cli_record(const struct cli *cli, const struct rep_schema *schema,
		const struct rep_json *record);
/* An array of records as a table: id, title, and the first fields. */
void cli_records(const struct cli *cli, const struct rep_entity *entity,
		 const struct rep_json *records);
/* Review items as a table: what stands, what the others wrote or propose. */
void cli_items(const struct cli *cli, const struct rep_json *items);

#endif
