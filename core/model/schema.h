/*
 * The schema: entities, fields, rules, rights and partitions, loaded from data. C code knows none of
 * them; it knows types, rules and the engine's own entities. docs/schema.md is the format.
 *
 * A schema is immutable once loaded and may be shared by threads. Everything it hands out is
 * borrowed from it. Field and entity order is the order of the files.
 */
#ifndef REPSYNC_CORE_MODEL_SCHEMA_H
#define REPSYNC_CORE_MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/json.h"

enum rep_type {
	REP_TYPE_TEXT,
	REP_TYPE_INTEGER,
	REP_TYPE_BOOLEAN,
	REP_TYPE_DATE,
	REP_TYPE_DATETIME,
	REP_TYPE_DECIMAL,
	REP_TYPE_ENUM,
	REP_TYPE_SET,
	REP_TYPE_LIST,
	REP_TYPE_MAP,
	REP_TYPE_REFERENCE,
	REP_TYPE_JSON,
};

enum rep_rule {
	REP_RULE_LATEST,
	REP_RULE_EARLIEST,
	REP_RULE_MAX,
	REP_RULE_MIN,
	REP_RULE_BUSINESS_DATE,
	REP_RULE_SUM,
	REP_RULE_SET,
	REP_RULE_MAP,
	REP_RULE_APPEND,
	REP_RULE_FILL,
	REP_RULE_ROLE,
	REP_RULE_OWNER,
	REP_RULE_SOURCE,
	REP_RULE_TEXT,
	REP_RULE_STATE,
	REP_RULE_IMMUTABLE,
	REP_RULE_CENTRAL,
	REP_RULE_REVIEW,
};
const char *rep_type_name(enum rep_type type);
const char *rep_rule_name(enum rep_rule rule);

struct rep_label {
	const char *zh;
	const char *en;
};

/* One permission term: a role (or "*", or the engine "hub"), perhaps narrowed. */
enum rep_term_scope { REP_TERM_ANY, REP_TERM_PRIMARY, REP_TERM_AUTHOR, REP_TERM_SELF };
struct rep_term {
	const char *role; /* "*" = every role; "hub" = the engine */
	enum rep_term_scope scope;
};
struct rep_terms {
	struct rep_term *terms;
	size_t len;
};

struct rep_enum_value {
	const char *value;
	struct rep_label label; /* both NULL where none is given */
	const char **also;      /* spellings that an import maps */
	size_t also_len;
};

enum rep_reference_action { REP_REF_RESTRICT, REP_REF_CASCADE, REP_REF_CLEAR };
enum rep_shared { REP_SHARED_NO, REP_SHARED_READ, REP_SHARED_PROPOSE, REP_SHARED_WRITE };
enum rep_unique { REP_UNIQUE_NO, REP_UNIQUE_REJECT, REP_UNIQUE_REVIEW };
enum rep_text_check {
	REP_FORMAT_NONE,
	REP_FORMAT_CN_MOBILE,
	REP_FORMAT_CN_ID,
	REP_FORMAT_CN_USCC,
	REP_FORMAT_EMAIL,
	REP_FORMAT_SHA256,
	REP_FORMAT_CN_REGION,
};

struct rep_entity;

struct rep_field {
	const char *name;
	struct rep_label label;
	enum rep_type type;
	enum rep_type of; /* element type of a set or map; else equal to type */
	bool required;
	bool has_min, has_max;
	int64_t min, max;                /* text: code points; integer: value; json: max bytes */
	const char *min_text, *max_text; /* date and datetime bounds */
	unsigned scale;                  /* decimal */
	const char *unit;                /* "fen" or NULL */
	const char *pattern;             /* source of the ERE, or NULL */
	const char *keys_pattern;
	void *pattern_compiled; /* engine's own */
	void *keys_pattern_compiled;
	enum rep_text_check format;
	struct rep_enum_value *values; /* enum, and set or map of enum */
	size_t values_len;
	struct rep_field *fields; /* list: the entry's fields */
	size_t fields_len;
	const char *to;                  /* reference: entity's name (set of reference too) */
	const struct rep_entity *target; /* resolved `to` */
	enum rep_reference_action on_delete;
	const char *on_erase; /* keep, clear, erase */
	enum rep_shared shared;
	const char **carry;
	size_t carry_len;
	struct rep_json *
		preset; /* `default`: a literal, or "@today" "@now" "@rep" "@territory"; NULL = none */
	int personal;           /* 0, 1, 2 */
	const char *visibility; /* "open" or a class */
	struct rep_terms insert, write, propose, lower;
	bool has_lower;
	bool desk;
	enum rep_rule *rules;
	size_t rules_len;
	const char *date_field;
	const char *group;  /* NULL = alone */
	unsigned normalise; /* bits of enum rep_normaliser */
	const char **open_in;
	size_t open_in_len; /* 0 = all states */
	enum rep_unique unique;
	const char *computed;
	bool reason;
	bool engine;  /* `status`: made by the engine, not declared */
	size_t index; /* in entity->fields */
};

