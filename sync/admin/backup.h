/*
 * Backups of a hub, and a hub from a backup.
 *
 *	<backup>/central.git		main and what belongs to it
 *	<backup>/mailboxes/<device>.git	as they were after that
 *	<backup>/keys/...		the hub's keys and open invitations: who has them can act as the hub
 *	<backup>/access.jsonl		reads that no run had taken yet
 *	<backup>/backup.json		signed by the hub: {"type":"backup","format":1,"company","commit","run","made"}
 *
 * Objects are fetched by stock git, each checked as it comes, and only those that are not there; central first and the mailboxes after it, so
 * that a mailbox never lacks what central has merged. A backup taken while a run is at work is that of before or after it.
 */
#ifndef REPSYNC_SYNC_ADMIN_BACKUP_H
#define REPSYNC_SYNC_ADMIN_BACKUP_H

#include "core/base/json.h"
#include "core/base/log.h"
#include "sync/hub/hub.h"

struct rep_backup {
	const char *to; /* made, or a backup of the same hub that is brought up to date */
	int64_t now_ms;
	const struct rep_progress *progress;
};
/*
 * *out = {"commit","run","mailboxes"}. The backup is verified before it is said to be one: every object, and that
 * main leads to what the hub has. REP_EREFUSED where the folder holds something else, or another company's backup.
 */
REP_CHECK enum rep_code rep_hub_backup(struct rep_hub *hub, const struct rep_backup *options,
				       struct rep_json **out, struct rep_error *err);

struct rep_restore {
	const char *from;
	const char *
		mailboxes; /* a folder of mailboxes that outlived the hub; NULL = those of the backup */
	const struct rep_progress *progress;
};
/*
 * Makes the hub of `dir`, which must not be there. The next merge takes what the mailboxes hold beyond the backup, with the receipts that
 * the views in them bear, so that the records become those of before. *out = {"commit","run","made","devices":[{"device","rep","central",
 * "mailbox","acknowledged","owed"}]}: up to which change set central has a device's chain, its mailbox, and what a view acknowledged to
 * it; `owed` true where a view acknowledged more than both hold: only that device has it.
 */
REP_CHECK enum rep_code rep_hub_restore(const char *dir, const struct rep_restore *options,
					struct rep_json **out, struct rep_error *err);

#endif
