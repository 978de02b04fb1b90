/*
 * The journals of central: every chain from its first change set to its head, by the bytes that the device signed; the
 * receipts, outcomes and heads that belong to them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/changeset.h"
#include "core/model/id.h"
#include "core/store/erased.h"
#include "sync/audit/verify_hub.h"
#include "sync/device/device_work.h"
#include "sync/hub/central.h"
#include "sync/mailbox/document.h"
#include "sync/run/erasing.h"

#define SMALL_SIZE_MAX REP_LINE_SIZE_MAX

/* One file of a journal, by what its name says. */
struct segment_file {
	char path[160];
	int64_t first, last;
	struct rep_oid oid;
};
struct chain {
	struct rep_verifying *verifying;
	const char *device;
	char folder[64]; /* journal/<dd>/<device> */
	uint8_t public[REP_PUBLIC_SIZE];
	struct segment_file *files;
	size_t len, cap;
	/* how far it is right */
	int64_t seq;
	char hash[REP_HASH_HEX + 1];
	bool broken;
	char changed[160]; /* the first file that was verified before, and is not what it was */
};

static void wrong(struct chain *chain, const char *where, const char *what)
{
	rep_problems_add(chain->verifying->problems, where, "%s", what);
	chain->broken = true;
}

/* ---- whose key ---- */

static enum rep_code find_key(struct chain *chain, struct rep_error *err)
{
	struct rep_verifying *verifying = chain->verifying;
	const struct rep_entity *entity = rep_schema_builtin(verifying->schema, REP_BUILTIN_DEVICE);
	struct rep_record *record = NULL;
	struct rep_json *extra = NULL;
	const char *key;
	enum rep_code rc;

	if (strcmp(chain->device, REP_HUB_DEVICE) == 0)
		return REP_OK;
	rc = rep_view_record(&record, &extra, verifying->lookup, verifying->schema, entity,
			     REP_PARTITION_ORG, chain->device, false, err);
	if (rc != REP_OK)
		goto out;
	key = record ? rep_json_string_value(rep_record_value(record, "key")) : NULL;
	if (!rep_public_read(chain->public, key))
		wrong(chain, chain->folder, "no key of this device is known");
out:
	rep_record_free(record);
	rep_json_free(extra);
	return rep_verify_note(verifying, chain->folder, rc, err);
}

/* ---- the files of a chain ---- */

static enum rep_code add_file(struct chain *chain, const char *month,
			      const struct rep_tree_entry *entry, struct rep_error *err)
{
	struct segment_file *file;
	long long first, last;
	int end = 0;

	if (chain->len == chain->cap) {
		size_t cap = chain->cap ? 2 * chain->cap : 64;
		struct segment_file *files = realloc(chain->files, cap * sizeof *files);

		if (!files)
			return rep_fail(err, REP_ENOMEM, "list the journal");
		chain->files = files;
		chain->cap = cap;
	}
	file = &chain->files[chain->len];
	snprintf(file->path, sizeof file->path, "%s/%s/%s", chain->folder, month, entry->name);
	if (entry->is_tree || sscanf(entry->name, "%lld-%lld.jsonl%n", &first, &last, &end) != 2 ||
	    end == 0 || entry->name[end] != '\0') {
		wrong(chain, file->path, "no journal file has such a name");
		return REP_OK;
	}
	file->first = first;
	file->last = last;
	file->oid = entry->oid;
	chain->len++;
	return REP_OK;
}

