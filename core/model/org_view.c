/* What a device's view holds: the partitions that its rep reaches at a time, as a sorted list. */
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/model/org.h"
#include "core/model/org_rows.h"

struct list {
	char **items;
	size_t len;
	bool failed;
};

static void put(struct list *list, const char *prefix, const char *text)
{
	struct rep_buf buf = REP_BUF_INIT(2 * REP_ID_LEN_MAX);
	char **items = list->items;

	if (list->failed)
		return;
	if ((list->len & (list->len - 1)) == 0)
		items = realloc(items, (list->len ? 2 * list->len : 1) * sizeof(*items));
	if (items)
		list->items = items;
	rep_buf_puts(&buf, prefix);
	rep_buf_puts(&buf, text);
	char *item = rep_buf_take(&buf);
	if (!items || !item) {
		free(item);
		list->failed = true;
		return;
	}
	list->items[list->len++] = item;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void clear(struct list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct list){0};
}

static void sort_unique(struct list *list)
{
	size_t kept = 0;

	if (list->len > 1)
		qsort(list->items, list->len, sizeof(*list->items), compare);
	for (size_t i = 0; i < list->len; i++) {
		if (kept > 0 && strcmp(list->items[kept - 1], list->items[i]) == 0)
			free(list->items[i]);
		else
			list->items[kept++] = list->items[i];
	}
	list->len = kept;
}

static void put_held(struct list *list, const struct rep_org *org, const char *rep,
		     const char *time)
{
	struct rep_org_range at = rep_org_assigns_of(org, rep);

	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_assign *row = &org->assigns[i];
		if (row->is_rep && rep_org_covers(&row->span, time))
			put(list, "", row->territory);
	}
	sort_unique(list);
}

enum rep_code rep_org_territories(const struct rep_org *org, const char *rep, const char *time,
				  char ***out, size_t *len, struct rep_error *err)
{
	struct list list = {0};

	put_held(&list, org, rep, time);
	*out = NULL;
	*len = 0;
	if (list.failed) {
		clear(&list);
		return rep_fail(err, REP_ENOMEM, "territories of %s", rep);
	}
	*out = list.items;
	*len = list.len;
	return REP_OK;
}

static bool contains(const struct list *list, const char *text)
{
	for (size_t i = 0; i < list->len; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}

/* Adds all territories beneath those of `list`, breadth first; each once, so that a loop ends. */
static void put_beneath(struct list *list, const struct rep_org *org)
{
	for (size_t i = 0; i < list->len && !list->failed; i++) {
		struct rep_org_range at = rep_org_children_of(org, list->items[i]);
		for (size_t j = at.from; j < at.until; j++) {
			if (!contains(list, org->children[j].id))
				put(list, "", org->children[j].id);
		}
	}
}

/* The partitions of one territory: its team, its accounts and, from above, the files of its holders. */
static void put_territory(struct list *out, const struct rep_org *org, const char *territory,
			  bool with_staff, const char *time)
{
	struct rep_org_range at = rep_org_assigns_in(org, territory);

	put(out, "team-", territory);
	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_org_assign *row = org->by_territory[i];
		if (!rep_org_covers(&row->span, time))
			continue;
		if (row->is_account)
			put(out, "", row->subject);
		else if (row->is_rep && with_staff)
			put(out, "staff-", row->subject);
	}
}

static void put_scope(struct list *out, const struct rep_org *org, const char *rep,
		      const struct rep_role *role, const char *time)
{
	struct list territories = {0};

	put_held(&territories, org, rep, time);
	if (role->scope == REP_SCOPE_BELOW)
		put_beneath(&territories, org);
	for (size_t i = 0; i < territories.len; i++) {
		bool beneath = role->scope == REP_SCOPE_BELOW &&
			       rep_org_holds_above(org, rep, territories.items[i], time);
		put_territory(out, org, territories.items[i], beneath, time);
	}
	if (role->desk)
		put(out, "", "desk");
	out->failed = out->failed || territories.failed;
	clear(&territories);
}

/* The roles that count on this device, as they are sorted: the higher rank first. */
static enum rep_code find_roles(const struct rep_org *org, const char *device,
				struct rep_view_scope *out, bool *employed, struct rep_error *err)
{
	struct rep_org_range at = rep_org_roles_of(org, out->rep);
	const struct rep_org_device *row = rep_org_device(org, device);

	*employed = false;
	out->roles = calloc(at.until - at.from + 1, sizeof(const struct rep_role *));
	if (!out->roles)
		return rep_fail(err, REP_ENOMEM, "view of %s", out->rep);
	for (size_t i = at.from; i < at.until; i++) {
		const struct rep_role *role = org->roles[i].role;

		if (!rep_org_covers(&org->roles[i].span, out->time))
			continue;
		*employed = true;
		if (!role->desk || (row && row->desk))
			out->roles[out->roles_len++] = role;
	}
	return REP_OK;
}

static void put_roles(struct list *list, struct rep_view_scope *out)
{
	for (size_t i = 0; i < out->roles_len; i++) {
		const struct rep_role *role = out->roles[i];

		if (role->scope != REP_SCOPE_ALL) {
			put_scope(list, out->org, out->rep, role, out->time);
			continue;
		}
		out->all = true;
		out->whole = out->whole || role->entities_len == 0;
	}
}

enum rep_code rep_org_view(const struct rep_org *org, const char *rep, const char *device,
			   const char *time, struct rep_view_scope *out, struct rep_error *err)
{
	struct list list = {0};
	bool employed = false;
	enum rep_code rc;

	*out = (struct rep_view_scope){.org = org, .rep = strdup(rep)};
	strncpy(out->time, time, REP_TIME_LEN);
	rc = out->rep ? find_roles(org, device, out, &employed, err)
		      : rep_fail(err, REP_ENOMEM, "view of %s", rep);
	if (rc || !employed)
		return rc;
	put(&list, "", "company");
	put(&list, "staff-", rep);
	put_roles(&list, out);
	if (list.failed) {
		clear(&list);
		return rep_fail(err, REP_ENOMEM, "view of %s", rep);
	}
	sort_unique(&list);
	out->partitions = list.items;
	out->partitions_len = list.len;
	return REP_OK;
}

void rep_view_scope_clear(struct rep_view_scope *scope)
{
	struct list list = {.items = scope->partitions, .len = scope->partitions_len};

	clear(&list);
	free(scope->roles);
	free(scope->rep);
	memset(scope, 0, sizeof(*scope));
}

static bool reaches(const struct rep_view_scope *scope, size_t role, const char *partition)
{
	return !partition || rep_org_role_reaches(scope->org, scope->rep, scope->roles[role],
						  partition, scope->time);
}

bool rep_view_scope_whole(const struct rep_view_scope *scope, const char *partition)
{
	for (size_t i = 0; i < scope->roles_len; i++) {
		if (scope->roles[i]->entities_len == 0 && reaches(scope, i, partition))
			return true;
	}
	return false;
}

static bool lists(const struct rep_role *role, const char *entity)
{
	for (size_t i = 0; i < role->entities_len; i++) {
		if (strcmp(role->entities[i], entity) == 0)
			return true;
	}
	return role->entities_len == 0;
}

bool rep_view_scope_carries(const struct rep_view_scope *scope, const char *partition,
			    const char *entity)
{
	for (size_t i = 0; i < scope->roles_len; i++) {
		if (lists(scope->roles[i], entity) && reaches(scope, i, partition))
			return true;
	}
	return false;
}
