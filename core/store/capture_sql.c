/*
 * The capture triggers as text. For each entity:
 *
 *	before_new, before_old	BEFORE INSERT, without and with a row of that id. They empty _shadow and leave a mark (#new or
 *				#old, with the number of the last pending row); before_old keeps the row that is about to be
 *				replaced, because INSERT OR REPLACE deletes it without firing the delete trigger where
 *				recursive_triggers is off.
 *	after_new		AFTER INSERT with #new: an insert, with the schema's defaults where a value is null.
 *	after_old		AFTER INSERT with #old: the kept row is put back and updated to the new one, which after_update
 *				records. Where recursive_triggers is on, the delete trigger did fire: what it recorded since the mark is
 *				taken back.
 *	after_update		an update with the fields that differ.
 *	guard			id and the engine's columns are not to be changed.
 *	after_delete		a delete with every field's old value. before_delete refuses that of a tombstone.
 *
 * An upsert fires before_old and then after_update, but no AFTER INSERT: that is why each AFTER INSERT trigger asks for its own
 * mark and the BEFORE triggers always start from nothing. Conflict clauses of the outer statement (OR IGNORE, OR REPLACE) rule
 * inside triggers too: no statement here can meet a conflict.
 */
#include "core/store/capture_sql.h"

#include <string.h>

#include "core/store/columns.h"
#include "core/store/db.h"
#include "core/store/tables.h"

#define NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

void rep_trigger_name(struct rep_buf *sql, const char *entity, const char *suffix)
{
	struct rep_buf name = REP_BUF_INIT(256);

	rep_buf_printf(&name, "%s__%s", entity, suffix);
	rep_db_quote(sql, rep_buf_str(&name));
	rep_buf_clear(&name);
}

void rep_trigger_end(struct rep_buf *sql)
{
	rep_buf_put(sql, "END", sizeof "END"); /* with the NUL */
}

void rep_tick_sql(struct rep_buf *sql, const char *extra)
{
	const char *const parts[] = {
		"UPDATE _clock SET ms = CASE WHEN " NOW " > ms THEN " NOW " WHEN counter + 1 + (",
		extra,
		") > 65535 THEN strftime('%Y-%m-%dT%H:%M:%fZ', ms, '+0.001 seconds') ELSE ms END, "
		"first = CASE WHEN " NOW " > ms OR counter + 1 + (",
		extra,
		") > 65535 THEN 0 ELSE counter + 1 END, counter = CASE WHEN " NOW
		" > ms OR counter + 1 + (",
		extra,
		") > 65535 THEN 0 ELSE counter + 1 END + (",
		extra,
		");\n",
	};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		rep_buf_puts(sql, parts[i]);
}

void rep_stamp_sql(struct rep_buf *sql, const char *device)
{
	rep_buf_printf(sql, "(SELECT ms || '-' || printf('%%04x', first) || '@%s' FROM _clock)",
		       device);
}

void rep_row_value_sql(struct rep_buf *sql, enum rep_row row, const char *column)
{
	switch (row) {
	case REP_ROW_NONE:
		rep_buf_puts(sql, "NULL");
		break;
	case REP_ROW_NEW:
	case REP_ROW_MADE:
		rep_buf_puts(sql, "NEW.");
		rep_db_quote(sql, column);
		break;
	case REP_ROW_OLD:
		rep_buf_puts(sql, "OLD.");
		rep_db_quote(sql, column);
		break;
	}
}

/* The same where an absent row counts as one with nothing in it. */
void rep_row_field_sql(struct rep_buf *sql, enum rep_row row, const struct rep_field *field)
{
	struct rep_buf preset = REP_BUF_INIT(sql->limit);

	if (row == REP_ROW_NONE)
		rep_buf_puts(sql, rep_column_empty(field));
	else if (row == REP_ROW_MADE && rep_preset_sql(&preset, field))
		rep_buf_printf(sql, "coalesce(NEW.\"%s\", %s)", field->name, rep_buf_str(&preset));
	else
		rep_row_value_sql(sql, row, field->name);
	if (preset.failed)
		sql->failed = preset.failed;
	rep_buf_clear(&preset);
}

static bool has_elements(const struct rep_field *field)
{
	return field->type == REP_TYPE_SET || field->type == REP_TYPE_MAP;
}

