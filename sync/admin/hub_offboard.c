/*
 * A rep leaves: who gets the accounts, what ends, and the report. Each part is looked at before it is written, so that a command that
 * was killed is simply given again.
 */
#include <stdlib.h>
#include <string.h>

#include "core/store/large_read.h"
#include "core/store/reassign.h"
#include "sync/admin/reassign.h"
#include "sync/hub/hub_line.h"
#include "sync/hub/leaving.h"

#define READS_MS (28LL * 24 * 60 * 60 * 1000)

struct leaving {
	struct rep_hub *hub;
	const struct rep_hub_offboard *asked;
	int64_t now_ms;
	char now[REP_TIME_LEN + 1];
	char since[REP_TIME_LEN + 1]; /* the time that counts */
	char from[REP_TIME_LEN + 1];  /* when accounts change hands: not before now */
	const struct rep_entity *rep, *assignment, *role;
	struct rep_hub_batch *batch; /* NULL in a preview */
	struct rep_json *posts;      /* [territory] that the rep holds as primary */
	struct rep_json *accounts;   /* [id] that belong to them */
	struct rep_json *held;       /* [territory] that the successor holds already */
	struct rep_json *report;
	bool any; /* something was added to the batch */
};

static const char *text_of(const struct rep_record *record, const char *field)
{
	const char *text = rep_json_string_value(rep_record_value(record, field));

	return text ? text : "";
}

static bool is_in(const struct rep_json *list, const char *text)
{
	for (size_t i = 0; i < rep_json_size(list); i++)
		if (strcmp(rep_json_string_value(rep_json_at(list, i)), text) == 0)
			return true;
	return false;
}

/* In force now, or to come. */
static bool is_current(const struct rep_record *record, const char *time)
{
	const char *to = text_of(record, "valid_to");

	return !record->deleted && (!*to || strcmp(to, time) > 0);
}

/* ---- what there is ---- */

static enum rep_code note_posts(void *user, struct rep_record *record, struct rep_error *err)
{
	struct leaving *leaving = user;
	const char *subject = text_of(record, "subject"), *territory = text_of(record, "territory");

	(void)err;
	if (!is_current(record, leaving->now) ||
	    strcmp(text_of(record, "subject_entity"), leaving->rep->name) != 0 ||
	    strcmp(text_of(record, "kind"), "assist") == 0)
		return REP_OK;
	if (strcmp(subject, leaving->asked->rep) == 0 && !is_in(leaving->posts, territory))
		rep_json_append(leaving->posts, rep_json_string(territory));
	if (leaving->asked->successor && strcmp(subject, leaving->asked->successor) == 0)
		rep_json_append(leaving->held, rep_json_string(territory));
	return REP_OK;
}

static enum rep_code note_accounts(void *user, struct rep_record *record, struct rep_error *err)
{
	struct leaving *leaving = user;
	const char *subject = text_of(record, "subject");
	const struct rep_entity *entity =
		rep_schema_entity(leaving->hub->schema, text_of(record, "subject_entity"));

	(void)err;
	if (is_current(record, leaving->now) && entity && rep_entity_is_account(entity) &&
	    strcmp(text_of(record, "kind"), "assist") != 0 &&
	    is_in(leaving->posts, text_of(record, "territory")) &&
	    !is_in(leaving->accounts, subject))
		rep_json_append(leaving->accounts, rep_json_string(subject));
	return REP_OK;
}

static enum rep_code count_in(struct leaving *leaving, const struct rep_entity *entity,
			      const char *accounts, int64_t *out, struct rep_error *err)
{
	struct rep_buf sql = REP_BUF_INIT(1024);
	struct rep_stmt *stmt;
	bool row = false;
	enum rep_code rc;

	*out = 0;
	rep_buf_puts(&sql, "SELECT count(*) FROM ");
	rep_db_quote(&sql, rep_table_name(entity));
	rep_buf_puts(&sql, " WHERE _deleted IS NULL AND _partition IN"
			   " (SELECT value FROM json_each(?1))");
	rc = rep_buf_check(&sql, "a statement", err);
	if (rc == REP_OK)
		rc = rep_db_use(leaving->hub->db, &stmt, rep_buf_str(&sql), err);
	rep_buf_clear(&sql);
	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, accounts);
	rc = rep_step(stmt, &row, err);
	if (rc == REP_OK && row)
		*out = rep_column_int(stmt, 0);
	rep_stmt_reset(stmt);
	return rc;
}

