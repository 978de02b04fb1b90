/* The company's root key: what it signs, and how a replica comes to know it. */
#include <stdio.h>

#include "core/base/file.h"
#include "core/model/signed.h"
#include "help_db.h"
#include "help_world.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/hubkey.h"

static struct rep_error err;

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
	expect_ok(rep_signed_write(&bytes, document, &root, &err), &err);
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
	world_root_key(&world, &root);
	laptop = world_laptop(&world, "E0007", "wang");
	expect_root(laptop, &root);
	assert_int_equal(db_number(laptop->db, "SELECT count(*) FROM _meta WHERE key = 'root'"), 0);
	rep_replica_close(laptop);
	world_close(&world);
}

static void a_replica_of_before_pins_the_root_key_of_the_next_view(void **state)
{
	struct rep_device device;
	struct two two;
	struct rep_key root;

	two_make(&two, state, "before");
	world_root_key(&two.world, &root);
	world_forget_root(two.wang);
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

/* ---- following ---- */

#define NOW "2026-03-16T02:00:00.000Z"

/* Keys of a company whose hub rolled from the first to the second to the third. */
struct rolls {
	struct rep_key root, other, keys[3];
	struct rep_buf documents[2];
	struct rep_git *git;
};

static void rolls_make(struct rolls *rolls, void **state, const char *name)
{
	uint8_t seed[32] = {1};

	memset(rolls, 0, sizeof *rolls);
	expect_ok(rep_key_init(&err), &err);
	rep_key_from_seed(&rolls->root, seed);
	seed[0] = 2;
	rep_key_from_seed(&rolls->other, seed);
	for (size_t i = 0; i < 3; i++) {
		seed[0] = (uint8_t)(10 + i);
		rep_key_from_seed(&rolls->keys[i], seed);
	}
	rolls->git = create_and_open(scratch(state, name), "inbox");
	for (size_t i = 0; i < 2; i++) {
		struct rep_hubkeys before;

		rolls->documents[i] = REP_BUF_INIT(REP_HUBKEY_DOCUMENT_MAX);
		rep_hubkeys_one(&before, rolls->keys[i].public);
		if (i) {
			before.len = 2;
			before.keys[1] = before.keys[0];
			rep_sha256_hex(before.last, rolls->documents[0].data,
				       (size_t)(strchr(rolls->documents[0].data, '\n') -
						rolls->documents[0].data));
		}
		expect_ok(rep_hubkey_write(&rolls->documents[i], &before, rolls->keys[i + 1].public,
					   i ? "2026-03-17T02:00:00.000Z" : NOW, 5, &rolls->root,
					   &err),
			  &err);
	}
}

static void rolls_drop(struct rolls *rolls)
{
	rep_buf_clear(&rolls->documents[0]);
	rep_buf_clear(&rolls->documents[1]);
	rep_git_close(rolls->git);
}

/* A commit whose org/hub-keys has these texts as 1.json, 2.json. */
static struct rep_oid commit_of(struct rolls *rolls, const char *first, const char *second)
{
	struct rep_pack *pack;
	struct rep_tree *tree;
	struct rep_oid root, oid;

	expect_ok(rep_pack_new(&pack, rolls->git, &err), &err);
	expect_ok(rep_tree_edit(&tree, pack, &rep_oid_zero, &err), &err);
	oid = add_blob(pack, first);
	expect_ok(rep_tree_put(tree, REP_HUBKEYS_DIR "/1.json", &oid, false, &err), &err);
	if (second) {
		oid = add_blob(pack, second);
		expect_ok(rep_tree_put(tree, REP_HUBKEYS_DIR "/2.json", &oid, false, &err), &err);
	}
	expect_ok(rep_tree_write(tree, &root, &err), &err);
	oid = commit_on(rolls->git, pack, "refs/heads/inbox", &root);
	rep_tree_free(tree);
	rep_pack_free(pack);
	return oid;
}

static struct rep_pin pin_of(const struct rolls *rolls, size_t key)
{
	struct rep_pin pin = {.has_root = true};

	memcpy(pin.hub, rolls->keys[key].public, sizeof pin.hub);
	memcpy(pin.root, rolls->root.public, sizeof pin.root);
	return pin;
}

static void who_was_away_follows_every_roll_and_who_followed_stays(void **state)
{
	struct rolls rolls;
	struct rep_oid commit;

	rolls_make(&rolls, state, "follows");
	commit = commit_of(&rolls, rep_buf_str(&rolls.documents[0]),
			   rep_buf_str(&rolls.documents[1]));
	for (size_t i = 0; i < 3; i++) {
		struct rep_pin pin = pin_of(&rolls, i);

		expect_ok(rep_pin_follow(&pin, rolls.git, &commit, &err), &err);
		assert_memory_equal(pin.hub, rolls.keys[2].public, sizeof pin.hub);
	}
	rolls_drop(&rolls);
}

static void refused(struct rolls *rolls, size_t key, const char *first, const char *second,
		    const char *part)
{
	struct rep_pin pin = pin_of(rolls, key), before = pin;
	struct rep_oid commit = commit_of(rolls, first, second);

	expect_code(rep_pin_follow(&pin, rolls->git, &commit, &err), REP_EINTEGRITY, &err, part);
	assert_memory_equal(&pin, &before, sizeof pin);
}

static void a_roll_that_the_root_key_did_not_sign_is_refused(void **state)
{
	struct rep_buf by_other = REP_BUF_INIT(REP_HUBKEY_DOCUMENT_MAX),
		       by_hub = REP_BUF_INIT(REP_HUBKEY_DOCUMENT_MAX);
	struct rep_hubkeys before;
	struct rolls rolls;
	char unsigned_line[REP_HUBKEY_DOCUMENT_MAX];

	rolls_make(&rolls, state, "unsigned");
	rep_hubkeys_one(&before, rolls.keys[0].public);
	expect_ok(rep_hubkey_write(&by_other, &before, rolls.keys[1].public, NOW, 5, &rolls.other,
				   &err),
		  &err);
	refused(&rolls, 0, rep_buf_str(&by_other), NULL, "root key did not sign it");
	/* The hub's own key is not the root key. */
	expect_ok(rep_hubkey_write(&by_hub, &before, rolls.keys[1].public, NOW, 5, &rolls.keys[0],
				   &err),
		  &err);
	refused(&rolls, 0, rep_buf_str(&by_hub), NULL, "root key did not sign it");
	snprintf(unsigned_line, sizeof unsigned_line, "%.*s\n",
		 (int)strcspn(rolls.documents[0].data, "\n"), rolls.documents[0].data);
	refused(&rolls, 0, unsigned_line, NULL, "not followed by one signature line");
	rep_buf_clear(&by_other);
	rep_buf_clear(&by_hub);
	rolls_drop(&rolls);
}

static void any_changed_byte_of_a_roll_is_refused(void **state)
{
	struct rolls rolls;
	size_t len;

	rolls_make(&rolls, state, "changed");
	len = rolls.documents[0].len;
	for (size_t i = 0; i < len; i += 7) {
		char text[REP_HUBKEY_DOCUMENT_MAX];

		snprintf(text, sizeof text, "%s", rep_buf_str(&rolls.documents[0]));
		text[i] = text[i] == 'x' ? 'y' : 'x';
		refused(&rolls, 0, text, NULL, NULL);
	}
	rolls_drop(&rolls);
}

static void an_older_roll_that_is_shown_again_is_refused(void **state)
{
	struct rolls rolls;

	rolls_make(&rolls, state, "older");
	/* Who has the second key shows the first roll to who follows the third. */
	refused(&rolls, 2, rep_buf_str(&rolls.documents[0]), NULL, "an older roll");
	/* Nor are they taken out of their order, or twice. */
	refused(&rolls, 0, rep_buf_str(&rolls.documents[1]), NULL, "number 2, where 1 is due");
	refused(&rolls, 0, rep_buf_str(&rolls.documents[0]), rep_buf_str(&rolls.documents[0]),
		"number 1, where 2 is due");
	rolls_drop(&rolls);
}

static void a_roll_that_does_not_continue_the_one_before_is_refused(void **state)
{
	struct rep_buf fork = REP_BUF_INIT(REP_HUBKEY_DOCUMENT_MAX);
	struct rep_hubkeys before;
	struct rolls rolls;

	rolls_make(&rolls, state, "fork");
	rep_hubkeys_one(&before, rolls.keys[1].public);
	before.len = 2;
	before.keys[1] = before.keys[0]; /* and `last`, the hash of the one before, stays zeros */
	expect_ok(rep_hubkey_write(&fork, &before, rolls.keys[2].public, NOW, 5, &rolls.root, &err),
		  &err);
	refused(&rolls, 0, rep_buf_str(&rolls.documents[0]), rep_buf_str(&fork),
		"does not continue the one before");
	rep_buf_clear(&fork);
	rolls_drop(&rolls);
}

static void who_knows_no_root_key_follows_nothing(void **state)
{
	struct rep_oid commit;
	struct rep_pin pin;
	struct rolls rolls;

	rolls_make(&rolls, state, "noroot");
	commit = commit_of(&rolls, rep_buf_str(&rolls.documents[0]), NULL);
	pin = pin_of(&rolls, 0);
	pin.has_root = false;
	expect_code(rep_pin_follow(&pin, rolls.git, &commit, &err), REP_EINTEGRITY, &err,
		    "does not know the company's root key");
	rolls_drop(&rolls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_root_signs_is_believed_and_nothing_else),
		cmocka_unit_test(a_file_that_is_no_key_is_refused),
		cmocka_unit_test(an_invitation_pins_the_root_key),
		cmocka_unit_test(a_replica_of_before_pins_the_root_key_of_the_next_view),
		cmocka_unit_test(who_was_away_follows_every_roll_and_who_followed_stays),
		cmocka_unit_test(a_roll_that_the_root_key_did_not_sign_is_refused),
		cmocka_unit_test(any_changed_byte_of_a_roll_is_refused),
		cmocka_unit_test(an_older_roll_that_is_shown_again_is_refused),
		cmocka_unit_test(a_roll_that_does_not_continue_the_one_before_is_refused),
		cmocka_unit_test(who_knows_no_root_key_follows_nothing),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
