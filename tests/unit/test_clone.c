#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/replica.h"
#include "help_db.h"
#include "help_git.h"
#include "sync/device/clone.h"
#include "sync/device/device_work.h"
#include "sync/mailbox/mailbox.h"
#include "sync/transport/transport.h"

#define DEVICE "d7k3f9qm"

/* A replica, its open clone, and a mailbox that serves views. */
struct site {
	struct rep_replica *replica;
	struct rep_clone *clone;
	struct rep_git *box;
	struct rep_pack *box_pack;
	char path[4096];
	struct rep_transport *transport;
};

static struct site site_new(void **state)
{
	static unsigned n;
	struct site site = {0};
	struct rep_key key;
	struct rep_json *invitation = rep_json_object();
	struct rep_replica_identity identity = {
		.device = DEVICE, .rep = "r017", .key = &key, .invitation = invitation};
	struct rep_transport_options options = {.url = site.path};
	char dir[4096], name[32];
	struct rep_error err;

	snprintf(name, sizeof name, "replica%u", n);
	snprintf(dir, sizeof dir, "%s", scratch(state, name));
	snprintf(name, sizeof name, "box%u.git", n++);
	snprintf(site.path, sizeof site.path, "%s", scratch(state, name));
	expect_ok(rep_key_init(&err), &err);
	rep_key_make(&key);
	expect_ok(rep_replica_create(dir, &identity, &err), &err);
	expect_ok(rep_replica_open(&site.replica, dir, false, &err), &err);
	rep_json_free(invitation);
	expect_ok(rep_mailbox_create(site.path, &err), &err);
	expect_ok(rep_git_open(&site.box, site.path, &err), &err);
	expect_ok(rep_pack_new(&site.box_pack, site.box, &err), &err);
	expect_ok(rep_transport_open(&site.transport, &options, &err), &err);
	expect_ok(rep_clone_open(&site.clone, site.replica, &err), &err);
	return site;
}

static void site_end(struct site *site)
{
	rep_clone_close(site->clone);
	rep_transport_close(site->transport);
	rep_pack_free(site->box_pack);
	rep_git_close(site->box);
	rep_replica_close(site->replica);
}

static void reopen(struct site *site)
{
	struct rep_error err;

	rep_clone_close(site->clone);
	site->clone = NULL;
	expect_ok(rep_clone_open(&site->clone, site->replica, &err), &err);
}

/* The hub publishes the files "path=text"; the inbox's new tip. */
static struct rep_oid publish(struct site *site, const char *const *files)
{
	struct rep_tree *tree;
	struct rep_oid root, tip;
	struct rep_error err;

	expect_ok(rep_tree_edit(&tree, site->box_pack, &rep_oid_zero, &err), &err);
	for (; *files; files++) {
		const char *text = strchr(*files, '=');
		struct rep_oid blob = add_blob(site->box_pack, text + 1);
		char path[256];

		snprintf(path, sizeof path, "%.*s", (int)(text - *files), *files);
		expect_ok(rep_tree_put(tree, path, &blob, false, &err), &err);
	}
	expect_ok(rep_tree_write(tree, &root, &err), &err);
	tip = commit_on(site->box, site->box_pack, REP_INBOX, &root);
	rep_tree_free(tree);
	return tip;
}
#define PUBLISH(site, ...) publish(site, (const char *const[]){__VA_ARGS__, NULL})

static void set_meta(struct site *site, const char *key, const struct rep_oid *oid)
{
	char hex[REP_OID_HEX + 1];
	struct rep_error err;

	rep_oid_hex(hex, oid);
	expect_ok(rep_meta_set(site->replica->db, key, hex, &err), &err);
}

/* What a sync does: fetch, and keep clone and tip in one transaction. */
static void fetch(struct site *site, bool shrink)
{
	struct rep_db *db = site->replica->db;
	struct rep_oid tip;
	struct rep_error err;

	expect_ok(rep_transport_fetch(site->transport, rep_clone_path(site->clone), &tip, &err),
		  &err);
	expect_ok(rep_git_refresh(rep_clone_git(site->clone), &err), &err);
	expect_ok(rep_db_begin(db, &err), &err);
	set_meta(site, REP_META_APPLIED_TIP, &tip);
	if (shrink)
		expect_ok(rep_clone_shrink(site->clone, &err), &err);
	else
		expect_ok(rep_clone_store(site->clone, &err), &err);
	expect_ok(rep_db_commit(db, &err), &err);
}

#define FILES "SELECT count(DISTINCT name) FROM _clone"

static const char *show(struct site *site, const char *what)
{
	return shell_line("git -C %s show %s 2>/dev/null || echo none", rep_clone_path(site->clone),
			  what);
}

static void what_was_stored_is_there_after_the_next_open(void **state)
{
	struct site site = site_new(state);

	(void)PUBLISH(&site, "data/a=1");
	fetch(&site, false);
	assert_int_equal(db_number(site.replica->db, FILES), 2);
	reopen(&site);
	assert_string_equal(show(&site, "inbox:data/a"), "1");
	expect_clean(rep_clone_path(site.clone));
	site_end(&site);
}

