/*
 * Targets for libFuzzer: one file a parser of what others wrote. `script/fuzz TARGET SECONDS` lets it look for inputs; the corpora in
 * corpus/TARGET, which hold every input that ever did harm, are read by plain builds too (ctest fuzz_TARGET).
 */
#ifndef REPSYNC_TESTS_FUZZ_H
#define REPSYNC_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/model/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of all signatures: what has to be signed is signed by the target, or no mutation would ever get past the check. */
const struct rep_key *fuzz_key(void);
/* Appends the line (up to the first LF) and a good signature of it. *rest is what comes after. */
void fuzz_sign(struct rep_buf *out, const char *data, size_t size, size_t *rest);
/* The path of a file with these bytes, in memory; one at a time. */
const char *fuzz_file(const void *data, size_t size);
/* Ends the process where `holds` is false: a fault that no sanitizer sees. */
void fuzz_expect(int holds, const char *claim);

#endif
