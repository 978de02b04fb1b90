/* Rows under a newer schema: what was kept aside because nobody knew its field moves into the field's own column. */
#include "core/store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/store/tables.h"

#define SQL_SIZE_MAX 1024u

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "adopt row: no memory");
}

/* Moves the parts of one class of `extra` that belong to known fields into the record. */
static void adopt_class(struct rep_record *record, struct rep_json *class)
{
	static const char *const parts[] = {"fields", "stamps", "sources"};

	for (size_t p = 0; p < 3; p++) {
		struct rep_json *part = rep_json_get(class, parts[p]);

		for (size_t i = 0; part && i < record->entity->fields_len; i++) {
			const char *name = record->entity->fields[i].name;
			struct rep_json *value = rep_json_get(part, name);
			struct rep_json **into = p == 0   ? &record->fields
						 : p == 1 ? &record->stamps
							  : &record->sources;

			if (!value)
				continue;
			if (!*into)
				*into = rep_json_object();
			if (!*into || !rep_json_set(*into, name, rep_json_ref(value)))
				record->failed = true;
			rep_json_del(part, name);
		}
		if (part && rep_json_size(part) == 0)
			rep_json_del(class, parts[p]);
	}
}

static void adopt_extra(struct rep_record *record, const struct rep_schema *schema,
			struct rep_json *extra)
{
	for (size_t i = 0; i <= schema->visibility_len; i++) {
		const char *name = i ? schema->visibility[i - 1].name : "open";
		struct rep_json *class = rep_json_get(extra, name);

		if (!class)
			continue;
		adopt_class(record, class);
		if (rep_json_size(class) == 0)
			rep_json_del(extra, name);
	}
}

struct adoption {
	struct rep_db *db;
	const struct rep_schema *schema;
};

static enum rep_code adopt_row(void *user, struct rep_record *record, struct rep_error *err)
{
	const struct adoption *adoption = user;
	struct rep_json *extra;
	struct rep_stmt *stmt = NULL;
	struct rep_buf sql = REP_BUF_INIT(SQL_SIZE_MAX);
	char *place = NULL;
	bool row = false;
	enum rep_code rc = rep_row_extra(adoption->db, record->entity, record->id, &extra, err);

	if (rc != REP_OK || !extra)
		return rc;
	adopt_extra(record, adoption->schema, extra);
	rep_buf_puts(&sql, "SELECT _place FROM ");
	rep_db_quote(&sql, rep_table_name(record->entity));
	rep_buf_puts(&sql, " WHERE id = ?1");
	rc = record->failed ? no_memory(err)
			    : rep_db_use(adoption->db, &stmt, rep_buf_str(&sql), err);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, record->id);
		rc = rep_step(stmt, &row, err);
	}
	if (rc == REP_OK && row && !(place = strdup(rep_column_text(stmt, 0, NULL))))
		rc = no_memory(err);
	if (stmt)
		rep_stmt_reset(stmt);
	if (rc == REP_OK && place)
		rc = rep_row_put(adoption->db, record, extra, place, err);
	free(place);
	rep_json_free(extra);
	rep_buf_clear(&sql);
	return rc;
}

enum rep_code rep_rows_adopt(struct rep_db *db, const struct rep_schema *schema,
			     struct rep_error *err)
{
	struct adoption adoption = {db, schema};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++)
		rc = rep_row_each(db, &schema->entities[i], "_extra IS NOT NULL", adopt_row,
				  &adoption, err);
	return rc;
}
