/*
 * What the parts of `hub verify` share. Not part of the public interface.
 *
 *	verify_point.c	how far it was right when it was looked at last
 *	verify_packs.c	which packs are new since then
 *	verify_fsck.c	is every object what its name says? by stock git, in a process of its own
 *	verify_chain.c	journals, receipts, outcomes, heads
 *	verify_statement.c	the hub's statements
 *	verify_access.c	the access log
 *	verify_kept.c	statements that somebody kept elsewhere
 *	verify_who.c	what one must have had in hands to do it
 *	verify_files.c	published versions of the schema; record files: form, place, and the working copy
 *	verify_replay.c	the records, folded again from the journals
 */
#ifndef REPSYNC_SYNC_AUDIT_VERIFY_HUB_H
#define REPSYNC_SYNC_AUDIT_VERIFY_HUB_H

#include "core/model/key.h"
#include "sync/audit/audit.h"
#include "sync/audit/problems.h"
#include "sync/device/lookup.h"
#include "sync/hub/hub_state.h"

struct rep_verifying {
	struct rep_hub *hub;
	struct rep_git *git;
	const struct rep_schema *schema;
	const struct rep_verify *options;
	struct rep_oid head, root; /* of main */
	struct rep_lookup *lookup; /* paths of main */
	/* What was verified before, where the check goes on from there; else zero and NULL, an empty tree. */
	struct rep_json *point;
	struct rep_oid since, since_root;
	struct rep_lookup *before;
	/* Central's packs, as they were before main was read: name -> what tells that a file is the same. */
	struct rep_json *packs;
	/* What the working copy is to show: main, or where a run was cut before its commit there, what was main before it. */
	struct rep_oid shown;           /* a tree */
	struct rep_lookup *shown_paths; /* of `shown` where that is not main; else NULL */
	struct rep_problems *problems;
};

/* Turns a failure of what is checked into a problem at `where`; others (no memory, no disk) end the check. */
REP_CHECK enum rep_code rep_verify_note(struct rep_verifying *verifying, const char *where,
					enum rep_code rc, struct rep_error *err);
/* Reads the blob at a path of main; *found false when there is none. Appended. */
REP_CHECK enum rep_code rep_verify_read(struct rep_verifying *verifying, const char *path,
					struct rep_buf *out, bool *found, struct rep_error *err);

/* The point that the folder holds, into verifying->point; none where there is none, or where it was not signed by this hub. */
REP_CHECK enum rep_code rep_verify_point_read(struct rep_verifying *verifying,
					      struct rep_error *err);
/* Goes on from the point if main does, and nothing is being erased; else everything is to be looked at. */
REP_CHECK enum rep_code rep_verify_point_use(struct rep_verifying *verifying,
					     struct rep_error *err);
/* Where main does not go on from the point: is the statement of then there still? */
REP_CHECK enum rep_code rep_verify_point_left(struct rep_verifying *verifying,
					      struct rep_error *err);
/* All is right up to main's head. A folder that cannot be written keeps the older point. */
REP_CHECK enum rep_code rep_verify_point_write(struct rep_verifying *verifying,
					       struct rep_error *err);
/* Receipts and outcomes of before are what they were, and outcomes at most longer. */
REP_CHECK enum rep_code rep_verify_outcomes_stayed(struct rep_verifying *verifying,
						   struct rep_error *err);
static inline bool rep_verify_goes_on(const struct rep_verifying *verifying)
{
	return verifying->before != NULL;
}
/* Puts central's packs into verifying->packs. */
REP_CHECK enum rep_code rep_verify_packs_list(struct rep_verifying *verifying,
					      struct rep_error *err);
/* Every object of the packs that the point does not know, and that none is missing in what came after it. */
REP_CHECK enum rep_code rep_verify_packs(struct rep_verifying *verifying, struct rep_error *err);

/* Adds problems for damaged or missing objects, each with the path that it is for. Touches nothing by libgit2. */
REP_CHECK enum rep_code rep_verify_fsck(const char *repository, struct rep_problems *problems,
					struct rep_error *err);
REP_CHECK enum rep_code rep_verify_chains(struct rep_verifying *verifying, struct rep_error *err);
/* `heads`: lines "<device> <seq> <hash>" of all journals, which the newest statement must name; NULL = not known. */
REP_CHECK enum rep_code rep_verify_statements(struct rep_verifying *verifying,
					      const struct rep_buf *heads, struct rep_error *err);
/* Adds the access log's head to `heads`, where it has one. */
REP_CHECK enum rep_code rep_verify_access(struct rep_verifying *verifying, struct rep_buf *heads,
					  struct rep_error *err);
/* SHA-256 over the lines, sorted. */
REP_CHECK enum rep_code rep_verify_hash_heads(const struct rep_buf *heads,
					      char out[REP_HASH_HEX + 1], struct rep_error *err);
/* The statements of options->statements. */
REP_CHECK enum rep_code rep_verify_kept(struct rep_verifying *verifying, struct rep_error *err);
/* Adds "who" to the problems of a report. */
REP_CHECK enum rep_code rep_verify_who(struct rep_json *report, struct rep_error *err);
REP_CHECK enum rep_code rep_verify_files(struct rep_verifying *verifying, struct rep_error *err);
REP_CHECK enum rep_code rep_verify_replay(struct rep_verifying *verifying, struct rep_error *err);

#endif
