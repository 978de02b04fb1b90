/*
 * What forbids a version of the schema: what it says (schema_follow.h), the SQL of its derivations, and the records that would not
 * fit into it. A record that does not fit into the version in force either is not counted: it came to be under an older one.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/normalise.h"
#include "core/model/value.h"
#include "core/store/schema_sql.h"
#include "core/store/tables.h"
#include "sync/admin/hub_schema_work.h"

/* A field, and those records that would break it. */
struct broken {
	const struct rep_field *field;
	int64_t count;
	char first[REP_ID_LEN_MAX + 1];
	char why[200];
	struct rep_json *keys; /* of a field that becomes unique: key -> id */
};

struct scan {
	struct rep_hub *hub;
	struct rep_versions *versions; /* in force, planned, and the one to come */
	const struct rep_schema *next;
	const struct rep_entity *was, *is;
	struct broken broken[REP_FIELDS_MAX + 1];
	int64_t records;
	const struct rep_progress *progress;
};

static void note(struct broken *broken, const char *id, const char *why)
{
	if (broken->count++)
		return;
	snprintf(broken->first, sizeof broken->first, "%s", id);
	snprintf(broken->why, sizeof broken->why, "%.*s", (int)sizeof broken->why - 1, why);
}

/* ---- one record ---- */

/* The field of the version in force that became this one; NULL = it is new. */
static enum rep_code older_field(struct scan *scan, const struct rep_field *field,
				 const struct rep_field **out, struct rep_error *err)
{
	const char *name;
	enum rep_code rc =
		rep_version_name(scan->versions, scan->is->name, field->name, scan->next->version,
				 scan->hub->schema->version, &name, err);

	*out = rc == REP_OK && name ? rep_entity_field(scan->was, name) : NULL;
	return rc;
}

static bool fits(const struct rep_field *field, const struct rep_json *value, bool *nomem,
		 struct rep_error *why)
{
	enum rep_code rc = value ? rep_value_check(field, value, why) : REP_OK;

	*nomem = *nomem || rc == REP_ENOMEM;
	return rc == REP_OK;
}

static void key_of(struct rep_buf *out, const struct rep_field *field, const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	if (text)
		rep_normalise_put(out, text, strlen(text), field->normalise);
	else if (!rep_value_empty(value))
		rep_json_write(out, value);
}

static bool check_unique(struct broken *broken, const struct rep_field *field,
			 const struct rep_record *record)
{
	struct rep_buf key = REP_BUF_INIT(REP_TEXT_SIZE_MAX * 4);
	const char *other;
	bool good = true;

	if (!broken->keys)
		broken->keys = rep_json_object();
	key_of(&key, field, rep_record_value(record, field->name));
	other = key.len ? rep_json_get_string(broken->keys, rep_buf_str(&key)) : NULL;
	if (other) {
		char why[120];

		snprintf(why, sizeof why, "%.60s has the same value", other);
		note(broken, record->id, why);
	} else if (key.len) {
		good = rep_json_set_string(broken->keys, rep_buf_str(&key), record->id);
	}
	rep_buf_clear(&key);
	return good;
}

static enum rep_code check_field(struct scan *scan, struct broken *broken,
				 const struct rep_record *before, const struct rep_record *after,
				 struct rep_error *err)
{
	const struct rep_field *field = broken->field, *older;
	const struct rep_json *value = rep_record_value(after, field->name);
	struct rep_error why, ignored;
	bool nomem = false;
	enum rep_code rc = older_field(scan, field, &older, err);

	if (rc != REP_OK)
		return rc;
	if (field->required && !(older && older->required) && rep_value_empty(value))
		note(broken, after->id, "it is required and there is none");
	else if (!fits(field, value, &nomem, &why) &&
		 (!older || fits(older, rep_record_value(before, older->name), &nomem, &ignored)))
		note(broken, after->id, why.msg);
	if (field->unique != REP_UNIQUE_NO && !(older && older->unique != REP_UNIQUE_NO) &&
	    !check_unique(broken, field, after))
		nomem = true;
	return nomem ? rep_fail(err, REP_ENOMEM, "out of memory") : REP_OK;
}

