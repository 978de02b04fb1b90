/* Value lines, as docs/formats.md gives them for each operation. */
#include "core/store/line.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/columns.h"
#include "core/store/line_part.h"

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "value line: no memory");
}

void rep_pending_clear(struct rep_pending *pending)
{
	free(pending->entity);
	free(pending->id);
	rep_json_free(pending->reason);
	rep_json_free(pending->extra);
	*pending = (struct rep_pending){0};
}

enum rep_code rep_pending_read(struct rep_pending *out, struct rep_stmt *stmt,
			       struct rep_error *err)
{
	const char *op = rep_column_text(stmt, 3, NULL);
	const char *stamp = rep_column_text(stmt, 4, NULL);
	bool nomem = false;
	const char *text;
	size_t len;

	*out = (struct rep_pending){.n = rep_column_int(stmt, 0)};
	if (!op || !rep_op_parse(&out->op, op) || !stamp || !rep_stamp_valid(stamp))
		return rep_fail(err, REP_EINTEGRITY, "pending edit %lld is damaged",
				(long long)out->n);
	memcpy(out->stamp.text, stamp, sizeof out->stamp.text);
	out->entity = strdup(rep_column_text(stmt, 1, NULL));
	out->id = strdup(rep_column_text(stmt, 2, NULL));
	text = rep_column_text(stmt, 5, &len);
	if (text)
		out->reason = rep_column_string(text, len, &nomem);
	text = rep_column_text(stmt, 6, &len);
	if (text)
		out->extra = rep_column_json(text, len, REP_JSON_DEPTH_MAX, &nomem);
	if (out->entity && out->id && !nomem)
		return REP_OK;
	rep_pending_clear(out);
	return no_memory(err);
}

/* ---- lines ---- */

struct maker {
	struct rep_replica *replica;
	const struct rep_entity *entity; /* NULL when this schema has it no more */
	const struct rep_pending *pending;
	struct rep_lines *out;
	struct rep_json *values; /* of the first line */
	unsigned further;        /* lines after the first so far */
	bool nomem;
};

static void add_line(struct maker *maker, enum rep_op op, const char *stamp, struct rep_json *line)
{
	struct rep_lines *out = maker->out;
	void *grown = realloc(out->lines, (out->len + 1) * sizeof *out->lines);

	if (!grown || !line) {
		if (grown)
			out->lines = grown;
		rep_json_free(line);
		maker->nomem = true;
		return;
	}
	out->lines = grown;
	out->lines[out->len].op = op;
	memcpy(out->lines[out->len].stamp.text, stamp, REP_STAMP_LEN + 1);
	out->lines[out->len].line = line;
	out->len++;
}

/* A further entry of a list: a change of its own, with the next of the stamps that capture reserved. */
static void add_entry_line(struct maker *maker, const char *field, const struct rep_json *entry)
{
	struct rep_json *line = rep_json_object();
	struct rep_json *values = rep_json_object();
	struct rep_json *spec = rep_json_object();
	const char *first = maker->pending->stamp.text;
	struct rep_stamp stamp = {0};

	maker->further++;
	rep_stamp_make(&stamp, rep_stamp_ms(first), rep_stamp_counter(first) + maker->further,
		       rep_stamp_device(first));
	if (!rep_json_set(spec, "entry", rep_json_ref(entry)) ||
	    !rep_json_set(values, field, spec) || !rep_json_set(line, "values", values))
		maker->nomem = true;
	add_line(maker, REP_OP_UPDATE, stamp.text, line);
}

static void put_spec(struct maker *maker, const char *name, struct rep_json *spec)
{
	if (spec && rep_json_size(spec) == 0)
		rep_json_free(spec);
	else if (!rep_json_set(maker->values, name, spec))
		maker->nomem = true;
}

static void put_insert(struct maker *maker, const char *name, const struct rep_part *part)
{
	struct rep_json *spec = rep_json_object();
	struct rep_json *value = NULL;

	if (part->field->type == REP_TYPE_SET)
		value = rep_part_whole_set(part->field, part->new, &maker->nomem);
	else if (part->field->type == REP_TYPE_LIST && rep_json_size(part->new) > 0) {
		value = rep_json_array();
		if (!rep_json_append(value, rep_json_ref(rep_json_at(part->new, 0))))
			maker->nomem = true;
	} else if (part->new)
		value = rep_json_ref(part->new);
	if (value && !rep_json_set(spec, "new", value))
		maker->nomem = true;
	put_spec(maker, name, spec);
}

/* The whole field as it was: old value and what was seen of it. */
static void put_delete(struct maker *maker, const char *name, const struct rep_part *part)
{
	struct rep_json *spec = rep_json_object();
	struct rep_json *old = part->field->type == REP_TYPE_SET
				       ? rep_part_whole_set(part->field, part->old, &maker->nomem)
				       : rep_part_value_or_null(part->field, part->old);

	if (!rep_json_set(spec, "old", old) ||
	    (part->saw && !rep_json_set(spec, "saw", rep_json_ref(part->saw))) ||
	    (part->seen && rep_json_is(part->seen, REP_JSON_OBJECT) &&
	     rep_json_size(part->seen) > 0 &&
	     !rep_json_set(spec, "seen", rep_json_ref(part->seen))))
		maker->nomem = true;
	put_spec(maker, name, spec);
}

