#include "sync/audit/verify_rows.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/tables.h"
#include "sync/device/device_work.h"

#define LINKED "linked/"
#define DATA "data/"
#define KEY_SIZE (REP_NAME_LEN_MAX + REP_ID_LEN_MAX + 2)

bool rep_is_finding(enum rep_code rc)
{
	switch (rc) {
	case REP_EINVAL:
	case REP_ENOTFOUND:
	case REP_EEXIST:
	case REP_ELIMIT:
	case REP_EORDER:
	case REP_EINTEGRITY:
		return true;
	case REP_OK:
	case REP_EUSAGE:
	case REP_EIO:
	case REP_ENOMEM:
	case REP_EBUSY:
	case REP_EREFUSED:
	case REP_EUNREACHABLE:
		break;
	}
	return false;
}

static enum rep_code note(struct rep_row_check *check, const char *where, enum rep_code rc,
			  struct rep_error *err)
{
	if (!rep_is_finding(rc))
		return rc;
	rep_problems_add(check->problems, where, "%s", err->msg);
	return REP_OK;
}

static bool is_excepted(const struct rep_row_check *check, const char *entity, const char *id)
{
	char key[KEY_SIZE];

	snprintf(key, sizeof key, "%s/%s", entity, id);
	return check->except && rep_json_get(check->except, key);
}

/* ---- a row ---- */

struct row {
	struct rep_record *record; /* NULL = there is none */
	struct rep_json *extra;
};

static enum rep_code row_read(struct row *out, struct rep_row_check *check,
			      const struct rep_entity *entity, const char *id,
			      struct rep_error *err)
{
	enum rep_code rc;

	*out = (struct row){0};
	rc = rep_row_get(check->db, entity, id, &out->record, err);
	if (rc == REP_OK && out->record)
		rc = rep_row_extra(check->db, entity, id, &out->extra, err);
	return rc;
}

static void row_clear(struct row *row)
{
	rep_record_free(row->record);
	rep_json_free(row->extra);
}

/* ---- files against rows ---- */

/* Is the file itself in order? When it is, the rows are what is wrong. */
static void tell_difference(struct rep_row_check *check, const struct rep_record_place *place,
			    const struct rep_entity *entity, const char *path, bool linked,
			    bool has_row)
{
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	struct rep_error err;
	enum rep_code rc;

	rc = rep_view_record(&record, &extra, check->lookup, check->schema, entity,
			     place->partition, place->id, linked, &err);
	if (rc != REP_OK)
		rep_problems_add(check->problems, path, "%s", err.msg);
	else if (record && strcmp(record->id, place->id) != 0)
		rep_problems_add(check->problems, path, "the file is of record %s", record->id);
	else
		rep_problems_add(check->problems, path,
				 has_row ? "%s has other values for this record"
					 : "%s lacks this record",
				 check->rows);
	rep_record_free(record);
	rep_json_free(extra);
}

static enum rep_code compare_file(struct rep_row_check *check, const struct row *row,
				  const struct rep_record_place *place, const char *path,
				  const struct rep_oid *want, bool linked, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(check->schema, place->entity);
	struct rep_buf bytes = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_oid have = rep_oid_zero;
	enum rep_code rc;

	if (row->record &&
	    rep_record_write_extra(&bytes, row->record, row->extra, place->visibility))
		rep_oid_again(&have, REP_OBJECT_BLOB, rep_buf_str(&bytes), bytes.len);
	rc = rep_buf_check(&bytes, "a record", err);
	if (rc == REP_OK && !rep_oid_equal(&have, want))
		tell_difference(check, place, entity, path, linked, row->record != NULL);
	rep_buf_clear(&bytes);
	return rc;
}

