#include "sync/transport/retry.h"

#define FIRST_MS 1000u
#define DELAY_MS_MAX 60000u

unsigned rep_retry_delay_ms(unsigned tries, uint32_t random)
{
	unsigned delay_ms = FIRST_MS;

	for (unsigned i = 1; i < tries && delay_ms < DELAY_MS_MAX; i++)
		delay_ms *= 2;
	if (delay_ms > DELAY_MS_MAX)
		delay_ms = DELAY_MS_MAX;
	return delay_ms / 2 + (unsigned)((uint64_t)delay_ms * random >> 32);
}
