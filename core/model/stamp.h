/*
 * Stamps order edits across devices: a hybrid logical clock value and the device's id.
 *
 *	2026-11-21T02:14:05.123Z-00f2@d7k3f9qm
 *
 * UTC milliseconds, four lower-case hexadecimal digits of a counter, the device. Always
 * REP_STAMP_LEN bytes, compared as bytes. Source of the clock: Kulkarni et al., "Logical Physical
 * Clocks", 2014; here a device's clock is the greatest of wall clock, its own last stamp, every
 * effective stamp it received and the hub time of its view, and counts up within a millisecond.
 */
#ifndef REPSYNC_CORE_MODEL_STAMP_H
#define REPSYNC_CORE_MODEL_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

#define REP_TIME_LEN 24u  /* 2026-11-21T02:14:05.123Z */
#define REP_STAMP_LEN 38u /* time, '-', 4 hex digits, '@', 8 of the device */
#define REP_DEVICE_LEN 8u
#define REP_HUB_DEVICE "hub00000"

struct rep_stamp {
	char text[REP_STAMP_LEN + 1];
};

/* Years 1970 to 9999. `out` needs REP_TIME_LEN + 1 bytes. */
void rep_time_format(char *out, int64_t ms);
bool rep_time_parse(int64_t *ms,
		    const char *text); /* exactly the form above; a real calendar date */

bool rep_stamp_valid(const char *text);
void rep_stamp_make(struct rep_stamp *out, int64_t ms, unsigned counter, const char *device);
int64_t rep_stamp_ms(const char *stamp);         /* of a valid stamp */
unsigned rep_stamp_counter(const char *stamp);   /* of a valid stamp */
const char *rep_stamp_device(const char *stamp); /* borrowed: the eight characters after '@' */
bool rep_stamp_same_device(const char *a, const char *b);
int rep_stamp_compare(const char *a, const char *b); /* NULL sorts first */

/* A clock: the greatest (ms, counter) made or seen. Zeroed is a valid start. */
struct rep_clock {
	int64_t ms;
	unsigned counter;
};
/* Makes the next stamp at wall time `now_ms` (the counter's overflow moves on to the next millisecond). */
void rep_clock_tick(struct rep_clock *clock, int64_t now_ms, const char *device,
		    struct rep_stamp *out);
void rep_clock_observe(struct rep_clock *clock, const char *stamp);
void rep_clock_observe_ms(struct rep_clock *clock, int64_t ms);

/*
 * The effective stamp: `stamp`, or when it lies more than REP_CLOCK_AHEAD_MS_MAX after `received_ms`,
 * that bound with `cut_counter`, device kept. Returns whether it was cut.
 */
bool rep_stamp_effective(struct rep_stamp *out, const char *stamp, int64_t received_ms,
			 unsigned cut_counter);

#endif
