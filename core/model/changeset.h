/*
 * The change set: the unit of recording and signing. docs/formats.md, "Change set".
 *
 *	line 1		the skeleton: canonical JSON, without any value
 *	line 2		its Ed25519 signature as a JSON string
 *	lines 3...	one value line a change, in order; `null` where it was erased
 *
 * Each line ends with LF. `prev` and hashes are SHA-256 of line 1 without its LF. The digest of a
 * change is the SHA-256 of its value line without its LF, so that erasing a line leaves chain and
 * signature intact. Bytes are hashed as they stand.
 */
#ifndef REPSYNC_CORE_MODEL_CHANGESET_H
#define REPSYNC_CORE_MODEL_CHANGESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/model/key.h"
#include "core/model/stamp.h"

enum rep_op {
	REP_OP_INSERT,
	REP_OP_UPDATE,
	REP_OP_DELETE,
	REP_OP_RESTORE,
	REP_OP_ALIAS,
	REP_OP_UNALIAS,
	REP_OP_RESOLVE,
	REP_OP_ERASE,
};
const char *rep_op_name(enum rep_op op);
bool rep_op_parse(enum rep_op *out, const char *name);

struct rep_change {
	enum rep_op op;
	char *entity;
	char *id;
	struct rep_stamp stamp;
	char digest[REP_HASH_HEX + 1];
	struct rep_json *line; /* the value line, parsed; NULL when erased */
};

struct rep_changeset {
	char device[REP_DEVICE_LEN + 1];
	char *rep;
	int64_t seq; /* 1, 2, 3 ... without a gap */
	char prev[REP_HASH_HEX + 1];
	char hash[REP_HASH_HEX + 1]; /* of this skeleton */
	char *schema;                /* "pharma/1" */
	char sealed[REP_TIME_LEN + 1];
	int64_t base_epoch;
	int64_t base_view;
	struct rep_change *changes;
	size_t changes_len;
	const char *bytes; /* borrowed from what was read: the whole change set */
	size_t size_bytes;
};

void rep_changeset_clear(struct rep_changeset *set);

/*
 * Builds and signs: `set` gives everything but digests and hash; each change has `line` (its value
 * line). Appends the bytes to `out` and fills digests and `set->hash`. REP_ELIMIT above 10,000
 * changes or 1 MiB a line. The caller adds `salt` to each line (32 hex digits of randomness).
 */
REP_CHECK enum rep_code rep_changeset_seal(struct rep_buf *out, struct rep_changeset *set,
					   const struct rep_key *key, struct rep_error *err);

/*
 * Reads one change set at `data`, verifies signature and digests, and parses it; *used is its size.
 * With public == NULL the signature is not checked (reading one's own journal for display).
 * REP_EINTEGRITY: signature or digest; REP_EINVAL: form. Sets only what it could read on failure.
 */
REP_CHECK enum rep_code rep_changeset_read(struct rep_changeset *out, size_t *used,
					   const char *data, size_t len, const uint8_t *public,
					   struct rep_error *err);

/*
 * Copies the change set at `data` to `out` with the value line of change `index` replaced by `null`.
 */
REP_CHECK enum rep_code rep_changeset_erase(struct rep_buf *out, const char *data, size_t len,
					    size_t index, struct rep_error *err);

/* The 64 zeros that stand for `prev` in a device's first change set. */
extern const char rep_changeset_no_prev[REP_HASH_HEX + 1];

#endif
