/*
 * The organisation as sorted arrays: an account's assignments, a territory's and a rep's roles are each
 * one binary search away, so that a company of thousands of accounts costs a merge nothing.
 */
#include "core/model/org.h"

#include <stdlib.h>
#include <string.h>

#include "core/model/id.h"
#include "core/model/org_rows.h"

/* A tree of territories is shallow; a loop made by a mistaken parent must end. */
#define TERRITORY_DEPTH_MAX 64u

enum rep_code rep_org_new(struct rep_org **out, const struct rep_schema *schema,
			  struct rep_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return rep_fail(err, REP_ENOMEM, "organisation");
	(*out)->schema = schema;
	return REP_OK;
}

void rep_org_free(struct rep_org *org)
{
	if (!org)
		return;
	free(org->roles);
	if (org->borrowed) {
		free(org);
		return;
	}
	for (size_t i = 0; i < org->strings_len; i++)
		free(org->strings[i]);
	free(org->strings);
	free(org->devices);
	free(org->reps);
	free(org->given);
	free(org->territories);
	free(org->children);
	free(org->assigns);
	free(org->by_territory);
	free(org);
}

/* Room for one more item: doubles whenever `len` is a power of two. NULL leaves `items` as they were. */
static void *room(void *items, size_t len, size_t size)
{
	if (len & (len - 1))
		return items;
	return realloc(items, (len ? 2 * len : 1) * size);
}

/* Keeps a copy until the org is freed; NULL for NULL, and *failed is set without memory. */
static char *keep(struct rep_org *org, const char *text, bool *failed)
{
	char **strings;
	char *out;

	if (!text)
		return NULL;
	strings = room(org->strings, org->strings_len, sizeof(*strings));
	if (strings)
		org->strings = strings;
	out = strings ? strdup(text) : NULL;
	if (!out)
		*failed = true;
	else
		org->strings[org->strings_len++] = out;
	return out;
}

static const char *text_of(const struct rep_record *record, const char *field)
{
	return rep_json_string_value(rep_record_value(record, field));
}

static struct rep_org_span span_of(struct rep_org *org, const struct rep_record *record,
				   bool *failed)
{
	return (struct rep_org_span){
		.from = keep(org, text_of(record, "valid_from"), failed),
		.to = keep(org, text_of(record, "valid_to"), failed),
	};
}

static bool add_device(struct rep_org *org, const struct rep_record *record)
{
	struct rep_org_device *items = room(org->devices, org->devices_len, sizeof(*items));
	struct rep_org_device *device;
	const char *key = text_of(record, "key");
	bool failed = false;

	if (!items)
		return false;
	org->devices = items;
	device = &items[org->devices_len++];
	memset(device, 0, sizeof(*device));
	strncpy(device->id, record->id, REP_DEVICE_LEN);
	device->rep = keep(org, text_of(record, "rep"), &failed);
	device->ssh_key = keep(org, text_of(record, "ssh_key"), &failed);
	device->state = keep(org, text_of(record, "state"), &failed);
	device->since = keep(org, text_of(record, "since"), &failed);
	device->desk = rep_json_bool_value(rep_record_value(record, "desk"));
	if (key)
		device->has_key = rep_unbase64(device->public, REP_PUBLIC_SIZE, key) ||
				  (strlen(key) == 2 * REP_PUBLIC_SIZE &&
				   rep_unhex(device->public, key, REP_PUBLIC_SIZE));
	return !failed;
}

static bool add_role(struct rep_org *org, const struct rep_record *record)
{
	const char *name = text_of(record, "role");
	struct rep_org_role_row *items;
	bool failed = false;

	if (!name || !text_of(record, "rep"))
		return true;
	items = room(org->given, org->given_len, sizeof(*items));
	if (!items)
		return false;
	org->given = items;
	items[org->given_len++] = (struct rep_org_role_row){
		.rep = keep(org, text_of(record, "rep"), &failed),
		.name = keep(org, name, &failed),
		.span = span_of(org, record, &failed),
	};
	return !failed;
}

