/* The company's root key: what it signs, and how a replica comes to know it. */
#include <stdio.h>

#include "core/base/file.h"
#include "help_db.h"
#include "help_world.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/root.h"

static struct rep_error err;

static void root_of(const struct world *world, struct rep_key *out)
{
	char path[700];

	snprintf(path, sizeof path, "%s/hub/keys/root.key", world->dir);
	expect_ok(rep_root_read(out, path, &err), &err);
}

static struct rep_json *a_document(void)
{
	struct rep_json *document = rep_json_object();

	rep_json_set_string(document, "type", "recovery");
	rep_json_set_integer(document, "format", 1);
	return document;
}

static void what_the_root_signs_is_believed_and_nothing_else(void **state)
{
	struct rep_buf bytes = REP_BUF_INIT(4096);
	struct rep_json *document = a_document(), *read;
	struct rep_key root, other;
	uint8_t seed[32] = {7};

	(void)state;
	expect_ok(rep_key_init(&err), &err);
	rep_key_from_seed(&root, seed);
	seed[0] = 8;
	rep_key_from_seed(&other, seed);
	expect_ok(rep_root_sign(&bytes, document, &root, &err), &err);
	expect_ok(rep_root_check(&read, bytes.data, bytes.len, "recovery", root.public, &err),
		  &err);
	rep_json_free(read);
	expect_code(rep_root_check(&read, bytes.data, bytes.len, "recovery", other.public, &err),
		    REP_EINTEGRITY, &err, "the company's root key did not sign it");
	expect_code(rep_root_check(&read, bytes.data, bytes.len, "hub-key", root.public, &err),
		    REP_EINVAL, &err, "hub-key");
	rep_buf_clear(&bytes);
	rep_json_free(document);
}

static void a_file_that_is_no_key_is_refused(void **state)
{
	struct rep_key root;
	const char *file = scratch(state, "nokey");

	expect_ok(rep_file_write(file, "00112233\n", 9, 0600, &err), &err);
	expect_code(rep_root_read(&root, file, &err), REP_EINVAL, &err, "64 hexadecimal digits");
}

static void expect_root(struct rep_replica *replica, const struct rep_key *root)
{
	struct rep_device device;

	expect_ok(rep_device_begin(&device, replica, &err), &err);
	assert_true(device.has_root);
	assert_memory_equal(device.root, root->public, REP_PUBLIC_SIZE);
	rep_device_end(&device);
}

static void an_invitation_pins_the_root_key(void **state)
{
	struct world world;
	struct rep_replica *laptop;
	struct rep_key root;

	world_make(&world, state, "pins");
	root_of(&world, &root);
	laptop = world_laptop(&world, "E0007", "wang");
	expect_root(laptop, &root);
	assert_int_equal(db_number(laptop->db, "SELECT count(*) FROM _meta WHERE key = 'root'"), 0);
	rep_replica_close(laptop);
	world_close(&world);
}

/* As a replica of before lies there: its invitation says nothing of a root key. */
static void forget_root(struct rep_replica *replica)
{
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

static void a_replica_of_before_pins_the_root_key_of_the_next_view(void **state)
{
	struct rep_device device;
	struct two two;
	struct rep_key root;

	two_make(&two, state, "before");
	root_of(&two.world, &root);
	forget_root(two.wang);
	expect_ok(rep_device_begin(&device, two.wang, &err), &err);
	assert_false(device.has_root);
	rep_device_end(&device);
	world_put(two.wang, "告知", "contact", CHEN, ASSIGNS("dept=心内科"));
	world_sync_quietly(two.wang);
	world_merge_quietly(&two.world);
	world_sync_quietly(two.wang);
	expect_root(two.wang, &root);
	expect_verified(two.wang);
	two_close(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_root_signs_is_believed_and_nothing_else),
		cmocka_unit_test(a_file_that_is_no_key_is_refused),
		cmocka_unit_test(an_invitation_pins_the_root_key),
		cmocka_unit_test(a_replica_of_before_pins_the_root_key_of_the_next_view),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
