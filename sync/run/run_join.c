/*
 * Records that are one, in the hands of a run: which they are, and folding them together (core/model/join.h).
 *
 * A record that is alone, as nearly all are, costs one question an entity and run. Of a group the root is what others see; the
 * members that are not keep their own records, so that a change written for one of them folds the whole group again. These are
 * few: after a merge has reached a laptop, edits there are written for the root.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "core/model/join.h"
#include "core/store/aliases.h"
#include "sync/hub/match.h"
#include "sync/run/run.h"

#define KEY_SIZE (REP_DEVICE_LEN + 48)

static enum rep_code no_memory(struct rep_error *err)
{
	return rep_fail(err, REP_ENOMEM, "out of memory");
}

/* ---- who is one ---- */

enum known { UNKNOWN, NONE, SOME };

static enum rep_code may_be_joined(struct rep_run *run, const struct rep_entity *entity, bool *may,
				   struct rep_error *err)
{
	const struct rep_schema *schema = run->hub->schema;
	size_t at = (size_t)(entity - schema->entities);
	bool any = false;
	enum rep_code rc = REP_OK;

	if (!run->aliased && !(run->aliased = calloc(schema->entities_len, 1)))
		return no_memory(err);
	if (run->aliased[at] == UNKNOWN) {
		rc = rep_aliases_any(run->hub->db, entity->name, &any, err);
		run->aliased[at] = any ? SOME : NONE;
	}
	*may = run->aliased[at] == SOME;
	return rc;
}

static const char *created_of(const struct rep_touched *touched)
{
	return touched->folded.record ? touched->folded.record->created.text : NULL;
}

/* Made first, then smaller; who has no record comes last. */
static bool is_before(const struct rep_touched *a, const struct rep_touched *b)
{
	const char *x = created_of(a), *y = created_of(b);
	int order = x && y ? rep_stamp_compare(x, y) : (x == NULL) - (y == NULL);

	return order ? order < 0 : strcmp(a->id, b->id) < 0;
}

static void unlink_members(struct rep_touched *root)
{
	for (size_t i = 0; i < root->members_len; i++)
		root->members[i]->root = root->members[i];
	free(root->members);
	root->members = NULL;
	root->members_len = 0;
}

/* Takes `members`, which are by id, in place of what any of them was one with before. */
static void link_members(struct rep_touched **members, size_t len, struct rep_touched *root)
{
	for (size_t i = 0; i < len; i++)
		unlink_members(members[i]);
	for (size_t i = 0; i < len; i++)
		members[i]->root = root;
	root->members = members;
	root->members_len = len;
}

static struct rep_touched *first_of(struct rep_touched **members, size_t len)
{
	struct rep_touched *root = members[0];

	for (size_t i = 1; i < len; i++)
		if (is_before(members[i], root))
			root = members[i];
	return root;
}

static void note_last(struct rep_touched *root, const struct rep_touched *other)
{
	const struct rep_edit mine = {.stamp = root->last_stamp,
				      .device = root->last_device,
				      .seq = root->last_seq,
				      .index = root->last_index};
	const struct rep_edit theirs = {.stamp = other->last_stamp,
					.device = other->last_device,
					.seq = other->last_seq,
					.index = other->last_index};

	if (!other->has_last || (root->has_last && rep_edit_compare(&mine, &theirs) >= 0))
		return;
	root->has_last = true;
	memcpy(root->last_stamp, other->last_stamp, sizeof root->last_stamp);
	memcpy(root->last_device, other->last_device, sizeof root->last_device);
	root->last_seq = other->last_seq;
	root->last_index = other->last_index;
}

/* The records of the group in the run's hands; NULL where it is one alone. */
static enum rep_code touch_group(struct rep_run *run, const struct rep_entity *entity,
				 const char *id, struct rep_touched ***out, size_t *len,
				 struct rep_error *err)
{
	struct rep_group group = {0};
	struct rep_touched **members = NULL;
	bool nested = run->joining;
	enum rep_code rc = rep_group_load(&group, run->hub->db, entity->name, id, err);

	*out = NULL;
	*len = group.len;
	if (rc == REP_OK && group.len > 1 && !(members = calloc(group.len, sizeof(*members))))
		rc = no_memory(err);
	run->joining = true;
	for (size_t i = 0; rc == REP_OK && members && i < group.len; i++)
		rc = rep_run_touch(run, entity, group.ids[i], &members[i], err);
	run->joining = nested;
	rep_group_clear(&group);
	if (rc == REP_OK)
		*out = members;
	else
		free(members);
	return rc;
}

