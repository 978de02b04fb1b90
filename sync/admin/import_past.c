#include "sync/admin/import_past.h"

#include <string.h>

#include "core/base/limits.h"
#include "core/model/stamp.h"

/*
 * The hub's change sets are numbered in the order in which they were made. The signs keep SQLite from walking all changes of the
 * hub, whose index has that order, for every record: 30,000 lines took ten minutes.
 */
static const char past_sql[] =
	"SELECT line FROM _change WHERE entity = ?1 AND id = ?2"
	" AND +device = '" REP_HUB_DEVICE "' AND line IS NOT NULL ORDER BY +seq, +idx";

static enum rep_code add_line(struct rep_json **past, const char *source, const char *text,
			      size_t len, struct rep_error *err)
{
	struct rep_json *line = NULL;
	const struct rep_json *values;
	const char *given;
	enum rep_code rc;

	rc = rep_json_parse(&line, text, len, 2u * REP_LINE_SIZE_MAX, REP_SCHEMA_DEPTH_MAX, err);
	if (rc)
		return rc;
	given = rep_json_get_string(line, "source");
	values = rep_json_get(line, "values");
	if (!given || strcmp(given, source) != 0 || !values)
		goto out;
	if (!*past)
		*past = rep_json_object();
	for (void *it = rep_json_iter(values); it && !rc; it = rep_json_iter_next(values, it)) {
		struct rep_json *value = rep_json_get(rep_json_iter_value(it), "new");

		if (!rep_json_set(*past, rep_json_iter_key(it),
				  value ? rep_json_ref(value) : rep_json_null()))
			rc = rep_fail(err, REP_ENOMEM, "no memory");
	}
out:
	rep_json_free(line);
	return rc;
}

enum rep_code rep_import_past(struct rep_db *db, const char *source, const char *entity,
			      const char *id, struct rep_json **out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(db, &stmt, past_sql, err);

	*out = NULL;
	if (rc)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	while (!(rc = rep_step(stmt, &row, err)) && row) {
		size_t len = 0;
		const char *text = rep_column_text(stmt, 0, &len);

		if ((rc = add_line(out, source, text, len, err)))
			break;
	}
	if (row)
		rep_stmt_reset(stmt);
	if (rc) {
		rep_json_free(*out);
		*out = NULL;
	}
	return rep_wrap(err, rc, "what %s last gave for %s %s", source, entity, id);
}
