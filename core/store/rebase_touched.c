/* Which records a rebase has to look at. */
#include <string.h>

#include "core/store/aliases.h"
#include "core/store/columns.h"
#include "core/store/rebase.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "rebase: no memory");
}

static bool has_pair(const struct rep_json *pairs, const char *entity, const char *id)
{
	for (size_t i = 0; i < rep_json_size(pairs); i++) {
		const struct rep_json *pair = rep_json_at(pairs, i);

		if (strcmp(rep_json_string_value(rep_json_at(pair, 0)), entity) == 0 &&
		    strcmp(rep_json_string_value(rep_json_at(pair, 1)), id) == 0)
			return true;
	}
	return false;
}

/* Keeps the list sorted. */
static enum rep_code add_pair(struct rep_json *pairs, const char *entity, const char *id,
			      struct rep_error *err)
{
	struct rep_json *pair = rep_json_array();
	size_t at = 0;

	for (; at < rep_json_size(pairs); at++) {
		const struct rep_json *other = rep_json_at(pairs, at);
		int order = strcmp(entity, rep_json_string_value(rep_json_at(other, 0)));

		if (order == 0)
			order = strcmp(id, rep_json_string_value(rep_json_at(other, 1)));
		if (order < 0)
			break;
	}
	if (rep_json_append(pair, rep_json_string(entity)) &&
	    rep_json_append(pair, rep_json_string(id)))
		return rep_json_insert(pairs, at, pair) ? REP_OK : no_memory(err);
	rep_json_free(pair);
	return no_memory(err);
}

/* Whom a touched record is merged into shows its changes too. */
static enum rep_code add_root(struct rep_replica *replica, const struct rep_json *pair,
			      struct rep_json *roots, struct rep_error *err)
{
	const char *name = rep_json_string_value(rep_json_at(pair, 0));
	const struct rep_entity *entity = rep_schema_entity(replica->schema, name);
	const char *id = rep_json_string_value(rep_json_at(pair, 1));
	char root[REP_ID_LEN_MAX + 1] = "";
	enum rep_code rc = REP_OK;

	if (entity)
		rc = rep_alias_shown(replica->db, entity, id, root, err);
	if (rc == REP_OK && *root && strcmp(root, id) != 0 && !has_pair(roots, name, root))
		rc = add_pair(roots, name, root, err);
	return rc;
}

static enum rep_code list_touched(struct rep_replica *replica, int64_t seq, struct rep_json *found,
				  struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(replica->db, &stmt,
			   "SELECT entity, id FROM _journal_record WHERE seq > ?1 UNION SELECT "
			   "entity, id FROM _held ORDER BY entity, id",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, seq);
	return rep_column_texts(stmt, 2, found, err);
}

enum rep_code rep_touched_since(struct rep_replica *replica, int64_t seq, struct rep_json **out,
				struct rep_error *err)
{
	struct rep_json *found = rep_json_array(), *roots = rep_json_array();
	enum rep_code rc = found && roots ? list_touched(replica, seq, found, err) : no_memory(err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(found); i++)
		rc = add_root(replica, rep_json_at(found, i), roots, err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(roots); i++) {
		const struct rep_json *pair = rep_json_at(roots, i);
		const char *entity = rep_json_string_value(rep_json_at(pair, 0));
		const char *id = rep_json_string_value(rep_json_at(pair, 1));

		if (!has_pair(found, entity, id))
			rc = add_pair(found, entity, id, err);
	}
	rep_json_free(roots);
	*out = NULL;
	if (rc == REP_OK)
		*out = found;
	else
		rep_json_free(found);
	return rc;
}
