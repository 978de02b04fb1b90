/*
 * From one tree of central to another: journals into the index, record files into rows.
 *
 * Paths come in their order, not in an order that helps, so that they are first noted in temporary tables: a record that moved
 * shows as one path removed and one added, and the segments of a device must be indexed along its chain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/device/device_work.h" /* rep_view_record */
#include "sync/hub/hub_state.h"
#include "sync/hub/match.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/recovery.h"

static const char temporary[] =
	"CREATE TEMP TABLE IF NOT EXISTS _todo(entity TEXT NOT NULL, id TEXT NOT NULL, partition TEXT,"
	" PRIMARY KEY(entity, id)) STRICT, WITHOUT ROWID;"
	"CREATE TEMP TABLE IF NOT EXISTS _todo_segment(path TEXT PRIMARY KEY, device TEXT NOT NULL,"
	" first INTEGER NOT NULL, oid TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TEMP TABLE IF NOT EXISTS _todo_outcome(path TEXT PRIMARY KEY, oid TEXT NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"DELETE FROM _todo; DELETE FROM _todo_segment; DELETE FROM _todo_outcome;";

struct apply {
	struct rep_hub *hub;
	const struct rep_oid *root; /* the new tree */
	struct rep_lookup *lookup;  /* of paths in it */
	const struct rep_progress *progress;
	int64_t run; /* newest statement among the paths */
	struct rep_oid statement;
	uint64_t done;
};

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && strcmp(text + len - tail, end) == 0;
}

/* ---- noting ---- */

static enum rep_code note_record(struct apply *apply, const char *path, bool there,
				 struct rep_error *err)
{
	struct rep_record_place place;
	struct rep_stmt *stmt;
	enum rep_code rc;

	if (!rep_record_path_parse(&place, apply->hub->schema, path))
		return strcmp(path, "org/hub.json") == 0 || strcmp(path, REP_RECOVERY_PATH) == 0 ||
				       starts_with(path, REP_HUBKEYS_DIR "/")
			       ? REP_OK
			       : rep_fail(err, REP_EINTEGRITY, "%s is no path of a record", path);
	/* An added path wins over the removed one of the same record, whichever comes first. */
	rc = rep_db_use(
		apply->hub->db, &stmt,
		"INSERT INTO temp._todo(entity, id, partition) VALUES(?1, ?2, ?3)"
		" ON CONFLICT DO UPDATE SET partition = coalesce(excluded.partition, partition)",
		err);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, place.entity);
	rep_bind_text(stmt, 2, place.id);
	/* A twin that goes leaves its record where it is; its main file's own path says where. */
	if (there || strcmp(place.visibility, "open") != 0)
		rep_bind_text(stmt, 3, there ? place.partition : NULL);
	else
		rep_bind_null(stmt, 3);
	return rep_run(stmt, err);
}

/* <dir>/<dd>/<device>/<yyyy-mm>/<first>-<last>.jsonl */
static bool parse_segment(const char *path, char device[REP_DEVICE_LEN + 1], long long *first,
			  long long *last)
{
	return sscanf(path, "%*[a-z]/%*2[0-9a-f]/%8[a-z0-9]/%*7[0-9-]/%lld-%lld.jsonl", device,
		      first, last) == 3 &&
	       ends_with(path, ".jsonl");
}

static enum rep_code note_segment(struct apply *apply, const char *path, const struct rep_oid *oid,
				  struct rep_error *err)
{
	char device[REP_DEVICE_LEN + 1], hex[REP_OID_HEX + 1];
	long long first, last;
	struct rep_stmt *stmt;
	enum rep_code rc;

	if (!parse_segment(path, device, &first, &last))
		return ends_with(path, "/head.json")
			       ? REP_OK
			       : rep_fail(err, REP_EINTEGRITY, "%s is no path of a segment", path);
	rc = rep_db_use(
		apply->hub->db, &stmt,
		"INSERT INTO temp._todo_segment(path, device, first, oid) VALUES(?1, ?2, ?3, ?4)",
		err);
	if (rc != REP_OK)
		return rc;
	rep_oid_hex(hex, oid);
	rep_bind_text(stmt, 1, path);
	rep_bind_text(stmt, 2, device);
	rep_bind_int(stmt, 3, first);
	rep_bind_text(stmt, 4, hex);
	return rep_run(stmt, err);
}

static enum rep_code note_outcomes(struct apply *apply, const char *path, const struct rep_oid *oid,
				   struct rep_error *err)
{
	char hex[REP_OID_HEX + 1];
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(apply->hub->db, &stmt,
			   "INSERT INTO temp._todo_outcome(path, oid) VALUES(?1, ?2)", err);

	if (rc != REP_OK)
		return rc;
	rep_oid_hex(hex, oid);
	rep_bind_text(stmt, 1, path);
	rep_bind_text(stmt, 2, hex);
	return rep_run(stmt, err);
}

