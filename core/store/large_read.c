#include "core/store/large_read.h"

#include <string.h>

#include "core/store/edit.h"

/* Cut between characters. */
#define QUERY_MAX 900u

static bool is_large(const struct rep_schema *schema, int64_t rows)
{
	int64_t bound = schema ? rep_json_get_integer(schema->policy, "export_alert_rows") : 0;

	return bound > 0 && rows > bound && rep_schema_entity(schema, REP_ACCESS_ENTITY) != NULL;
}

static struct rep_json *cut(const char *query)
{
	char text[QUERY_MAX + 1];
	size_t len = strlen(query);

	if (len > QUERY_MAX) {
		len = QUERY_MAX;
		while (len > 0 && ((unsigned char)query[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(text, query, len);
	text[len] = '\0';
	return rep_json_string(text);
}

enum rep_code rep_note_read(struct rep_replica *replica, const char *command, const char *query,
			    int64_t rows, int64_t now_ms, struct rep_error *err)
{
	struct rep_json *command_value, *query_value, *rows_value;
	char id[REP_ID_LEN_MAX + 1];
	enum rep_code rc;

	if (!is_large(replica->schema, rows))
		return REP_OK;
	command_value = rep_json_string(command);
	query_value = query && *query ? cut(query) : NULL;
	rows_value = rep_json_integer(rows);
	const struct rep_assign assigns[] = {
		{"command", REP_ASSIGN_SET, command_value},
		{"rows_read", REP_ASSIGN_SET, rows_value},
		{"asked", REP_ASSIGN_SET, query_value},
	};
	rc = rep_new(replica, REP_ACCESS_ENTITY, NULL, assigns, query_value ? 3 : 2, NULL, now_ms,
		     id, err);
	if (rc == REP_OK)
		err->hint[0] = '\0';
	rep_json_free(command_value);
	rep_json_free(query_value);
	rep_json_free(rows_value);
	return rep_wrap(err, rc, "note that %lld rows are read", (long long)rows);
}
