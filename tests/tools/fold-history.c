#include "fold-history.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/join.h"

static struct target *target_of(struct history *history, const struct rep_edit *edit)
{
	for (size_t i = 0; i < history->targets_len; i++) {
		struct target *target = &history->targets[i];
		if (strcmp(target->entity, edit->entity) == 0 && strcmp(target->id, edit->id) == 0)
			return target;
	}
	if (history->targets_len == RECORDS_MAX)
		die("too many records", NULL);
	struct target *target = &history->targets[history->targets_len++];
	*target = (struct target){.entity = edit->entity, .id = edit->id};
	target->shape = history->versions ? rep_versions_first(history->versions) : 0;
	return target->root = target;
}

/* ---- one edit ---- */

/* Did admission keep this field of the device's own change with this stamp out of the record, or of one joined with it? */
static bool is_refused(void *user, const char *field, const char *stamp)
{
	struct history *history = user;
	const struct target *mine = target_of(history, &history->edits[history->current]);

	if (history->mode == MODE_SAW_FAULT)
		return true;
	if (!rep_stamp_valid(stamp) ||
	    strcmp(rep_stamp_device(stamp), history->edits[history->current].device) != 0)
		return false;
	for (size_t i = 0; i < history->len; i++) {
		const struct rep_edit *edit = &history->edits[i];
		const char *name = field;
		struct rep_error err;
		if (!edit->verdict || strcmp(edit->stamp, stamp) != 0 ||
		    strcmp(edit->entity, mine->entity) != 0 ||
		    target_of(history, edit)->root != mine->root)
			continue;
		if (history->versions &&
		    rep_version_name(history->versions, edit->entity, field,
				     history->judged[history->current], edit->version, &name, &err))
			die("name", &err);
		if (rep_json_get_string(rep_json_get(edit->verdict, name ? name : field),
					"outcome") ||
		    rep_json_get_string(rep_json_get(edit->verdict, "*"), "outcome"))
			return true;
	}
	return false;
}

/* The latest edit before i with this stamp, of the same record or, `joined`, of those that are one with it; false when there is none. */
static bool find_rival(struct history *history, size_t i, const char *stamp, bool joined,
		       size_t *out)
{
	const struct target *mine = target_of(history, &history->edits[i]);
	bool found = false;

	for (size_t t = 0; t < history->targets_len; t++) {
		const struct target *target = &history->targets[t];
		if (target != mine && !(joined && target->root == mine->root))
			continue;
		for (size_t j = 0; j < target->edits_len; j++) {
			size_t at = target->edits[j];
			const struct rep_edit *edit = &history->edits[at];
			if (strcmp(edit->stamp, stamp) != 0 ||
			    rep_edit_compare(edit, &history->edits[i]) >= 0 ||
			    (found && rep_edit_compare(edit, &history->edits[*out]) < 0))
				continue;
			found = true;
			*out = at;
		}
	}
	return found;
}

/* ---- versions of the schema ---- */

static void reshape(struct history *history, struct target *target, int number)
{
	struct rep_error err;

	if (target->shape < number &&
	    rep_version_migrate(history->versions, target->entity, &target->folded, target->shape,
				number, &err))
		die("migrate", &err);
	if (target->shape < number)
		target->shape = number;
}

/* The edit as the version that judges it reads it, and that version's context. */
static const struct rep_fold_context *read_as(struct history *history, const struct rep_edit *edit,
					      int least, struct rep_era_edit *read)
{
	const struct rep_fold_context *context = &history->context;
	struct rep_error err;

	*read = (struct rep_era_edit){.edit = *edit};
	if (!history->versions)
		return context;
	if (rep_eras_read(history->eras, edit, least, read, &err) ||
	    rep_eras_context(history->eras, read->number, &context, &err))
		die("version", &err);
	return context;
}

static int newest(const struct history *history)
{
	return history->versions ? rep_versions_newest(history->versions) : 0;
}

/* ---- folding ---- */

