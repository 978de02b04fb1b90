/* Where record files lie. A path is taken apart by guessing its parts and building it again. */
#include <stdio.h>
#include <string.h>

#include "core/model/id.h"
#include "core/model/record.h"

bool rep_partition_valid(const char *partition)
{
	if (strncmp(partition, "team-", 5) == 0)
		return rep_id_valid(partition + 5);
	if (strncmp(partition, "staff-", 6) == 0)
		return rep_id_valid(partition + 6);
	return rep_id_valid(partition);
}

/* The month in which a UUIDv7 was made; ids without a time are spread over 256 folders. */
static void put_month(struct rep_buf *out, const char *id)
{
	char time[REP_TIME_LEN + 1], fan[3];
	int64_t ms;

	if (rep_uuid7_ms(id, &ms)) {
		rep_time_format(time, ms);
		rep_buf_put(out, time, strlen("2026-03"));
		return;
	}
	rep_fanout(fan, id);
	rep_buf_printf(out, "x-%s", fan);
}

void rep_record_path(struct rep_buf *out, const struct rep_entity *entity, const char *partition,
		     const char *id, const char *visibility)
{
	char fan[3];

	if (entity->builtin == REP_BUILTIN_DEVICE) {
		rep_fanout(fan, id);
		rep_buf_printf(out, "org/device/%s/%s.json", fan, id);
		return;
	}
	if (entity->builtin == REP_BUILTIN_ROLE || entity->builtin == REP_BUILTIN_RELEASE) {
		rep_buf_printf(out, "org/%s/%s.json", entity->name, id);
		return;
	}
	if (strcmp(visibility, "open") == 0)
		rep_buf_puts(out, "data/");
	else
		rep_buf_printf(out, "restricted/%s/", visibility);
	rep_fanout(fan, partition);
	rep_buf_printf(out, "%s/%s/%s/", fan, partition, entity->name);
	if (entity->monthly) {
		put_month(out, id);
		rep_buf_putc(out, '/');
	}
	rep_buf_printf(out, "%s.json", id);
}

/* Copies the text up to the next '/', which must be there; NULL when it does not fit. */
static const char *take_part(char *out, size_t size, const char *path)
{
	const char *end = path ? strchr(path, '/') : NULL;

	if (!end || end == path || (size_t)(end - path) >= size)
		return NULL;
	memcpy(out, path, (size_t)(end - path));
	out[end - path] = '\0';
	return end + 1;
}

static bool take_id(char *out, size_t size, const char *path)
{
	size_t len = path ? strlen(path) : 0;

	if (len <= strlen(".json") || len - strlen(".json") >= size ||
	    strcmp(path + len - strlen(".json"), ".json") != 0)
		return false;
	memcpy(out, path, len - strlen(".json"));
	out[len - strlen(".json")] = '\0';
	return rep_id_valid(out);
}

static bool class_known(const struct rep_schema *schema, const char *visibility)
{
	for (size_t i = 0; i < schema->visibility_len; i++) {
		if (strcmp(schema->visibility[i].name, visibility) == 0)
			return strcmp(visibility, "open") != 0;
	}
	return false;
}

static bool take_org(struct rep_record_place *out, const char *path)
{
	char part[16];

	strcpy(out->partition, REP_PARTITION_ORG);
	strcpy(out->visibility, "open");
	path = take_part(out->entity, sizeof(out->entity), path);
	if (path && strcmp(out->entity, "device") == 0)
		path = take_part(part, sizeof(part), path);
	return take_id(out->id, sizeof(out->id), path);
}

static bool take_data(struct rep_record_place *out, const struct rep_schema *schema,
		      const char *path)
{
	char part[16];

	if (strncmp(path, "data/", 5) == 0) {
		strcpy(out->visibility, "open");
		path += 5;
	} else if (strncmp(path, "restricted/", 11) == 0) {
		path = take_part(out->visibility, sizeof(out->visibility), path + 11);
		if (!path || !class_known(schema, out->visibility))
			return false;
	} else {
		return false;
	}
	path = take_part(part, sizeof(part), path);
	path = take_part(out->partition, sizeof(out->partition), path);
	path = take_part(out->entity, sizeof(out->entity), path);
	if (!path || !rep_partition_valid(out->partition))
		return false;
	const struct rep_entity *entity = rep_schema_entity(schema, out->entity);
	if (entity && entity->monthly)
		path = take_part(part, sizeof(part), path);
	return take_id(out->id, sizeof(out->id), path);
}

bool rep_record_path_parse(struct rep_record_place *out, const struct rep_schema *schema,
			   const char *path)
{
	struct rep_buf again = REP_BUF_INIT(1024);
	const struct rep_entity *entity;

	memset(out, 0, sizeof(*out));
	if (strncmp(path, "org/", 4) == 0 ? !take_org(out, path + 4)
					  : !take_data(out, schema, path))
		return false;
	entity = rep_schema_entity(schema, out->entity);
	if (!entity)
		return false;
	rep_record_path(&again, entity, out->partition, out->id, out->visibility);
	bool same = again.failed == REP_OK && strcmp(rep_buf_str(&again), path) == 0;
	rep_buf_clear(&again);
	return same;
}
