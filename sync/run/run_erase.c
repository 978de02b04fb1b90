/*
 * Erasing within a run: the lines that an `erase` names, and those that come later for a record that was erased.
 *
 *	1 an `erase` is folded			the lines that it names are erased in the index; every record that they are of is
 *						folded again. Of its record there are no others: it is merged before what
 *						devices sent meanwhile (run.c)
 *	2 a line comes that an erasure names	it is what the erasure left of it
 *	3 a line comes for an erased record	refused; nothing of it is kept
 *
 * Whatever was erased is null in the journal files of the run's tree. What lies behind is erasing.h's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/erased.h"
#include "sync/run/erasing.h"
#include "sync/run/run.h"

/* What a part of a run erases. */
struct rep_run_erasing {
	struct rep_json *records;  /* "<entity>/<id>" to be folded again */
	struct rep_json *segments; /* path in central's journal */
	struct rep_json *devices;  /* whose list alters */
	struct rep_json *gone;     /* ids of the records that were erased */
};

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

void rep_run_erasing_clear(struct rep_run *run)
{
	struct rep_run_erasing *erasing = run->erasing;

	if (!erasing)
		return;
	rep_json_free(erasing->records);
	rep_json_free(erasing->segments);
	rep_json_free(erasing->devices);
	rep_json_free(erasing->gone);
	free(erasing);
	run->erasing = NULL;
}

static enum rep_code begin(struct rep_run *run, struct rep_error *err)
{
	struct rep_run_erasing *erasing = run->erasing;

	if (erasing)
		return REP_OK;
	run->erasing = erasing = calloc(1, sizeof *erasing);
	if (!erasing)
		return no_memory(err);
	erasing->records = rep_json_object();
	erasing->segments = rep_json_object();
	erasing->devices = rep_json_object();
	erasing->gone = rep_json_object();
	return erasing->records && erasing->segments && erasing->devices && erasing->gone
		       ? REP_OK
		       : no_memory(err);
}

static enum rep_code note(struct rep_json *names, const char *name, struct rep_error *err)
{
	return rep_json_set(names, name, rep_json_bool(true)) ? REP_OK : no_memory(err);
}

enum rep_code rep_run_erases(struct rep_run *run, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(run->hub->db, &stmt,
				      "SELECT 1 FROM _erased_line UNION ALL SELECT 1 FROM _erased"
				      " LIMIT 1",
				      err);

	run->erases = false;
	if (rc == REP_OK)
		rc = rep_step(stmt, &run->erases, err);
	if (rc == REP_OK)
		rep_stmt_reset(stmt);
	return rc;
}

/* ---- cases 2 and 3 ---- */

enum rep_code rep_run_withhold(struct rep_run *run, const char *segment,
			       const struct rep_changeset *set, struct rep_arrived *arrived,
			       struct rep_error *err)
{
	const struct rep_change *change = &set->changes[arrived->edit.index];
	const struct rep_erased_line line = {.device = set->device,
					     .seq = set->seq,
					     .index = arrived->edit.index,
					     .digest = change->digest};
	struct rep_json *kept = NULL;
	bool found = false, erased = false;
	enum rep_code rc;

	if (!run->erases || change->op == REP_OP_ERASE)
		return REP_OK;
	rc = rep_erased_find_line(run->hub->db, line.device, line.seq, line.index, &found, &kept,
				  err);
	if (rc == REP_OK && !found)
		rc = rep_erased_has_record(run->hub->db, change->entity, change->id, &erased, err);
	if (rc == REP_OK && erased)
		rc = rep_erased_put_line(run->hub->db, &line, err);
	if (rc == REP_OK && (found || erased))
		rc = begin(run, err);
	if (rc != REP_OK || (!found && !erased)) {
		rep_json_free(kept);
		return rc;
	}
	rep_json_free(arrived->line);
	arrived->line = kept;
	arrived->edit.line = kept;
	rc = note(run->erasing->segments, segment, err);
	if (rc == REP_OK)
		rc = note(run->erasing->devices, set->device, err);
	return rc == REP_OK ? rep_erasing_note(run->hub, set->device, err) : rc;
}

/* Is the line, which is not there, one that came after its record was erased? */
static enum rep_code came_later(struct rep_run *run, const struct rep_edit *edit, bool *later,
				struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		run->hub->db, &stmt,
		"SELECT 1 FROM _erased_line l JOIN _erased e ON e.entity = ?4 AND e.id = ?5"
		" WHERE l.device = ?1 AND l.seq = ?2 AND l.idx = ?3 AND l.listed = 0",
		err);

	*later = false;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, edit->device);
	rep_bind_int(stmt, 2, edit->seq);
	rep_bind_int(stmt, 3, edit->index);
	rep_bind_text(stmt, 4, edit->entity);
	rep_bind_text(stmt, 5, edit->id);
	rc = rep_step(stmt, later, err);
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_run_erased_outcome(struct rep_run *run, const struct rep_edit *edit,
				     struct rep_json **outcome, struct rep_error *err)
{
	bool later = false;
	enum rep_code rc = run->erases ? came_later(run, edit, &later, err) : REP_OK;

