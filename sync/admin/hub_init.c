/*
 * Making a hub. The compare-and-swap of central's main comes last, so that a folder whose main exists was made to its
 * end; work.db is a cache that the first open makes.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/schema_sql.h"
#include "sync/git/pack.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/document.h"

struct init {
	const char *dir;
	const struct rep_hub_init *options;
	struct rep_schema *schema;
	struct rep_key key, root;
	uint8_t recovery_public[REP_CIPHER_KEY];
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_tree *tree;
};

static bool is_empty(const char *dir)
{
	DIR *handle = opendir(dir);
	const struct dirent *entry;
	size_t n = 0;

	if (!handle)
		return errno == ENOENT;
	while (n < 3 && (entry = readdir(handle)))
		n++;
	closedir(handle);
	return n <= 2;
}

static enum rep_code make_dirs(const char *dir, struct rep_error *err)
{
	static const char *const names[] = {"keys", "keys/invitations", "mailboxes"};
	enum rep_code rc = rep_dir_make(dir, 0700, err);

	for (size_t i = 0; rc == REP_OK && i < sizeof names / sizeof *names; i++) {
		char *path = rep_hub_path(dir, "%s", names[i]);

		rc = path ? rep_dir_make(path, 0700, err)
			  : rep_fail(err, REP_ENOMEM, "out of memory");
		free(path);
	}
	return rc;
}

static enum rep_code write_key(const char *dir, const char *name, const uint8_t bytes[32],
			       struct rep_error *err)
{
	char *path = rep_hub_path(dir, "keys/%s", name);
	enum rep_code rc = path ? rep_hub_write_key(path, bytes, 32, err)
				: rep_fail(err, REP_ENOMEM, "out of memory");

	free(path);
	return rc;
}

/*
 * root.key and recovery.key are to be taken away by the company: the one signs what a later hub must prove, the other opens every
 * replica.
 */
static enum rep_code make_keys(struct init *init, struct rep_error *err)
{
	uint8_t seed[32], root[32], secret[32], recovery[32];
	enum rep_code rc;

	rep_box_make(init->recovery_public, recovery);
	rep_random(seed, sizeof seed);
	rep_random(root, sizeof root);
	rep_random(secret, sizeof secret);
	rep_key_from_seed(&init->key, seed);
	rep_key_from_seed(&init->root, root);
	rc = write_key(init->dir, "hub.key", seed, err);
	if (rc == REP_OK)
		rc = write_key(init->dir, "root.key", root, err);
	if (rc == REP_OK)
		rc = write_key(init->dir, "root.pub", init->root.public, err);
	if (rc == REP_OK)
		rc = write_key(init->dir, "company.secret", secret, err);
	if (rc == REP_OK && init->options->encrypted)
		rc = write_key(init->dir, "recovery.key", recovery, err);
	rep_wipe(recovery, sizeof recovery);
	memset(seed, 0, sizeof seed);
	memset(root, 0, sizeof root);
	memset(secret, 0, sizeof secret);
	return rc;
}

/* The hub's own mailbox begins as every mailbox does, with an enrolment; nobody has to check it. */
static enum rep_code make_own_mailbox(struct init *init, struct rep_error *err)
{
	struct rep_buf enrolment = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	char *path = rep_hub_mailbox(init->dir, REP_HUB_DEVICE);
	char secret[REP_HASH_HEX + 1];
	struct rep_git *git = NULL;
	struct rep_pack *pack = NULL;
	struct rep_oid tip;
	uint8_t random[32];
	enum rep_code rc;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rep_random(random, sizeof random);
	rep_hex(secret, random, sizeof random);
	rc = rep_mailbox_create(path, err);
	if (rc == REP_OK)
		rc = rep_git_open(&git, path, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&pack, git, err);
	if (rc == REP_OK)
		rc = rep_enrolment_write(&enrolment, REP_HUB_DEVICE, &init->key, NULL, NULL, secret,
					 err);
	if (rc == REP_OK)
		rc = rep_outbox_commit(pack, &rep_oid_zero, "enrol.json", enrolment.data,
				       enrolment.len, init->options->now_ms / 1000, REP_HUB_DEVICE,
				       &tip, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_cas(git, REP_OUTBOX, &rep_oid_zero, &tip, err);
	rep_pack_free(pack);
	rep_git_close(git);
	rep_buf_clear(&enrolment);
	free(path);
	return rep_wrap(err, rc, "make the hub's own mailbox");
}

static enum rep_code put_company(struct init *init, struct rep_error *err)
{
	struct rep_json *company = rep_json_object();
	enum rep_code rc;

