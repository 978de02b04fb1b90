#include "help_hub.h"

#include <stdio.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/model/fold.h"
#include "core/model/id.h"
#include "core/store/tables.h"
#include "sync/audit/audit.h"
#include "sync/mailbox/document.h"
#include "sync/mailbox/mailbox.h"

static struct rep_error err;

const char insert_doctor[] =
	"{\"values\":{\"name\":{\"new\":\"陈建国\"},\"kind\":{\"new\":\"医务人员\"},"
	"\"org\":{\"new\":\"O-0101\"}}}";

struct rep_hub *hub_make(char *dir, size_t size)
{
	return hub_make_of(dir, size, "schema");
}

struct rep_hub *hub_make_of(char *dir, size_t size, const char *schema_dir)
{
	struct rep_hub *hub;
	char schema[4096];
	char *made = NULL;

	snprintf(schema, sizeof schema, "%s", source_path(schema_dir));
	expect_ok(rep_dir_private(&made, "repsync-hub", &err), &err);
	snprintf(dir, size, "%s/hub", made);
	free(made);
	expect_ok(rep_hub_init(dir,
			       &(struct rep_hub_init){.schema_dir = schema,
						      .company = "华康医药",
						      .now_ms = HUB_T0},
			       &err),
		  &err);
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
	return hub;
}

struct rep_hub *hub_reopen(struct rep_hub *hub, const char *dir)
{
	rep_hub_close(hub);
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
	return hub;
}

struct rep_hub *hub_rebuild(struct rep_hub *hub, const char *dir)
{
	rep_hub_close(hub);
	expect_ok(rep_hub_rebuild(dir, NULL, &err), &err);
	expect_ok(rep_hub_open(&hub, dir, false, &err), &err);
	return hub;
}

void hub_drop(struct rep_hub *hub, const char *dir)
{
	char parent[4096];

	rep_hub_close(hub);
	snprintf(parent, sizeof parent, "%.*s", (int)(strlen(dir) - strlen("/hub")), dir);
	expect_ok(rep_dir_remove(parent, &err), &err);
}

void hub_person(struct rep_hub *hub, const char *rep, const char *role, const char *territory,
		int64_t now_ms)
{
	const struct rep_hub_rep row = {.rep = rep,
					.name = "王小磊",
					.role = role,
					.territories = &territory,
					.territories_len = territory ? 1 : 0};

	if (territory)
		expect_ok(rep_hub_territory(hub, REP_TERRITORY_ADD, territory, NULL, NULL, NULL, 0,
					    now_ms, &err),
			  &err);
	expect_ok(rep_hub_rep_add(hub, &row, now_ms, &err), &err);
}

void hub_cover(struct rep_hub *hub, const char *territory, const char *partition, int64_t now_ms)
{
	expect_ok(rep_hub_territory(hub, REP_TERRITORY_ADD, territory, NULL, NULL, &partition, 1,
				    now_ms, &err),
		  &err);
}

static struct rep_json *parse(const char *text)
{
	struct rep_json *out;

	expect_ok(rep_json_parse(&out, text, strlen(text), REP_LINE_SIZE_MAX, REP_JSON_DEPTH_MAX,
				 &err),
		  &err);
	return out;
}

void hub_org(struct rep_hub *hub, const char *id, const char *name, int64_t now_ms)
{
	const struct rep_hub_merge own = {.now_ms = now_ms, .own_only = true};
	struct rep_hub_batch *batch;
	struct rep_json *summary;
	char line[512];

	snprintf(line, sizeof line,
		 "{\"values\":{\"name\":{\"new\":\"%s\"},\"sub_kind\":{\"new\":\"医院\"}}}", name);
	expect_ok(rep_hub_batch_new(&batch, hub, "import", now_ms, &err), &err);
	expect_ok(rep_hub_batch_add(batch, REP_OP_INSERT, "org", id, parse(line), &err), &err);
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
	expect_ok(rep_hub_merge(hub, &own, &summary, &err), &err);
	if (rep_json_get_integer(summary, "applied") < 1 ||
	    rep_json_get_integer(summary, "rejected"))
		fail_msg("the hub's own change was not applied: %s", rep_json_text(summary));
	rep_json_free(summary);
}

/* ---- laptops ---- */

/* A commit on top of the mailbox's outbox, as a device on a folder makes it. */
static void push_files(const char *dir, const struct laptop *laptop,
		       const struct rep_outbox_file *files, size_t len, int64_t now_ms)
{
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_oid tip, made;
	char mailbox[4096];

	snprintf(mailbox, sizeof mailbox, "%s/mailboxes/%s.git", dir, laptop->id);
	expect_ok(rep_git_open(&git, mailbox, &err), &err);
	expect_ok(rep_git_ref(git, REP_OUTBOX, &tip, &err), &err);
	expect_ok(rep_pack_new(&pack, git, &err), &err);
	expect_ok(rep_outbox_commit_files(pack, &tip, files, len, now_ms / 1000, laptop->id, &made,
					  &err),
		  &err);
	expect_ok(rep_pack_commit(pack, NULL, &err), &err);
	expect_ok(rep_git_refresh(git, &err), &err);
	expect_ok(rep_git_cas(git, REP_OUTBOX, &tip, &made, &err), &err);
	rep_pack_free(pack);
	rep_git_close(git);
}