enum rep_step_kind {
	REP_STEP_REFERENCE,
	REP_STEP_ID,
	REP_STEP_TEAM_FIELD,
	REP_STEP_STAFF_FIELD,
	REP_STEP_TEAM,
	REP_STEP_DESK
};
struct rep_step {
	enum rep_step_kind kind;
	const struct rep_field
		*field; /* of reference, team:<field>, staff:<field>; staff:created_by has NULL */
};
enum rep_partition_is {
	REP_PARTITION_OF,
	REP_PARTITION_COMPANY,
	REP_PARTITION_DESK,
	REP_PARTITION_SELF
};

enum rep_deletes {
	REP_DELETES_ARCHIVE_ONLY,
	REP_DELETES_UPDATE_WINS,
	REP_DELETES_DELETE_WINS,
	REP_DELETES_NEVER
};
enum rep_outside { REP_OUTSIDE_FLAG, REP_OUTSIDE_PROPOSE, REP_OUTSIDE_REJECT };

struct rep_move {
	const char *from, *to;
	struct rep_terms by;
	bool desk;
};
struct rep_machine {
	const char *kind; /* NULL without `by` */
	const char *initial;
	struct rep_move *moves;
	size_t moves_len;
	const char **priority;
	size_t priority_len;
};

enum rep_check_on { REP_CHECK_INSERT, REP_CHECK_UPDATE, REP_CHECK_WRITE };
enum rep_check_level { REP_LEVEL_REFUSE, REP_LEVEL_WARN, REP_LEVEL_BLOCK };
struct rep_check {
	const char *name;
	enum rep_check_on on;
	enum rep_check_level level;
	struct rep_json *set; /* or NULL */
	const char *expr;     /* policy names already replaced by literals */
	const char *detail;   /* or NULL */
	struct rep_label message;
	const char **when;
	size_t when_len;
};

struct rep_match {
	const char *name;
	const char **on;
	size_t on_len;
	const char *unless;
	bool act; /* `then`: act, else ask */
};

enum rep_builtin {
	REP_BUILTIN_NONE,
	REP_BUILTIN_REP,
	REP_BUILTIN_TERRITORY,
	REP_BUILTIN_ASSIGNMENT,
	/* the engine's own, not from files */
	REP_BUILTIN_DEVICE, /* "device": rep, key, ssh_key, state, since */
	REP_BUILTIN_ROLE,   /* "role": rep, role, valid_from, valid_to */
	REP_BUILTIN_RELEASE, /* "release", by its number: name, hash, effective of a published version */
	REP_BUILTIN_REVIEW, /* "conflict" "proposal" "duplicate" "rejection" "claim" */
};

struct rep_entity {
	const char *name;
	struct rep_label label;
	enum rep_builtin builtin;
	/*
	 * Of assignment (its subject's partition; `company` for rep -> territory) and of the review items
	 * (conflict and proposal: the record's; rejection: staff-<author>; claim: desk) the engine itself
	 * decides; they bear REP_PARTITION_COMPANY and REP_PARTITION_DESK here.
	 */
	enum rep_partition_is partition;
	struct rep_step *steps;
	size_t steps_len;
	bool moves;
	bool monthly; /* layout */
	const char **id_from;
	size_t id_from_len;
	const char **external_key;
	size_t external_key_len;
	const char *title;
	enum rep_deletes deletes;
	enum rep_outside outside;
	const char **residue;
	size_t residue_len;
	struct rep_terms insert, write,
		propose;          /* defaults, also the rights over `status` and delete */
	struct rep_field *fields; /* the last one is the engine's `status` */
	size_t fields_len;
	const struct rep_field *state_field; /* or NULL */
	const struct rep_field *state_by;    /* or NULL */
	struct rep_machine *machines;
	size_t machines_len;
	struct rep_match *match;
	size_t match_len;
	struct rep_check *checks;
	size_t checks_len;
};

enum rep_scope { REP_SCOPE_HELD, REP_SCOPE_BELOW, REP_SCOPE_ALL };
struct rep_role {
	const char *name;
	struct rep_label label;
	int rank;
	enum rep_scope scope;
	const char **entities; /* NULL = all */
	size_t entities_len;
	bool desk;
};
struct rep_visibility {
	const char *name;
	struct rep_terms readers;
};
enum rep_param_type {
	REP_PARAM_TEXT,
	REP_PARAM_INTEGER,
	REP_PARAM_DATE,
	REP_PARAM_DATETIME,
	REP_PARAM_BOOLEAN,
	REP_PARAM_ENUM,      /* one of a field's values: `field` */
	REP_PARAM_REFERENCE, /* an id */
	REP_PARAM_PERIOD,    /* 2026, 2026Q1, 2026-03: binds :p, :p_from, :p_until (half-open) */
};
struct rep_param {
	const char *name;
	enum rep_param_type type;
	const struct rep_field *field; /* of REP_PARAM_ENUM */
	const char *preset; /* text, "@today" "@now" "@rep" "@month" "@quarter" "@year", or NULL */
	struct rep_label label;
};
struct rep_report_column {
	const char *name;
	struct rep_label label;
};
struct rep_report {
	const char *name;
	const char *sql; /* the file's whole text */
	struct rep_label label;
	const char **roles; /* who may run it; empty = nobody but the hub's desk */
	size_t roles_len;
	struct rep_param *params;
	size_t params_len;
	struct rep_report_column *columns;
	size_t columns_len;
};

