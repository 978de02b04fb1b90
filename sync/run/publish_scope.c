/*
 * What a device sees: the partitions in the scope of its rep's roles as central's own subtrees, each class of restricted twins
 * where the rep is a reader, narrowed to the entities that the roles list which reach the partition.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/model/id.h"
#include "sync/git/treefmt.h"
#include "sync/run/publish.h"

/* ---- central's partitions ---- */

static int compare_partitions(const void *a, const void *b)
{
	return strcmp(((const struct rep_published_partition *)a)->name,
		      ((const struct rep_published_partition *)b)->name);
}

static struct rep_published_partition *find_partition(const struct rep_publish *publish,
						      const char *name)
{
	struct rep_published_partition key = {0};

	if (strlen(name) >= sizeof key.name || !publish->len)
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, publish->partitions, publish->len, sizeof key, compare_partitions);
}

static enum rep_code add_partition(struct rep_publish *publish, const struct rep_tree_entry *entry,
				   size_t *cap, struct rep_error *err)
{
	struct rep_published_partition *partition;

	if (strlen(entry->name) >= sizeof partition->name)
		return rep_fail(err, REP_EINTEGRITY, "data/: %s is no partition", entry->name);
	if (publish->len == *cap) {
		*cap = *cap ? 2 * *cap : 64;
		partition = reallocarray(publish->partitions, *cap, sizeof *partition);
		if (!partition)
			return rep_fail(err, REP_ENOMEM, "out of memory");
		publish->partitions = partition;
	}
	partition = &publish->partitions[publish->len];
	*partition = (struct rep_published_partition){.data = entry->oid};
	strcpy(partition->name, entry->name);
	partition->restricted =
		calloc(publish->hub->schema->visibility_len + 1, sizeof *partition->restricted);
	if (!partition->restricted)
		return rep_fail(err, REP_ENOMEM, "out of memory");
	publish->len++;
	return REP_OK;
}

/* Calls `each` for every partition below <pp>/ of the tree at `path`. */
static enum rep_code each_partition(struct rep_publish *publish, const char *path,
				    enum rep_code (*each)(struct rep_publish *publish,
							  const struct rep_tree_entry *entry,
							  size_t *context, struct rep_error *err),
				    size_t *context, struct rep_error *err)
{
	struct rep_tree_list fans = {0};
	struct rep_oid tree;
	bool is_tree = false;
	enum rep_code rc =
		rep_tree_find(publish->hub->central, &publish->root, path, &tree, &is_tree, err);

	if (rc == REP_OK)
		rc = rep_tree_read(publish->hub->central, &tree, &fans, err);
	for (size_t i = 0; rc == REP_OK && i < fans.len; i++) {
		struct rep_tree_list list = {0};

		rc = rep_tree_read(publish->hub->central, &fans.entries[i].oid, &list, err);
		for (size_t k = 0; rc == REP_OK && k < list.len; k++)
			rc = each(publish, &list.entries[k], context, err);
		rep_tree_list_clear(&list);
	}
	rep_tree_list_clear(&fans);
	return rc;
}

static enum rep_code set_restricted(struct rep_publish *publish, const struct rep_tree_entry *entry,
				    size_t *visibility, struct rep_error *err)
{
	struct rep_published_partition *partition = find_partition(publish, entry->name);

	(void)err;
	if (partition) /* twins without a main file are nobody's */
		partition->restricted[*visibility] = entry->oid;
	return REP_OK;
}

static enum rep_code read_partitions(struct rep_publish *publish, struct rep_error *err)
{
	const struct rep_schema *schema = publish->hub->schema;
	size_t cap = 0;
	enum rep_code rc = each_partition(publish, "data", add_partition, &cap, err);

	if (publish->len > 1)
		qsort(publish->partitions, publish->len, sizeof *publish->partitions,
		      compare_partitions);
	for (size_t i = 0; rc == REP_OK && i < schema->visibility_len; i++) {
		struct rep_buf path = REP_BUF_INIT(256);

		rep_buf_printf(&path, "restricted/%s", schema->visibility[i].name);
		rc = each_partition(publish, rep_buf_str(&path), set_restricted, &i, err);
		rep_buf_clear(&path);
	}
	return rc;
}

