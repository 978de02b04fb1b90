/* One entity from one version to the next: what the files of versions*.c share. */
#ifndef REPSYNC_CORE_MODEL_VERSION_MAP_H
#define REPSYNC_CORE_MODEL_VERSION_MAP_H

#include "core/model/versions.h"

/* Borrows from both schemas. Where a schema does not have the entity, its side is NULL and no field leads anywhere. */
struct rep_version_map {
	const struct rep_entity *from, *to;
	const struct rep_json *rename; /* old name -> new name */
	const struct rep_json *values; /* new name -> {old value: new value or null} */
	const struct rep_json *derive; /* new name -> SQL over old. */
	const struct rep_json *drop;   /* old names */
};

void rep_version_map_init(struct rep_version_map *out, const struct rep_schema *from,
			  const struct rep_schema *to, const char *entity);
/* The version next to `number`, later or earlier; 0 where there is none. */
int rep_versions_after(const struct rep_versions *versions, int number);
int rep_versions_before(const struct rep_versions *versions, int number);
/* From `from` to the version after it; loads both. */
REP_CHECK enum rep_code rep_version_step(struct rep_versions *versions, int from,
					 const char *entity, struct rep_version_map *out,
					 struct rep_error *err);

/* The field that holds what `field` of the older version held; NULL = none does. And the other way. */
const struct rep_field *rep_map_forward(const struct rep_version_map *map,
					const struct rep_field *field);
const struct rep_field *rep_map_back(const struct rep_version_map *map,
				     const struct rep_field *field);
/* Do lines and values of the two have the same form: type, kind of element, target, sum or not? */
bool rep_fields_alike(const struct rep_field *a, const struct rep_field *b);

/* Does the mapping drop this field of the older version? */
bool rep_map_drops(const struct rep_version_map *map, const char *name);
/* Are the two the same, or both NULL? */
bool rep_same_text(const char *a, const char *b);

/*
 * A value as the other version has it, by the mapping's values for the field `newer` of the newer one: of the older version as the
 * newer has it, or with `back` the other way round. A new reference, or NULL without memory. An element that is mapped to null goes.
 */
struct rep_json *rep_map_value(const struct rep_version_map *map, const struct rep_field *newer,
			       const struct rep_json *value, bool back);
/* One element of a set or one value of a map, likewise; JSON null where it is mapped to nothing. */
struct rep_json *rep_map_element(const struct rep_version_map *map, const struct rep_field *newer,
				 const struct rep_json *element, bool back);
/* {key of an element: stamp} under the keys that the elements have in the other version. A new reference, or NULL. */
struct rep_json *rep_map_keys(const struct rep_version_map *map, const struct rep_field *older,
			      const struct rep_field *newer, const struct rep_json *stamps,
			      bool back);
/* Does the SQL of a derivation read this field of the older version? */
bool rep_map_reads(const char *sql, const struct rep_field *field);

/* A derived field's value: of `old`, the fields of the older version. */
REP_CHECK enum rep_code rep_map_derive(struct rep_versions *versions,
				       const struct rep_version_map *map, const char *sql,
				       const struct rep_json *old, const struct rep_field *field,
				       struct rep_json **out, struct rep_error *err);

/*
 * `values` of a line as they read after one step; NULL in *out without memory is an error. `unknown` (NULL = not asked for) gets
 * the names that the older version does not know.
 */
REP_CHECK enum rep_code rep_map_values(struct rep_versions *versions,
				       const struct rep_version_map *map,
				       const struct rep_json *values, enum rep_op op,
				       struct rep_json *unknown, struct rep_json **out,
				       struct rep_error *err);

#endif
