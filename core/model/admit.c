/* Admission's frame: who, where, which operation. admit_fields.c judges fields, admit_values.c values. */
#include "core/model/admit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/model/admit_run.h"
#include "core/model/fold_run.h"
#include "core/model/id.h"
#include "core/model/value.h"

void rep_admission_clear(struct rep_admission *admission)
{
	rep_json_free(admission->verdict);
	memset(admission, 0, sizeof(*admission));
}

void rep_admit_put(struct rep_admit_run *run, const char *field, enum rep_outcome outcome,
		   const char *code, const char *fmt, ...)
{
	struct rep_admission *out = run->out;
	struct rep_json *entry;
	char text[200];
	va_list args;

	if (outcome == REP_PROPOSED && strcmp(field, "*") != 0 && !rep_admit_passed(run, "*"))
		return; /* the whole change is one */
	if (!out->verdict)
		out->verdict = rep_json_object();
	entry = rep_json_get(out->verdict, field);
	if (!entry) {
		(void)rep_json_set(out->verdict, field, rep_json_object());
		entry = rep_json_get(out->verdict, field);
	}
	if (!rep_json_set_string(entry, "outcome", rep_outcome_name(outcome)) ||
	    !rep_json_set_string(entry, "code", code))
		run->failed = true;
	if (outcome != REP_REJECTED || out->text[0])
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(out->text, sizeof(out->text), "%s%s%s: %s", run->edit->entity,
		 strcmp(field, "*") == 0 ? "" : ".", strcmp(field, "*") == 0 ? "" : field, text);
}

bool rep_admit_passed(const struct rep_admit_run *run, const char *field)
{
	return !rep_json_get_string(rep_json_get(run->out->verdict, field), "outcome");
}

static void flag(struct rep_admit_run *run, const char *text)
{
	struct rep_json *entry = rep_json_object(), *flags = rep_json_array();

	if (!run->out->verdict)
		run->out->verdict = rep_json_object();
	if (!rep_json_append(flags, rep_json_string(text)) ||
	    !rep_json_set(entry, "flags", flags) || !rep_json_set(run->out->verdict, "*", entry))
		run->failed = true;
}

static bool exists(const struct rep_admit_run *run, const char *entity, const char *id)
{
	return !run->context->exists || run->context->exists(run->context->user, entity, id);
}

static bool hold(struct rep_admit_run *run, const char *entity, const char *id)
{
	run->out->held = true;
	snprintf(run->out->waits_for, sizeof(run->out->waits_for), "%s/%s", entity, id);
	return false;
}

/* Refuses the whole change; false, so that it may stand in a return. */
static bool refuse(struct rep_admit_run *run, const char *code, const char *text)
{
	rep_admit_put(run, "*", REP_REJECTED, code, "%s", text);
	return false;
}

/* ---- who ---- */

static bool check_author(struct rep_admit_run *run)
{
	const struct rep_edit *edit = run->edit;
	const char *rep = rep_org_rep_of(run->org, edit->device);

	if (!rep || strcmp(rep, edit->rep) != 0)
		return refuse(run, "wrong-device", "the device is not this rep's");
	if (run->hub)
		return true;
	if (!rep_org_device_active(run->org, edit->device, edit->stamp))
		return refuse(run, "device-inactive", "the device was not active then");
	if (!rep_org_role(run->org, edit->rep, edit->stamp))
		return refuse(run, "not-employed", "the rep had no role then");
	return true;
}

static bool check_target(struct rep_admit_run *run)
{
	const struct rep_edit *edit = run->edit;

	if (!run->entity)
		return refuse(run, "unknown-entity", "the schema has no such entity");
	if (!rep_id_valid(edit->id))
		return refuse(run, "bad-id", "not an id");
	if (edit->op == REP_OP_ERASE && !run->hub)
		return refuse(run, "no-right", "erased by the company only");
	if (edit->op == REP_OP_ERASE && run->entity->builtin != REP_BUILTIN_NONE)
		return refuse(run, "op", "nothing of the organisation is erased");
	if (!run->hub && (run->entity->builtin == REP_BUILTIN_DEVICE ||
			  run->entity->builtin == REP_BUILTIN_ROLE ||
			  run->entity->builtin == REP_BUILTIN_RELEASE ||
			  run->entity->builtin == REP_BUILTIN_REVIEW))
		return refuse(run, "engine", "changed by the company's commands only");
	return true;
}

/* ---- references ---- */

