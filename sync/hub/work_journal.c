/*
 * Journals and outcomes as the index takes them: effective stamps, mapped `saw`, the last line of a change's outcomes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/erased.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/document.h"

/* ---- effective stamps inside a value line ---- */

struct mapping {
	struct rep_db *db;
	const char *device;
	struct rep_error *err;
	enum rep_code rc;
};

/* The effective form of a text that is one's own stamp; NULL when it stays. */
static struct rep_json *map_text(struct mapping *map, const char *text)
{
	struct rep_stamp eff = {""};

	if (map->rc != REP_OK || !text || !rep_stamp_valid(text) ||
	    strcmp(rep_stamp_device(text), map->device) != 0)
		return NULL;
	map->rc = rep_changes_cut(map->db, map->device, text, &eff, map->err);
	return *eff.text ? rep_json_string(eff.text) : NULL;
}

static struct rep_json *map_value(struct mapping *map, const struct rep_json *value, bool inside);

static bool names_stamps(const char *key)
{
	return strcmp(key, "saw") == 0 || strcmp(key, "seen") == 0 || strcmp(key, "rivals") == 0;
}

static struct rep_json *map_object(struct mapping *map, const struct rep_json *object, bool inside)
{
	struct rep_json *out = rep_json_object();

	for (void *it = rep_json_iter(object); it; it = rep_json_iter_next(object, it)) {
		const char *key = rep_json_iter_key(it);

		rep_json_set(out, key,
			     map_value(map, rep_json_iter_value(it), inside || names_stamps(key)));
	}
	return out;
}

/* Only what stands beneath `saw`, `seen` and `rivals` names stamps: a text that a rep typed stays as it is. */
static struct rep_json *map_value(struct mapping *map, const struct rep_json *value, bool inside)
{
	struct rep_json *out;

	if (rep_json_is(value, REP_JSON_OBJECT))
		return map_object(map, value, inside);
	if (rep_json_is(value, REP_JSON_ARRAY)) {
		out = rep_json_array();
		for (size_t i = 0; i < rep_json_size(value); i++)
			rep_json_append(out, map_value(map, rep_json_at(value, i), inside));
		return out;
	}
	out = inside ? map_text(map, rep_json_string_value(value)) : NULL;
	return out ? out : rep_json_ref(value);
}

enum rep_code rep_chain_begin(struct rep_chain *out, struct rep_db *db, const char *device,
			      struct rep_error *err)
{
	struct rep_head head;
	struct rep_stmt *stmt;
	enum rep_code rc = rep_changes_head(db, device, &head, err);

	memset(out, 0, sizeof *out);
	memcpy(out->last, head.eff, sizeof out->last);
	if (rc == REP_OK)
		rc = rep_db_use(db, &stmt,
				"SELECT 1 FROM _change WHERE device = ?1 AND stamp <> eff LIMIT 1",
				err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, device);
	rc = rep_step(stmt, &out->any_cut, err);
	rep_stmt_reset(stmt);
	return rc;
}

/* ---- the organisation is never changed backwards ---- */

/* The fields of the entity that say from when on something holds, ended by NULL; NULL for none. */
static const char *const *dates_of(const struct rep_schema *schema, const char *name)
{
	static const char *const period[] = {"valid_from", "valid_to", NULL};
	static const char *const begin[] = {"effective", NULL};
	const struct rep_entity *entity = rep_schema_entity(schema, name);

	if (!entity)
		return NULL;
	if (entity->builtin == REP_BUILTIN_RELEASE)
		return begin;
	return entity->builtin == REP_BUILTIN_ASSIGNMENT || entity->builtin == REP_BUILTIN_ROLE
		       ? period
		       : NULL;
}

/*
 * Roles, assignments and versions of the schema begin and end when the hub knows of it, never before: what was judged by the
 * organisation of a time that has passed stays right. The receipt tells when that was, so that a replay, a rebuild and a
 * restored hub say the same.
 */
