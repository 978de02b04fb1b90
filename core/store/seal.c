/*
 * Sealing: everything pending becomes change sets, in one transaction with the removal of the pending rows, so that a crash leaves
 * an edit in exactly one of the two.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/capture.h"
#include "core/store/columns.h"
#include "core/store/context.h"
#include "core/store/journal.h"
#include "core/store/line.h"
#include "core/store/tables.h"

/*
 * The skeleton is one line too: a change costs it 64 of digest, 38 of stamp, names and punctuation beside the ids, so that far
 * fewer than 10,000 changes of long ids fill it.
 */
#define SKELETON_SIZE_MAX (REP_LINE_SIZE_MAX - 4096u)
#define SKELETON_CHANGE_SIZE 190u
#define LINES_SIZE_MAX (16u * 1024u * 1024u)

struct sealer {
	struct rep_replica *replica;
	struct rep_context context;
	int64_t now_ms;
	struct rep_json *default_reason;
	char *rep;
	int64_t epoch, view;
	int64_t sealed;
	struct rep_changeset set; /* the one being filled */
	size_t cap;
	size_t skeleton_size;
	size_t lines_size;
	struct rep_json *reason; /* of the set; borrowed from its first line or the default */
};

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "seal: no memory");
}

/* ---- a change set ---- */

static enum rep_code begin_set(struct sealer *sealer, struct rep_error *err)
{
	struct rep_changeset *set = &sealer->set;
	struct rep_journal_head head;
	enum rep_code rc = rep_journal_head(sealer->replica->db, &head, err);

	if (rc != REP_OK)
		return rc;
	*set = (struct rep_changeset){
		.seq = head.seq + 1, .base_epoch = sealer->epoch, .base_view = sealer->view};
	memcpy(set->device, sealer->replica->device, sizeof set->device);
	memcpy(set->prev, head.hash, sizeof set->prev);
	rep_time_format(set->sealed, sealer->now_ms);
	set->rep = strdup(sealer->rep);
	set->schema = strdup(sealer->replica->schema->id);
	sealer->cap = sealer->skeleton_size = sealer->lines_size = 0;
	return set->rep && set->schema ? REP_OK : no_memory(err);
}

static enum rep_code end_set(struct sealer *sealer, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_changeset *set = &sealer->set;
	enum rep_code rc = REP_OK;

	if (set->changes_len > 0) {
		rc = rep_changeset_seal(&bytes, set, &sealer->replica->key, err);
		set->bytes = bytes.data;
		set->size_bytes = bytes.len;
		if (rc == REP_OK)
			rc = rep_journal_append(sealer->replica->db, set, err);
		if (rc == REP_OK)
			sealer->sealed++;
	}
	rep_changeset_clear(set);
	rep_json_free(sealer->reason);
	sealer->reason = NULL;
	rep_buf_clear(&bytes);
	return rc;
}

static bool is_full(const struct sealer *sealer, size_t skeleton_size, size_t line_size)
{
	return sealer->set.changes_len >= REP_CHANGES_MAX ||
	       sealer->skeleton_size + skeleton_size > SKELETON_SIZE_MAX ||
	       sealer->lines_size + line_size > LINES_SIZE_MAX;
}

/* Makes room for one more change of this reason and size. */
static enum rep_code make_room(struct sealer *sealer, const struct rep_json *reason,
			       size_t skeleton_size, size_t line_size, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (sealer->set.changes_len > 0 &&
	    (!rep_json_equal(reason, sealer->reason) || is_full(sealer, skeleton_size, line_size)))
		rc = end_set(sealer, err);
	if (rc == REP_OK && sealer->set.changes_len == 0) {
		rep_changeset_clear(&sealer->set);
		rc = begin_set(sealer, err);
		rep_json_free(sealer->reason);
		sealer->reason = reason ? rep_json_ref(reason) : NULL;
	}
	return rc;
}

static enum rep_code grow(struct sealer *sealer, struct rep_error *err)
{
	struct rep_changeset *set = &sealer->set;
	struct rep_change *grown;

	if (set->changes_len < sealer->cap)
		return REP_OK;
	sealer->cap = sealer->cap ? sealer->cap * 2 : 16;
	grown = reallocarray(set->changes, sealer->cap, sizeof *grown);
	if (!grown)
		return no_memory(err);
	set->changes = grown;
	return REP_OK;
}