static bool check_reference(struct rep_admit_run *run, const char *entity,
			    const struct rep_json *id)
{
	const char *text = rep_json_string_value(id);

	return !text || !rep_id_valid(text) || exists(run, entity, text) || hold(run, entity, text);
}

static bool check_references(struct rep_admit_run *run, const char *entity,
			     const struct rep_json *ids)
{
	for (size_t i = 0; i < rep_json_size(ids); i++) {
		if (!check_reference(run, entity, rep_json_at(ids, i)))
			return false;
	}
	return true;
}

static bool check_entry(struct rep_admit_run *run, const struct rep_field *list,
			const struct rep_json *entry)
{
	for (size_t i = 0; i < list->fields_len; i++) {
		const struct rep_field *field = &list->fields[i];
		if (field->type == REP_TYPE_REFERENCE &&
		    !check_reference(run, field->to, rep_json_get(entry, field->name)))
			return false;
	}
	return true;
}

static bool check_entries(struct rep_admit_run *run, const struct rep_field *list,
			  const struct rep_json *spec)
{
	const struct rep_json *entry = rep_json_get(spec, "entry");
	const struct rep_json *all = rep_json_get(spec, "new");

	if (entry && !check_entry(run, list, entry))
		return false;
	for (size_t i = 0; i < rep_json_size(all); i++) {
		if (!check_entry(run, list, rep_json_at(all, i)))
			return false;
	}
	return true;
}

/* Waits for the first record that the change refers to and nobody knows. */
static bool check_held(struct rep_admit_run *run)
{
	const struct rep_edit *edit = run->edit;

	if (edit->op != REP_OP_INSERT && edit->op != REP_OP_RESOLVE && !run->record &&
	    !exists(run, edit->entity, edit->id))
		return hold(run, edit->entity, edit->id);
	for (void *it = rep_json_iter(run->values); it; it = rep_json_iter_next(run->values, it)) {
		const struct rep_field *field =
			rep_entity_field(run->entity, rep_json_iter_key(it));
		const struct rep_json *spec = rep_json_iter_value(it);
		bool known = true;
		if (edit->op == REP_OP_DELETE || !field)
			continue;
		if (field->type == REP_TYPE_REFERENCE)
			known = check_reference(run, field->to, rep_json_get(spec, "new"));
		else if (field->type == REP_TYPE_SET && field->of == REP_TYPE_REFERENCE)
			known = check_references(run, field->to, rep_json_get(spec, "add")) &&
				check_references(run, field->to, rep_json_get(spec, "new"));
		else if (field->type == REP_TYPE_LIST)
			known = check_entries(run, field, spec);
		if (!known)
			return false;
	}
	return true;
}

/* ---- where ---- */

/* Where the record lay when it was edited. */
static const char *lay(const struct rep_admit_run *run)
{
	const struct rep_admit_context *context = run->context;
	const char *then = NULL;

	if (context->lay)
		then = context->lay(context->user, run->edit->entity, run->edit->id,
				    run->edit->stamp);
	return then ? then : run->record->partition;
}

/* Where the item of a record lies that is only proposed: there the record would. NULL when nobody knows it. */
static const char *item_lies(const struct rep_admit_run *run)
{
	const struct rep_fold_context *fold = run->context->fold;
	const char *item = rep_json_get_string(run->edit->line, "item");

	if (run->edit->op != REP_OP_RESOLVE || !item || !rep_id_valid(item) || !fold->partition_of)
		return NULL;
	return fold->partition_of(fold->user, "proposal", item);
}

/* The partition that the author meant: of a new record the one that its values give. */
static bool find_partition(struct rep_admit_run *run, struct rep_buf *out)
{
	struct rep_json *fields;
	struct rep_error ignored;
	enum rep_code rc;

	if (!run->new) {
		const char *lies = run->record ? lay(run) : item_lies(run);

		if (lies)
			rep_buf_puts(out, lies);
		return true;
	}
	fields = rep_edit_new_values(run->values);
	run->failed = run->failed || !fields;
	rc = rep_partition_find(out, run->entity, run->edit->id, fields, run->edit->rep,
				run->edit->stamp, run->context->fold, &ignored);
	rep_json_free(fields);
	run->failed = run->failed || rc == REP_ENOMEM || out->failed;
	/* Of a decision the fold says it, or that there is no such proposal: that depends on the order. */
	return rc == REP_OK || run->edit->op == REP_OP_RESOLVE ||
	       refuse(run, "no-partition", "it belongs to no partition");
}

