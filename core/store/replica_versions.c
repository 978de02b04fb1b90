/*
 * The versions that a replica knows of: numbers and beginnings are the rows of `release`, files of other versions than the one in
 * force lie in _schema under "<number>/<path>". A replica that an older program made has neither table nor files, and one version.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/eras.h"
#include "core/store/derive.h"
#include "core/store/replica_work.h"

enum rep_code rep_replica_keep_file(struct rep_replica *replica, int number, const char *path,
				    const void *data, size_t size_bytes, struct rep_error *err)
{
	struct rep_buf full = REP_BUF_INIT(1024);
	struct rep_stmt *stmt;
	enum rep_code rc =
		rep_db_use(replica->db, &stmt,
			   "INSERT OR REPLACE INTO _schema (path, data) VALUES (?1, ?2)", err);

	rep_buf_printf(&full, "%d/%s", number, path);
	if (rc == REP_OK) {
		rep_bind_text(stmt, 1, rep_buf_str(&full));
		rep_bind_blob(stmt, 2, data, size_bytes);
		rc = rep_run(stmt, err);
	}
	rep_buf_clear(&full);
	return rc;
}

static enum rep_code load(void *user, int number, struct rep_schema **out, struct rep_error *err)
{
	struct rep_replica *replica = user;
	struct rep_schema_files files = {0};
	struct rep_stmt *stmt;
	const bool in_force = number == replica->schema->version;
	char prefix[16] = "";
	bool row = true;
	enum rep_code rc = rep_db_use(
		replica->db, &stmt,
		"SELECT substr(path, length(?1) + 1), data FROM _schema WHERE CASE WHEN ?1 = '' THEN path "
		"NOT GLOB '[0-9]*' ELSE substr(path, 1, length(?1)) = ?1 END",
		err);

	*out = NULL;
	if (!in_force)
		snprintf(prefix, sizeof prefix, "%d/", number);
	if (rc == REP_OK)
		rep_bind_text(stmt, 1, prefix);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		size_t len;
		const char *data = rep_column_blob(stmt, 1, &len);

		rc = rep_schema_files_add(&files, rep_column_text(stmt, 0, NULL), data ? data : "",
					  len, err);
	}
	if (rc == REP_OK && files.len == 0)
		rc = rep_fail(err, REP_ENOTFOUND, "its files are not in this replica");
	if (rc == REP_OK)
		return rep_schema_load(out, &files, err); /* takes the files over */
	rep_schema_files_clear(&files);
	return rc;
}

static enum rep_code derive(void *user, const char *sql, const struct rep_entity *entity,
			    const struct rep_json *old, const struct rep_field *field,
			    struct rep_json **out, struct rep_error *err)
{
	struct rep_replica *replica = user;
	enum rep_code rc = replica->derive ? REP_OK : rep_derive_new(&replica->derive, err);

	return rc == REP_OK ? rep_derive_value(replica->derive, sql, entity, old, field, out, err)
			    : rc;
}

enum rep_code rep_replica_has_releases(struct rep_db *db, bool *out, struct rep_error *err)
{
	struct rep_stmt *stmt;
	enum rep_code rc = rep_db_use(db, &stmt,
				      "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = "
				      "'_release'",
				      err);

	*out = false;
	if (rc == REP_OK)
		rc = rep_step(stmt, out, err);
	if (rc == REP_OK)
		rep_stmt_reset(stmt);
	return rc;
}

/* The one before the first that was published is the one that the company began with. */
static enum rep_code add_all(struct rep_versions *versions, struct rep_replica *replica,
			     struct rep_error *err)
{
	const int newest = replica->schema->version;
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(replica->db, &stmt,
				      "SELECT CAST(id AS INTEGER) AS n, effective FROM _release "
				      "WHERE n <= ?1 ORDER BY n",
				      err);

	if (rc != REP_OK)
		return rc;
	rep_bind_int(stmt, 1, newest);
	while ((rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		int number = (int)rep_column_int(stmt, 0);

		if (!rep_versions_newest(versions))
			rc = rep_versions_add(versions, number - 1, NULL, err);
		if (rc == REP_OK)
			rc = rep_versions_add(versions, number, rep_column_text(stmt, 1, NULL),
					      err);
		if (rc != REP_OK)
			break;
	}
	rep_stmt_reset(stmt);
	return rc;
}

enum rep_code rep_replica_versions(struct rep_replica *replica, struct rep_versions **out,
				   struct rep_error *err)
{
	const struct rep_versions_source source = {.load = load, .derive = derive, .user = replica};
	struct rep_versions *versions = NULL;
	bool any = false;
	enum rep_code rc = REP_OK;

	*out = replica->versions;
	if (*out)
		return REP_OK;
	rc = rep_versions_new(&versions, &source, err);
	if (rc == REP_OK)
		rc = rep_replica_has_releases(replica->db, &any, err);
	if (rc == REP_OK && any)
		rc = add_all(versions, replica, err);
	/* Between the pull that installs a schema and the rows that tell since when there is nothing else to go by. */
	if (rc == REP_OK && !rep_versions_has(versions, replica->schema->version)) {
		rep_versions_free(versions);
		versions = NULL;
		rc = rep_versions_new(&versions, &source, err);
		if (rc == REP_OK)
			rc = rep_versions_add(versions, replica->schema->version, NULL, err);
	}
	if (rc == REP_OK)
		*out = replica->versions = versions;
	else
		rep_versions_free(versions);
	return rep_wrap(err, rc, "versions of the schema");
}

enum rep_code rep_replica_read_forward(struct rep_replica *replica, const char *schema,
				       const struct rep_fold_context *fold,
				       const struct rep_edit *edit, struct rep_era_edit *out,
				       struct rep_error *err)
{
	const int newest = replica->schema->version;
	const char *slash = strrchr(schema, '/');
	const int number = slash ? atoi(slash + 1) : newest;
	struct rep_edit old = *edit;
	struct rep_versions *versions = NULL;
	struct rep_eras *eras = NULL;
	enum rep_code rc;

	*out = (struct rep_era_edit){.edit = *edit, .number = newest};
	if (number == newest)
		return REP_OK;
	rc = rep_replica_versions(replica, &versions, err);
	if (rc != REP_OK || !rep_versions_has(versions, number))
		return rc;
	old.version = number;
	rc = rep_eras_new(&eras, versions, fold, err);
	if (rc == REP_OK)
		rc = rep_eras_read(eras, &old, newest, out, err);
	rep_eras_free(eras);
	return rep_wrap(err, rc, "a change made under %s", schema);
}