static bool add_rep(struct rep_org *org, const struct rep_record *record)
{
	const char **items = room(org->reps, org->reps_len, sizeof(*items));
	bool failed = false;

	if (!items)
		return false;
	org->reps = items;
	items[org->reps_len] = keep(org, record->id, &failed);
	org->reps_len += !failed;
	return !failed;
}

static bool add_territory(struct rep_org *org, const struct rep_record *record)
{
	struct rep_org_territory_row *items =
		room(org->territories, org->territories_len, sizeof(*items));
	bool failed = false;

	if (!items)
		return false;
	org->territories = items;
	items[org->territories_len++] = (struct rep_org_territory_row){
		.id = keep(org, record->id, &failed),
		.parent = keep(org, text_of(record, "parent"), &failed),
	};
	return !failed;
}

/* Is a record of this entity a partition of its own, or may it be one? */
static bool is_account(const struct rep_entity *entity)
{
	if (!entity)
		return false;
	if (entity->partition == REP_PARTITION_SELF)
		return true;
	for (size_t i = 0; entity->partition == REP_PARTITION_OF && i < entity->steps_len; i++) {
		if (entity->steps[i].kind == REP_STEP_ID)
			return true;
	}
	return false;
}

static bool add_assignment(struct rep_org *org, const struct rep_record *record)
{
	const char *name = text_of(record, "subject_entity"), *kind = text_of(record, "kind");
	const struct rep_entity *entity = name ? rep_schema_entity(org->schema, name) : NULL;
	struct rep_org_assign *items;
	bool failed = false;

	if (!name || !text_of(record, "subject") || !text_of(record, "territory"))
		return true;
	items = room(org->assigns, org->assigns_len, sizeof(*items));
	if (!items)
		return false;
	org->assigns = items;
	items[org->assigns_len++] = (struct rep_org_assign){
		.entity = keep(org, name, &failed),
		.subject = keep(org, text_of(record, "subject"), &failed),
		.territory = keep(org, text_of(record, "territory"), &failed),
		.line = keep(org, text_of(record, "line"), &failed),
		.primary = !kind || strcmp(kind, "primary") == 0,
		.is_rep = entity ? entity->builtin == REP_BUILTIN_REP : strcmp(name, "rep") == 0,
		.is_account = is_account(entity),
		.span = span_of(org, record, &failed),
	};
	return !failed;
}

enum rep_code rep_org_add(struct rep_org *org, const struct rep_record *record,
			  struct rep_error *err)
{
	bool added = true;

	if (record->deleted)
		return REP_OK;
	switch (record->entity->builtin) {
	case REP_BUILTIN_DEVICE:
		added = add_device(org, record);
		break;
	case REP_BUILTIN_ROLE:
		added = add_role(org, record);
		break;
	case REP_BUILTIN_REP:
		added = add_rep(org, record);
		break;
	case REP_BUILTIN_TERRITORY:
		added = add_territory(org, record);
		break;
	case REP_BUILTIN_ASSIGNMENT:
		added = add_assignment(org, record);
		break;
	case REP_BUILTIN_NONE:
	case REP_BUILTIN_RELEASE:
	case REP_BUILTIN_REVIEW:
		break;
	}
	return added ? REP_OK : rep_fail(err, REP_ENOMEM, "organisation: %s", record->id);
}

/* ---- order ---- */

static int compare_devices(const void *a, const void *b)
{
	return strcmp(((const struct rep_org_device *)a)->id,
		      ((const struct rep_org_device *)b)->id);
}

