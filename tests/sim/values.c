/*
 * Values by chance, from small domains, so that two people often write the same thing, or the same thing spelt
 * differently, and mostly different things.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/value.h"
#include "sim/sim.h"

static unsigned below(unsigned n)
{
	return sim_below(SIM_EDITS, n);
}

/* ---- texts ---- */

static struct rep_json *formatted(const struct rep_field *field)
{
	static const char *const regions[] = {"370102", "370103", "110101"};
	char text[REP_HASH_HEX + 1];

	switch (field->format) {
	case REP_FORMAT_CN_MOBILE:
		snprintf(text, sizeof text, "%s1390000%04u", below(3) ? "" : "+86 ", below(6));
		return rep_json_string(text);
	case REP_FORMAT_EMAIL:
		snprintf(text, sizeof text, "%s%u@example.cn", below(2) ? "a" : "A", below(4));
		return rep_json_string(text);
	case REP_FORMAT_SHA256:
		memset(text, '0' + (int)below(10), REP_HASH_HEX);
		text[REP_HASH_HEX] = 0;
		return rep_json_string(text);
	case REP_FORMAT_CN_REGION:
		return rep_json_string(regions[below(3)]);
	case REP_FORMAT_CN_ID:
		return rep_json_string("11010519491231002X");
	case REP_FORMAT_CN_USCC:
		return rep_json_string("91350100M000100Y43");
	case REP_FORMAT_NONE:
		break;
	}
	return NULL;
}

/* Three lines of which one is changed, so that two such edits merge or overlap. */
static struct rep_json *lines(const struct rep_json *current, unsigned step)
{
	const char *text = rep_json_string_value(current);
	struct rep_buf out = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *value;
	unsigned line = 0, chosen = below(5);

	if (!text || !*text)
		text = "first\nsecond\nthird\nfourth\nfifth\n";
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (line++ == chosen && below(6))
			rep_buf_printf(&out, "line by %u\n", step);
		else if (line - 1 != chosen)
			rep_buf_printf(&out, "%.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
	value = rep_json_string(rep_buf_str(&out));
	rep_buf_clear(&out);
	return value;
}

static struct rep_json *text_value(const struct rep_field *field, const struct rep_json *current,
				   unsigned step)
{
	static const char *const few[] = {"心内科", "心血管内科", "Ab c",    "abc",
					  "ＡＢＣ", "李 娜",      "李娜主任"};
	char text[64];

	if (field->format != REP_FORMAT_NONE)
		return formatted(field);
	if (field->pattern) {
		snprintf(text, sizeof text, "%02u-%02u", 1 + below(3), 1 + below(3));
		return rep_json_string(text);
	}
	if (field->rules[0] == REP_RULE_TEXT)
		return lines(current, step);
	if (below(2))
		return rep_json_string(few[below(sizeof few / sizeof *few)]);
	snprintf(text, sizeof text, "v%u", step);
	return rep_json_string(text);
}

/* ---- the other types ---- */

static struct rep_json *integer(const struct rep_field *field)
{
	int64_t low = field->has_min ? field->min : -10, high = field->has_max ? field->max : 30;

	if (high > low + 20)
		high = low + 20;
	return rep_json_integer(low + (int64_t)below((unsigned)(high - low) + 1));
}

static struct rep_json *moment(bool time)
{
	char text[32];

	snprintf(text, sizeof text, "2026-03-%02u%s", 1 + below(9), time ? "T01:00:00.000Z" : "");
	return rep_json_string(text);
}

static struct rep_json *decimal(const struct rep_field *field)
{
	char text[32];

	snprintf(text, sizeof text, "%u.%0*u", below(4), (int)field->scale, below(2));
	return rep_json_string(text);
}

static bool is_imported(const struct rep_entity *entity)
{
	for (unsigned i = 0; i < sim_casts_len; i++)
		if (strcmp(entity->name, sim_casts[i].person) == 0)
			return true;
	return false;
}

static struct rep_json *reference(struct rep_replica *replica, const struct rep_field *field)
{
	char id[REP_ID_LEN_MAX + 1];