static enum rep_code not_before(struct rep_json **line, const char *const *dates,
				int64_t received_ms, struct rep_error *err)
{
	char time[REP_TIME_LEN + 1];
	struct rep_json *own = NULL;
	bool failed = false;

	rep_time_format(time, received_ms);
	for (size_t i = 0; dates[i]; i++) {
		const struct rep_json *values = rep_json_get(own ? own : *line, "values");
		const char *date = rep_json_get_string(rep_json_get(values, dates[i]), "new");

		if (!date || strcmp(date, time) >= 0)
			continue;
		if (!own)
			own = rep_json_dup(*line);
		failed = !rep_json_set_string(rep_json_get(rep_json_get(own, "values"), dates[i]),
					      "new", time) ||
			 failed;
	}
	if (!own)
		return failed ? rep_fail(err, REP_ENOMEM, "out of memory") : REP_OK;
	rep_json_free(*line);
	*line = own;
	return failed ? rep_fail(err, REP_ENOMEM, "out of memory") : REP_OK;
}

enum rep_code rep_arrived_init(struct rep_arrived *out, struct rep_hub *hub,
			       const struct rep_changeset *set, unsigned index,
			       struct rep_chain *chain, int64_t received_ms, struct rep_error *err)
{
	const struct rep_change *change = &set->changes[index];
	struct rep_db *db = hub->db;
	struct mapping map = {db, set->device, err, REP_OK};
	const char *const *dates = dates_of(hub->schema, change->entity);

	memset(out, 0, sizeof *out);
	out->cut = rep_effective_next(&out->eff, chain->last, change->stamp.text, received_ms);
	chain->any_cut = chain->any_cut || out->cut;
	out->signed_stamp = change->stamp.text;
	if (change->line)
		out->line = chain->any_cut ? map_value(&map, change->line, false)
					   : rep_json_ref(change->line);
	if (map.rc == REP_OK && change->line && !out->line)
		map.rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (map.rc == REP_OK && out->line && dates)
		map.rc = not_before(&out->line, dates, received_ms, err);
	out->edit = (struct rep_edit){
		.op = change->op,
		.entity = change->entity,
		.id = change->id,
		.stamp = out->eff.text,
		.rep = set->rep,
		.device = set->device,
		.seq = set->seq,
		.index = index,
		.line = out->line,
		.version = rep_version_of_id(set->schema, hub->schema->name),
	};
	return map.rc;
}

void rep_arrived_clear(struct rep_arrived *arrived)
{
	rep_json_free(arrived->line);
	arrived->line = NULL;
}

/* ---- outcomes ---- */

struct rep_json *rep_outcome_of_line(const struct rep_json *line)
{
	struct rep_json *out = rep_json_object();
	const char *name = rep_json_get_string(line, "outcome");

	for (void *it = rep_json_iter(line); it; it = rep_json_iter_next(line, it)) {
		const char *key = rep_json_iter_key(it);

		if (strcmp(key, "seq") != 0 && strcmp(key, "index") != 0)
			rep_json_set(out, key, rep_json_ref(rep_json_iter_value(it)));
	}
	if (name && strcmp(name, rep_outcome_name(REP_APPLIED)) == 0 && rep_json_size(out) == 1) {
		rep_json_free(out);
		return NULL;
	}
	return out;
}

void rep_outcome_write(struct rep_buf *out, int64_t seq, unsigned index,
		       const struct rep_json *outcome)
{
	struct rep_json *line = rep_json_object();

	for (void *it = outcome ? rep_json_iter(outcome) : NULL; it;
	     it = rep_json_iter_next(outcome, it))
		rep_json_set(line, rep_json_iter_key(it), rep_json_ref(rep_json_iter_value(it)));
	if (!outcome)
		rep_json_set_string(line, "outcome", rep_outcome_name(REP_APPLIED));
	rep_json_set_integer(line, "seq", seq);
	rep_json_set_integer(line, "index", index);
	rep_json_write(out, line);
	rep_buf_putc(out, '\n');
	rep_json_free(line);
}

enum rep_code rep_outcome_lines(const char *data, size_t len,
				enum rep_code (*each)(void *user, int64_t seq, unsigned index,
						      const struct rep_json *line,
						      struct rep_error *err),
				void *user, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	while (rc == REP_OK && len > 0) {
		const char *end = memchr(data, '\n', len);
		struct rep_json *line = NULL;

		if (!end)
			return rep_fail(err, REP_EINTEGRITY, "outcomes: the last line has no end");
		rc = rep_json_parse_canonical(&line, data, (size_t)(end - data), REP_JSON_DEPTH_MAX,
					      err);
		if (rc == REP_OK)
			rc = each(user, rep_json_get_integer(line, "seq"),
				  (unsigned)rep_json_get_integer(line, "index"), line, err);
		rep_json_free(line);
		len -= (size_t)(end - data) + 1;
		data = end + 1;
	}
	return rep_wrap(err, rc, "outcomes");
}

