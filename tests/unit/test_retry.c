#include "help.h"
#include "sync/transport/retry.h"

static void the_delay_doubles_up_to_a_minute(void **state)
{
	static const unsigned middle[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

	(void)state;
	for (unsigned i = 0; i < sizeof middle / sizeof *middle; i++)
		assert_int_equal(rep_retry_delay_ms(i + 1, 0x80000000u), middle[i]);
	assert_int_equal(rep_retry_delay_ms(4000000000u, 0x80000000u), 60000);
}

static void chance_spreads_it_from_a_half_to_one_and_a_half(void **state)
{
	(void)state;
	assert_int_equal(rep_retry_delay_ms(1, 0), 500);
	assert_int_equal(rep_retry_delay_ms(1, UINT32_MAX), 1499);
	assert_int_equal(rep_retry_delay_ms(7, 0), 30000);
	assert_int_equal(rep_retry_delay_ms(7, UINT32_MAX), 89999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_delay_doubles_up_to_a_minute),
		cmocka_unit_test(chance_spreads_it_from_a_half_to_one_and_a_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
