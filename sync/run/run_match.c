/*
 * After the runs: what was written with other keys than before is compared with those that share one. The first rule on which two meet
 * decides. What was ever taken apart, or declined, is neither joined nor asked for again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/store/aliases.h"
#include "core/store/columns.h"
#include "sync/hub/hub_line.h"
#include "sync/hub/match.h"
#include "sync/run/run.h"

/* A key that so many share says nothing of any two: they are not compared. */
#define SHARED_MAX 50u

struct matching {
	struct rep_hub *hub;
	struct rep_own *own;
	struct rep_json *done; /* items of pairs seen in this pass */
	bool asks; /* this pass asks; the ones before only join, so that nobody is asked for one that is another by then */
	bool waited, left; /* something waited for this pass; it left something to be asked */
};

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- a pair ---- */

struct pair {
	const struct rep_entity *entity;
	const struct rep_match *match;
	struct rep_record *a, *b; /* a was made first */
};

/* Did somebody say that any of the one's and any of the other's are two? */
static enum rep_code is_apart(struct matching *matching, const struct pair *pair, bool *apart,
			      struct rep_error *err)
{
	struct rep_group a = {0}, b = {0};
	struct rep_db *db = matching->hub->db;
	enum rep_code rc = rep_group_load(&a, db, pair->entity->name, pair->a->id, err);

	*apart = false;
	if (rc == REP_OK)
		rc = rep_group_load(&b, db, pair->entity->name, pair->b->id, err);
	for (size_t i = 0; rc == REP_OK && i < a.len; i++)
		for (size_t k = 0; k < b.len; k++)
			*apart = *apart || rep_join_apart(&a.edges, a.ids[i], b.ids[k]) ||
				 strcmp(a.ids[i], b.ids[k]) == 0;
	rep_group_clear(&a);
	rep_group_clear(&b);
	return rc;
}

static enum rep_code act(struct matching *matching, const struct pair *pair, struct rep_error *err)
{
	struct rep_json *line = rep_json_object();
	char reason[REP_NAME_LEN_MAX + 16];

	snprintf(reason, sizeof reason, "match %.40s", pair->match->name);
	if (!rep_json_set_string(line, "into", pair->a->id) ||
	    !rep_json_set_string(line, "reason", reason)) {
		rep_json_free(line);
		return no_memory(err);
	}
	return rep_own_add(matching->own, REP_OP_ALIAS, pair->entity->name, pair->b->id, line, err);
}

static enum rep_code ask(struct matching *matching, const struct pair *pair, struct rep_error *err)
{
	const struct rep_entity *kind = rep_schema_entity(matching->hub->schema, "duplicate");
	struct rep_record *there = NULL;
	struct rep_json *line;
	char id[REP_UUID_LEN + 1], reason[REP_NAME_LEN_MAX + 16];
	enum rep_code rc;

	rep_duplicate_id(id, pair->entity->name, pair->a->id, pair->b->id);
	rc = rep_row_get(matching->hub->db, kind, id, &there, err);
	if (rc != REP_OK || there) { /* it was asked, whatever the answer */
		rep_record_free(there);
		return rc;
	}
	line = rep_line_new();
	snprintf(reason, sizeof reason, "match %.40s", pair->match->name);
	rep_line_put_text(line, "entity", pair->entity->name);
	rep_line_put_text(line, "a", pair->a->id);
	rep_line_put_text(line, "b", pair->b->id);
	rep_line_put_text(line, "key", pair->match->name);
	rep_line_put_text(line, "state", "open");
	if (!rep_json_set_string(line, "reason", reason)) {
		rep_json_free(line);
		return no_memory(err);
	}
	return rep_own_add(matching->own, REP_OP_INSERT, "duplicate", id, line, err);
}

static enum rep_code decide(struct matching *matching, const struct pair *pair,
			    struct rep_error *err)
{
	bool apart = false, against = false;
	enum rep_code rc = is_apart(matching, pair, &apart, err);

	if (rc == REP_OK && !apart)
		rc = rep_match_contradicts(matching->hub->db, pair->entity, pair->match,
					   pair->a->id, pair->b->id, &against, err);
	if (rc != REP_OK || apart || (against && !pair->match->act))
		return rc;
	if (pair->match->act && !against)
		return matching->asks ? REP_OK : act(matching, pair, err);
	matching->left = true;
	return matching->asks ? ask(matching, pair, err) : REP_OK;
}