/* The entries that the edit adds to lists: each needs a stamp of its own. "0" where there is no list. */
static void added_entries(struct rep_buf *sql, const struct rep_entity *entity, enum rep_row before)
{
	rep_buf_puts(sql, "0");
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (field->type != REP_TYPE_LIST)
			continue;
		rep_buf_puts(sql, " + (SELECT count(*) FROM json_each(NEW.");
		rep_db_quote(sql, field->name);
		rep_buf_puts(sql, ") AS a WHERE NOT EXISTS (SELECT 1 FROM json_each(");
		rep_row_field_sql(sql, before, field);
		rep_buf_puts(sql, ") AS b WHERE b.value = a.value))");
	}
}

static void tick(struct rep_buf *sql, const struct rep_entity *entity, enum rep_row before)
{
	struct rep_buf extra = REP_BUF_INIT(sql->limit);

	added_entries(&extra, entity, before);
	rep_tick_sql(sql, rep_buf_str(&extra));
	if (extra.failed)
		sql->failed = extra.failed;
	rep_buf_clear(&extra);
}

static void pending(struct rep_buf *sql, const struct rep_entity *entity, const char *row,
		    const char *op, const char *device)
{
	rep_buf_printf(sql,
		       "INSERT INTO _pending (entity, id, op, stamp, reason) SELECT '%s', %s.id, "
		       "'%s', ",
		       entity->name, row, op);
	rep_stamp_sql(sql, device);
	rep_buf_puts(sql, ", (SELECT reason FROM _reason)");
}

/* Is it the first field of its group, or of none? The group's other fields follow it. */
static bool leads_group(const struct rep_entity *entity, const struct rep_field *field)
{
	for (const struct rep_field *other = entity->fields; other < field; other++) {
		if (field->group && other->group && strcmp(other->group, field->group) == 0)
			return false;
	}
	return field->group != NULL;
}

/* Calls `put` for each field of the group that `lead` leads. */
static void each_of_group(struct rep_buf *sql, const struct rep_entity *entity,
			  const struct rep_field *lead,
			  void (*put)(struct rep_buf *sql, const char *separator, const char *field,
				      const char *stamps),
			  const char *stamps)
{
	const char *separator = "";

	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (!field->group || strcmp(field->group, lead->group) != 0)
			continue;
		put(sql, separator, field->name, stamps);
		separator = ", ";
	}
}

static void put_saw(struct rep_buf *sql, const char *separator, const char *field,
		    const char *stamps)
{
	rep_buf_puts(sql, separator);
	rep_buf_printf(sql, "coalesce(json_extract(%s, '$.%s'), '')", stamps, field);
}

static void put_literal(struct rep_buf *sql, const char *separator, const char *field,
			const char *stamps)
{
	(void)stamps;
	rep_buf_puts(sql, separator);
	rep_sql_literal(sql, field);
}

static void put_term(struct rep_buf *sql, const char *separator, const char *field,
		     const char *stamps)
{
	(void)separator, (void)stamps;
	rep_buf_printf(sql, " UNION ALL SELECT '%s'", field);
}

/* The names of all fields and of the engine's columns, as a table `f` of key and value. */
static void names(struct rep_buf *sql, const struct rep_entity *entity)
{
	const char *separator = "";

	rep_buf_puts(sql, "json_each('[");
	for (size_t i = 0; i < entity->fields_len; i++, separator = ",")
		rep_buf_printf(sql, "%s\"%s\"", separator, entity->fields[i].name);
	for (const char *const *name = rep_engine_columns; *name; name++)
		rep_buf_printf(sql, ",\"%s\"", *name);
	rep_buf_puts(sql, "]') AS f");
}

/*
 * The rows (field, new, old, kind) of all fields; kind: e = a set or map, whose elements have stamps of their own, l = a list,
 * whose entries bear theirs, s = a value with one stamp, the group's name after a dot = a field that conflicts with its group.
 */
static void field_rows(struct rep_buf *sql, const struct rep_entity *entity, enum rep_row now,
		       enum rep_row before)
{
	/* Not VALUES: in a trigger SQLite 3.40 finds no columns column1 ... of it. Not CASE over the names: that runs twice as long. */
	rep_buf_puts(sql, "(SELECT NULL AS field, NULL AS new, NULL AS old, NULL AS kind WHERE 0");
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		const char *kind = field->type == REP_TYPE_LIST ? "l"
				   : has_elements(field)        ? "e"
								: "s";

