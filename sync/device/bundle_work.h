/*
 * Private to sync: the file that a bundle is.
 *
 *	repsync bundle 1 <outbox|inbox> <device> <signer's public key, 64 digits> LF
 *	80 bytes	a key, in a box sealed to the receiver
 *	40 bytes	nonce and tag of what follows
 *	the rest	sealed with that key, bound to the first line:
 *			a signed document (signed.h), then for each object its type (c, t or b), its size and the length of its
 *			zlib stream, each 32 bits, little end first, then that stream
 */
#ifndef REPSYNC_SYNC_DEVICE_BUNDLE_WORK_H
#define REPSYNC_SYNC_DEVICE_BUNDLE_WORK_H

#include "core/base/json.h"
#include "core/model/id.h"
#include "core/model/key.h"
#include "core/model/stamp.h"
#include "sync/device/bundle.h"
#include "sync/git/pack.h"

struct rep_bundle {
	bool inbox; /* else outbox */
	char device[REP_DEVICE_LEN + 1];
	uint8_t signer[REP_PUBLIC_SIZE];
	struct rep_oid tip;
	struct rep_oid base; /* zero = nothing is presupposed */
	char made[REP_TIME_LEN + 1];
	/* Read, not written: */
	struct rep_buf file;    /* what is sealed, until it is opened */
	struct rep_buf objects; /* as they stand in the file, hashed */
};
void rep_bundle_clear(struct rep_bundle *bundle);

/* Writes every object of `objects`. REP_ELIMIT where it would be too large. *size may be NULL. */
REP_CHECK enum rep_code rep_bundle_write(const char *path, const struct rep_bundle *bundle,
					 struct rep_git *objects, const struct rep_key *signer,
					 const uint8_t receiver[REP_PUBLIC_SIZE], size_t *size,
					 struct rep_error *err);
/* Reads the file, and of it the first line: whose bundle it is, of which kind, and who signed it. To be cleared also after a failure. */
REP_CHECK enum rep_code rep_bundle_read(struct rep_bundle *out, const char *path,
					struct rep_error *err);
/*
 * Opens and verifies what was read, with the first line's own key: whose that is, the caller judges. REP_EREFUSED when it is sealed
 * to somebody else.
 */
REP_CHECK enum rep_code rep_bundle_open(struct rep_bundle *bundle, const struct rep_key *receiver,
					struct rep_error *err);
/* Adds the objects to a pack, each bounded by `object_max` bytes. */
REP_CHECK enum rep_code rep_bundle_unpack(const struct rep_bundle *bundle, struct rep_pack *pack,
					  size_t object_max, struct rep_error *err);

#endif
