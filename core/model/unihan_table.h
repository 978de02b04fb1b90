/*
 * The tables of core/model/unihan_table.c, which script/make-unihan generates; for normalise.c only.
 */
#ifndef REPSYNC_CORE_MODEL_UNIHAN_TABLE_H
#define REPSYNC_CORE_MODEL_UNIHAN_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct rep_unihan_pair16 {
	uint16_t from, to;
};
struct rep_unihan_pair32 {
	uint32_t from, to;
};
struct rep_unihan_initial {
	uint32_t code;
	char letter;
};

/* Traditional and simplified form, sorted by the first; `large` where one of them is above U+FFFF. */
extern const struct rep_unihan_pair16 rep_unihan_small[];
extern const size_t rep_unihan_small_len;
extern const struct rep_unihan_pair32 rep_unihan_large[];
extern const size_t rep_unihan_large_len;

/* U+3400 to U+9FFF: a page of 256 letters, '.' where there is no reading. */
#define REP_UNIHAN_FIRST 0x3400u
#define REP_UNIHAN_END 0xa000u
#define REP_UNIHAN_PAGES ((REP_UNIHAN_END - REP_UNIHAN_FIRST) / 256u)
extern const char *const rep_unihan_initials[REP_UNIHAN_PAGES];

/* Above U+FFFF, sorted. */
extern const struct rep_unihan_initial rep_unihan_high[];
extern const size_t rep_unihan_high_len;

#endif