/* {entity: n} of what lies in the accounts. */
static enum rep_code count_records(struct leaving *leaving, const struct rep_json *accounts,
				   struct rep_json **out, struct rep_error *err)
{
	const struct rep_schema *schema = leaving->hub->schema;
	char *text = rep_json_text(accounts);
	enum rep_code rc = text ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	*out = rep_json_object();
	for (size_t i = 0; rc == REP_OK && i < schema->entities_len; i++) {
		int64_t n;

		if (schema->entities[i].builtin != REP_BUILTIN_NONE)
			continue;
		rc = count_in(leaving, &schema->entities[i], text, &n, err);
		if (rc == REP_OK && n)
			rep_json_set_integer(*out, schema->entities[i].name, n);
	}
	free(text);
	return rc;
}

/* ---- what is asked ---- */

static enum rep_code name_of(struct leaving *leaving, const char *rep, struct rep_json *row,
			     struct rep_error *err)
{
	struct rep_record *record = NULL;
	enum rep_code rc = rep_row_get(leaving->hub->db, leaving->rep, rep, &record, err);

	if (rc == REP_OK && !record)
		rc = rep_fail(err, REP_ENOTFOUND, "there is no rep %s", rep);
	if (rc == REP_OK)
		rep_json_set_string(row, "name", text_of(record, "name"));
	rep_record_free(record);
	return rc;
}

static enum rep_code check_successor(const struct leaving *leaving, const char *successor,
				     struct rep_error *err)
{
	if (!rep_org_has_rep(leaving->hub->org, successor))
		return rep_fail(err, REP_ENOTFOUND, "there is no rep %s", successor);
	if (strcmp(successor, leaving->asked->rep) == 0)
		return rep_fail(err, REP_EREFUSED, "%s cannot succeed themselves", successor);
	if (!rep_org_role(leaving->hub->org, successor, leaving->from))
		return rep_fail(err, REP_EREFUSED, "%s has no role then", successor);
	return REP_OK;
}

/* The accounts that the plan names, as a set; none of them twice, since who would have it then? */
static enum rep_code planned(const struct leaving *leaving, struct rep_json **out,
			     struct rep_error *err)
{
	const struct rep_hub_heir *plan = leaving->asked->plan;

	*out = rep_json_object();
	for (size_t i = 0; i < leaving->asked->plan_len; i++) {
		if (plan[i].entity)
			continue;
		if (rep_json_get(*out, plan[i].subject))
			return rep_fail(err, REP_EREFUSED, "the plan names %.200s twice",
					plan[i].subject);
		if (!rep_json_set(*out, plan[i].subject, rep_json_bool(true)))
			return rep_fail(err, REP_ENOMEM, "out of memory");
	}
	return REP_OK;
}

/* Nobody is left over. */
static enum rep_code check_plan(const struct leaving *leaving, struct rep_error *err)
{
	struct rep_buf left = REP_BUF_INIT(4096);
	struct rep_json *named;
	size_t n = 0;
	enum rep_code rc = planned(leaving, &named, err);

	for (size_t i = 0; rc == REP_OK && i < leaving->asked->plan_len; i++)
		rc = check_successor(leaving, leaving->asked->plan[i].successor, err);
	for (size_t i = 0; rc == REP_OK && i < rep_json_size(leaving->accounts); i++) {
		const char *account = rep_json_string_value(rep_json_at(leaving->accounts, i));

		if (rep_json_get(named, account))
			continue;
		if (n++ < 8)
			rep_buf_printf(&left, " %s", account);
	}
	rep_json_free(named);
	if (n) {
		rc = rep_fail(err, REP_EREFUSED, "the plan leaves %zu account%s to nobody:%s%s", n,
			      n == 1 ? "" : "s", rep_buf_str(&left), n > 8 ? " ..." : "");
		rep_hint(err, "every account of the rep's posts needs a line");
	}
	rep_buf_clear(&left);
	return rc;
}

/* ---- the accounts ---- */

static struct rep_json *successor_row(struct leaving *leaving, const char *successor,
				      enum rep_code *rc, struct rep_error *err)
{
	struct rep_json *rows = rep_json_get(leaving->report, "successors"), *row;

	for (size_t i = 0; i < rep_json_size(rows); i++)
		if (strcmp(rep_json_get_string(rep_json_at(rows, i), "rep"), successor) == 0)
			return rep_json_at(rows, i);
	row = rep_json_object();
	rep_json_set_string(row, "rep", successor);
	rep_json_set(row, "territories", rep_json_array());
	rep_json_set(row, "records", rep_json_object());
	*rc = name_of(leaving, successor, row, err);
	rep_json_append(rows, row);
	return row;
}

