/* What the files of erasing share. Not part of the public interface. */
#ifndef REPSYNC_SYNC_ADMIN_ERASE_WORK_H
#define REPSYNC_SYNC_ADMIN_ERASE_WORK_H

#include "sync/admin/erase.h"
#include "sync/hub/hub_state.h"

/* A line that is to go. */
struct rep_erase_item {
	char device[REP_DEVICE_LEN + 1];
	int64_t seq;
	unsigned index;
	char *segment;
	char *kept; /* or NULL */
	char digest[REP_HASH_HEX + 1];
};
struct rep_erasing {
	struct rep_hub *hub;
	const struct rep_erase *erase;
	struct rep_json *subjects; /* "<entity>/<id>" -> true */
	struct rep_json *queue;    /* [entity, id] in the order in which they were found */
	struct rep_json
		*marked; /* "<entity>/<id>" -> true: refer to a subject, and may lose something */
	struct rep_json *altered; /* those that really do */
	struct rep_json *listed;  /* "device/seq/index" */
	struct rep_json *reasons; /* "device/seq" -> [reason] */
	struct rep_erase_item *items;
	size_t len, cap, kept;
};

/* Which rule says what is kept of a line. */
enum rep_erase_rule {
	REP_ERASE_RECORD, /* of the record itself: what decides where it lies */
	REP_ERASE_MARKED, /* of one that refers to it: all but what the schema calls personal */
	REP_ERASE_REASON, /* of one that was sealed with it: all but the reason */
};
/*
 * *kept: what stands for the line after the erasure, a new reference, or NULL for nothing; *same: it would say all that the line said.
 * `subjects`: "<entity>/<id>" of the records that are erased.
 */
REP_CHECK enum rep_code rep_erase_kept(enum rep_erase_rule rule, const struct rep_schema *schema,
				       const struct rep_edit *edit, const struct rep_json *subjects,
				       struct rep_json **kept, bool *same, struct rep_error *err);
/* Fills `items`, without their digests, and all that was met on the way. */
REP_CHECK enum rep_code rep_erase_find(struct rep_erasing *erasing, struct rep_error *err);
/* Does the field refer to records of the entity? */
bool rep_erase_refers(const struct rep_field *field, const char *entity);

#endif
