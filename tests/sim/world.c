/*
 * The company: two posts beneath one, three accounts of which two posts share one, a rep and an assistant on the first
 * post, a rep on the second, their manager, and a desk. The two reps have a second laptop each.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/model/stamp.h"
#include "sim/sim.h"
#include "sync/device/device.h"

const struct sim_cast sim_casts[] = {
	{"tests/schemas/device-service",
	 "site",
	 "person",
	 "site",
	 {"engineer", "engineer", "engineer", "dispatcher", "office"}},
	{"schema", "org", "contact", "org", {"rep", "rep", "rep", "manager", "steward"}},
};
const unsigned sim_casts_len = sizeof sim_casts / sizeof *sim_casts;

static const struct {
	const char *rep;
	const char *territory; /* NULL = none: a role of scope all */
	bool assist;
} posts[SIM_PEOPLE] = {
	{"e1", "n1", false},    {"e2", "n1", true},  {"e3", "n2", false},
	{"e4", "north", false}, {"e5", NULL, false},
};

static const struct {
	const char *name, *rep;
	bool desk;
} laptops[SIM_LAPTOPS] = {
	{"e1", "e1", false}, {"e2", "e2", false},  {"e3", "e3", false},  {"e4", "e4", false},
	{"e5", "e5", true},  {"e1b", "e1", false}, {"e3b", "e3", false},
};

/* 2026-03-02T01:00:00.000Z */
#define BEGIN_MS 1772413200000

/* ---- what is open ---- */

struct rep_replica *sim_replica(struct sim_rep *rep)
{
	struct rep_error err;

	if (!rep->replica)
		sim_ok(rep_replica_open(&rep->replica, rep->dir, false, &err), &err, rep->name);
	return rep->replica;
}

struct rep_hub *sim_hub(struct sim_world *world)
{
	struct rep_error err;

	if (!world->open_hub)
		sim_ok(rep_hub_open(&world->open_hub, world->hub, false, &err), &err,
		       "open the hub");
	return world->open_hub;
}

void sim_close(struct sim_rep *rep)
{
	rep_replica_close(rep->replica);
	rep->replica = NULL;
}

void sim_close_hub(struct sim_world *world)
{
	rep_hub_close(world->open_hub);
	world->open_hub = NULL;
}

/* ---- the template ---- */

static void add_posts(struct rep_hub *hub, int64_t now_ms)
{
	static const char *const first[] = {"a1", "a2"}, *const second[] = {"a2", "a3"};
	struct rep_error err;

	sim_ok(rep_hub_territory(hub, REP_TERRITORY_SET, "north", "north", NULL, NULL, 0, now_ms,
				 &err),
	       &err, "north");
	sim_ok(rep_hub_territory(hub, REP_TERRITORY_SET, "n1", "n1", "north", first, 2, now_ms,
				 &err),
	       &err, "n1");
	sim_ok(rep_hub_territory(hub, REP_TERRITORY_SET, "n2", "n2", "north", second, 2, now_ms,
				 &err),
	       &err, "n2");
}

static void add_people(struct rep_hub *hub, const struct sim_cast *cast, int64_t now_ms)
{
	struct rep_error err;

	for (unsigned i = 0; i < SIM_PEOPLE; i++) {
		char name[32];
		struct rep_hub_rep rep = {
			.rep = posts[i].rep,
			.name = name,
			.role = cast->roles[i],
			.territories = &posts[i].territory,
			.territories_len = posts[i].territory ? 1 : 0,
			.assist = posts[i].assist,
		};

		snprintf(name, sizeof name, "员工%u", i + 1);
		sim_ok(rep_hub_rep_add(hub, &rep, now_ms, &err), &err, posts[i].rep);
	}
}

static struct rep_json *field_new(struct rep_json *value)
{
	struct rep_json *field = rep_json_object();

	rep_json_set(field, "new", value);
	return field;
}

/* Every required field of a record that the hub itself makes. */
struct rep_json *sim_insert_line(const struct rep_entity *entity, unsigned n)
{
	struct rep_json *line = rep_json_object(), *values = rep_json_object();