static void add_counts(struct rep_json *row, const struct rep_json *records)
{
	struct rep_json *sum = rep_json_get(row, "records");

	for (void *it = rep_json_iter(records); it; it = rep_json_iter_next(records, it))
		rep_json_set_integer(sum, rep_json_iter_key(it),
				     rep_json_get_integer(sum, rep_json_iter_key(it)) +
					     rep_json_integer_value(rep_json_iter_value(it)));
}

/* Accounts, or records of one entity, that the plan gives to one successor. */
static enum rep_code give(struct leaving *leaving, const char *entity, const char *successor,
			  const char **ids, size_t len, struct rep_error *err)
{
	struct rep_reassign reassign = {.entity = entity,
					.ids = ids,
					.len = len,
					.from_time = leaving->asked->at ? leaving->from : NULL,
					.reason = leaving->asked->reason};
	struct rep_json *told = NULL, *row;
	char **territories = NULL;
	size_t n = 0;
	enum rep_code rc = rep_org_territories(leaving->hub->org, successor, leaving->from,
					       &territories, &n, err);

	if (rc == REP_OK && !n)
		rc = rep_fail(err, REP_EREFUSED, "%s holds no post that accounts could go to",
			      successor);
	if (rc == REP_OK) {
		reassign.to = territories[0];
		rc = rep_hub_reassign(leaving->hub, &reassign, leaving->asked->preview,
				      leaving->now_ms, &told, err);
	}
	if (rc == REP_OK) {
		row = successor_row(leaving, successor, &rc, err);
		add_counts(row, rep_json_get(told, "records"));
		if (!is_in(rep_json_get(row, "territories"), reassign.to))
			rep_json_append(rep_json_get(row, "territories"),
					rep_json_string(reassign.to));
	}
	for (size_t i = 0; i < n; i++)
		free(territories[i]);
	free(territories);
	rep_json_free(told);
	return rc;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static enum rep_code give_all(struct leaving *leaving, struct rep_error *err)
{
	const struct rep_hub_heir *plan = leaving->asked->plan;
	const size_t len = leaving->asked->plan_len;
	const char **ids = calloc(len + 1, sizeof *ids);
	bool *done = calloc(len + 1, sizeof *done);
	enum rep_code rc = ids && done ? REP_OK : rep_fail(err, REP_ENOMEM, "out of memory");

	for (size_t i = 0; rc == REP_OK && i < len; i++) {
		size_t n = 0;

		for (size_t k = i; !done[i] && k < len; k++) {
			if (done[k] || !same_text(plan[k].entity, plan[i].entity) ||
			    strcmp(plan[k].successor, plan[i].successor) != 0)
				continue;
			ids[n++] = plan[k].subject;
			done[k] = k != i;
		}
		if (n)
			rc = give(leaving, plan[i].entity, plan[i].successor, ids, n, err);
		done[i] = true;
	}
	free(ids);
	free(done);
	return rc;
}

/* ---- what ends ---- */

static enum rep_code end(struct leaving *leaving, const struct rep_record *record,
			 struct rep_error *err)
{
	struct rep_json *line = rep_line_new();

	rep_line_change(line, record, "valid_to", rep_json_string(leaving->from));
	leaving->any = true;
	return rep_hub_batch_add(leaving->batch, REP_OP_UPDATE, record->entity->name, record->id,
				 line, err);
}

static enum rep_code end_role(void *user, struct rep_record *record, struct rep_error *err)
{
	struct leaving *leaving = user;

	return strcmp(text_of(record, "rep"), leaving->asked->rep) == 0 &&
			       is_current(record, leaving->from)
		       ? end(leaving, record, err)
		       : REP_OK;
}

static enum rep_code end_post(void *user, struct rep_record *record, struct rep_error *err)
{
	struct leaving *leaving = user;

	return strcmp(text_of(record, "subject_entity"), leaving->rep->name) == 0 &&
			       strcmp(text_of(record, "subject"), leaving->asked->rep) == 0 &&
			       is_current(record, leaving->from)
		       ? end(leaving, record, err)
		       : REP_OK;
}

static enum rep_code succeed(struct leaving *leaving, const char *territory, struct rep_error *err)
{
	struct rep_json *line = rep_line_new();
	char id[REP_ID_LEN_MAX + 1];

	rep_line_put_text(line, "subject_entity", leaving->rep->name);
	rep_line_put_text(line, "subject", leaving->asked->successor);
	rep_line_put_text(line, "territory", territory);
	rep_line_put_text(line, "kind", "primary");
	rep_line_put_text(line, "valid_from", leaving->from);
	rep_line_presets(line, leaving->assignment);
	rep_line_id(id, leaving->now_ms);
	leaving->any = true;
	return rep_hub_batch_add(leaving->batch, REP_OP_INSERT, leaving->assignment->name, id, line,
				 err);
}

static enum rep_code revoke_devices(struct leaving *leaving, struct rep_error *err)
{
	const struct rep_org_device *devices;
	size_t len = rep_org_devices(leaving->hub->org, &devices);
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < len; i++) {
		if (!devices[i].rep || strcmp(devices[i].rep, leaving->asked->rep) != 0 ||
		    rep_hub_has_left(&devices[i], leaving->since))
			continue;
		leaving->any = true;
		rc = rep_hub_revoke_line(leaving->hub, leaving->batch, devices[i].id,
					 leaving->since, err);
	}
	return rc;
}