		rep_buf_printf(sql, " UNION ALL SELECT '%s', ", field->name);
		rep_row_field_sql(sql, now, field);
		rep_buf_puts(sql, ", ");
		rep_row_field_sql(sql, before, field);
		if (field->group && rep_field_is_scalar(field))
			rep_buf_printf(sql, ", '.%s'", field->group);
		else
			rep_buf_printf(sql, ", '%s'", kind);
	}
	rep_buf_puts(sql, ") AS f WHERE f.new IS NOT f.old;\n");
}

/* What the author saw: the stamp of the field, of its whole group the newest, or of every element. */
static void saw(struct rep_buf *sql, const struct rep_entity *entity, const char *stamps)
{
	rep_buf_printf(sql,
		       "CASE f.kind WHEN 'e' THEN json_array(json_extract(%s, '$.\"*\"'), "
		       "json(coalesce(json_extract(%s, '$.' || f.field), '{}')))",
		       stamps, stamps);
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (!leads_group(entity, field) || !rep_field_is_scalar(field))
			continue;
		rep_buf_printf(sql, " WHEN '.%s' THEN max(json_extract(%s, '$.\"*\"'), ",
			       field->group, stamps);
		each_of_group(sql, entity, field, put_saw, stamps);
		rep_buf_puts(sql, ")");
	}
	rep_buf_printf(sql,
		       " ELSE coalesce(json_extract(%s, '$.' || f.field), json_extract(%s, "
		       "'$.\"*\"')) END",
		       stamps, stamps);
}

/* A change must fit into one line of a change set, whatever is escaped in it. */
#define TOO_LARGE 900000

static void pending_fields(struct rep_buf *sql, const struct rep_entity *entity, enum rep_row now,
			   enum rep_row before)
{
	struct rep_buf stamps = REP_BUF_INIT(256);

	rep_row_value_sql(&stamps, before, "_stamps");
	rep_buf_puts(sql,
		     "INSERT INTO _pending_field (n, field, new, old, saw) SELECT (SELECT max(n) "
		     "FROM _pending), f.field, f.new, f.old, ");
	if (before == REP_ROW_NONE)
		rep_buf_puts(sql, "NULL");
	else
		saw(sql, entity, rep_buf_str(&stamps));
	rep_buf_puts(sql, " FROM ");
	field_rows(sql, entity, now, before);
	rep_buf_clear(&stamps);
	if (now == REP_ROW_NONE)
		return;
	rep_buf_printf(
		sql,
		"SELECT RAISE(ABORT, '%s: the edit is too large') WHERE (SELECT "
		"sum(length(CAST(json_quote(new) AS BLOB))) FROM _pending_field WHERE n = (SELECT "
		"max(n) FROM _pending)) > %d;\n",
		entity->name, TOO_LARGE);
}

/* The keys of a set's elements, or a map's, that differ between two columns' texts `a` and `b`. */
static void changed_keys(struct rep_buf *sql, const struct rep_field *field, const char *a,
			 const char *b)
{
	const bool set = field->type == REP_TYPE_SET;
	const char *key = set ? "json_quote(x.value)" : "x.key";
	const char *same = set ? "y.value = x.value" : "y.key = x.key AND y.value IS x.value";
	const char *const pairs[2][2] = {{a, b}, {b, a}};

	for (size_t i = 0; i < 2; i++)
		rep_buf_printf(
			sql,
			"%sSELECT %s AS k FROM json_each(%s) AS x WHERE NOT EXISTS (SELECT 1 "
			"FROM json_each(%s) AS y WHERE %s)",
			i ? " UNION " : "", key, pairs[i][0], pairs[i][1], same);
}

/* Fields whose stamp is not simply that of their own edit. */
static bool stamped_apart(const struct rep_field *field)
{
	return !rep_field_is_scalar(field) || field->group;
}

static void elements_patch(struct rep_buf *sql, const struct rep_field *field, enum rep_row before,
			   const char *device)
{
	struct rep_buf a = REP_BUF_INIT(256);
	struct rep_buf b = REP_BUF_INIT(256);

	rep_row_value_sql(&a, REP_ROW_NEW, field->name);
	rep_row_value_sql(&b, before, field->name);
	rep_buf_printf(sql, " UNION ALL SELECT '%s', v FROM (SELECT json_group_object(k, ",
		       field->name);
	rep_stamp_sql(sql, device);
	rep_buf_puts(sql, ") AS v, count(*) AS c FROM (");
	changed_keys(sql, field, rep_buf_str(&a), rep_buf_str(&b));
	rep_buf_puts(sql, ")) WHERE c > 0");
	rep_buf_clear(&a);
	rep_buf_clear(&b);
}

