/*
 * The documents that hub and device hand each other, each read and written here only: invitation, enrolment, receipt, view
 * (self.json), statement. docs/formats.md. Keys, hashes and secrets are lower-case hexadecimal everywhere.
 *
 *	invitation	{"type":"invitation","format":1,"company","device","rep","url","host_key","hub_public","secret",
 *			"expires","ssh_secret","ssh_public","desk","token","ca"}: not signed; whoever holds it may enrol
 *			once. `host_key`, `ssh_secret`, `ssh_public` are null but for ssh, `token` (one-time) and `ca` (PEM) but
 *			for https; the last two may be missing. `secret` is 64 hex digits. Where the replica must
 *			be encrypted also "replicas":"encrypted" and "recovery", the company's X25519 key. "root" is the public part of
 *			the company's root key (root.h); invitations of before lack it, and the device pins the one of its first view
 *	enrolment	{"type":"enrolment","format":1,"device","public","ssh_public" (null for a folder),"token" (over https:
 *			serve.h's verifier of the device's own token; else left out),"hmac"}, signed with the new key.
 *			`hmac` = HMAC-SHA-256, keyed with the SHA-256 of the invitation's 64 secret digits, over
 *			"<device>\n<public>\n<ssh_public or nothing>", and "\n<token>" where there is one. So the hub keeps
 *			a hash, not the secret
 *	receipt		{"type":"receipt","format":1,"device","first","last","hash","received"}, signed by the hub: when a
 *			run first fetched the segment; `hash` is that of its last skeleton
 *	view		self.json: rep_self below, signed by the hub
 *	statement	{"type":"statement","format":1,"run","epoch","hub_time","heads","erasures","prev","commit"}, signed by
 *			the hub: `heads` = SHA-256 over the sorted lines "<device> <seq> <hash>\n", `erasures` = SHA-256 over the
 *			erasure list (empty so far), `prev` = SHA-256 of the first line of the statement before (64 zeros for
 *			the first), `commit` = the main that the run built on, a hint
 *	order		{"type":"order","format":1,"act":"erase","device","rep","issued","effective","reason","lease_key"},
 *			signed by the hub: the device is to hand over what it has not sent, erase its replica and say so. With
 *			`lease_key` (may be missing; as in a view) a replica whose lease is over opens once more for that
 *	farewell	{"type":"farewell","format":1,"device","at","seq","hash","first","last","locked"}, signed by the device: its
 *			chain ends with number `seq` and `hash`; numbers `first` to `last` follow as segments (zeros: none).
 *			`locked`: its lease was over, so nobody could look (zeros, and 64 zeros as `hash`)
 *	erasure		{"type":"erasure","format":1,"device","at"}, signed by the device: key, replica and clone are erased
 */
#ifndef REPSYNC_SYNC_MAILBOX_DOCUMENT_H
#define REPSYNC_SYNC_MAILBOX_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/model/key.h"
#include "core/model/stamp.h"

/* What an enrolment tells. */
struct rep_enrolment {
	char device[REP_DEVICE_LEN + 1];
	uint8_t public[REP_PUBLIC_SIZE];
	char *ssh_public; /* NULL for a folder */
	char *token;      /* verifier; NULL but for https */
};
/* Appends enrol.json. `secret` is the invitation's 64 hex digits; `ssh_public`, `token` may be NULL. */
REP_CHECK enum rep_code rep_enrolment_write(struct rep_buf *out, const char *device,
					    const struct rep_key *key, const char *ssh_public,
					    const char *token, const char *secret,
					    struct rep_error *err);
/* `secret_hash`: SHA-256 of the secret's digits. REP_EINTEGRITY when signature or HMAC is wrong. */
REP_CHECK enum rep_code rep_enrolment_read(struct rep_enrolment *out, const char *data, size_t len,
					   const char *device,
					   const uint8_t secret_hash[REP_HASH_SIZE],
					   struct rep_error *err);
void rep_enrolment_clear(struct rep_enrolment *enrolment);

struct rep_receipt {
	char device[REP_DEVICE_LEN + 1];
	int64_t first, last;
	char hash[REP_HASH_HEX + 1];
	char received[REP_TIME_LEN + 1];
};
REP_CHECK enum rep_code rep_receipt_write(struct rep_buf *out, const struct rep_receipt *receipt,
					  const struct rep_key *hub, struct rep_error *err);
REP_CHECK enum rep_code rep_receipt_read(struct rep_receipt *out, const char *data, size_t len,
					 const uint8_t hub[REP_PUBLIC_SIZE], struct rep_error *err);

/* `document` as the list above gives it; the reader checks that every key is there with its type and no other. */
REP_CHECK enum rep_code rep_statement_read(struct rep_json **out, const char *data, size_t len,
					   const uint8_t hub[REP_PUBLIC_SIZE],
					   struct rep_error *err);
/*
 * self.json: {"assignments": [territory...],"device","epoch","hub_time","lease","merged_hash","merged_seq","outbox": id of the
 * outbox's first commit ("" before there is one),"rep","role": name or "","safe_seq","state": "active" | "revoked",
 * "statement": SHA-256 of the newest statement's first line,"trees": {name: tree id},"type":"view","format":1,"view"}.
 */
REP_CHECK enum rep_code rep_self_read(struct rep_json **out, const char *data, size_t len,
				      const uint8_t hub[REP_PUBLIC_SIZE], struct rep_error *err);
/* What a device leaves with, each as the list above gives it. REP_EINTEGRITY also where it is another device's. */
REP_CHECK enum rep_code rep_order_read(struct rep_json **out, const char *data, size_t len,
				       const char *device, const uint8_t hub[REP_PUBLIC_SIZE],
				       struct rep_error *err);
REP_CHECK enum rep_code rep_farewell_read(struct rep_json **out, const char *data, size_t len,
					  const char *device,
					  const uint8_t device_public[REP_PUBLIC_SIZE],
					  struct rep_error *err);
REP_CHECK enum rep_code rep_erasure_read(struct rep_json **out, const char *data, size_t len,
					 const char *device,
					 const uint8_t device_public[REP_PUBLIC_SIZE],
					 struct rep_error *err);
/* Is this a farewell, by its first line? Says nothing of its signature. */
bool rep_is_farewell(const char *data, size_t len);
/* REP_EINVAL names the key that is missing, of the wrong type or unknown. Not signed. */
REP_CHECK enum rep_code rep_invitation_read(struct rep_json **out, const char *data, size_t len,
					    struct rep_error *err);

#endif
