/*
 * Errors are values that the caller owns: a code that it can act upon, and one line of facts.
 *
 * The lowest function states the fact ("open replica.db: Permission denied"), each layer above wraps
 * once with its intent ("sync: push outbox: ..."). Lower case, no full stop. Nothing is allocated,
 * global or thread-local, so an error may be reported when memory has run out.
 */
#ifndef REPSYNC_CORE_BASE_ERROR_H
#define REPSYNC_CORE_BASE_ERROR_H

#define REP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define REP_CHECK __attribute__((warn_unused_result))

enum rep_code {
	REP_OK = 0,
	REP_EUSAGE,       /* the caller's own arguments are wrong; exit 2 */
	REP_EINVAL,       /* input that is not acceptable: a document, a value, a file; exit 1 */
	REP_ENOTFOUND,    /* no such record, file, entity, device; exit 1 */
	REP_EEXIST,       /* it is there already; exit 1 */
	REP_EIO,          /* the system refused: disk full, permission, read error; exit 1 */
	REP_ENOMEM,       /* memory ran out; exit 1 */
	REP_ELIMIT,       /* a bound of limits.h would be passed; exit 1 */
	REP_EBUSY,        /* another process holds the lock; exit 1 */
	REP_EORDER,       /* a chain would get a gap or a fork; exit 1 */
	REP_EREFUSED,     /* revoked device, lease over, not permitted; exit 3 */
	REP_EUNREACHABLE, /* the company cannot be reached; nothing is lost; exit 4 */
	REP_EINTEGRITY,   /* a hash, signature or chain does not verify; exit 5 */
};

struct rep_error {
	enum rep_code code;
	char msg[512];  /* outermost intent first; always NUL-terminated */
	char hint[160]; /* what the user can do about it; empty where nothing helps */
};

/* Fills `err` with a fact and returns `code`. */
REP_CHECK enum rep_code rep_fail(struct rep_error *err, enum rep_code code, const char *fmt, ...)
	REP_PRINTF(3, 4);

/*
 * Puts the formatted intent and ": " before the message of `err` and returns `code`. Does nothing
 * for REP_OK, so that it may stand in a function's only return.
 */
REP_CHECK enum rep_code rep_wrap(struct rep_error *err, enum rep_code code, const char *fmt, ...)
	REP_PRINTF(3, 4);

/* Sets the hint that the command line prints beneath the message. */
void rep_hint(struct rep_error *err, const char *fmt, ...) REP_PRINTF(2, 3);

/* The process's exit status for a code, as the command line documents it. */
int rep_exit_status(enum rep_code code);

#endif
