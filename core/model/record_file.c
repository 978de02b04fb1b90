/*
 * Record files. The reader builds the record from the parsed text through the same functions that the
 * fold uses, writes it again and compares: so it accepts exactly what a writer writes, and the canonical
 * form is defined in one place.
 */
#include <stdlib.h>
#include <string.h>

#include "core/model/id.h"
#include "core/model/record.h"

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The part of `extra` for a class and a group of keys ("fields", ...), or NULL. */
static struct rep_json *extra_part(const struct rep_json *extra, const char *visibility,
				   const char *part)
{
	return extra ? rep_json_get(rep_json_get(extra, visibility), part) : NULL;
}

/* Puts the names of `object` that lie in the file of class `visibility` into `names`; "*" only in the main file. */
static size_t pick(const char **names, const struct rep_record *record,
		   const struct rep_json *object, const char *visibility)
{
	size_t len = 0;

	if (!object)
		return 0;
	for (void *it = rep_json_iter(object); it; it = rep_json_iter_next(object, it)) {
		const char *name = rep_json_iter_key(it);
		if (strcmp(rep_record_class(record, name), visibility) == 0)
			names[len++] = name;
	}
	return len;
}

static size_t pick_extra(const char **names, const struct rep_json *part)
{
	size_t len = 0;

	if (!part)
		return 0;
	for (void *it = rep_json_iter(part); it; it = rep_json_iter_next(part, it))
		names[len++] = rep_json_iter_key(it);
	return len;
}

/* Writes one of fields, sources, stamps: a key a line. Returns how many keys it has. */
static size_t put_group(struct rep_buf *out, const struct rep_record *record,
			const struct rep_json *extra, const char *visibility, const char *group)
{
	const struct rep_json *own = strcmp(group, "fields") == 0   ? record->fields
				     : strcmp(group, "stamps") == 0 ? record->stamps
								    : record->sources;
	const struct rep_json *more = extra_part(extra, visibility, group);
	size_t room = (own ? rep_json_size(own) : 0) + (more ? rep_json_size(more) : 0);
	const char **names = calloc(room + 1, sizeof(*names));
	size_t len;

	if (!names) {
		out->failed = REP_ENOMEM;
		return 0;
	}
	len = pick(names, record, own, visibility);
	len += pick_extra(names + len, more);
	qsort(names, len, sizeof(*names), compare_names);
	if (len > 0 || strcmp(group, "sources") != 0)
		rep_buf_printf(out, "  \"%s\": {%s", group, len ? "\n" : "");
	for (size_t i = 0; i < len; i++) {
		const struct rep_json *value = own ? rep_json_get(own, names[i]) : NULL;
		rep_buf_puts(out, "    ");
		rep_json_write_string(out, names[i], strlen(names[i]));
		rep_buf_puts(out, ": ");
		rep_json_write(out, value ? value : rep_json_get(more, names[i]));
		rep_buf_puts(out, i + 1 < len ? ",\n" : "\n");
	}
	if (len > 0)
		rep_buf_puts(out, "  }");
	else if (strcmp(group, "sources") != 0)
		rep_buf_puts(out, "}");
	free(names);
	return len;
}

/* Has the twin of this class anything to hold? */
static bool twin_exists(const struct rep_record *record, const struct rep_json *extra,
			const char *visibility)
{
	const struct rep_json *groups[] = {record->fields, record->stamps, record->sources};

	if (extra && rep_json_get(extra, visibility))
		return true;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!groups[i])
			continue;
		for (void *it = rep_json_iter(groups[i]); it;
		     it = rep_json_iter_next(groups[i], it)) {
			if (strcmp(rep_record_class(record, rep_json_iter_key(it)), visibility) ==
			    0)
				return true;
		}
	}
	return false;
}

static void put_head(struct rep_buf *out, const struct rep_record *record)
{
	rep_buf_puts(out, "  \"created\": {\"rep\":");
	rep_json_write_string(out, record->created_rep, strlen(record->created_rep));
	rep_buf_printf(out, ",\"stamp\":\"%s\"},\n  \"deleted\": ", record->created.text);
	if (record->deleted)
		rep_json_write(out, record->deleted);
	else
		rep_buf_puts(out, "null");
	rep_buf_puts(out, ",\n");
}