	for (size_t i = 0; i < entity->fields_len; i++) {
		const struct rep_field *field = &entity->fields[i];
		char text[64];

		snprintf(text, sizeof text, "%s%u", entity->name, n);
		if (!field->required || field->type == REP_TYPE_REFERENCE)
			continue;
		if (field->type == REP_TYPE_ENUM)
			snprintf(text, sizeof text, "%s", field->values[0].value);
		rep_json_set(values, field->name, field_new(rep_json_string(text)));
	}
	rep_json_set(line, "values", values);
	return line;
}

void sim_line_value(struct rep_json *line, const char *field, const char *value)
{
	rep_json_set(rep_json_get(line, "values"), field, field_new(rep_json_string(value)));
}

static void add_records(struct rep_hub *hub, const struct sim_cast *cast, int64_t now_ms)
{
	const struct rep_schema *schema = rep_hub_schema(hub);
	const struct rep_entity *account = rep_schema_entity(schema, cast->account);
	const struct rep_entity *person = rep_schema_entity(schema, cast->person);
	struct rep_hub_batch *batch;
	struct rep_error err;
	char id[16], of[16];

	sim_ok(rep_hub_batch_new(&batch, hub, "the first records", now_ms, &err), &err, "batch");
	for (unsigned i = 1; i <= SIM_ACCOUNTS; i++) {
		snprintf(of, sizeof of, "a%u", i);
		sim_ok(rep_hub_batch_add(batch, REP_OP_INSERT, cast->account, of,
					 sim_insert_line(account, i), &err),
		       &err, of);
		for (unsigned k = 1; k <= 2; k++) {
			struct rep_json *line = sim_insert_line(person, 10 * i + k);

			snprintf(id, sizeof id, "p%u%u", i, k);
			sim_line_value(line, cast->person_account, of);
			sim_ok(rep_hub_batch_add(batch, REP_OP_INSERT, cast->person, id, line,
						 &err),
			       &err, id);
		}
	}
	sim_ok(rep_hub_batch_send(batch, &err), &err, "send the first records");
	rep_hub_batch_free(batch);
}

void sim_enroll(struct sim_world *world, unsigned i)
{
	const struct rep_hub_enroll options = {
		.rep = laptops[i].rep,
		.desk = laptops[i].desk,
		.valid_ms = 400 * 86400000LL,
	};
	struct rep_json *invitation;
	struct rep_error err;
	char *text;

	sim_ok(rep_hub_enroll(sim_hub(world), &options, world->now_ms, &invitation, &err), &err,
	       "invite");
	text = rep_json_text(invitation);
	sim_ok(rep_enroll(world->reps[i].dir, text, strlen(text), world->now_ms, &err), &err,
	       "enrol");
	free(text);
	rep_json_free(invitation);
}

static void set_paths(struct sim_world *world)
{
	snprintf(world->hub, sizeof world->hub, "%s/world/hub", world->dir);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		world->reps[i].name = laptops[i].name;
		world->reps[i].rep = laptops[i].rep;
		snprintf(world->reps[i].dir, sizeof world->reps[i].dir, "%s/world/%s", world->dir,
			 laptops[i].name);
	}
}

static void template_paths(const char *dir, unsigned cast, char here[512], char kept[512])
{
	snprintf(here, 512, "%s/world", dir);
	snprintf(kept, 512, "%s/template%u", dir, cast);
}

/* The ids that the devices drew for themselves, beside the world. */
static void keep_devices(const struct sim_world *world, const char *kept)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof path, "%s/devices", kept);
	file = fopen(path, "w");
	if (!file)
		sim_fail("%s cannot be written", path);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++)
		fprintf(file, "%s\n", world->reps[i].device);
	if (fclose(file) != 0)
		sim_fail("%s cannot be written", path);
}

static void read_devices(struct sim_world *world, const char *kept)
{
	char path[600], line[64];
	FILE *file;

	snprintf(path, sizeof path, "%s/devices", kept);
	file = fopen(path, "r");
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		if (!file || !fgets(line, sizeof line, file))
			sim_fail("%s cannot be read", path);
		snprintf(world->reps[i].device, sizeof world->reps[i].device, "%.*s",
			 (int)REP_DEVICE_LEN, line);
	}
	fclose(file);
}

void sim_version_path(const char *dir, unsigned cast, unsigned version, char out[512])
{
	snprintf(out, 512, "%s/schema%u-%u", dir, cast, version);
}