static void group_patch(struct rep_buf *sql, const struct rep_entity *entity,
			const struct rep_field *lead, const char *n, const char *device)
{
	rep_buf_puts(sql, " UNION ALL SELECT g.field, json_quote(");
	rep_stamp_sql(sql, device);
	rep_buf_puts(sql, ") FROM (SELECT NULL AS field WHERE 0 ");
	each_of_group(sql, entity, lead, put_term, NULL);
	rep_buf_printf(
		sql,
		") AS g WHERE EXISTS (SELECT 1 FROM _pending_field WHERE n = %s AND field IN (", n);
	each_of_group(sql, entity, lead, put_literal, NULL);
	rep_buf_puts(sql, "))");
}

/*
 * What the edit adds to _stamps, to be merged in with json_patch: a stamp for each field that pending row `n` touched, for sets and
 * maps one for each element or key, for a field of a group one for each of the group.
 */
static void stamps_patch(struct rep_buf *sql, const struct rep_entity *entity, const char *n,
			 enum rep_row before, const char *device)
{
	rep_buf_puts(
		sql,
		"(SELECT json_group_object(f, json(v)) FROM (SELECT p.field AS f, json_quote(");
	rep_stamp_sql(sql, device);
	rep_buf_printf(sql, ") AS v FROM _pending_field AS p WHERE p.n = %s AND p.field NOT IN (''",
		       n);
	for (size_t i = 0; i < entity->fields_len; i++) {
		if (stamped_apart(&entity->fields[i]))
			rep_buf_printf(sql, ", '%s'", entity->fields[i].name);
	}
	rep_buf_puts(sql, ")");
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];

		if (has_elements(field))
			elements_patch(sql, field, before, device);
		else if (rep_field_is_scalar(field) && leads_group(entity, field))
			group_patch(sql, entity, field, n, device);
	}
	rep_buf_puts(sql, "))");
}

static void begin(struct rep_buf *sql, const struct rep_entity *entity, const char *suffix,
		  const char *event)
{
	rep_buf_puts(sql, "CREATE TRIGGER ");
	rep_trigger_name(sql, entity->name, suffix);
	rep_buf_printf(sql, " %s ON ", event);
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_puts(sql, " WHEN " REP_QUIET);
}

/* Keeps every column of the row that is there. */
static void shadow_row(struct rep_buf *sql, const struct rep_entity *entity)
{
	size_t at = entity->fields_len;

	rep_buf_puts(sql, "INSERT INTO _shadow (field, value) SELECT f.value, CASE f.key");
	for (size_t i = 0; i < entity->fields_len; i++)
		rep_buf_printf(sql, " WHEN %zu THEN r.\"%s\"", i, entity->fields[i].name);
	for (const char *const *name = rep_engine_columns; *name; name++)
		rep_buf_printf(sql, " WHEN %zu THEN r.%s", at++, *name);
	rep_buf_puts(sql, " END FROM ");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_puts(sql, " AS r, ");
	names(sql, entity);
	rep_buf_puts(sql, " WHERE r.id = NEW.id;\n");
}

static void before_insert(struct rep_buf *sql, const struct rep_entity *entity, bool exists)
{
	begin(sql, entity, exists ? "before_old" : "before_new", "BEFORE INSERT");
	rep_buf_printf(sql, " AND %sEXISTS (SELECT 1 FROM ", exists ? "" : "NOT ");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_printf(
		sql,
		" WHERE id = NEW.id)\nBEGIN\nDELETE FROM _shadow;\nINSERT INTO _shadow "
		"(field, value) VALUES ('%s', coalesce((SELECT max(n) FROM _pending), 0));\n",
		exists ? "#old" : "#new");
	if (exists)
		shadow_row(sql, entity);
	rep_trigger_end(sql);
}

static void own_update(struct rep_buf *sql, const struct rep_entity *entity)
{
	rep_buf_puts(sql, "INSERT INTO _silent (v) VALUES (1);\nUPDATE ");
	rep_db_quote(sql, rep_table_name(entity));
	rep_buf_puts(sql, " SET ");
}

