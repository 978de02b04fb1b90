/*
 * Folds histories with core, for the comparison with tests/oracle/fold.py: the same lines in, the same
 * lines out.
 *
 *	fold-driver SCHEMA_DIR [--arrival | --all-orders | --planted=FAULT] [--second=SINCE,SCHEMA_DIR]
 *
 * By default the edits of a history are sorted and folded once. With --arrival they are folded in the order
 * given, as a hub does it: an edit later than everything of its record is folded onto the state, an
 * earlier one makes the record be folded again from its beginning; and between any two edits the state is
 * written to record files and read back, so that nothing but these files is carried on. With --all-orders
 * every order of arrival of what follows the first edit is folded and must give what the sorted one gives.
 * With --planted there is a fault, which the comparison must find: `order` folds in the order given and
 * never again, `saw` forgets what the authors saw. With --second the schema has a second version, in force since then; each edit says
 * which it was made under.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/derive.h"
#include "fold-history.h"

#define LINE_SIZE_MAX (64u * 1024u * 1024u)

void die(const char *what, const struct rep_error *err)
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
		.version = (int)rep_json_get_integer(given, "version"),
		.judged = (int)rep_json_get_integer(given, "version"),
	};
	if (!rep_op_parse(&out->op, rep_json_get_string(given, "op")))
		die("unknown operation", NULL);
}

static void read_edits(struct history *history, const struct rep_json *given)
{
	history->len = rep_json_size(given);
	if (history->len > EDITS_MAX)
		die("too many edits", NULL);
	for (size_t i = 0; i < history->len; i++)
		read_edit(&history->edits[i], rep_json_at(given, i));
}

static void run(struct history *history)
{
	if (history->mode != MODE_ARRIVAL && history->mode != MODE_ORDER_FAULT) {
		history_fold(history);
		return;
	}
	for (size_t i = 0; i < history->len; i++)
		history_arrive(history, i);
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
		history_forget(history);
		for (size_t i = 0; i < history->len; i++)
			history_arrive(history, order[i]);
		char *got = result(history);
		if (strcmp(got, expected) != 0) {
			fprintf(stderr, "expected %s\ngot      %s\n", expected, got);
			die("another order of arrival comes to another end", NULL);
		}
		free(got);
	} while (history->len > 1 && next_order(order + 1, history->len - 1));
}

struct driver {
	const struct rep_schema *schema; /* the newest */
	struct rep_versions *versions;   /* NULL = one alone */
	struct rep_derive *derive;       /* of the second version's mappings */
	struct rep_org *org;
	enum mode mode;
};

static void fold_history(const struct driver *driver, const struct rep_json *edits)
{
	static struct history history;
	const struct rep_schema *schema = driver->schema;
	const struct rep_org *org = driver->org;
	enum mode mode = driver->mode;
	struct rep_error err;

	history.versions = driver->versions;
	history.context = (struct rep_fold_context){
		.schema = schema, .org = org, .partition_of = partition_of};
	history.mode = mode;
	if (history.versions &&
	    rep_eras_new(&history.eras, history.versions, &history.context, &err))
		die("versions", &err);
	read_edits(&history, edits);
	run(&history);
	char *text = result(&history);
	if (mode == MODE_ALL_ORDERS)
		try_all_orders(&history, text);
	puts(text);
	free(text);
	history_forget(&history);
	rep_eras_free(history.eras);
	history.eras = NULL;
}

static void fold_line(struct driver *driver, const char *text)
{
	struct rep_json *line;
	struct rep_error err;

	if (rep_json_parse(&line, text, strlen(text), LINE_SIZE_MAX, 16, &err))
		die("input", &err);
	if (rep_json_get(line, "org")) {
		rep_org_free(driver->org);
		driver->org = read_org(driver->schema, rep_json_get(line, "org"));
	}
	if (rep_json_get(line, "edits"))
		fold_history(driver, rep_json_get(line, "edits"));
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

static enum rep_code load_none(void *user, int number, struct rep_schema **out,
			       struct rep_error *err)
{
	(void)user;
	*out = NULL;
	return rep_fail(err, REP_ENOTFOUND, "no version %d here", number);
}

/* "SINCE,DIR": the second version; the first is taken over. */
static void add_second(struct driver *driver, struct rep_schema *first, char *option)
{
	struct rep_versions_source source = {.load = load_none, .derive = rep_derive_value};
	char *dir = strchr(option, ',');
	struct rep_schema *second;
	struct rep_error err;

	if (!dir)
		die("--second=SINCE,DIR", NULL);
	*dir++ = '\0';
	if (rep_schema_load_dir(&second, dir, &err) || rep_derive_new(&driver->derive, &err))
		die("second version", &err);
	source.user = driver->derive;
	if (rep_versions_new(&driver->versions, &source, &err) ||
	    rep_versions_add(driver->versions, first->version, NULL, &err) ||
	    rep_versions_add(driver->versions, second->version, option, &err))
		die("versions", &err);
	rep_versions_take(driver->versions, first);
	rep_versions_take(driver->versions, second);
	driver->schema = second;
}

int main(int argc, char **argv)
{
	struct driver driver = {.mode = MODE_SORTED};
	struct rep_schema *schema;
	struct rep_error err;
	char *text = NULL;
	size_t cap = 0;

	rep_json_init();
	if (argc < 2)
		die("usage: fold-driver SCHEMA_DIR [OPTION] < histories", NULL);
	if (rep_schema_load_dir(&schema, argv[1], &err))
		die("schema", &err);
	driver.schema = schema;
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "--second=", 9) == 0)
			add_second(&driver, schema, argv[i] + 9);
		else
			driver.mode = mode_of(argv[i]);
	}
	driver.org = read_org(driver.schema, NULL);
	while (getline(&text, &cap, stdin) > 0)
		fold_line(&driver, text);
	free(text);
	rep_org_free(driver.org);
	if (driver.versions)
		rep_versions_free(driver.versions);
	else
		rep_schema_free(schema);
	rep_derive_free(driver.derive);
	return 0;
}
