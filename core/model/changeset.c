#include "core/model/changeset.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset_check.h"

const char rep_changeset_no_prev[REP_HASH_HEX + 1] =
	"0000000000000000000000000000000000000000000000000000000000000000";

static const char *const op_names[] = {
	[REP_OP_INSERT] = "insert",   [REP_OP_UPDATE] = "update", [REP_OP_DELETE] = "delete",
	[REP_OP_RESTORE] = "restore", [REP_OP_ALIAS] = "alias",   [REP_OP_UNALIAS] = "unalias",
	[REP_OP_RESOLVE] = "resolve", [REP_OP_ERASE] = "erase",
};

const char *rep_op_name(enum rep_op op)
{
	return op_names[op];
}

bool rep_op_parse(enum rep_op *out, const char *name)
{
	for (size_t i = 0; i < sizeof op_names / sizeof *op_names; i++)
		if (strcmp(op_names[i], name) == 0) {
			*out = (enum rep_op)i;
			return true;
		}
	return false;
}

void rep_changeset_clear(struct rep_changeset *set)
{
	for (size_t i = 0; set->changes && i < set->changes_len; i++) {
		free(set->changes[i].entity);
		free(set->changes[i].id);
		rep_json_free(set->changes[i].line);
	}
	free(set->changes);
	free(set->rep);
	free(set->schema);
	*set = (struct rep_changeset){0};
}

/* Writes the value line of one change and keeps its digest. */
static enum rep_code seal_change(struct rep_buf *lines, struct rep_change *change,
				 const char *device, struct rep_error *err)
{
	size_t start = lines->len;
	enum rep_code rc = rep_changeset_check_change(change, device, err);

	if (rc == REP_OK)
		rc = rep_changeset_check_line(change->op, change->line, err);
	if (rc == REP_OK)
		rc = rep_json_check(change->line, REP_JSON_DEPTH_MAX, err);
	if (rc != REP_OK)
		return rc;
	rep_json_write(lines, change->line);
	rc = rep_buf_check(lines, "value lines", err);
	if (rc != REP_OK)
		return rc;
	if (lines->len - start > REP_LINE_SIZE_MAX)
		return rep_fail(err, REP_ELIMIT, "its value line of %zu bytes is more than %u",
				lines->len - start, REP_LINE_SIZE_MAX);
	rep_sha256_hex(change->digest, lines->data + start, lines->len - start);
	rep_buf_putc(lines, '\n');
	return rep_buf_check(lines, "value lines", err);
}

static enum rep_code seal_lines(struct rep_buf *lines, struct rep_changeset *set,
				struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < set->changes_len && rc == REP_OK; i++) {
		rc = seal_change(lines, &set->changes[i], set->device, err);
		rc = rep_wrap(err, rc, "change %zu", i);
	}
	return rc;
}

static bool add_change(struct rep_json *changes, const struct rep_change *change)
{
	struct rep_json *object = rep_json_object();
	bool ok = rep_json_set_string(object, "digest", change->digest);

	ok = rep_json_set_string(object, "entity", change->entity) && ok;
	ok = rep_json_set_string(object, "id", change->id) && ok;
	ok = rep_json_set_string(object, "op", rep_op_name(change->op)) && ok;
	ok = rep_json_set_string(object, "stamp", change->stamp.text) && ok;
	return rep_json_append(changes, object) && ok;
}

static struct rep_json *make_skeleton(const struct rep_changeset *set)
{
	struct rep_json *skeleton = rep_json_object(), *base = rep_json_object();
	struct rep_json *changes = rep_json_array();
	bool ok = rep_json_set_integer(base, "epoch", set->base_epoch);

	ok = rep_json_set_integer(base, "view", set->base_view) && ok;
	for (size_t i = 0; i < set->changes_len; i++)
		ok = add_change(changes, &set->changes[i]) && ok;
	ok = rep_json_set(skeleton, "base", base) && ok;
	ok = rep_json_set(skeleton, "changes", changes) && ok;
	ok = rep_json_set_string(skeleton, "device", set->device) && ok;
	ok = rep_json_set_integer(skeleton, "format", 1) && ok;
	ok = rep_json_set_string(skeleton, "prev", set->prev) && ok;
	ok = rep_json_set_string(skeleton, "rep", set->rep) && ok;
	ok = rep_json_set_string(skeleton, "schema", set->schema) && ok;
	ok = rep_json_set_string(skeleton, "sealed", set->sealed) && ok;
	ok = rep_json_set_integer(skeleton, "seq", set->seq) && ok;
	ok = rep_json_set_string(skeleton, "type", "change-set") && ok;
	if (ok)
		return skeleton;
	rep_json_free(skeleton);
	return NULL;
}

static enum rep_code write_skeleton(struct rep_buf *out, const struct rep_changeset *set,
				    struct rep_error *err)
{
	struct rep_json *skeleton = make_skeleton(set);
	enum rep_code rc;

	if (!skeleton)
		return rep_fail(err, REP_ENOMEM, "build skeleton: out of memory");
	rep_json_write(out, skeleton);
	rc = rep_buf_check(out, "skeleton", err);
	rep_json_free(skeleton);
	return rc;
}

enum rep_code rep_changeset_seal(struct rep_buf *out, struct rep_changeset *set,
				 const struct rep_key *key, struct rep_error *err)
{
	struct rep_buf lines = REP_BUF_INIT(REP_SEGMENT_HARD_MAX - 2 * REP_LINE_SIZE_MAX);
	struct rep_buf skeleton = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	char signature[REP_SIGNATURE_BASE64 + 1];
	enum rep_code rc = rep_changeset_check_head(set, err);

	if (rc == REP_OK)
		rc = seal_lines(&lines, set, err);
	if (rc == REP_OK)
		rc = write_skeleton(&skeleton, set, err);
	if (rc != REP_OK)
		goto out;
	rep_sign(signature, key, skeleton.data, skeleton.len);
	rep_buf_put(out, skeleton.data, skeleton.len);
	rep_buf_printf(out, "\n\"%s\"\n", signature);
	rep_buf_put(out, lines.data, lines.len);
	rc = rep_buf_check(out, "change set", err);
	if (rc == REP_OK)
		rep_sha256_hex(set->hash, skeleton.data, skeleton.len);
out:
	rep_buf_clear(&lines);
	rep_buf_clear(&skeleton);
	return rep_wrap(err, rc, "seal change set");
}

/* Moves *at behind the next LF; false when there is none. */
static bool skip_line(size_t *at, const char *data, size_t len)
{
	const char *end = *at < len ? memchr(data + *at, '\n', len - *at) : NULL;

	if (end)
		*at = (size_t)(end - data) + 1;
	return end != NULL;
}

enum rep_code rep_changeset_erase(struct rep_buf *out, const char *data, size_t len, size_t index,
				  struct rep_error *err)
{
	size_t start = 0, end;

	/* The skeleton and its signature come first. */
	for (size_t i = 0; i < 2; i++)
		if (!skip_line(&start, data, len))
			return rep_fail(err, REP_EINVAL, "erase change %zu: no change set", index);
	for (size_t i = 0; i < index; i++)
		if (!skip_line(&start, data, len))
			return rep_fail(err, REP_ENOTFOUND, "erase change %zu: there are only %zu",
					index, i);
	end = start;
	if (!skip_line(&end, data, len))
		return rep_fail(err, REP_ENOTFOUND, "erase change %zu: there are only %zu", index,
				index);
	rep_buf_put(out, data, start);
	rep_buf_puts(out, "null\n");
	rep_buf_put(out, data + end, len - end);
	return rep_buf_check(out, "erased change set", err);
}