/* ---- who shares a key ---- */

static enum rep_code list_sharing(struct matching *matching, int64_t key, const char *id,
				  struct rep_json *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(matching->hub->db, &stmt,
				      "SELECT id FROM _match WHERE key = ?1 AND id <> ?2"
				      " ORDER BY id LIMIT ?3",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, key);
	rep_bind_text(stmt, 2, id);
	rep_bind_int(stmt, 3, SHARED_MAX + 1);
	return rep_column_texts(stmt, 1, out, err);
}

static bool has_key(const struct rep_match_keys *keys, int64_t key)
{
	for (size_t i = 0; i < keys->len; i++)
		if (keys->keys[i] == key)
			return true;
	return false;
}

/* Once a pair and pass, by the first rule that both meet. */
static enum rep_code is_new(struct matching *matching, const struct rep_record *a,
			    const struct rep_record *b, bool *new, struct rep_error *err)
{
	char id[REP_UUID_LEN + 1];

	rep_duplicate_id(id, a->entity->name, a->id, b->id);
	*new = !rep_json_get(matching->done, id);
	return rep_json_set(matching->done, id, rep_json_bool(true)) ? REP_OK : no_memory(err);
}

static enum rep_code compare(struct matching *matching, struct rep_record *record, int64_t key,
			     size_t rule, const char *other_id, struct rep_error *err)
{
	struct rep_record *other = NULL;
	struct rep_match_keys keys = {.len = 0};
	bool fresh = false;
	enum rep_code rc = rep_row_get(matching->hub->db, record->entity, other_id, &other, err);

	if (rc == REP_OK && other)
		rc = rep_match_keys_of(matching->hub->db, other, &keys, err);
	if (rc == REP_OK && other && has_key(&keys, key))
		rc = is_new(matching, record, other, &fresh, err);
	if (rc == REP_OK && fresh) {
		int order = rep_stamp_compare(record->created.text, other->created.text);
		bool first = order ? order < 0 : strcmp(record->id, other->id) < 0;
		const struct pair pair = {record->entity, &record->entity->match[rule],
					  first ? record : other, first ? other : record};

		rc = decide(matching, &pair, err);
	}
	rep_record_free(other);
	return rc;
}

static enum rep_code match_record(struct matching *matching, const struct rep_entity *entity,
				  const char *id, struct rep_error *err)
{
	struct rep_record *record = NULL;
	struct rep_match_keys keys = {.len = 0};
	enum rep_code rc = rep_row_get(matching->hub->db, entity, id, &record, err);

	if (rc == REP_OK && record)
		rc = rep_match_keys_of(matching->hub->db, record, &keys, err);
	for (size_t i = 0; rc == REP_OK && i < keys.len; i++) {
		struct rep_json *sharing = rep_json_array();

		rc = list_sharing(matching, keys.keys[i], id, sharing, err);
		for (size_t k = 0; rc == REP_OK && rep_json_size(sharing) <= SHARED_MAX &&
				   k < rep_json_size(sharing);
		     k++)
			rc = compare(matching, record, keys.keys[i], keys.rules[i],
				     rep_json_string_value(rep_json_at(sharing, k)), err);
		rep_json_free(sharing);
	}
	rep_record_free(record);
	return rc;
}

/* ---- what became of an item ---- */

static const char *text_of(const struct rep_record *record, const char *field)
{
	const char *text = rep_json_string_value(rep_record_value(record, field));

	return text ? text : "";
}

static enum rep_code state_of(struct matching *matching, const struct rep_record *item,
			      const char **state, struct rep_error *err)
{
	const char *a = text_of(item, "a"), *b = text_of(item, "b");
	struct rep_group group = {0};
	enum rep_code rc =
		rep_group_load(&group, matching->hub->db, text_of(item, "entity"), a, err);

	*state = "open";
	if (rc == REP_OK && rep_join_apart(&group.edges, a, b))
		*state = "declined";
	for (size_t i = 0; rc == REP_OK && i < group.len; i++)
		if (strcmp(group.ids[i], b) == 0)
			*state = "accepted";
	rep_group_clear(&group);
	return rc;
}

