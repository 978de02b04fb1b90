/*
 * What the parts of the evidence share. Not part of the public interface.
 *
 *	evidence.c		the answer, what it needs, the manifest
 *	evidence_journal.c	change sets, receipts, keys
 *	evidence_text.c		README.md
 */
#ifndef REPSYNC_SYNC_AUDIT_EVIDENCE_WORK_H
#define REPSYNC_SYNC_AUDIT_EVIDENCE_WORK_H

#include "sync/audit/evidence.h"
#include "sync/hub/hub_state.h"

struct rep_proving {
	struct rep_hub *hub;
	const char *dir;
	struct rep_oid root;      /* of main */
	struct rep_json *wanted;  /* "<device>/<seq>/<index>" -> true */
	struct rep_json *firsts;  /* device -> number of the first change set that is needed */
	struct rep_json *sets;    /* "<device>/<seq>" -> true */
	struct rep_json *commits; /* id -> true */
	struct rep_buf manifest;
	int64_t files, rows;
};
/* Writes a file below the folder and its line of the manifest. */
REP_CHECK enum rep_code rep_prove_file(struct rep_proving *proving, const char *name,
				       const void *data, size_t len, struct rep_error *err);
/* The blob at a path of main, appended; *found false when there is none. */
REP_CHECK enum rep_code rep_prove_blob(struct rep_proving *proving, const char *path,
				       struct rep_buf *out, bool *found, struct rep_error *err);
/* Journal, receipts and key of one device, from the change set `first` on. */
REP_CHECK enum rep_code rep_prove_device(struct rep_proving *proving, const char *device,
					 int64_t first, struct rep_error *err);
extern const char rep_evidence_readme[];

#endif
