#include <stdio.h>
#include <unistd.h>

#include "help_world.h"
#include "sync/admin/hub_schema.h"
#include "sync/audit/audit.h"
#include "sync/audit/verify_hub.h"

/* A world made once; each test tampers with a copy of its hub. */
static struct world original;
static char wang_device[REP_DEVICE_LEN + 1];

/* What else the hub makes records of: a refusal, a proposal, an unmatched call, and records that move with their account. */
static void everything_else(struct rep_replica *wang)
{
	char call[REP_ID_LEN_MAX + 1], task[REP_ID_LEN_MAX + 1];

	world_put(wang, "试试", "contact", CHEN, ASSIGNS("source=我"));
	world_put(wang, "胸牌", "contact", CHEN, ASSIGNS("name=陈建囯"));
	world_new(wang, "来电", "interaction", NULL,
		  ASSIGNS("type=来电", "started_at=2026-03-16T01:10:00.000Z"), call);
	world_new(wang, "下次", "task", NULL, ASSIGNS("title=带资料", "contact=" CHEN), task);
	world_new(wang, "拜访", "interaction", NULL,
		  ASSIGNS("type=面对面", "contacts+=" CHEN, "started_at=2026-03-16T02:10:00.000Z"),
		  NULL);
	world_sync_quietly(wang);
	world_merge_quietly(&original);
	world_hub_change(&original, REP_OP_UPDATE, "contact", CHEN,
			 "{\"org\":{\"new\":\"O-0103\",\"old\":\"O-0101\"}}", "调动");
	world_sync_quietly(wang);
	world_merge_quietly(&original);
}

static int leave_point(void)
{
	const struct rep_verify options = {.go_on = true, .now_ms = 1774400000000};
	struct rep_json *out = NULL;
	struct rep_error err;

	world_reopen(&original, true);
	expect_ok(rep_hub_verify(original.hub, &options, &out, &err), &err);
	assert_true(rep_json_size(rep_json_get(out, "since")) == 0);
	rep_json_free(out);
	world_close(&original);
	return 0;
}

static int company_setup(void **state)
{
	struct rep_replica *wang;

	assert_int_equal(scratch_setup(state), 0);
	world_make(&original, state, "original");
	world_hub_change(&original, REP_OP_INSERT, "contact", CHEN,
			 "{\"best_time\":{\"new\":\"周二上午\"},\"kind\":{\"new\":\"医务人员\"},"
			 "\"name\":{\"new\":\"陈建国\"},\"org\":{\"new\":\"O-0101\"}}",
			 "新建");
	wang = world_laptop(&original, "E0007", "wang");
	snprintf(wang_device, sizeof wang_device, "%s", wang->device);
	world_put(wang, "本人告知", "contact", CHEN, ASSIGNS("best_time=周三下午"));
	world_sync_quietly(wang);
	world_merge_quietly(&original);
	world_put(wang, "改主意", "contact", CHEN, ASSIGNS("best_time=周四下午"));
	world_sync_quietly(wang);
	world_merge_quietly(&original);
	everything_else(wang);
	rep_replica_close(wang);
	world_close(&original);
	return leave_point();
}

static struct world copy_of_hub(void **state)
{
	static unsigned n;
	struct world world = {0};
	char name[32];

	snprintf(name, sizeof name, "copy-%u", n++);
	snprintf(world.dir, sizeof world.dir, "%s", scratch(state, name));
	shell_ok("cp -a '%s' '%s'", original.dir, world.dir);
	return world;
}

/* Runs a shell line in a checkout-free index of main, and commits what it did there, as somebody with git could. */
static void tamper(struct world *world, const char *line)
{
	shell_ok("cd '%s/hub/central.git' && export GIT_INDEX_FILE=$PWD/x.index && "
		 "git read-tree main && { edit() { p=$(git ls-files | grep \"$1\" | head -1); "
		 "test -n \"$p\" && b=$(git cat-file blob \"main:$p\" | sed \"$2\" | "
		 "git hash-object -w --stdin) && git update-index --cacheinfo 100644,$b,\"$p\"; }; "
		 "drop() { p=$(git ls-files | grep \"$1\" | head -1); test -n \"$p\" && "
		 "printf '0 %%040d\\t%%s\\n' 0 \"$p\" | git update-index --index-info; "
		 "}; %s; } && c=$(git commit-tree $(git write-tree) -p main -m x) && "
		 "git update-ref refs/heads/main $c && rm -f x.index && git repack -adq",
		 world->dir, line);
}

static struct rep_json *verify(struct world *world, const struct rep_verify *options,
			       enum rep_code code, const char *part)
{
	struct rep_json *out = NULL;
	struct rep_error err;
	enum rep_code rc;

