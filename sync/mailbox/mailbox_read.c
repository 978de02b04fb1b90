/*
 * Reading a mailbox: the parent looks at the ref, a child does the rest, the parent collects.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/limits.h"
#include "sync/git/child.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/outboxwalk.h"

#define STALL_S 60u
#define OVERALL_S 300u
/* A segment is the largest of what a device writes; a delta's base may be another. */
#define OBJECT_SIZE_MAX ((size_t)REP_SEGMENT_HARD_MAX + 1024u)

struct rep_mailbox_reader {
	char *path;
	struct rep_oid known, tip;
	struct rep_child *child;
	struct rep_outbox found;
	size_t cap;
	size_t total;
};

void rep_outbox_clear(struct rep_outbox *outbox)
{
	for (size_t i = 0; i < outbox->segments_len; i++) {
		free(outbox->segments[i].data);
		free(outbox->segments[i].receipt);
	}
	free(outbox->segments);
	free(outbox->enrol);
	free(outbox->statement);
	*outbox = (struct rep_outbox){0};
}

/* Whether a folder of loose objects has anything in it. */
static bool is_empty_dir(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;
	bool empty = true;

	while (stream && (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = false;
	if (stream)
		(void)closedir(stream);
	return empty;
}

/* Objects of others must not be borrowed, and only packs are read: an empty loose object is poison. */
static enum rep_code check_folder(const char *mailbox, struct rep_error *err)
{
	char objects[4100], path[8192];
	const struct dirent *entry;
	DIR *stream;
	enum rep_code rc = REP_OK;

	snprintf(objects, sizeof objects, "%.4000s/objects", mailbox);
	stream = opendir(objects);
	if (!stream)
		return rep_fail(err, REP_EIO, "open %s: %s", objects, strerror(errno));
	while (!rc && (entry = readdir(stream)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", objects, entry->d_name);
		if (strlen(entry->d_name) == 2 && strcmp(entry->d_name, "..") != 0 &&
		    !is_empty_dir(path))
			rc = rep_fail(err, REP_EINTEGRITY, "[object] loose objects in %s", path);
	}
	(void)closedir(stream);
	snprintf(path, sizeof path, "%s/info/alternates", objects);
	if (!rc && rep_file_exists(path))
		rc = rep_fail(err, REP_EINTEGRITY, "[object] it borrows objects: %s", path);
	return rc;
}

static enum rep_code check_known(struct rep_git *git, const struct rep_oid *known,
				 struct rep_error *err)
{
	if (rep_oid_is_zero(known) || rep_git_has(git, known))
		return REP_OK;
	return rep_fail(err, REP_EINTEGRITY,
			"[rewind] rolled back or rewritten: the last commit that was read is gone");
}

/* What the readers of objects say bears no code. Memory that runs out within the child's bounds is the mailbox's doing. */
static enum rep_code with_code(enum rep_code rc, struct rep_error *err)
{
	char code[REP_MAILBOX_CODE_SIZE];

	if (rc == REP_ENOMEM)
		return rep_fail(err, REP_EINTEGRITY,
				"[object] reading it takes more memory than a mailbox may");
	rep_mailbox_code(code, rc == REP_EINTEGRITY ? err->msg : "[]");
	return rc == REP_EINTEGRITY && !*code ? rep_wrap(err, rc, "[object]") : rc;
}

/*
 * In the child, whose memory, time and files are bounded. What a mailbox holds is hostile until proved otherwise; the reader of packs
 * believes nothing that it has not checked, and every object is compared with its id.
 */
static enum rep_code work(void *user, struct rep_channel *channel, struct rep_error *err)
{
	struct rep_mailbox_reader *reader = user;
	struct rep_git *git = NULL;
	enum rep_code rc = check_folder(reader->path, err);

	rep_channel_progress(channel, 0, 0);
	if (!rc)
		rc = rep_git_open_foreign(&git, reader->path, OBJECT_SIZE_MAX, err);
	if (!rc)
		rc = rep_git_refresh(git, err); /* a damaged index is told as what it is */
	if (!rc)
		rc = check_known(git, &reader->known, err);
	if (!rc)
		rc = rep_outbox_walk(git, &reader->known, &reader->tip, channel, err);
	rep_git_close(git);
	return with_code(rc, err);
}

/* A NUL after the bytes, for the readers of text. */
static char *copy(const char *data, size_t len)
{
	char *out = malloc(len + 1);

	if (!out)
		return NULL;
	memcpy(out, data, len);
	out[len] = '\0';
	return out;
}

static struct rep_segment *new_segment(struct rep_mailbox_reader *reader)
{
	struct rep_outbox *found = &reader->found;

	if (found->segments_len == reader->cap) {
		size_t cap = reader->cap ? reader->cap * 2 : 8;
		struct rep_segment *grown = realloc(found->segments, cap * sizeof *grown);

		if (!grown)
			return NULL;
		found->segments = grown;
		reader->cap = cap;
	}
	found->segments[found->segments_len] = (struct rep_segment){0};
	return &found->segments[found->segments_len++];
}

static bool keep_file(struct rep_mailbox_reader *reader, const char *path,
		      const struct rep_outbox_name *name, const char *data, size_t len)
{
	struct rep_outbox *found = &reader->found;
	struct rep_segment *segment;
	char *bytes;

	if (name->kind == REP_OUTBOX_SEGMENT) {
		segment = new_segment(reader);
		if (!segment)
			return false;
		snprintf(segment->path, sizeof segment->path, "%s", path);
		segment->first = name->first;
		segment->last = name->last;
		segment->size_bytes = len;
		segment->data = copy(data, len);
		return segment->data != NULL;
	}
	bytes = copy(data, len);
	if (name->kind == REP_OUTBOX_ENROL) {
		free(found->enrol);
		found->enrol = bytes;
		found->enrol_size = bytes ? len : 0;
	} else if (name->kind == REP_OUTBOX_STATEMENT) {
		free(found->statement);
		found->statement = bytes;
		found->statement_size = bytes ? len : 0;
	} else {
		segment = &found->segments[found->segments_len - 1];
		free(segment->receipt);
		segment->receipt = bytes;
		segment->receipt_size = bytes ? len : 0;
	}
	return bytes != NULL;
}

static enum rep_code take_file(struct rep_mailbox_reader *reader, const char *data, size_t len,
			       struct rep_error *err)
{
	const char *end = memchr(data, '\0', len);
	struct rep_outbox_name name;
	size_t path_size;

	if (!end || !rep_outbox_name_parse(&name, data) ||
	    (name.kind == REP_OUTBOX_RECEIPT && reader->found.segments_len == 0))
		return rep_fail(err, REP_EINTEGRITY, "answer of the reader is malformed");
	path_size = (size_t)(end - data) + 1;
	reader->total += len;
	if (reader->total > (size_t)REP_WALK_SIZE_MAX + REP_SEGMENT_HARD_MAX + 65536u)
		return rep_fail(err, REP_EINTEGRITY, "answer of the reader is too large");
	if (!keep_file(reader, data, &name, data + path_size, len - path_size))
		return rep_fail(err, REP_ENOMEM, "out of memory");
	return REP_OK;
}

static enum rep_code frame(void *user, char tag, const char *data, size_t len,
			   struct rep_error *err)
{
	struct rep_mailbox_reader *reader = user;

	if (tag == REP_WALK_FILE)
		return take_file(reader, data, len, err);
	if (tag != REP_WALK_COMMIT || len != REP_OID_SIZE)
		return rep_fail(err, REP_EINTEGRITY, "answer of the reader is malformed");
	memcpy(reader->found.tip.bytes, data, REP_OID_SIZE);
	return REP_OK;
}

static enum rep_code start(struct rep_mailbox_reader *reader, struct rep_error *err)
{
	struct rep_child_job job = {
		.work = work,
		.frame = frame,
		.user = reader,
		.frame_max = REP_SEGMENT_HARD_MAX + sizeof((struct rep_segment *)0)->path,
		.stall_s = STALL_S,
		.overall_s = OVERALL_S,
		.limited = true,
		.code_stalled = REP_EINTEGRITY,
		.code_died = REP_EINTEGRITY,
	};

	return rep_child_start(&reader->child, &job, err);
}

enum rep_code rep_outbox_tip(const char *path, struct rep_oid *tip, struct rep_error *err)
{
	struct rep_git *git = NULL;
	enum rep_code rc = rep_git_open(&git, path, err);

	*tip = rep_oid_zero;
	if (!rc)
		rc = rep_git_ref(git, REP_OUTBOX, tip, err);
	rep_git_close(git);
	return rc;
}

void rep_mailbox_read_abort(struct rep_mailbox_reader *reader)
{
	if (!reader)
		return;
	rep_child_abort(reader->child);
	rep_outbox_clear(&reader->found);
	free(reader->path);
	free(reader);
}

enum rep_code rep_mailbox_read_begin(struct rep_mailbox_reader **out, const char *path,
				     const struct rep_oid *known, struct rep_error *err)
{
	struct rep_mailbox_reader *reader = calloc(1, sizeof *reader);
	enum rep_code rc;

	*out = NULL;
	if (!reader || !(reader->path = strdup(path))) {
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
		goto out;
	}
	reader->known = *known;
	reader->found.tip = *known;
	rc = rep_outbox_tip(path, &reader->tip, err);
	if (!rc && rep_oid_is_zero(&reader->tip) && !rep_oid_is_zero(known))
		rc = rep_fail(err, REP_EINTEGRITY,
			      "[rewind] rolled back or rewritten: the outbox is gone");
	if (!rc && !rep_oid_equal(&reader->tip, known))
		rc = start(reader, err);
	if (rc)
		goto out;
	*out = reader;
	reader = NULL;
out:
	rep_mailbox_read_abort(reader);
	return rep_wrap(err, rc, "read mailbox %s", path);
}

enum rep_code rep_mailbox_read_end(struct rep_mailbox_reader *reader, struct rep_outbox *out,
				   struct rep_error *err)
{
	struct rep_child *child = reader->child;
	enum rep_code rc;

	*out = (struct rep_outbox){.tip = reader->known};
	reader->child = NULL; /* finish frees it */
	rc = rep_child_finish(child, err);
	if (!rc) {
		*out = reader->found;
		reader->found = (struct rep_outbox){0};
	}
	rc = rep_wrap(err, rc, "read mailbox %s", reader->path);
	rep_mailbox_read_abort(reader);
	return rc;
}

enum rep_code rep_mailbox_read(struct rep_outbox *out, const char *path,
			       const struct rep_oid *known, struct rep_error *err)
{
	struct rep_mailbox_reader *reader;
	enum rep_code rc = rep_mailbox_read_begin(&reader, path, known, err);

	*out = (struct rep_outbox){.tip = *known};
	return rc ? rc : rep_mailbox_read_end(reader, out, err);
}
