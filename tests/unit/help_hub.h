/* A company in a temporary folder, and laptops made of nothing but keys and change sets. */
#ifndef REPSYNC_TESTS_HELP_HUB_H
#define REPSYNC_TESTS_HELP_HUB_H

#include "help.h"

#include "core/base/buf.h"
#include "sync/hub/hub.h"

#define HUB_T0 1774314000000 /* 2026-03-24T01:00:00Z */
#define MINUTE 60000LL

struct laptop {
	char id[REP_DEVICE_LEN + 1];
	char rep[32];
	char schema[64]; /* of its change sets: the hub's at the enrolment */
	char secret[REP_HASH_HEX + 1];
	struct rep_key key;
	struct rep_clock clock;
	int64_t seq;
	char hash[REP_HASH_HEX + 1];
	struct rep_buf sets; /* sealed, not sent */
	int64_t first;       /* number of the first of them */
};

/* A fresh folder with a hub in it, opened for writing; `dir` is its path. */
struct rep_hub *hub_make(char *dir, size_t size);
/* The same by another schema, named below the source tree. */
struct rep_hub *hub_make_of(char *dir, size_t size, const char *schema_dir);
struct rep_hub *hub_reopen(struct rep_hub *hub, const char *dir);
/* The same with its working copy made anew. */
struct rep_hub *hub_rebuild(struct rep_hub *hub, const char *dir);
void hub_drop(struct rep_hub *hub, const char *dir);

/* A rep with a role, a territory held, and an account that the territory covers. */
void hub_person(struct rep_hub *hub, const char *rep, const char *role, const char *territory,
		int64_t now_ms);
void hub_cover(struct rep_hub *hub, const char *territory, const char *partition, int64_t now_ms);
/* An org (account) made by the hub. */
void hub_org(struct rep_hub *hub, const char *id, const char *name, int64_t now_ms);

/* The line of an insert of a doctor of O-0101. */
extern const char insert_doctor[];

/* Enrols: an invitation, and enrol.json in the mailbox. */
void laptop_enroll(struct laptop *laptop, struct rep_hub *hub, const char *rep, int64_t now_ms);
void desk_enroll(struct laptop *laptop, struct rep_hub *hub, const char *rep, int64_t now_ms);
/* Seals one change set of one change at `now_ms`; `line` is JSON text without salt. */
void laptop_change(struct laptop *laptop, const char *op, const char *entity, const char *id,
		   int64_t now_ms, const char *line);
/* Stamp of the newest change. */
const char *laptop_stamp(const struct laptop *laptop);
/* Puts what was sealed into the mailbox below `dir` as one segment; `send` also forgets it. */
void laptop_push(const struct laptop *laptop, const char *dir, int64_t now_ms);
void laptop_send(struct laptop *laptop, const char *dir, int64_t now_ms);
/* The same with the receipt that the hub once gave for it. */
void laptop_push_again(const struct laptop *laptop, const char *dir, const char *receipt,
		       int64_t now_ms);
void laptop_clear(struct laptop *laptop);
/* A company with one hospital O-0101, r017 who holds it by JN-01, and r017's laptop. */
void hub_company(struct rep_hub *hub, struct laptop *laptop);

/* One run; *summary is the caller's. */
struct rep_json *hub_run(struct rep_hub *hub, int64_t now_ms);
void hub_run_quietly(struct rep_hub *hub, int64_t now_ms);
/* A count of a run's summary. */
void expect_count(const struct rep_json *summary, const char *name, int64_t want);
/* A record of the working replica, the caller's; NULL for none. */
struct rep_record *hub_row(struct rep_hub *hub, const char *entity, const char *id);
/* The value of a field in the working replica as JSON text, NULL for none; the caller frees it. */
char *hub_value(struct rep_hub *hub, const char *entity, const char *id, const char *field);
void hub_expect(struct rep_hub *hub, const char *entity, const char *id, const char *field,
		const char *want);
/* The blob at a path of central's main, or of a mailbox's branch; NULL when there is none. The caller frees it. */
char *central_file(struct rep_hub *hub, const char *path);
char *mailbox_file(const char *dir, const char *device, const char *ref, const char *path);
/* Id of a tree of central's main. */
struct rep_oid central_tree(struct rep_hub *hub, const char *path);
/* Every chain, file and row verifies, and folding all journals from nothing gives the same trees. */
void expect_replay(struct rep_hub *hub);
/* git fsck --strict over central and all mailboxes is clean. */
void expect_fsck(const char *dir);

#endif
