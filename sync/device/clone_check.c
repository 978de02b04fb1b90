/*
 * The clone's packs against the sums that end them, piece by piece as they lie in the replica.
 */
#include <sha1.h>
#include <stdlib.h>
#include <string.h>

#include "sync/device/clone.h"

struct summing {
	SHA1_CTX sha1;
	char *name;                       /* of the file being read; NULL before the first */
	uint8_t tail[SHA1_DIGEST_LENGTH]; /* its last bytes so far, not summed yet */
	size_t tail_len;
};

/* All bytes but the last 20 are summed, and only the end tells which those are. */
static void add(struct summing *summing, const uint8_t *data, size_t len)
{
	uint8_t all[2 * SHA1_DIGEST_LENGTH];
	size_t keep;

	if (len >= sizeof summing->tail) {
		SHA1Update(&summing->sha1, summing->tail, summing->tail_len);
		SHA1Update(&summing->sha1, data, len - sizeof summing->tail);
		memcpy(summing->tail, data + len - sizeof summing->tail, sizeof summing->tail);
		summing->tail_len = sizeof summing->tail;
		return;
	}
	memcpy(all, summing->tail, summing->tail_len);
	memcpy(all + summing->tail_len, data, len);
	len += summing->tail_len;
	keep = len < sizeof summing->tail ? len : sizeof summing->tail;
	SHA1Update(&summing->sha1, all, len - keep);
	memcpy(summing->tail, all + len - keep, keep);
	summing->tail_len = keep;
}

static enum rep_code finish(struct summing *summing, struct rep_error *err)
{
	uint8_t sum[SHA1_DIGEST_LENGTH];
	enum rep_code rc = REP_OK;

	if (!summing->name)
		return REP_OK;
	SHA1Final(sum, &summing->sha1);
	if (summing->tail_len != sizeof sum || memcmp(sum, summing->tail, sizeof sum) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "%s is damaged", summing->name);
	free(summing->name);
	summing->name = NULL;
	return rc;
}

static enum rep_code begin(struct summing *summing, const char *name, struct rep_error *err)
{
	SHA1Init(&summing->sha1);
	summing->tail_len = 0;
	summing->name = strdup(name);
	return summing->name ? REP_OK : rep_fail(err, REP_ENOMEM, "check the clone");
}

enum rep_code rep_clone_check(struct rep_replica *replica, struct rep_error *err)
{
	struct summing summing = {0};
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(replica->db, &stmt,
				      "SELECT name, data FROM _clone ORDER BY name, piece", err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const char *name = rep_column_text(stmt, 0, NULL);
		size_t len;
		const void *data = rep_column_blob(stmt, 1, &len);

		if (!summing.name || strcmp(summing.name, name ? name : "") != 0) {
			rc = finish(&summing, err);
			if (rc == REP_OK)
				rc = begin(&summing, name ? name : "", err);
		}
		if (rc == REP_OK)
			add(&summing, data, len);
	}
	if (rc == REP_OK)
		rc = finish(&summing, err);
	free(summing.name);
	return rc;
}