bool rep_record_write_extra(struct rep_buf *out, const struct rep_record *record,
			    const struct rep_json *extra, const char *visibility)
{
	bool open = strcmp(visibility, "open") == 0;

	if (!open && !twin_exists(record, extra, visibility))
		return false;
	rep_buf_puts(out, "{\n");
	if (open)
		put_head(out, record);
	rep_buf_printf(out, "  \"entity\": \"%s\",\n", record->entity->name);
	(void)put_group(out, record, extra, visibility, "fields");
	rep_buf_puts(out, ",\n");
	if (open && record->flags) {
		rep_buf_puts(out, "  \"flags\": ");
		rep_json_write(out, record->flags);
		rep_buf_puts(out, ",\n");
	}
	rep_buf_printf(out, "  \"id\": \"%s\",\n", record->id);
	if (put_group(out, record, extra, visibility, "sources") > 0)
		rep_buf_puts(out, ",\n");
	(void)put_group(out, record, extra, visibility, "stamps");
	if (!open)
		rep_buf_printf(out, ",\n  \"visibility\": \"%s\"", visibility);
	rep_buf_puts(out, "\n}\n");
	return true;
}

bool rep_record_write(struct rep_buf *out, const struct rep_record *record, const char *visibility)
{
	return rep_record_write_extra(out, record, NULL, visibility);
}

/* ---- reading ---- */

struct reading {
	const struct rep_schema *schema;
	const struct rep_json *doc;
	const struct rep_entity *entity;
	const char *visibility;
	struct rep_record *record;
	struct rep_json *extra;
};

static enum rep_code keep_extra(struct reading *in, const char *group, const char *name,
				const struct rep_json *value, struct rep_error *err)
{
	struct rep_json *part;

	if (!in->extra)
		in->extra = rep_json_object();
	if (in->extra && !rep_json_get(in->extra, in->visibility))
		(void)rep_json_set(in->extra, in->visibility, rep_json_object());
	part = in->extra ? rep_json_get(in->extra, in->visibility) : NULL;
	if (part && !rep_json_get(part, group))
		(void)rep_json_set(part, group, rep_json_object());
	part = part ? rep_json_get(part, group) : NULL;
	if (!part || !rep_json_set(part, name, rep_json_ref(value)))
		return rep_fail(err, REP_ENOMEM, "field %s", name);
	return REP_OK;
}

/* Review items have fields of every kind; what class they lie in is told by where they are found. */
static bool belongs(const struct reading *in, const char *name)
{
	return strcmp(rep_record_class(in->record, name), in->visibility) == 0;
}

static enum rep_code read_fields(struct reading *in, struct rep_error *err)
{
	const struct rep_json *fields = rep_json_get(in->doc, "fields");

	if (!rep_json_is(fields, REP_JSON_OBJECT))
		return rep_fail(err, REP_EINVAL, "no fields");
	for (void *it = rep_json_iter(fields); it; it = rep_json_iter_next(fields, it)) {
		const char *name = rep_json_iter_key(it);
		enum rep_code rc = REP_OK;
		if (!rep_entity_field(in->entity, name))
			rc = keep_extra(in, "fields", name, rep_json_iter_value(it), err);
		else if (!belongs(in, name))
			rc = rep_fail(err, REP_EINVAL, "field %s does not belong to class %s", name,
				      in->visibility);
		else
			rep_record_put(in->record, name, rep_json_ref(rep_json_iter_value(it)),
				       NULL);
		if (rc)
			return rc;
	}
	return REP_OK;
}

static enum rep_code read_element_stamps(struct reading *in, const char *name,
					 const struct rep_json *stamps, struct rep_error *err)
{
	for (void *it = rep_json_iter(stamps); it; it = rep_json_iter_next(stamps, it)) {
		const char *stamp = rep_json_string_value(rep_json_iter_value(it));
		if (!stamp || !rep_stamp_valid(stamp))
			return rep_fail(err, REP_EINVAL, "stamps of %s: not a stamp", name);
		rep_record_put_element_stamp(in->record, name, rep_json_iter_key(it), stamp);
	}
	return REP_OK;
}

