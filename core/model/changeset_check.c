#include "core/model/changeset_check.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"

bool rep_changeset_is_name(const char *text)
{
	size_t len;

	if (text[0] < 'a' || text[0] > 'z')
		return false;
	for (len = 1; text[len]; len++)
		if (len >= REP_NAME_LEN_MAX ||
		    !((text[len] >= 'a' && text[len] <= 'z') ||
		      (text[len] >= '0' && text[len] <= '9') || text[len] == '_'))
			return false;
	return true;
}

static bool is_hash(const char *text)
{
	uint8_t bytes[REP_HASH_SIZE];

	return rep_unhex(bytes, text, sizeof bytes);
}

/* "<name>/<version>", the version without leading zeros. */
static bool is_schema(const char *text)
{
	char name[REP_NAME_LEN_MAX + 1];
	const char *slash = strchr(text, '/');
	size_t digits;

	if (!slash || (size_t)(slash - text) >= sizeof name)
		return false;
	memcpy(name, text, (size_t)(slash - text));
	name[slash - text] = '\0';
	digits = strspn(slash + 1, "0123456789");
	return rep_changeset_is_name(name) && digits > 0 && digits <= 9 && slash[1] != '0' &&
	       slash[1 + digits] == '\0';
}

static enum rep_code check_chain(const struct rep_changeset *set, struct rep_error *err)
{
	if (set->seq < 1 || set->seq > REP_INT_MAX)
		return rep_fail(err, REP_EINVAL, "seq is not a number from 1 on");
	if (!is_hash(set->prev))
		return rep_fail(err, REP_EINVAL, "prev is not 64 lower-case hex digits");
	if ((set->seq == 1) != (strcmp(set->prev, rep_changeset_no_prev) == 0))
		return rep_fail(err, REP_EINVAL, "prev is 64 zeros for seq 1 and for no other");
	return REP_OK;
}

enum rep_code rep_changeset_check_head(const struct rep_changeset *set, struct rep_error *err)
{
	int64_t ms;

	if (!rep_device_valid(set->device))
		return rep_fail(err, REP_EINVAL, "device is not a device id");
	if (!set->rep || !rep_id_valid(set->rep))
		return rep_fail(err, REP_EINVAL, "rep is not an id");
	if (!set->schema || !is_schema(set->schema))
		return rep_fail(err, REP_EINVAL, "schema is not <name>/<version>");
	if (!rep_time_parse(&ms, set->sealed))
		return rep_fail(err, REP_EINVAL, "sealed is not a time");
	if (set->base_epoch < 0 || set->base_view < 0 || set->base_epoch > REP_INT_MAX ||
	    set->base_view > REP_INT_MAX)
		return rep_fail(err, REP_EINVAL, "base is not the number of a view");
	if (set->changes_len == 0)
		return rep_fail(err, REP_EINVAL, "it has no change");
	if (set->changes_len > REP_CHANGES_MAX)
		return rep_fail(err, REP_ELIMIT, "%zu changes are more than the %u allowed",
				set->changes_len, REP_CHANGES_MAX);
	return check_chain(set, err);
}

enum rep_code rep_changeset_check_change(const struct rep_change *change, const char *device,
					 struct rep_error *err)
{
	if (!change->entity || !rep_changeset_is_name(change->entity))
		return rep_fail(err, REP_EINVAL, "entity is not a name");
	if (!change->id || !rep_id_valid(change->id))
		return rep_fail(err, REP_EINVAL, "id is not an id");
	if (!rep_stamp_valid(change->stamp.text))
		return rep_fail(err, REP_EINVAL, "stamp is not a stamp");
	if (strcmp(rep_stamp_device(change->stamp.text), device) != 0)
		return rep_fail(err, REP_EINVAL, "stamp is not of device %s", device);
	return REP_OK;
}

/* ---- value lines ---- */

enum {
	KEY_SALT = 1u << 0,
	KEY_REASON = 1u << 1,
	KEY_SOURCE = 1u << 2,
	KEY_VALUES = 1u << 3,
	KEY_ITEM = 1u << 4,
	KEY_RIVALS = 1u << 5,
	KEY_SAW = 1u << 6,
	KEY_INTO = 1u << 7,
	KEY_DECISION = 1u << 8,
	KEY_CLOSURE = 1u << 9,
	KEYS_ALWAYS = KEY_SALT | KEY_REASON | KEY_SOURCE,
};

