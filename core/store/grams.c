#include "core/store/grams.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/model/normalise.h"

/* Initials of a whole note would find everything: only what may be a name has them. */
#define INITIALS_CHARS_MAX 40

bool rep_search_in(const struct rep_field *field)
{
	switch (field->type) {
	case REP_TYPE_TEXT:
		return true;
	case REP_TYPE_SET:
		return field->of == REP_TYPE_TEXT;
	case REP_TYPE_LIST:
	case REP_TYPE_MAP:
	case REP_TYPE_INTEGER:
	case REP_TYPE_BOOLEAN:
	case REP_TYPE_DATE:
	case REP_TYPE_DATETIME:
	case REP_TYPE_DECIMAL:
	case REP_TYPE_ENUM:
	case REP_TYPE_REFERENCE:
	case REP_TYPE_JSON:
		break;
	}
	return false;
}

static bool is_space(unsigned code)
{
	return code <= ' ' || code == 0x7f || code == 0x3000 || code == 0xa0;
}

void rep_search_normalise(struct rep_buf *out, const char *text, size_t len)
{
	struct rep_buf form = REP_BUF_INIT(out->limit);
	const char *at;
	bool space = true;

	rep_normalise_put(&form, text, len, REP_NORM_NFKC | REP_NORM_CASE | REP_NORM_SIMPLIFIED);
	if (form.failed)
		out->failed = form.failed;
	for (at = rep_buf_str(&form); *at;) {
		unsigned code;
		size_t size = rep_text_next(at, &code);

		if (!is_space(code))
			rep_buf_put(out, at, size);
		else if (!space)
			rep_buf_putc(out, ' ');
		space = is_space(code);
		at += size;
	}
	rep_buf_clear(&form);
}

/* A line for each run of two and more Chinese characters. */
static void put_initials(struct rep_buf *out, const char *text)
{
	struct rep_buf run = REP_BUF_INIT(256);

	if (rep_text_chars(text, strlen(text)) > INITIALS_CHARS_MAX)
		return;
	for (;;) {
		unsigned code = 0;
		size_t size = *text ? rep_text_next(text, &code) : 0;
		char initial = size ? rep_pinyin_initial(code) : 0;

		if (initial) {
			rep_buf_putc(&run, initial);
		} else {
			if (run.len > 1) {
				rep_buf_puts(out, rep_buf_str(&run));
				rep_buf_putc(out, '\n');
			}
			rep_buf_reset(&run);
		}
		if (!size)
			break;
		text += size;
	}
	rep_buf_clear(&run);
}

static void put_value(struct rep_buf *out, const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);
	size_t start = out->len;
	char *line;

	if (!text)
		return;
	rep_search_normalise(out, text, strlen(text));
	line = out->failed ? NULL : strdup(rep_buf_str(out) + start);
	rep_buf_putc(out, '\n');
	if (line)
		put_initials(out, line);
	else
		out->failed = REP_ENOMEM;
	free(line);
}

static void put_field(struct rep_buf *out, const struct rep_record *record,
		      const struct rep_field *field)
{
	const struct rep_json *value = rep_json_get(record->fields, field->name);

	if (!value || !rep_search_in(field))
		return;
	put_value(out, value);
	for (size_t i = 0; rep_json_is(value, REP_JSON_ARRAY) && i < rep_json_size(value); i++)
		put_value(out, rep_json_at(value, i));
}

void rep_search_text(struct rep_buf *out, const struct rep_record *record)
{
	const struct rep_entity *entity = record->entity;
	const struct rep_field *title =
		entity->title ? rep_entity_field(entity, entity->title) : NULL;

	if (title)
		put_field(out, record, title);
	for (size_t i = 0; i < entity->fields_len; i++) {
		if (&entity->fields[i] != title)
			put_field(out, record, &entity->fields[i]);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/*
 * Pairs of neighbours, and single characters beyond ASCII: one Latin letter says nothing, one Chinese character is a surname.
 */
bool rep_grams_make(struct rep_grams *out, const char *text)
{
	size_t cap = 2 * strlen(text) + 1;
	size_t len = 0;
	size_t before = 0; /* bytes of the character before, 0 after a space */

	*out = (struct rep_grams){.grams = calloc(cap, sizeof *out->grams)};
	if (!out->grams)
		return false;
	while (*text) {
		unsigned code;
		size_t size = rep_text_next(text, &code);

		if (!is_space(code) && before > 0)
			memcpy(out->grams[len++], text - before, before + size);
		if (!is_space(code) && code > 0x7f)
			memcpy(out->grams[len++], text, size);
		before = is_space(code) ? 0 : size;
		text += size;
	}
	qsort(out->grams, len, sizeof *out->grams, compare);
	for (size_t i = 0; i < len; i++) {
		if (out->len == 0 || strcmp(out->grams[out->len - 1], out->grams[i]) != 0)
			memmove(out->grams[out->len++], out->grams[i], REP_GRAM_SIZE);
	}
	return true;
}

void rep_grams_clear(struct rep_grams *grams)
{
	free(grams->grams);
	*grams = (struct rep_grams){0};
}