enum rep_code rep_run_join(struct rep_run *run, struct rep_touched *touched, struct rep_error *err)
{
	struct rep_touched **members = NULL;
	size_t len = 0;
	bool may = false;
	enum rep_code rc = may_be_joined(run, touched->entity, &may, err);

	if (rc == REP_OK && may)
		rc = touch_group(run, touched->entity, touched->id, &members, &len, err);
	if (rc != REP_OK || !members)
		return rc;
	link_members(members, len, first_of(members, len));
	for (size_t i = 0; i < len; i++)
		note_last(touched->root, members[i]);
	return REP_OK;
}

/* ---- folding a group ---- */

struct group {
	struct rep_run *run;
	struct rep_touched **members; /* by id */
	size_t len;
	struct rep_touched *alone; /* what each is by itself */
	struct rep_json *moves; /* change -> where it moved its own record that is not the root */
	struct rep_touched *root;
	struct rep_refold *refold;
};

static void key_of(char out[KEY_SIZE], const struct rep_indexed *change)
{
	snprintf(out, KEY_SIZE, "%s/%lld/%u", change->device, (long long)change->edit.seq,
		 change->edit.index);
}

static size_t place_of(const struct group *group, const char *id)
{
	size_t at = 0;

	while (at + 1 < group->len && strcmp(group->members[at]->id, id) != 0)
		at++;
	return at;
}

static enum rep_code fold_alone(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct group *group = user;
	struct rep_json *outcome = NULL;
	const struct rep_json *moved;
	char key[KEY_SIZE];
	enum rep_code rc;

	if (change->held || !change->edit.line)
		return REP_OK;
	rc = rep_run_fold_one(group->run, &group->alone[place_of(group, change->id)], &change->edit,
			      &outcome, err);
	moved = rep_json_get(outcome, "moved");
	key_of(key, change);
	if (rc == REP_OK && moved && !rep_json_set(group->moves, key, rep_json_ref(moved)))
		rc = no_memory(err);
	rep_json_free(outcome);
	return rc;
}

/* Beside the outcome, where the change moved its own record. */
static enum rep_code add_move(const struct group *group, const struct rep_indexed *change,
			      struct rep_json **outcome, struct rep_error *err)
{
	const struct rep_json *moved;
	char key[KEY_SIZE];

	key_of(key, change);
	moved = rep_json_get(group->moves, key);
	if (!moved || strcmp(change->id, group->root->id) == 0)
		return REP_OK;
	if (!*outcome) {
		*outcome = rep_json_object();
		if (!rep_json_set_string(*outcome, "outcome", rep_outcome_name(REP_APPLIED)))
			return no_memory(err);
	}
	return rep_json_set(*outcome, "moved", rep_json_ref(moved)) ? REP_OK : no_memory(err);
}

static enum rep_code fold_joined(void *user, struct rep_indexed *change, struct rep_error *err)
{
	struct group *group = user;
	struct rep_json *outcome = NULL;
	enum rep_code rc;

	if (change->held)
		return REP_OK;
	if (!change->edit.line)
		return rep_refold_erased(group->refold, change, err);
	rc = rep_run_fold_one(group->run, group->root, &change->edit, &outcome, err);
	if (rc == REP_OK)
		rc = add_move(group, change, &outcome, err);
	if (rc == REP_OK)
		rc = rep_refold_keep(group->refold, group->root, change, outcome, err);
	rep_json_free(outcome);
	return rc;
}

/* Its own record beneath a tombstone, and no items. */
static enum rep_code bury(struct group *group, size_t at, const struct rep_edges *edges,
			  struct rep_error *err)
{
	struct rep_touched *touched = group->members[at];
	struct rep_folded *alone = &group->alone[at].folded;
	const struct rep_edge *edge = rep_join_newest(edges, touched->id);

	rep_folded_clear(&touched->folded);
	touched->has_last = false;
	if (!alone->record || !edge)
		return REP_OK;
	touched->folded.record = alone->record;
	alone->record = NULL;
	rep_json_free(touched->folded.record->deleted);
	touched->folded.record->deleted = rep_join_tombstone(edge, group->root->id);
	return touched->folded.record->deleted ? REP_OK : no_memory(err);
}

static enum rep_code each_change(struct group *group,
				 enum rep_code (*each)(void *user, struct rep_indexed *change,
						       struct rep_error *err),
				 struct rep_error *err)
{
	struct rep_changes_query query = {.entity = group->members[0]->entity->name,
					  .ids_len = group->len};
	const char **ids = calloc(group->len, sizeof(*ids));
	enum rep_code rc;

	if (!ids)
		return no_memory(err);
	for (size_t i = 0; i < group->len; i++)
		ids[i] = group->members[i]->id;
	query.ids = ids;
	rc = rep_changes_each(group->run->hub->db, &query, each, group, err);
	free(ids);
	return rc;
}

