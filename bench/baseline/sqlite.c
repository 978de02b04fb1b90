/*
 * The same work by SQLite alone, with statements and with the session extension.
 *
 *	bench-sqlite load DB CSV			a new central database from the file of customers
 *	bench-sqlite slice CENTRAL DB REP TERRITORY	a rep's replica: own customers, and those of TERRITORY that both hold
 *	bench-sqlite edit DB EDITS plain|push|edit	a rep's edits, each durable; no changeset, one for all, one for each
 *	bench-sqlite push DB MAILBOX			the changesets into a file
 *	bench-sqlite merge CENTRAL MAILBOX...		applied at the company, a transaction for each mailbox
 *	bench-sqlite pull DB CENTRAL REP...		what these reps changed, into a replica
 *	bench-sqlite plain-merge CENTRAL EDITS...	the edits as statements, a transaction for each rep
 */
#include <string.h>

#include "common.h"

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";

	if (strcmp(what, "load") == 0)
		return load(argv[2], argv[3]);
	if (strcmp(what, "slice") == 0 && argc > 5)
		return slice(argv[2], argv[3], argv[4], argv[5]);
	if (strcmp(what, "edit") == 0 && argc > 4)
		return edit(argv[2], argv[3], argv[4]);
	if (strcmp(what, "push") == 0)
		return push(argv[2], argv[3]);
	if (strcmp(what, "merge") == 0)
		return merge(argv[2], argv + 3, argc - 3);
	if (strcmp(what, "plain-merge") == 0)
		return plain_merge(argv[2], argv + 3, argc - 3);
	if (strcmp(what, "pull") == 0)
		return pull(argv[2], argv[3], argv + 4, argc - 4);
	die("usage: see the head of bench/baseline/sqlite.c");
}