static bool put_salt(struct rep_json *line)
{
	unsigned char random[16];
	char salt[33];

	rep_random(random, sizeof random);
	rep_hex(salt, random, sizeof random);
	return rep_json_set_string(line, "salt", salt);
}

/*
 * A line that is too long can only be that of a delete: capture bounds the new values of an edit. What the author saw is what a
 * delete is judged by, so the old values go, which the record's own history has; where the stamps of very many parts are still
 * too much, their hash stands for them.
 */
static bool shorten_field(struct rep_json *spec, bool parts)
{
	const struct rep_json *old = rep_json_get(spec, "old");
	const struct rep_json *seen = rep_json_get(spec, "seen");
	const struct rep_json *hashed = parts ? seen : old;
	bool list = !parts && rep_json_is(old, REP_JSON_ARRAY) && !seen &&
		    rep_json_get(rep_json_at(old, 0), "entry");
	char hash[REP_HASH_HEX + 1];

	if ((parts && seen) || list) {
		rep_edit_seen_hash(hash, hashed, list);
		if (!hash[0] || !rep_json_set_string(spec, "seen_hash", hash))
			return false;
	}
	rep_json_del(spec, parts ? "seen" : "old");
	return true;
}

static bool shorten(struct rep_json *line, bool parts)
{
	struct rep_json *values = rep_json_get(line, "values");
	bool done = values != NULL;

	for (void *it = values ? rep_json_iter(values) : NULL; it && done;
	     it = rep_json_iter_next(values, it))
		done = shorten_field(rep_json_iter_value(it), parts);
	return done;
}

static bool line_size(struct rep_json *line, size_t *size)
{
	char *text = rep_json_text(line);

	*size = text ? strlen(text) : 0;
	free(text);
	return text != NULL;
}

static enum rep_code add_change(struct sealer *sealer, const struct rep_pending *pending,
				enum rep_op op, const struct rep_stamp *stamp,
				struct rep_json *line, struct rep_error *err)
{
	const struct rep_json *reason = pending->reason ? pending->reason : sealer->default_reason;
	size_t skeleton_size = SKELETON_CHANGE_SIZE + strlen(pending->entity) + strlen(pending->id);
	struct rep_change *change;
	size_t size = 0;
	enum rep_code rc;

	if (!put_salt(line) || (reason && !rep_json_set(line, "reason", rep_json_ref(reason))) ||
	    !line_size(line, &size))
		return no_memory(err);
	for (int parts = 0; size > REP_LINE_SIZE_MAX && parts < 2; parts++) {
		if (!shorten(line, parts != 0) || !line_size(line, &size))
			return no_memory(err);
	}
	rc = make_room(sealer, reason, skeleton_size, size, err);
	if (rc == REP_OK)
		rc = grow(sealer, err);
	if (rc != REP_OK)
		return rc;
	change = &sealer->set.changes[sealer->set.changes_len];
	*change = (struct rep_change){.op = op,
				      .entity = strdup(pending->entity),
				      .id = strdup(pending->id),
				      .stamp = *stamp,
				      .line = rep_json_ref(line)};
	sealer->set.changes_len++;
	sealer->skeleton_size += skeleton_size;
	sealer->lines_size += size;
	return change->entity && change->id ? REP_OK : no_memory(err);
}

/* ---- the row ---- */

static bool same_entry(const struct rep_json *entry, const struct rep_json *given)
{
	return !rep_json_get(entry, "entry") && rep_json_equal(entry, given);
}

/* The entry in the row gets what the fold will give it: its stamp, its author, its time. */
static bool sign_entry(const struct sealer *sealer, struct rep_record *record, const char *field,
		       const struct rep_json *given, const struct rep_stamp *stamp)
{
	const struct rep_json *list = rep_json_get(record->fields, field);
	char time[REP_TIME_LEN + 1] = "";

	memcpy(time, stamp->text, REP_TIME_LEN);
	for (size_t i = 0; i < rep_json_size(list); i++) {
		struct rep_json *entry = rep_json_at(list, i);

		if (!same_entry(entry, given))
			continue;
		return rep_json_set_string(entry, "at", time) &&
		       rep_json_set_string(entry, "by", sealer->rep) &&
		       rep_json_set_string(entry, "entry", stamp->text);
	}
	return false;
}

