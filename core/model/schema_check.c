/*
 * Checks, duplicate keys, and the SQL within them. What SQLite itself says about the SQL is asked in
 * the store layer; here its text alone is looked at.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/model/schema_load.h"
#include "core/model/value.h"
#include "core/model/version_map.h"

#define SQL_SIZE_MAX (64u * 1024u)

/*
 * The end of the string, quoted name or comment that begins at `at`, or `at` itself where none does:
 * what stands within is text, not names.
 */
static const char *skip_quoted(const char *at)
{
	const char *end = NULL;

	if (*at == '\'' || *at == '"' || *at == '`')
		end = strchr(at + 1, *at);
	else if (at[0] == '-' && at[1] == '-')
		end = strchr(at, '\n');
	else if (at[0] == '/' && at[1] == '*')
		end = strstr(at + 2, "*/") ? strstr(at + 2, "*/") + 1 : NULL;
	else
		return at;
	return end ? end + 1 : at + strlen(at);
}

static bool is_word(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 0x80;
}

/* Behind `old` and its dot, where a name begins; NULL when `at` begins neither. */
static const char *behind_old(const char *at)
{
	if (strncasecmp(at, "old", 3) != 0 || is_word(at[3]))
		return NULL;
	for (at += 3; isspace((unsigned char)*at);)
		at++;
	if (*at != '.')
		return NULL;
	for (at++; isspace((unsigned char)*at);)
		at++;
	return at;
}

/* Does the name that begins here, perhaps within quotes, read `name`? NULL = any. */
static bool names(const char *at, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!name)
		return true;
	if (*at == '"' || *at == '`' || *at == '[')
		at++;
	return strncasecmp(at, name, len) == 0 && !is_word(at[len]);
}

static bool reads_old(const char *sql, const char *name)
{
	const char *before = NULL;

	for (const char *at = sql; *at;) {
		const char *end = skip_quoted(at), *next;

		if (end != at) {
			before = end - 1;
			at = end;
			continue;
		}
		next = !before || !(is_word(*before) || *before == '.') ? behind_old(at) : NULL;
		if (next && names(next, name))
			return true;
		before = at++;
	}
	return false;
}

bool rep_sql_uses_old(const char *sql)
{
	return reads_old(sql, NULL);
}

bool rep_map_reads(const char *sql, const struct rep_field *field)
{
	return reads_old(sql, field->name);
}

static void put_text_literal(struct rep_buf *out, const char *text)
{
	rep_buf_putc(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			rep_buf_putc(out, '\'');
		rep_buf_putc(out, *text);
	}
	rep_buf_putc(out, '\'');
}

static void put_policy(struct rep_buf *out, const struct rep_json *value)
{
	if (rep_json_is(value, REP_JSON_INTEGER)) {
		rep_buf_printf(out, "%lld", (long long)rep_json_integer_value(value));
	} else if (rep_json_is(value, REP_JSON_STRING)) {
		put_text_literal(out, rep_json_string_value(value));
	} else {
		rep_buf_putc(out, '(');
		for (size_t i = 0; i < rep_json_size(value); i++) {
			if (i)
				rep_buf_putc(out, ',');
			put_text_literal(out, rep_json_string_value(rep_json_at(value, i)));
		}
		rep_buf_putc(out, ')');
	}
}

/* Length of a policy's `{name}` at `at`, with its braces; 0 when it is none. */
static size_t policy_len(const char *at)
{
	size_t len = 1;

	if (*at != '{')
		return 0;
	while (islower((unsigned char)at[len]) || isdigit((unsigned char)at[len]) || at[len] == '_')
		len++;
	return len > 1 && len <= REP_NAME_LEN_MAX + 1 && at[len] == '}' ? len + 1 : 0;
}

static enum rep_code expand(struct rep_loader *ld, struct rep_buf *out, const char *sql)
{
	char name[REP_NAME_LEN_MAX + 1];

	for (const char *at = sql; *at;) {
		const char *end = skip_quoted(at);
		size_t len = policy_len(at);

		if (end != at) {
			rep_buf_put(out, at, (size_t)(end - at));
			at = end;
		} else if (len) {
			memcpy(name, at + 1, len - 2);
			name[len - 2] = '\0';
			const struct rep_json *value = rep_json_get(ld->schema->policy, name);

			if (!value)
				return rep_loader_bad(ld, "policy-unknown", "{%s}", name);
			put_policy(out, value);
			at += len;
		} else {
			rep_buf_putc(out, *at++);
		}
	}
	return REP_OK;
}

