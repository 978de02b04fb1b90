#include <string.h>
#include <strings.h>

#include "core/model/schema_load.h"

/*
 * SQLite's keywords (sqlite3_keyword_name, 3.40.1), sorted. Kept here because this layer does not see
 * SQLite; a test compares the list with the library.
 */
static const char *const keywords[] = {
	"abort",
	"action",
	"add",
	"after",
	"all",
	"alter",
	"always",
	"analyze",
	"and",
	"as",
	"asc",
	"attach",
	"autoincrement",
	"before",
	"begin",
	"between",
	"by",
	"cascade",
	"case",
	"cast",
	"check",
	"collate",
	"column",
	"commit",
	"conflict",
	"constraint",
	"create",
	"cross",
	"current",
	"current_date",
	"current_time",
	"current_timestamp",
	"database",
	"default",
	"deferrable",
	"deferred",
	"delete",
	"desc",
	"detach",
	"distinct",
	"do",
	"drop",
	"each",
	"else",
	"end",
	"escape",
	"except",
	"exclude",
	"exclusive",
	"exists",
	"explain",
	"fail",
	"filter",
	"first",
	"following",
	"for",
	"foreign",
	"from",
	"full",
	"generated",
	"glob",
	"group",
	"groups",
	"having",
	"if",
	"ignore",
	"immediate",
	"in",
	"index",
	"indexed",
	"initially",
	"inner",
	"insert",
	"instead",
	"intersect",
	"into",
	"is",
	"isnull",
	"join",
	"key",
	"last",
	"left",
	"like",
	"limit",
	"match",
	"materialized",
	"natural",
	"no",
	"not",
	"nothing",
	"notnull",
	"null",
	"nulls",
	"of",
	"offset",
	"on",
	"or",
	"order",
	"others",
	"outer",
	"over",
	"partition",
	"plan",
	"pragma",
	"preceding",
	"primary",
	"query",
	"raise",
	"range",
	"recursive",
	"references",
	"regexp",
	"reindex",
	"release",
	"rename",
	"replace",
	"restrict",
	"returning",
	"right",
	"rollback",
	"row",
	"rows",
	"savepoint",
	"select",
	"set",
	"table",
	"temp",
	"temporary",
	"then",
	"ties",
	"to",
	"transaction",
	"trigger",
	"unbounded",
	"union",
	"unique",
	"update",
	"using",
	"vacuum",
	"values",
	"view",
	"virtual",
	"when",
	"where",
	"window",
	"with",
	"without",
};

/* Names of generated SQL, of the common fields, and of the engine's own entities. */
static const char *const reserved[] = {
	"new",      "old",        "ctx",        "id",        "rowid",  "oid",
	"status",   "created_at", "created_by", "schema_v",  "device", "role",
	"conflict", "proposal",   "duplicate",  "rejection", "claim",  NULL,
};

/* Reserved as entities only: "role" may well be a field. */
static bool is_entity_only(const char *name)
{
	static const char *const names[] = {"device",    "role",  "proposal", "duplicate",
					    "rejection", "claim", NULL};

	return rep_word_index(names, name) >= 0;
}

int rep_word_index(const char *const *words, const char *value)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], value) == 0)
			return i;
	return -1;
}

bool rep_name_is_keyword(const char *name)
{
	size_t low = 0, high = sizeof keywords / sizeof *keywords;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcasecmp(keywords[mid], name);

		if (order == 0)
			return true;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

bool rep_name_well_formed(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= REP_NAME_LEN_MAX && name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

enum rep_code rep_loader_name(struct rep_loader *ld, const char *name, bool column)
{
	if (ld->engine)
		return REP_OK;
	if (!rep_name_well_formed(name))
		return rep_loader_bad(ld, "bad-name", "\"%.80s\": a name is [a-z][a-z0-9_]{0,39}",
				      name);
	if (!column)
		return REP_OK;
	if (rep_name_is_keyword(name))
		return rep_loader_bad(ld, "bad-name", "\"%s\" is a keyword of SQLite", name);
	/* Within an entity the name of a field is judged; outside, that of an entity or a table. */
	if (rep_word_index(reserved, name) >= 0 && !(ld->entity && is_entity_only(name)))
		return rep_loader_bad(ld, "bad-name", "\"%s\" is reserved", name);
	if (strncmp(name, "sqlite_", 7) == 0 || strncmp(name, "rep_", 4) == 0 ||
	    (!ld->entity && strncmp(name, "v_", 2) == 0))
		return rep_loader_bad(ld, "bad-name", "the prefix of \"%s\" is reserved", name);
	if (strstr(name, "__"))
		return rep_loader_bad(ld, "bad-name", "\"%s\" has two underscores in a row", name);
	return REP_OK;
}