static int compare_files(const void *a, const void *b)
{
	const struct segment_file *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static enum rep_code list_files(struct chain *chain, const struct rep_oid *tree,
				struct rep_error *err)
{
	struct rep_tree_list months = {0}, files = {0};
	enum rep_code rc = rep_tree_read(chain->verifying->git, tree, &months, err);

	for (size_t i = 0; rc == REP_OK && i < months.len; i++) {
		if (!months.entries[i].is_tree) /* head.json, which check_head looks at */
			continue;
		rep_tree_list_clear(&files);
		rc = rep_tree_read(chain->verifying->git, &months.entries[i].oid, &files, err);
		for (size_t k = 0; rc == REP_OK && k < files.len; k++)
			rc = add_file(chain, months.entries[i].name, &files.entries[k], err);
	}
	rep_tree_list_clear(&months);
	rep_tree_list_clear(&files);
	if (rc == REP_OK && chain->len)
		qsort(chain->files, chain->len, sizeof *chain->files, compare_files);
	return rep_verify_note(chain->verifying, chain->folder, rc, err);
}

/* ---- a segment ---- */

/* What a segment's other files are compared with. */
struct segment_facts {
	char sealed[REP_TIME_LEN + 1]; /* of its first change set */
	uint32_t changes_max;          /* of any of its change sets */
};

static enum rep_code check_set(struct chain *chain, const struct segment_file *file,
			       const struct rep_changeset *set)
{
	char what[160];

	if (set->seq != chain->seq + 1)
		snprintf(what, sizeof what, "change set %lld where %lld is due",
			 (long long)set->seq, (long long)chain->seq + 1);
	else if (strcmp(set->device, chain->device) != 0)
		snprintf(what, sizeof what, "change set %lld is of device %s", (long long)set->seq,
			 set->device);
	else if (strcmp(set->prev, chain->hash) != 0)
		snprintf(what, sizeof what, "change set %lld does not continue the chain",
			 (long long)set->seq);
	else {
		chain->seq = set->seq;
		memcpy(chain->hash, set->hash, sizeof chain->hash);
		rep_problems_count(chain->verifying->problems, "changesets", 1);
		rep_problems_count(chain->verifying->problems, "changes",
				   (int64_t)set->changes_len);
		return REP_OK;
	}
	wrong(chain, file->path, what);
	return REP_OK;
}

/* A run that erases was cut before its commit in the working copy, which is what knows of erasures: the next one brings it up. */
static bool is_behind_an_erasure(const struct rep_verifying *verifying)
{
	return verifying->shown_paths && rep_erasing_is_noted(verifying->hub, REP_ERASING_CENTRAL);
}

/* A null that no erasure accounts for is a line that somebody took away. */
static enum rep_code check_erased(struct chain *chain, const struct segment_file *file,
				  const struct rep_changeset *set, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < set->changes_len; i++) {
		const struct rep_change *change = &set->changes[i];
		const struct rep_erased_line line = {.device = set->device,
						     .seq = set->seq,
						     .index = (unsigned)i,
						     .digest = change->digest};
		bool may = true;

		if (change->line)
			continue;
		rep_problems_count(chain->verifying->problems, "erased", 1);
		rc = rep_erased_may(rep_hub_db(chain->verifying->hub), &line, change->entity,
				    change->id, &may, err);
		if (rc == REP_OK && !may && !is_behind_an_erasure(chain->verifying))
			rep_problems_add(chain->verifying->problems, file->path,
					 "change %zu of change set %lld is gone, and no erasure "
					 "names it",
					 i, (long long)set->seq);
	}
	return rc;
}

/* The hub's own bear the key of their time. */
static enum rep_code read_set(const struct chain *chain, const char *data, size_t len,
			      struct rep_changeset *set, size_t *used, struct rep_error *err)
{
	const struct rep_hubkeys *keys = &chain->verifying->hub->keys;
	const bool own = strcmp(chain->device, REP_HUB_DEVICE) == 0;
	const uint8_t *public = own ? rep_hubkeys_signer(keys, data, len) : chain->public;
	enum rep_code rc = rep_changeset_read(set, used, data, len, public, err);

	if (rc == REP_OK && own &&
	    memcmp(public, rep_hubkeys_of_set(keys, set->seq), REP_PUBLIC_SIZE) != 0)
		rc = rep_fail(err, REP_EINTEGRITY, "not signed with the hub's key of its time");
	return rc;
}

static enum rep_code check_sets(struct chain *chain, const struct segment_file *file,
				const char *data, size_t len, struct segment_facts *facts,
				struct rep_error *err)
{
	enum rep_code rc = REP_OK;
	size_t at = 0;

	while (rc == REP_OK && !chain->broken && at < len) {
		struct rep_changeset set = {0};
		size_t used = 0;

		rc = read_set(chain, data + at, len - at, &set, &used, err);
		if (rc != REP_OK) {
			rc = rep_wrap(err, rc, "change set %lld", (long long)chain->seq + 1);
			chain->broken = true;
		} else {
			rc = check_set(chain, file, &set);
			if (rc == REP_OK)
				rc = check_erased(chain, file, &set, err);
			if (at == 0)
				memcpy(facts->sealed, set.sealed, sizeof facts->sealed);
			if (set.changes_len > facts->changes_max)
				facts->changes_max = (uint32_t)set.changes_len;
		}
		rep_changeset_clear(&set);
		at += used;
	}
	return rc;
}