/* Beyond the own territories: a new record as the entity says, an edit as a proposal to who holds it. */
static void out_of_scope(struct rep_admit_run *run)
{
	bool insert = run->edit->op == REP_OP_INSERT;
	/* A decision without a value leaves nothing that could wait for the holder. */
	bool empty = !run->values && run->edit->op != REP_OP_DELETE;

	run->right.anywhere = true;
	/* Nobody accepts into an account that is not theirs what waits for its holder. */
	if (run->entity->outside == REP_OUTSIDE_REJECT || (run->new && !insert) || empty)
		(void)refuse(run, "out-of-territory", "not in the rep's territory then");
	else if (insert && run->entity->outside == REP_OUTSIDE_FLAG)
		flag(run, "out-of-territory");
	else
		rep_admit_put(run, "*", REP_PROPOSED, "out-of-territory",
			      "not in the rep's territory then");
}

/* ---- operations ---- */

static bool may(const struct rep_admit_run *run, const struct rep_terms *terms)
{
	return rep_org_may(run->org, &run->right, terms);
}

/* Can the fold fill the field by itself? Dates and territories depend on more than the edit. */
static bool has_preset(const struct rep_field *field)
{
	const char *text = rep_json_string_value(field->preset);

	if (!field->preset)
		return false;
	return !text || text[0] != '@' || strcmp(text, "@rep") == 0 || strcmp(text, "@now") == 0;
}

static bool is_given(const struct rep_admit_run *run, const struct rep_field *field)
{
	const struct rep_json *spec = rep_json_get(run->values, field->name);
	const struct rep_json *value = rep_json_get(spec, "new");

	if (!value)
		value = rep_json_get(spec, "add");
	if (!value)
		value = rep_json_get(spec, "set");
	return rep_admit_passed(run, field->name) && !rep_value_empty(value);
}

/*
 * An assignment without a begin has held for ever, and the fold would fill in the time of the edit: both may
 * change the past.
 */
static bool must_begin(const struct rep_admit_run *run, const struct rep_field *field)
{
	return !run->hub && run->context->org_since &&
	       run->entity->builtin == REP_BUILTIN_ASSIGNMENT &&
	       strcmp(field->name, "valid_from") == 0;
}

static bool may_lack(const struct rep_admit_run *run, const struct rep_field *field)
{
	return (!field->required || has_preset(field)) && !must_begin(run, field);
}

static void admit_new(struct rep_admit_run *run)
{
	if (!may(run, &run->entity->insert)) {
		/* Accepting a proposal by proposing it again would be no decision. */
		if (run->edit->op == REP_OP_RESOLVE || !may(run, &run->entity->propose)) {
			(void)refuse(run, "no-right", "no right to enter a new record");
			return;
		}
		rep_admit_put(run, "*", REP_PROPOSED, "no-right", "new records are proposed");
	}
	rep_admit_fields(run);
	if (!rep_admit_passed(run, "*"))
		return; /* proposed whole: judged by who accepts it */
	for (size_t i = 0; i < run->entity->fields_len; i++) {
		const struct rep_field *field = &run->entity->fields[i];
		if (may_lack(run, field) || is_given(run, field))
			continue;
		rep_admit_put(run, "*", REP_REJECTED, "required", "%s is required", field->name);
		return;
	}
}

/* Deleting is a write of the record's status. */
static void admit_delete(struct rep_admit_run *run)
{
	const struct rep_role *role = rep_org_role(run->org, run->edit->rep, run->edit->stamp);
	bool held = !run->hub && (!role || role->scope == REP_SCOPE_HELD);

	if (run->entity->deletes == REP_DELETES_NEVER)
		(void)refuse(run, "never-deleted", "such records are never deleted");
	else if (!may(run, &run->entity->write) && !may(run, &run->entity->propose))
		(void)refuse(run, "no-right", "no right to delete it");
	else if (!may(run, &run->entity->write))
		rep_admit_put(run, "*", REP_PROPOSED, "no-right", "deleting is proposed");
	else if (run->entity->deletes == REP_DELETES_ARCHIVE_ONLY && held)
		rep_admit_put(run, "*", REP_PROPOSED, "archive", "archiving is proposed");
}

/* Pairs are joined and taken apart on the company's side; chosen values are an update of the survivor. */
static void admit_alias(struct rep_admit_run *run)
{
	const char *into = rep_json_get_string(run->edit->line, "into");
	const struct rep_role *role = rep_org_role(run->org, run->edit->rep, run->edit->stamp);

	if (!into || !rep_id_valid(into) || strcmp(into, run->edit->id) == 0 || run->values)
		(void)refuse(run, "form", "`into`, another record's id, expected");
	else if (!run->hub &&
		 (!role || role->scope == REP_SCOPE_HELD || !may(run, &run->entity->write)))
		(void)refuse(run, "no-right", "joined by the company only");
	else if (!exists(run, run->edit->entity, into))
		(void)hold(run, run->edit->entity, into);
}