static void presets(struct rep_buf *sql, const struct rep_entity *entity)
{
	for (size_t i = 0; i < entity->fields_len; i++) {
		struct rep_buf preset = REP_BUF_INIT(sql->limit);

		if (rep_preset_sql(&preset, &entity->fields[i])) {
			rep_db_quote(sql, entity->fields[i].name);
			rep_buf_puts(sql, " = ");
			rep_row_field_sql(sql, REP_ROW_MADE, &entity->fields[i]);
			rep_buf_puts(sql, ", ");
		}
		rep_buf_clear(&preset);
	}
}

static void after_new(struct rep_buf *sql, const struct rep_entity *entity, const char *device)
{
	begin(sql, entity, "after_new", "AFTER INSERT");
	rep_buf_puts(sql, " AND EXISTS (SELECT 1 FROM _shadow WHERE field = '#new')\nBEGIN\n");
	rep_bounds_sql(sql, entity, REP_ROW_MADE, REP_ROW_NONE);
	tick(sql, entity, REP_ROW_NONE);
	pending(sql, entity, "NEW", "insert", device);
	rep_buf_puts(sql, ";\n");
	pending_fields(sql, entity, REP_ROW_MADE, REP_ROW_NONE);
	own_update(sql, entity);
	presets(sql, entity);
	rep_buf_puts(sql, "_created = ");
	rep_stamp_sql(sql, device);
	rep_buf_puts(sql,
		     ", _created_rep = coalesce((SELECT value FROM _meta WHERE key = 'rep'), ''), "
		     "_partition = '', _deleted = NULL, _sources = NULL, _flags = NULL, "
		     "_twin = NULL, _extra = NULL, _place = 'local', "
		     "_stamps = json_object('*', ");
	rep_stamp_sql(sql, device);
	rep_buf_puts(sql, ") WHERE id = NEW.id;\nDELETE FROM _silent;\nDELETE FROM _shadow;\n");
	rep_trigger_end(sql);
}

static void differs(struct rep_buf *sql, const struct rep_entity *entity, enum rep_row before)
{
	for (size_t i = 0; i < entity->fields_len; i++) {
		rep_buf_puts(sql, i ? " OR " : "");
		rep_row_value_sql(sql, REP_ROW_NEW, entity->fields[i].name);
		rep_buf_puts(sql, " IS NOT ");
		rep_row_value_sql(sql, before, entity->fields[i].name);
	}
}

#define TAKEN_BACK                                                                                    \
	"n > (SELECT value FROM _shadow WHERE field = '#old') AND entity = '%s' AND id = NEW.id AND " \
	"op = 'delete'"

/*
 * The row that was replaced is put back, silently, and updated to what was inserted: after_update judges and records it as any update.
 */
static void after_old(struct rep_buf *sql, const struct rep_entity *entity)
{
	begin(sql, entity, "after_old", "AFTER INSERT");
	rep_buf_puts(sql, " AND EXISTS (SELECT 1 FROM _shadow WHERE field = '#old')\nBEGIN\n");
	rep_buf_printf(
		sql,
		"DELETE FROM _pending_field WHERE n IN (SELECT n FROM _pending WHERE " TAKEN_BACK
		");\nDELETE FROM _pending WHERE " TAKEN_BACK ";\n",
		entity->name, entity->name);
	own_update(sql, entity);
	for (size_t i = 0; i < entity->fields_len; i++)
		rep_buf_printf(sql, "\"%s\" = (SELECT value FROM _shadow WHERE field = '%s'), ",
			       entity->fields[i].name, entity->fields[i].name);
	for (const char *const *name = rep_engine_columns; *name; name++)
		rep_buf_printf(sql, "%s%s = (SELECT value FROM _shadow WHERE field = '%s')",
			       name == rep_engine_columns ? "" : ", ", *name, *name);
	rep_buf_puts(sql,
		     " WHERE id = NEW.id;\nDELETE FROM _silent;\nDELETE FROM _shadow;\nUPDATE ");
	rep_db_quote(sql, rep_table_name(entity));
	for (size_t i = 0; i < entity->fields_len; i++)
		rep_buf_printf(sql, "%s\"%s\" = NEW.\"%s\"", i ? ", " : " SET ",
			       entity->fields[i].name, entity->fields[i].name);
	rep_buf_puts(sql, " WHERE id = NEW.id;\n");
	rep_trigger_end(sql);
}

