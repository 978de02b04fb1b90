/*
 * Two passes over the file. The first finds the id of every line and keeps, in a temporary table, the last line of each id: of
 * lines with one id only the last counts. The second reads the values, compares them with what the source last gave, and hands
 * what differs to a batch of the hub. Memory holds one line, the batch being sealed, and the report.
 */
#include "sync/admin/import.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "sync/admin/import_past.h"
#include "sync/admin/import_row.h"

struct work {
	struct rep_hub *hub;
	const struct rep_import *import;
	struct rep_import_plan plan;
	struct rep_import_reader reader;
	struct rep_import_row row;
	struct rep_csv *csv;
	struct rep_hub_batch *batch; /* NULL until something differs */
	int64_t total, records, taken, unchanged;
	struct rep_json *refused, *dropped;
	int64_t changesets;
};

static bool in_file(void *user, const char *id)
{
	struct work *work = user;
	struct rep_error ignored;
	struct rep_stmt *stmt;
	bool found = false;

	if (rep_db_use(work->reader.db, &stmt, "SELECT 1 FROM temp._import WHERE id = ?1",
		       &ignored))
		return false;
	rep_bind_text(stmt, 1, id);
	if (rep_step(stmt, &found, &ignored))
		return false;
	if (found)
		rep_stmt_reset(stmt);
	return found;
}

/* ---- pass one ---- */

static enum rep_code open_csv(struct work *work, struct rep_error *err)
{
	struct rep_csv_options options = {.encoding = work->import->encoding};

	rep_csv_close(work->csv);
	work->csv = NULL;
	return rep_csv_open(&work->csv, work->import->path, &options, err);
}

static enum rep_code read_header(struct work *work, struct rep_csv_record *header,
				 struct rep_error *err)
{
	enum rep_code rc;
	bool more;

	rc = rep_csv_next(work->csv, header, &more, err);
	if (!rc && !more)
		rc = rep_fail(err, REP_EINVAL, "the file is empty");
	else if (!rc && header->problem)
		rc = rep_fail(err, REP_EINVAL, "line %zu, the header: %s", header->line,
			      header->problem);
	return rep_wrap(err, rc, "%s", work->import->path);
}

static enum rep_code keep_line(struct work *work, size_t line, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(work->reader.db, &stmt,
			   "INSERT OR REPLACE INTO temp._import(id, line) VALUES(?1, ?2)", err);

	if (rc)
		return rc;
	rep_bind_text(stmt, 1, work->row.id);
	rep_bind_int(stmt, 2, (int64_t)line);
	return rep_run(stmt, err);
}

static enum rep_code last_line(struct work *work, int64_t *line, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(work->reader.db, &stmt,
				      "SELECT line FROM temp._import WHERE id = ?1", err);

	*line = 0;
	if (rc)
		return rc;
	rep_bind_text(stmt, 1, work->row.id);
	rc = rep_step(stmt, &row, err);
	if (!rc && row) {
		*line = rep_column_int(stmt, 0);
		rep_stmt_reset(stmt);
	}
	return rc;
}

static enum rep_code pass_one(struct work *work, struct rep_error *err)
{
	struct rep_csv_record record;
	enum rep_code rc;
	bool more;

	rc = rep_db_exec(work->reader.db,
			 "DROP TABLE IF EXISTS temp._import;"
			 "CREATE TEMP TABLE _import(id TEXT PRIMARY KEY, line INTEGER NOT NULL)"
			 " STRICT, WITHOUT ROWID",
			 err);
	while (!rc && !(rc = rep_csv_next(work->csv, &record, &more, err)) && more) {
		work->total++;
		rep_progress_step(work->import->progress, "read", (uint64_t)work->total, 0);
		rep_import_row_reset(&work->row, &work->plan);
		rc = rep_import_row_id(&work->reader, &record, &work->row, err);
		if (!rc && !work->row.refused)
			rc = keep_line(work, record.line, err);
	}
	return rc;
}

/* ---- what differs ---- */

