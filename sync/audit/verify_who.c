/*
 * Who could have done it: not a name, but what one must have had in hands. A change that breaks a signature needed no key, only the right to
 * write where it lies; one that signatures cover needed the key.
 */
#include <string.h>

#include "sync/audit/verify_hub.h"

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static const char *who(const char *where, const char *what)
{
	if (begins(where, "kept statement"))
		return has(what, "signature") || has(what, "not whole")
			       ? "whoever kept the file, or had it in hands since"
			       : "the holder of the hub's key: without it no other history would verify";
	if (begins(where, "journal/") && (has(what, "continue the chain") || has(what, "is due")))
		return "whoever can write central.git, by leaving out or changing the order; or the holder of the device's key";
	if (begins(where, "journal/"))
		return "whoever can write central.git, or a disk that fails; nobody with the device's key, whose signature would fit";
	if (begins(where, "statements") && has(what, "not those that it names"))
		return "whoever can write central.git: the statement is the hub's, the journals are not what it named";
	if (begins(where, "access"))
		return "whoever can write the hub's folder or central.git; entries that were left out at the end before a run took them leave no trace";
	if (begins(where, "data") || begins(where, "restricted") || begins(where, "org"))
		return has(what, "working copy")
			       ? "whoever can write work.db, or a disk that fails: `hub rebuild` makes it again"
			       : "whoever can write central.git: records are made from the journals, which are signed";
	return "whoever can write central.git, or a disk that fails";
}

enum rep_code rep_verify_who(struct rep_json *report, struct rep_error *err)
{
	const struct rep_json *problems = rep_json_get(report, "problems");

	for (size_t i = 0; i < rep_json_size(problems); i++) {
		struct rep_json *problem = rep_json_at(problems, i);
		const char *where = rep_json_get_string(problem, "where");
		const char *what = rep_json_get_string(problem, "what");

		if (!rep_json_set_string(problem, "who", who(where, what)))
			return rep_fail(err, REP_ENOMEM, "out of memory");
	}
	return REP_OK;
}
