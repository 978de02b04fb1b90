#include "core/model/schema_load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum rep_code rep_loader_bad(struct rep_loader *ld, const char *code, const char *fmt, ...)
{
	char facts[320];
	char where[2 * REP_NAME_LEN_MAX + 64] = "";
	va_list args;

	va_start(args, fmt);
	vsnprintf(facts, sizeof facts, fmt, args);
	va_end(args);
	if (ld->entity && ld->field)
		snprintf(where, sizeof where, "%.60s.%.60s: ", ld->entity, ld->field);
	else if (ld->entity)
		snprintf(where, sizeof where, "%.60s: ", ld->entity);
	return rep_fail(ld->err, REP_EINVAL, "schema: %.120s: %s%s: %s", ld->file, where, code,
			facts);
}

enum rep_code rep_loader_no_memory(struct rep_loader *ld)
{
	return rep_fail(ld->err, REP_ENOMEM, "schema: %s: out of memory", ld->file);
}

enum rep_code rep_loader_judge(struct rep_loader *ld, enum rep_code rc, const char *code,
			       const char *prefix, const struct rep_error *why)
{
	if (rc == REP_OK)
		return REP_OK;
	if (rc == REP_ENOMEM)
		return rep_loader_no_memory(ld);
	return rep_loader_bad(ld, code, "%s%s", prefix, why->msg);
}

static unsigned kind_of(const struct rep_json *value)
{
	switch (rep_json_type(value)) {
	case REP_JSON_NULL:
		return REP_KIND_NULL;
	case REP_JSON_BOOL:
		return REP_KIND_BOOL;
	case REP_JSON_INTEGER:
		return REP_KIND_INTEGER;
	case REP_JSON_STRING:
		return REP_KIND_STRING;
	case REP_JSON_ARRAY:
		return REP_KIND_ARRAY;
	case REP_JSON_OBJECT:
		return REP_KIND_OBJECT;
	}
	return 0;
}

