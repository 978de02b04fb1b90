#include "sync/hub/central.h"

#include "core/model/id.h"

static void put_dir(struct rep_buf *out, const char *root, const char *device)
{
	char fan[3];

	rep_fanout(fan, device);
	rep_buf_printf(out, "%s/%s/%s", root, fan, device);
}

/* <root>/<dd>/<device>/<yyyy-mm>/<first>-<last><suffix> */
static void put_range(struct rep_buf *out, const char *root, const char *device, const char *time,
		      int64_t first, int64_t last, const char *suffix)
{
	put_dir(out, root, device);
	rep_buf_printf(out, "/%.7s/%lld-%lld%s", time, (long long)first, (long long)last, suffix);
}

void rep_path_journal(struct rep_buf *out, const char *device, const char *time, int64_t first,
		      int64_t last)
{
	put_range(out, "journal", device, time, first, last, ".jsonl");
}

void rep_path_head(struct rep_buf *out, const char *device)
{
	put_dir(out, "journal", device);
	rep_buf_puts(out, "/head.json");
}

void rep_path_outcomes(struct rep_buf *out, const char *device, const char *time, int64_t first,
		       int64_t last)
{
	put_range(out, "outcomes", device, time, first, last, ".jsonl");
}

void rep_path_receipt(struct rep_buf *out, const char *device, const char *time, int64_t first,
		      int64_t last)
{
	put_range(out, "outcomes", device, time, first, last, ".receipt.json");
}

void rep_path_outcomes_dir(struct rep_buf *out, const char *device)
{
	put_dir(out, "outcomes", device);
}

void rep_path_held(struct rep_buf *out, const char *device, int64_t seq, unsigned index)
{
	put_dir(out, "held", device);
	rep_buf_printf(out, "/%lld-%u.json", (long long)seq, index);
}

void rep_path_quarantine(struct rep_buf *out, const char *device, int64_t first, int64_t last)
{
	put_dir(out, "quarantine", device);
	rep_buf_printf(out, "/%lld-%lld.jsonl", (long long)first, (long long)last);
}

void rep_path_left(struct rep_buf *out, const char *device, const char *name)
{
	put_dir(out, "left", device);
	rep_buf_printf(out, "/%s", name);
}

void rep_path_erased(struct rep_buf *out, const char *device)
{
	put_dir(out, "erased", device);
	rep_buf_puts(out, ".jsonl");
}

void rep_path_statement(struct rep_buf *out, const char *time, int64_t run)
{
	rep_buf_printf(out, "statements/%.7s/%lld.json", time, (long long)run);
}
