/*
 * The layout of the central tree and of a view: every path is made here. docs/formats.md, "Central tree".
 */
#ifndef REPSYNC_SYNC_HUB_CENTRAL_H
#define REPSYNC_SYNC_HUB_CENTRAL_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"

#define REP_MAIN "refs/heads/main"

/* journal/<dd>/<device>/<yyyy-mm>/<first>-<last>.jsonl; yyyy-mm from `time` (a stamp or a datetime). */
void rep_path_journal(struct rep_buf *out, const char *device, const char *time, int64_t first,
		      int64_t last);
void rep_path_head(struct rep_buf *out, const char *device); /* journal/<dd>/<device>/head.json */
void rep_path_outcomes(struct rep_buf *out, const char *device, const char *time, int64_t first,
		       int64_t last);
void rep_path_receipt(struct rep_buf *out, const char *device, const char *time, int64_t first,
		      int64_t last);
void rep_path_outcomes_dir(struct rep_buf *out, const char *device); /* outcomes/<dd>/<device> */
void rep_path_held(struct rep_buf *out, const char *device, int64_t seq, unsigned index);
void rep_path_quarantine(struct rep_buf *out, const char *device, int64_t first, int64_t last);
/* left/<dd>/<device>/<name>: order.json, farewell.json, erasure.json of a device that was revoked */
void rep_path_left(struct rep_buf *out, const char *device, const char *name);
/* erased/<dd>/<device>.jsonl: which of the device's value lines were erased */
void rep_path_erased(struct rep_buf *out, const char *device);
void rep_path_statement(struct rep_buf *out, const char *time, int64_t run);
/* data/... or restricted/<class>/..., from rep_record_path. */

#endif