static void storing_twice_adds_nothing(void **state)
{
	struct site site = site_new(state);
	int64_t rows;
	struct rep_error err;

	(void)PUBLISH(&site, "data/a=1");
	fetch(&site, false);
	rows = db_number(site.replica->db, "SELECT count(*) FROM _clone");
	expect_ok(rep_clone_store(site.clone, &err), &err);
	assert_int_equal(db_number(site.replica->db, "SELECT count(*) FROM _clone"), rows);
	site_end(&site);
}

static void a_pack_larger_than_a_piece_comes_back_whole(void **state)
{
	struct site site = site_new(state);
	size_t size = 3u * 1024u * 1024u + 7;
	char *text = malloc(size + 8);
	uint32_t x = 9;

	assert_non_null(text);
	memcpy(text, "data/a=", 7);
	for (size_t i = 7; i < size; i++) {
		x = x * 1664525u + 1013904223u;
		text[i] = (char)(33 + (x >> 24) % 90);
	}
	text[size] = '\0';
	(void)PUBLISH(&site, text);
	fetch(&site, false);
	assert_true(db_number(site.replica->db, "SELECT max(piece) FROM _clone") >= 2);
	assert_int_equal(db_number(site.replica->db, "SELECT max(length(data)) FROM _clone"),
			 1024 * 1024);
	reopen(&site);
	expect_clean(rep_clone_path(site.clone));
	free(text);
	site_end(&site);
}

static void many_packs_become_few_and_nothing_is_lost(void **state)
{
	struct site site = site_new(state);

	for (unsigned i = 0; i < 25; i++) {
		char one[64], two[64];

		snprintf(one, sizeof one, "data/a=%u", i);
		snprintf(two, sizeof two, "data/b/c=%u", i / 5);
		(void)PUBLISH(&site, one, two);
		fetch(&site, false);
		assert_true(db_number(site.replica->db, FILES) <= 42);
	}
	assert_true(db_number(site.replica->db, FILES) < 20);
	reopen(&site);
	assert_string_equal(show(&site, "inbox:data/a"), "24");
	assert_string_equal(show(&site, "inbox~24:data/a"), "0");
	expect_clean(rep_clone_path(site.clone));
	site_end(&site);
}

static void a_store_that_is_taken_back_leaves_the_clone_as_it_was(void **state)
{
	struct site site = site_new(state);
	struct rep_oid tip;
	struct rep_error err;

	(void)PUBLISH(&site, "data/a=1");
	fetch(&site, false);
	(void)PUBLISH(&site, "data/a=2");
	expect_ok(rep_transport_fetch(site.transport, rep_clone_path(site.clone), &tip, &err),
		  &err);
	expect_ok(rep_db_begin(site.replica->db, &err), &err);
	set_meta(&site, REP_META_APPLIED_TIP, &tip);
	expect_ok(rep_clone_store(site.clone, &err), &err);
	rep_db_abort(site.replica->db);
	reopen(&site);
	assert_string_equal(show(&site, "inbox:data/a"), "1");
	fetch(&site, false);
	assert_string_equal(show(&site, "inbox:data/a"), "2");
	site_end(&site);
}

static void shrinking_keeps_the_view_and_all_commits_and_no_lost_data(void **state)
{
	struct site site = site_new(state);

	(void)PUBLISH(&site, "data/a=1", "lost/b=secret");
	fetch(&site, false);
	(void)PUBLISH(&site, "data/a=2");
	fetch(&site, true);
	assert_int_equal(db_number(site.replica->db, FILES), 2);
	reopen(&site);
	assert_string_equal(show(&site, "inbox:data/a"), "2");
	assert_string_equal(
		"2", shell_line("git -C %s rev-list --count inbox", rep_clone_path(site.clone)));
	/* printf secret | git hash-object --stdin */
	assert_string_equal(show(&site, "536aca34dbae6b2b8af26bebdcba83543c9546f0"), "none");
	/* The next fetch still works, and needs no more than what is new. */
	(void)PUBLISH(&site, "data/a=3", "data/c=4");
	fetch(&site, false);
	assert_string_equal(show(&site, "inbox:data/c"), "4");
	site_end(&site);
}

static struct rep_oid add_segment(struct site *site, const struct rep_oid *on, const char *path,
				  const char *text)
{
	struct rep_pack *pack;
	struct rep_oid tip;
	struct rep_error err;

	expect_ok(rep_pack_new(&pack, rep_clone_git(site->clone), &err), &err);
	expect_ok(rep_outbox_commit(pack, on, path, text, strlen(text), 1700000000, DEVICE, &tip,
				    &err),
		  &err);
	expect_ok(rep_pack_commit(pack, NULL, &err), &err);
	rep_pack_free(pack);
	set_meta(site, REP_META_PLANNED_TIP, &tip);
	return tip;
}