static enum rep_code put_value(struct rep_json *values, const struct rep_field *field,
			       const struct rep_json *new_value, const struct rep_json *old,
			       bool update, struct rep_error *err)
{
	struct rep_json *edit = rep_json_object();
	bool ok = rep_json_set(edit, "new", new_value ? rep_json_ref(new_value) : rep_json_null());

	if (update)
		ok = rep_json_set(edit, "old", old ? rep_json_ref(old) : rep_json_null()) && ok;
	return rep_json_set(values, field->name, edit) && ok
		       ? REP_OK
		       : rep_fail(err, REP_ENOMEM, "no memory");
}

static bool is_immutable(const struct rep_entity *entity, const struct rep_field *field)
{
	for (size_t i = 0; i < entity->id_from_len; i++)
		if (strcmp(entity->id_from[i], field->name) == 0)
			return true;
	return field->rules_len > 0 && field->rules[0] == REP_RULE_IMMUTABLE;
}

/* The fields that the source gives otherwise than it last did. */
static enum rep_code differences(struct work *work, size_t line, const struct rep_json *past,
				 struct rep_json *values, struct rep_error *err)
{
	const struct rep_entity *entity = work->plan.entity;
	struct rep_import_row *row = &work->row;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < entity->fields_len && !rc && !row->refused; i++) {
		const struct rep_field *field = &entity->fields[i];
		const struct rep_json *old = rep_json_get(past, field->name);
		const struct rep_json *now =
			rep_value_empty(row->values[i]) ? NULL : row->values[i];

		if (!row->given[i] || rep_json_equal(now, old))
			continue;
		/* h000047 and H000047 are one key; and a record that is there keeps the key it came with. */
		if (rep_import_is_key(entity, field) &&
		    (!now || !old || rep_value_same(field, now, old)))
			continue;
		if (!now && field->required)
			rc = rep_import_refuse(row, line, "missing", field->name, NULL, err);
		else if (old && is_immutable(entity, field))
			rc = rep_import_drop(row, line, "immutable", field->name,
					     rep_json_string_value(now), err);
		else
			rc = put_value(values, field, now, old, true, err);
	}
	return rc;
}

/* Text of the key, as the file has it, and the source: the record keeps where it came from. */
static enum rep_code put_key(struct work *work, struct rep_json *values, struct rep_error *err)
{
	const struct rep_entity *entity = work->plan.entity;
	const struct rep_field *source = rep_import_source_field(entity);
	struct rep_json *text;
	enum rep_code rc;

	if (!source || !work->plan.has_key)
		return REP_OK;
	text = rep_json_string(work->plan.source);
	rc = text ? put_value(values, source, text, NULL, false, err)
		  : rep_fail(err, REP_ENOMEM, "no memory");
	rep_json_free(text);
	return rc;
}

/* A date of today and the like: only where no column gives the field, or the same file would say another thing tomorrow. */
static struct rep_json *preset_now(const struct rep_field *field, int64_t now_ms)
{
	const char *text = rep_json_string_value(field->preset);
	char time[REP_TIME_LEN + 1];

	if (!text || *text != '@')
		return rep_json_ref(field->preset);
	rep_time_format(time, now_ms);
	if (strcmp(text, "@now") == 0)
		return rep_json_string(time);
	if (strcmp(text, "@today") == 0)
		return rep_json_string_n(time, 10);
	return NULL; /* @rep, @territory: the hub is neither */
}

static enum rep_code whole(struct work *work, size_t line, struct rep_json *values,
			   struct rep_error *err)
{
	const struct rep_entity *entity = work->plan.entity;
	struct rep_import_row *row = &work->row;
	enum rep_code rc = put_key(work, values, err);

	for (size_t i = 0; i < entity->fields_len && !rc && !row->refused; i++) {
		const struct rep_field *field = &entity->fields[i];
		struct rep_json *preset = NULL;
		const struct rep_json *now =
			rep_value_empty(row->values[i]) ? NULL : row->values[i];

		if (!row->given[i] && field->preset)
			now = preset = preset_now(field, work->import->now_ms);
		if (now)
			rc = put_value(values, field, now, NULL, false, err);
		else if (field->required && !rep_json_get(values, field->name))
			rc = rep_import_refuse(row, line, "missing", field->name, NULL, err);
		rep_json_free(preset);
	}
	return rc;
}