enum rep_code rep_publish_begin(struct rep_publish *publish, struct rep_error *err)
{
	struct rep_git *central = publish->hub->central;
	struct rep_oid head, parent;
	int64_t time_s;
	bool is_tree;
	enum rep_code rc = rep_git_ref(central, REP_MAIN, &head, err);

	if (rc == REP_OK)
		rc = rep_git_commit_read(central, &head, &publish->root, &parent, &time_s, err);
	if (rc == REP_OK)
		rc = rep_tree_find(central, &publish->root, "org", &publish->org, &is_tree, err);
	if (rc == REP_OK)
		rc = rep_tree_find(central, &publish->root, "schema", &publish->schema, &is_tree,
				   err);
	if (rc == REP_OK)
		rc = rep_tree_find(central, &publish->root, REP_PATH_SCHEMAS, &publish->schemas,
				   &is_tree, err);
	if (rc == REP_OK)
		rc = rep_work_get(publish->hub->db, "statement", &publish->statement, err);
	return rc == REP_OK ? read_partitions(publish, err) : rc;
}

void rep_publish_end(struct rep_publish *publish)
{
	for (size_t i = 0; i < publish->len; i++)
		free(publish->partitions[i].restricted);
	free(publish->partitions);
	free(publish->statement);
}

/* ---- one device ---- */

static void path_of(struct rep_buf *out, const char *prefix, const char *partition,
		    const char *entity)
{
	char fan[3];

	rep_fanout(fan, partition);
	rep_buf_reset(out);
	rep_buf_printf(out, "%s/%s/%s", prefix, fan, partition);
	if (entity)
		rep_buf_printf(out, "/%s", entity);
}

/* Review items of the listed entities only: their folder holds those of all, so that it is made of single files. */
static enum rep_code add_reviews(struct rep_publish *publish, struct rep_publish_view *view,
				 const char *prefix, const char *partition, const char *kind,
				 const struct rep_oid *folder, struct rep_error *err)
{
	struct rep_tree_list list = {0};
	struct rep_buf path = REP_BUF_INIT(512);
	struct rep_stmt *stmt;
	enum rep_code rc = rep_tree_read(publish->hub->central, folder, &list, err);

	for (size_t i = 0; rc == REP_OK && i < list.len; i++) {
		bool row = false, wanted = false;
		size_t len = strlen(list.entries[i].name);

		rc = rep_db_use(publish->hub->db, &stmt, "SELECT entity FROM _review WHERE id = ?1",
				err);
		if (rc != REP_OK)
			break;
		rep_bind_text_n(stmt, 1, list.entries[i].name, len > 5 ? len - 5 : 0); /* .json */
		rc = rep_step(stmt, &row, err);
		if (rc == REP_OK && row && rep_column_text(stmt, 0, NULL))
			wanted = rep_view_scope_carries(&view->scope, partition,
							rep_column_text(stmt, 0, NULL));
		rep_stmt_reset(stmt);
		path_of(&path, prefix, partition, kind);
		rep_buf_printf(&path, "/%s", list.entries[i].name);
		if (rc == REP_OK && wanted)
			rc = rep_view_tree_add(&view->tree, rep_buf_str(&path),
					       &list.entries[i].oid, list.entries[i].is_tree, err);
	}
	rep_buf_clear(&path);
	rep_tree_list_clear(&list);
	return rc;
}

static enum rep_code add_narrowed(struct rep_publish *publish, struct rep_publish_view *view,
				  const char *prefix, const char *partition,
				  const struct rep_oid *oid, struct rep_error *err)
{
	struct rep_tree_list list = {0};
	struct rep_buf path = REP_BUF_INIT(512);
	enum rep_code rc = rep_tree_read(publish->hub->central, oid, &list, err);

	for (size_t i = 0; rc == REP_OK && i < list.len; i++) {
		const struct rep_tree_entry *entry = &list.entries[i];
		const struct rep_entity *entity =
			rep_schema_entity(publish->hub->schema, entry->name);

		path_of(&path, prefix, partition, entry->name);
		if (rep_view_scope_carries(&view->scope, partition, entry->name))
			rc = rep_view_tree_add(&view->tree, rep_buf_str(&path), &entry->oid,
					       entry->is_tree, err);
		else if (entity && entity->builtin == REP_BUILTIN_REVIEW)
			rc = add_reviews(publish, view, prefix, partition, entry->name, &entry->oid,
					 err);
	}
	rep_buf_clear(&path);
	rep_tree_list_clear(&list);
	return rc;
}

