/*
 * Changes of earlier times: read, judged and folded under the version of the schema that was in force at their stamp (eras.h).
 */
#include <string.h>

#include "core/base/limits.h"
#include "sync/run/run.h"

static int newest(const struct rep_run *run)
{
	return run->hub->schema->version;
}

static enum rep_code eras(struct rep_run *run, struct rep_error *err)
{
	return run->eras ? REP_OK : rep_eras_new(&run->eras, run->hub->versions, &run->fold, err);
}

void rep_run_forget_eras(struct rep_run *run)
{
	rep_eras_free(run->eras);
	run->eras = NULL;
}

enum rep_code rep_run_read(struct rep_run *run, const struct rep_edit *edit, int least,
			   struct rep_era_edit *out, struct rep_error *err)
{
	enum rep_code rc = eras(run, err);

	memset(out, 0, sizeof *out);
	if (rc == REP_OK)
		rc = rep_eras_read(run->eras, edit, least, out, err);
	return rep_wrap(err, rc, "read it under another version of the schema");
}

enum rep_code rep_run_context(struct rep_run *run, int number, const struct rep_fold_context **out,
			      struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	*out = &run->fold;
	if (number != newest(run))
		rc = eras(run, err);
	return rc == REP_OK && number != newest(run) ? rep_eras_context(run->eras, number, out, err)
						     : rc;
}

enum rep_code rep_run_shape(struct rep_run *run, struct rep_touched *touched, int number,
			    struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	if (touched->shape < number)
		rc = rep_version_migrate(run->hub->versions, touched->entity->name,
					 &touched->folded, touched->shape, number, err);
	if (rc == REP_OK)
		touched->shape = number;
	return rc;
}

enum rep_code rep_run_name_version(struct rep_run *run, const struct rep_edit *edit, int number,
				   struct rep_json *outcome, struct rep_error *err)
{
	int made = edit->version ? edit->version : newest(run);

	if (!outcome || number == made)
		return REP_OK;
	return rep_json_set_integer(outcome, REP_OUTCOME_SCHEMA, number)
		       ? REP_OK
		       : rep_fail(err, REP_ENOMEM, "out of memory");
}