static const char *kinds_text(unsigned kinds)
{
	static const char *const texts[] = {"text",     "an integer", "true or false",
					    "an array", "an object",  "null"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (kinds & (1u << i))
			return texts[i];
	return "nothing";
}

static const struct rep_key_rule *rule_of(const struct rep_key_rule *rules, size_t len,
					  const char *name)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

static enum rep_code walk_key(struct rep_loader *ld, const struct rep_key_rule *rule,
			      const char *key, const struct rep_json *value, unsigned types,
			      void *target)
{
	if (!rule)
		return rep_loader_bad(ld, "unknown-key", "\"%s\"", key);
	if (rule->types && !(rule->types & types))
		return rep_loader_bad(ld, "key-not-for-type", "\"%s\"", key);
	if (!(rule->kinds & kind_of(value)))
		return rep_loader_bad(ld, "json", "\"%s\" must be %s", key,
				      kinds_text(rule->kinds));
	return rule->read ? rule->read(ld, target, value) : REP_OK;
}

enum rep_code rep_loader_walk(struct rep_loader *ld, const struct rep_json *object,
			      const struct rep_key_rule *rules, size_t rules_len, unsigned types,
			      void *target)
{
	if (!rep_json_is(object, REP_JSON_OBJECT))
		return rep_loader_bad(ld, "json", "an object is expected");
	for (size_t i = 0; i < rules_len; i++)
		if (rules[i].required && !rep_json_get(object, rules[i].name))
			return rep_loader_bad(ld, "missing-key", "\"%s\"", rules[i].name);
	for (void *at = rep_json_iter(object); at; at = rep_json_iter_next(object, at)) {
		const char *key = rep_json_iter_key(at);
		enum rep_code rc = walk_key(ld, rule_of(rules, rules_len, key), key,
					    rep_json_iter_value(at), types, target);

		if (rc)
			return rc;
	}
	return REP_OK;
}

enum rep_code rep_loader_array(struct rep_loader *ld, void *out, size_t count, size_t size)
{
	void *array = rep_arena_get(ld->arena, count ? count : 1, size);

	memcpy(out, &array, sizeof array);
	return array ? REP_OK : rep_loader_no_memory(ld);
}

enum rep_code rep_loader_label(struct rep_loader *ld, struct rep_label *out,
			       const struct rep_json *value)
{
	if (!rep_json_is(value, REP_JSON_OBJECT))
		return rep_loader_bad(ld, "label-language", "a label is {\"zh\", \"en\"}");
	for (void *at = rep_json_iter(value); at; at = rep_json_iter_next(value, at)) {
		const char *key = rep_json_iter_key(at);
		const char *text = rep_json_string_value(rep_json_iter_value(at));

		if (strcmp(key, "zh") != 0 && strcmp(key, "en") != 0)
			return rep_loader_bad(ld, "label-language",
					      "\"%s\" is no language of labels", key);
		if (!text || !*text)
			return rep_loader_bad(ld, "label-language", "\"%s\" is empty", key);
	}
	out->zh = rep_json_get_string(value, "zh");
	out->en = rep_json_get_string(value, "en");
	if (!out->zh || !out->en)
		return rep_loader_bad(ld, "label-language", "\"%s\" is missing",
				      out->zh ? "en" : "zh");
	return REP_OK;
}

enum rep_code rep_loader_names(struct rep_loader *ld, const char ***out, size_t *len,
			       const struct rep_json *array, const char *what)
{
	size_t count = rep_json_size(array);
	enum rep_code rc = rep_loader_array(ld, out, count, sizeof **out);

	*len = 0;
	for (size_t i = 0; !rc && i < count; i++) {
		const char *name = rep_json_string_value(rep_json_at(array, i));

		if (!name || !*name)
			return rep_loader_bad(ld, "json", "\"%s\" must be an array of texts", what);
		for (size_t j = 0; j < i; j++)
			if (strcmp((*out)[j], name) == 0)
				return rep_loader_bad(ld, "duplicate-name",
						      "\"%s\" twice in \"%s\"", name, what);
		(*out)[i] = name;
		*len = i + 1;
	}
	return rc;
}

static enum rep_code read_term(struct rep_loader *ld, struct rep_term *out, const char *text)
{
	static const char *const scopes[] = {"", "primary", "author", "self", NULL};
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	char *role = rep_arena_text(ld->arena, text, len);

	if (!role)
		return rep_loader_no_memory(ld);
	out->role = role;
	if (colon) {
		int scope = rep_word_index(scopes, colon + 1);

		if (scope < 1 || strcmp(role, "hub") == 0)
			return rep_loader_bad(ld, "unknown-term", "\"%s\"", text);
		out->scope = (enum rep_term_scope)scope;
	}
	if (strcmp(role, "*") != 0 && strcmp(role, "hub") != 0 &&
	    !rep_schema_role(ld->schema, role))
		return rep_loader_bad(ld,
				      rep_name_well_formed(role) ? "unknown-role" : "unknown-term",
				      "\"%s\"", text);
	return REP_OK;
}

enum rep_code rep_loader_terms(struct rep_loader *ld, struct rep_terms *out,
			       const struct rep_json *array)
{
	size_t count = rep_json_size(array);
	enum rep_code rc = rep_loader_array(ld, &out->terms, count, sizeof *out->terms);

	out->len = rc ? 0 : count;
	for (size_t i = 0; !rc && i < count; i++) {
		const char *text = rep_json_string_value(rep_json_at(array, i));

		if (!text)
			return rep_loader_bad(ld, "unknown-term", "a term must be text");
		rc = read_term(ld, &out->terms[i], text);
	}
	return rc;
}

enum rep_code rep_loader_forbidden(struct rep_loader *ld, const char *name,
				   const struct rep_label *label)
{
	const char *const texts[] = {name, label->zh, label->en};

	for (size_t i = 0; !ld->engine && i < sizeof texts / sizeof *texts; i++) {
		const struct rep_label *why =
			texts[i] ? rep_schema_forbids(ld->schema, texts[i]) : NULL;

		if (why)
			return rep_loader_bad(ld, "forbidden-field", "\"%s\": %s / %s", texts[i],
					      why->zh, why->en);
	}
	return REP_OK;
}

enum rep_code rep_loader_field(struct rep_loader *ld, const struct rep_field **out,
			       const struct rep_entity *entity, const char *name, const char *key)
{
	*out = rep_entity_field(entity, name);
	if (!*out)
		return rep_loader_bad(ld, "unknown-field", "\"%s\" in \"%s\"", name, key);
	return REP_OK;
}

enum rep_code rep_loader_word(struct rep_loader *ld, int *out, const char *const *words,
			      const struct rep_json *value, const char *key)
{
	const char *word = rep_json_string_value(value);

	*out = *word ? rep_word_index(words, word) : -1;
	if (*out < 0)
		return rep_loader_bad(ld, "json", "\"%s\" cannot be \"%s\"", key, word);
	return REP_OK;
}