static enum rep_code read_stamps(struct reading *in, struct rep_error *err)
{
	const struct rep_json *stamps = rep_json_get(in->doc, "stamps");

	if (!rep_json_is(stamps, REP_JSON_OBJECT))
		return rep_fail(err, REP_EINVAL, "no stamps");
	for (void *it = rep_json_iter(stamps); it; it = rep_json_iter_next(stamps, it)) {
		const char *name = rep_json_iter_key(it);
		const struct rep_json *value = rep_json_iter_value(it);
		const char *stamp = rep_json_string_value(value);
		enum rep_code rc = REP_OK;
		if (strcmp(name, "*") == 0)
			continue;
		if (!rep_entity_field(in->entity, name))
			rc = keep_extra(in, "stamps", name, value, err);
		else if (!belongs(in, name))
			rc = rep_fail(err, REP_EINVAL, "stamp %s does not belong to class %s", name,
				      in->visibility);
		else if (rep_json_is(value, REP_JSON_OBJECT))
			rc = read_element_stamps(in, name, value, err);
		else if (!stamp || !rep_stamp_valid(stamp))
			rc = rep_fail(err, REP_EINVAL, "stamp of %s: not a stamp", name);
		else if (strcmp(stamp, in->record->created.text) != 0 &&
			 !rep_json_set_string(in->record->stamps, name, stamp))
			rc = rep_fail(err, REP_ENOMEM, "stamp of %s", name);
		if (rc)
			return rc;
	}
	return REP_OK;
}

static enum rep_code read_sources(struct reading *in, struct rep_error *err)
{
	const struct rep_json *sources = rep_json_get(in->doc, "sources");

	if (!sources)
		return REP_OK;
	for (void *it = rep_json_iter(sources); it; it = rep_json_iter_next(sources, it)) {
		const char *name = rep_json_iter_key(it);
		const char *source = rep_json_string_value(rep_json_iter_value(it));
		if (!rep_entity_field(in->entity, name)) {
			enum rep_code rc =
				keep_extra(in, "sources", name, rep_json_iter_value(it), err);
			if (rc)
				return rc;
			continue;
		}
		if (!source || !belongs(in, name))
			return rep_fail(err, REP_EINVAL, "source of %s", name);
		rep_record_put_source(in->record, name, source);
	}
	return REP_OK;
}

static enum rep_code read_deleted(struct reading *in, struct rep_error *err)
{
	const struct rep_json *deleted = rep_json_get(in->doc, "deleted");
	const char *stamp = rep_json_get_string(deleted, "stamp");

	if (rep_json_is(deleted, REP_JSON_NULL))
		return REP_OK;
	if (!stamp || !rep_stamp_valid(stamp) || !rep_json_get_string(deleted, "rep"))
		return rep_fail(err, REP_EINVAL, "deleted: rep and stamp expected");
	in->record->deleted = rep_json_dup(deleted);
	return in->record->deleted ? REP_OK : rep_fail(err, REP_ENOMEM, "deleted");
}

static enum rep_code read_flags(struct reading *in, struct rep_error *err)
{
	const struct rep_json *flags = rep_json_get(in->doc, "flags");

	for (size_t i = 0; i < rep_json_size(flags); i++) {
		const char *flag = rep_json_string_value(rep_json_at(flags, i));
		if (!flag)
			return rep_fail(err, REP_EINVAL, "flags: texts expected");
		rep_record_flag(in->record, flag);
	}
	return REP_OK;
}

/* Makes the record of a main file, before its fields. */
static enum rep_code read_head(struct reading *in, const char *partition, struct rep_error *err)
{
	const struct rep_json *created = rep_json_get(in->doc, "created");
	const char *id = rep_json_get_string(in->doc, "id");
	const char *rep = rep_json_get_string(created, "rep");
	const char *stamp = rep_json_get_string(created, "stamp");
	enum rep_code rc;

