#include "core/model/eras.h"

#include <stdlib.h>
#include <string.h>

struct era {
	int number;
	struct rep_org *org;
	struct rep_fold_context context;
};

struct rep_eras {
	struct rep_versions *versions;
	struct rep_fold_context newest;
	struct era **
		list; /* of older versions, as they were asked for: contexts are borrowed, so that they must not move */
	size_t len;
};

enum rep_code rep_eras_new(struct rep_eras **out, struct rep_versions *versions,
			   const struct rep_fold_context *context, struct rep_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return rep_fail(err, REP_ENOMEM, "versions");
	(*out)->versions = versions;
	(*out)->newest = *context;
	return REP_OK;
}

void rep_eras_free(struct rep_eras *eras)
{
	if (!eras)
		return;
	for (size_t i = 0; i < eras->len; i++) {
		rep_org_free(eras->list[i]->org);
		free(eras->list[i]);
	}
	free(eras->list);
	free(eras);
}

static enum rep_code add(struct rep_eras *eras, int number, struct era **out, struct rep_error *err)
{
	struct era **list = reallocarray(eras->list, eras->len + 1, sizeof(*eras->list));
	struct era *era = list ? calloc(1, sizeof(*era)) : NULL;
	const struct rep_schema *schema;
	enum rep_code rc;

	if (list)
		eras->list = list;
	if (!era)
		return rep_fail(err, REP_ENOMEM, "versions");
	rc = rep_versions_schema(eras->versions, number, &schema, err);
	if (rc == REP_OK)
		rc = rep_org_under(&era->org, eras->newest.org, schema, err);
	if (rc != REP_OK) {
		free(era);
		return rc;
	}
	era->number = number;
	era->context = eras->newest;
	era->context.schema = schema;
	era->context.org = era->org;
	list[eras->len++] = *out = era;
	return REP_OK;
}

enum rep_code rep_eras_context(struct rep_eras *eras, int number,
			       const struct rep_fold_context **out, struct rep_error *err)
{
	struct era *era = NULL;
	enum rep_code rc = REP_OK;

	*out = &eras->newest;
	if (number == eras->newest.schema->version)
		return REP_OK;
	for (size_t i = 0; i < eras->len; i++)
		if (eras->list[i]->number == number)
			era = eras->list[i];
	if (!era)
		rc = add(eras, number, &era, err);
	if (rc == REP_OK)
		*out = &era->context;
	return rc;
}

static int greater(int a, int b)
{
	return a > b ? a : b;
}

enum rep_code rep_eras_read(struct rep_eras *eras, const struct rep_edit *edit, int least,
			    struct rep_era_edit *out, struct rep_error *err)
{
	int newest = eras->newest.schema->version;
	int made = edit->version ? edit->version : newest;
	int judged = edit->judged ? edit->judged : made;
	enum rep_code rc = REP_OK;

	*out = (struct rep_era_edit){.edit = *edit};
	out->number = greater(made, greater(least, judged));
	if (eras->versions)
		out->number = greater(out->number, rep_versions_at(eras->versions, edit->stamp));
	if (out->number > newest)
		out->number = newest;
	if (made < out->number && edit->line)
		rc = rep_version_line(eras->versions, edit->entity, edit->op, edit->line, made,
				      out->number, &out->line, &out->unknown, err);
	if (rc == REP_OK && judged < out->number && edit->verdict)
		rc = rep_version_verdict(eras->versions, edit->entity, edit->verdict, judged,
					 out->number, &out->verdict, err);
	if (out->line)
		out->edit.line = out->line;
	if (out->unknown)
		out->edit.unknown = out->unknown;
	if (out->verdict)
		out->edit.verdict = out->verdict;
	out->edit.version = out->edit.judged = out->number;
	if (rc != REP_OK)
		rep_era_edit_clear(out);
	return rc;
}

void rep_era_edit_clear(struct rep_era_edit *edit)
{
	rep_json_free(edit->line);
	rep_json_free(edit->verdict);
	rep_json_free(edit->unknown);
	edit->line = edit->verdict = edit->unknown = NULL;
}
