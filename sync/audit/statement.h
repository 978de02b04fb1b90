/*
 * The hub's statements for people outside: the newest one, to be kept elsewhere, and history against those that were kept.
 */
#ifndef REPSYNC_SYNC_AUDIT_STATEMENT_H
#define REPSYNC_SYNC_AUDIT_STATEMENT_H

#include "core/base/buf.h"
#include "sync/hub/hub.h"

/*
 * Appends the newest statement's two lines, as they lie in central, and gives what they say with "hash" (SHA-256 of line 1, what the next
 * one names) and "public" (the key that verifies it). `out` may be NULL. REP_ENOTFOUND before the first run.
 */
REP_CHECK enum rep_code rep_hub_statement(struct rep_hub *hub, struct rep_buf *lines,
					  struct rep_json **out, struct rep_error *err);

#endif
