/*
 * Folds histories with core, for the comparison with tests/oracle/fold.py: the same lines in, the same
 * lines out.
 *
 *	fold-driver SCHEMA_DIR [--arrival | --all-orders | --planted=FAULT]
 *
 * By default the edits of a history are sorted and folded once. With --arrival they are folded in the order
 * given, as a hub does it: an edit later than everything of its record is folded onto the state, an
 * earlier one makes the record be folded again from its beginning; and between any two edits the state is
 * written to record files and read back, so that nothing but these files is carried on. With --all-orders
 * every order of arrival of what follows the first edit is folded and must give what the sorted one gives.
 * With --planted there is a fault, which the comparison must find: `order` folds in the order given and
 * never again, `saw` forgets what the authors saw.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/fold.h"

#define LINE_SIZE_MAX (64u * 1024u * 1024u)
#define EDITS_MAX 4096u
#define RECORDS_MAX 64u

enum mode { MODE_SORTED, MODE_ARRIVAL, MODE_ALL_ORDERS, MODE_ORDER_FAULT, MODE_SAW_FAULT };

/* One record of the history: its state and the edits folded so far, in order. */
struct target {
	const char *entity, *id;
	struct rep_folded folded;
	size_t edits[EDITS_MAX];
	size_t edits_len;
};

struct history {
	struct rep_fold_context context;
	const struct rep_json *given;
	struct rep_edit edits[EDITS_MAX];
	struct rep_json *owned[EDITS_MAX]; /* lines rewritten */
	struct rep_json *outcomes[EDITS_MAX];
	size_t len;
	struct target targets[RECORDS_MAX];
	size_t targets_len;
	size_t current; /* the edit whose line is being rewritten */
	enum mode mode;
};

static void die(const char *what, const struct rep_error *err)
{
	fprintf(stderr, "fold-driver: %s%s%s\n", what, err ? ": " : "", err ? err->msg : "");
	exit(1);
}

/* Every reference of the schema names an account, which is its own partition. */
static const char *partition_of(void *user, const char *entity, const char *id)
{
	(void)user;
	(void)entity;
	return id;
}

static struct rep_org *read_org(const struct rep_schema *schema, const struct rep_json *records)
{
	struct rep_org *org;
	struct rep_error err;

	if (rep_org_new(&org, schema, &err))
		die("org", &err);
	for (size_t i = 0; i < rep_json_size(records); i++) {
		const struct rep_json *given = rep_json_at(records, i);
		const struct rep_entity *entity =
			rep_schema_entity(schema, rep_json_get_string(given, "entity"));
		const struct rep_json *fields = rep_json_get(given, "fields");
		struct rep_record *record;
		if (!entity)
			die("org: unknown entity", NULL);
		if (rep_record_new(&record, entity, rep_json_get_string(given, "id"), "company",
				   "hub", "2026-01-01T00:00:00.000Z-0000@hub00000", &err))
			die("org", &err);
		for (void *it = rep_json_iter(fields); it; it = rep_json_iter_next(fields, it))
			rep_record_put(record, rep_json_iter_key(it),
				       rep_json_ref(rep_json_iter_value(it)), NULL);
		if (rep_org_add(org, record, &err))
			die("org", &err);
		rep_record_free(record);
	}
	if (rep_org_finish(org, &err))
		die("org", &err);
	return org;
}

static void read_edit(struct rep_edit *out, const struct rep_json *given)
{
	*out = (struct rep_edit){
		.entity = rep_json_get_string(given, "entity"),
		.id = rep_json_get_string(given, "id"),
		.stamp = rep_json_get_string(given, "stamp"),
		.rep = rep_json_get_string(given, "rep"),
		.device = rep_json_get_string(given, "device"),
		.seq = rep_json_get_integer(given, "seq"),
		.index = (unsigned)rep_json_get_integer(given, "index"),
		.line = rep_json_get(given, "line"),
		.verdict = rep_json_get(given, "verdict"),
	};
	if (!rep_op_parse(&out->op, rep_json_get_string(given, "op")))
		die("unknown operation", NULL);
}

/* Did admission keep this field of the change with this stamp out of the record? */
static bool is_refused(void *user, const char *field, const char *stamp)
{
	const struct history *history = user;
	const struct rep_edit *mine = &history->edits[history->current];

	if (history->mode == MODE_SAW_FAULT)
		return true;
	for (size_t i = 0; i < history->len; i++) {
		const struct rep_edit *edit = &history->edits[i];
		if (!edit->verdict || strcmp(edit->stamp, stamp) != 0 ||
		    strcmp(edit->entity, mine->entity) != 0 || strcmp(edit->id, mine->id) != 0)
			continue;
		if (rep_json_get_string(rep_json_get(edit->verdict, field), "outcome") ||
		    rep_json_get_string(rep_json_get(edit->verdict, "*"), "outcome"))
			return true;
	}
	return false;
}