	rep_json_set_integer(company, "format", 1);
	rep_json_set_string(company, "name", init->options->company);
	rep_json_set_string(company, "time_zone", "Asia/Shanghai");
	if (init->options->encrypted) {
		char recovery[2 * REP_CIPHER_KEY + 1];

		rep_hex(recovery, init->recovery_public, REP_CIPHER_KEY);
		rep_json_set_string(company, "recovery", recovery);
	}
	rep_json_set_string(company, "replicas", init->options->encrypted ? "encrypted" : "plain");
	rep_json_set(company, "retention", rep_json_object());
	rc = rep_tree_put_line(init->tree, "company.json", company, err);
	rep_json_free(company);
	return rc;
}

static enum rep_code put_schema(struct init *init, struct rep_error *err)
{
	const struct rep_schema_files *files = init->schema->files;
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < files->len; i++) {
		struct rep_buf path = REP_BUF_INIT(1024);

		rep_buf_printf(&path, "schema/%s", files->files[i].path);
		rc = rep_tree_put_blob(init->tree, rep_buf_str(&path), files->files[i].data,
				       files->files[i].size_bytes, err);
		rep_buf_clear(&path);
	}
	return rc;
}

static enum rep_code first_commit(struct init *init, struct rep_oid *out, struct rep_error *err)
{
	const char *company = init->options->company;
	struct rep_buf message = REP_BUF_INIT(4096);
	struct rep_git_commit commit = {.message = NULL};
	enum rep_code rc = rep_tree_write(init->tree, &commit.tree, err);

	rep_buf_printf(&message, "init: %s\n\nSchema: %s\n", company, init->schema->id);
	commit.message = rep_buf_str(&message);
	if (rc == REP_OK)
		rc = rep_hub_add_commit(init->pack, company, init->options->now_ms, &commit, out,
					err);
	rep_buf_clear(&message);
	return rc;
}

static enum rep_code make_central(struct init *init, struct rep_error *err)
{
	char *path = rep_hub_path(init->dir, "central.git");
	struct rep_oid head;
	enum rep_code rc;

	if (!path)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rc = rep_git_create(path, "main", err);
	if (rc == REP_OK)
		rc = rep_git_open(&init->git, path, err);
	if (rc == REP_OK)
		rc = rep_pack_new(&init->pack, init->git, err);
	if (rc == REP_OK)
		rc = rep_tree_edit(&init->tree, init->pack, &rep_oid_zero, err);
	if (rc == REP_OK)
		rc = put_company(init, err);
	if (rc == REP_OK)
		rc = rep_hub_names_put(init->tree, init->key.public, init->root.public, err);
	if (rc == REP_OK)
		rc = put_schema(init, err);
	if (rc == REP_OK)
		rc = first_commit(init, &head, err);
	if (rc == REP_OK)
		rc = rep_pack_commit(init->pack, NULL, err);
	if (rc == REP_OK)
		rc = rep_git_cas(init->git, REP_MAIN, &rep_oid_zero, &head, err);
	free(path);
	return rep_wrap(err, rc, "make central.git");
}

static enum rep_code load_schema(struct init *init, struct rep_error *err)
{
	const char *dir = init->options->schema_dir;
	enum rep_code rc;

	if (!dir)
		dir = rep_file_is_dir(REP_SCHEMA_INSTALLED) ? REP_SCHEMA_INSTALLED
							    : REP_SCHEMA_SOURCE;
	rc = rep_schema_load_dir(&init->schema, dir, err);
	return rc == REP_OK ? rep_schema_check_sql(init->schema, err) : rc;
}

enum rep_code rep_hub_init(const char *dir, const struct rep_hub_init *options,
			   struct rep_error *err)
{
	const char *company = options->company && *options->company ? options->company : "company";
	const struct rep_hub_init named = {options->schema_dir, company, options->now_ms,
					   options->encrypted};
	struct init init = {.dir = dir, .options = &named};
	struct rep_hub *hub = NULL;
	enum rep_code rc;

	if (!is_empty(dir))
		return rep_fail(err, REP_EEXIST, "make hub: %s is not an empty folder", dir);
	rc = rep_key_init(err);
	if (rc == REP_OK) /* before anything is made: a bad schema leaves nothing behind */
		rc = load_schema(&init, err);
	if (rc == REP_OK)
		rc = make_dirs(dir, err);
	if (rc == REP_OK)
		rc = make_keys(&init, err);
	if (rc == REP_OK)
		rc = make_own_mailbox(&init, err);
	if (rc == REP_OK)
		rc = make_central(&init, err);
	rep_tree_free(init.tree);
	rep_pack_free(init.pack);
	rep_git_close(init.git);
	rep_schema_free(init.schema);
	rep_key_wipe(&init.key);
	rep_key_wipe(&init.root);
	if (rc == REP_OK)
		rc = rep_hub_open(&hub, dir, false, err);
	rep_hub_close(hub);
	return rep_wrap(err, rc, "make hub");
}
