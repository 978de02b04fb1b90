/*
 * Value lines of the hub's own changes. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_HUB_HUB_LINE_H
#define REPSYNC_SYNC_HUB_HUB_LINE_H

#include "sync/hub/hub_state.h"

/* {"values": {}}; NULL without memory, which every function here passes through. */
struct rep_json *rep_line_new(void);
/* In an insert: a field's value; takes it. */
void rep_line_put(struct rep_json *line, const char *field, struct rep_json *value);
void rep_line_put_text(struct rep_json *line, const char *field, const char *text);
/* Literal presets of the entity's fields that the line says nothing of. */
void rep_line_presets(struct rep_json *line, const struct rep_entity *entity);
/* In an update: new beside what the record says now, and the stamp of that; takes `value` (NULL clears). */
void rep_line_change(struct rep_json *line, const struct rep_record *record, const char *field,
		     struct rep_json *value);
/* A delete's: of each field what stands. NULL without memory. */
struct rep_json *rep_line_delete(const struct rep_record *record);
/* A UUIDv7 of `now_ms`. `out` needs REP_ID_LEN_MAX + 1 bytes. */
void rep_line_id(char *out, int64_t now_ms);

/* Sends the batch, frees it and merges it: the end of every command that changes the organisation. Frees it on failure too. */
REP_CHECK enum rep_code rep_hub_apply(struct rep_hub *hub, struct rep_hub_batch *batch,
				      int64_t now_ms, struct rep_error *err);

/* The schema's entity for people, posts or assignments; REP_EINVAL when it has none. */
REP_CHECK enum rep_code rep_hub_builtin(struct rep_hub *hub, enum rep_builtin builtin,
					const struct rep_entity **out, struct rep_error *err);

#endif
