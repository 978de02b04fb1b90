/*
 * The company's side of ssh: `repsync mailbox-shell DEVICE` is the forced command of a device's line in
 * authorized_keys. It takes only the service name from the client, never the path, holds the mailbox's lock for a
 * push, and becomes stock git.
 */
#ifndef REPSYNC_SYNC_SERVE_H
#define REPSYNC_SYNC_SERVE_H

#include <stddef.h>

#include "core/base/error.h"

/* Runs git-receive-pack or git-upload-pack on the device's mailbox of the hub at `hub`; returns only on failure. */
REP_CHECK enum rep_code rep_mailbox_shell(const char *hub, const char *device,
					  const char *ssh_original_command, struct rep_error *err);

/*
 * The authorized_keys lines of all devices that may connect: restrict,command="..." key. Appended to `out`. `program` is
 * the path of repsync, `hub` the hub's folder. Devices: (id, ssh public line) pairs.
 */
struct rep_ssh_device {
	const char *device;
	const char *ssh_key;
};
struct rep_buf;
REP_CHECK enum rep_code rep_ssh_authorized_keys(struct rep_buf *out, const char *program,
						const char *hub,
						const struct rep_ssh_device *devices, size_t len,
						struct rep_error *err);
/* What sshd_config needs for the mailboxes: a Match block. Appended to `out`. */
void rep_ssh_config(struct rep_buf *out, const char *user, const char *hub);

#endif
