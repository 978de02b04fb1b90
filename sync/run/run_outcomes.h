#ifndef REPSYNC_SYNC_RUN_RUN_OUTCOMES_H
#define REPSYNC_SYNC_RUN_RUN_OUTCOMES_H

#include "sync/run/run.h"

/* Appends the gathered lines to their files in the tree. */
REP_CHECK enum rep_code rep_run_outcomes_write(struct rep_run *run, struct rep_error *err);

#endif
