/*
 * Records as they stood, folded again from the index. Shared by show and export; not part of the public interface.
 */
#ifndef REPSYNC_SYNC_AUDIT_SHOW_H
#define REPSYNC_SYNC_AUDIT_SHOW_H

#include "core/model/record.h"
#include "core/store/changes.h"
#include "sync/audit/audit.h"

/* A moment by one of two clocks. */
struct rep_moment {
	const char *time; /* datetime; NULL = now */
	bool by_hub;      /* what the hub had received by then; else what had been edited by then */
	/* Leaves changes out, as if they had never been made; NULL = none. */
	bool (*left_out)(void *user, const struct rep_indexed *change);
	void *user;
};
/* *out NULL when there was no such record then. */
REP_CHECK enum rep_code rep_show_refold(struct rep_record **out, struct rep_hub *hub,
					const struct rep_entity *entity, const char *id,
					const struct rep_moment *moment, struct rep_error *err);
/* {"entity","id","partition","deleted","created","fields","stamps"} */
REP_CHECK enum rep_code rep_show_record(struct rep_json **out, const struct rep_record *record,
					struct rep_error *err);

#endif