/* Roles, posts and devices in one change set: there is no time at which half of it holds. */
static enum rep_code end_all(struct leaving *leaving, struct rep_error *err)
{
	struct rep_hub *hub = leaving->hub;
	enum rep_code rc = rep_hub_batch_new(&leaving->batch, hub, leaving->asked->reason,
					     leaving->now_ms, err);

	if (rc != REP_OK)
		return rc;
	rc = revoke_devices(leaving, err);
	if (rc == REP_OK)
		rc = rep_row_each(hub->db, leaving->role, NULL, end_role, leaving, err);
	if (rc == REP_OK)
		rc = rep_row_each(hub->db, leaving->assignment, NULL, end_post, leaving, err);
	for (size_t i = 0;
	     rc == REP_OK && leaving->asked->successor && i < rep_json_size(leaving->posts); i++) {
		const char *post = rep_json_string_value(rep_json_at(leaving->posts, i));

		if (!is_in(leaving->held, post))
			rc = succeed(leaving, post, err);
	}
	if (rc != REP_OK || !leaving->any) {
		rep_hub_batch_free(leaving->batch);
		return rc;
	}
	return rep_hub_apply(hub, leaving->batch, leaving->now_ms, err);
}

/* ---- the report ---- */

static enum rep_code tell_successor(struct leaving *leaving, const struct rep_json *records,
				    struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	struct rep_json *row;

	if (!leaving->asked->successor)
		return REP_OK;
	row = successor_row(leaving, leaving->asked->successor, &rc, err);
	add_counts(row, records);
	rep_json_set(row, "territories", rep_json_ref(leaving->posts));
	return rc;
}

static enum rep_code tell_devices(struct leaving *leaving, struct rep_error *err)
{
	struct rep_json *rows = NULL;
	enum rep_code rc =
		rep_hub_devices(leaving->hub, leaving->asked->rep, leaving->now_ms, &rows, err);

	for (size_t i = 0; rc == REP_OK && i < rep_json_size(rows); i++)
		rc = rep_hub_put_last(leaving->hub, rep_json_at(rows, i), leaving->now_ms, err);
	rep_json_set(leaving->report, "devices", rows ? rows : rep_json_array());
	return rc;
}

/* Large reads of the last weeks, which the laptops noted (core/store/large_read.h). */
static enum rep_code tell_reads(struct leaving *leaving, struct rep_error *err)
{
	struct rep_json *list = rep_json_array();
	char from[REP_TIME_LEN + 1];
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc = rep_db_use(
		leaving->hub->db, &stmt,
		"SELECT device, stamp, json_extract(line, '$.values.command.new'),"
		" json_extract(line, '$.values.asked.new'), json_extract(line, '$.values.rows_read.new')"
		" FROM _change WHERE entity = ?1 AND rep = ?2 AND op = 'insert' AND eff >= ?3"
		" ORDER BY eff",
		err);