	if (!id || !rep_id_valid(id))
		return rep_fail(err, REP_EINVAL, "id expected");
	if (!rep || !stamp || !rep_stamp_valid(stamp))
		return rep_fail(err, REP_EINVAL, "created: rep and stamp expected");
	rc = rep_record_new(&in->record, in->entity, id, partition, rep, stamp, err);
	if (!rc)
		rc = read_deleted(in, err);
	if (!rc)
		rc = read_flags(in, err);
	return rc;
}

/* Is the twin one of this record, of a class that the schema has? */
static enum rep_code check_twin(struct reading *in, struct rep_error *err)
{
	const char *id = rep_json_get_string(in->doc, "id");
	bool known = false;

	if (!in->record)
		return rep_fail(err, REP_EINVAL, "a twin before its main file");
	if (in->record->entity != in->entity || !id || strcmp(in->record->id, id) != 0)
		return rep_fail(err, REP_EINVAL, "a twin of another record");
	for (size_t i = 0; i < in->schema->visibility_len; i++)
		known = known || strcmp(in->schema->visibility[i].name, in->visibility) == 0;
	if (!known || strcmp(in->visibility, "open") == 0)
		return rep_fail(err, REP_EINVAL, "unknown class %s", in->visibility);
	if (in->entity->builtin == REP_BUILTIN_REVIEW) {
		free(in->record->twin);
		in->record->twin = strdup(in->visibility);
		if (!in->record->twin)
			return rep_fail(err, REP_ENOMEM, "class");
	}
	return REP_OK;
}

static enum rep_code read_doc(struct reading *in, const char *partition, struct rep_error *err)
{
	const char *entity = rep_json_get_string(in->doc, "entity");
	const char *visibility = rep_json_get_string(in->doc, "visibility");
	enum rep_code rc;

	if (!entity)
		return rep_fail(err, REP_EINVAL, "entity expected");
	in->entity = rep_schema_entity(in->schema, entity);
	if (!in->entity)
		return rep_fail(err, REP_EINVAL, "unknown entity %s", entity);
	in->visibility = visibility ? visibility : "open";
	if (visibility)
		rc = check_twin(in, err);
	else if (in->record)
		rc = rep_fail(err, REP_EINVAL, "a main file where a twin is expected");
	else
		rc = read_head(in, partition, err);
	if (!rc)
		rc = read_fields(in, err);
	if (!rc)
		rc = read_sources(in, err);
	if (!rc)
		rc = read_stamps(in, err);
	return rc;
}

static enum rep_code check_bytes(const struct reading *in, const char *data, size_t len,
				 struct rep_error *err)
{
	struct rep_buf again = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	enum rep_code rc = REP_OK;
	size_t at = 0;

	if (in->record->failed)
		return rep_fail(err, REP_ENOMEM, "record");
	bool written = rep_record_write_extra(&again, in->record, in->extra, in->visibility);
	rc = rep_buf_check(&again, "record", err);
	if (!rc && (!written || again.len != len || memcmp(again.data, data, len) != 0)) {
		while (at < len && at < again.len && again.data[at] == data[at])
			at++;
		rc = rep_fail(err, REP_EINVAL, "byte %zu is not what a writer writes", at);
	}
	rep_buf_clear(&again);
	return rc;
}

enum rep_code rep_record_read(struct rep_record **record, struct rep_json **extra,
			      const struct rep_schema *schema, const char *partition,
			      const char *data, size_t len, struct rep_error *err)
{
	struct reading in = {.schema = schema, .record = *record, .extra = *extra};
	struct rep_json *doc = NULL;
	enum rep_code rc;

	rc = rep_json_parse(&doc, data, len, REP_RECORD_SIZE_MAX, REP_JSON_DEPTH_MAX, err);
	if (!rc) {
		in.doc = doc;
		rc = read_doc(&in, partition, err);
	}
	if (!rc)
		rc = check_bytes(&in, data, len, err);
	rep_json_free(doc);
	if (rc && in.record != *record) {
		rep_record_free(in.record);
		if (in.extra != *extra)
			rep_json_free(in.extra);
		return rep_wrap(err, rc, "record file");
	}
	*record = in.record;
	*extra = in.extra;
	return rep_wrap(err, rc, "record file");
}