enum rep_code rep_loader_expand(struct rep_loader *ld, const char **out, const char *sql)
{
	struct rep_buf text = REP_BUF_INIT(SQL_SIZE_MAX);
	enum rep_code rc = expand(ld, &text, sql);

	*out = NULL;
	if (!rc)
		rc = rep_buf_check(&text, "SQL of a schema", ld->err);
	if (!rc) {
		*out = rep_arena_text(ld->arena, rep_buf_str(&text), text.len);
		rc = *out ? REP_OK : rep_loader_no_memory(ld);
	}
	rep_buf_clear(&text);
	return rc;
}

static enum rep_code read_on(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"insert", "update", "write", NULL};
	int word = rep_word_index(words, rep_json_string_value(value));

	if (word < 0)
		return rep_loader_bad(ld, "json", "\"on\" is insert, update or write");
	((struct rep_check *)target)->on = (enum rep_check_on)word;
	return REP_OK;
}

static enum rep_code read_level(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"refuse", "warn", "block", NULL};
	int word = rep_word_index(words, rep_json_string_value(value));

	if (word < 0)
		return rep_loader_bad(ld, "json", "\"level\" is refuse, warn or block");
	((struct rep_check *)target)->level = (enum rep_check_level)word;
	return REP_OK;
}

static enum rep_code read_set(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_json *set = rep_arena_json(ld->arena, rep_json_ref(value));

	((struct rep_check *)target)->set = set;
	return set ? REP_OK : rep_loader_no_memory(ld);
}

static enum rep_code read_expr(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_expand(ld, &((struct rep_check *)target)->expr,
				 rep_json_string_value(value));
}

static enum rep_code read_detail(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_expand(ld, &((struct rep_check *)target)->detail,
				 rep_json_string_value(value));
}

static enum rep_code read_message(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_label(ld, &((struct rep_check *)target)->message, value);
}

static enum rep_code read_when(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_check *check = target;

	return rep_loader_names(ld, &check->when, &check->when_len, value, "when");
}

static enum rep_code check_fields(struct rep_loader *ld, const struct rep_entity *entity,
				  const struct rep_check *check)
{
	const struct rep_field *field;
	enum rep_code rc = REP_OK;
	struct rep_error why;

	for (size_t i = 0; !rc && i < check->when_len; i++)
		rc = rep_loader_field(ld, &field, entity, check->when[i], "when");
	for (void *at = rep_json_iter(check->set); !rc && at;
	     at = rep_json_iter_next(check->set, at)) {
		rc = rep_loader_field(ld, &field, entity, rep_json_iter_key(at), "set");
		if (!rc)
			rc = rep_loader_judge(ld,
					      rep_value_check(field, rep_json_iter_value(at), &why),
					      "default-invalid", "\"set\": ", &why);
	}
	return rc;
}

static enum rep_code load_check(struct rep_loader *ld, struct rep_entity *entity,
				struct rep_check *check, const struct rep_json *object)
{
	static const struct rep_key_rule rules[] = {
		{"name", REP_KIND_STRING, true, NULL, 0},
		{"on", REP_KIND_STRING, true, read_on, 0},
		{"level", REP_KIND_STRING, true, read_level, 0},
		{"set", REP_KIND_OBJECT, false, read_set, 0},
		{"expr", REP_KIND_STRING, true, read_expr, 0},
		{"detail", REP_KIND_STRING, false, read_detail, 0},
		{"message", REP_KIND_ANY, true, read_message, 0},
		{"when", REP_KIND_ARRAY, false, read_when, 0},
	};

	check->name = rep_json_get_string(object, "name");
	ld->field = check->name;
	enum rep_code rc =
		rep_loader_walk(ld, object, rules, sizeof rules / sizeof *rules, 0, check);