static void put_update(struct maker *maker, const char *name, const struct rep_part *part)
{
	struct rep_json *entries;
	struct rep_json *spec;

	switch (part->field->type) {
	case REP_TYPE_SET:
		put_spec(maker, name, rep_part_set_spec(part, &maker->nomem));
		return;
	case REP_TYPE_MAP:
		put_spec(maker, name, rep_part_map_spec(part, &maker->nomem));
		return;
	case REP_TYPE_LIST:
		entries = rep_part_added_entries(part, &maker->nomem);
		spec = rep_json_object();
		if (rep_json_size(entries) > 0 &&
		    !rep_json_set(spec, "entry", rep_json_ref(rep_json_at(entries, 0))))
			maker->nomem = true;
		put_spec(maker, name, spec);
		rep_json_free(entries);
		return;
	case REP_TYPE_TEXT:
	case REP_TYPE_INTEGER:
	case REP_TYPE_BOOLEAN:
	case REP_TYPE_DATE:
	case REP_TYPE_DATETIME:
	case REP_TYPE_DECIMAL:
	case REP_TYPE_ENUM:
	case REP_TYPE_REFERENCE:
	case REP_TYPE_JSON:
		put_spec(maker, name, rep_part_scalar_spec(part, &maker->nomem));
		return;
	}
}

static void put_part(struct maker *maker, const char *name, const struct rep_part *part)
{
	if (maker->pending->op == REP_OP_INSERT)
		put_insert(maker, name, part);
	else if (maker->pending->op == REP_OP_DELETE)
		put_delete(maker, name, part);
	else
		put_update(maker, name, part);
}

static void put_further(struct maker *maker, const char *name, const struct rep_part *part)
{
	struct rep_json *entries;

	if (part->field->type != REP_TYPE_LIST || maker->pending->op == REP_OP_DELETE)
		return;
	entries = rep_part_added_entries(part, &maker->nomem);
	for (size_t i = 1; i < rep_json_size(entries); i++)
		add_entry_line(maker, name, rep_json_at(entries, i));
	rep_json_free(entries);
}

/* Walks the fields of the edit. */
static enum rep_code each_part(struct maker *maker,
			       void (*put)(struct maker *maker, const char *name,
					   const struct rep_part *part),
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc =
		rep_db_use(maker->replica->db, &stmt,
			   "SELECT field, new, old, saw FROM _pending_field WHERE n = ?1 "
			   "ORDER BY field",
			   err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, maker->pending->n);
	while (rc == REP_OK && row) {
		struct rep_part part = {0};
		const char *name;

		rc = rep_step(stmt, &row, err);
		if (rc != REP_OK || !row)
			break;
		name = rep_column_text(stmt, 0, NULL);
		if (!rep_part_read(&part,
				   maker->entity ? rep_entity_field(maker->entity, name) : NULL,
				   stmt))
			maker->nomem = true;
		else
			put(maker, name, &part);
		rep_part_clear(&part);
		if (maker->nomem)
			rc = no_memory(err);
	}
	rep_stmt_reset(stmt);
	return rc;
}

/* Item, rivals, decision, into: as the edit was made. */
static void put_extra(struct maker *maker, struct rep_json *line)
{
	const struct rep_json *extra = maker->pending->extra;

	for (void *it = extra ? rep_json_iter(extra) : NULL; it;
	     it = rep_json_iter_next(extra, it)) {
		if (!rep_json_set(line, rep_json_iter_key(it),
				  rep_json_ref(rep_json_iter_value(it))))
			maker->nomem = true;
	}
}

static bool says_nothing(const struct maker *maker)
{
	return maker->pending->op == REP_OP_UPDATE && rep_json_size(maker->values) == 0;
}

static void add_first_line(struct maker *maker)
{
	bool wants_values = maker->pending->op == REP_OP_INSERT ||
			    maker->pending->op == REP_OP_UPDATE ||
			    maker->pending->op == REP_OP_DELETE || rep_json_size(maker->values) > 0;
	struct rep_json *line = rep_json_object();

	put_extra(maker, line);
	if (wants_values && !rep_json_set(line, "values", rep_json_ref(maker->values)))
		maker->nomem = true;
	add_line(maker, maker->pending->op, maker->pending->stamp.text, line);
}

enum rep_code rep_lines_make(struct rep_lines *out, struct rep_replica *replica,
			     const struct rep_pending *pending, struct rep_error *err)
{
	struct maker maker = {
		.replica = replica,
		.entity = rep_schema_entity(replica->schema, pending->entity),
		.pending = pending,
		.out = out,
		.values = rep_json_object(),
	};
	enum rep_code rc = each_part(&maker, put_part, err);

	*out = (struct rep_lines){0};
	if (rc == REP_OK && !says_nothing(&maker))
		add_first_line(&maker);
	if (rc == REP_OK && !maker.nomem)
		rc = each_part(&maker, put_further, err);
	if (rc == REP_OK && maker.nomem)
		rc = no_memory(err);
	rep_json_free(maker.values);
	if (rc != REP_OK)
		rep_lines_clear(out);
	return rc;
}

void rep_lines_clear(struct rep_lines *lines)
{
	for (size_t i = 0; i < lines->len; i++)
		rep_json_free(lines->lines[i].line);
	free(lines->lines);
	*lines = (struct rep_lines){0};
}
