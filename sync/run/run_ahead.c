/*
 * The organisation changes, and some edits by clocks that run ahead bear stamps after the change although they came before it. What
 * admission said of them stands, as it was recorded; but the fold asks the organisation too (who holds the account, which role ranks
 * higher, whom a proposal is addressed to), and must give what a replay gives, which knows the organisation of that time. So the records of
 * these edits are folded again. Nobody's stamp lies more than five minutes after its receipt, so that they are few.
 */
#include "core/store/columns.h"
#include "sync/run/run.h"

static enum rep_code refold(struct rep_run *run, const char *name, const char *id,
			    struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(run->hub->schema, name);
	struct rep_touched *touched;
	enum rep_code rc;

	if (!entity || rep_entity_is_org(entity))
		return REP_OK;
	rc = rep_run_touch(run, entity, id, &touched, err);
	return rc == REP_OK ? rep_run_refold_follow(run, touched, err) : rc;
}

static enum rep_code list(struct rep_run *run, struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		run->hub->db, &stmt,
		"SELECT DISTINCT c.entity, c.id FROM _head h JOIN _change c ON c.device = h.device"
		" WHERE h.eff >= ?1 AND h.device <> '" REP_HUB_DEVICE
		"' AND c.eff >= ?1 AND c.held = 0 ORDER BY 1, 2",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, run->time);
	return rep_column_texts(stmt, 2, out, err);
}

enum rep_code rep_run_ahead(struct rep_run *run, struct rep_error *err)
{
	struct rep_json *records = rep_json_array();
	enum rep_code rc = list(run, records, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(records); i++) {
		const struct rep_json *pair = rep_json_at(records, i);

		rc = refold(run, rep_json_string_value(rep_json_at(pair, 0)),
			    rep_json_string_value(rep_json_at(pair, 1)), err);
	}
	rep_json_free(records);
	return rep_wrap(err, rc, "what was edited ahead of the organisation");
}
