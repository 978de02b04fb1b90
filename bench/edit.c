/*
 * Makes a rep's edits through the library, each durable by itself, and tells how long each took.
 *
 *	bench-edit REPLICA EDITS.ndjson [SKIP]
 *
 * Prints {"edits", "p50_us", "p99_us", "seconds"}. The first SKIP edits of the file are left to another way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/limits.h"
#include "core/store/edit.h"

#define FIELDS_MAX 16

static int64_t now_us(clockid_t clock)
{
	struct timespec at;

	(void)clock_gettime(clock, &at);
	return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static enum rep_code insert(struct rep_replica *replica, const struct rep_json *edit,
			    struct rep_error *err)
{
	const struct rep_json *record = rep_json_get(edit, "rec");
	struct rep_assign assigns[FIELDS_MAX];
	char id[REP_ID_LEN_MAX + 1];
	size_t len = 0;

	for (void *it = rep_json_iter(record); it && len < FIELDS_MAX;
	     it = rep_json_iter_next(record, it))
		if (strcmp(rep_json_iter_key(it), "id") != 0)
			assigns[len++] = (struct rep_assign){.field = rep_json_iter_key(it),
							     .value = rep_json_iter_value(it)};
	return rep_new(replica, rep_json_get_string(edit, "table"), rep_json_get_string(edit, "id"),
		       assigns, len, NULL, now_us(CLOCK_REALTIME) / 1000, id, err);
}

static enum rep_code make(struct rep_replica *replica, const struct rep_json *edit,
			  struct rep_error *err)
{
	const char *op = rep_json_get_string(edit, "op");
	const char *table = rep_json_get_string(edit, "table");
	const char *id = rep_json_get_string(edit, "id");
	struct rep_assign assign = {.field = rep_json_get_string(edit, "field"),
				    .value = rep_json_get(edit, "value")};

	if (!op || !table || !id)
		return rep_fail(err, REP_EINVAL, "not an edit");
	if (strcmp(op, "insert") == 0)
		return insert(replica, edit, err);
	if (strcmp(op, "delete") == 0)
		return rep_delete(replica, table, id, NULL, err);
	return rep_put(replica, table, id, &assign, 1, NULL, err);
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static enum rep_code run(struct rep_replica *replica, FILE *file, long skip, struct rep_error *err)
{
	char *line = NULL;
	size_t cap = 0, len = 0, room = 0;
	int64_t *took = NULL, sum = 0;
	enum rep_code rc = REP_OK;
	ssize_t size;

	while (rc == REP_OK && (size = getline(&line, &cap, file)) > 0) {
		struct rep_json *edit = NULL;
		int64_t begin;

		if (skip-- > 0)
			continue;
		if (len == room) {
			int64_t *grown;

			room = room ? 2 * room : 256;
			grown = reallocarray(took, room, sizeof *took);
			if (!grown) {
				rc = rep_fail(err, REP_ENOMEM, "out of memory");
				break;
			}
			took = grown;
		}
		rc = rep_json_parse(&edit, line, (size_t)size - 1, REP_LINE_SIZE_MAX,
				    REP_JSON_DEPTH_MAX, err);
		begin = now_us(CLOCK_MONOTONIC);
		if (rc == REP_OK)
			rc = make(replica, edit, err);
		took[len] = now_us(CLOCK_MONOTONIC) - begin;
		sum += took[len++];
		rep_json_free(edit);
	}
	if (rc == REP_OK && len) {
		qsort(took, len, sizeof *took, by_size);
		printf("{\"edits\":%zu,\"p50_us\":%lld,\"p99_us\":%lld,\"seconds\":%.6f}\n", len,
		       (long long)took[len / 2], (long long)took[len * 99 / 100],
		       (double)sum / 1e6);
	}
	free(took);
	free(line);
	return rc;
}

int main(int argc, char **argv)
{
	struct rep_replica *replica = NULL;
	struct rep_error err = {0};
	FILE *file = argc >= 3 ? fopen(argv[2], "r") : NULL;
	enum rep_code rc;

	if (!file) {
		fputs("usage: bench-edit REPLICA EDITS.ndjson [SKIP]\n", stderr);
		return 2;
	}
	rc = rep_replica_open(&replica, argv[1], false, &err);
	if (rc == REP_OK)
		rc = run(replica, file, argc > 3 ? strtol(argv[3], NULL, 10) : 0, &err);
	if (rc != REP_OK)
		fprintf(stderr, "bench-edit: %s\n", err.msg);
	rep_replica_close(replica);
	fclose(file);
	return rc == REP_OK ? 0 : 1;
}
