#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct rep_key *fuzz_key(void)
{
	static struct rep_key key;
	static bool made;
	struct rep_error err;

	if (!made) {
		const uint8_t seed[32] = {7};

		fuzz_expect(rep_key_init(&err) == REP_OK, "there is randomness");
		rep_key_from_seed(&key, seed);
		made = true;
	}
	return &key;
}

void fuzz_sign(struct rep_buf *out, const char *data, size_t size, size_t *rest)
{
	char signature[REP_SIGNATURE_BASE64 + 1];
	const char *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : size;

	rep_sign(signature, fuzz_key(), data, len);
	rep_buf_put(out, data, len);
	rep_buf_printf(out, "\n\"%s\"\n", signature);
	*rest = end ? len + 1 : size;
}

static char path[64];

static void remove_file(void)
{
	(void)unlink(path);
}

const char *fuzz_file(const void *data, size_t size)
{
	int fd;

	if (!path[0]) {
		snprintf(path, sizeof path, "/dev/shm/repsync-fuzz-%d", (int)getpid());
		(void)atexit(remove_file);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_expect(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0,
		    "the input can be written");
	return path;
}

void fuzz_expect(int holds, const char *claim)
{
	if (holds)
		return;
	(void)fprintf(stderr, "does not hold: %s\n", claim);
	abort();
}
