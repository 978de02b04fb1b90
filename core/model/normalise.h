/*
 * Normalisers: what two values have in common. Used for equality in the merge, for set element keys,
 * for matching and for search; a value is stored as typed, except by `phone`.
 */
#ifndef REPSYNC_CORE_MODEL_NORMALISE_H
#define REPSYNC_CORE_MODEL_NORMALISE_H

#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"

enum rep_normaliser {
	REP_NORM_NFKC = 1u << 0,
	REP_NORM_CASE = 1u << 1,
	REP_NORM_SPACE = 1u << 2, /* all white space and zero-width characters taken out */
	REP_NORM_PHONE = 1u << 3, /* digits; +86 and 0086 dropped */
	REP_NORM_SIMPLIFIED =
		1u << 4, /* traditional to simplified, character by character (Unihan) */
	REP_NORM_PERSON =
		1u
		<< 5, /* separators (·•・．) and trailing titles (主任, 教授, 医生, brackets) dropped */
	REP_NORM_ORG =
		1u << 6, /* brackets unified, 第１/第一, 附属/附, 有限责任公司/有限公司 ... */
	REP_NORM_DEPT = 1u << 7, /* 心血管内科 = 心内科 by dictionary */
};

/* Bit of a normaliser's name, or 0. */
unsigned rep_normaliser_bit(const char *name);

/* Appends `text` after the normalisers in `set`, in the order of the bits. Without memory `out` fails as a buffer does. */
void rep_normalise_put(struct rep_buf *out, const char *text, size_t len, unsigned set);

/* The simplified form of one code point; itself where there is none. */
unsigned rep_simplify(unsigned code);

/* First letter (a-z) of the character's common Mandarin reading, or 0. */
char rep_pinyin_initial(unsigned code);

#endif
