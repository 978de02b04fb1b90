/* The values of an enum, with the spellings that an import maps to them. */
#include <stdlib.h>
#include <string.h>

#include "core/model/normalise.h"
#include "core/model/schema_load.h"

#define SPELLING_NORM (REP_NORM_NFKC | REP_NORM_CASE | REP_NORM_SPACE | REP_NORM_SIMPLIFIED)

void rep_enum_spelling(struct rep_buf *out, const char *text)
{
	rep_normalise_put(out, text, strlen(text), SPELLING_NORM);
}

static enum rep_code read_value(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	((struct rep_enum_value *)target)->value = rep_json_string_value(value);
	return *rep_json_string_value(value) ? REP_OK
					     : rep_loader_bad(ld, "enum-empty", "a value is empty");
}

static enum rep_code read_label(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_label(ld, &((struct rep_enum_value *)target)->label, value);
}

static enum rep_code read_also(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	struct rep_enum_value *out = target;

	return rep_loader_names(ld, &out->also, &out->also_len, value, "also");
}

/* 1 alike, 0 not, -1 without memory. */
static int spelled_alike(const char *a, const char *b)
{
	struct rep_buf left = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_buf right = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	int alike;

	rep_enum_spelling(&left, a);
	rep_enum_spelling(&right, b);
	if (left.failed || right.failed)
		alike = left.failed == REP_ENOMEM || right.failed == REP_ENOMEM ? -1 : 0;
	else
		alike = strcmp(rep_buf_str(&left), rep_buf_str(&right)) == 0;
	rep_buf_clear(&left);
	rep_buf_clear(&right);
	return alike;
}

/* Does `text` read as `value` (itself or one of its other spellings)? As spelled_alike. */
static int reads_as(const struct rep_enum_value *value, const char *text)
{
	int alike = spelled_alike(value->value, text);

	for (size_t i = 0; alike == 0 && i < value->also_len; i++)
		alike = spelled_alike(value->also[i], text);
	return alike;
}

int rep_enum_find(const struct rep_field *field, const char *text)
{
	int exact = rep_field_rank(field, text);
	int alike = 0;

	if (exact >= 0)
		return exact;
	for (size_t i = 0; alike == 0 && i < field->values_len; i++) {
		alike = reads_as(&field->values[i], text);
		if (alike == 1)
			return (int)i;
	}
	return alike == 0 ? -1 : -2;
}

/* What the values before have been found to read as: a form of each spelling, and whose it is. */
struct spellings {
	struct {
		char *form; /* NULL where the spelling is too long to have one */
		size_t of;
	} * list;
	size_t len, cap;
};

static void spellings_clear(struct spellings *spellings)
{
	for (size_t i = 0; i < spellings->len; i++)
		free(spellings->list[i].form);
	free(spellings->list);
}

static bool spellings_add(struct spellings *spellings, const char *text, size_t of)
{
	struct rep_buf form = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	bool enough;

	if (spellings->len == spellings->cap) {
		size_t cap = spellings->cap ? 2 * spellings->cap : 32;
		void *grown = reallocarray(spellings->list, cap, sizeof *spellings->list);

		if (!grown)
			return false;
		spellings->list = grown;
		spellings->cap = cap;
	}
	rep_enum_spelling(&form, text);
	enough = form.failed != REP_ENOMEM;
	spellings->list[spellings->len].of = of;
	spellings->list[spellings->len].form = form.failed ? NULL : strdup(rep_buf_str(&form));
	enough = enough && (form.failed || spellings->list[spellings->len].form);
	spellings->len++;
	rep_buf_clear(&form);
	return enough;
}

/*
 * An import must know what a spelling means: none may stand for two values. Spellings are compared as
 * an import compares them, so "m" and "M" of two values clash too.
 */
static enum rep_code check_spellings(struct rep_loader *ld, const struct rep_enum_value *values,
				     size_t index, struct spellings *spellings)
{
	const struct rep_enum_value *value = &values[index];
	size_t before = spellings->len;

	for (size_t k = 0; k <= value->also_len; k++) {
		const char *what = k ? value->also[k - 1] : value->value;
		const char *form;

		if (!spellings_add(spellings, what, index))
			return rep_loader_no_memory(ld);
		form = spellings->list[spellings->len - 1].form;
		for (size_t i = 0; form && i < before; i++)
			if (spellings->list[i].form && strcmp(spellings->list[i].form, form) == 0)
				return rep_loader_bad(ld, "enum-duplicate", "\"%s\" is also \"%s\"",
						      what, values[spellings->list[i].of].value);
	}
	return REP_OK;
}

enum rep_code rep_load_enum_values(struct rep_loader *ld, struct rep_field *field,
				   const struct rep_json *array)
{
	static const struct rep_key_rule rules[] = {
		{"value", REP_KIND_STRING, true, read_value, 0},
		{"label", REP_KIND_ANY, false, read_label, 0},
		{"also", REP_KIND_ARRAY, false, read_also, 0},
	};
	struct spellings spellings = {0};
	size_t count = rep_json_size(array);
	enum rep_code rc = rep_loader_array(ld, &field->values, count, sizeof *field->values);

	if (!rc && !count)
		rc = rep_loader_bad(ld, "enum-empty", "\"values\" is empty");
	for (size_t i = 0; !rc && i < count; i++) {
		const struct rep_json *item = rep_json_at(array, i);

		if (rep_json_is(item, REP_JSON_STRING))
			rc = read_value(ld, &field->values[i], item);
		else
			rc = rep_loader_walk(ld, item, rules, sizeof rules / sizeof *rules, 0,
					     &field->values[i]);
		if (!rc)
			rc = check_spellings(ld, field->values, i, &spellings);
		field->values_len = i + 1;
	}
	spellings_clear(&spellings);
	return rc;
}
