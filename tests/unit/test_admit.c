/* Admission: who may do what, judged by the time of the edit. */
#include "unit/help_rules.h"

static int set_up(void **state)
{
	*state = company_new();
	return 0;
}

static int tear_down(void **state)
{
	company_free(*state);
	return 0;
}

/* Everything exists but what is called "X-...". */
static bool exists(void *user, const char *entity, const char *id)
{
	(void)user;
	(void)entity;
	return strncmp(id, "X-", 2) != 0;
}

struct admit_case {
	const char *what;
	enum rep_op op;
	const char *entity, *id; /* record "T-1" of thing stands in A-1, made by ana */
	const char *device, *line;
	const char *verdict; /* NULL = all admitted */
	const char *held;    /* or NULL */
};

static struct rep_record *standing(const struct company *company, const char *entity,
				   const char *id)
{
	struct rep_record *record;
	const char *fields = "{}";

	if (strcmp(id, "T-1") == 0)
		fields = "{'name':'n','account':'A-1','f_max':5,'stage':'draft','f_fixed':'f'}";
	else if (strcmp(id, "T-2") == 0)
		fields = "{'name':'n','account':'A-2','stage':'sent'}";
	else if (strcmp(id, "T-3") == 0)
		fields = "{'name':'n','account':'A-3','stage':'draft'}";
	else if (strcmp(id, "S-1") != 0 && strcmp(id, "K-1") != 0 && strcmp(id, "ana") != 0 &&
		 strcmp(id, "V-1") != 0)
		return NULL;
	record = record_of(company->schema, entity, id, "A-1", fields);
	if (strcmp(id, "T-2") == 0 || strcmp(id, "T-3") == 0) {
		free(record->partition);
		record->partition = strdup(strcmp(id, "T-2") == 0 ? "A-2" : "A-3");
	}
	if (strcmp(id, "ana") == 0) {
		free(record->partition);
		record->partition = strdup("company");
	}
	free(record->created_rep);
	record->created_rep = strdup("ana");
	return record;
}

static void run_case(const struct company *company, const struct admit_case *one)
{
	struct rep_admit_context context = {.fold = &company->context, .exists = exists};
	struct rep_edit *edit =
		edit_new(one->op, one->entity, one->id, at(30, one->device), one->line);
	struct rep_record *record =
		rep_schema_entity(company->schema, one->entity) && one->op != REP_OP_INSERT
			? standing(company, one->entity, one->id)
			: NULL;
	struct rep_json *expected = one->verdict ? quoted_json(one->verdict) : NULL;
	struct rep_admission out;
	struct rep_error err = {0};

	expect_ok(rep_admit(&out, edit, record, &context, &err), &err);
	char *text = rep_json_text(out.verdict ? out.verdict : rep_json_null());
	if (!rep_json_equal(out.verdict, expected))
		fail_msg("%s: %s, expected %s", one->what, text, one->verdict);
	if (out.held != (one->held != NULL) || (out.held && strcmp(out.waits_for, one->held) != 0))
		fail_msg("%s: held for %s", one->what, out.waits_for);
	free(text);
	rep_json_free(expected);
	rep_admission_clear(&out);
	rep_record_free(record);
	edit_free(edit);
}

#define RUN(state, cases)                                               \
	for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) \
	run_case(state, &(cases)[i])

#define WHOLE(outcome, code) "{'*':{'outcome':'" outcome "','code':'" code "'}}"
#define FIELD(field, outcome, code) "{'" field "':{'outcome':'" outcome "','code':'" code "'}}"

