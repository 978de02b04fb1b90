/*
 * An arena: small pieces of memory that live and die together. A schema is built of thousands of
 * little arrays and is freed as a whole.
 *
 * Besides bytes it keeps JSON values and patterns that must be released with it. Belongs to one
 * thread while it grows.
 */
#ifndef REPSYNC_CORE_MODEL_ARENA_H
#define REPSYNC_CORE_MODEL_ARENA_H

#include <stddef.h>

#include "core/base/json.h"
#include "core/model/pattern.h"

struct rep_arena;

struct rep_arena *rep_arena_new(void); /* NULL without memory */
void rep_arena_free(struct rep_arena *arena);
/* Zeroed, aligned for any type; NULL without memory or when count * size overflows. */
void *rep_arena_get(struct rep_arena *arena, size_t count, size_t size);
char *rep_arena_text(struct rep_arena *arena, const char *text, size_t len);
/* Keeps the reference (frees it at once when it cannot) and gives it back, borrowed. */
struct rep_json *rep_arena_json(struct rep_arena *arena, struct rep_json *value);
struct rep_pattern *rep_arena_pattern(struct rep_arena *arena, struct rep_pattern *pattern);

#endif
