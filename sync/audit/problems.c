#include "sync/audit/problems.h"

#include <stdarg.h>
#include <stdio.h>

void rep_problems_init(struct rep_problems *problems)
{
	*problems = (struct rep_problems){.list = rep_json_array(), .checked = rep_json_object()};
	problems->nomem = !problems->list || !problems->checked;
}

void rep_problems_add(struct rep_problems *problems, const char *where, const char *fmt, ...)
{
	struct rep_json *problem;
	char what[512];
	va_list args;

	if (rep_json_size(problems->list) >= REP_PROBLEMS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	problem = rep_json_object();
	if (!rep_json_set_string(problem, "where", where) ||
	    !rep_json_set_string(problem, "what", what)) {
		rep_json_free(problem);
		problem = NULL;
	}
	if (!rep_json_append(problems->list, problem))
		problems->nomem = true;
}

void rep_problems_count(struct rep_problems *problems, const char *what, int64_t count)
{
	int64_t before = rep_json_get_integer(problems->checked, what);

	if (!rep_json_set_integer(problems->checked, what, before + count))
		problems->nomem = true;
}

bool rep_problems_any(const struct rep_problems *problems)
{
	return rep_json_size(problems->list) > 0;
}

enum rep_code rep_problems_finish(struct rep_problems *problems, struct rep_json **out,
				  struct rep_error *err)
{
	const struct rep_json *first = rep_json_at(problems->list, 0);
	struct rep_json *document = rep_json_object();
	enum rep_code rc = REP_OK;

	*out = NULL;
	if (problems->nomem || !rep_json_set(document, "ok", rep_json_bool(!first)) ||
	    !rep_json_set(document, "checked", rep_json_ref(problems->checked)) ||
	    !rep_json_set(document, "problems", rep_json_ref(problems->list))) {
		rep_json_free(document);
		rc = rep_fail(err, REP_ENOMEM, "list what was found");
		goto out;
	}
	*out = document;
	if (first)
		rc = rep_fail(err, REP_EINTEGRITY, "%s: %s", rep_json_get_string(first, "where"),
			      rep_json_get_string(first, "what"));
out:
	rep_problems_clear(problems);
	return rc;
}

void rep_problems_clear(struct rep_problems *problems)
{
	rep_json_free(problems->list);
	rep_json_free(problems->checked);
	*problems = (struct rep_problems){0};
}
