/*
 * Lines for outcomes files, gathered by segment and appended to the files at the commit.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "sync/run/run_outcomes.h"

struct file {
	char *path; /* in central's outcomes/ */
	struct rep_buf lines;
};
struct rep_run_outcomes {
	struct file *files;
	size_t len, cap, newest;
};

void rep_run_outcomes_clear(struct rep_run *run)
{
	struct rep_run_outcomes *outcomes = run->outcomes;

	for (size_t i = 0; outcomes && i < outcomes->len; i++) {
		free(outcomes->files[i].path);
		rep_buf_clear(&outcomes->files[i].lines);
	}
	if (outcomes)
		free(outcomes->files);
	free(outcomes);
	run->outcomes = NULL;
}

static bool is_of(const struct file *file, const char *segment)
{
	return strcmp(file->path + strlen("outcomes/"), segment + strlen("journal/")) == 0;
}

static struct file *add(struct rep_run_outcomes *outcomes, const char *segment)
{
	struct rep_buf path = REP_BUF_INIT(256);
	struct file *file;

	if (outcomes->len == outcomes->cap) {
		size_t cap = outcomes->cap ? 2 * outcomes->cap : 8;
		struct file *files = reallocarray(outcomes->files, cap, sizeof *files);

		if (!files)
			return NULL;
		outcomes->files = files;
		outcomes->cap = cap;
	}
	rep_buf_printf(&path, "outcomes/%s", segment + strlen("journal/"));
	file = &outcomes->files[outcomes->len];
	*file = (struct file){.lines = REP_BUF_INIT(REP_SEGMENT_HARD_MAX)};
	file->path = rep_buf_take(&path);
	if (!file->path)
		return NULL;
	outcomes->newest = outcomes->len++;
	return file;
}

/* Nearly all lines of a batch go to the segment of the line before. */
static struct file *find(struct rep_run_outcomes *outcomes, const char *segment)
{
	if (outcomes->len && is_of(&outcomes->files[outcomes->newest], segment))
		return &outcomes->files[outcomes->newest];
	for (size_t i = 0; i < outcomes->len; i++)
		if (is_of(&outcomes->files[i], segment)) {
			outcomes->newest = i;
			return &outcomes->files[i];
		}
	return add(outcomes, segment);
}

enum rep_code rep_run_outcome(struct rep_run *run, const char *segment, int64_t seq, unsigned index,
			      const struct rep_json *outcome, struct rep_error *err)
{
	struct file *file;

	if (!run->outcomes)
		run->outcomes = calloc(1, sizeof *run->outcomes);
	file = run->outcomes ? find(run->outcomes, segment) : NULL;
	if (!file)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	rep_outcome_write(&file->lines, seq, index, outcome);
	return rep_buf_check(&file->lines, file->path, err);
}

static enum rep_code write_file(struct rep_run *run, const struct file *file, struct rep_error *err)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_SEGMENT_HARD_MAX);
	struct rep_oid oid;
	bool is_tree = false;
	enum rep_code rc = rep_tree_get(run->tree, file->path, &oid, &is_tree, err);

	if (rc == REP_OK && !rep_oid_is_zero(&oid))
		rc = rep_pack_read(run->pack, &oid, REP_OBJECT_BLOB, &bytes, err);
	rep_buf_put(&bytes, file->lines.data, file->lines.len);
	if (rc == REP_OK)
		rc = rep_buf_check(&bytes, file->path, err);
	if (rc == REP_OK)
		rc = rep_tree_put_blob(run->tree, file->path, bytes.data, bytes.len, err);
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_run_outcomes_write(struct rep_run *run, struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; run->outcomes && rc == REP_OK && i < run->outcomes->len; i++)
		rc = write_file(run, &run->outcomes->files[i], err);
	if (rc == REP_OK)
		rep_run_outcomes_clear(run);
	return rc;
}
