#include "help_world.h"

#include <stdio.h>
#include <time.h>

#include "core/store/edit.h"
#include "core/store/tables.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/root.h"

int64_t world_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the company ---- */

void world_rep(struct world *world, const char *rep, const char *name, const char *role,
	       const char *territory, bool assist)
{
	const char *const territories[] = {territory};
	const struct rep_hub_rep person = {
		.rep = rep,
		.name = name,
		.role = role,
		.territories = territories,
		.territories_len = territory ? 1 : 0,
		.assist = assist,
	};
	struct rep_error err;

	expect_ok(rep_hub_rep_add(world->hub, &person, world_now(), &err), &err);
}

static void add_territory(struct world *world, const char *territory, const char *parent,
			  const char *const *partitions, size_t len)
{
	struct rep_error err;

	expect_ok(rep_hub_territory(world->hub, REP_TERRITORY_SET, territory, territory, parent,
				    partitions, len, world_now(), &err),
		  &err);
}

void world_make(struct world *world, void **state, const char *name)
{
	static const char *const first[] = {"O-0101", "O-0102"};
	static const char *const third[] = {"O-0103"};
	char hub[700], schema[4096];
	struct rep_hub_init init = {.company = "朗峰医药", .now_ms = world_now()};
	struct rep_error err;

	memset(world, 0, sizeof *world);
	snprintf(world->dir, sizeof world->dir, "%s", scratch(state, name));
	shell_ok("mkdir -p '%s'", world->dir);
	snprintf(hub, sizeof hub, "%s/hub", world->dir);
	snprintf(schema, sizeof schema, "%s", source_path("schema"));
	init.schema_dir = schema;
	expect_ok(rep_key_init(&err), &err);
	expect_ok(rep_git_init(&err), &err);
	expect_ok(rep_hub_init(hub, &init, &err), &err);
	expect_ok(rep_hub_open(&world->hub, hub, false, &err), &err);
	add_territory(world, "JN", NULL, NULL, 0);
	add_territory(world, "JN-01", "JN", first, 2);
	add_territory(world, "JN-03", "JN", third, 1);
	world_rep(world, "E0003", "孙立", "manager", "JN", false);
	world_rep(world, "E0007", "王磊", "rep", "JN-01", false);
	world_rep(world, "E0012", "李娜", "rep", "JN-01", true);
	world_rep(world, "E0015", "周强", "rep", "JN-03", false);
	world_hub_change(world, REP_OP_INSERT, "org", "O-0101",
			 "{\"name\":{\"new\":\"江南市第一人民医院\"}}", "基础数据");
	world_hub_change(world, REP_OP_INSERT, "org", "O-0103",
			 "{\"name\":{\"new\":\"临江县人民医院\"}}", "基础数据");
}

void world_chen(struct world *world)
{
	world_hub_change(world, REP_OP_INSERT, "contact", CHEN,
			 "{\"best_time\":{\"new\":\"周二上午\"},\"hobbies\":{\"new\":[\"书法\"]},"
			 "\"influence\":{\"new\":\"市级\"},\"kind\":{\"new\":\"医务人员\"},"
			 "\"name\":{\"new\":\"陈建国\"},\"org\":{\"new\":\"O-0101\"},"
			 "\"phones\":{\"new\":[\"13900001111\"]},"
			 "\"prof_title\":{\"new\":\"副主任医师\"}}",
			 "基础数据");
}

void world_close(struct world *world)
{
	rep_hub_close(world->hub);
	world->hub = NULL;
}

void world_reopen(struct world *world, bool read_only)
{
	char hub[700];
	struct rep_error err;

	world_close(world);
	snprintf(hub, sizeof hub, "%s/hub", world->dir);
	expect_ok(rep_hub_open(&world->hub, hub, read_only, &err), &err);
}

struct rep_json *world_merge(struct world *world)
{
	const struct rep_hub_merge options = {.now_ms = world_now()};
	struct rep_json *summary;
	struct rep_error err;

	expect_ok(rep_hub_merge(world->hub, &options, &summary, &err), &err);
	return summary;
}

void world_merge_quietly(struct world *world)
{
	rep_json_free(world_merge(world));
}

