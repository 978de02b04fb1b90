/* self.json, receipts, statements and enrolments: the input is a document's line, signed here. */
#include "core/base/json.h"
#include "fuzz.h"
#include "sync/mailbox/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rep_buf bytes = REP_BUF_INIT(4u << 20);
	struct rep_enrolment enrolment = {0};
	struct rep_receipt receipt;
	struct rep_json *document = NULL;
	const uint8_t secret[REP_HASH_SIZE] = {0}, *public = fuzz_key()->public;
	struct rep_error err;
	size_t rest;

	fuzz_sign(&bytes, (const char *)data, size, &rest);
	if (rep_self_read(&document, bytes.data, bytes.len, public, &err) == REP_OK)
		fuzz_expect(rep_json_get_string(document, "device") != NULL, "a view has a device");
	rep_json_free(document);
	document = NULL;
	(void)!rep_statement_read(&document, bytes.data, bytes.len, public, &err);
	rep_json_free(document);
	document = NULL;
	(void)!rep_invitation_read(&document, (const char *)data, size, &err);
	rep_json_free(document);
	(void)!rep_receipt_read(&receipt, bytes.data, bytes.len, public, &err);
	(void)!rep_enrolment_read(&enrolment, bytes.data, bytes.len, "d7k3f9qm", secret, &err);
	rep_enrolment_clear(&enrolment);
	rep_buf_clear(&bytes);
	return 0;
}
