/*
 * Erasing a person's data, from the records, from all history and from every laptop. docs/formats.md, "Erasure".
 */
#ifndef REPSYNC_SYNC_ADMIN_ERASE_H
#define REPSYNC_SYNC_ADMIN_ERASE_H

#include "sync/hub/hub.h"

struct rep_erase {
	const char *entity, *id;
	const char *reason; /* it stays: on whose request, not whose */
	bool preview;       /* nothing is written */
	int64_t now_ms;
};
/*
 * Erases the record, those that it is one with, and what the schema says of those that refer to it (`on_erase`, `personal`): merges what the
 * mailboxes hold, writes the erasure into the hub's own mailbox, and merges it. Killed anywhere, the next merge goes on. *out:
 *
 *	{"entity","id","preview","erased":[{"entity","id"}],"altered":[{"entity","id"}],"lines","kept","devices":[{"device","rep",
 *	 "last_contact","lease"}],"pending":[device]}
 *
 * `erased`: of which nothing but place and author is kept; `altered`: those that lost personal fields; `kept`: how many of the lines still
 * say something. `devices`: active ones, which drop the data with their next sync; `pending`: mailboxes that still hold some of it, because
 * a device was at work or has sent what is not merged.
 *
 * REP_ENOTFOUND; REP_EREFUSED where it was erased already, for an entity of the organisation, and while a device is blocked.
 */
REP_CHECK enum rep_code rep_hub_erase(struct rep_hub *hub, const struct rep_erase *erase,
				      struct rep_json **out, struct rep_error *err);

#endif