/* {name in this version: name in the outcome of the rival}. */
static struct rep_json *names_in(struct history *history, const struct rep_edit *rival, int number,
				 int told)
{
	const struct rep_json *values = rep_json_get(rival->line, "values");
	struct rep_json *names = rep_json_object();

	for (void *it = values ? rep_json_iter(values) : NULL; it;
	     it = rep_json_iter_next(values, it)) {
		const char *name;
		struct rep_error err;
		if (rep_version_name(history->versions, rival->entity, rep_json_iter_key(it),
				     number, told, &name, &err))
			die("name", &err);
		if (name)
			rep_json_set_string(names, rep_json_iter_key(it), name);
	}
	return names;
}

/* What edit i made of earlier ones goes into their outcomes. */
static void tell_rivals(struct history *history, const struct rep_folded *folded, size_t i,
			bool joined)
{
	struct rep_error err;

	for (size_t m = 0; m < rep_json_size(folded->met); m++) {
		const struct rep_json *met = rep_json_at(folded->met, m);
		const struct rep_fold_context *context;
		struct rep_json *told, *names = NULL;
		struct rep_era_edit read;
		size_t rival = 0;
		if (!find_rival(history, i, rep_json_get_string(met, "rival"), joined, &rival))
			continue;
		context = read_as(history, &history->edits[rival], history->judged[i], &read);
		if (history->versions && history->judged[rival] != history->judged[i])
			names = names_in(history, &read.edit, history->judged[i],
					 history->judged[rival]);
		if (rep_outcome_met(&told, history->outcomes[rival], &read.edit,
				    rep_schema_entity(context->schema, read.edit.entity), met,
				    names, &err))
			die("outcome", &err);
		rep_json_free(history->outcomes[rival]);
		history->outcomes[rival] = told;
		rep_json_free(names);
		rep_era_edit_clear(&read);
	}
}

/* Folds edit i onto the target's record; as one of `root`'s where that is given. */
static void fold(struct history *history, struct target *target, size_t i, const char *root)
{
	struct rep_folded *folded = &target->folded;
	const struct rep_fold_context *context;
	struct rep_json *line, *joined = NULL;
	struct rep_era_edit read;
	struct rep_edit edit;
	struct rep_error err;

	history->current = i;
	context = read_as(history, &history->edits[i], target->shape, &read);
	history->judged[i] = read.number;
	reshape(history, target, read.number);
	edit = read.edit;
	if (rep_edit_forget(&line, edit.line, is_refused, history, &err))
		die("line", &err);
	edit.line = line ? line : edit.line;
	if (root && rep_join_edit(&edit, &joined, &edit, root,
				  rep_schema_entity(context->schema, edit.entity), &err))
		die("join", &err);
	rep_json_free(history->outcomes[i]);
	if (rep_fold(folded, &edit, context, &history->outcomes[i], &err))
		die("fold", &err);
	tell_rivals(history, folded, i, root != NULL);
	rep_json_free(joined);
	rep_json_free(line);
	rep_era_edit_clear(&read);
}

/* ---- groups ---- */

static bool is_edge(const struct rep_edit *edit)
{
	const char *whole = rep_json_get_string(rep_json_get(edit->verdict, "*"), "outcome");

	return (edit->op == REP_OP_ALIAS || edit->op == REP_OP_UNALIAS) && !whole;
}

static void add_edges(struct history *history, const struct target *target, struct rep_edges *edges)
{
	struct rep_error err;

	for (size_t i = 0; i < target->edits_len; i++) {
		const struct rep_edit *edit = &history->edits[target->edits[i]];
		struct rep_edge edge = {
			.seq = edit->seq, .index = edit->index, .stands = edit->op == REP_OP_ALIAS};
		if (!is_edge(edit))
			continue;
		strncpy(edge.loser, edit->id, REP_ID_LEN_MAX);
		strncpy(edge.into, rep_json_get_string(edit->line, "into"), REP_ID_LEN_MAX);
		strncpy(edge.stamp, edit->stamp, REP_STAMP_LEN);
		strncpy(edge.rep, edit->rep, REP_ID_LEN_MAX);
		if (rep_edges_add(edges, &edge, &err))
			die("edges", &err);
	}
}

/* Whom an alias names may have no edits yet. */
static void add_named(struct history *history, const char *entity)
{
	for (size_t i = 0; i < history->targets_len; i++)
		for (size_t j = 0; j < history->targets[i].edits_len; j++) {
			struct rep_edit edit = history->edits[history->targets[i].edits[j]];
			if (strcmp(edit.entity, entity) != 0 || !is_edge(&edit))
				continue;
			edit.id = rep_json_get_string(edit.line, "into");
			target_of(history, &edit);
		}
}