/* The twins of a row, class by class: also those that only one side has. */
static enum rep_code compare_twins(struct rep_row_check *check, const struct row *row,
				   const struct rep_record_place *place, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(check->schema, place->entity);
	struct rep_buf path = REP_BUF_INIT(4096);
	struct rep_record_place twin = *place;
	struct rep_oid oid;
	enum rep_code rc = REP_OK;

	/* Devices and roles have one file each, whatever class is asked for. */
	if (entity->builtin == REP_BUILTIN_DEVICE || entity->builtin == REP_BUILTIN_ROLE ||
	    entity->builtin == REP_BUILTIN_RELEASE)
		return REP_OK;
	for (size_t i = 0; rc == REP_OK && i < check->schema->visibility_len; i++) {
		if (strcmp(check->schema->visibility[i].name, "open") == 0)
			continue;
		snprintf(twin.visibility, sizeof twin.visibility, "%s",
			 check->schema->visibility[i].name);
		rep_buf_reset(&path);
		rep_record_path(&path, entity, place->partition, place->id, twin.visibility);
		rc = rep_buf_check(&path, "a path", err);
		if (rc == REP_OK)
			rc = rep_lookup_find(check->lookup, path.data, &oid, err);
		if (rc == REP_OK)
			rc = compare_file(check, row, &twin, path.data, &oid, false, err);
	}
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code check_main(struct rep_row_check *check, const char *path,
				const struct rep_record_place *place, const struct rep_oid *oid,
				bool linked, struct rep_error *err)
{
	struct row row;
	enum rep_code rc;

	if (is_excepted(check, place->entity, place->id))
		return REP_OK;
	rc = row_read(&row, check, rep_schema_entity(check->schema, place->entity), place->id, err);
	if (rc != REP_OK)
		goto out;
	if (row.record && strcmp(row.record->partition, place->partition) != 0) {
		rep_problems_add(check->problems, path, "%s has this record in partition %s",
				 check->rows, row.record->partition);
		goto out;
	}
	rc = compare_file(check, &row, place, path, oid, linked, err);
	if (rc == REP_OK && row.record)
		rc = compare_twins(check, &row, place, err);
out:
	row_clear(&row);
	return note(check, path, rc, err);
}

/*
 * A twin is compared on the occasion of its main file; without one it should not be there. Where only what differs is looked at, the main
 * file may be no such occasion.
 */
static enum rep_code check_twin(struct rep_row_check *check, const char *path,
				const struct rep_record_place *place, bool is_there,
				struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(check->schema, place->entity);
	struct rep_buf main_path = REP_BUF_INIT(4096);
	struct rep_oid oid;
	enum rep_code rc;

	rep_record_path(&main_path, entity, place->partition, place->id, "open");
	rc = rep_buf_check(&main_path, "a path", err);
	if (rc == REP_OK)
		rc = rep_lookup_find(check->lookup, main_path.data, &oid, err);
	if (rc == REP_OK && rep_oid_is_zero(&oid) && is_there)
		rep_problems_add(check->problems, path, "a twin without its main file");
	else if (rc == REP_OK && !rep_oid_is_zero(&oid) && check->since)
		rc = check_main(check, main_path.data, place, &oid, false, err);
	rep_buf_clear(&main_path);
	return note(check, path, rc, err);
}

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Only what differs from a tree before is asked about it. */
static enum rep_code check_removed(struct rep_row_check *check, const char *path,
				   const struct rep_record_place *place, struct rep_error *err)
{
	struct row row;
	enum rep_code rc = row_read(&row, check, rep_schema_entity(check->schema, place->entity),
				    place->id, err);

	if (rc == REP_OK && row.record && strcmp(row.record->partition, place->partition) == 0)
		rep_problems_add(check->problems, path, "%s has a record that no file has",
				 check->rows);
	row_clear(&row);
	return note(check, path, rc, err);
}

static enum rep_code on_file(void *user, const char *path, const struct rep_oid *old_oid,
			     const struct rep_oid *new_oid, struct rep_error *err)
{
	struct rep_row_check *check = user;
	const bool linked = starts(path, LINKED);
	struct rep_buf data_path = REP_BUF_INIT(4096);
	struct rep_record_place place;
	enum rep_code rc;

	(void)old_oid;
	if (!linked && !starts(path, DATA) && !starts(path, "restricted/") && !starts(path, "org/"))
		return REP_OK;
	rep_buf_puts(&data_path, linked ? DATA : "");
	rep_buf_puts(&data_path, linked ? path + strlen(LINKED) : path);
	rc = rep_buf_check(&data_path, "a path", err);
	if (rc != REP_OK)
		goto out;
	if (!rep_record_path_parse(&place, check->schema, data_path.data)) {
		if (!starts(path, "org/"))
			rep_problems_add(check->problems, path, "no record can lie here");
		goto out;
	}
	rep_problems_count(check->problems, "files", 1);
	if (strcmp(place.visibility, "open") != 0)
		rc = check_twin(check, path, &place, !rep_oid_is_zero(new_oid), err);
	else if (rep_oid_is_zero(new_oid))
		rc = check_removed(check, path, &place, err);
	else
		rc = check_main(check, path, &place, new_oid, linked, err);
out:
	rep_buf_clear(&data_path);
	return rc;
}

enum rep_code rep_row_check_files(struct rep_row_check *check, struct rep_error *err)
{
	return rep_tree_diff(rep_lookup_git(check->lookup),
			     check->since ? check->since : &rep_oid_zero,
			     rep_lookup_root(check->lookup), on_file, check, err);
}

/* ---- rows against files ---- */

static enum rep_code on_row(void *user, struct rep_record *record, struct rep_error *err)
{
	struct rep_row_check *check = user;
	struct rep_buf path = REP_BUF_INIT(4096);
	struct rep_oid oid = rep_oid_zero;
	char where[KEY_SIZE];
	enum rep_code rc = REP_OK;

	rep_problems_count(check->problems, "rows", 1);
	if (is_excepted(check, record->entity->name, record->id))
		return REP_OK;
	snprintf(where, sizeof where, "%s/%s", record->entity->name, record->id);
	for (int linked = 0; rc == REP_OK && rep_oid_is_zero(&oid) && linked < 2; linked++) {
		rep_buf_reset(&path);
		rep_record_path(&path, record->entity, record->partition, record->id, "open");
		if (linked && starts(rep_buf_str(&path), DATA)) {
			struct rep_buf below = REP_BUF_INIT(4096);

			rep_buf_puts(&below, LINKED);
			rep_buf_puts(&below, path.data + strlen(DATA));
			rep_buf_clear(&path);
			path = below;
		}
		rc = rep_buf_check(&path, "a path", err);
		if (rc == REP_OK)
			rc = rep_lookup_find(check->lookup, path.data, &oid, err);
	}
	if (rc == REP_OK && rep_oid_is_zero(&oid))
		rep_problems_add(check->problems, where, "%s has a record that no file has",
				 check->rows);
	rep_buf_clear(&path);
	return note(check, where, rc, err);
}

enum rep_code rep_row_check_rows(struct rep_row_check *check, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < check->schema->entities_len; i++)
		rc = note(check, check->schema->entities[i].name,
			  rep_row_each(check->db, &check->schema->entities[i], NULL, on_row, check,
				       err),
			  err);
	return rc;
}
