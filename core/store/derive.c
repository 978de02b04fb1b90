#include "core/store/derive.h"

#include <stdlib.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "core/store/columns.h"
#include "core/store/db.h"

#define SQL_SIZE_MAX (256u * 1024u)

struct rep_derive {
	struct rep_db *db;
};

enum rep_code rep_derive_new(struct rep_derive **out, struct rep_error *err)
{
	const struct rep_db_options memory = {.memory = true, .create = true};
	enum rep_code rc;

	*out = calloc(1, sizeof(**out));
	if (!*out)
		return rep_fail(err, REP_ENOMEM, "derive");
	rc = rep_db_open(&(*out)->db, "derive", &memory, err);
	if (rc != REP_OK) {
		free(*out);
		*out = NULL;
	}
	return rc;
}

void rep_derive_free(struct rep_derive *derive)
{
	if (!derive)
		return;
	rep_db_close(derive->db);
	free(derive);
}

/* SELECT (<sql>) FROM (SELECT ? AS "field", ...) AS old */
static enum rep_code prepare(struct rep_derive *derive, const char *sql,
			     const struct rep_entity *entity, struct rep_stmt **stmt,
			     struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc;

	rep_buf_printf(&text, "SELECT (%s\n) FROM (SELECT ", sql);
	for (size_t i = 0; i < entity->fields_len; i++) {
		rep_buf_printf(&text, "%s?%zu AS ", i ? ", " : "", i + 1);
		rep_db_quote(&text, entity->fields[i].name);
	}
	rep_buf_puts(&text, ") AS old");
	rc = rep_buf_check(&text, "SQL of a derivation", err);
	if (rc == REP_OK)
		rc = rep_db_use(derive->db, stmt, rep_buf_str(&text), err);
	rep_buf_clear(&text);
	return rc;
}

enum rep_code rep_derive_try(struct rep_derive *derive, const char *sql,
			     const struct rep_entity *entity, struct rep_error *err)
{
	struct rep_stmt *stmt = NULL;
	enum rep_code rc = prepare(derive, sql, entity, &stmt, err);

	if (rc == REP_OK)
		rep_stmt_reset(stmt);
	return rc;
}

/* What the field does not take is null: the record must not hold what nobody could have entered. */
static enum rep_code take(struct rep_stmt *stmt, const struct rep_field *field,
			  struct rep_json **out, struct rep_error *err)
{
	struct rep_error why;
	bool nomem = false;
	enum rep_code rc;

	*out = rep_column_value(stmt, 0, field, &nomem);
	rc = nomem || !*out ? REP_OK : rep_value_check(field, *out, &why);
	if (rc == REP_ENOMEM || nomem)
		return rep_fail(err, REP_ENOMEM, "derive %s", field->name);
	if (rc != REP_OK) {
		rep_json_free(*out);
		*out = NULL;
	}
	if (*out && field->type == REP_TYPE_SET) {
		struct rep_json *sorted = rep_value_sorted(*out);

		rep_json_free(*out);
		*out = sorted;
		if (!sorted)
			return rep_fail(err, REP_ENOMEM, "derive %s", field->name);
	}
	if (!*out)
		*out = rep_json_null();
	return *out ? REP_OK : rep_fail(err, REP_ENOMEM, "derive %s", field->name);
}

enum rep_code rep_derive_value(void *user, const char *sql, const struct rep_entity *entity,
			       const struct rep_json *old, const struct rep_field *field,
			       struct rep_json **out, struct rep_error *err)
{
	struct rep_derive *derive = user;
	struct rep_stmt *stmt = NULL;
	bool row = false;
	enum rep_code rc = prepare(derive, sql, entity, &stmt, err);

	*out = NULL;
	for (size_t i = 0; rc == REP_OK && i < entity->fields_len; i++)
		if (!rep_column_bind(stmt, (int)i + 1, &entity->fields[i],
				     rep_json_get(old, entity->fields[i].name)))
			rep_bind_null(stmt, (int)i + 1);
	if (rc == REP_OK)
		rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		rc = take(stmt, field, out, err);
	else if (stmt &&
		 rc != REP_ENOMEM) /* a function that its argument does not suit: no value */
		rc = (*out = rep_json_null()) ? REP_OK : rep_fail(err, REP_ENOMEM, "no memory");
	if (stmt)
		rep_stmt_reset(stmt);
	return rep_wrap(err, rc, "derive %s", field->name);
}
