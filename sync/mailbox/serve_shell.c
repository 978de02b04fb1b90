/* The forced command of a device's line in authorized_keys. */
#include <string.h>

#include "sync/mailbox/serve.h"
#include "sync/mailbox/serve_session.h"

enum service { RECEIVE_PACK, UPLOAD_PACK, NO_SERVICE };

/*
 * git-receive-pack '<path>' or git receive-pack '<path>', and the same for upload-pack. The path is one quoted word without
 * a quote in it; it is not used, whatever it says.
 */
static enum service service_of(const char *command)
{
	static const struct {
		const char *text;
		enum service service;
	} known[] = {{"git-receive-pack '", RECEIVE_PACK},
		     {"git receive-pack '", RECEIVE_PACK},
		     {"git-upload-pack '", UPLOAD_PACK},
		     {"git upload-pack '", UPLOAD_PACK}};

	for (size_t i = 0; command && i < sizeof known / sizeof *known; i++) {
		size_t len = strlen(known[i].text);
		const char *quote;

		if (strncmp(command, known[i].text, len) != 0)
			continue;
		quote = strchr(command + len, '\'');
		if (quote && quote > command + len && quote[1] == '\0')
			return known[i].service;
	}
	return NO_SERVICE;
}

enum rep_code rep_mailbox_shell(const char *hub, const char *device,
				const char *ssh_original_command, struct rep_error *err)
{
	enum service service = service_of(ssh_original_command);
	struct rep_session_env env;
	char path[4096];
	/* --strict: exactly this folder. */
	const char *const receive[] = {"git", "-c", "safe.directory=*", "receive-pack", path, NULL};
	const char *const upload[] = {"git", "-c", "safe.directory=*", "upload-pack", "--strict",
				      path,  NULL};
	enum rep_code rc = REP_OK;

	if (service == NO_SERVICE)
		rc = rep_fail(err, REP_EREFUSED,
			      "only git receive-pack and upload-pack are served");
	if (!rc)
		rc = rep_session_mailbox(path, sizeof path, hub, device, err);
	if (!rc && service == RECEIVE_PACK)
		rc = rep_session_open_for_push(path, true, err);
	rep_session_env(&env);
	if (!rc)
		rc = rep_session_become(service == RECEIVE_PACK ? receive : upload, &env, err);
	return rep_wrap(err, rc, "mailbox %.20s", device);
}