	*outcome = NULL;
	if (rc != REP_OK || !later)
		return rc;
	*outcome = rep_json_object();
	if (!rep_json_set_string(*outcome, "outcome", rep_outcome_name(REP_REJECTED)) ||
	    !rep_json_set_string(*outcome, "code", "erased"))
		return no_memory(err);
	return rep_run_rejection(run, edit, *outcome, false, err);
}

/* ---- case 1 ---- */

static enum rep_code note_line(struct rep_run *run, const struct rep_erased_line *line,
			       bool *indexed, struct rep_error *err)
{
	char key[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];
	struct rep_indexed change;
	enum rep_code rc = rep_changes_get(run->hub->db, line->device, line->seq, line->index,
					   &change, indexed, err);

	if (rc == REP_OK && *indexed) {
		snprintf(key, sizeof key, "%s/%s", change.entity, change.id);
		rc = note(run->erasing->records, key, err);
		if (rc == REP_OK && change.segment)
			rc = note(run->erasing->segments, change.segment, err);
		if (rc == REP_OK)
			rc = note(run->erasing->devices, line->device, err);
	}
	rep_indexed_clear(&change);
	return rc;
}

static enum rep_code on_line(void *user, const struct rep_erased_line *line, struct rep_error *err)
{
	bool indexed = false;

	return note_line(user, line, &indexed, err);
}

enum rep_code rep_run_erase(struct rep_run *run, const struct rep_edit *edit, struct rep_error *err)
{
	enum rep_code rc = begin(run, err);

	if (rc == REP_OK)
		rc = rep_erasing_note(run->hub, REP_ERASING_CENTRAL, err);
	if (rc == REP_OK)
		rc = rep_erased_closure(run->hub->db, rep_json_get(edit->line, "closure"), on_line,
					run, err);
	if (rc == REP_OK)
		rc = rep_erased_put_record(run->hub->db, edit->entity, edit->id, edit->stamp, err);
	if (rc == REP_OK)
		rc = note(run->erasing->gone, edit->id, err);
	run->erases = true;
	return rc;
}

static enum rep_code refold(struct rep_run *run, const char *key, struct rep_error *err)
{
	char name[REP_NAME_LEN_MAX + 1];
	const char *slash = strchr(key, '/');
	const struct rep_entity *entity;
	struct rep_touched *touched;
	enum rep_code rc;

	snprintf(name, sizeof name, "%.*s", (int)(slash - key), key);
	entity = rep_schema_entity(run->hub->schema, name);
	if (!entity)
		return REP_OK;
	rc = rep_run_touch(run, entity, slash + 1, &touched, err);
	return rc == REP_OK ? rep_run_refold_follow(run, touched, err) : rc;
}

enum rep_code rep_run_erase_follow(struct rep_run *run, const struct rep_edit *edit,
				   struct rep_error *err)
{
	char own[REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2];
	struct rep_json *records = run->erasing->records;
	enum rep_code rc = REP_OK;

	snprintf(own, sizeof own, "%s/%s", edit->entity, edit->id);
	for (void *it = rep_json_iter(records); rc == REP_OK && it;
	     it = rep_json_iter_next(records, it))
		if (strcmp(rep_json_iter_key(it), own) != 0)
			rc = refold(run, rep_json_iter_key(it), err);
	rep_json_free(records);
	run->erasing->records = rep_json_object();
	return rc == REP_OK && !run->erasing->records ? no_memory(err) : rc;
}

/* ---- the files of the run's tree ---- */

enum rep_code rep_run_put_segment(struct rep_run *run, const struct rep_run_segment *segment,
				  struct rep_error *err)
{
	struct rep_buf clean = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	bool changed = false;
	enum rep_code rc = REP_OK;

	if (run->erasing && rep_json_get(run->erasing->segments, segment->path))
		rc = rep_erase_segment(run->hub->db, segment->data, segment->size_bytes, &clean,
				       &changed, err);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(run->tree, segment->path,
				       changed ? clean.data : segment->data,
				       changed ? clean.len : segment->size_bytes, err);
	rep_buf_clear(&clean);
	return rep_wrap(err, rc, "%s", segment->path);
}