static void the_whole_change(void **state)
{
	static const struct admit_case cases[] = {
		{"unknown entity", REP_OP_INSERT, "nothing", "N-1", ANA, "{'values':{}}",
		 WHOLE("rejected", "unknown-entity"), NULL},
		{"not an id", REP_OP_INSERT, "thing", "../x", ANA, "{'values':{}}",
		 WHOLE("rejected", "bad-id"), NULL},
		{"who erases is the company", REP_OP_ERASE, "thing", "T-1", SUE, "{}",
		 WHOLE("rejected", "no-right"), NULL},
		{"the hub erases", REP_OP_ERASE, "thing", "T-1", HUB, "{}", NULL, NULL},
		{"and nothing of the organisation", REP_OP_ERASE, "role", "r-9", HUB, "{}",
		 WHOLE("rejected", "op"), NULL},
		{"a device that nobody has", REP_OP_UPDATE, "thing", "T-1", "devvvvvv",
		 "{'values':{}}", WHOLE("rejected", "wrong-device"), NULL},
		{"devices are the company's", REP_OP_INSERT, "device", "devnnnnn", SUE,
		 "{'values':{'rep':{'new':'ana'}}}", WHOLE("rejected", "engine"), NULL},
		{"roles are the hub's", REP_OP_INSERT, "role", "r-9", HUB,
		 "{'values':{'rep':{'new':'ana'},'role':{'new':'rep'}}}", NULL, NULL},
		{"an update of what nobody knows", REP_OP_UPDATE, "thing", "X-1", ANA,
		 "{'values':{'name':{'new':'x'}}}", NULL, "thing/X-1"},
		{"a reference that nobody knows", REP_OP_INSERT, "thing", "T-9", ANA,
		 "{'values':{'name':{'new':'x'},'account':{'new':'X-7'}}}", NULL, "account/X-7"},
		{"one in a set", REP_OP_INSERT, "visit", "V-9", ANA,
		 "{'values':{'what':{'new':'x'},'account':{'new':'A-1'},'things':{'add':['T-1','X-2']}}}",
		 NULL, "thing/X-2"},
		{"an update without values", REP_OP_UPDATE, "thing", "T-1", ANA, "{}",
		 WHOLE("rejected", "form"), NULL},
	};

	RUN(*state, cases);
}

static void inserts(void **state)
{
	static const struct admit_case cases[] = {
		{"in the own territory", REP_OP_INSERT, "thing", "T-9", ANA,
		 "{'values':{'name':{'new':'x'},'account':{'new':'A-1'}}}", NULL, NULL},
		{"beyond it, proposed", REP_OP_INSERT, "thing", "T-9", ANA,
		 "{'values':{'name':{'new':'x'},'account':{'new':'A-3'}}}",
		 WHOLE("proposed", "out-of-territory"), NULL},
		{"beyond it, refused", REP_OP_INSERT, "softdel", "S-9", ANA,
		 "{'values':{'account':{'new':'A-3'}}}", WHOLE("rejected", "out-of-territory"),
		 NULL},
		{"beyond it, flagged", REP_OP_INSERT, "visit", "V-9", ANA,
		 "{'values':{'what':{'new':'x'},'account':{'new':'A-3'}}}",
		 "{'*':{'flags':['out-of-territory']}}", NULL},
		{"lacking what is required", REP_OP_INSERT, "thing", "T-9", ANA,
		 "{'values':{'account':{'new':'A-1'},'name':{'new':null}}}",
		 WHOLE("rejected", "required"), NULL},
		{"what is required is not valid", REP_OP_INSERT, "thing", "T-9", ANA,
		 "{'values':{'account':{'new':'A-1'},'name':{'new':7}}}",
		 "{'*':{'outcome':'rejected','code':'required'},'name':{'outcome':'rejected','code':'bad-value'}}",
		 NULL},
		{"no right to new records, but to propose them", REP_OP_INSERT, "thing", "T-9", MAX,
		 "{'values':{'name':{'new':'x'},'account':{'new':'A-1'}}}",
		 WHOLE("proposed", "no-right"), NULL},
		{"neither right", REP_OP_INSERT, "visit", "V-9", CLEO,
		 "{'values':{'what':{'new':'x'},'account':{'new':'A-1'}}}",
		 WHOLE("rejected", "no-right"), NULL},
		{"not the initial state", REP_OP_INSERT, "thing", "T-9", ANA,
		 "{'values':{'name':{'new':'x'},'account':{'new':'A-1'},'stage':{'new':'done'}}}",
		 "{'stage':{'outcome':'rejected','code':'illegal-move'}}", NULL},
		{"belonging nowhere", REP_OP_INSERT, "assignment", "a-9", SUE, "{'values':{}}",
		 WHOLE("rejected", "no-partition"), NULL},
		{"belonging outside of all folders", REP_OP_INSERT, "assignment", "a-9", SUE,
		 "{'values':{'subject_entity':{'new':'account'},'subject':{'new':'../../../x'},'territory':{'new':'t1'}}}",
		 WHOLE("rejected", "no-partition"), NULL},
		{"an account that would be another's file", REP_OP_INSERT, "account", "staff-ben",
		 SUE, "{'values':{'name':{'new':'x'}}}", WHOLE("rejected", "no-partition"), NULL},
		{"an account that would be everybody's", REP_OP_INSERT, "account", "company", ANA,
		 "{'values':{'name':{'new':'x'}}}", WHOLE("rejected", "no-partition"), NULL},
		{"the hub holds every right", REP_OP_INSERT, "thing", "T-9", HUB,
		 "{'values':{'name':{'new':'x'},'account':{'new':'A-3'},'stage':{'new':'done'}}}",
		 NULL, NULL},
	};

	RUN(*state, cases);
}

