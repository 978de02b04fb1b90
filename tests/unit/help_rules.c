#include "unit/help_rules.h"

#include <stdio.h>

#include "core/base/limits.h"

struct rep_json *quoted_json(const char *text)
{
	struct rep_error err = {0};
	struct rep_json *out;
	char *copy = strdup(text);

	assert_non_null(copy);
	for (char *c = copy; *c; c++) {
		if (*c == '\'')
			*c = '"';
	}
	expect_ok(rep_json_parse(&out, copy, strlen(copy), REP_LINE_SIZE_MAX, 16, &err), &err);
	free(copy);
	return out;
}

const char *at(unsigned minute, const char *device)
{
	static char texts[8][64];
	static unsigned next;
	char *out = texts[next++ % 8];

	snprintf(out, sizeof(texts[0]), "2026-03-16T%02u:%02u:00.000Z-0000@%s",
		 1 + minute / 60 % 20, minute % 60, device);
	return out;
}

struct rep_record *record_of(const struct rep_schema *schema, const char *entity, const char *id,
			     const char *partition, const char *fields)
{
	const struct rep_entity *declared = rep_schema_entity(schema, entity);
	struct rep_error err = {0};
	struct rep_record *record;
	struct rep_json *values = quoted_json(fields);

	assert_non_null(declared);
	expect_ok(rep_record_new(&record, declared, id, partition, "hub", at(0, HUB), &err), &err);
	for (void *it = rep_json_iter(values); it; it = rep_json_iter_next(values, it))
		rep_record_put(record, rep_json_iter_key(it), rep_json_ref(rep_json_iter_value(it)),
			       record->created.text);
	rep_json_free(values);
	return record;
}

/* Accounts are their own partitions; an item of a record that is only proposed is named after where it lies. */
static const char *partition_of(void *user, const char *entity, const char *id)
{
	(void)user;
	if (strcmp(entity, "proposal") == 0 && strncmp(id, "of-", 3) == 0)
		return id + 3;
	return strcmp(entity, "account") == 0 || strcmp(entity, "org") == 0 ? id : NULL;
}

struct company *company_of(const char *schema_dir)
{
	struct company *company = calloc(1, sizeof(*company));
	struct rep_error err = {0};

	assert_non_null(company);
	expect_ok(rep_schema_load_dir(&company->schema, source_path(schema_dir), &err), &err);
	expect_ok(rep_org_new(&company->org, company->schema, &err), &err);
	return company;
}

void company_add(struct company *company, const char *entity, const char *id, const char *fields)
{
	struct rep_record *record = record_of(company->schema, entity, id, "company", fields);
	struct rep_error err = {0};

	expect_ok(rep_org_add(company->org, record, &err), &err);
	rep_record_free(record);
}

void company_person(struct company *company, const char *rep, const char *device, const char *role,
		    bool desk)
{
	char text[300];

	snprintf(text, sizeof(text), "{'name':'%s'}", rep);
	company_add(company, "employee", rep, text);
	snprintf(text, sizeof(text),
		 "{'rep':'%s','role':'%s','valid_from':'2026-01-01T00:00:00.000Z'}", rep, role);
	company_add(company, "role", rep, text);
	snprintf(text, sizeof(text), "{'rep':'%s','state':'active','desk':%s}", rep,
		 desk ? "true" : "false");
	company_add(company, "device", device, text);
}

void company_assign(struct company *company, const char *entity, const char *subject,
		    const char *territory, const char *kind, const char *from, const char *until)
{
	static unsigned n;
	char id[32], text[400];

	snprintf(id, sizeof(id), "as-%u", n++);
	snprintf(text, sizeof(text),
		 "{'subject_entity':'%s','subject':'%s','territory':'%s','kind':'%s',"
		 "'valid_from':'%s'%s%s%s}",
		 entity, subject, territory, kind, from ? from : "2026-01-01T00:00:00.000Z",
		 until ? ",'valid_to':'" : "", until ? until : "", until ? "'" : "");
	company_add(company, "assignment", id, text);
}

void company_finish(struct company *company)
{
	struct rep_error err = {0};

	expect_ok(rep_org_finish(company->org, &err), &err);
	company->context = (struct rep_fold_context){
		.schema = company->schema, .org = company->org, .partition_of = partition_of};
}

struct company *company_new(void)
{
	struct company *company = company_of("tests/fixtures/rules");

	company_add(company, "territory", "north", "{'name':'north'}");
	company_add(company, "territory", "t1", "{'name':'one','parent':'north'}");
	company_add(company, "territory", "t2", "{'name':'two','parent':'north'}");
	company_person(company, "ana", ANA, "rep", false);
	company_person(company, "ben", BEN, "rep", false);
	company_person(company, "cleo", CLEO, "senior", false);
	company_person(company, "max", MAX, "manager", false);
	company_person(company, "sue", SUE, "steward", true);
	company_assign(company, "employee", "ana", "t1", "primary", NULL, NULL);
	company_assign(company, "employee", "ana", "t2", "assist", NULL, NULL);
	company_assign(company, "employee", "ben", "t1", "assist", NULL, NULL);
	company_assign(company, "employee", "ben", "t2", "primary", NULL, NULL);
	company_assign(company, "employee", "cleo", "t1", "assist", NULL, NULL);
	company_assign(company, "employee", "max", "north", "primary", NULL, NULL);
	company_assign(company, "account", "A-1", "t1", "primary", NULL, NULL);
	company_assign(company, "account", "A-2", "t2", "primary", NULL, NULL);
	company_finish(company);
	return company;
}

void company_free(struct company *company)
{
	rep_org_free(company->org);
	rep_schema_free(company->schema);
	free(company);
}

static const char *rep_of(const char *device)
{
	static const char *const reps[][2] = {{ANA, "ana"}, {BEN, "ben"}, {CLEO, "cleo"},
					      {MAX, "max"}, {SUE, "sue"}, {HUB, "hub"}};

	for (size_t i = 0; i < sizeof(reps) / sizeof(reps[0]); i++) {
		if (strcmp(reps[i][0], device) == 0)
			return reps[i][1];
	}
	return device;
}

struct owned_edit {
	struct rep_edit edit;
	char entity[41], id[65], stamp[64];
};

struct rep_edit *edit_new(enum rep_op op, const char *entity, const char *id, const char *stamp,
			  const char *line)
{
	static int64_t seq;
	struct owned_edit *owned = calloc(1, sizeof(*owned));

	assert_non_null(owned);
	snprintf(owned->entity, sizeof(owned->entity), "%s", entity);
	snprintf(owned->id, sizeof(owned->id), "%s", id);
	snprintf(owned->stamp, sizeof(owned->stamp), "%s", stamp);
	owned->edit = (struct rep_edit){.op = op,
					.entity = owned->entity,
					.id = owned->id,
					.stamp = owned->stamp,
					.device = rep_stamp_device(owned->stamp),
					.rep = rep_of(rep_stamp_device(owned->stamp)),
					.seq = ++seq,
					.line = quoted_json(line)};
	return &owned->edit;
}

void edit_free(struct rep_edit *edit)
{
	struct rep_json *line = rep_json_ref(edit->line), *verdict = rep_json_ref(edit->verdict);

	rep_json_free(line); /* the reference just taken, and the one it was made with */
	rep_json_free(line);
	rep_json_free(verdict);
	rep_json_free(verdict);
	free(edit);
}