	if (!rc)
		rc = rep_loader_name(ld, check->name, false);
	if (!rc && (check->level == REP_LEVEL_BLOCK) != (check->set != NULL))
		rc = rep_loader_bad(ld, check->set ? "key-not-for-type" : "missing-key",
				    "\"set\" goes with the level block");
	if (!rc && check->on != REP_CHECK_UPDATE &&
	    (rep_sql_uses_old(check->expr) || (check->detail && rep_sql_uses_old(check->detail))))
		rc = rep_loader_bad(ld, "check-old-in-insert",
				    "\"old.\" is there only in a check on update");
	return rc ? rc : check_fields(ld, entity, check);
}

enum rep_code rep_load_checks(struct rep_loader *ld, struct rep_entity *entity,
			      const struct rep_json *array)
{
	size_t count = rep_json_size(array);
	enum rep_code rc = rep_loader_array(ld, &entity->checks, count, sizeof *entity->checks);

	if (!rc && count > REP_CHECKS_MAX)
		rc = rep_loader_bad(ld, "too-many", "%zu checks, at most %u", count,
				    REP_CHECKS_MAX);
	for (size_t i = 0; !rc && i < count; i++) {
		rc = load_check(ld, entity, &entity->checks[i], rep_json_at(array, i));
		for (size_t k = 0; !rc && k < i; k++)
			if (strcmp(entity->checks[k].name, entity->checks[i].name) == 0)
				rc = rep_loader_bad(ld, "duplicate-name",
						    "two checks of this name");
		entity->checks_len = i + 1;
	}
	ld->field = rc ? ld->field : NULL;
	return rc;
}

/* A key is a field's name; anything that is not formed like a name is SQL over `a.`. */
static enum rep_code load_keys(struct rep_loader *ld, const struct rep_entity *entity,
			       struct rep_match *match, const struct rep_json *array)
{
	const struct rep_field *field;
	enum rep_code rc = rep_loader_names(ld, &match->on, &match->on_len, array, "on");

	if (!rc && !match->on_len)
		rc = rep_loader_bad(ld, "missing-key", "\"on\" is empty");
	for (size_t i = 0; !rc && i < match->on_len; i++)
		rc = rep_name_well_formed(match->on[i])
			     ? rep_loader_field(ld, &field, entity, match->on[i], "match")
			     : rep_loader_expand(ld, &match->on[i], match->on[i]);
	return rc;
}

static enum rep_code load_match(struct rep_loader *ld, struct rep_entity *entity,
				struct rep_match *match, const struct rep_json *object)
{
	static const struct rep_key_rule rules[] = {
		{"name", REP_KIND_STRING, true, NULL, 0},
		{"on", REP_KIND_ARRAY, true, NULL, 0},
		{"unless", REP_KIND_STRING, false, NULL, 0},
		{"then", REP_KIND_STRING, true, NULL, 0},
	};
	static const char *const words[] = {"ask", "act", NULL};

	match->name = rep_json_get_string(object, "name");
	ld->field = match->name;
	enum rep_code rc =
		rep_loader_walk(ld, object, rules, sizeof rules / sizeof *rules, 0, NULL);

	if (rc)
		return rc;
	int then = rep_word_index(words, rep_json_get_string(object, "then"));

	if (then < 0)
		return rep_loader_bad(ld, "json", "\"then\" is act or ask");
	match->act = then == 1;
	if (strspn(match->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_") != strlen(match->name) ||
	    !*match->name || strlen(match->name) > REP_NAME_LEN_MAX)
		return rep_loader_bad(ld, "bad-name", "\"%.60s\"", match->name);
	rc = load_keys(ld, entity, match, rep_json_get(object, "on"));
	if (!rc && rep_json_get(object, "unless"))
		rc = rep_loader_expand(ld, &match->unless, rep_json_get_string(object, "unless"));
	return rc;
}

enum rep_code rep_load_match(struct rep_loader *ld, struct rep_entity *entity,
			     const struct rep_json *array)
{
	size_t count = rep_json_size(array);
	enum rep_code rc = rep_loader_array(ld, &entity->match, count, sizeof *entity->match);

	for (size_t i = 0; !rc && i < count; i++) {
		rc = load_match(ld, entity, &entity->match[i], rep_json_at(array, i));
		for (size_t k = 0; !rc && k < i; k++)
			if (strcasecmp(entity->match[k].name, entity->match[i].name) == 0)
				rc = rep_loader_bad(ld, "duplicate-name",
						    "two matches of this name");
		entity->match_len = i + 1;
	}
	ld->field = rc ? ld->field : NULL;
	return rc;
}
