#include "sync/git/oidmap.h"

#include <stdlib.h>
#include <string.h>

#define CAP_MIN 1024u

static struct rep_oidmap_slot *slot_of(const struct rep_oidmap *map, const struct rep_oid *oid)
{
	size_t at;

	memcpy(&at, oid->bytes, sizeof at);
	for (at &= map->cap - 1;; at = (at + 1) & (map->cap - 1)) {
		struct rep_oidmap_slot *slot = &map->slots[at];

		if (!slot->value_plus_one || rep_oid_equal(&slot->oid, oid))
			return slot;
	}
}

uint32_t rep_oidmap_get(const struct rep_oidmap *map, const struct rep_oid *oid)
{
	const struct rep_oidmap_slot *slot = map->cap ? slot_of(map, oid) : NULL;

	return slot && slot->value_plus_one ? slot->value_plus_one - 1 : REP_OIDMAP_NONE;
}

static bool grow(struct rep_oidmap *map)
{
	struct rep_oidmap bigger = {.cap = map->cap ? map->cap * 2 : CAP_MIN, .len = map->len};

	bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < map->cap; i++)
		if (map->slots[i].value_plus_one)
			*slot_of(&bigger, &map->slots[i].oid) = map->slots[i];
	free(map->slots);
	*map = bigger;
	return true;
}

bool rep_oidmap_put(struct rep_oidmap *map, const struct rep_oid *oid, uint32_t value)
{
	struct rep_oidmap_slot *slot;

	if (map->len * 2 >= map->cap && !grow(map))
		return false;
	slot = slot_of(map, oid);
	slot->oid = *oid;
	slot->value_plus_one = value + 1;
	map->len++;
	return true;
}

void rep_oidmap_clear(struct rep_oidmap *map)
{
	free(map->slots);
	*map = (struct rep_oidmap){0};
}