	/* Of nothing that there is: the change is held, until an import may bring it. */
	if (below(is_imported(field->target) ? 8 : 25) == 0) {
		snprintf(id, sizeof id, "nowhere%u", below(SIM_NOWHERE));
		return rep_json_string(id);
	}
	return sim_any_row(replica->db, field->target, id) ? rep_json_string(id) : NULL;
}

static struct rep_json *scalar(struct rep_replica *replica, const struct rep_field *field,
			       enum rep_type type, const struct rep_json *current, unsigned step)
{
	switch (type) {
	case REP_TYPE_TEXT:
		return text_value(field, current, step);
	case REP_TYPE_INTEGER:
		return integer(field);
	case REP_TYPE_BOOLEAN:
		return rep_json_bool(below(2));
	case REP_TYPE_DATE:
	case REP_TYPE_DATETIME:
		return moment(type == REP_TYPE_DATETIME);
	case REP_TYPE_DECIMAL:
		return decimal(field);
	case REP_TYPE_ENUM:
		return rep_json_string(field->values[below((unsigned)field->values_len)].value);
	case REP_TYPE_REFERENCE:
		return reference(replica, field);
	case REP_TYPE_SET:
	case REP_TYPE_LIST:
	case REP_TYPE_MAP:
	case REP_TYPE_JSON:
		break;
	}
	return NULL;
}

static struct rep_json *entry(struct rep_replica *replica, const struct rep_field *field,
			      unsigned step)
{
	struct rep_json *object = rep_json_object();

	for (size_t i = 0; i < field->fields_len; i++) {
		const struct rep_field *part = &field->fields[i];
		struct rep_json *value = NULL;

		if (part->type == REP_TYPE_TEXT) {
			char text[32];

			snprintf(text, sizeof text, "entry %u", step);
			value = rep_json_string(text);
		} else if (part->required || below(2)) {
			value = scalar(replica, part, part->type, NULL, step);
		}
		if (value)
			rep_json_set(object, part->name, value);
	}
	return object;
}

/* A key of a map, from the alternatives of its pattern or letters. */
static void map_key(char *out, size_t size, const struct rep_field *field)
{
	const char *pattern = field->keys_pattern ? field->keys_pattern : "[";
	unsigned skip = below(3);

	if (strpbrk(pattern, "[(*+.")) {
		snprintf(out, size, "%c", (int)('a' + (int)below(3)));
		return;
	}
	while (skip-- > 0 && strchr(pattern, '|'))
		pattern = strchr(pattern, '|') + 1;
	snprintf(out, size, "%.*s", (int)strcspn(pattern, "|"), pattern);
}

struct rep_json *sim_element(struct rep_replica *replica, const struct rep_field *field,
			     unsigned step)
{
	struct rep_json *part, *value;
	char key[64];

	if (field->type == REP_TYPE_LIST)
		return entry(replica, field, step);
	value = scalar(replica, field, field->of, NULL, step);
	if (!value)
		return NULL;
	if (field->type == REP_TYPE_SET) {
		part = rep_json_array();
		rep_json_append(part, value);
		return part;
	}
	part = rep_json_object();
	map_key(key, sizeof key, field);
	rep_json_set(part, key, value);
	return part;
}

struct rep_json *sim_value(struct rep_replica *replica, const struct rep_field *field,
			   const struct rep_json *current, unsigned step)
{
	struct rep_json *value;

	if (field->type == REP_TYPE_JSON) {
		value = rep_json_object();
		rep_json_set_integer(value, "floor", below(3));
		return value;
	}
	if (rep_field_is_scalar(field))
		return scalar(replica, field, field->type, current, step);
	if (field->type == REP_TYPE_LIST)
		return NULL; /* a list only grows */
	return sim_element(replica, field, step);
}