static int compare_reps(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_roles(const void *a, const void *b)
{
	const struct rep_org_role_row *x = a, *y = b;
	int order = strcmp(x->rep, y->rep);

	if (order == 0)
		order = (y->role->rank > x->role->rank) - (y->role->rank < x->role->rank);
	return order ? order : strcmp(x->role->name, y->role->name);
}

static int compare_territories(const void *a, const void *b)
{
	return strcmp(((const struct rep_org_territory_row *)a)->id,
		      ((const struct rep_org_territory_row *)b)->id);
}

static int compare_parents(const void *a, const void *b)
{
	const struct rep_org_territory_row *x = a, *y = b;
	int order = strcmp(x->parent ? x->parent : "", y->parent ? y->parent : "");

	return order ? order : strcmp(x->id, y->id);
}

static int compare_assigns(const struct rep_org_assign *a, const struct rep_org_assign *b)
{
	int order = strcmp(a->subject, b->subject);

	if (order == 0)
		order = strcmp(a->entity, b->entity);
	return order ? order : strcmp(a->territory, b->territory);
}

static int compare_subjects(const void *a, const void *b)
{
	return compare_assigns(a, b);
}

static int compare_assign_territories(const void *a, const void *b)
{
	const struct rep_org_assign *x = *(struct rep_org_assign *const *)a;
	const struct rep_org_assign *y = *(struct rep_org_assign *const *)b;
	int order = strcmp(x->territory, y->territory);

	return order ? order : compare_assigns(x, y);
}

static void sort(void *items, size_t len, size_t size, int (*compare)(const void *, const void *))
{
	if (len > 1)
		qsort(items, len, size, compare);
}

/* A role that the schema does not have gives no rights. */
static enum rep_code find_roles(struct rep_org *org, struct rep_error *err)
{
	org->roles = calloc(org->given_len + 1, sizeof(*org->roles));
	if (!org->roles)
		return rep_fail(err, REP_ENOMEM, "organisation");
	for (size_t i = 0; i < org->given_len; i++) {
		const struct rep_role *role = rep_schema_role(org->schema, org->given[i].name);

		if (!role)
			continue;
		org->roles[org->roles_len] = org->given[i];
		org->roles[org->roles_len++].role = role;
	}
	sort(org->roles, org->roles_len, sizeof(*org->roles), compare_roles);
	return REP_OK;
}

enum rep_code rep_org_under(struct rep_org **out, const struct rep_org *org,
			    const struct rep_schema *schema, struct rep_error *err)
{
	struct rep_org *under = calloc(1, sizeof(*under));
	enum rep_code rc;

	*out = NULL;
	if (!under)
		return rep_fail(err, REP_ENOMEM, "organisation");
	*under = *org;
	under->schema = schema;
	under->borrowed = true;
	under->roles = NULL;
	under->roles_len = 0;
	rc = find_roles(under, err);
	if (rc == REP_OK)
		*out = under;
	else
		rep_org_free(under);
	return rc;
}

enum rep_code rep_org_finish(struct rep_org *org, struct rep_error *err)
{
	size_t territory_size = sizeof(*org->territories);
	enum rep_code rc = find_roles(org, err);

	if (rc != REP_OK)
		return rc;
	sort(org->devices, org->devices_len, sizeof(*org->devices), compare_devices);
	sort(org->reps, org->reps_len, sizeof(*org->reps), compare_reps);
	sort(org->territories, org->territories_len, territory_size, compare_territories);
	sort(org->assigns, org->assigns_len, sizeof(*org->assigns), compare_subjects);
	org->children = calloc(org->territories_len + 1, territory_size);
	org->by_territory = calloc(org->assigns_len + 1, sizeof(struct rep_org_assign *));
	if (!org->children || !org->by_territory)
		return rep_fail(err, REP_ENOMEM, "organisation");
	if (org->territories_len > 0)
		memcpy(org->children, org->territories, org->territories_len * territory_size);
	sort(org->children, org->territories_len, territory_size, compare_parents);
	for (size_t i = 0; i < org->assigns_len; i++)
		org->by_territory[i] = &org->assigns[i];
	sort(org->by_territory, org->assigns_len, sizeof(struct rep_org_assign *),
	     compare_assign_territories);
	return REP_OK;
}

/* ---- search ---- */

/* The key of row `i`, for one of the four orders. */
typedef const char *key_of(const struct rep_org *org, size_t i);

static const char *subject_key(const struct rep_org *org, size_t i)
{
	return org->assigns[i].subject;
}

static const char *territory_key(const struct rep_org *org, size_t i)
{
	return org->by_territory[i]->territory;
}

static const char *parent_key(const struct rep_org *org, size_t i)
{
	return org->children[i].parent ? org->children[i].parent : "";
}

static const char *role_key(const struct rep_org *org, size_t i)
{
	return org->roles[i].rep;
}

static const char *device_key(const struct rep_org *org, size_t i)
{
	return org->devices[i].id;
}

static const char *rep_key(const struct rep_org *org, size_t i)
{
	return org->reps[i];
}

static const char *id_key(const struct rep_org *org, size_t i)
{
	return org->territories[i].id;
}

static struct rep_org_range find(const struct rep_org *org, size_t len, key_of *key,
				 const char *text)
{
	size_t low = 0, high = len, until;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(key(org, middle), text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (until = low; until < len && strcmp(key(org, until), text) == 0;)
		until++;
	return (struct rep_org_range){low, until};
}

struct rep_org_range rep_org_assigns_of(const struct rep_org *org, const char *subject)
{
	return find(org, org->assigns_len, subject_key, subject);
}

struct rep_org_range rep_org_assigns_in(const struct rep_org *org, const char *territory)
{
	return find(org, org->assigns_len, territory_key, territory);
}

struct rep_org_range rep_org_children_of(const struct rep_org *org, const char *territory)
{
	return find(org, org->territories_len, parent_key, territory);
}

struct rep_org_range rep_org_roles_of(const struct rep_org *org, const char *rep)
{
	return find(org, org->roles_len, role_key, rep);
}

bool rep_org_covers(const struct rep_org_span *span, const char *time)
{
	if (span->from && strncmp(time, span->from, REP_TIME_LEN) < 0)
		return false;
	return !span->to || strncmp(time, span->to, REP_TIME_LEN) < 0;
}

const char *rep_org_parent(const struct rep_org *org, const char *territory)
{
	struct rep_org_range at = find(org, org->territories_len, id_key, territory);

	return at.from < at.until ? org->territories[at.from].parent : NULL;
}

bool rep_org_holds_above(const struct rep_org *org, const char *rep, const char *territory,
			 const char *time)
{
	for (unsigned depth = 0; depth < TERRITORY_DEPTH_MAX; depth++) {
		territory = rep_org_parent(org, territory);
		if (!territory)
			return false;
		if (rep_org_holds_territory(org, rep, territory, time))
			return true;
	}
	return false;
}

/* ---- devices and people ---- */

const struct rep_org_device *rep_org_device(const struct rep_org *org, const char *device)
{
	struct rep_org_range at = find(org, org->devices_len, device_key, device);

	return at.from < at.until ? &org->devices[at.from] : NULL;
}

size_t rep_org_devices(const struct rep_org *org, const struct rep_org_device **out)
{
	*out = org->devices;
	return org->devices_len;
}

/*
 * A device may record before the hub has seen its enrolment, so `active` has no beginning; what was made
 * before a revocation took effect is still the rep's work.
 */
bool rep_org_device_active(const struct rep_org *org, const char *device, const char *time)
{
	const struct rep_org_device *row = rep_org_device(org, device);

	if (strcmp(device, REP_HUB_DEVICE) == 0)
		return true;
	if (!row || !row->state)
		return false;
	if (strcmp(row->state, "active") == 0)
		return true;
	return (strcmp(row->state, "revoked") == 0 || strcmp(row->state, "leaving") == 0) &&
	       row->since && strncmp(time, row->since, REP_TIME_LEN) < 0;
}

bool rep_org_has_rep(const struct rep_org *org, const char *rep)
{
	struct rep_org_range at = find(org, org->reps_len, rep_key, rep);

	return at.from < at.until;
}

const char *rep_org_rep_of(const struct rep_org *org, const char *device)
{
	char id[REP_DEVICE_LEN + 1] = "";
	const struct rep_org_device *row;

	strncpy(id, device, REP_DEVICE_LEN); /* a stamp's device may be followed by nothing else */
	if (strcmp(id, REP_HUB_DEVICE) == 0)
		return "hub";
	row = rep_org_device(org, id);
	return row ? row->rep : NULL;
}

const struct rep_role *rep_org_role(const struct rep_org *org, const char *rep, const char *time)
{
	struct rep_org_range at = rep_org_roles_of(org, rep);

	for (size_t i = at.from; i < at.until; i++) {
		if (rep_org_covers(&org->roles[i].span, time))
			return org->roles[i].role;
	}
	return NULL;
}

int rep_org_rank(const struct rep_org *org, const char *rep, const char *time)
{
	const struct rep_role *role = rep_org_role(org, rep, time);

	return role ? role->rank : 0;
}