static enum rep_code each_alone(struct group *group, struct rep_error *err)
{
	const int first = rep_versions_first(group->run->hub->versions);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < group->len; i++) {
		group->alone[i] = (struct rep_touched){.entity = group->members[i]->entity,
						       .id = group->members[i]->id,
						       .shape = first};
		group->alone[i].root = &group->alone[i];
		rc = rep_work_moved_clear(group->run->hub->db, group->members[i]->entity->name,
					  group->members[i]->id, err);
	}
	if (rc == REP_OK)
		rc = each_change(group, fold_alone, err);
	for (size_t i = 0; rc == REP_OK && i < group->len; i++)
		rc = rep_run_shape(group->run, &group->alone[i], group->run->hub->schema->version,
				   err);
	return rc;
}

static void find_root(struct group *group)
{
	size_t root = 0;

	for (size_t i = 1; i < group->len; i++)
		if (is_before(&group->alone[i], &group->alone[root]))
			root = i;
	group->root = group->members[root];
	link_members(group->members, group->len, group->root);
}

static enum rep_code fold_group(struct group *group, struct rep_error *err)
{
	struct rep_group edges = {0};
	struct rep_db *db = group->run->hub->db;
	const char *entity = group->members[0]->entity->name;
	enum rep_code rc = each_alone(group, err);

	if (rc == REP_OK)
		find_root(group);
	if (rc == REP_OK)
		rc = rep_group_load(&edges, db, entity, group->root->id, err);
	for (size_t i = 0; rc == REP_OK && i < group->len; i++)
		if (group->members[i] != group->root)
			rc = bury(group, i, &edges.edges, err);
	rep_group_clear(&edges);
	if (rc != REP_OK)
		return rc;
	rep_folded_clear(&group->root->folded);
	group->root->has_last = false;
	group->root->shape = rep_versions_first(group->run->hub->versions);
	rc = rep_work_moved_clear(db, entity, group->root->id, err);
	if (rc == REP_OK)
		rc = each_change(group, fold_joined, err);
	return rc == REP_OK ? rep_run_shape(group->run, group->root,
					    group->run->hub->schema->version, err)
			    : rc;
}

/* Takes `members`. */
static enum rep_code refold_group(struct rep_run *run, struct rep_touched **members, size_t len,
				  struct rep_refold *refold, struct rep_error *err)
{
	struct group group = {.run = run,
			      .members = members,
			      .len = len,
			      .alone = calloc(len, sizeof *group.alone),
			      .moves = rep_json_object(),
			      .root = members[0],
			      .refold = refold};
	enum rep_code rc = group.alone && group.moves ? fold_group(&group, err) : no_memory(err);

	if (group.root->members != members)
		free(members);
	for (size_t i = 0; group.alone && i < len; i++)
		rep_folded_clear(&group.alone[i].folded);
	free(group.alone);
	rep_json_free(group.moves);
	return rc;
}

/* ---- folding again whoever may be concerned ---- */

struct concerned {
	struct rep_touched **list;
	size_t len;
};

static enum rep_code add_concerned(struct concerned *concerned, struct rep_touched *touched,
				   struct rep_error *err)
{
	const struct rep_touched *root = touched->root;
	size_t len = root->members_len ? root->members_len : 1;
	struct rep_touched **list =
		reallocarray(concerned->list, concerned->len + len, sizeof(*list));

	if (!list)
		return no_memory(err);
	concerned->list = list;
	for (size_t i = 0; i < len; i++) {
		struct rep_touched *one = root->members_len ? root->members[i] : touched;
		bool known = false;

		for (size_t k = 0; k < concerned->len && !known; k++)
			known = list[k] == one;
		if (!known)
			list[concerned->len++] = one;
	}
	return REP_OK;
}

/* The group of `touched` as the edges have it now. */
static enum rep_code refold_one(struct rep_run *run, struct rep_touched *touched,
				struct rep_refold *refold, struct rep_error *err)
{
	struct rep_touched **members = NULL;
	size_t len = 1;
	bool may = false;
	enum rep_code rc = may_be_joined(run, touched->entity, &may, err);

	if (rc == REP_OK && may)
		rc = touch_group(run, touched->entity, touched->id, &members, &len, err);
	if (rc != REP_OK)
		return rc;
	for (size_t i = 0; members && i < len; i++)
		members[i]->refolded = true;
	touched->refolded = true;
	return members ? refold_group(run, members, len, refold, err)
		       : rep_refold_alone(run, touched, refold, err);
}

