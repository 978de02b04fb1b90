/*
 * A signed document: one canonical JSON line, ended by LF, and its signature line
 * ("<base64>" as a JSON string, ended by LF). Views, receipts, statements, enrolments. The line has
 * `type` and `format`, so that no signature serves for another kind. Nothing is parsed before the
 * signature verifies; nothing is ever re-serialised to verify.
 */
#ifndef REPSYNC_CORE_MODEL_SIGNED_H
#define REPSYNC_CORE_MODEL_SIGNED_H

#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/model/key.h"

/* Appends both lines. `document` must have `type` and `format`. */
REP_CHECK enum rep_code rep_signed_write(struct rep_buf *out, const struct rep_json *document,
					 const struct rep_key *key, struct rep_error *err);

/*
 * Verifies and parses a whole document of `type`. REP_EINTEGRITY when the signature is wrong;
 * REP_EINVAL when the shape, the type or the format number is.
 */
REP_CHECK enum rep_code rep_signed_read(struct rep_json **out, const char *data, size_t len,
					const char *type, const uint8_t public[REP_PUBLIC_SIZE],
					struct rep_error *err);

#endif
