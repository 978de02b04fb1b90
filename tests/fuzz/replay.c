/* Without libFuzzer: reads the files of the folders that are named, each once. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "fuzz.h"

#define INPUT_MAX (16u * 1024u * 1024u)

static unsigned replay(const char *dir)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	unsigned count = 0;

	fuzz_expect(stream != NULL, "the corpus is there");
	while ((entry = readdir(stream)) != NULL) {
		struct rep_buf bytes = REP_BUF_INIT(INPUT_MAX);
		struct rep_error err;
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		fuzz_expect(rep_file_read(&bytes, path, &err) == REP_OK, path);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)rep_buf_str(&bytes), bytes.len);
		rep_buf_clear(&bytes);
		count++;
	}
	(void)closedir(stream);
	return count;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		count += replay(argv[i]);
	printf("%u inputs\n", count);
	return count ? 0 : 1;
}