/* ---- a segment of central into the index ---- */

struct segment {
	struct rep_hub *hub;
	const char *path;
	struct rep_json *outcomes; /* "seq/index" -> last line */
	struct rep_head head;
	struct rep_chain chain;
	struct rep_receipt receipt;
	int64_t received_ms;
};

static enum rep_code keep_line(void *user, int64_t seq, unsigned index, const struct rep_json *line,
			       struct rep_error *err)
{
	char key[48];

	snprintf(key, sizeof key, "%lld/%u", (long long)seq, index);
	if (!rep_json_set(user, key, rep_json_ref(line)))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return REP_OK;
}

/* journal/... -> outcomes/...; with `receipt`, its receipt. */
static void beside(struct rep_buf *out, const char *path, bool receipt)
{
	rep_buf_printf(out, "outcomes/%.*s",
		       (int)(strlen(path) - strlen("journal/") - (receipt ? strlen(".jsonl") : 0)),
		       path + strlen("journal/"));
	if (receipt)
		rep_buf_puts(out, ".receipt.json");
}

/* Appends the blob at `path` below `root`; nothing when there is none. */
static enum rep_code read_blob(struct rep_hub *hub, const struct rep_oid *root, const char *path,
			       struct rep_buf *out, struct rep_error *err)
{
	struct rep_oid oid;
	bool is_tree = false;
	enum rep_code rc = rep_tree_find(hub->central, root, path, &oid, &is_tree, err);

	if (rc == REP_OK && !rep_oid_is_zero(&oid))
		rc = rep_git_read(hub->central, &oid, REP_OBJECT_BLOB, out, err);
	return rc;
}

static enum rep_code read_beside(struct segment *segment, const struct rep_oid *root,
				 struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256), bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	enum rep_code rc;

	beside(&path, segment->path, false);
	rc = read_blob(segment->hub, root, rep_buf_str(&path), &bytes, err);
	if (rc == REP_OK && bytes.len)
		rc = rep_outcome_lines(bytes.data, bytes.len, keep_line, segment->outcomes, err);
	rep_buf_reset(&path);
	rep_buf_reset(&bytes);
	beside(&path, segment->path, true);
	if (rc == REP_OK)
		rc = read_blob(segment->hub, root, rep_buf_str(&path), &bytes, err);
	if (rc == REP_OK)
		rc = rep_receipt_read(
			&segment->receipt, rep_buf_str(&bytes), bytes.len,
			rep_hubkeys_signer(&segment->hub->keys, rep_buf_str(&bytes), bytes.len),
			err);
	rc = rep_wrap(err, rc, "%s", rep_buf_str(&path));
	if (rc == REP_OK && !rep_time_parse(&segment->received_ms, segment->receipt.received))
		rc = rep_fail(err, REP_EINTEGRITY, "%s: bad time", rep_buf_str(&path));
	rep_buf_clear(&path);
	rep_buf_clear(&bytes);
	return rc;
}

/* Of the record that the change was written for, or of the one that it is merged into. */
static enum rep_code index_move(struct segment *segment, const struct rep_arrived *arrived,
				const char *id, const struct rep_json *moved, struct rep_error *err)
{
	if (!moved || !id)
		return REP_OK;
	return rep_work_moved(segment->hub->db, arrived->edit.entity, id, arrived->eff.text,
			      rep_json_get_string(moved, "from"), rep_json_get_string(moved, "to"),
			      err);
}

/* An erased line is what its erasure left of it, whichever of the two is read first. */
static enum rep_code index_erased(struct segment *segment, const struct rep_changeset *set,
				  struct rep_arrived *arrived, struct rep_error *err)
{
	const struct rep_erased_line line = {
		.device = set->device,
		.seq = set->seq,
		.index = arrived->edit.index,
		.digest = set->changes[arrived->edit.index].digest,
	};
	bool found = false;
	enum rep_code rc = REP_OK;

	if (!arrived->line)
		rc = rep_erased_find_line(segment->hub->db, line.device, line.seq, line.index,
					  &found, &arrived->line, err);
	if (rc == REP_OK && !arrived->line && !found)
		rc = rep_erased_put_line(segment->hub->db, &line, err);
	arrived->edit.line = arrived->line;
	return rc;
}