	world_reopen(world, true);
	rc = rep_hub_verify(world->hub, options, &out, &err);
	if (code == REP_OK)
		expect_ok(rc, &err);
	else
		expect_code(rc, code, &err, part);
	assert_non_null(out);
	assert_true(rep_json_get_bool(out, "ok") == (code == REP_OK));
	world_close(world);
	return out;
}

static const struct rep_verify going_on = {.go_on = true, .now_ms = 1774400000000};

static void expect_wrong(struct world *world, bool replay, const char *part)
{
	const struct rep_verify options = {.replay = replay};

	rep_json_free(verify(world, &options, REP_EINTEGRITY, part));
	/* The hub was verified before somebody had it in hands. */
	if (!replay)
		rep_json_free(verify(world, &going_on, REP_EINTEGRITY, ""));
}

static void a_hub_that_nobody_touched_is_right(void **state)
{
	const struct rep_verify options = {.replay = true};
	struct world world = copy_of_hub(state);
	struct rep_json *out = verify(&world, &options, REP_OK, NULL);
	const struct rep_json *checked = rep_json_get(out, "checked");

	assert_true(rep_json_get_integer(checked, "devices") == 2);
	assert_true(rep_json_get_integer(checked, "changesets") > 2);
	assert_true(rep_json_get_integer(checked, "receipts") > 2);
	assert_true(rep_json_get_integer(checked, "statements") > 0);
	assert_true(rep_json_get_integer(checked, "files") > 4);
	assert_int_equal(rep_json_size(rep_json_get(out, "problems")), 0);
	rep_json_free(out);
}

static void a_replay_makes_refusals_proposals_claims_and_moves_again(void **state)
{
	static const char *const kinds[] = {"rejection", "proposal", "claim"};
	const struct rep_verify options = {.replay = true};
	struct world world = copy_of_hub(state);
	struct rep_json *out;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		shell_ok("git --git-dir '%s/hub/central.git' ls-tree -r --name-only main | "
			 "grep -q '/%s/'",
			 world.dir, kinds[i]);
	shell_ok("git --git-dir '%s/hub/central.git' ls-tree -r --name-only main | "
		 "grep -q '/O-0103/task/'",
		 world.dir);
	out = verify(&world, &options, REP_OK, NULL);
	assert_true(rep_json_get_integer(rep_json_get(out, "checked"), "replayed") > 8);
	rep_json_free(out);
}

static void a_value_changed_in_a_journal_is_found(void **state)
{
	struct world world = copy_of_hub(state);
	char line[256];

	snprintf(line, sizeof line, "edit '^journal/../%s/.*jsonl' s/周三下午/周五下午/",
		 wang_device);
	tamper(&world, line);
	expect_wrong(&world, false, "journal/");
}

static void a_skeleton_changed_in_a_journal_is_found(void **state)
{
	struct world world = copy_of_hub(state);
	char line[256];

	snprintf(line, sizeof line, "edit '^journal/../%s/.*jsonl' s/contact/c0ntact/",
		 wang_device);
	tamper(&world, line);
	expect_wrong(&world, false, "change set 1");
}

static void a_segment_taken_out_of_a_journal_is_found(void **state)
{
	struct world world = copy_of_hub(state);
	char line[256];

	snprintf(line, sizeof line, "drop '^journal/../%s/.*/1-'", wang_device);
	tamper(&world, line);
	expect_wrong(&world, false, "change set 2 where 1 is due");
}

static void the_last_segment_taken_out_is_found_by_the_head(void **state)
{
	struct world world = copy_of_hub(state);
	char line[256];

	snprintf(line, sizeof line, "drop '^journal/../%s/.*/3-'", wang_device);
	tamper(&world, line);
	expect_wrong(&world, false, "head.json");
}

static void a_journal_cut_short_with_its_head_is_found_by_the_statement(void **state)
{
	struct world world = copy_of_hub(state);
	char line[512];

	/* The forger keeps the head in step; the newest statement still names the journal's end. */
	snprintf(line, sizeof line,
		 "drop '^journal/../%s/.*/3-'; h=$(git cat-file blob main:$(git ls-files | "
		 "grep '^journal/../%s/.*/2-2.jsonl' | head -1) | head -1 | tr -d '\\n' | "
		 "sha256sum | cut -c1-64); edit '^journal/../%s/head.json' "
		 "\"s/\\\"hash\\\": *\\\"[0-9a-f]*\\\"/\\\"hash\\\":\\\"$h\\\"/; "
		 "s/\\\"seq\\\": *7/\\\"seq\\\":2/\"",
		 wang_device, wang_device, wang_device);
	tamper(&world, line);
	expect_wrong(&world, false, "statements/");
}

