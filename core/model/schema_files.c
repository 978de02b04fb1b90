#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/limits.h"
#include "core/model/schema.h"

/* Entities, reports and as many tables, with room to report what is too much by its own code. */
#define FILES_MAX 2000u
#define PATH_SIZE_MAX 200u

static bool path_valid(const char *path)
{
	if (!*path || *path == '/' || strlen(path) >= PATH_SIZE_MAX)
		return false;
	for (const char *at = path; *at; at++) {
		bool first = at == path || at[-1] == '/';

		if (first && (*at == '.' || *at == '/'))
			return false;
		if ((unsigned char)*at < 0x20 || *at == '\\')
			return false;
	}
	return path[strlen(path) - 1] != '/';
}

static size_t place_of(const struct rep_schema_files *files, const char *path, bool *found)
{
	size_t low = 0, high = files->len;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(files->files[mid].path, path);

		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

enum rep_code rep_schema_files_add(struct rep_schema_files *files, const char *path,
				   const char *data, size_t size_bytes, struct rep_error *err)
{
	bool found;

	if (!path_valid(path))
		return rep_fail(err, REP_EINVAL, "schema: \"%s\" is no path of a schema file",
				path);
	if (size_bytes > REP_SCHEMA_FILE_SIZE_MAX || files->len >= FILES_MAX)
		return rep_fail(err, REP_ELIMIT, "schema: %s: json: above %u bytes or %u files",
				path, REP_SCHEMA_FILE_SIZE_MAX, FILES_MAX);
	size_t place = place_of(files, path, &found);

	if (found)
		return rep_fail(err, REP_EEXIST, "schema: %s is given twice", path);
	struct rep_schema_file *grown =
		realloc(files->files, (files->len + 1) * sizeof *files->files);

	if (!grown)
		return rep_fail(err, REP_ENOMEM, "schema: out of memory");
	files->files = grown;
	char *name = strdup(path);
	char *copy = malloc(size_bytes + 1);

	if (!name || !copy) {
		free(name);
		free(copy);
		return rep_fail(err, REP_ENOMEM, "schema: out of memory");
	}
	if (size_bytes)
		memcpy(copy, data, size_bytes);
	copy[size_bytes] = '\0'; /* reports are handed out as C strings */
	memmove(grown + place + 1, grown + place, (files->len - place) * sizeof *grown);
	grown[place].path = name;
	grown[place].data = copy;
	grown[place].size_bytes = size_bytes;
	files->len++;
	return REP_OK;
}

void rep_schema_files_clear(struct rep_schema_files *files)
{
	for (size_t i = 0; i < files->len; i++) {
		free(files->files[i].path);
		free(files->files[i].data);
	}
	free(files->files);
	*files = (struct rep_schema_files){0};
}

static enum rep_code read_file(struct rep_schema_files *out, const char *full, const char *path,
			       struct rep_error *err)
{
	struct rep_buf data = REP_BUF_INIT(REP_SCHEMA_FILE_SIZE_MAX);
	enum rep_code rc = rep_file_read(&data, full, err);

	if (!rc)
		rc = rep_schema_files_add(out, path, rep_buf_str(&data), data.len, err);
	rep_buf_clear(&data);
	return rc;
}

/*
 * Everything below the folder is read, so that the loader can name what is not listed. Left out are
 * hidden files and the folder `import`: mappings of foreign files to fields belong to the command that
 * imports, not to what is published.
 */
static enum rep_code read_folder(struct rep_schema_files *out, const char *dir, const char *below,
				 struct rep_error *err)
{
	struct rep_buf full = REP_BUF_INIT(8192);
	struct rep_buf path = REP_BUF_INIT(8192);
	enum rep_code rc = REP_OK;
	DIR *handle = opendir(dir);

	if (!handle)
		return rep_fail(err, REP_EIO, "open %s: %s", dir, strerror(errno));
	for (struct dirent *entry; !rc && (entry = readdir(handle));) {
		if (entry->d_name[0] == '.' || (!*below && strcmp(entry->d_name, "import") == 0))
			continue;
		rep_buf_reset(&full);
		rep_buf_reset(&path);
		rep_buf_printf(&full, "%s/%s", dir, entry->d_name);
		rep_buf_printf(&path, "%s%s", below, entry->d_name);
		rc = rep_buf_check(&full, "path", err);
		if (rc)
			break;
		if (!rep_file_is_dir(rep_buf_str(&full))) {
			rc = read_file(out, rep_buf_str(&full), rep_buf_str(&path), err);
		} else if (!*below) { /* one level of folders; deeper ones are no part of it */
			rep_buf_putc(&path, '/');
			rc = read_folder(out, rep_buf_str(&full), rep_buf_str(&path), err);
		}
	}
	closedir(handle);
	rep_buf_clear(&full);
	rep_buf_clear(&path);
	return rc;
}

enum rep_code rep_schema_files_read(struct rep_schema_files *out, const char *dir,
				    struct rep_error *err)
{
	*out = (struct rep_schema_files){0};
	enum rep_code rc = read_folder(out, dir, "", err);

	if (rc)
		rep_schema_files_clear(out);
	return rep_wrap(err, rc, "read schema %s", dir);
}
