/* A restored hub's higher epoch: which document opens the way to it, and which does not. The hub here is one that would say anything. */
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "help_world.h"
#include "sync/hub/hub_state.h"
#include "sync/mailbox/recovery.h"
#include "sync/mailbox/root.h"

static struct rep_error err;

/* Puts these bytes where the recovery document lies, NULL takes it away; and publishes views of `epoch`. */
static void publish(struct world *world, const char *bytes, int64_t epoch)
{
	struct rep_hub *hub = world->hub;
	char path[700];

	snprintf(path, sizeof path, "%s/document", world->dir);
	if (bytes)
		expect_ok(rep_file_write(path, bytes, strlen(bytes), 0600, &err), &err);
	shell_ok(
		"cd '%s/hub/central.git' && export GIT_INDEX_FILE=$PWD/x.index && git read-tree main && "
		"if [ %d = 1 ]; then git update-index --add --cacheinfo "
		"100644,$(git hash-object -w '%s'),org/recovery.json; else git rm -q --cached "
		"--ignore-unmatch org/recovery.json; fi && git update-ref refs/heads/main "
		"$(git -c user.name=x -c user.email=x commit-tree $(git write-tree) -p main -m x) && "
		"rm -f x.index && git repack -adq",
		world->dir, bytes ? 1 : 0, path);
	expect_ok(rep_git_reopen(hub->central, &err), &err);
	rep_work_close(hub);
	expect_ok(rep_work_open(hub, NULL, &err), &err);
	hub->epoch = epoch;
	world_merge_quietly(world);
}

static void sign(struct rep_buf *out, int64_t epoch, const struct rep_key *key)
{
	struct rep_recovery recovery = {.epoch = epoch, .run = 1};

	memset(recovery.statement, '0', REP_HASH_HEX);
	rep_time_format(recovery.made, world_now());
	rep_buf_reset(out);
	expect_ok(rep_recovery_write(out, &recovery, "company", key, &err), &err);
}

static void expect_refused(struct rep_replica *wang, const char *why)
{
	expect_code(world_try_sync(wang, &err), REP_EINTEGRITY, &err, why);
	/* What it has it keeps. */
	assert_string_equal(laptop_field(wang, "contact", CHEN, "best_time"), "\"周三下午\"");
	expect_verified(wang);
}

static void only_the_root_keys_own_document_of_that_epoch_leads_to_it(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(4096);
	struct rep_key root, other;
	uint8_t seed[32] = {9};
	struct rep_json *summary;
	struct world world;
	struct rep_replica *wang;

	world_make(&world, state, "epochs");
	world_chen(&world);
	wang = world_laptop(&world, "E0007", "wang");
	world_root_key(&world, &root);
	rep_key_from_seed(&other, seed);
	world_put(wang, "本人告知", "contact", CHEN, ASSIGNS("best_time=周三下午"));
	world_sync_quietly(wang);
	world_merge_quietly(&world);
	world_sync_quietly(wang);
	publish(&world, NULL, 2);
	expect_refused(wang, "it has none");
	sign(&bytes, 2, &other); /* foreign */
	publish(&world, rep_buf_str(&bytes), 2);
	expect_refused(wang, "root key did not sign it");
	sign(&bytes, 2, &world.hub->key); /* the hub's own is none */
	publish(&world, rep_buf_str(&bytes), 2);
	expect_refused(wang, "root key did not sign it");
	sign(&bytes, 2, &root); /* forged: one digit more of the run it goes on from */
	strstr(bytes.data, "\"run\":1")[6] = '2';
	publish(&world, rep_buf_str(&bytes), 2);
	expect_refused(wang, "root key did not sign it");
	sign(&bytes, 2, &root); /* right, and taken */
	publish(&world, rep_buf_str(&bytes), 2);
	summary = world_sync(wang);
	assert_int_equal(rep_json_get_integer(summary, "recovered"), 2);
	rep_json_free(summary);
	publish(&world, rep_buf_str(&bytes), 3); /* replayed for one epoch more */
	expect_refused(wang, "of another epoch");
	sign(&bytes, 3, &root);
	publish(&world, rep_buf_str(&bytes), 3);
	world_sync_quietly(wang);
	expect_verified(wang);
	world.hub->epoch = 2; /* and nothing leads back */
	world_hub_change(&world, REP_OP_UPDATE, "contact", CHEN, "{\"dept\":{\"new\":\"骨科\"}}",
			 "补充");
	expect_refused(wang, "not newer");
	rep_replica_close(wang);
	world_close(&world);
	rep_buf_clear(&bytes);
}

static void a_replica_that_knows_the_root_key_from_its_view_alone_takes_a_recovery(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(4096);
	struct rep_json *summary;
	struct rep_key root;
	struct two two;

	two_make(&two, state, "before");
	world_root_key(&two.world, &root);
	world_forget_root(two.wang);
	sign(&bytes, 2, &root);
	publish(&two.world, rep_buf_str(&bytes), 2);
	summary = world_sync(two.wang);
	assert_int_equal(rep_json_get_integer(summary, "recovered"), 2);
	rep_json_free(summary);
	expect_verified(two.wang);
	two_close(&two);
	rep_buf_clear(&bytes);
}

static void a_hub_with_a_document_that_is_not_the_root_keys_does_not_open(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(4096);
	struct rep_hub *hub = NULL;
	struct world world;
	char dir[700];

	world_make(&world, state, "damaged");
	sign(&bytes, 2, &world.hub->key);
	publish(&world, rep_buf_str(&bytes), 2);
	world_close(&world);
	snprintf(dir, sizeof dir, "%s/hub", world.dir);
	expect_code(rep_hub_open(&hub, dir, true, &err), REP_EINTEGRITY, &err,
		    "root key did not sign it");
	rep_buf_clear(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_root_keys_own_document_of_that_epoch_leads_to_it),
		cmocka_unit_test(
			a_replica_that_knows_the_root_key_from_its_view_alone_takes_a_recovery),
		cmocka_unit_test(a_hub_with_a_document_that_is_not_the_root_keys_does_not_open),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