static void a_receipt_that_was_changed_is_found(void **state)
{
	struct world world = copy_of_hub(state);
	char line[256];

	snprintf(line, sizeof line,
		 "edit '^outcomes/../%s/.*receipt' s/received\\\":\\\"20/received\\\":\\\"19/",
		 wang_device);
	tamper(&world, line);
	expect_wrong(&world, false, "receipt.json");
}

static void a_statement_that_was_changed_is_found(void **state)
{
	struct world world = copy_of_hub(state);

	tamper(&world, "edit '^statements/' 's/\"run\":/\"run\":1/'");
	expect_wrong(&world, false, "statements/");
}

static void a_record_that_was_changed_is_found(void **state)
{
	struct world world = copy_of_hub(state);

	tamper(&world, "edit '/" CHEN ".json$' s/周四下午/周五下午/");
	expect_wrong(&world, false, CHEN ".json");
}

static void a_record_that_was_changed_is_found_by_replay_when_the_working_copy_agrees(void **state)
{
	struct world world = copy_of_hub(state);

	tamper(&world, "edit '/" CHEN ".json$' s/周四下午/周五下午/");
	world_reopen(&world, false); /* catches up with main, forged as it is */
	expect_wrong(&world, true, CHEN ".json");
}

static void a_record_in_the_wrong_place_is_found(void **state)
{
	struct world world = copy_of_hub(state);

	tamper(&world, "p=$(git ls-files | grep '/" CHEN ".json$'); "
		       "git update-index --add --cacheinfo 100644,$(git rev-parse main:$p),"
		       "$(dirname $p)/C-0002.json");
	expect_wrong(&world, false, "C-0002.json");
}

static void a_record_file_with_one_space_more_is_found(void **state)
{
	struct world world = copy_of_hub(state);

	tamper(&world, "edit '/" CHEN ".json$' 's/\"id\": /\"id\":  /'");
	expect_wrong(&world, false, "not what a writer writes");
}

static struct world copy_with_a_second_version(void **state)
{
	struct world world = copy_of_hub(state);
	struct rep_hub_publish_schema publish = {.now_ms = world_now()};
	struct rep_json *out;
	struct rep_error err;
	char dir[800];

	snprintf(dir, sizeof dir, "%s/rules", world.dir);
	shell_ok("cp -r '%s' '%s' && sed -i 's/\"version\": *1/\"version\": 2/' '%s/schema.json'",
		 source_path("schema"), dir, dir);
	publish.dir = dir;
	world_reopen(&world, false);
	expect_ok(rep_hub_schema_publish(world.hub, &publish, &out, &err), &err);
	assert_int_equal(rep_hub_schema(world.hub)->version, 2);
	rep_json_free(out);
	world_close(&world);
	return world;
}

static void the_files_of_a_published_version_are_those_that_were_signed(void **state)
{
	struct world world = copy_with_a_second_version(state);
	const struct rep_verify options = {0};

	rep_json_free(verify(&world, &options, REP_OK, NULL));
	tamper(&world, "edit '^schemas/2/entities/contact.json$' '1s/{/{ /'");
	expect_wrong(&world, false, "schemas/2: the files of version 2 are not those");
	world = copy_with_a_second_version(state);
	tamper(&world, "drop '^schemas/2/entities/contact.json$'");
	expect_wrong(&world, false, "schemas/2: ");
	world = copy_with_a_second_version(state);
	tamper(&world, "edit '^schema/entities/contact.json$' '1s/{/{ /'");
	expect_wrong(&world, false, "schema: the files of version 2 are not those");
}

static void a_flipped_byte_in_a_pack_is_named_by_its_path(void **state)
{
	struct world world = copy_of_hub(state);
	char pack[700], at[64];

	shell_ok("cd '%s/hub/central.git' && git repack -adq", world.dir);
	snprintf(pack, sizeof pack, "%s",
		 shell_line("ls '%s'/hub/central.git/objects/pack/*.pack", world.dir));
	/* In the deflated middle of the record's blob. */
	snprintf(at, sizeof at, "%s",
		 shell_line("cd '%s/hub/central.git' && b=$(git ls-tree -r main | grep '/" CHEN
			    ".json$' | cut -c13-52) && git verify-pack -v objects/pack/*.idx | "
			    "grep ^$b | awk '{print $5 + int($4 / 2)}'",
			    world.dir));
	shell_ok(
		"chmod u+w '%s' && b=$(dd if='%s' bs=1 skip=%s count=1 2>/dev/null | od -An -tu1) && "
		"printf \"\\\\$(printf '%%03o' $((b ^ 1)))\" | "
		"dd of='%s' bs=1 seek=%s conv=notrunc 2>/dev/null",
		pack, pack, at, pack, at);
	expect_wrong(&world, false, CHEN ".json");
}

