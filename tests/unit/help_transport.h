/*
 * A device and its mailbox for the suites of the transports: in a folder, or behind a real sshd or a real nginx on loopback
 * whose forced command, or CGI program, is the test program itself (run_as_shell).
 */
#ifndef REPSYNC_TESTS_HELP_TRANSPORT_H
#define REPSYNC_TESTS_HELP_TRANSPORT_H

#include "help_git.h"
#include "sync/mailbox/mailbox.h"
#include "sync/mailbox/serve.h"
#include "sync/transport/transport.h"

#define WAY_DEVICE "d7k3f9qm"

/* What all tests of a group share. */
struct site {
	char *dir;
	enum { SITE_FOLDER, SITE_SSH, SITE_HTTPS } kind;
	unsigned port; /* 0 = there is no such server here */
	char *secret, *public_line, *host_key;
	char *ca;
	char token[REP_TOKEN_HEX + 1];
};

/* One device's mailbox and clone, and a way to it. */
struct way {
	char hub[4096], box[4200], clone[4200];
	char url[4400];
	struct rep_transport_options options;
	struct rep_transport *transport;
	struct rep_git *git; /* the clone */
	struct rep_pack *pack;
	struct rep_oid tip;
	unsigned sent;
};

/* Set-up and tear-down of a group. Without a server site_ssh and site_https say so, and way_new skips. */
int site_folder(void **state);
int site_ssh(void **state);
int site_https(void **state);
int site_end(void **state);

struct way *way_new(void **state);
void way_end(struct way *way);   /* mailbox and clone must be clean */
void reconnect(struct way *way); /* after its options were changed */
/* The next commit of the device on top of `on`, in its clone only. */
struct rep_oid compose(struct way *way, const struct rep_oid *on, const char *text);
void push_next(struct way *way, const char *text);
void expect_tips(struct way *way, const struct rep_oid *outbox, const struct rep_oid *inbox);
/* The hub publishes a view of one file, data/x/self.json, in the mailbox. */
struct rep_oid publish_view(struct way *way, const char *text, bool new_root);
char *megabytes(unsigned n); /* of text that deflates badly; the caller frees it */

/* For main: becomes what was asked for when run as `PROGRAM --shell HUB DEVICE` or `PROGRAM --http HUB`; else false. */
bool run_as_shell(int argc, char **argv, int *status);

#endif
