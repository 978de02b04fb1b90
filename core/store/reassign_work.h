/* A reassignment being planned. Internal to the store. */
#ifndef REPSYNC_CORE_STORE_REASSIGN_WORK_H
#define REPSYNC_CORE_STORE_REASSIGN_WORK_H

#include "core/base/buf.h"
#include "core/model/record.h"
#include "core/store/reassign.h"

struct rep_planning {
	struct rep_db *db;
	const struct rep_schema *schema;
	const struct rep_reassign *reassign;
	struct rep_reassign_plan *plan;
	int64_t now_ms;
	char time[REP_TIME_LEN + 1]; /* from when on */
	const struct rep_entity *assignment;

	/* the subject in work */
	const char *id;
	const struct rep_entity *entity;
	struct rep_buf partition;
	struct rep_json *lines; /* whose assignments end; "" = every line */
	struct rep_json *kept;  /* which the new territory has already */
	struct rep_json *from;  /* territories that have it at the time */
	bool unchanged;

	bool failed; /* for want of memory */
};
enum rep_code rep_reassign_no_memory(struct rep_error *err);
/* The field's text, "" where there is none. */
const char *rep_reassign_text(const struct rep_record *record, const char *field);
/* Tells of people and devices: who loses, who gains, whose devices may hold edits. */
REP_CHECK enum rep_code rep_reassign_concerned(struct rep_planning *planning,
					       struct rep_error *err);

#endif
