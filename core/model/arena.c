#include "core/model/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A schema of the size of the pharmaceutical one takes about 200 KB: a dozen chunks. */
#define CHUNK_SIZE (16u * 1024u)

struct chunk {
	struct chunk *next;
	size_t used;
	size_t cap;
	alignas(max_align_t) char bytes[];
};

struct kept {
	struct kept *next;
	struct rep_json *json;
	struct rep_pattern *pattern;
};

struct rep_arena {
	struct chunk *chunks; /* the one that grows comes first */
	struct kept *kept;
};

struct rep_arena *rep_arena_new(void)
{
	return calloc(1, sizeof(struct rep_arena));
}

void rep_arena_free(struct rep_arena *arena)
{
	if (!arena)
		return;
	for (struct kept *kept = arena->kept; kept; kept = kept->next) {
		rep_json_free(kept->json);
		rep_pattern_free(kept->pattern);
	}
	while (arena->chunks) {
		struct chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	free(arena);
}

void *rep_arena_get(struct rep_arena *arena, size_t count, size_t size)
{
	const size_t align = alignof(max_align_t);

	if (size && count > (SIZE_MAX / 2 - CHUNK_SIZE) / size)
		return NULL;
	size_t need = (count * size + align - 1) / align * align;
	struct chunk *chunk = arena->chunks;

	if (!chunk || chunk->cap - chunk->used < need) {
		size_t cap = need > CHUNK_SIZE ? need : CHUNK_SIZE;

		chunk = calloc(1, sizeof *chunk + cap);
		if (!chunk)
			return NULL;
		chunk->cap = cap;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	void *out = chunk->bytes + chunk->used;

	chunk->used += need;
	return out;
}

char *rep_arena_text(struct rep_arena *arena, const char *text, size_t len)
{
	char *out = rep_arena_get(arena, len + 1, 1);

	if (out && len)
		memcpy(out, text, len);
	return out;
}

static struct kept *keep(struct rep_arena *arena)
{
	struct kept *kept = rep_arena_get(arena, 1, sizeof *kept);

	if (kept) {
		kept->next = arena->kept;
		arena->kept = kept;
	}
	return kept;
}

struct rep_json *rep_arena_json(struct rep_arena *arena, struct rep_json *value)
{
	struct kept *kept = value ? keep(arena) : NULL;

	if (!kept) {
		rep_json_free(value);
		return NULL;
	}
	kept->json = value;
	return value;
}

struct rep_pattern *rep_arena_pattern(struct rep_arena *arena, struct rep_pattern *pattern)
{
	struct kept *kept = pattern ? keep(arena) : NULL;

	if (!kept) {
		rep_pattern_free(pattern);
		return NULL;
	}
	kept->pattern = pattern;
	return pattern;
}
