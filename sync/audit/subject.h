/*
 * All that is held on one person, to be handed to them: their record, what it is one with, what refers to it, what waits about it, and who
 * wrote what and when, also what stands no more.
 */
#ifndef REPSYNC_SYNC_AUDIT_SUBJECT_H
#define REPSYNC_SYNC_AUDIT_SUBJECT_H

#include "core/base/json.h"
#include "sync/hub/hub.h"

/*
 * *out = {"entity","id","aliases":[id...],"records":[as rep_hub_show, the subject's first],"review":[...],"history":[audit rows, of one
 * record after the other, each oldest first]}. Records that refer to several people come whole. REP_ENOTFOUND when there is no such record.
 */
REP_CHECK enum rep_code rep_hub_subject(struct rep_hub *hub, const char *entity, const char *id,
					struct rep_json **out, struct rep_error *err);

#endif