/* What a power cut between the swap of main and the commit of the working copy leaves. */
static void a_run_cut_after_the_swap_is_no_damage_and_a_forgery_on_top_of_it_is(void **state)
{
	struct world world = copy_of_hub(state);
	const struct rep_verify options = {.replay = true};
	struct rep_json *out;

	shell_ok("cp '%s/hub/work.db' '%s/before.db'", world.dir, world.dir);
	world_reopen(&world, false);
	world_hub_change(&world, REP_OP_UPDATE, "contact", CHEN,
			 "{\"best_time\":{\"new\":\"周一上午\",\"old\":\"周四下午\"}}", "电话");
	world_close(&world);
	shell_ok("cd '%s' && rm -f hub/work.db-* && mv before.db hub/work.db", world.dir);
	out = verify(&world, &options, REP_OK, NULL);
	assert_int_equal(rep_json_get_integer(rep_json_get(out, "checked"), "behind"), 1);
	rep_json_free(out);
	tamper(&world, "edit '/" CHEN ".json$' s/周一上午/周五下午/");
	expect_wrong(&world, false, CHEN ".json");
}

static void one_device_can_be_asked_alone(void **state)
{
	struct world world = copy_of_hub(state);
	const struct rep_verify hub_only = {.device = REP_HUB_DEVICE};
	struct rep_json *out;

	out = verify(&world, &hub_only, REP_OK, NULL);
	assert_int_equal(rep_json_get_integer(rep_json_get(out, "checked"), "devices"), 1);
	rep_json_free(out);
}

static void git_problems_are_told_without_touching_the_repository_otherwise(void **state)
{
	struct rep_problems problems;
	struct rep_error err;
	char path[700];

	snprintf(path, sizeof path, "%s", scratch(state, "nothing.git"));
	rep_problems_init(&problems);
	expect_ok(rep_verify_fsck(path, &problems, &err), &err);
	assert_true(rep_problems_any(&problems));
	rep_problems_clear(&problems);
}

/* ---- going on from a verified point ---- */

static int64_t checked(const struct rep_json *report, const char *what)
{
	return rep_json_get_integer(rep_json_get(report, "checked"), what);
}

static void what_was_verified_is_not_looked_at_again(void **state)
{
	const struct rep_verify everything = {0};
	struct world world = copy_of_hub(state);
	struct rep_json *all, *out;

	all = verify(&world, &everything, REP_OK, NULL);
	out = verify(&world, &going_on, REP_OK, NULL);
	assert_true(rep_json_size(rep_json_get(all, "since")) == 0);
	assert_string_equal(rep_json_get_string(rep_json_get(out, "since"), "at"),
			    "2026-03-25T00:53:20.000Z");
	assert_int_equal(checked(out, "changesets"), 0);
	assert_int_equal(checked(out, "files"), 0);
	rep_json_free(out);
	/* One change set more. */
	world_reopen(&world, false);
	world_hub_change(&world, REP_OP_UPDATE, "contact", CHEN, "{\"dept\":{\"new\":\"心内科\"}}",
			 "补充");
	world_close(&world);
	out = verify(&world, &going_on, REP_OK, NULL);
	assert_int_equal(checked(out, "changesets"), 1);
	assert_int_equal(checked(out, "statements"), 1);
	assert_true(checked(out, "files") >= 1 && checked(out, "files") < checked(all, "files"));
	rep_json_free(out);
	out = verify(&world, &going_on, REP_OK, NULL);
	assert_int_equal(checked(out, "changesets"), 0);
	rep_json_free(out);
	rep_json_free(all);
}

static void what_is_wrong_leaves_no_point(void **state)
{
	struct world world = copy_of_hub(state);

	tamper(&world, "edit '/" CHEN ".json$' s/周四下午/周五下午/");
	for (int i = 0; i < 2; i++)
		rep_json_free(verify(&world, &going_on, REP_EINTEGRITY, CHEN ".json"));
}