static enum rep_code note_quarantine(struct apply *apply, const char *path,
				     const struct rep_oid *oid, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *document = NULL;
	struct rep_stmt *stmt;
	enum rep_code rc;

	if (!ends_with(path, ".json"))
		return REP_OK;
	rc = rep_git_read(apply->hub->central, oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_json_parse(&document, rep_buf_str(&bytes), bytes.len, REP_TEXT_SIZE_MAX,
				    REP_JSON_DEPTH_MAX, err);
	if (rc == REP_OK)
		rc = rep_db_use(
			apply->hub->db, &stmt,
			"INSERT OR REPLACE INTO _quarantine(path, device, first, last, reason)"
			" VALUES(?1, ?2, ?3, ?4, ?5)",
			err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, path);
		rep_bind_text(stmt, 2, rep_json_get_string(document, "device"));
		rep_bind_int(stmt, 3, rep_json_get_integer(document, "first"));
		rep_bind_int(stmt, 4, rep_json_get_integer(document, "last"));
		rep_bind_text(stmt, 5, rep_json_get_string(document, "reason"));
		rc = rep_run(stmt, err);
	}
	rep_json_free(document);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "%s", path);
}

/* statements/<yyyy-mm>/<run>.json */
static void note_statement(struct apply *apply, const char *path, const struct rep_oid *oid)
{
	const char *name = strrchr(path, '/');
	long long run = name ? strtoll(name + 1, NULL, 10) : 0;

	if (run > apply->run) {
		apply->run = run;
		apply->statement = *oid;
	}
}

static enum rep_code note(void *user, const char *path, const struct rep_oid *old_oid,
			  const struct rep_oid *new_oid, struct rep_error *err)
{
	struct apply *apply = user;
	bool there = !rep_oid_is_zero(new_oid);

	(void)old_oid;
	rep_progress_step(apply->progress, "read", ++apply->done, 0);
	if (starts_with(path, "data/") || starts_with(path, "restricted/") ||
	    starts_with(path, "org/"))
		return note_record(apply, path, there, err);
	if (!there)
		return REP_OK;
	if (starts_with(path, "journal/"))
		return note_segment(apply, path, new_oid, err);
	if (starts_with(path, "outcomes/") && ends_with(path, ".jsonl"))
		return note_outcomes(apply, path, new_oid, err);
	if (starts_with(path, "quarantine/"))
		return note_quarantine(apply, path, new_oid, err);
	if (starts_with(path, "statements/"))
		note_statement(apply, path, new_oid);
	return REP_OK;
}

/* ---- applying ---- */

/* Where a record lies now: as noted, or, where only a twin went, where its row says. */
static enum rep_code place_of(struct apply *apply, const struct rep_entity *entity, const char *id,
			      const char *noted, struct rep_buf *out, struct rep_error *err)
{
	if (noted) {
		rep_buf_puts(out, noted);
		return REP_OK;
	}
	return rep_row_partition(apply->hub->db, entity, id, out, err);
}

static enum rep_code apply_record(struct apply *apply, const char *name, const char *id,
				  const char *noted, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(apply->hub->schema, name);
	struct rep_buf partition = REP_BUF_INIT(256);
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	enum rep_code rc = place_of(apply, entity, id, noted, &partition, err);

	if (rc == REP_OK && partition.len)
		rc = rep_view_record(&record, &extra, apply->lookup, apply->hub->schema, entity,
				     rep_buf_str(&partition), id, false, err);
	if (rc == REP_OK && record)
		rc = rep_work_put(apply->hub, record, extra, err);
	else if (rc == REP_OK)
		rc = rep_work_drop(apply->hub, entity, id, err);
	rep_json_free(extra);
	rep_record_free(record);
	rep_buf_clear(&partition);
	return rc;
}

static enum rep_code apply_records(struct apply *apply, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_db_prepare(apply->hub->db, &stmt,
					  "SELECT entity, id, partition FROM temp._todo", err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row)
		rc = apply_record(apply, rep_column_text(stmt, 0, NULL),
				  rep_column_text(stmt, 1, NULL), rep_column_text(stmt, 2, NULL),
				  err);
	rep_stmt_free(stmt);
	return rc;
}

/*
 * By what records may be the same, when all rows are there. What a run that was killed had written is matched with the next one; of
 * a copy made from nothing it is taken that it was.
 */
static enum rep_code apply_keys(struct apply *apply, bool note, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc =
		rep_db_prepare(apply->hub->db, &stmt,
			       "SELECT entity, id FROM temp._todo ORDER BY entity, id", err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const struct rep_entity *entity =
			rep_schema_entity(apply->hub->schema, rep_column_text(stmt, 0, NULL));
		struct rep_record *record = NULL;

		if (entity && entity->match_len)
			rc = rep_row_get(apply->hub->db, entity, rep_column_text(stmt, 1, NULL),
					 &record, err);
		if (rc == REP_OK && record)
			rc = rep_match_written(apply->hub, record, note, err);
		rep_record_free(record);
	}
	rep_stmt_free(stmt);
	return rc;
}

static enum rep_code read_oid(struct apply *apply, const char *hex, struct rep_buf *out,
			      struct rep_error *err)
{
	struct rep_oid oid;