static void after_update(struct rep_buf *sql, const struct rep_entity *entity, const char *device)
{
	struct rep_buf event = REP_BUF_INIT(sql->limit);

	rep_buf_puts(&event, "AFTER UPDATE OF ");
	for (size_t i = 0; i < entity->fields_len; i++) {
		rep_buf_puts(&event, i ? ", " : "");
		rep_db_quote(&event, entity->fields[i].name);
	}
	begin(sql, entity, "after_update", rep_buf_str(&event));
	rep_buf_clear(&event);
	rep_buf_puts(sql, " AND (");
	differs(sql, entity, REP_ROW_OLD);
	rep_buf_puts(sql, ")\nBEGIN\n");
	rep_bounds_sql(sql, entity, REP_ROW_NEW, REP_ROW_OLD);
	tick(sql, entity, REP_ROW_OLD);
	pending(sql, entity, "NEW", "update", device);
	rep_buf_puts(sql, ";\n");
	pending_fields(sql, entity, REP_ROW_NEW, REP_ROW_OLD);
	own_update(sql, entity);
	rep_buf_puts(sql, "_stamps = json_patch(_stamps, ");
	stamps_patch(sql, entity, "(SELECT max(n) FROM _pending)", REP_ROW_OLD, device);
	rep_buf_puts(sql, ") WHERE id = NEW.id;\nDELETE FROM _silent;\nDELETE FROM _shadow;\n");
	rep_trigger_end(sql);
}

static void guard(struct rep_buf *sql, const struct rep_entity *entity)
{
	struct rep_buf event = REP_BUF_INIT(1024);

	rep_buf_puts(&event, "BEFORE UPDATE OF id");
	for (const char *const *name = rep_engine_columns; *name; name++)
		rep_buf_printf(&event, ", %s", *name);
	begin(sql, entity, "guard", rep_buf_str(&event));
	rep_buf_clear(&event);
	rep_buf_puts(sql, " AND (NEW.id IS NOT OLD.id");
	for (const char *const *name = rep_engine_columns; *name; name++)
		rep_buf_printf(sql, " OR NEW.%s IS NOT OLD.%s", *name, *name);
	rep_buf_printf(
		sql,
		")\nBEGIN\nSELECT RAISE(ABORT, '%s: the id and the columns of the engine are "
		"not to be changed');\n",
		entity->name);
	rep_trigger_end(sql);
}

static void deletes(struct rep_buf *sql, const struct rep_entity *entity, const char *device)
{
	begin(sql, entity, "before_delete", "BEFORE DELETE");
	rep_buf_printf(sql,
		       " AND OLD._deleted IS NOT NULL\nBEGIN\nSELECT RAISE(ABORT, '%s: already "
		       "deleted');\n",
		       entity->name);
	rep_trigger_end(sql);
	begin(sql, entity, "after_delete", "AFTER DELETE");
	rep_buf_puts(sql, "\nBEGIN\n");
	rep_tick_sql(sql, "0");
	pending(sql, entity, "OLD", "delete", device);
	rep_buf_puts(sql, ";\n");
	pending_fields(sql, entity, REP_ROW_NONE, REP_ROW_OLD);
	rep_trigger_end(sql);
}

void rep_refuse_sql(struct rep_buf *sql, const char *table)
{
	static const char *const events[] = {"INSERT", "UPDATE", "DELETE"};

	for (size_t i = 0; i < 3; i++) {
		rep_buf_puts(sql, "CREATE TRIGGER ");
		rep_trigger_name(sql, table, events[i]);
		rep_buf_printf(sql,
			       " BEFORE %s ON \"%s\" WHEN " REP_QUIET
			       "\nBEGIN\nSELECT RAISE(ABORT, '%s: only the engine writes here');\n",
			       events[i], table, table);
		rep_trigger_end(sql);
	}
}

void rep_capture_sql(struct rep_buf *sql, const struct rep_entity *entity, const char *device)
{
	before_insert(sql, entity, false);
	before_insert(sql, entity, true);
	after_new(sql, entity, device);
	after_old(sql, entity);
	after_update(sql, entity, device);
	guard(sql, entity);
	deletes(sql, entity, device);
}
