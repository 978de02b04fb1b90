/*
 * Which records are one.
 *
 * An alias edge (loser, into) is an element of a set, by its latest alias or unalias that admission let through. Records
 * that edges which stand connect are a group: their changes are folded together, as if written for the root's id. The
 * root is the one made first (stamp of the insert, then id); the direction of an edge says nothing of it. Every other
 * member keeps what its own changes make of it alone, beneath a tombstone that names the root, so that taking the group
 * apart is folding each without the others. docs/rules.md, "Records that are one".
 *
 * Pure, like the fold. All the edges of an entity that touch a group are given, in any order.
 */
#ifndef REPSYNC_CORE_MODEL_JOIN_H
#define REPSYNC_CORE_MODEL_JOIN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/limits.h"
#include "core/model/fold.h"

/* The latest word on a pair. */
struct rep_edge {
	char loser[REP_ID_LEN_MAX + 1], into[REP_ID_LEN_MAX + 1];
	char stamp[REP_STAMP_LEN + 1]; /* effective */
	char rep[REP_ID_LEN_MAX + 1];
	int64_t seq;
	unsigned index;
	bool stands; /* an alias; else an unalias */
};
struct rep_edges {
	struct rep_edge *list;
	size_t len, cap;
};
void rep_edges_clear(struct rep_edges *edges);
/* Adds an alias or unalias, where it is later than what is known of its pair. Fails only for want of memory. */
REP_CHECK enum rep_code rep_edges_add(struct rep_edges *edges, const struct rep_edge *edge,
				      struct rep_error *err);

/*
 * group[i] = the index of the first of `ids` that is one with ids[i]: itself where none comes before it. Edges that lead
 * to an id which is not among them count for nothing.
 */
void rep_join_groups(const struct rep_edges *edges, const char *const *ids, size_t len,
		     size_t *group);
/*
 * The root of the group `of`: created[i] = the stamp of what made the record, folded alone; NULL = there is none.
 * `len` when no member of the group has a record.
 */
size_t rep_join_root(const char *const *ids, const char *const *created, const size_t *group,
		     size_t len, size_t of);
/* The newest edge that stands and touches `id`, or NULL. Borrowed. */
const struct rep_edge *rep_join_newest(const struct rep_edges *edges, const char *id);
/* Did somebody say of the pair, last, that it is two? The later word, or NULL. Borrowed. */
const struct rep_edge *rep_join_apart(const struct rep_edges *edges, const char *a, const char *b);
/* `deleted` of a member that is not the root. New reference; NULL without memory. */
struct rep_json *rep_join_tombstone(const struct rep_edge *edge, const char *root);

/*
 * The edit as one of the root's: *out has the root's id and remembers its own in `own`. A decision on a conflict item of
 * its own record is one on the root's. *line is what had to be made anew for that, or NULL; the caller's.
 */
REP_CHECK enum rep_code rep_join_edit(struct rep_edit *out, struct rep_json **line,
				      const struct rep_edit *edit, const char *root,
				      const struct rep_entity *entity, struct rep_error *err);

#endif
