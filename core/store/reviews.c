/*
 * Review items as local changes leave them. A fold may open an item or decide one; until the hub has said the same, the view's word is
 * kept in `_base` (its fields, stamps and partition), or the row is 'local' where the view has none. Rebase starts from the view's word.
 */
#include "core/store/reviews.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/columns.h"
#include "core/store/rebase.h"
#include "core/store/tables.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "review items: no memory");
}

enum rep_code rep_reviews_restore(struct rep_db *db, const char *entity, const char *id,
				  struct rep_error *err)
{
	static const char *const steps[] = {
		"DELETE FROM _review WHERE entity = ?1 AND record = ?2 AND _place = 'local' AND kind IN "
		"('conflict', 'proposal')",
		"UPDATE _review SET _fields = json_extract(_base, '$.fields'), _stamps = "
		"json_extract(_base, '$.stamps'), _partition = json_extract(_base, '$.partition'), "
		"_base = NULL WHERE entity = ?1 AND record = ?2 AND _base "
		"IS NOT NULL",
	};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < 2; i++) {
		struct rep_stmt *stmt;

		rc = rep_db_use(db, &stmt, steps[i], err);
		if (rc != REP_OK)
			return rc;
		rep_bind_text(stmt, 1, entity);
		rep_bind_text(stmt, 2, id);
		rc = rep_run(stmt, err);
	}
	return rc;
}

static char *base_of(const struct rep_record *record)
{
	struct rep_json *base = rep_json_object();
	char *text = NULL;

	if (rep_json_set(base, "fields", rep_json_ref(record->fields)) &&
	    rep_json_set(base, "stamps", rep_json_ref(record->stamps)) &&
	    rep_json_set_string(base, "partition", record->partition))
		text = rep_json_text(base);
	rep_json_free(base);
	return text;
}

struct row_state {
	char *base;  /* what _base holds, or NULL */
	char *place; /* NULL = no row */
};

static enum rep_code row_state(struct rep_db *db, const char *id, struct row_state *out,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc =
		rep_db_use(db, &stmt, "SELECT _base, _place FROM _review WHERE id = ?1", err);

	*out = (struct row_state){0};
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, id);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		const char *base = rep_column_text(stmt, 0, NULL);

		out->base = base ? strdup(base) : NULL;
		out->place = strdup(rep_column_text(stmt, 1, NULL));
		if (!out->place || (base && !out->base))
			rc = no_memory(err);
	}
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code put_base(struct rep_db *db, const char *id, const char *base,
			      struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(db, &stmt, "UPDATE _review SET _base = ?2 WHERE id = ?1", err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, id);
	rep_bind_text(stmt, 2, base);
	return rep_run(stmt, err);
}

static bool same(const struct rep_record *a, const struct rep_record *b)
{
	return rep_json_equal(a->fields, b->fields) && rep_json_equal(a->stamps, b->stamps);
}

static enum rep_code put_review(struct rep_db *db, const struct rep_record *review,
				struct rep_error *err)
{
	struct row_state state = {0};
	struct rep_record *before = NULL;
	char *base = NULL;
	enum rep_code rc = rep_row_get(db, review->entity, review->id, &before, err);

	if (rc != REP_OK || (before && same(before, review)))
		goto out;
	rc = row_state(db, review->id, &state, err);
	if (rc != REP_OK)
		goto out;
	if (before && strcmp(state.place, "local") != 0) {
		base = state.base ? strdup(state.base) : base_of(before);
		rc = base ? REP_OK : no_memory(err);
	}
	if (rc == REP_OK)
		rc = rep_row_put(db, review, NULL, state.place ? state.place : "local", err);
	if (rc == REP_OK && base)
		rc = put_base(db, review->id, base, err);
out:
	rep_record_free(before);
	free(base);
	free(state.base);
	free(state.place);
	return rc;
}

enum rep_code rep_reviews_put(struct rep_replica *replica, const struct rep_folded *folded,
			      struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < folded->reviews_len; i++)
		rc = put_review(replica->db, folded->reviews[i], err);
	return rc;
}
