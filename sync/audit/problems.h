/*
 * What a check found wrong, as {"ok","checked","problems":[{"where","what"}]}. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_AUDIT_PROBLEMS_H
#define REPSYNC_SYNC_AUDIT_PROBLEMS_H

#include "core/base/json.h"

/* Of a damaged repository the first places matter, not the ten thousandth. */
#define REP_PROBLEMS_MAX 100u

struct rep_problems {
	struct rep_json *list;
	struct rep_json *checked;
	bool nomem;
};
void rep_problems_init(struct rep_problems *problems);
void rep_problems_add(struct rep_problems *problems, const char *where, const char *fmt, ...)
	REP_PRINTF(3, 4);
void rep_problems_count(struct rep_problems *problems, const char *what,
			int64_t count); /* adds up */
bool rep_problems_any(const struct rep_problems *problems);
/*
 * The document, and REP_EINTEGRITY naming the first problem when there is one. Empties `problems`.
 */
REP_CHECK enum rep_code rep_problems_finish(struct rep_problems *problems, struct rep_json **out,
					    struct rep_error *err);
void rep_problems_clear(struct rep_problems *problems);

#endif
