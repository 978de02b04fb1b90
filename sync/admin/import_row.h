/*
 * One line of a file: which record it is, what it gives, what of it cannot be taken. For import*.c and tests.
 */
#ifndef REPSYNC_SYNC_ADMIN_IMPORT_ROW_H
#define REPSYNC_SYNC_ADMIN_IMPORT_ROW_H

#include "core/store/db.h"
#include "sync/admin/import_plan.h"

struct rep_import_row {
	char id[REP_ID_LEN_MAX + 1];
	const struct rep_field *key_field; /* what gave the id; NULL = the id's own column */
	char *key;                         /* and its text, for the report */
	struct rep_json **values;          /* by the entity's fields; NULL = not given or empty */
	bool *given; /* a column or `set` gave it: its value, or that it is empty */
	bool refused;
	struct rep_json *refusal; /* {"line","reason","field","value"} where refused */
	struct rep_json *dropped; /* array of the same */
};

struct rep_import_reader {
	const struct rep_import_plan *plan;
	struct rep_db *db; /* the working copy: which records there are */
	const uint8_t *secret;
	/* Is the id one of the file's own records? For references within the entity. */
	bool (*in_file)(void *user, const char *id);
	void *user;
};

REP_CHECK enum rep_code rep_import_row_init(struct rep_import_row *row,
					    const struct rep_import_plan *plan,
					    struct rep_error *err);
void rep_import_row_reset(struct rep_import_row *row, const struct rep_import_plan *plan);
void rep_import_row_clear(struct rep_import_row *row, const struct rep_import_plan *plan);

/* Only the id (pass one). A line without one is refused, and so is one that the file's form spoils. */
REP_CHECK enum rep_code rep_import_row_id(const struct rep_import_reader *reader,
					  const struct rep_csv_record *record,
					  struct rep_import_row *row, struct rep_error *err);
/* Everything else; the row has its id. */
REP_CHECK enum rep_code rep_import_row_values(const struct rep_import_reader *reader,
					      const struct rep_csv_record *record,
					      struct rep_import_row *row, struct rep_error *err);
REP_CHECK enum rep_code rep_import_refuse(struct rep_import_row *row, size_t line,
					  const char *reason, const char *field, const char *value,
					  struct rep_error *err);
REP_CHECK enum rep_code rep_import_drop(struct rep_import_row *row, size_t line, const char *reason,
					const char *field, const char *value,
					struct rep_error *err);

/*
 * The id that a source's key stands for: the record that bears it, else a UUIDv5 of entity, source and key, keyed with the
 * company's secret. `parts` are the key's texts in the order of the external key, the source's among them.
 */
REP_CHECK enum rep_code rep_import_find(const struct rep_import_reader *reader,
					const struct rep_entity *entity, const char *const *parts,
					char out[REP_ID_LEN_MAX + 1], bool *exists,
					struct rep_error *err);
REP_CHECK enum rep_code rep_import_exists(struct rep_db *db, const struct rep_entity *entity,
					  const char *id, bool *exists, struct rep_error *err);

#endif