/* Bits that a disk turned in what was verified: the file's size and times are what they were. */
static void an_old_object_that_was_damaged_in_silence_is_found_by_looking_at_everything(
	void **state)
{
	const struct rep_verify everything = {.now_ms = 1774400000001};
	struct world world = copy_of_hub(state);

	rep_json_free(verify(&world, &going_on, REP_OK, NULL));
	/* In the deflated middle of a segment, which nobody opens any more. */
	shell_ok(
		"cd '%s/hub/central.git' && o=$(git rev-parse main:$(git ls-tree -r --name-only main | "
		"grep '^journal/../%s/.*/1-' | head -n 1)) && for i in objects/pack/*.idx; do "
		"a=$(git verify-pack -v $i | awk -v o=$o '$1 == o {print $5 + int($4 / 2)}'); "
		"test -z \"$a\" || break; done && p=${i%%idx}pack && touch -r $p ../t && "
		"chmod u+w $p && b=$(od -An -tu1 -j$a -N1 $p) && "
		"printf \"\\\\$(printf '%%03o' $((b ^ 1)))\" | "
		"dd of=$p bs=1 seek=$a conv=notrunc 2>/dev/null && touch -r ../t $p",
		world.dir, wang_device);
	rep_json_free(verify(&world, &going_on, REP_OK, NULL));
	rep_json_free(verify(&world, &everything, REP_EINTEGRITY, ""));
	/* Whoever writes without setting the clock back is found at once. */
	shell_ok("touch '%s'/hub/central.git/objects/pack/*.pack", world.dir);
	rep_json_free(verify(&world, &going_on, REP_EINTEGRITY, ""));
}

static void a_main_that_was_set_back_behind_the_point_is_found(void **state)
{
	struct world world = copy_of_hub(state);

	world_reopen(&world, false);
	world_hub_change(&world, REP_OP_UPDATE, "contact", CHEN, "{\"dept\":{\"new\":\"心内科\"}}",
			 "补充");
	world_close(&world);
	rep_json_free(verify(&world, &going_on, REP_OK, NULL));
	shell_ok("cd '%s/hub' && git --git-dir central.git update-ref refs/heads/main main^ && "
		 "rm -f work.db*",
		 world.dir);
	world_reopen(&world, false);
	rep_json_free(verify(&world, &going_on, REP_EINTEGRITY, "set back or written anew"));
}

static void a_point_that_the_hub_did_not_sign_is_none(void **state)
{
	struct world world = copy_of_hub(state);
	struct rep_json *out;

	shell_ok("sed -i '1s/\"run\":/\"run\":1/' '%s/hub/verified.json'", world.dir);
	out = verify(&world, &going_on, REP_OK, NULL);
	assert_true(rep_json_size(rep_json_get(out, "since")) == 0);
	assert_true(checked(out, "changesets") > 2);
	rep_json_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hub_that_nobody_touched_is_right),
		cmocka_unit_test(a_replay_makes_refusals_proposals_claims_and_moves_again),
		cmocka_unit_test(a_value_changed_in_a_journal_is_found),
		cmocka_unit_test(a_skeleton_changed_in_a_journal_is_found),
		cmocka_unit_test(a_segment_taken_out_of_a_journal_is_found),
		cmocka_unit_test(the_last_segment_taken_out_is_found_by_the_head),
		cmocka_unit_test(a_journal_cut_short_with_its_head_is_found_by_the_statement),
		cmocka_unit_test(a_receipt_that_was_changed_is_found),
		cmocka_unit_test(a_statement_that_was_changed_is_found),
		cmocka_unit_test(a_record_that_was_changed_is_found),
		cmocka_unit_test(
			a_record_that_was_changed_is_found_by_replay_when_the_working_copy_agrees),
		cmocka_unit_test(a_record_in_the_wrong_place_is_found),
		cmocka_unit_test(a_record_file_with_one_space_more_is_found),
		cmocka_unit_test(the_files_of_a_published_version_are_those_that_were_signed),
		cmocka_unit_test(a_flipped_byte_in_a_pack_is_named_by_its_path),
		cmocka_unit_test(
			a_run_cut_after_the_swap_is_no_damage_and_a_forgery_on_top_of_it_is),
		cmocka_unit_test(one_device_can_be_asked_alone),
		cmocka_unit_test(what_was_verified_is_not_looked_at_again),
		cmocka_unit_test(what_is_wrong_leaves_no_point),
		cmocka_unit_test(
			an_old_object_that_was_damaged_in_silence_is_found_by_looking_at_everything),
		cmocka_unit_test(a_main_that_was_set_back_behind_the_point_is_found),
		cmocka_unit_test(a_point_that_the_hub_did_not_sign_is_none),
		cmocka_unit_test(git_problems_are_told_without_touching_the_repository_otherwise),
	};

	rep_json_init();
	return cmocka_run_group_tests(tests, company_setup, scratch_teardown);
}