static enum rep_code clean_segment(struct rep_run *run, const char *path, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_buf clean = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_oid oid;
	bool is_tree = false, changed = false;
	enum rep_code rc = rep_tree_get(run->tree, path, &oid, &is_tree, err);

	if (rc == REP_OK && !rep_oid_is_zero(&oid))
		rc = rep_pack_read(run->pack, &oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK && bytes.len)
		rc = rep_erase_segment(run->hub->db, bytes.data, bytes.len, &clean, &changed, err);
	if (rc == REP_OK && changed)
		rc = rep_tree_put_blob(run->tree, path, clean.data, clean.len, err);
	rep_buf_clear(&bytes);
	rep_buf_clear(&clean);
	return rep_wrap(err, rc, "erase in %s", path);
}

static enum rep_code put_list(struct rep_run *run, const char *device, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256), text = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	enum rep_code rc = rep_erased_write(run->hub->db, device, &text, err);

	rep_path_erased(&path, device);
	if (rc == REP_OK && text.len)
		rc = rep_tree_put_blob(run->tree, rep_buf_str(&path), text.data, text.len, err);
	rep_buf_clear(&path);
	rep_buf_clear(&text);
	return rc;
}

struct searching {
	struct rep_run *run;
	struct rep_buf bytes;
};

bool rep_erase_names(const struct rep_buf *bytes, const char *id)
{
	return bytes->len && memmem(bytes->data, bytes->len, id, strlen(id)) != NULL;
}

/* What was never merged cannot be taken apart: it goes whole where it names an erased record. */
static enum rep_code on_quarantine(void *user, const char *path, const struct rep_oid *old_oid,
				   const struct rep_oid *new_oid, struct rep_error *err)
{
	struct searching *searching = user;
	struct rep_run *run = searching->run;
	const size_t len = strlen(path);
	bool names = false;
	char full[1200];
	struct rep_stmt *stmt;
	enum rep_code rc;

	(void)old_oid;
	if (len < 6 || strcmp(path + len - 6, ".jsonl") != 0)
		return REP_OK;
	rep_buf_reset(&searching->bytes);
	rc = rep_git_read(run->hub->central, new_oid, REP_OBJECT_BLOB, &searching->bytes, err);
	for (void *it = rep_json_iter(run->erasing->gone); rc == REP_OK && !names && it;
	     it = rep_json_iter_next(run->erasing->gone, it))
		names = rep_erase_names(&searching->bytes, rep_json_iter_key(it));
	if (rc != REP_OK || !names)
		return rc;
	snprintf(full, sizeof full, "quarantine/%s", path);
	rc = rep_tree_remove(run->tree, full, err);
	full[strlen(full) - 1] = '\0'; /* ....jsonl -> ....json */
	if (rc == REP_OK)
		rc = rep_tree_remove(run->tree, full, err);
	if (rc == REP_OK)
		rc = rep_db_use(run->hub->db, &stmt, "DELETE FROM _quarantine WHERE path = ?1",
				err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, full);
	return rep_run(stmt, err);
}

static enum rep_code clean_quarantine(struct rep_run *run, struct rep_error *err)
{
	struct searching searching = {run, REP_BUF_INIT(REP_SEGMENT_HARD_MAX)};
	struct rep_oid root, parent, tree = rep_oid_zero;
	int64_t time_s;
	bool is_tree = false;
	enum rep_code rc =
		rep_git_commit_read(run->hub->central, &run->base, &root, &parent, &time_s, err);

	if (rc == REP_OK)
		rc = rep_tree_find(run->hub->central, &root, "quarantine", &tree, &is_tree, err);
	if (rc == REP_OK && is_tree)
		rc = rep_tree_diff(run->hub->central, &rep_oid_zero, &tree, on_quarantine,
				   &searching, err);
	rep_buf_clear(&searching.bytes);
	return rc;
}

enum rep_code rep_run_erase_files(struct rep_run *run, struct rep_error *err)
{
	struct rep_run_erasing *erasing = run->erasing;
	enum rep_code rc = REP_OK;

	if (!erasing)
		return REP_OK;
	for (void *it = rep_json_iter(erasing->segments); rc == REP_OK && it;
	     it = rep_json_iter_next(erasing->segments, it))
		rc = clean_segment(run, rep_json_iter_key(it), err);
	for (void *it = rep_json_iter(erasing->devices); rc == REP_OK && it;
	     it = rep_json_iter_next(erasing->devices, it))
		rc = put_list(run, rep_json_iter_key(it), err);
	if (rc == REP_OK && rep_json_size(erasing->gone))
		rc = clean_quarantine(run, err);
	rep_run_erasing_clear(run);
	return rep_wrap(err, rc, "erase");
}