static bool sign_entries(const struct sealer *sealer, struct rep_record *record,
			 const struct rep_lines *lines)
{
	bool any = false;

	for (size_t i = 0; i < lines->len; i++) {
		const struct rep_json *values = rep_json_get(lines->lines[i].line, "values");

		for (void *it = values ? rep_json_iter(values) : NULL; it;
		     it = rep_json_iter_next(values, it)) {
			const char *name = rep_json_iter_key(it);
			const struct rep_field *field = rep_entity_field(record->entity, name);
			const struct rep_json *spec = rep_json_iter_value(it);
			struct rep_json *given = rep_json_get(spec, "entry");

			if (!field || field->type != REP_TYPE_LIST)
				continue;
			given = given ? given : rep_json_at(rep_json_get(spec, "new"), 0);
			given = given ? rep_json_dup(given) : NULL;
			any = (given &&
			       sign_entry(sealer, record, name, given, &lines->lines[i].stamp)) ||
			      any;
			rep_json_free(given);
		}
	}
	return any;
}

static enum rep_code write_lists(struct sealer *sealer, const struct rep_record *record,
				 struct rep_error *err)
{
	struct rep_db *db = sealer->replica->db;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < record->entity->fields_len; i++) {
		const struct rep_field *field = &record->entity->fields[i];
		struct rep_buf sql = REP_BUF_INIT(1024);
		struct rep_stmt *stmt;

		if (field->type != REP_TYPE_LIST)
			continue;
		rep_buf_puts(&sql, "UPDATE ");
		rep_db_quote(&sql, rep_table_name(record->entity));
		rep_buf_puts(&sql, " SET ");
		rep_db_quote(&sql, field->name);
		rep_buf_puts(&sql, " = ?1 WHERE id = ?2");
		rc = rep_db_use(db, &stmt, rep_buf_str(&sql), err);
		rep_buf_clear(&sql);
		if (rc != REP_OK)
			return rc;
		if (!rep_column_bind(stmt, 1, field, rep_json_get(record->fields, field->name)))
			continue;
		rep_bind_text(stmt, 2, record->id);
		rc = rep_run(stmt, err);
	}
	return rc;
}

/* A row that another client inserted does not know its partition yet; one that cannot be found stays so until the hub says. */
static enum rep_code write_partition(struct sealer *sealer, const struct rep_record *record,
				     struct rep_error *err)
{
	struct rep_buf partition = REP_BUF_INIT(4 * REP_ID_LEN_MAX);
	struct rep_buf sql = REP_BUF_INIT(1024);
	struct rep_error ignored;
	struct rep_stmt *stmt;
	enum rep_code rc = REP_OK;

	sealer->context.follows = record->entity->moves;
	if (rep_partition_find(&partition, record->entity, record->id, record->fields,
			       record->created_rep, record->created.text, &sealer->context.fold,
			       &ignored) == REP_OK) {
		rep_buf_puts(&sql, "UPDATE ");
		rep_db_quote(&sql, rep_table_name(record->entity));
		rep_buf_puts(&sql, " SET _partition = ?1 WHERE id = ?2");
		rc = rep_db_use(sealer->replica->db, &stmt, rep_buf_str(&sql), err);
		if (rc == REP_OK) {
			rep_bind_text(stmt, 1, rep_buf_str(&partition));
			rep_bind_text(stmt, 2, record->id);
			rc = rep_run(stmt, err);
		}
	}
	rep_buf_clear(&sql);
	rep_buf_clear(&partition);
	return rc;
}

static bool concerns_row(const struct rep_entity *entity, const struct rep_pending *pending)
{
	bool lists = false;

	for (size_t i = 0; entity && i < entity->fields_len; i++)
		lists = lists || entity->fields[i].type == REP_TYPE_LIST;
	return entity && (pending->op == REP_OP_INSERT || (pending->op == REP_OP_UPDATE && lists));
}

static enum rep_code settle_row(struct sealer *sealer, const struct rep_pending *pending,
				const struct rep_lines *lines, struct rep_error *err)
{
	const struct rep_entity *entity =
		rep_schema_entity(sealer->replica->schema, pending->entity);
	struct rep_record *record = NULL;
	enum rep_code rc;

	if (!concerns_row(entity, pending))
		return REP_OK;
	rc = rep_row_get(sealer->replica->db, entity, pending->id, &record, err);
	if (rc == REP_OK && record && record->partition[0] == '\0')
		rc = write_partition(sealer, record, err);
	if (rc == REP_OK && record && sign_entries(sealer, record, lines))
		rc = write_lists(sealer, record, err);
	rep_record_free(record);
	return rc;
}