static void shrinking_keeps_what_no_view_acknowledged_and_the_outbox_goes_on(void **state)
{
	struct site site = site_new(state);
	struct rep_oid enrol, merged, sent, waiting, next;
	struct rep_outbox outbox;
	struct rep_error err;

	enrol = add_segment(&site, &rep_oid_zero, "enrol.json", "{}\n");
	merged = add_segment(&site, &enrol, "2026-11/1-1.jsonl", "merged\n");
	sent = add_segment(&site, &merged, "2026-11/2-2.jsonl", "sent\n");
	/* The mailbox was seen to hold `sent`; a power cut there took it back. */
	expect_ok(rep_transport_push(site.transport, rep_clone_path(site.clone), &rep_oid_zero,
				     &merged, &err),
		  &err);
	set_meta(&site, REP_META_SENT_TIP, &sent);
	expect_ok(rep_meta_set_int(site.replica->db, REP_META_MERGED_SEQ, 1, &err), &err);
	waiting = add_segment(&site, &sent, "2026-12/3-3.jsonl", "waiting\n");
	(void)PUBLISH(&site, "data/a=1");
	fetch(&site, true);
	reopen(&site);
	/* printf 'merged\n' | git hash-object --stdin */
	assert_string_equal(show(&site, "20b117fdd3804508359ec883abe519486f0d19dd"), "none");
	next = add_segment(&site, &waiting, "2026-12/4-4.jsonl", "next\n");
	expect_ok(rep_transport_push(site.transport, rep_clone_path(site.clone), &merged, &next,
				     &err),
		  &err);
	expect_ok(rep_mailbox_read(&outbox, site.path, &rep_oid_zero, &err), &err);
	assert_int_equal(outbox.segments_len, 4);
	assert_string_equal(outbox.segments[1].data, "sent\n");
	assert_string_equal(outbox.segments[2].data, "waiting\n");
	rep_outbox_clear(&outbox);
	expect_clean(site.path);
	site_end(&site);
}

static void a_commit_of_the_outbox_tells_its_range_when_its_trees_are_gone(void **state)
{
	struct site site = site_new(state);
	struct rep_oid enrol, merged, tip, parent;
	int64_t first, last;
	struct rep_error err;

	enrol = add_segment(&site, &rep_oid_zero, "enrol.json", "{}\n");
	merged = add_segment(&site, &enrol, "2026-11/1-7.jsonl", "merged\n");
	tip = add_segment(&site, &merged, "2026-11/8-9.jsonl", "merged too\n");
	expect_ok(rep_meta_set_int(site.replica->db, REP_META_MERGED_SEQ, 9, &err), &err);
	(void)PUBLISH(&site, "data/a=1");
	fetch(&site, true);
	reopen(&site);
	expect_ok(rep_outbox_commit_range(rep_clone_git(site.clone), &tip, &first, &last, &parent,
					  &err),
		  &err);
	assert_true(rep_oid_equal(&parent, &merged));
	expect_ok(rep_outbox_commit_range(rep_clone_git(site.clone), &merged, &first, &last,
					  &parent, &err),
		  &err);
	assert_int_equal(first, 1);
	assert_int_equal(last, 7);
	expect_ok(rep_outbox_commit_range(rep_clone_git(site.clone), &enrol, &first, &last, &parent,
					  &err),
		  &err);
	assert_int_equal(last, 0);
	site_end(&site);
}

static void a_name_that_is_no_pack_is_refused(void **state)
{
	static const char *const bad[] = {"../x", "pack-0.pack",
					  "pack-0000000000000000000000000000000000000000.keep",
					  "pack-000000000000000000000000000000000000000/.idx"};
	struct site site = site_new(state);
	struct rep_error err;

	rep_clone_close(site.clone);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		expect_ok(rep_db_execf(site.replica->db, &err,
				       "DELETE FROM _clone; INSERT INTO _clone(name, piece, data) "
				       "VALUES ('%s', 0, x'00')",
				       bad[i]),
			  &err);
		expect_code(rep_clone_open(&site.clone, site.replica, &err), REP_EINTEGRITY, &err,
			    "no pack");
		assert_null(site.clone);
	}
	site_end(&site);
}

static void closing_removes_the_private_folder(void **state)
{
	struct site site = site_new(state);
	char path[4096];

	snprintf(path, sizeof path, "%s", rep_clone_path(site.clone));
	assert_true(rep_file_is_dir(path));
	rep_clone_close(site.clone);
	site.clone = NULL;
	assert_false(rep_file_exists(path));
	*strrchr(path, '/') = '\0';
	assert_false(rep_file_exists(path));
	site_end(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_stored_is_there_after_the_next_open),
		cmocka_unit_test(storing_twice_adds_nothing),
		cmocka_unit_test(a_pack_larger_than_a_piece_comes_back_whole),
		cmocka_unit_test(many_packs_become_few_and_nothing_is_lost),
		cmocka_unit_test(a_store_that_is_taken_back_leaves_the_clone_as_it_was),
		cmocka_unit_test(shrinking_keeps_the_view_and_all_commits_and_no_lost_data),
		cmocka_unit_test(shrinking_keeps_what_no_view_acknowledged_and_the_outbox_goes_on),
		cmocka_unit_test(a_commit_of_the_outbox_tells_its_range_when_its_trees_are_gone),
		cmocka_unit_test(a_name_that_is_no_pack_is_refused),
		cmocka_unit_test(closing_removes_the_private_folder),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
