/*
 * Chance from a seed: splitmix64 to begin a stream, xoshiro256** to go on (Blackman and Vigna, 2018).
 */
#include <string.h>
#include <sys/mman.h>

#include <sodium.h>

#include "sim/sim.h"

static uint64_t streams[SIM_STREAMS][4];
static uint64_t base;

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void begin(enum sim_stream stream, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		streams[stream][i] = splitmix(&seed);
}

static uint64_t rotate(uint64_t x, unsigned k)
{
	return (x << k) | (x >> (64u - k));
}

uint64_t sim_draw(enum sim_stream stream)
{
	uint64_t *s = streams[stream];
	uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

unsigned sim_below(enum sim_stream stream, unsigned n)
{
	return (unsigned)((sim_draw(stream) >> 33) % n);
}

bool sim_percent(enum sim_stream stream, unsigned percent)
{
	return sim_below(stream, 100) < percent;
}

void sim_shuffle(enum sim_stream stream, unsigned *items, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = sim_below(stream, i), kept = items[k];

		items[k] = items[i - 1];
		items[i - 1] = kept;
	}
}

void sim_chance_seed(uint64_t seed)
{
	base = seed;
	for (unsigned i = 0; i < SIM_STREAMS; i++)
		begin((enum sim_stream)i, seed * SIM_STREAMS + i);
}

void sim_chance_engine(uint64_t step)
{
	begin(SIM_ENGINE, (base << 20) + step + 0x5eedu);
}

/* ---- a history of which only some steps are played ---- */

/* What a step drew must not depend on which steps before it were left out: so each begins where it once began. */
static uint64_t (*begun)[SIM_STREAMS][4];
static bool again;

void sim_chance_keep(void)
{
	begun = mmap(NULL, (SIM_STEPS_MAX + 1) * sizeof *begun, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (begun == MAP_FAILED)
		sim_fail("out of memory");
}

void sim_chance_again(void)
{
	again = true;
}

bool sim_chance_step(unsigned step)
{
	static const uint64_t never[SIM_STREAMS][4];

	if (!begun)
		return true;
	if (!again)
		memcpy(begun[step], streams, sizeof streams);
	else if (memcmp(begun[step], never, sizeof never) == 0)
		return false;
	else
		memcpy(streams, begun[step], sizeof streams);
	return true;
}

/* ---- libsodium's randomness ---- */

static const char *name(void)
{
	return "simulated";
}

static uint32_t draw(void)
{
	return (uint32_t)(sim_draw(SIM_ENGINE) >> 32);
}

static void fill(void *const out, const size_t len)
{
	uint8_t *bytes = out;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(sim_draw(SIM_ENGINE) >> 40);
}

void sim_chance_init(void)
{
	static struct randombytes_implementation simulated = {
		.implementation_name = name,
		.random = draw,
		.buf = fill,
	};

	sim_chance_seed(0);
	randombytes_set_implementation(&simulated);
}
