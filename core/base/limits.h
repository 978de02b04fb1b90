/*
 * Every bound of repsync, with its reason. Readers and writers obey the same ones, and check them
 * before memory is allocated for what they bound.
 */
#ifndef REPSYNC_CORE_BASE_LIMITS_H
#define REPSYNC_CORE_BASE_LIMITS_H

#define REP_LINE_SIZE_MAX \
	(1024u * 1024u) /* one canonical line; 20 MB of JSON cost 1.5 GB in a parser */
#define REP_TEXT_SIZE_MAX (64u * 1024u) /* one text value, in bytes */
#define REP_CHANGES_MAX 10000u          /* changes of one change set */
#define REP_JSON_DEPTH_MAX 8u           /* nesting of signed documents and records */
#define REP_SCHEMA_DEPTH_MAX 16u        /* nesting of schema files */
#define REP_SCHEMA_FILE_SIZE_MAX (1024u * 1024u)
#define REP_INT_MAX 9007199254740991LL /* 2^53-1: exact in every JSON reader */
#define REP_ID_LEN_MAX 64u             /* ids of entities, partitions, records */
#define REP_NAME_LEN_MAX 40u           /* schema names */
#define REP_SEGMENT_SETS_MAX 256u      /* change sets of one segment */
#define REP_SEGMENT_SIZE_MAX \
	(64u * 1024u) /* bytes of one segment; one change set alone may pass it */
#define REP_SEGMENT_HARD_MAX \
	(64u * 1024u * 1024u) /* what the hub reads at the most as one segment */
#define REP_ENTITIES_MAX 200u
#define REP_FIELDS_MAX 200u
#define REP_CHECKS_MAX 100u
#define REP_REPORTS_MAX 500u
#define REP_RECORD_SIZE_MAX (8u * 1024u * 1024u) /* one record file */
#define REP_CSV_LINE_SIZE_MAX (1024u * 1024u) /* one CSV record; an open quote cannot eat a file */
#define REP_CLOCK_AHEAD_MS_MAX 300000 /* 5 minutes: effective stamp = min(stamp, received + this) */

#endif