static enum rep_code check_receipt(struct chain *chain, const struct segment_file *file,
				   const char *path, struct rep_error *err)
{
	struct rep_verifying *verifying = chain->verifying;
	struct rep_buf bytes = REP_BUF_INIT(SMALL_SIZE_MAX);
	const struct rep_hubkeys *keys = &verifying->hub->keys;
	const uint8_t *signer;
	struct rep_receipt receipt;
	bool found;
	enum rep_code rc;

	rc = rep_verify_read(verifying, path, &bytes, &found, err);
	if (rc == REP_OK && !found)
		rep_problems_add(verifying->problems, path, "the segment's receipt is missing");
	signer = rep_hubkeys_signer(keys, rep_buf_str(&bytes), bytes.len);
	if (rc == REP_OK && found)
		rc = rep_receipt_read(&receipt, rep_buf_str(&bytes), bytes.len, signer, err);
	/* One that was honoured after a restore is written again, with a newer key; an older one signs no newer time. */
	if (rc == REP_OK && found && rep_hubkeys_given_up(keys, signer, receipt.received))
		rep_problems_add(verifying->problems, path,
				 "the receipt is signed with a key that the hub had given up");
	if (rc == REP_OK && found) {
		rep_problems_count(verifying->problems, "receipts", 1);
		if (strcmp(receipt.device, chain->device) != 0 || receipt.first != file->first ||
		    receipt.last != file->last || strcmp(receipt.hash, chain->hash) != 0)
			rep_problems_add(verifying->problems, path,
					 "the receipt is for another segment");
	}
	rep_buf_clear(&bytes);
	return rep_verify_note(verifying, path, rc, err);
}

static enum rep_code check_outcome_lines(const struct segment_file *file, const char *data,
					 size_t len, struct rep_error *err)
{
	size_t n = 1;

	for (; len; n++) {
		const char *end = memchr(data, '\n', len);
		struct rep_json *line = NULL;
		int64_t seq;
		enum rep_code rc;

		if (!end)
			return rep_fail(err, REP_EINVAL, "line %zu is not ended", n);
		rc = rep_json_parse_canonical(&line, data, (size_t)(end - data), REP_JSON_DEPTH_MAX,
					      err);
		seq = rep_json_get_integer(line, "seq");
		/* A line for an earlier segment tells of an outcome that this one altered. */
		if (rc == REP_OK &&
		    (seq < 1 || seq > file->last || !rep_json_get_string(line, "outcome")))
			rc = rep_fail(err, REP_EINVAL, "no outcome of this segment");
		rep_json_free(line);
		if (rc != REP_OK)
			return rep_wrap(err, rc, "line %zu", n);
		len -= (size_t)(end - data) + 1;
		data = end + 1;
	}
	return REP_OK;
}

static enum rep_code check_outcomes(struct chain *chain, const struct segment_file *file,
				    const char *path, struct rep_error *err)
{
	struct rep_verifying *verifying = chain->verifying;
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	bool found;
	enum rep_code rc;

	rc = rep_verify_read(verifying, path, &bytes, &found, err);
	if (rc == REP_OK && found)
		rc = check_outcome_lines(file, rep_buf_str(&bytes), bytes.len, err);
	rep_buf_clear(&bytes);
	return rep_verify_note(verifying, path, rc, err);
}

