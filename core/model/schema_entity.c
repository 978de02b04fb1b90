/* One entity file: its keys. Names of fields are resolved in schema_resolve.c. */
#include <string.h>

#include "core/model/schema_load.h"

static enum rep_code read_label(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_label(ld, &((struct rep_entity *)target)->label, value);
}

static enum rep_code read_builtin(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"none", "rep",     "territory", "assignment", "device",
					    "role", "release", "review",    NULL};
	struct rep_entity *entity = target;
	int word;
	enum rep_code rc = rep_loader_word(ld, &word, words, value, "builtin");

	if (!rc && (word == 0 || (word > REP_BUILTIN_ASSIGNMENT && !ld->engine)))
		return rep_loader_bad(ld, "json", "\"builtin\" is rep, territory or assignment");
	entity->builtin = rc ? REP_BUILTIN_NONE : (enum rep_builtin)word;
	return rc;
}

static enum rep_code read_layout(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"flat", "monthly", NULL};
	int word;
	enum rep_code rc = rep_loader_word(ld, &word, words, value, "layout");

	((struct rep_entity *)target)->monthly = word == 1;
	return rc;
}

static enum rep_code read_id(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const struct rep_key_rule rules[] = {{"from", REP_KIND_ARRAY, true, NULL, 0}};
	struct rep_entity *entity = target;

	if (rep_json_is(value, REP_JSON_STRING))
		return strcmp(rep_json_string_value(value), "random") == 0
			       ? REP_OK
			       : rep_loader_bad(ld, "json", "\"id\" is random or {\"from\"}");
	enum rep_code rc = rep_loader_walk(ld, value, rules, 1, 0, NULL);

	if (!rc)
		rc = rep_loader_names(ld, &entity->id_from, &entity->id_from_len,
				      rep_json_get(value, "from"), "from");
	if (!rc && !entity->id_from_len)
		rc = rep_loader_bad(ld, "id-fields", "\"from\" is empty");
	return rc;
}

static enum rep_code read_external_key(struct rep_loader *ld, void *target,
				       const struct rep_json *value)
{
	struct rep_entity *entity = target;

	return rep_loader_names(ld, &entity->external_key, &entity->external_key_len, value,
				"external_key");
}

static enum rep_code read_title(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	(void)ld;
	((struct rep_entity *)target)->title = rep_json_string_value(value);
	return REP_OK;
}

static enum rep_code read_deletes(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"archive-only", "update-wins", "delete-wins", "never",
					    NULL};
	int word;
	enum rep_code rc = rep_loader_word(ld, &word, words, value, "deletes");

	((struct rep_entity *)target)->deletes =
		rc ? REP_DELETES_ARCHIVE_ONLY : (enum rep_deletes)word;
	return rc;
}

static enum rep_code read_outside(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const char *const words[] = {"flag", "propose", "reject", NULL};
	int word;
	enum rep_code rc = rep_loader_word(ld, &word, words, value, "outside");

	((struct rep_entity *)target)->outside = rc ? REP_OUTSIDE_PROPOSE : (enum rep_outside)word;
	return rc;
}

static enum rep_code read_residue(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	static const struct rep_key_rule rules[] = {{"to", REP_KIND_STRING, true, NULL, 0},
						    {"fields", REP_KIND_ARRAY, true, NULL, 0}};
	struct rep_entity *entity = target;
	enum rep_code rc = rep_loader_walk(ld, value, rules, 2, 0, NULL);

	if (!rc && strcmp(rep_json_get_string(value, "to"), "author") != 0)
		rc = rep_loader_bad(ld, "json", "\"to\" of \"residue\" is author");
	if (!rc)
		rc = rep_loader_names(ld, &entity->residue, &entity->residue_len,
				      rep_json_get(value, "fields"), "residue");
	return rc;
}

static enum rep_code read_insert(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_terms(ld, &((struct rep_entity *)target)->insert, value);
}

static enum rep_code read_write(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_terms(ld, &((struct rep_entity *)target)->write, value);
}

static enum rep_code read_propose(struct rep_loader *ld, void *target, const struct rep_json *value)
{
	return rep_loader_terms(ld, &((struct rep_entity *)target)->propose, value);
}

static const struct rep_key_rule entity_rules[] = {
	{"label", REP_KIND_ANY, true, read_label, 0},
	{"builtin", REP_KIND_STRING, false, read_builtin, 0},
	{"partition", REP_KIND_OBJECT, false, NULL, 0},
	{"layout", REP_KIND_STRING, false, read_layout, 0},
	{"id", REP_KIND_STRING | REP_KIND_OBJECT, false, read_id, 0},
	{"external_key", REP_KIND_ARRAY, false, read_external_key, 0},
	{"title", REP_KIND_STRING, false, read_title, 0},
	{"deletes", REP_KIND_STRING, false, read_deletes, 0},
	{"outside", REP_KIND_STRING, false, read_outside, 0},
	{"residue", REP_KIND_OBJECT, false, read_residue, 0},
	{"insert", REP_KIND_ARRAY, true, read_insert, 0},
	{"write", REP_KIND_ARRAY, true, read_write, 0},
	{"propose", REP_KIND_ARRAY, false, read_propose, 0},
	{"fields", REP_KIND_ARRAY, true, NULL, 0},
	{"states", REP_KIND_OBJECT, false, NULL, 0},
	{"match", REP_KIND_ARRAY, false, NULL, 0},
	{"checks", REP_KIND_ARRAY, false, NULL, 0},
};

enum rep_code rep_load_entity(struct rep_loader *ld, struct rep_entity *out, const char *name,
			      const struct rep_json *doc)
{
	ld->entity = name;
	ld->field = NULL;
	out->name = name;
	out->outside = REP_OUTSIDE_PROPOSE;
	enum rep_code rc = rep_loader_walk(ld, doc, entity_rules,
					   sizeof entity_rules / sizeof *entity_rules, 0, out);

	if (!rc && out->builtin == REP_BUILTIN_NONE && !rep_json_get(doc, "partition"))
		rc = rep_loader_bad(ld, "missing-key", "\"partition\"");
	if (!rc)
		rc = rep_loader_forbidden(ld, name, &out->label);
	if (!rc)
		rc = rep_load_fields(ld, out, rep_json_get(doc, "fields"));
	if (!rc)
		rc = rep_load_machines(ld, out, rep_json_get(doc, "states"));
	if (!rc)
		rc = rep_load_match(ld, out, rep_json_get(doc, "match"));
	if (!rc)
		rc = rep_load_checks(ld, out, rep_json_get(doc, "checks"));
	return rc;
}
