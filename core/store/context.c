#include "core/store/context.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/store/tables.h"

/* NULL for a record that this replica does not hold, and on an error, which will show again elsewhere. */
static const char *partition_of(void *user, const char *entity_name, const char *id)
{
	struct rep_context *context = user;
	const struct rep_entity *entity = rep_schema_entity(context->replica->schema, entity_name);
	struct rep_db *db = context->replica->db;
	struct rep_error ignored;

	rep_buf_reset(&context->partition);
	if (!entity || (context->follows ? rep_row_lies : rep_row_partition)(
			       db, entity, id, &context->partition, &ignored) != REP_OK)
		return NULL;
	return context->partition.len ? rep_buf_str(&context->partition) : NULL;
}

static bool exists(void *user, const char *entity_name, const char *id)
{
	struct rep_context *context = user;
	const struct rep_entity *entity = rep_schema_entity(context->replica->schema, entity_name);
	struct rep_record *record = NULL;
	struct rep_error ignored;
	bool found;

	found = entity &&
		rep_row_get(context->replica->db, entity, id, &record, &ignored) == REP_OK &&
		record;
	rep_record_free(record);
	return found;
}

void rep_context_init(struct rep_context *context, struct rep_replica *replica)
{
	*context = (struct rep_context){
		.replica = replica,
		.partition = REP_BUF_INIT(4 * REP_ID_LEN_MAX),
		.fold = {.schema = replica->schema,
			 .org = replica->org,
			 .partition_of = partition_of,
			 .user = context},
		.admit = {.fold = &context->fold, .exists = exists, .user = context},
	};
}

void rep_context_clear(struct rep_context *context)
{
	rep_buf_clear(&context->partition);
}

static enum rep_code add_review(struct rep_context *context, const char *kind, const char *id,
				struct rep_folded *folded, struct rep_error *err)
{
	const struct rep_entity *entity = rep_schema_entity(context->replica->schema, kind);
	struct rep_record **grown =
		realloc(folded->reviews, (folded->reviews_len + 1) * sizeof(struct rep_record *));
	struct rep_record *record = NULL;
	enum rep_code rc = REP_OK;

	if (!grown)
		return rep_fail(err, REP_ENOMEM, "read review items: no memory");
	folded->reviews = grown;
	if (entity)
		rc = rep_row_get(context->replica->db, entity, id, &record, err);
	if (rc == REP_OK && record)
		grown[folded->reviews_len++] = record;
	return rc;
}

enum rep_code rep_context_reviews(struct rep_context *context, const char *entity, const char *id,
				  struct rep_folded *folded, struct rep_error *err)
{
	struct rep_stmt *stmt;
	bool row = true;
	enum rep_code rc =
		rep_db_prepare(context->replica->db, &stmt,
			       "SELECT kind, id FROM _review WHERE entity = ?1 AND record = ?2 "
			       "AND kind IN ('conflict', 'proposal') ORDER BY id",
			       err);

	if (rc != REP_OK)
		return rc;
	rep_bind_text(stmt, 1, entity);
	rep_bind_text(stmt, 2, id);
	while (rc == REP_OK && row) {
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row)
			rc = add_review(context, rep_column_text(stmt, 0, NULL),
					rep_column_text(stmt, 1, NULL), folded, err);
	}
	rep_stmt_free(stmt);
	return rc;
}