/* In the index alone: what the journals say already. */
static enum rep_code index_erasure(struct segment *segment, const struct rep_edit *edit,
				   struct rep_error *err)
{
	enum rep_code rc = rep_erased_closure(segment->hub->db, rep_json_get(edit->line, "closure"),
					      NULL, NULL, err);

	return rc == REP_OK ? rep_erased_put_record(segment->hub->db, edit->entity, edit->id,
						    edit->stamp, err)
			    : rc;
}

static enum rep_code index_change(struct segment *segment, const struct rep_changeset *set,
				  unsigned index, struct rep_error *err)
{
	struct rep_json *outcome = NULL;
	struct rep_arrived arrived;
	const struct rep_json *line;
	char key[48];
	enum rep_code rc = rep_arrived_init(&arrived, segment->hub, set, index, &segment->chain,
					    segment->received_ms, err);

	snprintf(key, sizeof key, "%lld/%u", (long long)set->seq, index);
	line = rep_json_get(segment->outcomes, key);
	if (line)
		outcome = rep_outcome_of_line(line);
	if (rc == REP_OK)
		rc = index_erased(segment, set, &arrived, err);
	if (rc == REP_OK && arrived.edit.op == REP_OP_ERASE)
		rc = index_erasure(segment, &arrived.edit, err);
	if (rc == REP_OK)
		rc = rep_work_change(segment->hub, &arrived.edit, arrived.signed_stamp, outcome,
				     segment->path, err);
	if (rc == REP_OK)
		rc = index_move(segment, &arrived, arrived.edit.id, rep_json_get(outcome, "moved"),
				err);
	if (rc == REP_OK)
		rc = index_move(segment, &arrived,
				rep_json_get_string(rep_json_get(outcome, "joined"), "id"),
				rep_json_get(outcome, "joined"), err);
	rep_json_free(outcome);
	rep_arrived_clear(&arrived);
	return rc;
}

static enum rep_code index_set(struct segment *segment, const struct rep_changeset *set,
			       struct rep_error *err)
{
	enum rep_code rc = rep_changes_set(segment->hub->db, set->device, set->seq, set->hash,
					   set->sealed, err);

	for (unsigned i = 0; rc == REP_OK && i < set->changes_len; i++)
		rc = index_change(segment, set, i, err);
	segment->head.seq = set->seq;
	memcpy(segment->head.hash, set->hash, sizeof segment->head.hash);
	return rc;
}

static enum rep_code index_row(struct segment *segment, const struct rep_changeset *last,
			       struct rep_error *err)
{
	int64_t sealed_ms = 0;
	struct rep_segment_row row = {
		.path = segment->path,
		.device = segment->receipt.device,
		.first = segment->receipt.first,
		.last = segment->receipt.last,
		.hub_time = segment->receipt.received,
	};

	if (last && rep_time_parse(&sealed_ms, last->sealed))
		row.offset_ms = sealed_ms - segment->received_ms;
	return rep_changes_segment(segment->hub->db, &row, err);
}

enum rep_code rep_work_segment(struct rep_hub *hub, const struct rep_oid *root, const char *path,
			       const char *data, size_t len, struct rep_error *err)
{
	struct segment segment = {.hub = hub, .path = path, .outcomes = rep_json_object()};
	enum rep_code rc = read_beside(&segment, root, err);

	if (rc == REP_OK)
		rc = rep_changes_head(hub->db, segment.receipt.device, &segment.head, err);
	if (rc == REP_OK)
		rc = rep_chain_begin(&segment.chain, hub->db, segment.receipt.device, err);
	if (rc == REP_OK) /* the changes name their segment, so that its row comes first */
		rc = index_row(&segment, NULL, err);
	while (rc == REP_OK && len > 0) {
		struct rep_changeset set = {0};
		size_t used = 0;

		rc = rep_changeset_read(&set, &used, data, len, NULL, err);
		if (rc == REP_OK)
			rc = index_set(&segment, &set, err);
		data += used;
		len -= used;
		if (rc == REP_OK && len == 0)
			rc = index_row(&segment, &set, err);
		rep_changeset_clear(&set);
	}
	memcpy(segment.head.eff, segment.chain.last, sizeof segment.head.eff);
	if (rc == REP_OK)
		rc = rep_changes_head_put(hub->db, segment.receipt.device, &segment.head, err);
	rep_json_free(segment.outcomes);
	return rep_wrap(err, rc, "%s", path);
}