static void values_and_forms(void **state)
{
	static const struct admit_case cases[] = {
		{"all right", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_latest':{'new':'x'},'f_set':{'add':['a']},'f_map':{'keys':{'k':{'new':'v'}}},"
		 "'f_list':{'entry':{'note':'n'}},'f_sum':{'delta':1}}}",
		 NULL, NULL},
		{"no such field", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'zzz':{'new':1}}}", FIELD("zzz", "rejected", "unknown-field"), NULL},
		{"no new value", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_latest':{'old':'x'}}}", FIELD("f_latest", "rejected", "form"),
		 NULL},
		{"not even an object", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_latest':'x'}}", FIELD("f_latest", "rejected", "form"), NULL},
		{"of another type", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_max':{'new':'9'}}}", FIELD("f_max", "rejected", "bad-value"), NULL},
		{"out of bounds", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_max':{'new':1001}}}", FIELD("f_max", "rejected", "bad-value"),
		 NULL},
		{"an element of another type", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_set':{'add':['a',3]}}}", FIELD("f_set", "rejected", "bad-value"),
		 NULL},
		{"a set without a form", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_set':{}}}", FIELD("f_set", "rejected", "form"), NULL},
		{"a map of another type", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_map':{'keys':{'k':{'new':1}}}}}",
		 FIELD("f_map", "rejected", "bad-value"), NULL},
		{"a map's key of which nothing is said", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_map':{'keys':{'k':{'old':'v'}}}}}",
		 FIELD("f_map", "rejected", "form"), NULL},
		{"a map's key that is no object", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_map':{'keys':{'k':'v'}}}}", FIELD("f_map", "rejected", "form"),
		 NULL},
		{"a map's key taken out", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_map':{'keys':{'k':{'new':null}}}}}", NULL, NULL},
		{"a map without keys", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_map':{}}}", FIELD("f_map", "rejected", "form"), NULL},
		{"an entry of unknown fields", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_list':{'entry':{'z':1}}}}", FIELD("f_list", "rejected", "form"),
		 NULL},
		{"an entry that amends another", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_list':{'entry':{'note':'n',"
		 "'amends':'2026-03-16T01:01:00.000Z-0000@devaaaaa'}}}}",
		 NULL, NULL},
		{"an entry that was taken out", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_list':{'new':[],'old':[{'entry':'2026-03-16T01:01:00.000Z-0000@devaaaaa'}]}}}",
		 FIELD("f_list", "rejected", "append-only"), NULL},
		{"a sum of no number", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_sum':{'delta':'1'}}}", FIELD("f_sum", "rejected", "form"), NULL},
		{"what is required is cleared", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'name':{'new':null}}}", FIELD("name", "rejected", "required"), NULL},
		{"one bad field, one good one", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_latest':{'new':'x'},'f_max':{'new':'9'}}}",
		 FIELD("f_max", "rejected", "bad-value"), NULL},
	};

	RUN(*state, cases);
}

static void rights_and_rules_of_fields(void **state)
{
	static const struct admit_case cases[] = {
		{"who may only propose", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_central':{'new':'x'}}}", FIELD("f_central", "proposed", "no-right"),
		 NULL},
		{"the steward at the desk", REP_OP_UPDATE, "thing", "T-1", SUE,
		 "{'values':{'f_central':{'new':'x'},'f_desk':{'new':'x'}}}", NULL, NULL},
		{"the primary", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_secret':{'new':'x'}}}", NULL, NULL},
		{"an assist", REP_OP_UPDATE, "thing", "T-1", BEN,
		 "{'values':{'f_secret':{'new':'x'}}}", FIELD("f_secret", "proposed", "no-right"),
		 NULL},
		{"from a laptop what belongs to a desk", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_desk':{'new':'x'}}}", FIELD("f_desk", "proposed", "desk"), NULL},
		{"immutable", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_fixed':{'new':'x'}}}", FIELD("f_fixed", "rejected", "immutable"),
		 NULL},
		{"immutable, the same again", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_fixed':{'new':'f'}}}", NULL, NULL},
		{"max, up", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_max':{'new':7,'old':5}}}", NULL, NULL},
		{"max, down from what was seen", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_max':{'new':7,'old':9}}}", FIELD("f_max", "proposed", "lower"),
		 NULL},
		{"max, up from what was seen, below what stands", REP_OP_UPDATE, "thing", "T-1",
		 ANA, "{'values':{'f_max':{'new':3,'old':1}}}", NULL, NULL},
		{"max, a lie about what was seen", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_max':{'new':3,'old':1,'saw':'2026-03-16T01:00:00.000Z-0000@hub00000'}}}",
		 FIELD("f_max", "proposed", "lower"), NULL},
		{"max, a clear", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'f_max':{'new':null,'old':5}}}", FIELD("f_max", "proposed", "lower"),
		 NULL},
		{"max, by whom `lower` names", REP_OP_UPDATE, "thing", "T-1", MAX,
		 "{'values':{'f_max':{'new':3,'old':5}}}", NULL, NULL},
		{"a legal move", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'stage':{'new':'sent','old':'draft'}}}", NULL, NULL},
		{"by its own old state, whatever the record's", REP_OP_UPDATE, "thing", "T-2", ANA,
		 "{'values':{'stage':{'new':'sent','old':'draft'}}}", NULL, NULL},
		{"no such move", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'stage':{'new':'done','old':'draft'}}}",
		 FIELD("stage", "rejected", "illegal-move"), NULL},
		{"another role's move", REP_OP_UPDATE, "thing", "T-2", ANA,
		 "{'values':{'stage':{'new':'done','old':'sent'}}}",
		 FIELD("stage", "proposed", "no-right"), NULL},
		{"the author's move", REP_OP_UPDATE, "thing", "T-1", BEN,
		 "{'values':{'stage':{'new':'cancelled','old':'draft'}}}",
		 FIELD("stage", "proposed", "no-right"), NULL},
		{"a move made at a desk", REP_OP_UPDATE, "thing", "T-2", MAX,
		 "{'values':{'stage':{'new':'cancelled','old':'sent'}}}",
		 FIELD("stage", "proposed", "desk"), NULL},
		{"frozen, but to be proposed", REP_OP_UPDATE, "thing", "T-2", ANA,
		 "{'values':{'amount':{'new':1}}}", FIELD("amount", "proposed", "frozen"), NULL},
		{"frozen", REP_OP_UPDATE, "thing", "T-2", ANA,
		 "{'values':{'sealed_no':{'new':'1'}}}", FIELD("sealed_no", "rejected", "frozen"),
		 NULL},
		{"open", REP_OP_UPDATE, "thing", "T-1", ANA, "{'values':{'sealed_no':{'new':'1'}}}",
		 NULL, NULL},
		{"without a reason", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'reason':'','values':{'f_reason':{'new':'x'}}}",
		 FIELD("f_reason", "rejected", "reason"), NULL},
		{"with a reason", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'reason':'so','values':{'f_reason':{'new':'x'}}}", NULL, NULL},
		{"beyond the territory", REP_OP_UPDATE, "thing", "T-3", ANA,
		 "{'values':{'f_latest':{'new':'x'}}}", WHOLE("proposed", "out-of-territory"),
		 NULL},
		{"beyond it and not of the role", REP_OP_UPDATE, "visit", "V-1", BEN,
		 "{'values':{'what':{'new':'x'}}}", FIELD("what", "rejected", "no-right"), NULL},
		{"the own record", REP_OP_UPDATE, "employee", "ana", ANA,
		 "{'values':{'phone':{'new':'1'}}}", NULL, NULL},
		{"another's record", REP_OP_UPDATE, "employee", "ana", BEN,
		 "{'values':{'phone':{'new':'1'}}}", FIELD("phone", "rejected", "no-right"), NULL},
	};

	RUN(*state, cases);
}

/* "T-1", in A-1 now, lay in A-3 until minute 30; "T-3" the other way round. */
static const char *lay(void *user, const char *entity, const char *id, const char *stamp)
{
	(void)user;
	(void)entity;
	if (strcmp(stamp, at(30, ANA)) >= 0)
		return NULL;
	return strcmp(id, "T-1") == 0 ? "A-3" : "A-1";
}

static void an_edit_is_judged_where_the_record_lay_then(void **state)
{
	static const struct {
		const char *id;
		unsigned minute;
		bool admitted;
	} cases[] = {
		{"T-1", 29, false},
		{"T-1", 31, true},
		{"T-3", 29, true},
		{"T-3", 31, false},
	};
	const struct company *company = *state;
	const struct rep_admit_context context = {
		.fold = &company->context, .exists = exists, .lay = lay};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rep_edit *edit =
			edit_new(REP_OP_UPDATE, "thing", cases[i].id, at(cases[i].minute, ANA),
				 "{'values':{'f_latest':{'new':'x'}}}");
		struct rep_record *record = standing(company, "thing", cases[i].id);
		struct rep_admission out;
		struct rep_error err = {0};

		expect_ok(rep_admit(&out, edit, record, &context, &err), &err);
		assert_int_equal(out.verdict == NULL, cases[i].admitted);
		rep_admission_clear(&out);
		rep_record_free(record);
		edit_free(edit);
	}
}

static void deletes_and_decisions(void **state)
{
	static const struct admit_case cases[] = {
		{"a rep's delete is a proposal to archive", REP_OP_DELETE, "thing", "T-1", ANA,
		 "{'values':{}}", WHOLE("proposed", "archive"), NULL},
		{"so is archiving by hand", REP_OP_UPDATE, "thing", "T-1", ANA,
		 "{'values':{'status':{'new':'archived'}}}", FIELD("status", "proposed", "archive"),
		 NULL},
		{"erasing is the company's", REP_OP_UPDATE, "thing", "T-1", SUE,
		 "{'values':{'status':{'new':'erased'}}}", FIELD("status", "rejected", "no-right"),
		 NULL},
		{"the steward archives", REP_OP_DELETE, "thing", "T-1", SUE, "{'values':{}}", NULL,
		 NULL},
		{"where a rep may delete", REP_OP_DELETE, "softdel", "S-1", ANA, "{'values':{}}",
		 NULL, NULL},
		{"a manager may propose it", REP_OP_DELETE, "softdel", "S-1", MAX, "{'values':{}}",
		 WHOLE("proposed", "no-right"), NULL},
		{"never", REP_OP_DELETE, "keepall", "K-1", SUE, "{'values':{}}",
		 WHOLE("rejected", "never-deleted"), NULL},
		{"a restore", REP_OP_RESTORE, "softdel", "S-1", ANA, "{}", NULL, NULL},
		{"a restore by whom may not write", REP_OP_RESTORE, "softdel", "S-1", MAX, "{}",
		 WHOLE("rejected", "no-right"), NULL},
		{"an alias by a rep", REP_OP_ALIAS, "thing", "T-1", ANA, "{'into':'T-2'}",
		 WHOLE("rejected", "no-right"), NULL},
		{"an alias by the steward", REP_OP_ALIAS, "thing", "T-1", SUE, "{'into':'T-2'}",
		 NULL, NULL},
		{"an alias into itself", REP_OP_ALIAS, "thing", "T-1", SUE, "{'into':'T-1'}",
		 WHOLE("rejected", "form"), NULL},
		{"an alias into what nobody knows", REP_OP_ALIAS, "thing", "T-1", SUE,
		 "{'into':'X-1'}", NULL, "thing/X-1"},
		{"a decision without an item", REP_OP_RESOLVE, "thing", "T-1", ANA, "{}",
		 WHOLE("rejected", "form"), NULL},
		{"an unknown decision", REP_OP_RESOLVE, "thing", "T-1", ANA,
		 "{'item':'i','decision':'perhaps'}", WHOLE("rejected", "form"), NULL},
		{"expiry is the hub's", REP_OP_RESOLVE, "thing", "T-1", ANA,
		 "{'item':'i','decision':'expire'}", WHOLE("rejected", "form"), NULL},
		{"accepted without values", REP_OP_RESOLVE, "thing", "T-1", SUE,
		 "{'item':'i','decision':'accept'}", WHOLE("rejected", "form"), NULL},
		{"accepted by whom may only propose", REP_OP_RESOLVE, "thing", "T-1", ANA,
		 "{'item':'i','decision':'accept','values':{'f_central':{'new':'x'}}}",
		 FIELD("f_central", "proposed", "no-right"), NULL},
		{"accepted by the steward", REP_OP_RESOLVE, "thing", "T-1", SUE,
		 "{'item':'i','decision':'accept','values':{'f_central':{'new':'x'}}}", NULL, NULL},
		{"the own proposal of a record in another's account", REP_OP_RESOLVE, "thing",
		 "T-9", ANA,
		 "{'item':'i','decision':'accept','values':{'name':{'new':'x'},'account':{'new':'A-3'}}}",
		 WHOLE("rejected", "out-of-territory"), NULL},
		{"the own proposal without the right to insert", REP_OP_RESOLVE, "thing", "T-9",
		 MAX,
		 "{'item':'i','decision':'accept','values':{'name':{'new':'x'},'account':{'new':'A-1'}}}",
		 WHOLE("rejected", "no-right"), NULL},
		{"a proposed record without what is required", REP_OP_RESOLVE, "thing", "T-9", ANA,
		 "{'item':'i','decision':'accept','values':{'account':{'new':'A-1'}}}",
		 WHOLE("rejected", "required"), NULL},
		{"a proposed record by the account's holder", REP_OP_RESOLVE, "thing", "T-9", ANA,
		 "{'item':'i','decision':'accept','values':{'name':{'new':'x'},'account':{'new':'A-1'}}}",
		 NULL, NULL},
		{"a proposed record with what is set once", REP_OP_RESOLVE, "thing", "T-9", ANA,
		 "{'item':'i','decision':'accept','values':{'name':{'new':'x'},'account':{'new':'A-1'},'f_fixed':{'new':'f'}}}",
		 NULL, NULL},
		{"accepted once more, with another value of it", REP_OP_RESOLVE, "thing", "T-1",
		 ANA,
		 "{'item':'i','decision':'accept','values':{'name':{'new':'x'},'f_fixed':{'new':'g'}}}",
		 FIELD("f_fixed", "rejected", "immutable"), NULL},
		{"declined by whom may not write", REP_OP_RESOLVE, "visit", "V-1", BEN,
		 "{'item':'i','decision':'decline'}", WHOLE("rejected", "no-right"), NULL},
		{"declined beyond the territory", REP_OP_RESOLVE, "thing", "T-3", ANA,
		 "{'item':'i','decision':'decline'}", WHOLE("rejected", "out-of-territory"), NULL},
		{"a proposed record declined beyond the territory", REP_OP_RESOLVE, "thing", "T-9",
		 ANA, "{'item':'of-A-3','decision':'decline'}",
		 WHOLE("rejected", "out-of-territory"), NULL},
		{"a proposed record declined by the account's holder", REP_OP_RESOLVE, "thing",
		 "T-9", ANA, "{'item':'of-A-1','decision':'decline'}", NULL, NULL},
		{"a proposed record withdrawn from beyond", REP_OP_RESOLVE, "thing", "T-9", ANA,
		 "{'item':'of-A-3','decision':'withdraw'}", NULL, NULL},
		{"a value for a conflict beyond it", REP_OP_RESOLVE, "thing", "T-3", ANA,
		 "{'item':'i','values':{'f_latest':{'new':'x'}}}",
		 WHOLE("proposed", "out-of-territory"), NULL},
		{"withdrawn from beyond it", REP_OP_RESOLVE, "thing", "T-3", ANA,
		 "{'item':'i','decision':'withdraw'}", NULL, NULL},
		{"withdrawn", REP_OP_RESOLVE, "visit", "V-1", BEN,
		 "{'item':'i','decision':'withdraw'}", NULL, NULL},
	};

	RUN(*state, cases);
}

/* ---- the organisation ---- */

#define ORG_SINCE "2026-03-16T01:30:00.000Z"
#define PAST "'2026-03-16T01:29:59.999Z'"
#define PERIOD(from, to)                                                                                 \
	"{'values':{'subject_entity':{'new':'account'},'subject':{'new':'A-1'},'territory':{'new':'t1'}" \
	",'valid_from':{'new':" from "},'valid_to':{'new':" to "}}}"

static void check_period(const struct company *company, enum rep_op op, const char *stands,
			 const char *line, const char *device, const char *verdict)
{
	struct rep_admit_context context = {
		.fold = &company->context, .exists = exists, .org_since = ORG_SINCE};
	struct rep_edit *edit = edit_new(op, "assignment", "S-9", at(30, device), line);
	struct rep_record *record =
		stands ? record_of(company->schema, "assignment", "S-9", "A-1", stands) : NULL;
	struct rep_json *expected = verdict ? quoted_json(verdict) : NULL;
	struct rep_admission out;
	struct rep_error err = {0};

	expect_ok(rep_admit(&out, edit, record, &context, &err), &err);
	char *text = rep_json_text(out.verdict ? out.verdict : rep_json_null());
	if (out.held || !rep_json_equal(out.verdict, expected))
		fail_msg("%s: %s, expected %s", line, text, verdict);
	free(text);
	rep_json_free(expected);
	rep_admission_clear(&out);
	rep_record_free(record);
	edit_free(edit);
}

static void the_organisation_is_not_changed_backwards(void **state)
{
	static const char ended[] = "{'valid_from':'2026-01-01T00:00:00.000Z','valid_to':" PAST "}";
	static const char lasting[] = "{'valid_from':'2026-01-01T00:00:00.000Z'}";
	static const char refused[] = FIELD("valid_to", "rejected", "in-the-past");
	static const char begun[] = "{'*':{'outcome':'rejected','code':'required'},'valid_from':{"
				    "'outcome':'rejected','code':'in-the-past'}}";
	const struct company *company = *state;

	check_period(company, REP_OP_INSERT, NULL, PERIOD("'" ORG_SINCE "'", "null"), SUE, NULL);
	check_period(company, REP_OP_INSERT, NULL, PERIOD(PAST, "null"), SUE, begun);
	check_period(company, REP_OP_INSERT, NULL, PERIOD("null", "null"), SUE,
		     WHOLE("rejected", "required"));
	check_period(company, REP_OP_INSERT, NULL, PERIOD(PAST, "null"), HUB, NULL);
	check_period(company, REP_OP_UPDATE, lasting,
		     "{'values':{'valid_to':{'new':'" ORG_SINCE "'}}}", SUE, NULL);
	check_period(company, REP_OP_UPDATE, lasting, "{'values':{'valid_to':{'new':" PAST "}}}",
		     SUE, refused);
	check_period(company, REP_OP_UPDATE, ended, "{'values':{'valid_to':{'new':null}}}", SUE,
		     refused);
}

static void a_rejection_is_told_in_words(void **state)
{
	struct company *company = *state;
	struct rep_admit_context context = {.fold = &company->context};
	struct rep_edit *edit = edit_new(REP_OP_UPDATE, "thing", "T-1", at(30, ANA),
					 "{'values':{'f_max':{'new':1001}}}");
	struct rep_record *record = standing(company, "thing", "T-1");
	struct rep_admission out;
	struct rep_error err = {0};

	expect_ok(rep_admit(&out, edit, record, &context, &err), &err);
	assert_string_equal(out.text, "thing.f_max: f_max: 1001 is above 1000");
	rep_admission_clear(&out);
	rep_record_free(record);
	edit_free(edit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_change),
		cmocka_unit_test(inserts),
		cmocka_unit_test(values_and_forms),
		cmocka_unit_test(rights_and_rules_of_fields),
		cmocka_unit_test(an_edit_is_judged_where_the_record_lay_then),
		cmocka_unit_test(deletes_and_decisions),
		cmocka_unit_test(the_organisation_is_not_changed_backwards),
		cmocka_unit_test(a_rejection_is_told_in_words),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
