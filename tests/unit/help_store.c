#include "help_store.h"

#include <stdio.h>
#include <sys/wait.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/store/capture.h"
#include "core/store/tables.h"

struct rep_error err;
char *store_dir;
struct rep_replica *store;

#define L(text) "\"label\":{\"zh\":\"" text "\",\"en\":\"" text "\"}"
#define F(name, type, more) "{\"name\":\"" name "\",\"type\":\"" type "\"," L(name) more "}"
#define ANYONE "\"insert\":[\"*\"],\"write\":[\"*\"],\"propose\":[\"*\"]"

static const char whole[] =
	"{\"format\":1,\"name\":\"small\",\"version\":%d,\"effective\":\"2024-01-01T00:00:00.000Z\"," L(
		"small") ",\"roles\":{\"rep\":{" L("rep") ",\"rank\":20,\"scope\":\"all\"}},"
							  "\"visibility\":{\"secret\":[\"*\"]},\"sources\":[\"rep\",\"csv\"],"
							  "\"entities\":[\"thing\",\"place\"],\"reports\":[]}";

static const char place[] =
	"{" L("place") ",\"partition\":{\"of\":[\"id\"]},\"title\":\"name\"," ANYONE
		       ",\"id\":{\"from\":[\"name\"]},\"fields\":[" F("name", "text",
								      ",\"required\":true") "]}";

static const char thing[] = "{" L(
	"thing") ",\"partition\":{\"of\":[\"place\",\"id\"],\"moves\":true},\"title\":\"name\","
		 "\"external_key\":[\"ext\"]," ANYONE
		 ",\"fields\":[" F("name", "text", ",\"required\":true,\"min\":2,\"max\":20,\"normalise\":[\"nfkc\",\"space\"]") "," F("ext", "text", "") "," F(
			 "phone", "text",
			 ",\"normalise\":[\"phone\"]") "," F("size", "integer",
							     ",\"min\":0,\"max\":1000") "," F("total",
											      "integer",
											      ",\"rule\":\"sum\"") "," F("good",
															 "boolean",
															 "") "," F("day",
																   "date",
																   "") "," F("moment",
																	     "datetime",
																	     "") "," F("rate",
																		       "decimal", ",\"scale\":2") "," F("kind", "enum", ",\"values\":[\"甲\",\"乙\",\"it's\"]") "," F("phones",
																														      "set", ",\"of\":\"text\",\"max\":20,\"normalise\":[\"phone\"],\"rule\":\"set\"") "," F("tags",
																																									     "set",
																																									     ",\"of\":\"enum\",\"values\":[\"a\",\"b\",\"c\"],\"rule\":\"set\"") "," F("notes",
																																																		       "list",
																																																		       ",\"fields\":[{\"name\":\"text\",\"type\":\"text\",\"required\":true}],\"rule\":\"append\"") "," F("scores",
																																																															  "map",
																																																															  ",\"of\":\"integer\",\"rule\":\"map\"") "," F("place",
																																																																					"reference", ",\"to\":\"place\"") "," F("more", "json", ",\"max\":200") "," F("street",
																																																																														      "text", ",\"group\":\"address\",\"visibility\":\"secret\"") "," F("city",
																																																																																							"text", ",\"group\":\"address\",\"visibility\":\"secret\"") "," F("price",
																																																																																															  "integer",
																																																																																															  ",\"unit\":\"fen\",\"reason\":true") "%s],"
																																																																																																			       "\"checks\":[{\"name\":\"small_enough\",\"on\":\"write\",\"level\":\"refuse\",\"when\":[\"size\"],"
																																																																																																			       "\"message\":{\"zh\":\"x\",\"en\":\"x\"},\"expr\":\"new.size IS NULL OR new.size < 900\"}]}";

static void add_file(struct rep_schema_files *files, const char *path, const char *text)
{
	expect_ok(rep_schema_files_add(files, path, text, strlen(text), &err), &err);
}

struct rep_schema *small_schema(const char *more)
{
	struct rep_schema_files files = {0};
	struct rep_schema *schema;
	char *text;

	assert_true(asprintf(&text, whole, more ? 2 : 1) > 0);
	add_file(&files, "schema.json", text);
	free(text);
	assert_true(asprintf(&text, thing, more ? more : "") > 0);
	add_file(&files, "entities/thing.json", text);
	free(text);
	add_file(&files, "entities/place.json", place);
	expect_ok(rep_schema_load(&schema, &files, &err), &err);
	return schema;
}

struct rep_schema *shipped_schema(void)
{
	struct rep_schema *schema;

	expect_ok(rep_schema_load_dir(&schema, source_path("schema"), &err), &err);
	return schema;
}

const struct rep_kdf store_kdf = {.passes = 1, .memory_kib = 64};

bool store_is_encrypted(void)
{
	return getenv("REP_TEST_ENCRYPTED") != NULL;
}

const struct rep_replica_seal *store_seal(const char *dir)
{
	static char keys[4096];
	static struct rep_replica_seal seal;

	if (!store_is_encrypted())
		return NULL;
	snprintf(keys, sizeof keys, "%s/keys", dir);
	seal = (struct rep_replica_seal){.passphrase = TEST_PASSPHRASE,
					 .passphrase_len = strlen(TEST_PASSPHRASE),
					 .keys_dir = keys,
					 .kdf = &store_kdf};
	return &seal;
}

