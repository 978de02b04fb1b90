/* A hub by the schema of tests/fixtures/rules, and the laptops of two reps: ana holds t1, ben t2. */
#ifndef REPSYNC_TESTS_HELP_RULEHUB_H
#define REPSYNC_TESTS_HELP_RULEHUB_H

#include "help_hub.h"

extern struct rep_hub *hub;
extern char dir[4096];
extern struct laptop ana, ben;
extern int64_t now; /* the time of what happened last; who makes something happen advances it */

int rulehub_setup(void **state);
int rulehub_teardown(void **state);
/* Sends what the laptop has sealed, and runs the hub. */
void merge(struct laptop *laptop);

#endif
