/* Days of the proleptic Gregorian calendar, years 1 to 9999. */
#ifndef REPSYNC_CORE_MODEL_DAYS_H
#define REPSYNC_CORE_MODEL_DAYS_H

#include <stdbool.h>
#include <stdint.h>

bool rep_day_exists(int year, int month, int day);
/* Days since 1970-01-01, and back. */
int64_t rep_days_of(int year, int month, int day);
void rep_days_to(int64_t days, int *year, int *month, int *day);

#endif