static enum rep_code settle_item(struct matching *matching, const struct rep_entity *kind,
				 const char *id, struct rep_error *err)
{
	struct rep_record *item = NULL;
	struct rep_json *line;
	const char *state = "open";
	enum rep_code rc = rep_row_get(matching->hub->db, kind, id, &item, err);

	if (rc == REP_OK && item)
		rc = state_of(matching, item, &state, err);
	if (rc == REP_OK && item && strcmp(text_of(item, "state"), state) != 0) {
		line = rep_line_new();
		rep_line_change(line, item, "state", rep_json_string(state));
		if (!rep_json_get(rep_json_get(line, "values"), "state")) {
			rep_json_free(line);
			rc = no_memory(err);
		} else {
			rc = rep_own_add(matching->own, REP_OP_UPDATE, kind->name, id, line, err);
		}
	}
	rep_record_free(item);
	return rc;
}

/* ---- all of it ---- */

struct waiting {
	int64_t n;
	char entity[REP_NAME_LEN_MAX + 1], id[REP_ID_LEN_MAX + 1];
};

static enum rep_code next_waiting(struct rep_hub *hub, int64_t after, struct waiting *out,
				  struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		hub->db, &stmt,
		"SELECT n, entity, id FROM _rematch WHERE n > ?1 ORDER BY n LIMIT 1", err);

	*out = (struct waiting){0};
	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, after);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		out->n = rep_column_int(stmt, 0);
		snprintf(out->entity, sizeof out->entity, "%s", rep_column_text(stmt, 1, NULL));
		snprintf(out->id, sizeof out->id, "%s", rep_column_text(stmt, 2, NULL));
	}
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code match_all(struct matching *matching, struct rep_error *err)
{
	struct waiting at;
	enum rep_code rc = next_waiting(matching->hub, 0, &at, err);

	matching->waited = at.n != 0;
	while (rc == REP_OK && at.n) {
		const struct rep_entity *entity =
			rep_schema_entity(matching->hub->schema, at.entity);

		if (entity && entity->builtin == REP_BUILTIN_REVIEW)
			rc = settle_item(matching, entity, at.id, err);
		else if (entity)
			rc = match_record(matching, entity, at.id, err);
		if (rc == REP_OK)
			rc = next_waiting(matching->hub, at.n, &at, err);
	}
	return rc;
}

static enum rep_code one_pass(void *user, struct rep_own *own, struct rep_error *err)
{
	struct matching *matching = user;
	enum rep_code rc;

	matching->own = own;
	matching->left = false;
	matching->done = rep_json_object();
	rc = matching->done ? rep_db_begin_reading(matching->hub->db, err) : no_memory(err);
	if (rc == REP_OK) {
		/* What is found goes into `own`; the working copy is only read here. */
		rc = match_all(matching, err);
		rep_db_abort(matching->hub->db);
	}
	own->waited = matching->waited;
	rep_json_free(matching->done);
	return rc;
}

#define PASSES_MAX 8
#define FORGET "DELETE FROM _rematch"

/*
 * Joins until there is nothing more to join, then asks, where there is anything to ask. What a pass has written waits anew; what is
 * not joined after so many passes is joined after the next run, and nobody is asked before.
 */
enum rep_code rep_hub_matches(struct rep_hub *hub, const struct rep_hub_merge *options,
			      struct rep_run_total *total, struct rep_error *err)
{
	struct matching matching = {.hub = hub};
	struct rep_follower follower = {
		.reason = "match", .passes = PASSES_MAX, .pass = one_pass, .user = &matching};
	bool more = false;
	enum rep_code rc = rep_hub_follow(hub, options, &follower, total, &more, err);

	if (rc != REP_OK || more || !matching.waited)
		return rep_wrap(err, rc, "duplicates");
	if (!matching.left)
		return rep_wrap(err, rep_db_exec(hub->db, FORGET, err), "duplicates");
	matching.asks = true;
	follower.forget = FORGET;
	rc = rep_hub_follow(hub, options, &follower, total, &more, err);
	return rep_wrap(err, rc, "duplicates");
}
