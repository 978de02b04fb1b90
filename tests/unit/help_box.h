/* A mailbox that a device wrote to, for tests of who reads it. */
#ifndef REPSYNC_TESTS_HELP_BOX_H
#define REPSYNC_TESTS_HELP_BOX_H

#include <stdio.h>

#include "help_git.h"
#include "sync/mailbox/mailbox.h"

struct box {
	char path[4096];
	struct rep_git *git;
	struct rep_pack *pack;
	struct rep_oid tip;
};

static inline struct box box_new(void **state)
{
	static unsigned n;
	struct box box = {0};
	char name[32];
	struct rep_error err;

	snprintf(name, sizeof name, "box%u.git", n++);
	snprintf(box.path, sizeof box.path, "%s", scratch(state, name));
	expect_ok(rep_mailbox_create(box.path, &err), &err);
	expect_ok(rep_git_open(&box.git, box.path, &err), &err);
	expect_ok(rep_pack_new(&box.pack, box.git, &err), &err);
	return box;
}

static inline void box_end(struct box *box)
{
	rep_pack_free(box->pack);
	rep_git_close(box->git);
}

/* One commit as a device writes it, and the ref moved. */
static inline void write_files(struct box *box, const struct rep_outbox_file *files, size_t len)
{
	struct rep_oid tip;
	struct rep_error err;

	expect_ok(rep_outbox_commit_files(box->pack, &box->tip, files, len, 1700000000, "d7k3f9qm",
					  &tip, &err),
		  &err);
	expect_ok(rep_pack_commit(box->pack, NULL, &err), &err);
	expect_ok(rep_git_cas(box->git, REP_OUTBOX, &box->tip, &tip, &err), &err);
	box->tip = tip;
}

static inline void write_file(struct box *box, const char *path, const char *text)
{
	struct rep_outbox_file file = {.path = path, .data = text, .len = strlen(text)};

	write_files(box, &file, 1);
}

static inline struct box box_enrolled(void **state)
{
	struct box box = box_new(state);

	write_file(&box, "enrol.json", "{}\n");
	return box;
}

#endif
