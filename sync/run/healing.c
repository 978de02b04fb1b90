#include "sync/run/healing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"

struct keeping {
	struct rep_git *git;
	const char *dir;
	const char *device;
};

static char *receipt_path(const char *dir, const char *device, int64_t first, int64_t last)
{
	return rep_hub_path(dir, REP_HEALING "/%s/%lld-%lld.receipt.json", device, (long long)first,
			    (long long)last);
}

static enum rep_code on_path(void *user, const char *path, const struct rep_oid *old_oid,
			     const struct rep_oid *new_oid, struct rep_error *err)
{
	const struct keeping *keeping = user;
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	const char *name = strrchr(path, '/');
	long long first, last;
	int end = 0;
	char *to;
	enum rep_code rc;

	(void)old_oid;
	if (!name || sscanf(name + 1, "%lld-%lld.receipt.json%n", &first, &last, &end) != 2 ||
	    end == 0 || name[1 + end] != '\0')
		return REP_OK;
	rc = rep_git_read(keeping->git, new_oid, REP_OBJECT_BLOB, &bytes, err);
	to = receipt_path(keeping->dir, keeping->device, first, last);
	if (rc == REP_OK && !to)
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	if (rc == REP_OK)
		rc = rep_file_write(to, rep_buf_str(&bytes), bytes.len, 0600, err);
	free(to);
	rep_buf_clear(&bytes);
	return rc;
}

enum rep_code rep_healing_keep(const char *dir, const char *device, const char *mailbox,
			       struct rep_error *err)
{
	struct keeping keeping = {.dir = dir, .device = device};
	struct rep_oid tip = rep_oid_zero, root, parent, tree = rep_oid_zero;
	char *folder = rep_hub_path(dir, REP_HEALING "/%s", device);
	int64_t time_s;
	bool is_tree = false;
	enum rep_code rc = folder ? rep_dir_make(folder, 0700, err)
				  : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = rep_git_open(&keeping.git, mailbox, err);
	if (rc == REP_OK)
		rc = rep_git_ref(keeping.git, REP_INBOX, &tip, err);
	if (rc == REP_OK && !rep_oid_is_zero(&tip))
		rc = rep_git_commit_read(keeping.git, &tip, &root, &parent, &time_s, err);
	if (rc == REP_OK && !rep_oid_is_zero(&tip))
		rc = rep_tree_find(keeping.git, &root, "outcomes", &tree, &is_tree, err);
	if (rc == REP_OK && is_tree)
		rc = rep_tree_diff(keeping.git, &rep_oid_zero, &tree, on_path, &keeping, err);
	rep_git_close(keeping.git);
	free(folder);
	return rc;
}

bool rep_healing_is(const struct rep_hub *hub)
{
	char *path = rep_hub_path(hub->dir, REP_HEALING);
	const bool healing = path && rep_file_is_dir(path);

	free(path);
	return healing;
}

static bool find_receipt(const struct rep_hub *hub, const char *device, int64_t first, int64_t last,
			 const char *hash, struct rep_receipt *out)
{
	struct rep_buf bytes = REP_BUF_INIT(REP_LINE_SIZE_MAX);
	char *path = receipt_path(hub->dir, device, first, last);
	struct rep_error ignored;
	bool good = path && rep_file_exists(path) &&
		    rep_file_read(&bytes, path, &ignored) == REP_OK &&
		    rep_receipt_read(out, rep_buf_str(&bytes), bytes.len,
				     rep_hubkeys_signer(&hub->keys, rep_buf_str(&bytes), bytes.len),
				     &ignored) == REP_OK;

	good = good && strcmp(out->device, device) == 0 && out->first == first &&
	       out->last == last && strcmp(out->hash, hash) == 0;
	rep_buf_clear(&bytes);
	free(path);
	return good;
}

void rep_healing_received(const struct rep_hub *hub, const char *device,
			  const struct rep_segment *segment, const char *sealed,
			  struct rep_run_segment *out)
{
	struct rep_receipt receipt;
	const char *when = NULL;
	int64_t ms;

	if (!rep_healing_is(hub))
		return;
	if (strcmp(device, REP_HUB_DEVICE) == 0)
		when = sealed;
	else if (find_receipt(hub, device, segment->first, segment->last, out->hash, &receipt))
		when = receipt.received;
	if (!when || !rep_time_parse(&ms, when) || ms > out->received_ms)
		return;
	out->received_ms = ms;
	memcpy(out->received, when, sizeof out->received);
}

static char *recovered_path(const struct rep_hub *hub, int64_t epoch, const char *device,
			    const char *end)
{
	return rep_hub_path(hub->dir, REP_RECOVERED "/%lld/%s%s", (long long)epoch, device, end);
}

static enum rep_code note(const struct rep_hub *hub, int64_t epoch, const char *device,
			  const char *end, const char *data, size_t len, struct rep_error *err)
{
	char *folder = recovered_path(hub, epoch, "", "");
	char *path = recovered_path(hub, epoch, device, end);
	enum rep_code rc = folder && path ? rep_dir_make(folder, 0700, err)
					  : rep_fail(err, REP_ENOMEM, "out of memory");

	if (rc == REP_OK)
		rc = rep_file_write(path, data, len, 0600, err);
	free(folder);
	free(path);
	return rc;
}

enum rep_code rep_healing_expect(const struct rep_hub *hub, int64_t epoch, const char *device,
				 struct rep_error *err)
{
	return note(hub, epoch, device, ".owed", "", 0, err);
}

bool rep_healing_owes(const struct rep_hub *hub, const char *device)
{
	char *owed = recovered_path(hub, hub->epoch, device, ".owed");
	char *heard = recovered_path(hub, hub->epoch, device, ".json");
	const bool owes = owed && heard && rep_file_exists(owed) && !rep_file_exists(heard);

	free(owed);
	free(heard);
	return owes;
}

enum rep_code rep_healing_heard(const struct rep_hub *hub, const char *device,
				const struct rep_outbox *outbox, struct rep_error *err)
{
	struct rep_json *held = NULL;
	struct rep_error ignored;
	const char *whose;
	enum rep_code rc = REP_OK;

	if (!outbox->statement ||
	    rep_self_read(&held, outbox->statement, outbox->statement_size,
			  rep_hubkeys_signer(&hub->keys, outbox->statement, outbox->statement_size),
			  &ignored) != REP_OK)
		return REP_OK;
	whose = rep_json_get_string(held, "device");
	if (whose && strcmp(whose, device) == 0 && rep_json_get_integer(held, "epoch") < hub->epoch)
		rc = note(hub, hub->epoch, device, ".json", outbox->statement,
			  outbox->statement_size, err);
	rep_json_free(held);
	return rc;
}

enum rep_code rep_healing_end(struct rep_hub *hub, struct rep_error *err)
{
	char *path;
	enum rep_code rc = REP_OK;

	if (!rep_healing_is(hub))
		return REP_OK;
	path = rep_hub_path(hub->dir, REP_HEALING);
	rc = path ? rep_dir_remove(path, err) : rep_fail(err, REP_ENOMEM, "out of memory");
	free(path);
	return rc;
}
