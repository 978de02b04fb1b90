/*
 * What the parts of the schema loader share; included by core/model/schema_*.c only.
 *
 * Loading walks each JSON object once, driven by a table of its keys, and fills the structs of
 * schema.h; names of other entities and fields are resolved in a second pass, when all are known.
 */
#ifndef REPSYNC_CORE_MODEL_SCHEMA_LOAD_H
#define REPSYNC_CORE_MODEL_SCHEMA_LOAD_H

#include "core/base/limits.h"
#include "core/model/arena.h"
#include "core/model/pattern.h"
#include "core/model/schema.h"

struct rep_loader {
	struct rep_schema *schema;
	struct rep_arena *arena;
	struct rep_error *err;
	/* Where we are, for messages; NULL or "" where not applicable. Borrowed. */
	const char *file;
	const char *entity;
	const char *field;
	bool engine; /* the engine's own entities: names are free */
	/* Of schema.json, read before the files that it lists. */
	const struct rep_json *entity_names;
	const struct rep_json *report_names;
};

/* REP_EINVAL: "schema: <file>: <entity>.<field>: <code>: <facts>". */
REP_CHECK enum rep_code rep_loader_bad(struct rep_loader *ld, const char *code, const char *fmt,
				       ...) REP_PRINTF(3, 4);
REP_CHECK enum rep_code rep_loader_no_memory(struct rep_loader *ld);
/* What another module said of a part of the schema: bad with `code`, unless memory ran out. */
REP_CHECK enum rep_code rep_loader_judge(struct rep_loader *ld, enum rep_code rc, const char *code,
					 const char *prefix, const struct rep_error *why);

/* Kinds of JSON values, as bits. */
enum {
	REP_KIND_STRING = 1u << 0,
	REP_KIND_INTEGER = 1u << 1,
	REP_KIND_BOOL = 1u << 2,
	REP_KIND_ARRAY = 1u << 3,
	REP_KIND_OBJECT = 1u << 4,
	REP_KIND_NULL = 1u << 5,
	REP_KIND_ANY = 63u,
};

/* One key that an object may have. */
struct rep_key_rule {
	const char *name;
	unsigned kinds;
	bool required;
	/* Stores the value in `target`; NULL: another step reads it. */
	enum rep_code (*read)(struct rep_loader *ld, void *target, const struct rep_json *value);
	unsigned types; /* bits of the field types that it is for; 0 = all */
};

/* unknown-key, key-not-for-type, json (wrong kind), missing-key; `types` = bits of the field's type. */
REP_CHECK enum rep_code rep_loader_walk(struct rep_loader *ld, const struct rep_json *object,
					const struct rep_key_rule *rules, size_t rules_len,
					unsigned types, void *target);

/* An array of `size` bytes each, from the arena. */
REP_CHECK enum rep_code rep_loader_array(struct rep_loader *ld, void *out, size_t count,
					 size_t size);
REP_CHECK enum rep_code rep_loader_label(struct rep_loader *ld, struct rep_label *out,
					 const struct rep_json *value);
/* An array of non-empty strings; `what` for messages. */
REP_CHECK enum rep_code rep_loader_names(struct rep_loader *ld, const char ***out, size_t *len,
					 const struct rep_json *array, const char *what);
REP_CHECK enum rep_code rep_loader_terms(struct rep_loader *ld, struct rep_terms *out,
					 const struct rep_json *array);
/* bad-name; `column` = an entity, a field or a table: reserved words and SQLite's keywords count. */
REP_CHECK enum rep_code rep_loader_name(struct rep_loader *ld, const char *name, bool column);
/* forbidden-field, for a name or a label. */
REP_CHECK enum rep_code rep_loader_forbidden(struct rep_loader *ld, const char *name,
					     const struct rep_label *label);
/* The file of this path, or NULL. */
const struct rep_schema_file *rep_loader_file(const struct rep_loader *ld, const char *path);
bool rep_name_well_formed(const char *name);
bool rep_name_is_keyword(const char *name); /* of SQLite, regardless of case */
/* The index of `value` in a table of words that ends with NULL, or -1. */
int rep_word_index(const char *const *words, const char *value);

/* The index of the string `value` in `words` (which may begin with "" for none); json. */
REP_CHECK enum rep_code rep_loader_word(struct rep_loader *ld, int *out, const char *const *words,
					const struct rep_json *value, const char *key);

/* `{name}` replaced by literals of the policy; policy-unknown. */
REP_CHECK enum rep_code rep_loader_expand(struct rep_loader *ld, const char **out, const char *sql);
/* Does the SQL name `old.` outside of strings and comments? */
bool rep_sql_uses_old(const char *sql);

/* The parts. */
REP_CHECK enum rep_code rep_load_top(struct rep_loader *ld);
REP_CHECK enum rep_code rep_load_entity(struct rep_loader *ld, struct rep_entity *out,
					const char *name, const struct rep_json *doc);
REP_CHECK enum rep_code rep_load_fields(struct rep_loader *ld, struct rep_entity *entity,
					const struct rep_json *array);
/* `type`, the keys that go with it, and those of the table `common`. */
REP_CHECK enum rep_code rep_load_typed(struct rep_loader *ld, struct rep_field *field,
				       const struct rep_json *object,
				       const struct rep_key_rule *common, size_t common_len);
REP_CHECK enum rep_code rep_load_enum_values(struct rep_loader *ld, struct rep_field *field,
					     const struct rep_json *array);
/* Appends the form in which spellings of enum values are compared. */
void rep_enum_spelling(struct rep_buf *out, const char *text);
REP_CHECK enum rep_code rep_load_machines(struct rep_loader *ld, struct rep_entity *entity,
					  const struct rep_json *states);
REP_CHECK enum rep_code rep_load_checks(struct rep_loader *ld, struct rep_entity *entity,
					const struct rep_json *array);
REP_CHECK enum rep_code rep_load_match(struct rep_loader *ld, struct rep_entity *entity,
				       const struct rep_json *array);
REP_CHECK enum rep_code rep_load_builtin(struct rep_loader *ld); /* the engine's own entities */
size_t rep_builtin_count(void);
REP_CHECK enum rep_code rep_load_tables(struct rep_loader *ld, const struct rep_json *object);
REP_CHECK enum rep_code rep_load_report(struct rep_loader *ld, struct rep_report *out,
					const char *name, const char *sql);

/* Second pass over one entity: rules, groups, references, partition, states, match, checks. */
REP_CHECK enum rep_code rep_resolve_fields(struct rep_loader *ld, struct rep_entity *entity);
REP_CHECK enum rep_code rep_resolve_rules(struct rep_loader *ld, struct rep_entity *entity);
REP_CHECK enum rep_code rep_resolve_entity(struct rep_loader *ld, struct rep_entity *entity,
					   const struct rep_json *doc);
REP_CHECK enum rep_code rep_resolve_machines(struct rep_loader *ld, struct rep_entity *entity);
REP_CHECK enum rep_code rep_resolve_partition(struct rep_loader *ld, struct rep_entity *entity,
					      const struct rep_json *value);
/* reference-cycle, partition-cycle. */
REP_CHECK enum rep_code rep_resolve_cycles(struct rep_loader *ld);

/* A field of `entity`, by the name that `key` of the file gives; unknown-field. */
REP_CHECK enum rep_code rep_loader_field(struct rep_loader *ld, const struct rep_field **out,
					 const struct rep_entity *entity, const char *name,
					 const char *key);

#endif
