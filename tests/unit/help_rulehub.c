#include "help_rulehub.h"

struct rep_hub *hub;
char dir[4096];
struct laptop ana, ben;
int64_t now;

int rulehub_setup(void **state)
{
	(void)state;
	now = HUB_T0;
	hub = hub_make_of(dir, sizeof dir, "tests/fixtures/rules");
	ana = ben = (struct laptop){0};
	hub_person(hub, "ana", "rep", "t1", now += MINUTE);
	hub_person(hub, "ben", "rep", "t2", now += MINUTE);
	laptop_enroll(&ana, hub, "ana", now += MINUTE);
	laptop_enroll(&ben, hub, "ben", now += MINUTE);
	return 0;
}

int rulehub_teardown(void **state)
{
	(void)state;
	laptop_clear(&ana);
	laptop_clear(&ben);
	hub_drop(hub, dir);
	return 0;
}

void merge(struct laptop *laptop)
{
	laptop_send(laptop, dir, now += MINUTE);
	hub_run_quietly(hub, now += MINUTE);
}