/* ---- all of it ---- */

static enum rep_code seal_one(struct sealer *sealer, const struct rep_pending *pending,
			      struct rep_error *err)
{
	struct rep_lines lines;
	enum rep_code rc = rep_lines_make(&lines, sealer->replica, pending, err);

	if (rc != REP_OK)
		return rc;
	rc = settle_row(sealer, pending, &lines, err);
	for (size_t i = 0; rc == REP_OK && i < lines.len; i++)
		rc = add_change(sealer, pending, lines.lines[i].op, &lines.lines[i].stamp,
				lines.lines[i].line, err);
	rep_lines_clear(&lines);
	return rep_wrap(err, rc, "%s %s", pending->entity, pending->id);
}

static enum rep_code seal_all(struct sealer *sealer, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc =
		rep_db_prepare(sealer->replica->db, &stmt,
			       "SELECT n, entity, id, op, stamp, reason, extra FROM _pending "
			       "ORDER BY n",
			       err);

	if (rc != REP_OK)
		return rc;
	while (rc == REP_OK && row) {
		struct rep_pending pending = {0};

		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = rep_pending_read(&pending, stmt, err);
		if (rc == REP_OK && row)
			rc = seal_one(sealer, &pending, err);
		rep_pending_clear(&pending);
	}
	rep_stmt_free(stmt);
	if (rc == REP_OK)
		rc = end_set(sealer, err);
	if (rc == REP_OK)
		rc = rep_db_exec(
			sealer->replica->db,
			"DELETE FROM _pending_field; DELETE FROM _pending; DELETE FROM _shadow",
			err);
	return rc;
}

static enum rep_code begin(struct sealer *sealer, const char *reason, struct rep_error *err)
{
	struct rep_db *db = sealer->replica->db;
	bool nomem = false;
	enum rep_code rc = rep_meta_get(db, "rep", &sealer->rep, err);

	if (rc == REP_OK)
		rc = rep_meta_get_int(db, "epoch", &sealer->epoch, err);
	if (rc == REP_OK)
		rc = rep_meta_get_int(db, "view", &sealer->view, err);
	if (rc == REP_OK && reason)
		sealer->default_reason = rep_column_string(reason, strlen(reason), &nomem);
	if (rc == REP_OK && (nomem || (!sealer->rep && !(sealer->rep = strdup("")))))
		rc = no_memory(err);
	return rc;
}

/* The caller (a pull) may be silent already, and then stays so. */
static enum rep_code in_silence(struct sealer *sealer, struct rep_error *err)
{
	struct rep_db *db = sealer->replica->db;
	struct rep_stmt *stmt;
	bool silent = false;
	enum rep_code rc = rep_db_use(db, &stmt, "SELECT 1 FROM _silent LIMIT 1", err);

	if (rc == REP_OK)
		rc = rep_step(stmt, &silent, err);
	if (rc != REP_OK)
		return rc;
	rep_stmt_reset(stmt);
	if (!silent)
		rc = rep_capture_silence(db, true, err);
	if (rc == REP_OK)
		rc = seal_all(sealer, err);
	if (rc == REP_OK && !silent)
		rc = rep_capture_silence(db, false, err);
	return rc;
}

enum rep_code rep_seal(struct rep_replica *replica, int64_t now_ms, const char *reason,
		       int64_t *sealed, struct rep_error *err)
{
	struct sealer sealer = {.replica = replica, .now_ms = now_ms};
	enum rep_code rc;

	*sealed = 0;
	if (!replica->schema || rep_pending_count(replica->db) == 0)
		return REP_OK;
	rep_context_init(&sealer.context, replica);
	rc = rep_db_begin(replica->db, err);
	if (rc == REP_OK) {
		rc = begin(&sealer, reason, err);
		if (rc == REP_OK)
			rc = in_silence(&sealer, err);
		if (rc == REP_OK)
			rc = rep_db_commit(replica->db, err);
		else
			rep_db_abort(replica->db);
	}
	if (rc == REP_OK)
		*sealed = sealer.sealed;
	rep_changeset_clear(&sealer.set);
	rep_json_free(sealer.reason);
	rep_json_free(sealer.default_reason);
	rep_context_clear(&sealer.context);
	free(sealer.rep);
	return rep_wrap(err, rc, "seal");
}
