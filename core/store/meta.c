/* _meta: small named texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/replica.h"

enum rep_code rep_meta_get(struct rep_db *db, const char *key, char **out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(db, &stmt, "SELECT value FROM _meta WHERE key = ?1", err);

	*out = NULL;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, key);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row) {
		const char *text = rep_column_text(stmt, 0, NULL);

		*out = text ? strdup(text) : NULL;
		if (!*out)
			rc = rep_fail(err, REP_ENOMEM, "read _meta %s: no memory", key);
	}
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_meta_get_int(struct rep_db *db, const char *key, int64_t *out,
			       struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc = rep_db_use(
		db, &stmt, "SELECT CAST(value AS INTEGER) FROM _meta WHERE key = ?1", err);

	*out = 0;
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, key);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		*out = rep_column_int(stmt, 0);
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_meta_set(struct rep_db *db, const char *key, const char *value,
			   struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(
		db, &stmt,
		value ? "INSERT INTO _meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET "
			"value = excluded.value"
		      : "DELETE FROM _meta WHERE key = ?1",
		err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, key);
	if (value)
		rep_bind_text(stmt, 2, value);
	return rep_run(stmt, err);
}

enum rep_code rep_meta_set_int(struct rep_db *db, const char *key, int64_t value,
			       struct rep_error *err)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	return rep_meta_set(db, key, text, err);
}