/* The name must be the one that this content gets, and receipt and outcomes must fit it. */
static enum rep_code check_companions(struct chain *chain, const struct segment_file *file,
				      const struct segment_facts *facts, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(1024);
	enum rep_code rc;

	rep_path_journal(&path, chain->device, facts->sealed, file->first, file->last);
	if (chain->seq != file->last || strcmp(rep_buf_str(&path), file->path) != 0)
		wrong(chain, file->path, "the file's name is not that of its change sets");
	rep_buf_reset(&path);
	rep_path_receipt(&path, chain->device, facts->sealed, file->first, file->last);
	rc = rep_buf_check(&path, "a path", err);
	if (rc == REP_OK && !chain->broken)
		rc = check_receipt(chain, file, path.data, err);
	rep_buf_reset(&path);
	rep_path_outcomes(&path, chain->device, facts->sealed, file->first, file->last);
	if (rc == REP_OK)
		rc = rep_buf_check(&path, "a path", err);
	if (rc == REP_OK && !chain->broken)
		rc = check_outcomes(chain, file, path.data, err);
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code check_segment(struct chain *chain, const struct segment_file *file,
				   struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct segment_facts facts = {0};
	enum rep_code rc;

	rep_problems_count(chain->verifying->problems, "segments", 1);
	rc = rep_git_read(chain->verifying->git, &file->oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = check_sets(chain, file, rep_buf_str(&bytes), bytes.len, &facts, err);
	if (rc == REP_OK && !chain->broken)
		rc = check_companions(chain, file, &facts, err);
	rep_buf_clear(&bytes);
	if (rc != REP_OK)
		chain->broken = true;
	return rep_verify_note(chain->verifying, file->path, rc, err);
}

/* ---- what was verified before ---- */

/* What the head of the chain's journal says in one of the two trees. */
static enum rep_code read_head(const struct chain *chain, struct rep_lookup *lookup, int64_t *seq,
			       char hash[REP_HASH_HEX + 1], struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(SMALL_SIZE_MAX), path = REP_BUF_INIT(256);
	struct rep_json *head = NULL;
	struct rep_oid oid = rep_oid_zero;
	const char *text;
	enum rep_code rc;

	rep_path_head(&path, chain->device);
	rc = rep_buf_check(&path, "a path", err);
	if (rc == REP_OK)
		rc = rep_lookup_find(lookup, path.data, &oid, err);
	if (rc == REP_OK && rep_oid_is_zero(&oid))
		rc = rep_fail(err, REP_EINTEGRITY, "the journal's head is missing");
	if (rc == REP_OK)
		rc = rep_git_read(chain->verifying->git, &oid, REP_OBJECT_BLOB, &bytes, err);
	if (rc == REP_OK)
		rc = rep_json_parse(&head, rep_buf_str(&bytes), bytes.len, SMALL_SIZE_MAX,
				    REP_JSON_DEPTH_MAX, err);
	text = rep_json_get_string(head, "hash");
	if (rc == REP_OK && (!text || strlen(text) != REP_HASH_HEX))
		rc = rep_fail(err, REP_EINTEGRITY, "the journal's head is none");
	if (rc == REP_OK) {
		*seq = rep_json_get_integer(head, "seq");
		memcpy(hash, text, REP_HASH_HEX + 1);
	}
	rep_json_free(head);
	rep_buf_clear(&bytes);
	rep_buf_clear(&path);
	return rc;
}

static bool is_same_file(const struct segment_file *a, const struct segment_file *b)
{
	return strcmp(a->path, b->path) == 0 && rep_oid_equal(&a->oid, &b->oid);
}

/*
 * The chain stands where it stood then, and *skip files of it are those of then; or one of these is another now, and all of the chain is
 * looked at to name the change set.
 */
static enum rep_code go_on(struct chain *chain, const struct rep_oid *tree, size_t *skip,
			   struct rep_error *err)
{
	struct chain then = {.verifying = chain->verifying, .device = chain->device};
	enum rep_code rc;

	memcpy(then.folder, chain->folder, sizeof then.folder);
	rc = list_files(&then, tree, err);
	for (size_t i = 0; rc == REP_OK && !*chain->changed && i < then.len; i++)
		if (i >= chain->len || !is_same_file(&then.files[i], &chain->files[i]))
			memcpy(chain->changed, then.files[i].path, sizeof chain->changed);
	if (rc == REP_OK && !*chain->changed) {
		*skip = then.len;
		rc = read_head(chain, chain->verifying->before, &chain->seq, chain->hash, err);
	}
	free(then.files);
	return rep_verify_note(chain->verifying, chain->folder, rc, err);
}

/* Who has another key now than then has older change sets that it did not sign. */
static enum rep_code check_key_stayed(struct chain *chain, struct rep_error *err)
{
	struct rep_verifying *verifying = chain->verifying;
	uint8_t now[REP_PUBLIC_SIZE];
	struct rep_lookup *lookup = verifying->lookup;
	enum rep_code rc;

	memcpy(now, chain->public, sizeof now);
	verifying->lookup = verifying->before;
	rc = find_key(chain, err);
	verifying->lookup = lookup;
	if (rc == REP_OK && memcmp(now, chain->public, sizeof now) != 0)
		wrong(chain, chain->folder,
		      "the device's key is another one than when it was verified");
	return rc;
}

/* ---- a chain ---- */

static enum rep_code check_head(struct chain *chain, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	char hash[REP_HASH_HEX + 1];
	int64_t seq;
	enum rep_code rc = read_head(chain, chain->verifying->lookup, &seq, hash, err);

	if (rc == REP_OK && (seq != chain->seq || strcmp(hash, chain->hash) != 0))
		rc = rep_fail(err, REP_EINTEGRITY,
			      "the head names change set %lld, the journal ends at %lld",
			      (long long)seq, (long long)chain->seq);
	rep_path_head(&path, chain->device);
	rc = rep_verify_note(chain->verifying, rep_buf_str(&path), rc, err);
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code check_chain(struct rep_verifying *verifying, const char *fan,
				 const struct rep_tree_entry *entry, struct rep_buf *heads,
				 struct rep_error *err)
{
	struct chain chain = {.verifying = verifying, .device = entry->name};
	const char *only = verifying->options->device;
	struct rep_oid before = rep_oid_zero;
	bool is_tree = false;
	size_t skip = 0;
	char want[3];
	enum rep_code rc;

	if (only && strcmp(only, entry->name) != 0)
		return REP_OK;
	snprintf(chain.folder, sizeof chain.folder, "journal/%s/%.40s", fan, entry->name);
	memcpy(chain.hash, rep_changeset_no_prev, sizeof chain.hash);
	rep_fanout(want, entry->name);
	if (!rep_device_valid(entry->name) || strcmp(want, fan) != 0) {
		wrong(&chain, chain.folder, "no journal can lie here");
		return REP_OK;
	}
	rep_problems_count(verifying->problems, "devices", 1);
	rc = find_key(&chain, err);
	if (rc == REP_OK && rep_verify_goes_on(verifying))
		rc = rep_tree_find(verifying->git, &verifying->since_root, chain.folder, &before,
				   &is_tree, err);
	if (rc == REP_OK && !rep_oid_is_zero(&before) && !chain.broken)
		rc = check_key_stayed(&chain, err);
	if (rc == REP_OK && !rep_oid_equal(&before, &entry->oid))
		rc = list_files(&chain, &entry->oid, err);
	if (rc == REP_OK && rep_oid_equal(&before, &entry->oid))
		rc = read_head(&chain, verifying->before, &chain.seq, chain.hash, err);
	else if (rc == REP_OK && !rep_oid_is_zero(&before))
		rc = go_on(&chain, &before, &skip, err);
	for (size_t i = skip; rc == REP_OK && !chain.broken && i < chain.len; i++)
		rc = check_segment(&chain, &chain.files[i], err);
	if (rc == REP_OK && !chain.broken && *chain.changed)
		wrong(&chain, chain.changed, "it was verified before, and is not what it was");
	if (rc == REP_OK && !chain.broken)
		rc = check_head(&chain, err);
	rep_buf_printf(heads, "%s %lld %s\n", chain.device, (long long)chain.seq, chain.hash);
	free(chain.files);
	return rc;
}

/* ---- all of it ---- */

static enum rep_code check_journals(struct rep_verifying *verifying, struct rep_buf *heads,
				    struct rep_error *err)
{
	struct rep_tree_list fans = {0}, devices = {0};
	struct rep_oid tree;
	uint64_t done = 0;
	bool is_tree;
	enum rep_code rc;

	rc = rep_tree_find(verifying->git, &verifying->root, "journal", &tree, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_read(verifying->git, &tree, &fans, err);
	rc = rep_verify_note(verifying, "journal", rc, err);
	for (size_t i = 0; rc == REP_OK && i < fans.len; i++) {
		rep_tree_list_clear(&devices);
		rc = rep_tree_read(verifying->git, &fans.entries[i].oid, &devices, err);
		rc = rep_verify_note(verifying, "journal", rc, err);
		for (size_t k = 0; rc == REP_OK && k < devices.len; k++) {
			rep_progress_step(verifying->options->progress, "verify journals", done++,
					  0);
			rc = check_chain(verifying, fans.entries[i].name, &devices.entries[k],
					 heads, err);
		}
	}
	rep_tree_list_clear(&fans);
	rep_tree_list_clear(&devices);
	return rc;
}

enum rep_code rep_verify_chains(struct rep_verifying *verifying, struct rep_error *err)
{
	struct rep_buf heads = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	enum rep_code rc;

	rc = check_journals(verifying, &heads, err);
	if (rc == REP_OK && rep_verify_goes_on(verifying))
		rc = rep_verify_outcomes_stayed(verifying, err);
	if (rc == REP_OK && !verifying->options->device)
		rc = rep_verify_access(verifying, &heads, err);
	if (rc == REP_OK)
		rc = rep_verify_statements(verifying, verifying->options->device ? NULL : &heads,
					   err);
	rep_buf_clear(&heads);
	return rc;
}
