/*
 * When to try again. Pure: what waits, and what is random, is the caller's.
 */
#ifndef REPSYNC_SYNC_TRANSPORT_RETRY_H
#define REPSYNC_SYNC_TRANSPORT_RETRY_H

#include <stdint.h>

/*
 * Milliseconds to wait after the n-th try (from 1) that did not reach the company: 1 s, doubled each time up to a minute, times a
 * random half to one and a half, so that a hundred devices which lost the same server do not come back in the same second.
 */
unsigned rep_retry_delay_ms(unsigned tries, uint32_t random);

#endif
