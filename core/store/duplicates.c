/* The warning while typing: which records of this replica share a key with one that was just written. */
#include <string.h>

#include "core/model/id.h"
#include "core/store/match.h"
#include "core/store/tables.h"

struct search {
	struct rep_db *db;
	const struct rep_record *record;
	struct rep_match_keys keys;
	struct rep_json *found;
};

bool rep_match_asks(const struct rep_entity *entity, const char *field)
{
	for (size_t i = 0; i < entity->match_len; i++)
		for (size_t k = 0; k < entity->match[i].on_len; k++)
			/* A key in SQL names its fields somewhere: too many are asked rather than too few. */
			if (strstr(entity->match[i].on[k], field))
				return true;
	return false;
}

/* A person said that the two are two, or the hub has its answer already. */
static enum rep_code was_declined(const struct search *search, const char *other, bool *declined,
				  struct rep_error *err)
{
	char id[REP_UUID_LEN + 1];
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(search->db, &stmt,
			   "SELECT 1 FROM _review WHERE id = ?1 AND state = 'declined'", err);

	if (rc != REP_OK)
		return rc;
	rep_duplicate_id(id, search->record->entity->name, search->record->id, other);
	rep_bind_text(stmt, 1, id);
	rc = rep_step(stmt, declined, err);
	rep_stmt_reset(stmt);
	return rc;
}

/* The first rule on which the two meet, or NULL. */
static const struct rep_match *meets(const struct search *search, const struct rep_match_keys *keys)
{
	for (size_t i = 0; i < search->keys.len; i++)
		for (size_t k = 0; k < keys->len; k++)
			if (search->keys.keys[i] == keys->keys[k])
				return &search->record->entity->match[search->keys.rules[i]];
	return NULL;
}

static enum rep_code add(struct search *search, const struct rep_record *other,
			 const struct rep_match *match, bool sure, struct rep_error *err)
{
	const char *title = other->entity->title;
	const struct rep_json *called = title ? rep_record_value(other, title) : NULL;
	struct rep_json *one = rep_json_object();

	if (rep_json_set_string(one, "id", other->id) &&
	    rep_json_set_string(one, "key", match->name) &&
	    rep_json_set(one, "sure", rep_json_bool(sure)) &&
	    rep_json_set(one, "title", called ? rep_json_ref(called) : rep_json_null()) &&
	    rep_json_append(search->found, one))
		return REP_OK;
	return rep_fail(err, REP_ENOMEM, "duplicates: out of memory");
}

static enum rep_code compare(void *user, struct rep_record *other, struct rep_error *err)
{
	struct search *search = user;
	const struct rep_record *record = search->record;
	const struct rep_match *match;
	struct rep_match_keys keys;
	bool declined = false, against = false;
	enum rep_code rc;

	if (strcmp(other->id, record->id) == 0)
		return REP_OK;
	rc = rep_match_keys_of(search->db, other, &keys, err);
	match = rc == REP_OK ? meets(search, &keys) : NULL;
	if (!match)
		return rc;
	rc = was_declined(search, other->id, &declined, err);
	if (rc == REP_OK && !declined) {
		bool first = rep_stamp_compare(record->created.text, other->created.text) < 0;

		rc = rep_match_contradicts(search->db, record->entity, match,
					   first ? record->id : other->id,
					   first ? other->id : record->id, &against, err);
	}
	/* As the hub: what contradicts a rule that would ask is nothing, what contradicts one that would join is asked. */
	if (rc != REP_OK || declined || (against && !match->act))
		return rc;
	return add(search, other, match, match->act && !against, err);
}

static enum rep_code is_small(struct rep_db *db, const struct rep_entity *entity, bool *small,
			      struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(1024);
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc;

	rep_buf_puts(&sql, "SELECT count(*) FROM (SELECT 1 FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " LIMIT ?1)");
	rc = rep_db_use(db, &stmt, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, REP_DUPLICATES_ROWS_MAX + 1);
	rc = rep_step(stmt, &row, err);
	*small = rc == REP_OK && row && rep_column_int(stmt, 0) <= REP_DUPLICATES_ROWS_MAX;
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_duplicates_of(struct rep_replica *replica, const char *name, const char *id,
				struct rep_json **out, struct rep_error *err)
{
	const struct rep_entity *entity =
		replica->schema ? rep_schema_entity(replica->schema, name) : NULL;
	struct search search = {.db = replica->db, .found = rep_json_array()};
	struct rep_record *record = NULL;
	bool small = false;
	enum rep_code rc = search.found ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	*out = NULL;
	if (rc == REP_OK && entity && entity->match_len)
		rc = rep_row_get(replica->db, entity, id, &record, err);
	if (rc == REP_OK && record)
		rc = rep_match_keys_of(replica->db, record, &search.keys, err);
	if (rc == REP_OK && search.keys.len)
		rc = is_small(replica->db, entity, &small, err);
	search.record = record;
	if (rc == REP_OK && small)
		rc = rep_row_each(replica->db, entity, NULL, compare, &search, err);
	rep_record_free(record);
	if (rc == REP_OK)
		*out = search.found;
	else
		rep_json_free(search.found);
	return rep_wrap(err, rc, "look for duplicates of %s %s", name, id);
}
