/*
 * Edits by hand: put, new, delete, resolve. Each is one transaction: rows, pending, nothing else. When
 * it returns REP_OK the edit survives a crash and a power cut.
 *
 * The same checks as at the hub (type, bounds, pattern, required, enum, moves between states) are made before anything is
 * written; rights are only told as hints, because the hub decides: on REP_OK err->hint may say that an edit will be a proposal,
 * else it is empty.
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
/*
 * Takes `field=text`, `field:=json`, `field+=text`, `field-=text` apart for the entity; the value is the caller's. += and -= take:
 * elements of a set; for a list an entry (an object as JSON, or the text of its first field), += only; for a map `key:value` and
 * `key`; for an integer a number, counted from what stands.
 */
REP_CHECK enum rep_code rep_assign_parse(struct rep_assign *out, struct rep_json **value,
					 char *field_storage, size_t field_size,
					 const struct rep_entity *entity, const char *text,
					 struct rep_error *err);

/* REP_ENOTFOUND when the record is not in this replica. `reason` may be NULL unless a field demands one. */
REP_CHECK enum rep_code rep_put(struct rep_replica *replica, const char *entity, const char *id,
				const struct rep_assign *assigns, size_t len, const char *reason,
				struct rep_error *err);
/*
 * Makes a record; `id` NULL = a UUIDv7 (or derived). out_id needs REP_ID_LEN_MAX + 1 bytes. Presets are filled in. REP_EEXIST when
 * there is a record of that id. Days (@today) are those of China (UTC+8) unless _meta.utc_offset_minutes says otherwise.
 */
REP_CHECK enum rep_code rep_new(struct rep_replica *replica, const char *entity, const char *id,
				const struct rep_assign *assigns, size_t len, const char *reason,
				int64_t now_ms, char *out_id, struct rep_error *err);
REP_CHECK enum rep_code rep_delete(struct rep_replica *replica, const char *entity, const char *id,
				   const char *reason, struct rep_error *err);

/*
 * The id of a record whose entity derives it: UUIDv5 of the canonical JSON array [entity, value, ...] of the fields named, texts after
 * their normalisers. REP_EINVAL when one of them is empty. `out` needs REP_UUID_LEN + 1 bytes.
 */
REP_CHECK enum rep_code rep_id_derive(char *out, const struct rep_entity *entity,
				      const struct rep_json *fields, struct rep_error *err);

/*
 * Decides a review item of this replica, recorded as a pending `resolve` change of its record:
 * "mine" (the newest rival of this replica's rep), "theirs" (the newest of somebody else), "accept", "decline" (a
 * proposal; its author may "withdraw" it), "accept" of a duplicate joins the two records, or a value for the field. The local row shows
 * the decision at once. REP_ENOTFOUND: no such item; REP_EINVAL: the choice does not fit the item, or it is decided already.
 */
REP_CHECK enum rep_code rep_resolve(struct rep_replica *replica, const char *item,
				    const char *choice, const char *reason, struct rep_error *err);

/*
 * Two records that are the same thing become one, and a record is taken out of those that it is one with: changes like any others, for
 * roles on the company's side. The rows show it with the hub's answer, which has all changes of both. REP_EREFUSED where the company
 * would refuse it.
 */
REP_CHECK enum rep_code rep_merge_records(struct rep_replica *replica, const char *entity,
					  const char *loser, const char *into, const char *reason,
					  struct rep_error *err);
REP_CHECK enum rep_code rep_unmerge(struct rep_replica *replica, const char *entity, const char *id,
				    const char *reason, struct rep_error *err);

#endif
