/*
 * The company's side of ssh: `repsync mailbox-shell DEVICE` is the forced command of a device's line in
 * authorized_keys. It takes only the service name from the client, never the path, holds the mailbox's lock for a
 * push, and becomes stock git.
 */
#ifndef REPSYNC_SYNC_MAILBOX_SERVE_H
#define REPSYNC_SYNC_MAILBOX_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/*
 * What the programs at the company say to a device that they do not serve, each in one line on standard error: whether it is
 * worth while to come again (REP_EREFUSED, REP_EUNREACHABLE) and why.
 */
#define REP_SAID_REFUSED "repsync-refused: "
#define REP_SAID_LATER "repsync-later: "

struct rep_buf;
void rep_said_put(struct rep_buf *out, const struct rep_error *err); /* the line, appended */

/* Runs git-receive-pack or git-upload-pack on the device's mailbox of the hub at `hub`; returns only on failure. */
REP_CHECK enum rep_code rep_mailbox_shell(const char *hub, const char *device,
					  const char *ssh_original_command, struct rep_error *err);

/*
 * The pre-receive hook of a mailbox (mailbox.h), in the environment and the folder that receive-pack gives it; `updates` is what
 * came on standard input. It ends itself after a minute.
 */
REP_CHECK enum rep_code rep_mailbox_hook(const char *updates, struct rep_error *err);

/*
 * The same as the CGI program of a web server, which has checked the token of the device that it names in REMOTE_USER. Reads the
 * request from CGI's environment and becomes git http-backend; on failure rep_http_answer writes what to print. REP_EREFUSED for
 * a device that is not in REP_SERVE_TOKENS, or no longer, at `now_ms`.
 */
REP_CHECK enum rep_code rep_mailbox_http(const char *hub, int64_t now_ms, struct rep_error *err);
void rep_http_answer(struct rep_buf *out, const struct rep_error *err); /* appended */

/*
 * The authorized_keys lines of devices that may connect: restrict,expiry-time="...",command="..." key. Appended to `out`.
 * `program` is the path of repsync, `hub` the hub's folder.
 */
struct rep_ssh_device {
	const char *device;
	const char *ssh_key;
	const char *
		expires; /* datetime: sshd takes the key until then, whatever becomes of the hub; NULL = always */
};
REP_CHECK enum rep_code rep_ssh_authorized_keys(struct rep_buf *out, const char *program,
						const char *hub,
						const struct rep_ssh_device *devices, size_t len,
						struct rep_error *err);
/* Is it one public key, ed25519 or ecdsa, with or without a comment, that can begin neither another line nor an option? */
bool rep_ssh_is_key(const char *line);
/* What sshd_config needs for the mailboxes: a Match block. Appended to `out`. */
REP_CHECK enum rep_code rep_ssh_config(struct rep_buf *out, const char *user, const char *hub,
				       struct rep_error *err);

/*
 * What nginx needs: a server block of one public path, which hands the requests of devices whose token it has checked to fcgiwrap.
 * The token files are the hub's (REP_SERVE_DIR). Appended to `out`.
 */
struct rep_nginx {
	const char *hub;
	const char *host;              /* the name that the certificate bears */
	const char *path;              /* "/repsync" */
	const char *certificate, *key; /* PEM files */
	const char
		*fastcgi; /* fcgiwrap's socket: "unix:/run/fcgiwrap.socket" or "127.0.0.1:9000" */
	unsigned port;
};
REP_CHECK enum rep_code rep_nginx_config(struct rep_buf *out, const struct rep_nginx *nginx,
					 struct rep_error *err);

/* Below the hub's folder, kept as they should be by every run that writes: */
#define REP_SERVE_DIR "serve"
#define REP_SERVE_KEYS "serve/authorized_keys"
#define REP_SERVE_TOKENS \
	"serve/tokens" /* <device>:{SSHA}<base64>:<expires>, for auth_basic_user_file */
#define REP_SERVE_CGI "serve/mailbox-http" /* runs `repsync mailbox-http` */

/*
 * What of a token is kept and told to others: "{SSHA}" and base64 of SHA-1(token, salt) and the salt of 8 bytes, the one salted form
 * that nginx reads. A token is 64 hexadecimal digits of randomness, so nothing is guessed from it.
 */
#define REP_TOKEN_HEX 64u
#define REP_VERIFIER_LEN 46u
void rep_token_make(char out[REP_TOKEN_HEX + 1]);
void rep_token_verifier(char out[REP_VERIFIER_LEN + 1], const char *token);
bool rep_token_is_verifier(const char *text);

#endif