	if (!rep_oid_parse(&oid, hex))
		return rep_fail(err, REP_EINTEGRITY, "bad object id");
	return rep_git_read(apply->hub->central, &oid, REP_OBJECT_BLOB, out, err);
}

static enum rep_code apply_segments(struct apply *apply, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_db_prepare(
		apply->hub->db, &stmt,
		"SELECT path, oid FROM temp._todo_segment ORDER BY device, first", err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		rep_buf_reset(&bytes);
		rc = read_oid(apply, rep_column_text(stmt, 1, NULL), &bytes, err);
		if (rc == REP_OK)
			rc = rep_work_segment(apply->hub, apply->root,
					      rep_column_text(stmt, 0, NULL), bytes.data, bytes.len,
					      err);
		rep_progress_step(apply->progress, "index", ++apply->done, 0);
	}
	rep_stmt_free(stmt);
	rep_buf_clear(&bytes);
	return rc;
}

struct outcomes_of {
	struct rep_db *db;
	const char *device;
};

static enum rep_code apply_outcome(void *user, int64_t seq, unsigned index,
				   const struct rep_json *line, struct rep_error *err)
{
	const struct outcomes_of *of = user;
	struct rep_json *outcome = rep_outcome_of_line(line);
	enum rep_code rc = rep_changes_outcome(of->db, of->device, seq, index, outcome, err);

	rep_json_free(outcome);
	return rc;
}

/* Outcomes that were added to segments indexed before; the last line of a change counts, so they go in their order. */
static enum rep_code apply_outcomes(struct apply *apply, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_stmt *stmt = NULL;
	bool row = true;
	enum rep_code rc = rep_db_prepare(
		apply->hub->db, &stmt,
		"SELECT path, oid FROM temp._todo_outcome WHERE NOT EXISTS(SELECT 1 FROM"
		" temp._todo_segment s WHERE s.path = 'journal/' || substr(_todo_outcome.path, 10))",
		err);

	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		char device[REP_DEVICE_LEN + 1];
		struct outcomes_of of = {apply->hub->db, device};
		long long first, last;

		if (!parse_segment(rep_column_text(stmt, 0, NULL), device, &first, &last))
			rc = rep_fail(err, REP_EINTEGRITY, "%s is no path of outcomes",
				      rep_column_text(stmt, 0, NULL));
		rep_buf_reset(&bytes);
		if (rc == REP_OK)
			rc = read_oid(apply, rep_column_text(stmt, 1, NULL), &bytes, err);
		if (rc == REP_OK)
			rc = rep_outcome_lines(rep_buf_str(&bytes), bytes.len, apply_outcome, &of,
					       err);
	}
	rep_stmt_free(stmt);
	rep_buf_clear(&bytes);
	return rc;
}

static enum rep_code apply_statement(struct apply *apply, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *statement = NULL;
	char hash[REP_HASH_HEX + 1];
	const char *end;
	enum rep_code rc;

	if (!apply->run)
		return REP_OK;
	rc = rep_git_read(apply->hub->central, &apply->statement, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_statement_read(
			&statement, rep_buf_str(&bytes), bytes.len,
			rep_hubkeys_signer(&apply->hub->keys, rep_buf_str(&bytes), bytes.len), err);
	end = rc == REP_OK ? strchr(bytes.data, '\n') : NULL;
	if (end) {
		rep_sha256_hex(hash, bytes.data, (size_t)(end - bytes.data));
		rc = rep_work_set_int(apply->hub->db, "run", apply->run, err);
		if (rc == REP_OK)
			rc = rep_work_set(apply->hub->db, "statement", hash, err);
		if (rc == REP_OK)
			rc = rep_work_set(apply->hub->db, "hub_time",
					  rep_json_get_string(statement, "hub_time"), err);
	}
	rep_json_free(statement);
	rep_buf_clear(&bytes);
	return rep_wrap(err, rc, "statement of run %lld", (long long)apply->run);
}

enum rep_code rep_work_apply(struct rep_hub *hub, const struct rep_oid *from,
			     const struct rep_oid *to, const struct rep_progress *progress,
			     struct rep_error *err)
{
	struct apply apply = {.hub = hub, .root = to, .progress = progress};
	enum rep_code rc = rep_db_exec(hub->db, temporary, err);

	if (rc == REP_OK)
		rc = rep_lookup_new(&apply.lookup, hub->central, to, err);
	if (rc == REP_OK)
		rc = rep_tree_diff(hub->central, from, to, note, &apply, err);
	if (rc == REP_OK)
		rc = apply_segments(&apply, err);
	if (rc == REP_OK)
		rc = apply_outcomes(&apply, err);
	if (rc == REP_OK)
		rc = apply_records(&apply, err);
	if (rc == REP_OK)
		rc = apply_keys(&apply, !rep_oid_is_zero(from), err);
	if (rc == REP_OK)
		rc = apply_statement(&apply, err);
	rep_lookup_free(apply.lookup);
	return rc;
}
