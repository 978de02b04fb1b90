/*
 * Ids: of records (UUIDv7, or UUIDv5 where they are derived), of devices, and the one alphabet that
 * every id, partition and path component of repsync obeys. RFC 9562.
 */
#ifndef REPSYNC_CORE_MODEL_ID_H
#define REPSYNC_CORE_MODEL_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REP_UUID_LEN 36u

/* [A-Za-z0-9][A-Za-z0-9._-]{0,63}, not ended by '.', without "..". */
bool rep_id_valid(const char *id);
bool rep_device_valid(
	const char *device); /* 8 characters of base32hex, lower case (0-9a-v), or hub00000 */

/* `random` gives 10 bytes. `out` needs REP_UUID_LEN + 1 bytes. */
void rep_uuid7(char *out, int64_t ms, const uint8_t random[10]);
/* Milliseconds of a UUIDv7; false for any other id. */
bool rep_uuid7_ms(const char *id, int64_t *ms);

/*
 * UUIDv5 over `name` in repsync's namespace (SHA-1, as RFC 9562 says). With `secret` (32 bytes, may be
 * NULL) the name is first replaced by the hex HMAC-SHA-256 of it, so that ids cannot be guessed back
 * to external keys.
 */
void rep_uuid5(char *out, const char *name, size_t len, const uint8_t *secret);

void rep_device_id(char *out, const uint8_t random[8]); /* REP_DEVICE_LEN + 1 bytes */

/* First two lower-case hex digits of SHA-256(text): the fan-out folder of partitions and devices. */
void rep_fanout(char out[3], const char *text);

#endif