static bool is_salt(const struct rep_json *value)
{
	uint8_t bytes[16];
	const char *text = rep_json_string_value(value);

	return text && rep_unhex(bytes, text, sizeof bytes);
}

static bool is_text(const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	return text && strlen(text) <= REP_TEXT_SIZE_MAX;
}

static bool is_id(const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	return text && rep_id_valid(text);
}

static bool is_stamp(const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	return text && rep_stamp_valid(text);
}

static bool is_stamps(const struct rep_json *value)
{
	if (!rep_json_is(value, REP_JSON_ARRAY))
		return false;
	for (size_t i = 0; i < rep_json_size(value); i++)
		if (!is_stamp(rep_json_at(value, i)))
			return false;
	return true;
}

static bool is_array(const struct rep_json *value);

/* [{"device","digest","index","kept"?,"seq"}...]: `kept` is the text of the line that stands for the erased one. */
static bool is_closure(const struct rep_json *value)
{
	if (!is_array(value))
		return false;
	for (size_t i = 0; i < rep_json_size(value); i++) {
		const struct rep_json *one = rep_json_at(value, i);
		const struct rep_json *kept = rep_json_get(one, "kept");
		const char *device = rep_json_get_string(one, "device");
		const char *digest = rep_json_get_string(one, "digest");

		if (!rep_json_is(one, REP_JSON_OBJECT) || !device || !rep_device_valid(device) ||
		    !digest || !is_hash(digest) || rep_json_get_integer(one, "seq") < 1 ||
		    !rep_json_is(rep_json_get(one, "index"), REP_JSON_INTEGER) ||
		    rep_json_get_integer(one, "index") < 0 ||
		    rep_json_get_integer(one, "index") >= REP_CHANGES_MAX ||
		    (kept && !rep_json_string_value(kept)) ||
		    rep_json_size(one) != (kept ? 5u : 4u))
			return false;
	}
	return true;
}

static bool is_array(const struct rep_json *value)
{
	return rep_json_is(value, REP_JSON_ARRAY);
}

/* Element or key -> stamp. */
static bool is_seen(const struct rep_json *value)
{
	if (!rep_json_is(value, REP_JSON_OBJECT))
		return false;
	for (void *it = rep_json_iter(value); it; it = rep_json_iter_next(value, it))
		if (!is_stamp(rep_json_iter_value(it)))
			return false;
	return true;
}

static bool is_anything(const struct rep_json *value)
{
	(void)value;
	return true;
}

static bool is_hash_text(const struct rep_json *value)
{
	const char *text = rep_json_string_value(value);

	return text && strlen(text) == REP_HASH_HEX &&
	       strspn(text, "0123456789abcdef") == REP_HASH_HEX;
}

static bool is_integer(const struct rep_json *value)
{
	return rep_json_is(value, REP_JSON_INTEGER);
}

static bool is_object(const struct rep_json *value)
{
	return rep_json_is(value, REP_JSON_OBJECT);
}

/* What one field's edit may say; which of them fit the field's type is for admission to judge. */
static const struct part {
	const char *key;
	bool (*fits)(const struct rep_json *value);
} parts[] = {
	{"new", is_anything}, {"old", is_anything},        {"saw", is_stamp},
	{"add", is_array},    {"remove", is_array},        {"seen", is_seen},
	{"entry", is_object}, {"keys", is_object},         {"delta", is_integer},
	{"set", is_integer},  {"seen_hash", is_hash_text},
};

