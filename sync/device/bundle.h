/*
 * Bundles: what a sync moves, as a file, for a network that lets nothing out. docs/formats.md, "Bundle".
 *
 * A bundle is a push, or a fetch, by other means: it holds commits of the outbox, or of the inbox, and what they need; the hub's
 * side hands it to stock git's receive-pack under the mailbox's own hooks, the device's side applies it as any view. So it may come
 * twice, late, in any order, beside syncs over a network, and what it brings is judged as if it had come over one. It is signed by
 * its sender and sealed to its receiver: nobody who carries it reads it.
 *
 * A bundle of a device holds everything that no view has acknowledged yet: the newest makes the older ones superfluous.
 */
#ifndef REPSYNC_SYNC_DEVICE_BUNDLE_H
#define REPSYNC_SYNC_DEVICE_BUNDLE_H

#include "core/store/replica.h"

#define REP_BUNDLE_SIZE_MAX (256u * 1024u * 1024u)

/* Seals what is pending and writes what the company has not acknowledged. *summary: {"device","sets","commits","bytes"}. */
REP_CHECK enum rep_code rep_device_bundle(struct rep_replica *replica, const char *path,
					  int64_t now_ms, struct rep_json **summary,
					  struct rep_error *err);
/*
 * Applies the view of a bundle. *summary as rep_device_sync's, without what a line moved; all zeros for a view that was applied
 * before, or an older one. REP_EREFUSED for somebody else's bundle, REP_EORDER where it goes on from a view that is not here,
 * REP_EINTEGRITY when it is damaged or was not made by the hub.
 */
REP_CHECK enum rep_code rep_device_unbundle(struct rep_replica *replica, const char *path,
					    int64_t now_ms, struct rep_json **summary,
					    struct rep_error *err);

#endif