static void push(const char *dir, const struct laptop *laptop, const char *path, const void *data,
		 size_t len, int64_t now_ms)
{
	push_files(dir, laptop, &(struct rep_outbox_file){path, data, len}, 1, now_ms);
}

static void enroll_as(struct laptop *laptop, struct rep_hub *hub, const char *rep, bool desk,
		      int64_t now_ms)
{
	const struct rep_hub_enroll enroll = {.rep = rep, .desk = desk, .valid_ms = 86400000};
	struct rep_buf text = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	struct rep_json *invitation;
	static uint8_t seed[32];

	*laptop = (struct laptop){.sets = REP_BUF_INIT(REP_SEGMENT_HARD_MAX), .first = 1};
	seed[0]++;
	rep_key_from_seed(&laptop->key, seed);
	snprintf(laptop->rep, sizeof laptop->rep, "%s", rep);
	snprintf(laptop->schema, sizeof laptop->schema, "%s", rep_hub_schema(hub)->id);
	memcpy(laptop->hash, rep_changeset_no_prev, sizeof laptop->hash);
	expect_ok(rep_hub_enroll(hub, &enroll, now_ms, &invitation, &err), &err);
	snprintf(laptop->id, sizeof laptop->id, "%s", rep_json_get_string(invitation, "device"));
	expect_ok(rep_enrolment_write(&text, laptop->id, &laptop->key, NULL, NULL,
				      rep_json_get_string(invitation, "secret"), &err),
		  &err);
	push(rep_hub_dir(hub), laptop, "enrol.json", text.data, text.len, now_ms);
	rep_buf_clear(&text);
	rep_json_free(invitation);
}

void laptop_enroll(struct laptop *laptop, struct rep_hub *hub, const char *rep, int64_t now_ms)
{
	enroll_as(laptop, hub, rep, false, now_ms);
}

void desk_enroll(struct laptop *laptop, struct rep_hub *hub, const char *rep, int64_t now_ms)
{
	enroll_as(laptop, hub, rep, true, now_ms);
}

void laptop_change(struct laptop *laptop, const char *op, const char *entity, const char *id,
		   int64_t now_ms, const char *line)
{
	struct rep_change change = {.line = parse(line)};
	struct rep_changeset set = {.rep = laptop->rep,
				    .schema = laptop->schema,
				    .seq = laptop->seq + 1,
				    .base_epoch = 1,
				    .changes = &change,
				    .changes_len = 1};
	char entity_name[64], record_id[80];

	snprintf(entity_name, sizeof entity_name, "%s", entity);
	snprintf(record_id, sizeof record_id, "%s", id);
	change.entity = entity_name;
	change.id = record_id;
	assert_true(rep_op_parse(&change.op, op));
	rep_json_set_string(change.line, "salt", "00112233445566778899aabbccddeeff");
	if (!rep_json_get(change.line, "reason"))
		rep_json_set_string(change.line, "reason", "");
	rep_clock_tick(&laptop->clock, now_ms, laptop->id, &change.stamp);
	memcpy(set.device, laptop->id, sizeof set.device);
	memcpy(set.prev, laptop->hash, sizeof set.prev);
	rep_time_format(set.sealed, now_ms);
	expect_ok(rep_changeset_seal(&laptop->sets, &set, &laptop->key, &err), &err);
	laptop->seq++;
	memcpy(laptop->hash, set.hash, sizeof laptop->hash);
	rep_json_free(change.line);
}

const char *laptop_stamp(const struct laptop *laptop)
{
	static struct rep_stamp stamp;

	rep_stamp_make(&stamp, laptop->clock.ms, laptop->clock.counter, laptop->id);
	return stamp.text;
}

static void segment_path(char out[64], const struct laptop *laptop, const char *end, int64_t now_ms)
{
	char time[REP_TIME_LEN + 1];

	rep_time_format(time, now_ms);
	snprintf(out, 64, "%.7s/%lld-%lld%s", time, (long long)laptop->first,
		 (long long)laptop->seq, end);
}

void laptop_push(const struct laptop *laptop, const char *dir, int64_t now_ms)
{
	char path[64];

	segment_path(path, laptop, ".jsonl", now_ms);
	push(dir, laptop, path, laptop->sets.data, laptop->sets.len, now_ms);
}

void laptop_push_again(const struct laptop *laptop, const char *dir, const char *receipt,
		       int64_t now_ms)
{
	char path[64], receipt_path[64];
	const struct rep_outbox_file files[] = {
		{path, laptop->sets.data, laptop->sets.len},
		{receipt_path, receipt, strlen(receipt)},
	};

	segment_path(path, laptop, ".jsonl", now_ms);
	segment_path(receipt_path, laptop, ".receipt.json", now_ms);
	push_files(dir, laptop, files, 2, now_ms);
}