static bool is_decision(const char *decision)
{
	static const char *const names[] = {"accept", "decline", "withdraw"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(decision, names[i]) == 0)
			return true;
	}
	return false;
}

static bool decides(const struct rep_edit *edit, const char *what)
{
	const char *decision = rep_json_get_string(edit->line, "decision");

	return edit->op == REP_OP_RESOLVE && decision && strcmp(decision, what) == 0;
}

static void admit_resolve(struct rep_admit_run *run)
{
	const char *item = rep_json_get_string(run->edit->line, "item");
	const char *decision = rep_json_get_string(run->edit->line, "decision");

	if (!item || !rep_id_valid(item) ||
	    (decision && !is_decision(decision) && !(run->hub && strcmp(decision, "expire") == 0)))
		(void)refuse(run, "form", "`item` and a decision expected");
	else if (decides(run->edit, "accept") && rep_json_size(run->values) == 0)
		(void)refuse(run, "form", "`values` of the accepted proposal expected");
	else if (run->new)
		admit_new(run);
	else if (!run->values && !decides(run->edit, "withdraw") && !may(run, &run->entity->write))
		(void)refuse(run, "no-right", "no right to decide it");
	else
		rep_admit_fields(run);
}

static void admit_op(struct rep_admit_run *run)
{
	switch (run->edit->op) {
	case REP_OP_INSERT:
		admit_new(run);
		return;
	case REP_OP_UPDATE:
		if (run->values)
			rep_admit_fields(run);
		else
			(void)refuse(run, "form", "`values` expected");
		return;
	case REP_OP_DELETE:
		admit_delete(run);
		return;
	case REP_OP_RESTORE:
		if (!may(run, &run->entity->write))
			(void)refuse(run, "no-right", "no right to restore it");
		return;
	case REP_OP_ALIAS:
	case REP_OP_UNALIAS:
		admit_alias(run);
		return;
	case REP_OP_RESOLVE:
		admit_resolve(run);
		return;
	case REP_OP_ERASE:
		return; /* the hub's own; there is nothing of it to be judged */
	}
}

static void judge(struct rep_admit_run *run)
{
	struct rep_buf partition = REP_BUF_INIT(2 * REP_ID_LEN_MAX);

	if (check_target(run) && check_author(run) && check_held(run) &&
	    find_partition(run, &partition)) {
		run->right.partition = partition.len ? rep_buf_str(&partition) : NULL;
		/* One's own proposal is taken back from anywhere; the fold sees to it that it is. */
		if (run->right.partition && !run->hub && !decides(run->edit, "withdraw") &&
		    !rep_org_in_scope(run->org, run->edit->rep, run->right.partition,
				      run->edit->stamp))
			out_of_scope(run);
		const char *whole =
			rep_json_get_string(rep_json_get(run->out->verdict, "*"), "outcome");
		if (!whole || strcmp(whole, rep_outcome_name(REP_REJECTED)) != 0)
			admit_op(run);
	}
	rep_buf_clear(&partition);
}

enum rep_code rep_admit(struct rep_admission *out, const struct rep_edit *edit,
			const struct rep_record *record, const struct rep_admit_context *context,
			struct rep_error *err)
{
	const struct rep_org_device *device = rep_org_device(context->fold->org, edit->device);
	struct rep_admit_run run = {
		.out = out,
		.edit = edit,
		.record = record,
		.context = context,
		.schema = context->fold->schema,
		.org = context->fold->org,
		.entity = rep_schema_entity(context->fold->schema, edit->entity),
		.values = rep_json_get(edit->line, "values"),
		.hub = strcmp(edit->rep, "hub") == 0,
		.desk = device && device->desk,
		.new = edit->op == REP_OP_INSERT || (!record && decides(edit, "accept")),
	};

	memset(out, 0, sizeof(*out));
	run.right = (struct rep_right){
		.rep = edit->rep,
		.device = edit->device,
		.time = edit->stamp,
		.entity = edit->entity,
		.id = edit->id,
		.author = record && edit->op != REP_OP_INSERT ? record->created_rep : NULL,
	};
	judge(&run);
	if (run.failed) {
		rep_admission_clear(out);
		return rep_fail(err, REP_ENOMEM, "admit %s %s", edit->entity, edit->id);
	}
	return REP_OK;
}
