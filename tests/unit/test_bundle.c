/* The file that a bundle is: read back as it was written, and by nobody else. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/model/cipher.h"
#include "help_git.h"
#include "sync/device/bundle_work.h"

struct made {
	char path[4096];
	struct rep_key sender, receiver;
	struct rep_bundle bundle;
	struct rep_oid blob;
};

static void make(struct made *made, void **state, const char *name)
{
	char repository[64];
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_error err;
	uint8_t seed[32] = {1};

	*made = (struct made){0};
	snprintf(repository, sizeof repository, "%s.git", name);
	snprintf(made->path, sizeof made->path, "%s", scratch(state, name));
	rep_key_from_seed(&made->sender, seed);
	seed[0] = 2;
	rep_key_from_seed(&made->receiver, seed);
	memcpy(made->bundle.device, "d7k3f9qm", sizeof made->bundle.device);
	memcpy(made->bundle.signer, made->sender.public, REP_PUBLIC_SIZE);
	memcpy(made->bundle.made, "2026-11-21T02:14:05.123Z", sizeof made->bundle.made);
	git = create_and_open(scratch(state, repository), "outbox");
	expect_ok(rep_pack_new(&pack, git, &err), &err);
	made->blob = add_blob(pack, "geheim");
	made->bundle.tip = made->blob;
	expect_ok(rep_pack_commit(pack, NULL, &err), &err);
	expect_ok(rep_bundle_write(made->path, &made->bundle, git, &made->sender,
				   made->receiver.public, NULL, &err),
		  &err);
	rep_pack_free(pack);
	rep_git_close(git);
}

/* What was read goes where it is refused. */
static enum rep_code read_it(struct rep_bundle *out, const char *path,
			     const struct rep_key *receiver, struct rep_error *err)
{
	enum rep_code rc = rep_bundle_read(out, path, err);

	if (!rc)
		rc = rep_bundle_open(out, receiver, err);
	if (rc)
		rep_bundle_clear(out);
	return rc;
}

static void what_was_written_is_read(void **state)
{
	struct made made;
	struct rep_bundle read;
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_error err;

	make(&made, state, "plain");
	expect_ok(read_it(&read, made.path, &made.receiver, &err), &err);
	assert_string_equal(read.device, "d7k3f9qm");
	assert_string_equal(read.made, made.bundle.made);
	assert_true(rep_oid_equal(&read.tip, &made.bundle.tip));
	assert_true(rep_oid_is_zero(&read.base));
	git = create_and_open(scratch(state, "again.git"), "outbox");
	expect_ok(rep_pack_new(&pack, git, &err), &err);
	expect_code(rep_bundle_unpack(&read, pack, 3, &err), REP_EINTEGRITY, &err, "malformed");
	expect_ok(rep_bundle_unpack(&read, pack, 1000, &err), &err);
	assert_true(rep_pack_has(pack, &made.blob));
	rep_pack_free(pack);
	rep_git_close(git);
	rep_bundle_clear(&read);
}

static void the_sender_cannot_open_it(void **state)
{
	struct made made;
	struct rep_bundle read;
	struct rep_error err;

	make(&made, state, "sealed");
	expect_code(read_it(&read, made.path, &made.sender, &err), REP_EREFUSED, &err,
		    "somebody else");
}

static void every_changed_byte_and_every_length_is_refused(void **state)
{
	struct made made;
	struct rep_bundle read;
	struct rep_buf bytes = REP_BUF_INIT(1u << 20);
	struct rep_error err;

	make(&made, state, "bytes");
	expect_ok(rep_file_read(&bytes, made.path, &err), &err);
	for (size_t at = 0; at < bytes.len; at++) {
		bytes.data[at] = (char)(bytes.data[at] ^ 1);
		expect_ok(rep_file_write(made.path, bytes.data, bytes.len, 0600, &err), &err);
		assert_int_not_equal(read_it(&read, made.path, &made.receiver, &err), REP_OK);
		bytes.data[at] = (char)(bytes.data[at] ^ 1);
		expect_ok(rep_file_write(made.path, bytes.data, at, 0600, &err), &err);
		assert_int_not_equal(read_it(&read, made.path, &made.receiver, &err), REP_OK);
	}
	expect_ok(rep_file_write(made.path, bytes.data, bytes.len, 0600, &err), &err);
	expect_ok(read_it(&read, made.path, &made.receiver, &err), &err);
	rep_bundle_clear(&read);
	rep_buf_clear(&bytes);
}

/* Whoever may seal to the company, and that is everybody, cannot sign for a device. */
static void another_signer_than_the_first_line_says_is_refused(void **state)
{
	struct made made;
	struct rep_bundle read;
	struct rep_git *git;
	struct rep_error err;

	make(&made, state, "signer");
	git = create_and_open(scratch(state, "empty.git"), "outbox");
	expect_ok(rep_bundle_write(made.path, &made.bundle, git, &made.receiver,
				   made.receiver.public, NULL, &err),
		  &err);
	expect_code(read_it(&read, made.path, &made.receiver, &err), REP_EINTEGRITY, &err,
		    "signature");
	rep_git_close(git);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(the_sender_cannot_open_it),
		cmocka_unit_test(every_changed_byte_and_every_length_is_refused),
		cmocka_unit_test(another_signer_than_the_first_line_says_is_refused),
	};
	struct rep_error err;

	if (rep_key_init(&err) != REP_OK)
		return 1;
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