static enum rep_code check_field(const char *field, const struct rep_json *edit,
				 struct rep_error *err)
{
	if (!rep_changeset_is_name(field))
		return rep_fail(err, REP_EINVAL, "values has a key that is not a name");
	if (!is_object(edit))
		return rep_fail(err, REP_EINVAL, "values.%s is not an object", field);
	for (void *it = rep_json_iter(edit); it; it = rep_json_iter_next(edit, it)) {
		size_t i = 0, len = sizeof parts / sizeof *parts;

		while (i < len && strcmp(parts[i].key, rep_json_iter_key(it)) != 0)
			i++;
		if (i == len)
			return rep_fail(err, REP_EINVAL, "values.%s has an unknown key", field);
		if (!parts[i].fits(rep_json_iter_value(it)))
			return rep_fail(err, REP_EINVAL, "values.%s.%s is not of its form", field,
					parts[i].key);
	}
	return REP_OK;
}

static enum rep_code check_values(const struct rep_json *values, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (void *it = rep_json_iter(values); it && rc == REP_OK;
	     it = rep_json_iter_next(values, it))
		rc = check_field(rep_json_iter_key(it), rep_json_iter_value(it), err);
	return rc;
}

static const struct line_key {
	const char *key;
	unsigned bit;
	bool (*fits)(const struct rep_json *value);
} line_keys[] = {
	{"salt", KEY_SALT, is_salt},         {"reason", KEY_REASON, is_text},
	{"source", KEY_SOURCE, is_text},     {"values", KEY_VALUES, is_object},
	{"item", KEY_ITEM, is_id},           {"rivals", KEY_RIVALS, is_stamps},
	{"saw", KEY_SAW, is_stamp},          {"into", KEY_INTO, is_id},
	{"decision", KEY_DECISION, is_text}, {"closure", KEY_CLOSURE, is_closure},
};

static const struct line_rule {
	unsigned required;
	unsigned allowed;
} line_rules[] = {
	[REP_OP_INSERT] = {KEY_VALUES, 0},
	[REP_OP_UPDATE] = {KEY_VALUES, 0},
	[REP_OP_DELETE] = {KEY_VALUES, 0},
	[REP_OP_RESTORE] = {KEY_SAW, 0},
	[REP_OP_ALIAS] = {KEY_INTO, KEY_VALUES},
	[REP_OP_UNALIAS] = {KEY_INTO, 0},
	[REP_OP_RESOLVE] = {KEY_ITEM, KEY_VALUES | KEY_RIVALS | KEY_DECISION},
	[REP_OP_ERASE] = {KEY_CLOSURE, 0},
};

static const struct line_key *find_line_key(const char *key)
{
	for (size_t i = 0; i < sizeof line_keys / sizeof *line_keys; i++)
		if (strcmp(line_keys[i].key, key) == 0)
			return &line_keys[i];
	return NULL;
}

static enum rep_code check_keys(enum rep_op op, unsigned present, struct rep_error *err)
{
	const struct line_rule *rule = &line_rules[op];
	unsigned required = KEY_SALT | rule->required;
	unsigned allowed = KEYS_ALWAYS | rule->required | rule->allowed;

	for (size_t i = 0; i < sizeof line_keys / sizeof *line_keys; i++) {
		const struct line_key *known = &line_keys[i];

		if (known->bit & required & ~present)
			return rep_fail(err, REP_EINVAL, "%s is missing", known->key);
		if (known->bit & present & ~allowed)
			return rep_fail(err, REP_EINVAL, "%s does not belong to %s", known->key,
					rep_op_name(op));
	}
	return REP_OK;
}

enum rep_code rep_changeset_check_line(enum rep_op op, const struct rep_json *line,
				       struct rep_error *err)
{
	unsigned present = 0;
	enum rep_code rc;

	if (!is_object(line))
		return rep_fail(err, REP_EINVAL, "its value line is not an object");
	for (void *it = rep_json_iter(line); it; it = rep_json_iter_next(line, it)) {
		const struct line_key *known = find_line_key(rep_json_iter_key(it));

		if (!known)
			return rep_fail(err, REP_EINVAL, "its value line has an unknown key");
		if (!known->fits(rep_json_iter_value(it)))
			return rep_fail(err, REP_EINVAL, "%s is not of its form", known->key);
		present |= known->bit;
	}
	rc = check_keys(op, present, err);
	if (rc == REP_OK && (present & KEY_VALUES))
		rc = check_values(rep_json_get(line, "values"), err);
	return rc;
}
