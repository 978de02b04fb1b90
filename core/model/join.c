#include "core/model/join.h"

#include <stdlib.h>
#include <string.h>

#include "core/model/id.h"

/* ---- edges ---- */

void rep_edges_clear(struct rep_edges *edges)
{
	free(edges->list);
	*edges = (struct rep_edges){0};
}

static struct rep_edit order_of(const struct rep_edge *edge)
{
	return (struct rep_edit){.stamp = edge->stamp,
				 .device = rep_stamp_device(edge->stamp),
				 .seq = edge->seq,
				 .index = edge->index};
}

static bool is_later(const struct rep_edge *a, const struct rep_edge *b)
{
	const struct rep_edit x = order_of(a), y = order_of(b);

	return rep_edit_compare(&x, &y) > 0;
}

static bool is_pair(const struct rep_edge *edge, const char *loser, const char *into)
{
	return strcmp(edge->loser, loser) == 0 && strcmp(edge->into, into) == 0;
}

enum rep_code rep_edges_add(struct rep_edges *edges, const struct rep_edge *edge,
			    struct rep_error *err)
{
	for (size_t i = 0; i < edges->len; i++) {
		if (!is_pair(&edges->list[i], edge->loser, edge->into))
			continue;
		if (is_later(edge, &edges->list[i]))
			edges->list[i] = *edge;
		return REP_OK;
	}
	if (edges->len == edges->cap) {
		size_t cap = edges->cap ? 2 * edges->cap : 8;
		struct rep_edge *list = reallocarray(edges->list, cap, sizeof *list);

		if (!list)
			return rep_fail(err, REP_ENOMEM, "aliases: no memory");
		edges->list = list;
		edges->cap = cap;
	}
	edges->list[edges->len++] = *edge;
	return REP_OK;
}

const struct rep_edge *rep_join_newest(const struct rep_edges *edges, const char *id)
{
	const struct rep_edge *found = NULL;

	for (size_t i = 0; i < edges->len; i++) {
		const struct rep_edge *edge = &edges->list[i];

		if (edge->stands && (strcmp(edge->loser, id) == 0 || strcmp(edge->into, id) == 0) &&
		    (!found || is_later(edge, found)))
			found = edge;
	}
	return found;
}

const struct rep_edge *rep_join_apart(const struct rep_edges *edges, const char *a, const char *b)
{
	const struct rep_edge *found = NULL;

	for (size_t i = 0; i < edges->len; i++) {
		const struct rep_edge *edge = &edges->list[i];

		if (!is_pair(edge, a, b) && !is_pair(edge, b, a))
			continue;
		if (edge->stands)
			return NULL;
		if (!found || is_later(edge, found))
			found = edge;
	}
	return found;
}

/* ---- groups ---- */

static size_t place_of(const char *const *ids, size_t len, const char *id)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(ids[i], id) == 0)
			return i;
	return len;
}

/* Groups are few and small: the smaller label spreads until nothing changes. */
void rep_join_groups(const struct rep_edges *edges, const char *const *ids, size_t len,
		     size_t *group)
{
	bool changed = true;

	for (size_t i = 0; i < len; i++)
		group[i] = i;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < edges->len; i++) {
			size_t a = place_of(ids, len, edges->list[i].loser);
			size_t b = place_of(ids, len, edges->list[i].into);

			if (!edges->list[i].stands || a == len || b == len || group[a] == group[b])
				continue;
			group[a] = group[b] = group[a] < group[b] ? group[a] : group[b];
			changed = true;
		}
	}
}

size_t rep_join_root(const char *const *ids, const char *const *created, const size_t *group,
		     size_t len, size_t of)
{
	size_t root = len;

	for (size_t i = 0; i < len; i++) {
		int order;

		if (group[i] != of || !created[i])
			continue;
		order = root == len ? -1 : rep_stamp_compare(created[i], created[root]);
		if (order < 0 || (order == 0 && strcmp(ids[i], ids[root]) < 0))
			root = i;
	}
	return root;
}

struct rep_json *rep_join_tombstone(const struct rep_edge *edge, const char *root)
{
	struct rep_json *deleted = rep_json_object();

	if (rep_json_set_string(deleted, "merged_into", root) &&
	    rep_json_set_string(deleted, "rep", edge->rep) &&
	    rep_json_set_string(deleted, "stamp", edge->stamp))
		return deleted;
	rep_json_free(deleted);
	return NULL;
}

/* ---- edits ---- */

/* The name under which the conflict is about `id`, or NULL when `item` is no conflict of it. */
static const char *conflict_name(const struct rep_edit *edit, const char *item,
				 const struct rep_entity *entity)
{
	char id[REP_UUID_LEN + 1];

	rep_review_conflict_id(id, edit->entity, edit->id, "*");
	if (strcmp(id, item) == 0)
		return "*";
	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		const char *name = field->group ? field->group : field->name;

		rep_review_conflict_id(id, edit->entity, edit->id, name);
		if (strcmp(id, item) == 0)
			return name;
	}
	return NULL;
}

enum rep_code rep_join_edit(struct rep_edit *out, struct rep_json **line,
			    const struct rep_edit *edit, const char *root,
			    const struct rep_entity *entity, struct rep_error *err)
{
	const char *item =
		edit->op == REP_OP_RESOLVE ? rep_json_get_string(edit->line, "item") : NULL;
	const char *name =
		item && strcmp(edit->id, root) != 0 ? conflict_name(edit, item, entity) : NULL;
	char id[REP_UUID_LEN + 1];

	*out = *edit;
	*line = NULL;
	out->own = edit->id;
	out->id = root;
	if (!name)
		return REP_OK;
	rep_review_conflict_id(id, edit->entity, root, name);
	*line = rep_json_dup(edit->line);
	if (!*line || !rep_json_set_string(*line, "item", id))
		return rep_fail(err, REP_ENOMEM, "value line: no memory");
	out->line = *line;
	return REP_OK;
}