struct rep_replica *store_open(const char *dir, bool read_only)
{
	struct rep_replica_options options = {.read_only = read_only};
	struct rep_replica *replica;
	char keys[4096];

	snprintf(keys, sizeof keys, "%s/keys", dir);
	expect_ok(rep_replica_vault(&options.vault, dir, keys, &err), &err);
	if (options.vault)
		expect_ok(rep_vault_unlock(options.vault, TEST_PASSPHRASE, strlen(TEST_PASSPHRASE),
					   &err),
			  &err);
	expect_ok(rep_replica_open_with(&replica, dir, &options, &err), &err);
	return replica;
}

static void make_replica(struct rep_schema *schema)
{
	const uint8_t seed[32] = {1, 2, 3};
	struct rep_key key;

	expect_ok(rep_key_init(&err), &err);
	rep_key_from_seed(&key, seed);
	expect_ok(rep_dir_private(&store_dir, "store-", &err), &err);
	expect_ok(rep_replica_create(store_dir,
				     &(struct rep_replica_identity){.device = TEST_DEVICE,
								    .rep = TEST_REP,
								    .key = &key,
								    .seal = store_seal(store_dir)},
				     &err),
		  &err);
	store = store_open(store_dir, false);
	if (!schema)
		return;
	expect_ok(rep_replica_install_schema(store, schema, &err), &err);
	expect_ok(rep_replica_load_org(store, &err), &err);
}

int store_setup(void **state)
{
	(void)state;
	make_replica(small_schema(NULL));
	return 0;
}

int store_setup_shipped(void **state)
{
	(void)state;
	make_replica(shipped_schema());
	return 0;
}

int store_setup_empty(void **state)
{
	(void)state;
	make_replica(NULL);
	return 0;
}

int store_teardown(void **state)
{
	(void)state;
	rep_replica_close(store);
	store = NULL;
	expect_ok(rep_dir_remove(store_dir, &err), &err);
	free(store_dir);
	return 0;
}

void store_reopen(void)
{
	rep_replica_close(store);
	store = store_open(store_dir, false);
}

void sql(const char *text)
{
	expect_ok(rep_db_exec(store->db, text, &err), &err);
}

void sql_refused(const char *text, const char *part)
{
	enum rep_code rc = rep_db_exec(store->db, text, &err);

	if (rc != REP_EINVAL)
		print_error("%s\n", text);
	expect_code(rc, REP_EINVAL, &err, part);
}

const char *sql_text(const char *text)
{
	static char out[65536];
	struct rep_stmt *stmt;
	const char *value;
	bool row;

	expect_ok(rep_db_prepare(store->db, &stmt, text, &err), &err);
	expect_ok(rep_step(stmt, &row, &err), &err);
	value = row ? rep_column_text(stmt, 0, NULL) : "(no row)";
	snprintf(out, sizeof out, "%s", value ? value : "");
	rep_stmt_free(stmt);
	return out;
}

int64_t sql_int(const char *text)
{
	return strtoll(sql_text(text), NULL, 10);
}

static void other_sql(const char *text, bool fine)
{
	struct rep_replica *other = store_open(store_dir, false);
	enum rep_code rc = rep_db_exec(other->db, "PRAGMA recursive_triggers = OFF", &err);

	if (rc == REP_OK)
		rc = rep_db_exec(other->db, text, &err);
	if ((rc == REP_OK) != fine)
		fail_msg("%s: %s", text, rc == REP_OK ? "fine" : err.msg);
	rep_replica_close(other);
}

void shell_sql(const char *text, bool fine)
{
	char command[8192];
	int status;

	if (store_is_encrypted()) {
		other_sql(text, fine);
		return;
	}

	assert_true(snprintf(command, sizeof command,
			     "sqlite3 -bail '%s/replica.db' >/dev/null 2>&1 <<'EOF'\n%s\nEOF\n",
			     store_dir, text) < (int)sizeof command);
	status = system(command);
	assert_true(WIFEXITED(status));
	if ((WEXITSTATUS(status) == 0) != fine)
		fail_msg("sqlite3 ended with %d: %s", WEXITSTATUS(status), text);
}

struct rep_json *json(const char *text)
{
	struct rep_json *value;

	expect_ok(rep_json_parse(&value, text, strlen(text), REP_RECORD_SIZE_MAX, 16, &err), &err);
	return value;
}

void expect_json(const struct rep_json *value, const char *text)
{
	char *written = rep_json_text(value);

	assert_non_null(written);
	assert_string_equal(written, text);
	free(written);
}

const struct rep_entity *entity(const char *name)
{
	const struct rep_entity *found = rep_schema_entity(store->schema, name);

	assert_non_null(found);
	return found;
}

struct rep_record *record(const char *entity_name, const char *id, const char *fields)
{
	struct rep_record *made;

	expect_ok(rep_record_new(&made, entity(entity_name), id, id, "r009", STAMP_A, &err), &err);
	rep_json_free(made->fields);
	made->fields = json(fields);
	return made;
}

void view_row(const struct rep_record *made, const char *where)
{
	expect_ok(rep_db_begin(store->db, &err), &err);
	expect_ok(rep_capture_silence(store->db, true, &err), &err);
	rep_db_triggers(store->db, false);
	expect_ok(rep_row_put(store->db, made, NULL, where, &err), &err);
	rep_db_triggers(store->db, true);
	expect_ok(rep_capture_silence(store->db, false, &err), &err);
	expect_ok(rep_db_commit(store->db, &err), &err);
}
