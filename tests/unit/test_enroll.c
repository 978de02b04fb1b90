/* Invitations, and the replicas that they make. */
#include <stdio.h>
#include <unistd.h>

#include "help_world.h"

#define GOOD                                                                                                 \
	"{\"type\":\"invitation\",\"format\":1,\"company\":\"x\",\"device\":\"d7k3f9qm\",\"rep\":\"E0007\"," \
	"\"url\":\"/nowhere/d7k3f9qm.git\",\"host_key\":null,\"hub_public\":\"" HEX64                        \
	"\",\"secret\":\"" HEX64                                                                             \
	"\",\"expires\":\"2026-12-01T00:00:00.000Z\",\"ssh_secret\":null,"                                   \
	"\"ssh_public\":null,\"desk\":false}"
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void expect_refused(void **state, const char *invitation, int64_t now_ms, const char *part)
{
	char dir[600];
	struct rep_error err;

	snprintf(dir, sizeof dir, "%s", scratch(state, "refused"));
	expect_code(rep_enroll(dir, invitation, strlen(invitation), now_ms, &err), REP_EINVAL, &err,
		    part);
	assert_int_not_equal(access(dir, F_OK), 0);
}

static void an_expired_invitation_is_refused_and_says_when(void **state)
{
	int64_t expires;

	assert_true(rep_time_parse(&expires, "2026-12-01T00:00:00.000Z"));
	expect_refused(state, GOOD, expires, "2026-12-01T00:00:00.000Z");
}

static void what_is_no_invitation_makes_no_replica(void **state)
{
	expect_refused(state, "", 0, NULL);
	expect_refused(state, "{}", 0, NULL);
	expect_refused(state, "[1]", 0, NULL);
	expect_refused(state, "{\"type\":\"receipt\",\"format\":1}", 0, NULL);
}

static void an_invitation_makes_a_replica_with_keys_of_its_own(void **state)
{
	char first[600], second[600];
	struct rep_replica *a, *b;
	struct rep_error err;

	snprintf(first, sizeof first, "%s", scratch(state, "enrolled-1"));
	snprintf(second, sizeof second, "%s", scratch(state, "enrolled-2"));
	expect_ok(rep_enroll(first, GOOD, strlen(GOOD), 0, &err), &err);
	expect_ok(rep_enroll(second, GOOD, strlen(GOOD), 0, &err), &err);
	expect_ok(rep_replica_open(&a, first, false, &err), &err);
	expect_ok(rep_replica_open(&b, second, false, &err), &err);
	assert_string_equal(a->device, "d7k3f9qm");
	assert_memory_not_equal(a->key.public, b->key.public, REP_PUBLIC_SIZE);
	assert_null(a->schema);
	rep_replica_close(a);
	rep_replica_close(b);
}

static void an_invitation_taken_twice_leaves_the_first_replica_as_it_is(void **state)
{
	char dir[600], other[sizeof GOOD];
	uint8_t public[REP_PUBLIC_SIZE];
	struct rep_replica *replica;
	struct rep_error err;

	snprintf(dir, sizeof dir, "%s", scratch(state, "twice"));
	expect_ok(rep_enroll(dir, GOOD, strlen(GOOD), 0, &err), &err);
	expect_ok(rep_replica_open(&replica, dir, false, &err), &err);
	memcpy(public, replica->key.public, sizeof public);
	rep_replica_close(replica);
	expect_ok(rep_enroll(dir, GOOD, strlen(GOOD), 0, &err), &err);
	/* Another device's invitation does not take its place. */
	memcpy(other, GOOD, sizeof other);
	memcpy(strstr(other, "d7k3f9qm"), "e7k3f9qm", 8);
	expect_code(rep_enroll(dir, other, strlen(other), 0, &err), REP_EEXIST, &err, NULL);
	expect_ok(rep_replica_open(&replica, dir, false, &err), &err);
	assert_memory_equal(public, replica->key.public, sizeof public);
	rep_replica_close(replica);
}

static void a_mailbox_that_is_not_there_is_unreachable(void **state)
{
	char dir[600];
	struct rep_replica *replica;
	struct rep_error err;

	snprintf(dir, sizeof dir, "%s", scratch(state, "alone"));
	expect_ok(rep_enroll(dir, GOOD, strlen(GOOD), 0, &err), &err);
	expect_ok(rep_replica_open(&replica, dir, false, &err), &err);
	expect_code(world_try_sync(replica, &err), REP_EUNREACHABLE, &err, "sync: ");
	rep_replica_close(replica);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_expired_invitation_is_refused_and_says_when),
		cmocka_unit_test(what_is_no_invitation_makes_no_replica),
		cmocka_unit_test(an_invitation_makes_a_replica_with_keys_of_its_own),
		cmocka_unit_test(an_invitation_taken_twice_leaves_the_first_replica_as_it_is),
		cmocka_unit_test(a_mailbox_that_is_not_there_is_unreachable),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