static void make_versions(const char *dir, unsigned cast, const char *schema)
{
	char from[512], to[512];

	snprintf(from, sizeof from, "%s", schema);
	for (unsigned version = 2; version <= SIM_VERSIONS; version++) {
		sim_version_path(dir, cast, version, to);
		sim_run((const char *const[]){"python3", REP_SOURCE_DIR "/tests/sim/next_schema.py",
					      from, to, NULL});
		memcpy(from, to, sizeof from);
	}
}

void sim_template(const char *dir, unsigned cast)
{
	struct sim_world world = {.cast = &sim_casts[cast], .now_ms = BEGIN_MS};
	struct rep_hub_init init = {.company = "simulated", .now_ms = BEGIN_MS};
	char schema[512], here[512], kept[512];
	struct rep_hub *hub;
	struct rep_error err;

	sim_chance_seed(cast);
	snprintf(world.dir, sizeof world.dir, "%s", dir);
	snprintf(schema, sizeof schema, "%s/%s", REP_SOURCE_DIR, world.cast->schema_dir);
	init.schema_dir = schema;
	set_paths(&world);
	template_paths(dir, cast, here, kept);
	sim_ok(rep_dir_remove(here, &err), &err, "make room");
	sim_act_as(&world, NULL);
	sim_ok(rep_hub_init(world.hub, &init, &err), &err, "hub init");
	hub = sim_hub(&world);
	add_records(hub, world.cast, world.now_ms);
	add_posts(hub, world.now_ms);
	add_people(hub, world.cast, world.now_ms);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++)
		sim_enroll(&world, i);
	for (unsigned round = 0; round < 2; round++) {
		world.now_ms += 60000;
		for (unsigned i = 0; i < SIM_LAPTOPS; i++)
			sim_sync(&world, &world.reps[i]);
		if (round == 0)
			sim_merge(&world);
	}
	sim_world_end(&world);
	make_versions(dir, cast, schema);
	sim_copy(here, kept);
	keep_devices(&world, kept);
}

/* ---- a seed's world ---- */

int64_t sim_act_as(const struct sim_world *world, const struct sim_rep *rep)
{
	sim_clock_ms = world->now_ms + (rep ? rep->skew_ms : 0);
	return sim_clock_ms;
}

/* Most clocks are right; some run behind, some far ahead. */
static int64_t choose_skew(void)
{
	int64_t skew_ms;

	switch (sim_below(SIM_FAULTS, 10)) {
	case 0:
	case 1:
		return 60000LL * (6 + sim_below(SIM_FAULTS, 300)); /* beyond the 5 minutes */
	case 2:
		return 86400000LL * (1 + sim_below(SIM_FAULTS, 30));
	case 3:
	case 4:
		return -60000LL * (1 + sim_below(SIM_FAULTS, 3000));
	default:
		break;
	}
	/* Where two clocks tell the same time, two edits may bear the same stamp but for the device. */
	skew_ms = sim_below(SIM_FAULTS, 4000);
	return skew_ms % 4 ? 0 : skew_ms - 2000;
}

void sim_world_begin(struct sim_world *world, const char *dir, unsigned cast, uint64_t seed)
{
	unsigned order[SIM_LAPTOPS], n;
	char here[512], kept[512];

	*world = (struct sim_world){.cast = &sim_casts[cast], .seed = seed, .versions = 1};
	snprintf(world->dir, sizeof world->dir, "%s", dir);
	set_paths(world);
	template_paths(dir, cast, here, kept);
	sim_copy(kept, here);
	read_devices(world, kept);
	sim_chance_seed(seed);
	world->now_ms = BEGIN_MS + 3600000;
	n = 2 + sim_below(SIM_STEPS, 4);
	for (unsigned i = 0; i < SIM_LAPTOPS; i++)
		order[i] = i;
	sim_shuffle(SIM_STEPS, order, SIM_LAPTOPS);
	for (unsigned i = 0; i < n; i++) {
		world->reps[order[i]].acts = true;
		world->reps[order[i]].skew_ms = choose_skew();
	}
}

void sim_world_end(struct sim_world *world)
{
	for (unsigned i = 0; i < SIM_LAPTOPS; i++) {
		sim_close(&world->reps[i]);
		free(world->reps[i].edits);
	}
	sim_close_hub(world);
}
