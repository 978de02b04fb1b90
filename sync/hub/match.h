/*
 * Duplicates: found after the fold and never inside it. What matches surely becomes one by a change of the hub; of what may be
 * the same a person is asked, by an item `duplicate` that the hub inserts. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_HUB_MATCH_H
#define REPSYNC_SYNC_HUB_MATCH_H

#include "core/store/match.h"
#include "sync/hub/hub_state.h"

/* A record was written: its keys are kept, and, with `note`, it is matched after the run where they are others than before. */
REP_CHECK enum rep_code rep_match_written(struct rep_hub *hub, const struct rep_record *record,
					  bool note, struct rep_error *err);
/* To be looked at after the run: a record, or an item of the entity `duplicate`. */
REP_CHECK enum rep_code rep_match_note(struct rep_hub *hub, const char *entity, const char *id,
				       struct rep_error *err);
#endif