void laptop_send(struct laptop *laptop, const char *dir, int64_t now_ms)
{
	laptop_push(laptop, dir, now_ms);
	rep_buf_reset(&laptop->sets);
	laptop->first = laptop->seq + 1;
}

void laptop_clear(struct laptop *laptop)
{
	rep_buf_clear(&laptop->sets);
}

/* ---- looking ---- */

struct rep_json *hub_run(struct rep_hub *hub, int64_t now_ms)
{
	struct rep_json *summary;

	expect_ok(rep_hub_merge(hub, &(struct rep_hub_merge){.now_ms = now_ms}, &summary, &err),
		  &err);
	return summary;
}

void hub_run_quietly(struct rep_hub *hub, int64_t now_ms)
{
	rep_json_free(hub_run(hub, now_ms));
}

static char *file_of(struct rep_git *git, const char *ref, const char *path)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_oid head, tree, parent, oid;
	int64_t time_s;
	bool is_tree;

	expect_ok(rep_git_ref(git, ref, &head, &err), &err);
	if (rep_oid_is_zero(&head))
		return NULL;
	expect_ok(rep_git_commit_read(git, &head, &tree, &parent, &time_s, &err), &err);
	expect_ok(rep_tree_find(git, &tree, path, &oid, &is_tree, &err), &err);
	if (rep_oid_is_zero(&oid) || is_tree)
		return NULL;
	expect_ok(rep_git_read(git, &oid, REP_OBJECT_BLOB, &bytes, &err), &err);
	return rep_buf_take(&bytes);
}

char *central_file(struct rep_hub *hub, const char *path)
{
	return file_of(rep_hub_central(hub), "refs/heads/main", path);
}

char *mailbox_file(const char *dir, const char *device, const char *ref, const char *path)
{
	struct rep_git *git;
	char mailbox[4096];
	char *out;

	snprintf(mailbox, sizeof mailbox, "%s/mailboxes/%s.git", dir, device);
	expect_ok(rep_git_open(&git, mailbox, &err), &err);
	out = file_of(git, ref, path);
	rep_git_close(git);
	return out;
}

struct rep_oid central_tree(struct rep_hub *hub, const char *path)
{
	struct rep_git *git = rep_hub_central(hub);
	struct rep_oid head, tree, parent, oid;
	int64_t time_s;
	bool is_tree;

	expect_ok(rep_git_ref(git, "refs/heads/main", &head, &err), &err);
	expect_ok(rep_git_commit_read(git, &head, &tree, &parent, &time_s, &err), &err);
	expect_ok(rep_tree_find(git, &tree, path, &oid, &is_tree, &err), &err);
	return oid;
}

void expect_fsck(const char *dir)
{
	char command[4096];

	snprintf(
		command, sizeof command,
		"for r in '%s'/central.git '%s'/mailboxes/*.git; do out=$(git -C \"$r\" fsck --full"
		" --strict 2>&1) || { echo \"$r: $out\"; exit 1; }; done",
		dir, dir);
	assert_int_equal(system(command), 0);
}

void expect_replay(struct rep_hub *hub)
{
	struct rep_json *report;
	enum rep_code rc = rep_hub_verify(hub, &(struct rep_verify){.replay = true}, &report, &err);

	if (rc != REP_OK)
		print_error("%s\n", rep_json_text(report));
	expect_ok(rc, &err);
	rep_json_free(report);
}

void hub_company(struct rep_hub *hub, struct laptop *laptop)
{
	hub_person(hub, "r017", "rep", "JN-01", HUB_T0 + MINUTE);
	hub_org(hub, "O-0101", "江南第一医院", HUB_T0 + 2 * MINUTE);
	hub_cover(hub, "JN-01", "O-0101", HUB_T0 + 3 * MINUTE);
	laptop_enroll(laptop, hub, "r017", HUB_T0 + 4 * MINUTE);
}

void expect_count(const struct rep_json *summary, const char *name, int64_t want)
{
	if (rep_json_get_integer(summary, name) != want) {
		char *text = rep_json_text(summary);

		print_error("%s\n", text);
		free(text);
	}
	assert_int_equal(rep_json_get_integer(summary, name), want);
}

struct rep_record *hub_row(struct rep_hub *hub, const char *entity, const char *id)
{
	struct rep_record *record;

	expect_ok(rep_row_get(rep_hub_db(hub), rep_schema_entity(rep_hub_schema(hub), entity), id,
			      &record, &err),
		  &err);
	return record;
}

char *hub_value(struct rep_hub *hub, const char *entity, const char *id, const char *field)
{
	struct rep_record *record = hub_row(hub, entity, id);
	char *text = NULL;

	if (record && rep_record_value(record, field))
		text = rep_json_text(rep_record_value(record, field));
	rep_record_free(record);
	return text;
}

void hub_expect(struct rep_hub *hub, const char *entity, const char *id, const char *field,
		const char *want)
{
	char *text = hub_value(hub, entity, id, field);

	if (want) {
		assert_non_null(text);
		assert_string_equal(text, want);
	} else {
		assert_null(text);
	}
	free(text);
}