static const struct history *sorted_history;

static int compare_indexes(const void *a, const void *b)
{
	return rep_edit_compare(&sorted_history->edits[*(const size_t *)a],
				&sorted_history->edits[*(const size_t *)b]);
}

static void fold_alone(struct history *history, struct target *target)
{
	rep_folded_clear(&target->folded);
	target->shape = history->versions ? rep_versions_first(history->versions) : 0;
	for (size_t i = 0; i < target->edits_len; i++)
		fold(history, target, target->edits[i], NULL);
	reshape(history, target, newest(history));
}

static void fold_joined(struct history *history, struct target *root)
{
	size_t all[EDITS_MAX], len = 0;

	for (size_t i = 0; i < history->targets_len; i++) {
		const struct target *target = &history->targets[i];
		if (target->root != root)
			continue;
		memcpy(all + len, target->edits, target->edits_len * sizeof(*all));
		len += target->edits_len;
	}
	sorted_history = history;
	if (history->mode != MODE_ORDER_FAULT)
		qsort(all, len, sizeof(*all), compare_indexes);
	rep_folded_clear(&root->folded);
	for (size_t i = 0; i < len; i++)
		fold(history, root, all[i], root->id);
}

/* What a member that is not the root shows: its own record beneath a tombstone, and no items. */
static void bury(struct target *target, const struct rep_edges *edges)
{
	struct rep_folded *folded = &target->folded;

	for (size_t i = 0; i < folded->reviews_len; i++)
		rep_record_free(folded->reviews[i]);
	folded->reviews_len = 0;
	if (!folded->record)
		return;
	rep_json_free(folded->record->deleted);
	folded->record->deleted =
		rep_join_tombstone(rep_join_newest(edges, target->id), target->root->id);
}

struct members {
	struct target *targets[RECORDS_MAX];
	const char *ids[RECORDS_MAX], *created[RECORDS_MAX];
	size_t group[RECORDS_MAX], len;
};

/* Where none has a record, the smallest id. */
static size_t root_of(const struct members *members, size_t group)
{
	size_t root =
		rep_join_root(members->ids, members->created, members->group, members->len, group);

	for (size_t i = root == members->len ? 0 : members->len; i < members->len; i++)
		if (members->group[i] == group &&
		    (root == members->len || strcmp(members->ids[i], members->ids[root]) < 0))
			root = i;
	return root;
}

static void fold_members(struct history *history, struct members *members,
			 const struct rep_edges *edges)
{
	rep_join_groups(edges, members->ids, members->len, members->group);
	for (size_t i = 0; i < members->len; i++) /* who is refused is asked of the whole group */
		members->targets[i]->root = members->targets[members->group[i]];
	for (size_t i = 0; i < members->len; i++) {
		const struct rep_folded *folded = &members->targets[i]->folded;
		fold_alone(history, members->targets[i]);
		members->created[i] = folded->record ? folded->record->created.text : NULL;
	}
	for (size_t i = 0; i < members->len; i++)
		members->targets[i]->root = members->targets[root_of(members, members->group[i])];
	for (size_t i = 0; i < members->len; i++) {
		bool joined = members->targets[i]->root != members->targets[i];
		for (size_t j = 0; j < members->len; j++)
			joined = joined ||
				 (j != i && members->targets[j]->root == members->targets[i]);
		if (joined && members->targets[i]->root == members->targets[i])
			fold_joined(history, members->targets[i]);
		else if (joined)
			bury(members->targets[i], edges);
	}
}

/* Everything of an entity anew: an alias may have made any of them one. */
static void refold_entity(struct history *history, const char *entity)
{
	struct members members = {0};
	struct rep_edges edges = {0};

	add_named(history, entity);
	for (size_t i = 0; i < history->targets_len; i++) {
		struct target *target = &history->targets[i];
		if (strcmp(target->entity, entity) != 0)
			continue;
		members.targets[members.len] = target;
		members.ids[members.len++] = target->id;
		add_edges(history, target, &edges);
	}
	fold_members(history, &members, &edges);
	rep_edges_clear(&edges);
}

/* ---- through files ---- */

