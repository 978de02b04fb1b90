/*
 * JSON as repsync stores and signs it: canonical bytes, integers, no floats. Wraps Jansson.
 *
 * Canonical: UTF-8 in NFC without NUL; keys sorted by their bytes; no white space; only `\" \\ \b \f
 * \n \r \t` and other controls as \u00xx (lower case) escaped; integers within +-(2^53-1). Not RFC
 * 8785, which sorts by UTF-16 units. Values are reference counted: `new`, `parse`, `dup`, `ref` give
 * the caller a reference, `get` borrows, `set` and `append` take over the reference they are given
 * (also when they fail). NULL stands for "no memory" and may be passed anywhere: `set` and `append` of
 * or to it give false, so that a tree may be built in one go and the ands of their results tested once.
 */
#ifndef REPSYNC_CORE_BASE_JSON_H
#define REPSYNC_CORE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"

struct rep_json;

enum rep_json_type {
	REP_JSON_NULL,
	REP_JSON_BOOL,
	REP_JSON_INTEGER,
	REP_JSON_STRING,
	REP_JSON_ARRAY,
	REP_JSON_OBJECT,
};

/*
 * Reads canonical bytes: anything a canonical writer would not have written (white space, order,
 * escapes, duplicate keys, floats, not NFC, trailing bytes, nesting above `depth_max`) is REP_EINVAL
 * with the byte offset. `len` above REP_LINE_SIZE_MAX is REP_ELIMIT, before anything is allocated.
 */
REP_CHECK enum rep_code rep_json_parse_canonical(struct rep_json **out, const char *data,
						 size_t len, unsigned depth_max,
						 struct rep_error *err);

/*
 * Reads JSON that people write (schema, mappings, arguments, record files): white space and any key
 * order are fine; duplicate keys, floats, NUL, not NFC, trailing bytes, depth are not. Messages give
 * line and column. `size_max` bounds `len`.
 */
REP_CHECK enum rep_code rep_json_parse(struct rep_json **out, const char *data, size_t len,
				       size_t size_max, unsigned depth_max, struct rep_error *err);

/*
 * Would a reader take the canonical form of a tree that the program built: NFC, integers within
 * 2^53-1, nesting up to `depth_max`? To be asked before a document is signed or stored. NULL counts as
 * "no memory".
 */
REP_CHECK enum rep_code rep_json_check(const struct rep_json *value, unsigned depth_max,
				       struct rep_error *err);

/* Appends the canonical form. A float or NULL inside marks the buffer as failed. */
void rep_json_write(struct rep_buf *out, const struct rep_json *value);
/* The canonical form as a string the caller frees; NULL without memory. */
char *rep_json_text(const struct rep_json *value);
/* Appends a canonical JSON string literal of `text`. */
void rep_json_write_string(struct rep_buf *out, const char *text, size_t len);

enum rep_json_type rep_json_type(const struct rep_json *value); /* NULL counts as null */
bool rep_json_is(const struct rep_json *value, enum rep_json_type type);
bool rep_json_equal(const struct rep_json *a, const struct rep_json *b); /* NULL equals null */
struct rep_json *rep_json_ref(const struct rep_json *value);
struct rep_json *rep_json_dup(const struct rep_json *value); /* deep */
void rep_json_free(struct rep_json *value);                  /* drops one reference; NULL is fine */

struct rep_json *rep_json_null(void);
struct rep_json *rep_json_bool(bool value);
struct rep_json *rep_json_integer(int64_t value);
struct rep_json *rep_json_string(const char *text); /* NULL when not UTF-8 */
struct rep_json *rep_json_string_n(const char *text, size_t len);
struct rep_json *rep_json_array(void);
struct rep_json *rep_json_object(void);

bool rep_json_bool_value(const struct rep_json *value);       /* false unless true */
int64_t rep_json_integer_value(const struct rep_json *value); /* 0 unless an integer */
const char *rep_json_string_value(
	const struct rep_json *value); /* NULL unless a string; borrowed */

struct rep_json *rep_json_get(const struct rep_json *object,
			      const char *key); /* borrowed or NULL */
const char *rep_json_get_string(const struct rep_json *object, const char *key); /* or NULL */
int64_t rep_json_get_integer(const struct rep_json *object, const char *key);    /* or 0 */
bool rep_json_get_bool(const struct rep_json *object, const char *key);
bool rep_json_set(struct rep_json *object, const char *key,
		  struct rep_json *value); /* takes value */
bool rep_json_set_string(struct rep_json *object, const char *key, const char *text);
bool rep_json_set_integer(struct rep_json *object, const char *key, int64_t value);
void rep_json_del(struct rep_json *object, const char *key);
size_t rep_json_size(const struct rep_json *object_or_array); /* 0 for anything else */

struct rep_json *rep_json_at(const struct rep_json *array, size_t index); /* borrowed or NULL */
bool rep_json_append(struct rep_json *array, struct rep_json *value);     /* takes value */
bool rep_json_insert(struct rep_json *array, size_t index, struct rep_json *value);
void rep_json_remove(struct rep_json *array, size_t index);

/*
 * Walks an object in insertion order (sorted bytes after a canonical parse). Deleting the current
 * key ends the walk's validity.
 *	for (void *it = rep_json_iter(o); it; it = rep_json_iter_next(o, it))
 */
void *rep_json_iter(const struct rep_json *object);
void *rep_json_iter_next(const struct rep_json *object, void *iter);
const char *rep_json_iter_key(void *iter);
struct rep_json *rep_json_iter_value(void *iter);

/* Must be called once at start by main programs: hash seed fixed, so that runs are repeatable. */
void rep_json_init(void);

#endif