static enum rep_code add_subtree(struct rep_publish *publish, struct rep_publish_view *view,
				 const char *prefix, const char *partition,
				 const struct rep_oid *oid, struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(512);
	enum rep_code rc;

	if (rep_oid_is_zero(oid))
		return REP_OK;
	/* The company's own partition says who is who: everybody has it whole. */
	if (strcmp(partition, "company") != 0 && !rep_view_scope_whole(&view->scope, partition))
		return add_narrowed(publish, view, prefix, partition, oid, err);
	path_of(&path, prefix, partition, NULL);
	rc = rep_view_tree_add(&view->tree, rep_buf_str(&path), oid, true, err);
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code add_partition_of(struct rep_publish *publish, struct rep_publish_view *view,
				      const struct rep_published_partition *partition,
				      struct rep_error *err)
{
	const struct rep_schema *schema = publish->hub->schema;
	enum rep_code rc =
		add_subtree(publish, view, "data", partition->name, &partition->data, err);

	for (size_t i = 0; rc == REP_OK && i < schema->visibility_len; i++) {
		struct rep_buf prefix = REP_BUF_INIT(256);

		if (rep_oid_is_zero(&partition->restricted[i]) ||
		    !rep_org_reads(publish->hub->org, view->device->rep, view->device->id,
				   schema->visibility[i].name, partition->name, publish->time))
			continue;
		rep_buf_printf(&prefix, "restricted/%s", schema->visibility[i].name);
		rc = add_subtree(publish, view, rep_buf_str(&prefix), partition->name,
				 &partition->restricted[i], err);
		rep_buf_clear(&prefix);
	}
	return rc;
}

/* A scope of all holds every partition but those that the rep's roles do not reach: others' files, the desk. */
static enum rep_code add_all(struct rep_publish *publish, struct rep_publish_view *view,
			     struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < publish->len; i++) {
		const struct rep_published_partition *partition = &publish->partitions[i];
		bool personal = strncmp(partition->name, "staff-", 6) == 0;
		bool desk = strcmp(partition->name, "desk") == 0;

		if (desk && !view->device->desk)
			continue;
		if ((personal || desk) && !rep_org_in_scope(publish->hub->org, view->device->rep,
							    partition->name, publish->time))
			continue;
		rc = add_partition_of(publish, view, partition, err);
	}
	return rc;
}

static enum rep_code add_held(struct rep_publish *publish, struct rep_publish_view *view,
			      struct rep_error *err)
{
	enum rep_code rc = REP_OK;

	for (size_t i = 0; rc == REP_OK && i < view->scope.partitions_len; i++) {
		const struct rep_published_partition *partition =
			find_partition(publish, view->scope.partitions[i]);

		if (partition)
			rc = add_partition_of(publish, view, partition, err);
	}
	return rc;
}

static enum rep_code add_outcomes(struct rep_publish *publish, struct rep_publish_view *view,
				  struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	struct rep_oid oid;
	bool is_tree;
	enum rep_code rc;

	rep_path_outcomes_dir(&path, view->device->id);
	rc = rep_tree_find(publish->hub->central, &publish->root, rep_buf_str(&path), &oid,
			   &is_tree, err);
	if (rc == REP_OK)
		rc = rep_view_tree_add(&view->tree, "outcomes", &oid, true, err);
	rep_buf_clear(&path);
	return rc;
}

/* Which of its own value lines were erased; nothing as long as none was. */
static enum rep_code add_erased(struct rep_publish *publish, struct rep_publish_view *view,
				struct rep_error *err)
{
	struct rep_buf path = REP_BUF_INIT(256);
	struct rep_oid oid = rep_oid_zero;
	bool is_tree = false;
	enum rep_code rc;

