/* Deltas: a base's and a result's size, then pieces copied from the base and pieces that are new. gitformat-pack(5). */
#include "sync/git/packfile.h"

static bool take_size(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
	unsigned shift = 0;
	uint8_t byte = 0x80;

	*out = 0;
	while (byte & 0x80) {
		if (*at == end || shift > 56)
			return false;
		byte = *(*at)++;
		*out |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	}
	return true;
}

bool rep_packdelta_sizes(const uint8_t **at, const uint8_t *end, uint64_t *base, uint64_t *result)
{
	return take_size(at, end, base) && take_size(at, end, result);
}

/* The bytes that `bits` say are there, the first the lowest. */
static bool take_parts(const uint8_t **at, const uint8_t *end, unsigned bits, unsigned len,
		       uint64_t *out)
{
	*out = 0;
	for (unsigned i = 0; i < len; i++) {
		if (!(bits & (1u << i)))
			continue;
		if (*at == end)
			return false;
		*out |= (uint64_t) * (*at)++ << (8 * i);
	}
	return true;
}

static bool copy(struct rep_buf *out, const uint8_t *base, size_t base_len, unsigned op,
		 const uint8_t **at, const uint8_t *end)
{
	uint64_t from, len;

	if (!take_parts(at, end, op & 15, 4, &from) || !take_parts(at, end, (op >> 4) & 7, 3, &len))
		return false;
	if (len == 0)
		len = 0x10000;
	if (from > base_len || len > base_len - from)
		return false;
	rep_buf_put(out, base + from, (size_t)len);
	return true;
}

enum rep_code rep_packdelta_apply(struct rep_buf *out, const uint8_t *base, size_t base_len,
				  const uint8_t *delta, size_t len, struct rep_error *err)
{
	const uint8_t *at = delta, *end = delta + len;
	const size_t start = out->len;
	uint64_t want_base, want;
	bool good = rep_packdelta_sizes(&at, end, &want_base, &want) && want_base == base_len;

	while (good && at < end && !out->failed && out->len - start <= want) {
		unsigned op = *at++;

		if (op & 0x80) {
			good = copy(out, base, base_len, op, &at, end);
		} else if (op == 0 || op > (size_t)(end - at)) {
			good = false;
		} else {
			rep_buf_put(out, at, op);
			at += op;
		}
	}
	if (!good || (!out->failed && out->len - start != want))
		return rep_fail(err, REP_EINTEGRITY, "a delta is damaged");
	return rep_buf_check(out, "object", err);
}
