/*
 * An answer of the audit with its proof: a folder that a stranger verifies with sha256sum, git and any Ed25519 tool. docs/audit.md has what
 * it proves and what not.
 *
 *	rows.jsonl		the answer, a row a line
 *	journal/<device>.jsonl	of each device that is in the answer, its change sets from the first of them to the last merged: skeleton,
 *				signature, value lines. Value lines that are not of the answer are `null`: skeleton and chain verify without
 *	receipts/<device>/<first>-<last>.receipt.json	when the hub had them
 *	keys/<device>.pem	public keys; hub00000.pem is the hub's. enrol/<device>.json: how the device showed its key, where its mailbox
 *				still has it
 *	heads.txt		"<device> <seq> <hash>" of every journal, sorted: its SHA-256 is the newest statement's `heads`
 *	statements/<run>.json	all of them, each names the one before
 *	commits/<id>		the commit objects that the rows name
 *	manifest.txt		SHA-256 of every file, for sha256sum -c; manifest.json: the hub's signature over its SHA-256
 *	README.md		how to verify it, by hand
 */
#ifndef REPSYNC_SYNC_AUDIT_EVIDENCE_H
#define REPSYNC_SYNC_AUDIT_EVIDENCE_H

#include "sync/audit/audit.h"

struct rep_evidence {
	const char *dir; /* made; must not be there */
	int64_t now_ms;
};
/* *out = {"rows","changesets","devices","files","manifest": SHA-256 of manifest.txt}. REP_EEXIST when the folder is there. */
REP_CHECK enum rep_code rep_hub_evidence(struct rep_hub *hub, const struct rep_audit *query,
					 const struct rep_evidence *options, struct rep_json **out,
					 struct rep_error *err);

#endif
