/*
 * SQLite's clock. The capture triggers stamp edits by strftime('now'), as they must for any program that writes; here the
 * default VFS is a copy of the system's with one method replaced.
 */
#include <sqlite3.h>

#include "sim/sim.h"

int64_t sim_clock_ms;

/* Milliseconds of the Julian day number at 1970-01-01T00:00Z. */
#define JULIAN_EPOCH_MS 210866760000000

static int current_ms(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	(void)vfs;
	*out = sim_clock_ms + JULIAN_EPOCH_MS;
	return SQLITE_OK;
}

static int current_days(sqlite3_vfs *vfs, double *out)
{
	(void)vfs;
	*out = (double)(sim_clock_ms + JULIAN_EPOCH_MS) / 86400000.0;
	return SQLITE_OK;
}

void sim_clock_init(void)
{
	static sqlite3_vfs shim;

	shim = *sqlite3_vfs_find(NULL);
	shim.zName = "simulated";
	shim.pNext = NULL;
	shim.xCurrentTime = current_days;
	shim.xCurrentTimeInt64 = current_ms;
	if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK)
		sim_fail("the simulated clock cannot be registered");
}