void world_hub_change(struct world *world, enum rep_op op, const char *entity, const char *id,
		      const char *values, const char *reason)
{
	const struct rep_hub_merge options = {.now_ms = world_now(), .own_only = true};
	struct rep_hub_batch *batch;
	struct rep_json *line = rep_json_object(), *parsed, *summary;
	struct rep_error err;

	expect_ok(rep_json_parse(&parsed, values, strlen(values), 65536, 8, &err), &err);
	assert_true(rep_json_set(line, "values", parsed));
	expect_ok(rep_hub_batch_new(&batch, world->hub, reason, world_now(), &err), &err);
	expect_ok(rep_hub_batch_add(batch, op, entity, id, line, &err), &err);
	expect_ok(rep_hub_batch_send(batch, &err), &err);
	rep_hub_batch_free(batch);
	expect_ok(rep_hub_merge(world->hub, &options, &summary, &err), &err);
	rep_json_free(summary);
}

/* ---- laptops ---- */

enum rep_code world_try_sync(struct rep_replica *replica, struct rep_error *err)
{
	const struct rep_sync options = {.now_ms = world_now()};
	struct rep_json *summary = NULL;
	enum rep_code rc = rep_device_sync(replica, &options, &summary, err);

	rep_json_free(summary);
	return rc;
}

struct rep_json *world_sync(struct rep_replica *replica)
{
	const struct rep_sync options = {.now_ms = world_now()};
	struct rep_json *summary;
	struct rep_error err;

	expect_ok(rep_device_sync(replica, &options, &summary, &err), &err);
	return summary;
}

void world_sync_quietly(struct rep_replica *replica)
{
	rep_json_free(world_sync(replica));
}

struct rep_replica *world_open_laptop(struct world *world, const char *name)
{
	char dir[700];
	struct rep_replica *replica;
	struct rep_error err;

	snprintf(dir, sizeof dir, "%s/%s", world->dir, name);
	expect_ok(rep_replica_open(&replica, dir, false, &err), &err);
	return replica;
}

static struct rep_replica *enrolled(struct world *world, const struct rep_hub_enroll *enroll,
				    const char *name)
{
	struct rep_replica *replica;
	struct rep_json *invitation;
	char *text, dir[700];
	struct rep_error err;

	expect_ok(rep_hub_enroll(world->hub, enroll, world_now(), &invitation, &err), &err);
	text = rep_json_text(invitation);
	snprintf(dir, sizeof dir, "%s/%s", world->dir, name);
	expect_ok(rep_enroll(dir, text, strlen(text), world_now(), &err), &err);
	free(text);
	rep_json_free(invitation);
	replica = world_open_laptop(world, name);
	world_sync_quietly(replica);
	world_merge_quietly(world);
	world_sync_quietly(replica);
	assert_non_null(replica->schema);
	return replica;
}

struct rep_replica *world_laptop(struct world *world, const char *rep, const char *name)
{
	return enrolled(world, &(struct rep_hub_enroll){.rep = rep, .valid_ms = 86400000}, name);
}

struct rep_replica *world_desk(struct world *world, const char *rep, const char *name)
{
	return enrolled(world,
			&(struct rep_hub_enroll){.rep = rep, .desk = true, .valid_ms = 86400000},
			name);
}

void two_laptops(struct two *two)
{
	two->wang = world_laptop(&two->world, "E0007", "wang");
	two->li = world_laptop(&two->world, "E0012", "li");
}

void two_make(struct two *two, void **state, const char *name)
{
	world_make(&two->world, state, name);
	world_chen(&two->world);
	two_laptops(two);
}

void two_close(struct two *two)
{
	rep_replica_close(two->wang);
	rep_replica_close(two->li);
	world_close(&two->world);
}

/* ---- edits ---- */

struct assigns {
	struct rep_assign list[16];
	struct rep_json *values[16];
	char fields[16][64];
	size_t len;
};

