/*
 * Edits by hand: put, new, delete, resolve. Each is one transaction: rows, pending, nothing else. When
 * it returns REP_OK the edit survives a crash and a power cut.
 *
 * The same checks as at the hub (type, bounds, required, enum) are made before anything is written;
 * rights are only told as hints, because the hub decides.
 */
#ifndef REPSYNC_CORE_STORE_EDIT_H
#define REPSYNC_CORE_STORE_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/json.h"
#include "core/store/replica.h"

enum rep_assign_op { REP_ASSIGN_SET, REP_ASSIGN_ADD, REP_ASSIGN_REMOVE };
struct rep_assign {
	const char *field;
	enum rep_assign_op op;
	const struct rep_json *value; /* typed; NULL or null = clear */
};
/* Takes `field=text`, `field:=json`, `field+=text`, `field-=text` apart for the entity; the value is the caller's. */
REP_CHECK enum rep_code rep_assign_parse(struct rep_assign *out, struct rep_json **value,
					 char *field_storage, size_t field_size,
					 const struct rep_entity *entity, const char *text,
					 struct rep_error *err);

/* REP_ENOTFOUND when the record is not in this replica. `reason` may be NULL unless a field demands one. */
REP_CHECK enum rep_code rep_put(struct rep_replica *replica, const char *entity, const char *id,
				const struct rep_assign *assigns, size_t len, const char *reason,
				struct rep_error *err);
/* Makes a record; `id` NULL = a UUIDv7 (or derived). out_id needs REP_ID_LEN_MAX + 1 bytes. Presets are filled in. */
REP_CHECK enum rep_code rep_new(struct rep_replica *replica, const char *entity, const char *id,
				const struct rep_assign *assigns, size_t len, const char *reason,
				int64_t now_ms, char *out_id, struct rep_error *err);
REP_CHECK enum rep_code rep_delete(struct rep_replica *replica, const char *entity, const char *id,
				   const char *reason, struct rep_error *err);

/*
 * Decides a review item of this replica, recorded as a pending `resolve` change of its record:
 * "mine" (this device's rep's rival), "theirs" (the value that stands / the other rival), "accept", "decline" (a
 * proposal), or a value for the field. The local row shows the decision at once.
 */
REP_CHECK enum rep_code rep_resolve(struct rep_replica *replica, const char *item,
				    const char *choice, const char *reason, struct rep_error *err);

#endif