	rep_json_set(leaving->report, "large_reads", list);
	if (rc != REP_OK)
		return rc;
	rep_time_format(from, leaving->now_ms - READS_MS);
	rep_bind_text(stmt, 1, REP_ACCESS_ENTITY);
	rep_bind_text(stmt, 2, leaving->asked->rep);
	rep_bind_text(stmt, 3, from);
	while (rc == REP_OK && (rc = rep_step(stmt, &row, err)) == REP_OK && row) {
		struct rep_json *one = rep_json_object();
		const char *query = rep_column_text(stmt, 3, NULL);

		rep_json_set_string(one, "device", rep_column_text(stmt, 0, NULL));
		rep_json_set_string(one, "stamp", rep_column_text(stmt, 1, NULL));
		rep_json_set_string(one, "command", rep_column_text(stmt, 2, NULL));
		rep_json_set(one, "query", query ? rep_json_string(query) : rep_json_null());
		rep_json_set_integer(one, "rows", rep_column_int(stmt, 4));
		rep_json_append(list, one);
	}
	rep_stmt_reset(stmt);
	return rc;
}

static enum rep_code begin(struct leaving *leaving, struct rep_error *err)
{
	struct rep_hub *hub = leaving->hub;
	struct rep_json *records = NULL;
	enum rep_code rc = name_of(leaving, leaving->asked->rep, leaving->report, err);

	if (rc == REP_OK && leaving->asked->successor)
		rc = check_successor(leaving, leaving->asked->successor, err);
	if (rc == REP_OK)
		rc = rep_row_each(hub->db, leaving->assignment, NULL, note_posts, leaving, err);
	if (rc == REP_OK)
		rc = rep_row_each(hub->db, leaving->assignment, NULL, note_accounts, leaving, err);
	if (rc == REP_OK && !leaving->asked->successor)
		rc = check_plan(leaving, err);
	if (rc == REP_OK)
		rc = count_records(leaving, leaving->accounts, &records, err);
	if (rc == REP_OK)
		rc = tell_successor(leaving, records, err);
	rep_json_set(leaving->report, "records", records ? records : rep_json_object());
	return rc;
}

static enum rep_code carry_out(struct leaving *leaving, struct rep_error *err)
{
	struct rep_json *summary = NULL;
	enum rep_code rc = begin(leaving, err);

	if (rc == REP_OK && !leaving->asked->successor)
		rc = give_all(leaving, err);
	if (rc == REP_OK && !leaving->asked->preview)
		rc = end_all(leaving, err);
	if (rc == REP_OK && !leaving->asked->preview)
		rc = rep_hub_merge_all(leaving->hub, leaving->now_ms, &summary, err);
	rep_json_free(summary);
	if (rc == REP_OK)
		rc = tell_reads(leaving, err);
	return rc == REP_OK ? tell_devices(leaving, err) : rc;
}

enum rep_code rep_hub_offboard(struct rep_hub *hub, const struct rep_hub_offboard *offboard,
			       int64_t now_ms, struct rep_json **report, struct rep_error *err)
{
	struct leaving leaving = {.hub = hub,
				  .asked = offboard,
				  .now_ms = now_ms,
				  .role = rep_schema_entity(hub->schema, "role"),
				  .posts = rep_json_array(),
				  .accounts = rep_json_array(),
				  .held = rep_json_array(),
				  .report = rep_json_object()};
	enum rep_code rc = rep_hub_builtin(hub, REP_BUILTIN_REP, &leaving.rep, err);

	*report = NULL;
	rep_time_format(leaving.now, now_ms);
	memcpy(leaving.since, offboard->at ? offboard->at : leaving.now, REP_TIME_LEN + 1);
	memcpy(leaving.from, strcmp(leaving.since, leaving.now) > 0 ? leaving.since : leaving.now,
	       REP_TIME_LEN + 1);
	if (rc == REP_OK)
		rc = rep_hub_builtin(hub, REP_BUILTIN_ASSIGNMENT, &leaving.assignment, err);
	rep_json_set_string(leaving.report, "rep", offboard->rep);
	rep_json_set_string(leaving.report, "effective", leaving.since);
	rep_json_set_string(leaving.report, "reason", offboard->reason ? offboard->reason : "");
	rep_json_set(leaving.report, "preview", rep_json_bool(offboard->preview));
	rep_json_set(leaving.report, "successors", rep_json_array());
	if (rc == REP_OK)
		rc = carry_out(&leaving, err);
	rep_json_free(leaving.posts);
	rep_json_free(leaving.accounts);
	rep_json_free(leaving.held);
	if (rc == REP_OK)
		*report = leaving.report;
	else
		rep_json_free(leaving.report);
	return rep_wrap(err, rc, "offboard %s", offboard->rep);
}