/* Writes a record to its files and reads them back. */
static struct rep_record *through_files(const struct rep_schema *schema, struct rep_record *record)
{
	struct rep_buf buf = REP_BUF_INIT(REP_RECORD_SIZE_MAX);
	struct rep_record *out = NULL;
	struct rep_json *extra = NULL;
	struct rep_error err;

	rep_record_write(&buf, record, "open");
	if (rep_record_read(&out, &extra, schema, record->partition, buf.data, buf.len, &err))
		die("main file", &err);
	for (size_t i = 0; i < schema->visibility_len; i++) {
		const char *name = schema->visibility[i].name;
		rep_buf_reset(&buf);
		if (strcmp(name, "open") != 0 && rep_record_write(&buf, record, name) &&
		    rep_record_read(&out, &extra, schema, record->partition, buf.data, buf.len,
				    &err))
			die("twin", &err);
	}
	if (extra)
		die("fields that the schema does not know", NULL);
	rep_buf_clear(&buf);
	rep_record_free(record);
	return out;
}

static void store(struct history *history, struct target *target)
{
	struct rep_folded *folded = &target->folded;

	if (folded->record)
		folded->record = through_files(history->context.schema, folded->record);
	for (size_t i = 0; i < folded->reviews_len; i++)
		folded->reviews[i] = through_files(history->context.schema, folded->reviews[i]);
}

/* ---- arriving ---- */

static bool is_latest(const struct history *history, const struct target *root, size_t i)
{
	if (history->mode == MODE_ORDER_FAULT)
		return true;
	for (size_t t = 0; t < history->targets_len; t++) {
		const struct target *target = &history->targets[t];
		if (target->root == root && target->edits_len &&
		    rep_edit_compare(&history->edits[target->edits[target->edits_len - 1]],
				     &history->edits[i]) > 0)
			return false;
	}
	return true;
}

static bool is_joined(const struct history *history, const struct target *target)
{
	for (size_t t = 0; t < history->targets_len; t++)
		if (&history->targets[t] != target && history->targets[t].root == target->root)
			return true;
	return false;
}

static void put_in_order(struct history *history, struct target *target, size_t i)
{
	size_t at = target->edits_len++;

	while (history->mode != MODE_ORDER_FAULT && at > 0 &&
	       rep_edit_compare(&history->edits[target->edits[at - 1]], &history->edits[i]) > 0) {
		target->edits[at] = target->edits[at - 1];
		at--;
	}
	target->edits[at] = i;
}

/* What an earlier version judges is folded in its shape, which the record has left. */
static bool is_of_newest(struct history *history, const struct rep_edit *edit)
{
	struct rep_era_edit read;
	bool is_newest;

	(void)read_as(history, edit, 0, &read);
	is_newest = !history->versions || read.number == newest(history);
	rep_era_edit_clear(&read);
	return is_newest;
}

void history_arrive(struct history *history, size_t i)
{
	const struct rep_edit *edit = &history->edits[i];
	struct target *target = target_of(history, edit);
	bool joined = is_joined(history, target);

	put_in_order(history, target, i);
	if (is_edge(edit) || (joined && (target->root != target || !is_latest(history, target, i))))
		refold_entity(history, edit->entity);
	else if (is_latest(history, target, i) && is_of_newest(history, edit))
		fold(history, target, i, joined ? target->id : NULL);
	else
		fold_alone(history, target);
	if (history->mode == MODE_ARRIVAL)
		for (size_t t = 0; t < history->targets_len; t++)
			store(history, &history->targets[t]);
}

void history_fold(struct history *history)
{
	for (size_t i = 0; i < history->len; i++)
		put_in_order(history, target_of(history, &history->edits[i]), i);
	for (size_t i = 0; i < history->len; i++) {
		bool done = false;
		for (size_t j = 0; j < i && !done; j++)
			done = strcmp(history->edits[j].entity, history->edits[i].entity) == 0;
		if (!done)
			refold_entity(history, history->edits[i].entity);
	}
}

void history_forget(struct history *history)
{
	for (size_t i = 0; i < history->len; i++) {
		rep_json_free(history->outcomes[i]);
		history->outcomes[i] = NULL;
	}
	for (size_t i = 0; i < history->targets_len; i++)
		rep_folded_clear(&history->targets[i].folded);
	history->targets_len = 0;
}
