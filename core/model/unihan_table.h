/*
 * The tables of core/model/unihan_table.c, which script/make-unihan generates; for normalise.c only.
 */
#ifndef REPSYNC_CORE_MODEL_UNIHAN_TABLE_H
#define REPSYNC_CORE_MODEL_UNIHAN_TABLE_H

#include <stddef.h>
#include <uchar.h>

/* Traditional and simplified form, one behind the other, REP_UNIHAN_ROW pairs a row; sorted by the first. */
#define REP_UNIHAN_ROW 64u
extern const char32_t *const rep_unihan_rows[];
extern const size_t rep_unihan_pairs;

/* A page of 256 letters each, '.' where there is no reading: U+3400 to U+9FFF, and U+20000 to U+323FF. */
#define REP_UNIHAN_FIRST 0x3400u
#define REP_UNIHAN_END 0xa000u
#define REP_UNIHAN_PAGES ((REP_UNIHAN_END - REP_UNIHAN_FIRST) / 256u)
extern const char *const rep_unihan_initials[REP_UNIHAN_PAGES];
#define REP_UNIHAN_HIGH_FIRST 0x20000u
#define REP_UNIHAN_HIGH_END 0x32400u
#define REP_UNIHAN_HIGH_PAGES ((REP_UNIHAN_HIGH_END - REP_UNIHAN_HIGH_FIRST) / 256u)
extern const char *const rep_unihan_high[REP_UNIHAN_HIGH_PAGES];

#endif