static enum rep_code check_record(void *user, struct rep_record *record, struct rep_error *err)
{
	struct scan *scan = user;
	struct rep_folded folded = {.record = rep_record_dup(record)};
	enum rep_code rc = folded.record ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = rep_version_migrate(scan->versions, scan->was->name, &folded,
					 scan->hub->schema->version, scan->next->version, err);
	for (size_t i = 0; rc == REP_OK && i < scan->is->fields_len; i++) {
		scan->broken[i].field = &scan->is->fields[i];
		rc = check_field(scan, &scan->broken[i], record, folded.record, err);
	}
	scan->records++;
	if (scan->records % 1024 == 0)
		rep_progress_step(scan->progress, "check", (uint64_t)scan->records, 0);
	rep_folded_clear(&folded);
	return rc;
}

/* ---- all of them ---- */

static enum rep_code tell(struct scan *scan, struct rep_json *problems, struct rep_error *err)
{
	bool good = true;

	for (size_t i = 0; i < scan->is->fields_len; i++) {
		struct broken *broken = &scan->broken[i];

		if (broken->count)
			good = rep_schema_problem(
				       problems, scan->is->name, broken->field->name, "narrowing",
				       "%lld record%s would break, first %s: %s",
				       (long long)broken->count, broken->count == 1 ? "" : "s",
				       broken->first, broken->why) &&
			       good;
		rep_json_free(broken->keys);
		*broken = (struct broken){0};
	}
	return good ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code scan_records(struct scan *scan, struct rep_json *problems,
				  struct rep_error *err)
{
	const struct rep_schema *now = scan->hub->schema;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < now->entities_len; i++) {
		enum rep_code told;

		scan->was = &now->entities[i];
		scan->is = rep_schema_entity(scan->next, scan->was->name);
		if (scan->was->builtin >= REP_BUILTIN_DEVICE || !scan->is)
			continue;
		rc = rep_row_each(scan->hub->db, scan->was, "_deleted IS NULL", check_record, scan,
				  err);
		told = tell(scan, problems, err);
		rc = rc == REP_OK ? told : rc;
	}
	return rc;
}