	rep_path_erased(&path, view->device->id);
	rc = rep_tree_find(publish->hub->central, &publish->root, rep_buf_str(&path), &oid,
			   &is_tree, err);
	if (rc == REP_OK && !rep_oid_is_zero(&oid))
		rc = rep_view_tree_add(&view->tree, REP_VIEW_ERASED, &oid, false, err);
	rep_buf_clear(&path);
	return rc;
}

static enum rep_code list_assignments(struct rep_publish *publish, struct rep_publish_view *view,
				      struct rep_error *err)
{
	char **territories;
	size_t len;
	enum rep_code rc = rep_org_territories(publish->hub->org, view->device->rep, publish->time,
					       &territories, &len, err);

	view->assignments = rep_json_array();
	if (rc != REP_OK)
		return rc;
	for (size_t i = 0; i < len; i++) {
		rep_json_append(view->assignments, rep_json_string(territories[i]));
		free(territories[i]);
	}
	free(territories);
	return REP_OK;
}

/* The entries of the root are what self.json names. */
static enum rep_code name_trees(struct rep_publish_view *view, struct rep_error *err)
{
	const struct rep_view_folder *root =
		&view->tree.folders[view->tree.folders_len - 1]; /* made last */
	struct rep_tree_list list = {0};
	char hex[REP_OID_HEX + 1];
	enum rep_code rc = rep_tree_parse(root->data, root->size_bytes, &list, err);

	view->trees = rep_json_object();
	for (size_t i = 0; rc == REP_OK && i < list.len; i++) {
		rep_oid_hex(hex, &list.entries[i].oid);
		rep_json_set_string(view->trees, list.entries[i].name, hex);
	}
	rep_tree_list_clear(&list);
	return rc;
}

enum rep_code rep_publish_compose(struct rep_publish *publish, const struct rep_org_device *device,
				  struct rep_publish_view *out, struct rep_error *err)
{
	const struct rep_role *role = rep_org_role(publish->hub->org, device->rep, publish->time);
	enum rep_code rc;

	*out = (struct rep_publish_view){.device = device, .role = role ? role->name : ""};
	rc = rep_org_view(publish->hub->org, device->rep, device->id, publish->time, &out->scope,
			  err);
	if (rc == REP_OK)
		rc = out->scope.all ? add_all(publish, out, err) : add_held(publish, out, err);
	/* Where every partition is there, but not with everything, another role may still bring more of some. */
	if (rc == REP_OK && !out->scope.whole)
		rc = rep_publish_linked(publish, out, err);
	if (rc == REP_OK && out->role[0] && !out->scope.whole)
		rc = rep_publish_residue(publish, out, err);
	if (rc == REP_OK)
		rc = rep_view_tree_add(&out->tree, "org", &publish->org, true, err);
	if (rc == REP_OK)
		rc = rep_view_tree_add(&out->tree, "schema", &publish->schema, true, err);
	if (rc == REP_OK && !rep_oid_is_zero(&publish->schemas))
		rc = rep_view_tree_add(&out->tree, REP_PATH_SCHEMAS, &publish->schemas, true, err);
	if (rc == REP_OK)
		rc = add_outcomes(publish, out, err);
	if (rc == REP_OK)
		rc = add_erased(publish, out, err);
	if (rc == REP_OK)
		rc = rep_view_tree_make(&out->tree, &out->root, err);
	if (rc == REP_OK)
		rc = name_trees(out, err);
	if (rc == REP_OK)
		rc = list_assignments(publish, out, err);
	if (rc == REP_OK)
		rc = rep_changes_head(publish->hub->db, device->id, &out->merged, err);
	return rep_wrap(err, rc, "view of %s", device->id);
}

void rep_publish_view_clear(struct rep_publish_view *view)
{
	rep_view_scope_clear(&view->scope);
	rep_view_tree_clear(&view->tree);
	rep_json_free(view->trees);
	rep_json_free(view->assignments);
	memset(view, 0, sizeof *view);
}
