/* Bundles: 'f' and a whole file, or 'o' and what lies in one behind its document, which nobody but a signer can make. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "fuzz.h"
#include "sync/device/bundle_work.h"

static struct rep_git *repository(void)
{
	static struct rep_git *git;
	static char *dir;
	char path[4096];
	struct rep_error err;

	if (git)
		return git;
	fuzz_expect(rep_dir_private(&dir, "repsync-fuzz", &err) == REP_OK, "there is a folder");
	snprintf(path, sizeof path, "%s/x.git", dir);
	fuzz_expect(rep_git_create(path, "outbox", &err) == REP_OK &&
			    rep_git_open(&git, path, &err) == REP_OK,
		    "there is a repository");
	return git;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rep_bundle bundle = {.objects = REP_BUF_INIT(16u << 20)};
	struct rep_pack *pack = NULL;
	struct rep_error err;

	if (size == 0)
		return 0;
	if (data[0] == 'f') {
		if (rep_bundle_read(&bundle, fuzz_file(data + 1, size - 1), &err) == REP_OK)
			(void)!rep_bundle_open(&bundle, fuzz_key(), &err);
		rep_bundle_clear(&bundle);
		return 0;
	}
	rep_buf_put(&bundle.objects, data + 1, size - 1);
	fuzz_expect(rep_pack_new(&pack, repository(), &err) == REP_OK, "a pack can be begun");
	(void)!rep_bundle_unpack(&bundle, pack, 1u << 20, &err);
	rep_pack_free(pack);
	rep_bundle_clear(&bundle);
	return 0;
}
