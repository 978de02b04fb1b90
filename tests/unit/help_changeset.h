/*
 * A change set made of text, so that tests can sign what no writer would write: a fixed device and
 * key, a good skeleton to be changed, any value lines.
 */
#ifndef REPSYNC_TESTS_HELP_CHANGESET_H
#define REPSYNC_TESTS_HELP_CHANGESET_H

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/model/changeset.h"

#define CRAFT_DEVICE "d7k3f9qm"
#define CRAFT_STAMP "2026-11-21T02:14:05.123Z-00f2@" CRAFT_DEVICE
#define CRAFT_SALT "000102030405060708090a0b0c0d0e0f"
#define CRAFT_SALT_PAIR "\"salt\":\"" CRAFT_SALT "\"" /* as it stands in a value line */
#define CRAFT_ID "0193e2a0-7c00-7000-8000-000000000001"

/* The key of seed 01 02 03 ... 20. */
const struct rep_key *craft_key(void);

/* The skeleton of one change of `op` with a digest of `line`; the caller frees it. */
struct rep_json *craft_skeleton(const char *op, const char *line);

/* Signs the text of line 1 as it stands and appends it, its signature and `lines` (LF added). */
void craft_bytes(struct rep_buf *out, const char *line1, const char *const *lines,
		 size_t lines_len);

/* Writes and signs `skeleton` with one value line. */
void craft_set(struct rep_buf *out, const struct rep_json *skeleton, const char *line);

/* Reads `bytes` under the key; everything read is freed again. */
enum rep_code craft_read(const struct rep_buf *bytes, struct rep_error *err);

#endif