/*
 * 1. The source gave this record before: an update of what it now gives otherwise.
 * 2. The record is there, but not from this source: an update of all that it gives.
 * 3. A new record.
 */
static enum rep_code compare(struct work *work, size_t line, struct rep_json *values,
			     enum rep_op *op, struct rep_error *err)
{
	struct rep_json *past = NULL;
	bool exists = false;
	enum rep_code rc;

	rc = rep_import_past(work->reader.db, work->plan.source, work->plan.entity->name,
			     work->row.id, &past, err);
	if (!rc && !past)
		rc = rep_import_exists(work->reader.db, work->plan.entity, work->row.id, &exists,
				       err);
	*op = past || exists ? REP_OP_UPDATE : REP_OP_INSERT;
	if (!rc)
		rc = *op == REP_OP_UPDATE ? differences(work, line, past, values, err)
					  : whole(work, line, values, err);
	rep_json_free(past);
	return rc;
}

/* ---- pass two ---- */

static enum rep_code give(struct work *work, enum rep_op op, struct rep_json *values,
			  struct rep_error *err)
{
	struct rep_json *line = rep_json_object();
	const char *name = strrchr(work->import->path, '/');
	struct rep_buf reason = REP_BUF_INIT(4096);
	enum rep_code rc = REP_OK;

	if (!work->batch) {
		rep_buf_printf(&reason, "import %s", name ? name + 1 : work->import->path);
		rc = rep_hub_batch_new(&work->batch, work->hub, rep_buf_str(&reason),
				       work->import->now_ms, err);
		rep_buf_clear(&reason);
	}
	if (!rc && (!rep_json_set_string(line, "source", work->plan.source) ||
		    !rep_json_set(line, "values", rep_json_ref(values))))
		rc = rep_fail(err, REP_ENOMEM, "no memory");
	if (rc) {
		rep_json_free(line);
		return rc;
	}
	return rep_hub_batch_add(work->batch, op, work->plan.entity->name, work->row.id, line, err);
}

static enum rep_code tell(struct rep_json *into, struct rep_json *what, struct rep_error *err)
{
	return rep_json_append(into, rep_json_ref(what)) ? REP_OK
							 : rep_fail(err, REP_ENOMEM, "no memory");
}

static enum rep_code settle(struct work *work, enum rep_op op, struct rep_json *values,
			    struct rep_error *err)
{
	struct rep_import_row *row = &work->row;
	enum rep_code rc = REP_OK;

	if (row->refused)
		return tell(work->refused, row->refusal, err);
	for (size_t i = 0; i < rep_json_size(row->dropped) && !rc; i++)
		rc = tell(work->dropped, rep_json_at(row->dropped, i), err);
	if (rc || rep_json_size(values) == 0) {
		work->unchanged++;
		return rc;
	}
	work->taken++;
	return work->import->dry_run ? REP_OK : give(work, op, values, err);
}

static enum rep_code one_line(struct work *work, const struct rep_csv_record *record,
			      struct rep_error *err)
{
	struct rep_json *values = rep_json_object();
	enum rep_op op = REP_OP_INSERT;
	int64_t line = 0;
	enum rep_code rc;

	rep_import_row_reset(&work->row, &work->plan);
	rc = rep_import_row_id(&work->reader, record, &work->row, err);
	if (!rc && !work->row.refused)
		rc = last_line(work, &line, err);
	if (!rc && !work->row.refused && line != (int64_t)record->line)
		rc = rep_import_refuse(&work->row, record->line, "repeated",
				       work->row.key_field ? work->row.key_field->name : "id",
				       work->row.key, err);
	if (!rc && !work->row.refused)
		rc = rep_import_row_values(&work->reader, record, &work->row, err);
	if (!rc && !work->row.refused)
		rc = compare(work, record->line, values, &op, err);
	if (!rc)
		rc = settle(work, op, values, err);
	rep_json_free(values);
	return rc;
}

static enum rep_code pass_two(struct work *work, struct rep_error *err)
{
	struct rep_csv_record record;
	enum rep_code rc;
	bool more;