/*
 * Rows last, and of all: an item that one had is another's now, so that what goes, goes before anything is written.
 */
static enum rep_code refold_concerned(struct rep_run *run, struct concerned *concerned,
				      struct rep_error *err)
{
	struct rep_refold refold = {.run = run};
	enum rep_code rc = REP_OK;

	for (size_t i = 0; i < concerned->len; i++) {
		concerned->list[i]->refolded = false;
		unlink_members(concerned->list[i]);
	}
	for (size_t i = 0; rc == REP_OK && i < concerned->len; i++)
		if (!concerned->list[i]->refolded)
			rc = refold_one(run, concerned->list[i], &refold, err);
	if (rc == REP_OK)
		rc = rep_refold_record(&refold, err);
	rep_refold_clear(&refold);
	for (size_t i = 0; rc == REP_OK && i < concerned->len; i++)
		rc = rep_run_rows_drop(run, concerned->list[i], err);
	for (size_t i = 0; rc == REP_OK && i < concerned->len; i++)
		rc = rep_run_rows_put(run, concerned->list[i], err);
	return rc;
}

enum rep_code rep_run_refold(struct rep_run *run, struct rep_touched *touched,
			     struct rep_error *err)
{
	struct concerned concerned = {0};
	enum rep_code rc = add_concerned(&concerned, touched, err);

	if (rc == REP_OK)
		rc = refold_concerned(run, &concerned, err);
	free(concerned.list);
	return rep_wrap(err, rc, "fold %s %s again", touched->entity->name, touched->id);
}

enum rep_code rep_run_follow_all(struct rep_run *run, struct rep_touched *touched,
				 struct rep_error *err)
{
	struct concerned concerned = {0};
	enum rep_code rc = add_concerned(&concerned, touched, err);

	for (size_t i = 0; rc == REP_OK && i < concerned.len; i++)
		rc = rep_run_follow(run, concerned.list[i], err);
	free(concerned.list);
	return rc;
}

enum rep_code rep_run_places(struct rep_run *run, struct rep_touched *touched, struct rep_buf *out,
			     struct rep_error *err)
{
	struct concerned concerned = {0};
	enum rep_code rc = add_concerned(&concerned, touched, err);

	for (size_t i = 0; rc == REP_OK && i < concerned.len; i++) {
		const struct rep_touched *one = concerned.list[i];

		rep_buf_printf(out, "%s %s ", one->root->id,
			       one->folded.record ? one->folded.record->partition : "-");
		rc = rep_work_moves(run->hub->db, one->entity->name, one->id, out, err);
	}
	free(concerned.list);
	return rc == REP_OK ? rep_buf_check(out, "where a record lay", err) : rc;
}

/* ---- a pair joined or taken apart ---- */

/* Items that ask of any two of them, which may have their answer now. */
static enum rep_code note_items(struct rep_run *run, const struct concerned *concerned,
				struct rep_error *err)
{
	const struct rep_entity *kind = rep_schema_entity(run->hub->schema, "duplicate");
	struct rep_buf partition = REP_BUF_INIT(256);
	char id[REP_UUID_LEN + 1];
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && kind && run->total && i < concerned->len; i++)
		for (size_t k = i + 1; rc == REP_OK && k < concerned->len; k++) {
			rep_duplicate_id(id, concerned->list[i]->entity->name,
					 concerned->list[i]->id, concerned->list[k]->id);
			rep_buf_reset(&partition);
			rc = rep_row_partition(run->hub->db, kind, id, &partition, err);
			if (rc == REP_OK && partition.len)
				rc = rep_match_note(run->hub, kind->name, id, err);
		}
	rep_buf_clear(&partition);
	return rc;
}

enum rep_code rep_run_regroup(struct rep_run *run, struct rep_touched *touched, const char *into,
			      struct rep_error *err)
{
	struct concerned concerned = {0};
	struct rep_touched *other;
	enum rep_code rc = rep_run_touch(run, touched->entity, into, &other, err);

	if (rc == REP_OK)
		rc = add_concerned(&concerned, touched, err);
	if (rc == REP_OK)
		rc = add_concerned(&concerned, other, err);
	if (rc == REP_OK && run->aliased)
		run->aliased[touched->entity - run->hub->schema->entities] = SOME;
	if (rc == REP_OK)
		rc = refold_concerned(run, &concerned, err);
	for (size_t i = 0; rc == REP_OK && i < concerned.len; i++)
		rc = rep_run_follow(run, concerned.list[i], err);
	if (rc == REP_OK)
		rc = note_items(run, &concerned, err);
	free(concerned.list);
	return rep_wrap(err, rc, "%s %s and %s", touched->entity->name, touched->id, into);
}