/* Who has a role that is gone would be nobody. */
static enum rep_code check_roles(struct rep_hub *hub, const struct rep_schema *next,
				 struct rep_json *problems, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc =
		rep_db_use(hub->db, &stmt,
			   "SELECT role, count(DISTINCT rep), min(rep) FROM _role WHERE"
			   " _deleted IS NULL AND valid_to IS NULL GROUP BY role ORDER BY 1",
			   err);

	if (rc != REP_OK)
		return rc;
	while ((rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		const char *role = rep_column_text(stmt, 0, NULL);

		if (role && !rep_schema_role(next, role) &&
		    !rep_schema_problem(problems, NULL, NULL, "narrowing",
					"the role %s is gone, and %lld %s it, first %s", role,
					(long long)rep_column_int(stmt, 1),
					rep_column_int(stmt, 1) == 1 ? "has" : "have",
					rep_column_text(stmt, 2, NULL))) {
			rc = rep_fail(err, REP_ENOMEM, "out of memory");
			break;
		}
	}
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code check_sql(struct rep_derive *derive, const struct rep_entity *entity,
			       const char *field, const char *sql, struct rep_json *problems,
			       struct rep_error *err)
{
	const char *word = rep_sql_unrepeatable(sql);
	struct rep_error said;
	enum rep_code rc = REP_OK;
	bool good = true;

	if (word) {
		good = rep_schema_problem(problems, entity->name, field, "check-function",
					  "\"derive\": %s", word);
	} else {
		rc = rep_derive_try(derive, sql, entity, &said);
		if (rc == REP_ENOMEM)
			return rep_fail(err, rc, "out of memory");
		if (rc != REP_OK)
			good = rep_schema_problem(problems, entity->name, field, "check-sql",
						  "\"derive\": %.200s", said.msg);
	}
	return good ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");
}

static enum rep_code check_derivations(const struct rep_schema *newest,
				       const struct rep_schema *next, struct rep_json *problems,
				       struct rep_error *err)
{
	struct rep_derive *derive = NULL;
	enum rep_code rc = rep_derive_new(&derive, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(next->mappings); i++) {
		const struct rep_json *one = rep_json_at(next->mappings, i);
		const struct rep_json *table = rep_json_get(one, "derive");
		const char *name = rep_json_get_string(one, "entity");
		const struct rep_entity *entity = name ? rep_schema_entity(newest, name) : NULL;

		if (!entity || rep_json_get_integer(one, "from") != newest->version)
			continue;
		for (void *it = table ? rep_json_iter(table) : NULL; rc == REP_OK && it;
		     it = rep_json_iter_next(table, it)) {
			const char *sql = rep_json_string_value(rep_json_iter_value(it));

			if (sql)
				rc = check_sql(derive, entity, rep_json_iter_key(it), sql, problems,
					       err);
		}
	}
	rep_derive_free(derive);
	return rc;
}

/* Names of versions long past do not come back. */
static enum rep_code check_retired(struct rep_hub *hub, const struct rep_schema *newest,
				   const struct rep_schema *next, struct rep_json *problems,
				   struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (int number = rep_versions_first(hub->versions);
	     rc == REP_OK && number < newest->version; number++) {
		const struct rep_schema *earlier;
		struct rep_schema *owned = NULL;

		rc = rep_hub_schema_of(hub, number, &earlier, &owned, err);
		if (rc == REP_OK)
			rc = rep_schema_retired(earlier, newest, next, problems, err);
		rep_schema_free(owned);
	}
	return rc;
}

/* ---- the versions to look through ---- */

static enum rep_code derive_value(void *user, const char *sql, const struct rep_entity *entity,
				  const struct rep_json *old, const struct rep_field *field,
				  struct rep_json **out, struct rep_error *err)
{
	struct scan *scan = user;
	enum rep_code rc = scan->hub->derive ? REP_OK : rep_derive_new(&scan->hub->derive, err);

	return rc == REP_OK ? rep_derive_value(scan->hub->derive, sql, entity, old, field, out, err)
			    : rc;
}

static enum rep_code load(void *user, int number, struct rep_schema **out, struct rep_error *err)
{
	struct scan *scan = user;
	struct rep_schema_files files = {0};
	const struct rep_schema *known =
		number == scan->hub->schema->version ? scan->hub->schema : scan->next;
	enum rep_code rc = REP_OK;

	if (known->version != number)
		return rep_hub_version(scan->hub, number, out, err);
	for (size_t i = 0; rc == REP_OK && i < known->files->len; i++) {
		const struct rep_schema_file *file = &known->files->files[i];

		rc = rep_schema_files_add(&files, file->path, file->data, file->size_bytes, err);
	}
	if (rc == REP_OK)
		return rep_schema_load(out, &files, err);
	rep_schema_files_clear(&files);
	return rc;
}

static enum rep_code scan_all(struct scan *scan, struct rep_json *problems, struct rep_error *err)
{
	const struct rep_versions_source source = {
		.load = load, .derive = derive_value, .user = scan};
	enum rep_code rc = rep_versions_new(&scan->versions, &source, err);

	for (int number = scan->hub->schema->version; rc == REP_OK && number <= scan->next->version;
	     number++)
		rc = rep_versions_add(scan->versions, number, NULL, err);
	if (rc == REP_OK)
		rc = scan_records(scan, problems, err);
	rep_versions_free(scan->versions);
	return rc;
}

enum rep_code rep_hub_schema_check(struct rep_hub *hub, const struct rep_schema *newest,
				   const struct rep_schema *next, struct rep_json *problems,
				   int64_t *records, const struct rep_progress *progress,
				   struct rep_error *err)
{
	struct scan scan = {.hub = hub, .next = next, .progress = progress};
	enum rep_code rc = rep_schema_follow(newest, next, problems, err);

	*records = 0;
	if (rc == REP_OK)
		rc = check_derivations(newest, next, problems, err);
	if (rc == REP_OK)
		rc = check_retired(hub, newest, next, problems, err);
	if (rc == REP_OK)
		rc = check_roles(hub, next, problems, err);
	/* Records are read through the mappings, which must be right for that. */
	if (rc == REP_OK && rep_json_size(problems) == 0)
		rc = scan_all(&scan, problems, err);
	*records = scan.records;
	return rep_wrap(err, rc, "compare with the records");
}