/* A reference table that the company publishes. A row is an array of values in column order. */
struct rep_table_column {
	const char *name;
	enum rep_type type; /* text, integer, boolean, date, datetime */
};
struct rep_table {
	const char *name;
	struct rep_label label;
	struct rep_table_column *columns;
	size_t columns_len;
	const char **key;
	size_t key_len;
	struct rep_json *rows;
};

/* What must not be collected: a pattern over field names, labels and the headers of imported files. */
struct rep_forbid {
	const char *pattern;
	void *pattern_compiled; /* engine's own */
	struct rep_label why;
};

struct rep_schema {
	const char *name;
	int version;
	const char *effective; /* datetime */
	struct rep_label label;
	struct rep_role *roles;
	size_t roles_len;
	struct rep_visibility *visibility;
	size_t visibility_len;
	struct rep_json *policy;
	struct rep_forbid *forbids;
	size_t forbids_len;
	const char **sources; /* best first */
	size_t sources_len;
	struct rep_table *tables;
	size_t tables_len;
	struct rep_json *mappings;   /* array, as in schema.json; NULL where there is none */
	struct rep_entity *entities; /* schema's in file order, then the engine's own */
	size_t entities_len;
	struct rep_report *reports;
	size_t reports_len;
	char id[64]; /* "pharma/1" */
	/* SHA-256 over the lines "<file's SHA-256> <path>\n", sorted by path: the rule set's identity */
	char hash[65];
	struct rep_schema_files *files; /* the bytes it was loaded from */
	void *arena;
};

/*
 * The files of a schema as bytes, by path relative to its folder ("schema.json",
 * "entities/contact.json"), sorted by path. What is published in git, and what a view brings.
 */
struct rep_schema_file {
	char *path;
	char *data;
	size_t size_bytes;
};
struct rep_schema_files {
	struct rep_schema_file *files;
	size_t len;
};
REP_CHECK enum rep_code rep_schema_files_read(struct rep_schema_files *out, const char *dir,
					      struct rep_error *err);
REP_CHECK enum rep_code rep_schema_files_add(struct rep_schema_files *files, const char *path,
					     const char *data, size_t size_bytes,
					     struct rep_error *err);
void rep_schema_files_clear(struct rep_schema_files *files);

/*
 * Loads and checks. Takes over `files` (also when it fails). On a bad schema: REP_EINVAL and a message
 * "schema: <file>: <entity>.<field>: <code>: <facts>", with a code of docs/schema.md's list.
 */
REP_CHECK enum rep_code rep_schema_load(struct rep_schema **out, struct rep_schema_files *files,
					struct rep_error *err);
REP_CHECK enum rep_code rep_schema_load_dir(struct rep_schema **out, const char *dir,
					    struct rep_error *err);
void rep_schema_free(struct rep_schema *schema);

/* NULL when there is none. */
const struct rep_entity *rep_schema_entity(const struct rep_schema *schema, const char *name);
const struct rep_entity *rep_schema_builtin(const struct rep_schema *schema,
					    enum rep_builtin builtin);
const struct rep_field *rep_entity_field(const struct rep_entity *entity, const char *name);
/* Does the field decide where records lie: is it a step of the entity's partition? */
bool rep_entity_lies_by(const struct rep_entity *entity, const char *name);
const struct rep_role *rep_schema_role(const struct rep_schema *schema, const char *name);
/* Position in the declared order of an enum's value, or -1. */
int rep_field_rank(const struct rep_field *field, const char *value);
/*
 * The same for what a person or a file spells: exact, by `also`, or alike after NFKC, case, space and
 * traditional characters. -1 when there is none, -2 without memory.
 */
int rep_enum_find(const struct rep_field *field, const char *text);
bool rep_field_is_scalar(const struct rep_field *field); /* not set, list, map */
/* Does the field list this rule, at whatever place? */
bool rep_field_has_rule(const struct rep_field *field, enum rep_rule rule);
/* Whether records of it say who may do what: reps, territories, assignments, devices, roles. */
bool rep_entity_is_org(const struct rep_entity *entity);
/* Whether a record of it can be an account, that is the root of a partition of its own id. */
bool rep_entity_is_account(const struct rep_entity *entity);
/* Whether its records can have a twin of a visibility class other than "open" (a review item can have one of any class). */
bool rep_entity_has_twin(const struct rep_entity *entity, const char *visibility);
/* The machine for a record whose `by` field has `kind` (NULL without `by`), or NULL. */
const struct rep_machine *rep_entity_machine(const struct rep_entity *entity, const char *kind);
/* Why a name, a label or a column's header is forbidden, or NULL when it is not. */
const struct rep_label *rep_schema_forbids(const struct rep_schema *schema, const char *text);
/* The source's rank in the schema's list, 0 best; one past the end when unknown. */
size_t rep_schema_source_rank(const struct rep_schema *schema, const char *source);

#endif
