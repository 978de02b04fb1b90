/*
 * Leases as the hub grants them. The key that a lease brings is the same for all leases of a device, because the hub cannot know with
 * which one a laptop that was away was closed: it follows from company.secret and the device, so that nothing has to be kept, and a
 * hub that was restored gives the same.
 */
#include <stdio.h>
#include <string.h>

#include "core/model/cipher.h"
#include "sync/hub/hub_state.h"

#define DAY_MS (24LL * 60 * 60 * 1000)
#define LEASE_DAYS 14
#define ERASE_DAYS 30

static int64_t days_of(const struct rep_hub *hub, const char *name, int64_t otherwise)
{
	int64_t days = rep_json_get_integer(hub->schema->policy, name);

	return days > 0 ? days : otherwise;
}

int64_t rep_hub_lease_end(const struct rep_hub *hub, const struct rep_org_device *device,
			  int64_t start_ms)
{
	int64_t days = days_of(hub, "lease_days", LEASE_DAYS);
	const struct rep_role *role = NULL;
	char time[REP_TIME_LEN + 1], name[80];

	rep_time_format(time, start_ms);
	if (device->rep)
		role = rep_org_role(hub->org, device->rep, time);
	if (role) {
		snprintf(name, sizeof name, "lease_days_%.60s", role->name);
		days = days_of(hub, name, days);
	}
	return start_ms + days * DAY_MS;
}

int64_t rep_hub_lease_erase(const struct rep_hub *hub, const struct rep_org_device *device,
			    int64_t start_ms)
{
	return rep_hub_lease_end(hub, device, start_ms) +
	       days_of(hub, "lease_erase_days", ERASE_DAYS) * DAY_MS;
}

static void derive_key(const struct rep_hub *hub, const char *device, uint8_t out[REP_CIPHER_KEY])
{
	const struct rep_derive_part parts[] = {{hub->secret, sizeof hub->secret},
						{device, strlen(device)}};

	rep_derive(out, "repsync hub lease", parts, 2);
}

enum rep_code rep_hub_lease(struct rep_hub *hub, const struct rep_org_device *device,
			    int64_t start_ms, struct rep_hub_lease *out, struct rep_error *err)
{
	uint8_t public[REP_CIPHER_KEY], key[REP_CIPHER_KEY], box[REP_CIPHER_KEY + REP_BOX_EXTRA];
	bool fine;

	*out = (struct rep_hub_lease){.end_ms = rep_hub_lease_end(hub, device, start_ms),
				      .erase_ms = rep_hub_lease_erase(hub, device, start_ms),
				      .has_key =
					      hub->encrypted && !device->desk && device->has_key};
	if (!out->has_key)
		return REP_OK;
	derive_key(hub, device->id, key);
	fine = rep_box_public_of(public, device->public) &&
	       rep_box_seal(box, key, sizeof key, public);
	rep_wipe(key, sizeof key);
	if (!fine)
		return rep_fail(err, REP_EINTEGRITY, "the key of device %s is no key", device->id);
	rep_base64(out->key, box, sizeof box);
	return REP_OK;
}
