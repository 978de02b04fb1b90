/* JSON: what is read is what Jansson reads, and what is written again is canonical and the same. */
#include <string.h>

#include <jansson.h>

#include "core/base/json.h"
#include "core/base/limits.h"
#include "fuzz.h"

static void compare_with_jansson(const struct rep_json *value, const char *data, size_t size)
{
	json_error_t error;
	json_t *other = json_loadb(data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	fuzz_expect(other != NULL, "Jansson reads it too");
	fuzz_expect(json_equal((const json_t *)value, other), "as the same");
	json_decref(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct rep_json *value = NULL, *again = NULL;
	struct rep_buf bytes = REP_BUF_INIT(4u << 20);
	struct rep_error err;
	enum rep_code rc = rep_json_parse(&value, text, size, 1u << 20, REP_JSON_DEPTH_MAX, &err);

	if (rc == REP_OK) {
		compare_with_jansson(value, text, size);
		rep_json_write(&bytes, value);
		fuzz_expect(!bytes.failed, "what was read can be written");
		rc = rep_json_parse_canonical(&again, bytes.data, bytes.len, REP_JSON_DEPTH_MAX,
					      &err);
		fuzz_expect(rc == REP_OK && rep_json_equal(value, again), "and read again");
		rep_json_free(again);
	}
	rc = rep_json_parse_canonical(&again, text, size, REP_JSON_DEPTH_MAX, &err);
	if (rc == REP_OK)
		fuzz_expect(bytes.len == size && memcmp(bytes.data, text, size) == 0,
			    "what passes as canonical is what is written");
	else
		fuzz_expect(!value || bytes.len != size || memcmp(bytes.data, text, size) != 0,
			    "what is written passes as canonical");
	rep_json_free(again);
	rep_json_free(value);
	rep_buf_clear(&bytes);
	return 0;
}