	rc = open_csv(work, err);
	if (!rc)
		rc = read_header(work, &record, err);
	while (!rc && !(rc = rep_csv_next(work->csv, &record, &more, err)) && more) {
		work->records++;
		rep_progress_step(work->import->progress, "import", (uint64_t)work->records,
				  (uint64_t)work->total);
		rc = one_line(work, &record, err);
	}
	return rc;
}

/* ---- the whole ---- */

static enum rep_code merge_own(struct work *work, struct rep_error *err)
{
	struct rep_hub_merge merge = {.now_ms = work->import->now_ms,
				      .own_only = true,
				      .progress = work->import->progress};
	struct rep_json *summary = NULL;
	enum rep_code rc = rep_hub_merge(work->hub, &merge, &summary, err);

	work->changesets = rep_json_get_integer(summary, "changesets");
	rep_json_free(summary);
	return rc;
}

static enum rep_code report(struct work *work, struct rep_json **out, struct rep_error *err)
{
	struct rep_json *made = rep_json_object();
	bool ok = rep_json_set_integer(made, "records", work->records);

	ok = rep_json_set_integer(made, "taken", work->taken) && ok;
	ok = rep_json_set_integer(made, "unchanged", work->unchanged) && ok;
	ok = rep_json_set(made, "refused", rep_json_ref(work->refused)) && ok;
	ok = rep_json_set(made, "dropped", rep_json_ref(work->dropped)) && ok;
	ok = rep_json_set_string(made, "encoding", rep_csv_encoding(work->csv)) && ok;
	ok = rep_json_set_integer(made, "changesets", work->changesets) && ok;
	if (!ok) {
		rep_json_free(made);
		return rep_fail(err, REP_ENOMEM, "no memory");
	}
	*out = made;
	return REP_OK;
}

static enum rep_code begin(struct work *work, struct rep_error *err)
{
	struct rep_csv_record header;
	enum rep_code rc;

	work->refused = rep_json_array();
	work->dropped = rep_json_array();
	rc = open_csv(work, err);
	if (!rc)
		rc = read_header(work, &header, err);
	if (!rc)
		rc = rep_wrap(err,
			      rep_import_plan_make(&work->plan, rep_hub_schema(work->hub),
						   work->import, &header, err),
			      "%s", work->import->path);
	if (rc)
		return rc;
	work->reader = (struct rep_import_reader){.plan = &work->plan,
						  .db = rep_hub_db(work->hub),
						  .secret = rep_hub_secret(work->hub),
						  .in_file = in_file,
						  .user = work};
	return rep_import_row_init(&work->row, &work->plan, err);
}

/* Both passes read the working copy as it is now; whoever merges beside them is met when the batch is given. */
static enum rep_code read_file(struct work *work, struct rep_error *err)
{
	enum rep_code rc = rep_db_begin_reading(rep_hub_db(work->hub), err);

	if (rc)
		return rc;
	rc = begin(work, err);
	if (!rc)
		rc = pass_one(work, err);
	if (!rc)
		rc = pass_two(work, err);
	rep_db_abort(rep_hub_db(work->hub));
	return rc;
}

static void end(struct work *work)
{
	if (work->plan.entity)
		rep_import_row_clear(&work->row, &work->plan);
	rep_import_plan_clear(&work->plan);
	rep_hub_batch_free(work->batch);
	rep_csv_close(work->csv);
	rep_json_free(work->refused);
	rep_json_free(work->dropped);
}

enum rep_code rep_hub_import(struct rep_hub *hub, const struct rep_import *import,
			     struct rep_json **out, struct rep_error *err)
{
	struct work work = {.hub = hub, .import = import};
	enum rep_code rc;

	*out = NULL;
	/* What a killed import left in the hub's mailbox is given too: it comes first. */
	rc = import->dry_run ? REP_OK : merge_own(&work, err);
	work.changesets = 0;
	if (!rc)
		rc = read_file(&work, err);
	if (!rc && work.batch) {
		rc = rep_hub_batch_send(work.batch, err);
		/* A run that finds duplicates writes to the hub's mailbox, which a batch holds. */
		rep_hub_batch_free(work.batch);
		work.batch = NULL;
		if (!rc)
			rc = merge_own(&work, err);
	}
	if (!rc)
		rc = report(&work, out, err);
	end(&work);
	return rc;
}