static void assigns_read(struct assigns *out, struct rep_replica *replica, const char *entity,
			 const char *const *texts)
{
	const struct rep_entity *declared = rep_schema_entity(replica->schema, entity);
	struct rep_error err;

	assert_non_null(declared);
	for (out->len = 0; texts[out->len]; out->len++)
		expect_ok(rep_assign_parse(&out->list[out->len], &out->values[out->len],
					   out->fields[out->len], sizeof out->fields[0], declared,
					   texts[out->len], &err),
			  &err);
}

static void assigns_clear(struct assigns *assigns)
{
	for (size_t i = 0; i < assigns->len; i++)
		rep_json_free(assigns->values[i]);
}

enum rep_code world_try_put(struct rep_replica *replica, const char *reason, const char *entity,
			    const char *id, const char *const *assigns, struct rep_error *err)
{
	struct assigns read;
	enum rep_code rc;

	assigns_read(&read, replica, entity, assigns);
	rc = rep_put(replica, entity, id, read.list, read.len, reason, err);
	assigns_clear(&read);
	return rc;
}

void world_put(struct rep_replica *replica, const char *reason, const char *entity, const char *id,
	       const char *const *assigns)
{
	struct rep_error err;

	expect_ok(world_try_put(replica, reason, entity, id, assigns, &err), &err);
}

void world_new(struct rep_replica *replica, const char *reason, const char *entity, const char *id,
	       const char *const *assigns, char *out_id)
{
	char made[REP_ID_LEN_MAX + 1];
	struct assigns read;
	struct rep_error err;

	assigns_read(&read, replica, entity, assigns);
	expect_ok(
		rep_new(replica, entity, id, read.list, read.len, reason, world_now(), made, &err),
		&err);
	if (out_id)
		strcpy(out_id, made);
	assigns_clear(&read);
}

/* ---- looking ---- */

static char *turn(void)
{
	static char store[4][4096];
	static unsigned n;

	return store[n++ % 4];
}

const char *world_field(struct rep_db *db, const struct rep_schema *schema, const char *entity,
			const char *id, const char *field)
{
	struct rep_record *record;
	char *out = turn(), *text;
	struct rep_error err;

	expect_ok(rep_row_get(db, rep_schema_entity(schema, entity), id, &record, &err), &err);
	if (!record || record->deleted) {
		rep_record_free(record);
		return "(none)";
	}
	text = rep_json_text(rep_record_value(record, field));
	snprintf(out, 4096, "%s", rep_record_value(record, field) ? text : "null");
	free(text);
	rep_record_free(record);
	return out;
}

const char *laptop_field(struct rep_replica *replica, const char *entity, const char *id,
			 const char *field)
{
	return world_field(replica->db, replica->schema, entity, id, field);
}

const char *hub_field(struct world *world, const char *entity, const char *id, const char *field)
{
	return world_field(rep_hub_db(world->hub), rep_hub_schema(world->hub), entity, id, field);
}

const char *world_tree(struct world *world, const char *path)
{
	char *out = turn();

	snprintf(out, 4096, "%s",
		 shell_line("git --git-dir '%s/hub/central.git' rev-parse 'main:%s'", world->dir,
			    path));
	return out;
}

void expect_verified(struct rep_replica *replica)
{
	struct rep_json *out = NULL;
	struct rep_error err;

	expect_ok(rep_device_verify(replica, &out, &err), &err);
	assert_true(rep_json_get_bool(out, "ok"));
	rep_json_free(out);
}

void world_root_key(const struct world *world, struct rep_key *out)
{
	struct rep_error err;
	char path[700];

	snprintf(path, sizeof path, "%s/hub/keys/root.key", world->dir);
	expect_ok(rep_root_read(out, path, &err), &err);
}

void world_forget_root(struct rep_replica *replica)
{
	struct rep_error err;
	struct rep_json *invitation = NULL;
	char *text = NULL;

	expect_ok(rep_meta_get(replica->db, REP_META_INVITATION, &text, &err), &err);
	expect_ok(rep_json_parse(&invitation, text, strlen(text), 65536, 8, &err), &err);
	free(text);
	assert_non_null(rep_json_get(invitation, "root"));
	rep_json_del(invitation, "root");
	text = rep_json_text(invitation);
	expect_ok(rep_meta_set(replica->db, REP_META_INVITATION, text, &err), &err);
	free(text);
	rep_json_free(invitation);
}