static void read_edits(struct history *history)
{
	struct rep_error err;

	history->len = rep_json_size(history->given);
	if (history->len > EDITS_MAX)
		die("too many edits", NULL);
	for (size_t i = 0; i < history->len; i++)
		read_edit(&history->edits[i], rep_json_at(history->given, i));
	for (size_t i = 0; i < history->len; i++) {
		history->current = i;
		if (rep_edit_forget(&history->owned[i], history->edits[i].line, is_refused, history,
				    &err))
			die("line", &err);
		if (history->owned[i])
			history->edits[i].line = history->owned[i];
	}
}

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
	target->entity = edit->entity;
	target->id = edit->id;
	return target;
}

static void fold(struct history *history, struct target *target, size_t i)
{
	struct rep_error err;

	rep_json_free(history->outcomes[i]);
	if (rep_fold(&target->folded, &history->edits[i], &history->context, &history->outcomes[i],
		     &err))
		die("fold", &err);
}

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

/* As a hub does it. Returns after the state is what the edits so far make it. */
static void arrive(struct history *history, size_t i)
{
	struct target *target = target_of(history, &history->edits[i]);
	size_t at = target->edits_len;

	while (at > 0 &&
	       rep_edit_compare(&history->edits[target->edits[at - 1]], &history->edits[i]) > 0) {
		target->edits[at] = target->edits[at - 1];
		at--;
	}
	target->edits[at] = i;
	target->edits_len++;
	if (at + 1 == target->edits_len) {
		fold(history, target, i);
	} else {
		rep_folded_clear(&target->folded);
		for (size_t j = 0; j < target->edits_len; j++)
			fold(history, target, target->edits[j]);
	}
	if (history->mode == MODE_ARRIVAL)
		store(history, target);
}

static const struct rep_edit *sorted_edits;

static int compare_indexes(const void *a, const void *b)
{
	return rep_edit_compare(&sorted_edits[*(const size_t *)a],
				&sorted_edits[*(const size_t *)b]);
}

static void run(struct history *history)
{
	static size_t order[EDITS_MAX];

	for (size_t i = 0; i < history->len; i++)
		order[i] = i;
	sorted_edits = history->edits;
	if (history->mode != MODE_ARRIVAL && history->mode != MODE_ORDER_FAULT)
		qsort(order, history->len, sizeof(*order), compare_indexes);
	for (size_t i = 0; i < history->len; i++) {
		if (history->mode == MODE_ARRIVAL)
			arrive(history, order[i]);
		else
			fold(history, target_of(history, &history->edits[order[i]]), order[i]);
	}
}

static void set(struct rep_json *object, const char *key, const struct rep_json *value)
{
	rep_json_set(object, key, value ? rep_json_ref(value) : rep_json_null());
}

static struct rep_json *print_record(const struct rep_record *record)
{
	struct rep_json *out = rep_json_object(), *created = rep_json_object();

	rep_json_set_string(created, "rep", record->created_rep);
	rep_json_set_string(created, "stamp", record->created.text);
	rep_json_set(out, "created", created);
	set(out, "deleted", record->deleted);
	rep_json_set_string(out, "entity", record->entity->name);
	set(out, "fields", record->fields);
	set(out, "flags", record->flags);
	rep_json_set_string(out, "id", record->id);
	rep_json_set_string(out, "partition", record->partition);
	set(out, "sources", record->sources);
	set(out, "stamps", record->stamps);
	rep_json_set(out, "twin", record->twin ? rep_json_string(record->twin) : rep_json_null());
	return out;
}

/* What the history came to, as one line; the caller frees. */
static char *result(const struct history *history)
{
	struct rep_json *out = rep_json_object(), *outcomes = rep_json_array();
	struct rep_json *records = rep_json_object(), *reviews = rep_json_object();
	char key[200];

	for (size_t i = 0; i < history->len; i++)
		rep_json_append(outcomes, rep_json_ref(history->outcomes[i]));
	for (size_t i = 0; i < history->targets_len; i++) {
		const struct target *target = &history->targets[i];
		snprintf(key, sizeof(key), "%s/%s", target->entity, target->id);
		if (target->folded.record)
			rep_json_set(records, key, print_record(target->folded.record));
		for (size_t j = 0; j < target->folded.reviews_len; j++)
			rep_json_set(reviews, target->folded.reviews[j]->id,
				     print_record(target->folded.reviews[j]));
	}
	rep_json_set(out, "outcomes", outcomes);
	rep_json_set(out, "records", records);
	rep_json_set(out, "reviews", reviews);
	char *text = rep_json_text(out);
	if (!text)
		die("no memory", NULL);
	rep_json_free(out);
	return text;
}

