#include "sync/mailbox/root.h"

#include <string.h>

#include "core/base/limits.h"
#include "core/model/signed.h"
#include "core/model/stamp.h"

#define NAMES "org/hub.json"
#define NAMES_SIZE_MAX (64u * 1024u)

enum rep_code rep_root_read(struct rep_key *out, const char *path, struct rep_error *err)
{
	uint8_t seed[32];
	enum rep_code rc = rep_secret_read(seed, path, err);

	memset(out, 0, sizeof *out);
	if (rc == REP_OK)
		rep_key_from_seed(out, seed);
	explicit_bzero(seed, sizeof seed);
	return rep_wrap(err, rc, "read the company's root key");
}

enum rep_code rep_root_check(struct rep_json **out, const char *data, size_t len, const char *type,
			     const uint8_t root[REP_PUBLIC_SIZE], struct rep_error *err)
{
	enum rep_code rc = rep_signed_read(out, data, len, type, root, err);

	if (rc == REP_EINTEGRITY)
		rc = rep_fail(err, REP_EINTEGRITY,
			      "%s: the company's root key did not sign it, or it was changed",
			      type);
	return rc;
}

enum rep_code rep_hub_names_read(struct rep_hub_names *out, bool *found, struct rep_git *git,
				 const struct rep_oid *tree, struct rep_error *err)
{
	struct rep_buf text = REP_BUF_INIT(NAMES_SIZE_MAX);
	struct rep_json *names = NULL;
	struct rep_oid oid;
	bool is_tree;
	enum rep_code rc = rep_tree_find(git, tree, NAMES, &oid, &is_tree, err);

	*found = false;
	if (rc != REP_OK || rep_oid_is_zero(&oid))
		return rc;
	rc = is_tree ? rep_fail(err, REP_EINTEGRITY, "it is a folder")
		     : rep_git_read(git, &oid, REP_OBJECT_BLOB, &text, err);
	if (rc == REP_OK)
		rc = rep_json_parse(&names, rep_buf_str(&text), text.len, NAMES_SIZE_MAX,
				    REP_JSON_DEPTH_MAX, err);
	if (rc == REP_OK && (!rep_public_read(out->public, rep_json_get_string(names, "public")) ||
			     !rep_public_read(out->root, rep_json_get_string(names, "root"))))
		rc = rep_fail(err, REP_EINTEGRITY, "a key is missing");
	*found = rc == REP_OK;
	rep_json_free(names);
	rep_buf_clear(&text);
	return rep_wrap(err, rc, NAMES);
}

enum rep_code rep_hub_names_put(struct rep_tree *tree, const uint8_t public[REP_PUBLIC_SIZE],
				const uint8_t root[REP_PUBLIC_SIZE], struct rep_error *err)
{
	char public_hex[2 * REP_PUBLIC_SIZE + 1], root_hex[2 * REP_PUBLIC_SIZE + 1];
	struct rep_json *names = rep_json_object();
	enum rep_code rc;

	rep_hex(public_hex, public, REP_PUBLIC_SIZE);
	rep_hex(root_hex, root, REP_PUBLIC_SIZE);
	if (!rep_json_set_string(names, "device", REP_HUB_DEVICE) ||
	    !rep_json_set_integer(names, "format", 1) ||
	    !rep_json_set_string(names, "public", public_hex) ||
	    !rep_json_set_string(names, "root", root_hex))
		rc = rep_fail(err, REP_ENOMEM, "out of memory");
	else
		rc = rep_tree_put_line(tree, NAMES, names, err);
	rep_json_free(names);
	return rc;
}
