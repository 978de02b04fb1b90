#include "unit/help_versions.h"

#include <stdio.h>
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/store/derive.h"

#define TEXT_MAX (4u * 1024u * 1024u)

static void replace(struct rep_buf *text, const struct replaced *one)
{
	const char *at = *one->from ? strstr(rep_buf_str(text), one->from) : NULL;
	struct rep_buf out = REP_BUF_INIT(TEXT_MAX);

	if (*one->from && !at)
		fail_msg("\"%s\" is not in %s", one->from, one->file);
	if (at) {
		rep_buf_put(&out, text->data, (size_t)(at - text->data));
		rep_buf_puts(&out, one->to);
		rep_buf_puts(&out, at + strlen(one->from));
	} else {
		rep_buf_puts(&out, one->to);
	}
	rep_buf_clear(text);
	*text = out;
}

static void put_file(struct rep_schema_files *out, const char *path, const char *given, int version,
		     const char *mappings, const struct replaced *replaced)
{
	struct rep_buf text = REP_BUF_INIT(TEXT_MAX);
	struct rep_error err = {0};
	char number[40];
	bool gone = false;

	rep_buf_puts(&text, given);
	if (strcmp(path, TOP) == 0 && version > 1) {
		snprintf(number, sizeof(number), "\"version\":%d", version);
		replace(&text, &(struct replaced){TOP, "\"version\":1", number});
	}
	if (strcmp(path, TOP) == 0 && mappings) {
		struct rep_buf key = REP_BUF_INIT(TEXT_MAX);

		rep_buf_printf(&key, "\"mappings\":%s,\"policy\"", mappings);
		replace(&text, &(struct replaced){TOP, "\"policy\"", rep_buf_str(&key)});
		rep_buf_clear(&key);
	}
	for (; replaced && replaced->file; replaced++) {
		if (strcmp(replaced->file, path) != 0)
			continue;
		gone = !replaced->from;
		if (!gone)
			replace(&text, replaced);
	}
	if (!gone)
		expect_ok(rep_schema_files_add(out, path, rep_buf_str(&text), text.len, &err),
			  &err);
	rep_buf_clear(&text);
}

static bool is_right(const char *path)
{
	const struct right_file *right;
	size_t len = right_files(&right);

	for (size_t i = 0; i < len; i++)
		if (strcmp(right[i].path, path) == 0)
			return true;
	return false;
}

void version_files(struct rep_schema_files *out, int version, const char *mappings,
		   const struct replaced *replaced)
{
	const struct right_file *right;
	size_t len = right_files(&right);
	struct rep_error err = {0};

	*out = (struct rep_schema_files){0};
	for (size_t i = 0; i < len; i++)
		put_file(out, right[i].path, right[i].text, version, mappings, replaced);
	for (; replaced && replaced->file; replaced++)
		if (!is_right(replaced->file))
			expect_ok(rep_schema_files_add(out, replaced->file, replaced->to,
						       strlen(replaced->to), &err),
				  &err);
}

struct rep_schema *version_of(int version, const char *mappings, const struct replaced *replaced)
{
	struct rep_schema_files files;
	struct rep_schema *schema;
	struct rep_error err = {0};

	version_files(&files, version, mappings, replaced);
	expect_ok(rep_schema_load(&schema, &files, &err), &err);
	return schema;
}

void version_write(const char *dir, int version, const char *mappings,
		   const struct replaced *replaced)
{
	static const char *const folders[] = {"entities", "reports", "tables"};
	struct rep_schema_files files;
	struct rep_error err = {0};
	char path[1000];

	mkdir(dir, 0700);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
		mkdir(path, 0700);
	}
	version_files(&files, version, mappings, replaced);
	for (size_t i = 0; i < files.len; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files.files[i].path);
		expect_ok(rep_file_write(path, files.files[i].data, files.files[i].size_bytes, 0600,
					 &err),
			  &err);
	}
	rep_schema_files_clear(&files);
}

const char two_mappings[] =
	"[{\"from\":1,\"entity\":\"shop\",\"rename\":{\"code\":\"number\"},"
	"\"values\":{\"size\":{\"l\":\"xl\"}},\"drop\":[\"town\"],"
	"\"derive\":{\"mark\":\"old.name || '-' || coalesce(old.\\\"code\\\", '?')\"}}]";
const struct replaced two_replaced[] = {
	{SHOP, "\"external_key\":[\"code\"]", "\"external_key\":[\"number\"]"},
	{SHOP, "{\"name\":\"code\"", "{\"name\":\"number\""},
	{SHOP, "\"on\":[\"code\"", "\"on\":[\"number\""},
	{SHOP, "[\"s\",\"m\",\"l\"]", "[\"s\",\"m\",\"xl\",\"xxl\"]"},
	{SHOP, "{\"name\":\"town\",\"type\":\"text\"," LABEL ",\"group\":\"place\"},",
	 "{\"name\":\"mark\",\"type\":\"text\"," LABEL
	 "},{\"name\":\"note\",\"type\":\"text\"," LABEL "},"},
	{NULL, NULL, NULL},
};

static enum rep_code load_none(void *user, int number, struct rep_schema **out,
			       struct rep_error *err)
{
	(void)user;
	*out = NULL;
	return rep_fail(err, REP_ENOTFOUND, "no version %d here", number);
}

struct rep_versions *two_versions(struct rep_derive **derive)
{
	struct rep_versions_source source = {.load = load_none, .derive = rep_derive_value};
	struct rep_versions *versions;
	struct rep_error err = {0};

	expect_ok(rep_derive_new(derive, &err), &err);
	source.user = *derive;
	expect_ok(rep_versions_new(&versions, &source, &err), &err);
	expect_ok(rep_versions_add(versions, 1, NULL, &err), &err);
	expect_ok(rep_versions_add(versions, 2, SECOND, &err), &err);
	rep_versions_take(versions, version_of(1, NULL, NULL));
	rep_versions_take(versions, version_of(2, two_mappings, two_replaced));
	return versions;
}