static void forget_results(struct history *history)
{
	for (size_t i = 0; i < history->len; i++) {
		rep_json_free(history->outcomes[i]);
		history->outcomes[i] = NULL;
	}
	for (size_t i = 0; i < history->targets_len; i++) {
		rep_folded_clear(&history->targets[i].folded);
		history->targets[i].edits_len = 0;
	}
	history->targets_len = 0;
}

/* The next order in the sense of a dictionary; false after the last. */
static bool next_order(size_t *order, size_t len)
{
	size_t i = len, j = len;

	while (i > 1 && order[i - 2] > order[i - 1])
		i--;
	if (i < 2)
		return false;
	while (order[j - 1] < order[i - 2])
		j--;
	size_t kept = order[i - 2];
	order[i - 2] = order[j - 1];
	order[j - 1] = kept;
	for (size_t from = i - 1, until = len - 1; from < until; from++, until--) {
		kept = order[from];
		order[from] = order[until];
		order[until] = kept;
	}
	return true;
}

/* Every order of arrival of what follows the first edit must come to `expected`. */
static void try_all_orders(struct history *history, const char *expected)
{
	size_t order[8];

	if (history->len > sizeof(order) / sizeof(order[0]))
		die("too many edits for all orders", NULL);
	for (size_t i = 0; i < history->len; i++)
		order[i] = i;
	do {
		forget_results(history);
		for (size_t i = 0; i < history->len; i++)
			arrive(history, order[i]);
		char *got = result(history);
		if (strcmp(got, expected) != 0) {
			fprintf(stderr, "expected %s\ngot      %s\n", expected, got);
			die("another order of arrival comes to another end", NULL);
		}
		free(got);
	} while (history->len > 1 && next_order(order + 1, history->len - 1));
}

static void fold_history(const struct rep_schema *schema, const struct rep_org *org,
			 const struct rep_json *edits, enum mode mode)
{
	static struct history history;

	history.context = (struct rep_fold_context){
		.schema = schema, .org = org, .partition_of = partition_of};
	history.given = edits;
	history.mode = mode;
	read_edits(&history);
	run(&history);
	char *text = result(&history);
	if (mode == MODE_ALL_ORDERS)
		try_all_orders(&history, text);
	puts(text);
	free(text);
	forget_results(&history);
	for (size_t i = 0; i < history.len; i++) {
		rep_json_free(history.owned[i]);
		history.owned[i] = NULL;
	}
}

static void fold_line(const struct rep_schema *schema, struct rep_org **org, const char *text,
		      enum mode mode)
{
	struct rep_json *line;
	struct rep_error err;

	if (rep_json_parse(&line, text, strlen(text), LINE_SIZE_MAX, 16, &err))
		die("input", &err);
	if (rep_json_get(line, "org")) {
		rep_org_free(*org);
		*org = read_org(schema, rep_json_get(line, "org"));
	}
	if (rep_json_get(line, "edits"))
		fold_history(schema, *org, rep_json_get(line, "edits"), mode);
	rep_json_free(line);
}

static enum mode mode_of(const char *option)
{
	static const struct {
		const char *option;
		enum mode mode;
	} options[] = {
		{"--arrival", MODE_ARRIVAL},
		{"--all-orders", MODE_ALL_ORDERS},
		{"--planted=order", MODE_ORDER_FAULT},
		{"--planted=saw", MODE_SAW_FAULT},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(option, options[i].option) == 0)
			return options[i].mode;
	}
	die("unknown option", NULL);
	return MODE_SORTED;
}

int main(int argc, char **argv)
{
	struct rep_schema *schema;
	struct rep_org *org;
	struct rep_error err;
	char *text = NULL;
	size_t cap = 0;

	rep_json_init();
	if (argc < 2)
		die("usage: fold-driver SCHEMA_DIR [OPTION] < histories", NULL);
	if (rep_schema_load_dir(&schema, argv[1], &err))
		die("schema", &err);
	org = read_org(schema, NULL);
	while (getline(&text, &cap, stdin) > 0)
		fold_line(schema, &org, text, argc > 2 ? mode_of(argv[2]) : MODE_SORTED);
	free(text);
	rep_org_free(org);
	rep_schema_free(schema);
	return 0;
}
