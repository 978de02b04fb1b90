/*
 * Three-way merge of texts by line.
 *
 * Lines are what stands between line feeds. Each side is compared with the base by a longest common
 * subsequence, read from the top: equal lines pair; else a line of the base is dropped when that keeps
 * at least as much in common as dropping one of the side. Lines of the base that pair on both sides cut
 * the texts into stretches; in each the side that changed it counts, both when they changed it alike,
 * and when they changed it differently the texts overlap. Changes with no common line between them fall
 * into one stretch.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/model/fold_run.h"

/* Above this many pairs of lines a comparison costs more than it is worth: they count as overlapping. */
#define PAIRS_MAX (4u * 1024u * 1024u)
#define UNPAIRED SIZE_MAX

struct line {
	const char *text;
	size_t len;
};

struct lines {
	struct line *items;
	size_t len;
	size_t *pair; /* of the base only: the paired line of a side */
};

static bool split(struct lines *out, const char *text)
{
	size_t len = 1;

	for (const char *at = text; *at; at++)
		len += *at == '\n';
	out->len = 0;
	out->items = calloc(len, sizeof(*out->items));
	if (!out->items)
		return false;
	for (;;) {
		const char *end = strchr(text, '\n');
		out->items[out->len++] =
			(struct line){text, end ? (size_t)(end - text) : strlen(text)};
		if (!end)
			return true;
		text = end + 1;
	}
}

static bool same_line(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* pair[i] = the line of `side` that pairs with line i of `base`, or UNPAIRED. NULL without memory. */
static size_t *pair_lines(const struct lines *base, const struct lines *side)
{
	size_t rows = base->len + 1, columns = side->len + 1, i = 0, j = 0;
	size_t *pair = calloc(base->len, sizeof(*pair));
	uint32_t *common = NULL;

	if (pair)
		common = calloc(rows * columns, sizeof(*common));
	if (!common) {
		free(pair);
		return NULL;
	}
	for (size_t row = base->len; row-- > 0;) {
		for (size_t column = side->len; column-- > 0;) {
			uint32_t below = common[(row + 1) * columns + column];
			uint32_t right = common[row * columns + column + 1];
			if (same_line(&base->items[row], &side->items[column]))
				common[row * columns + column] =
					common[(row + 1) * columns + column + 1] + 1;
			else
				common[row * columns + column] = below >= right ? below : right;
		}
	}
	for (size_t row = 0; row < base->len; row++)
		pair[row] = UNPAIRED;
	while (i < base->len && j < side->len) {
		if (same_line(&base->items[i], &side->items[j]))
			pair[i++] = j++;
		else if (common[(i + 1) * columns + j] >= common[i * columns + j + 1])
			i++;
		else
			j++;
	}
	free(common);
	return pair;
}

/* A stretch of lines [from, until). */
struct stretch {
	const struct lines *lines;
	size_t from, until;
};

static bool same_stretch(const struct stretch *a, const struct stretch *b)
{
	if (a->until - a->from != b->until - b->from)
		return false;
	for (size_t i = 0; i < a->until - a->from; i++) {
		if (!same_line(&a->lines->items[a->from + i], &b->lines->items[b->from + i]))
			return false;
	}
	return true;
}

static void put_stretch(struct rep_buf *out, bool *first, const struct stretch *stretch)
{
	for (size_t i = stretch->from; i < stretch->until; i++) {
		if (!*first)
			rep_buf_putc(out, '\n');
		*first = false;
		rep_buf_put(out, stretch->lines->items[i].text, stretch->lines->items[i].len);
	}
}

/* Appends what the two sides make of one stretch; false when they overlap. */
static bool merge_stretch(struct rep_buf *out, bool *first, const struct stretch *base,
			  const struct stretch *ours, const struct stretch *theirs)
{
	if (same_stretch(base, ours) || same_stretch(ours, theirs))
		put_stretch(out, first, theirs);
	else if (same_stretch(base, theirs))
		put_stretch(out, first, ours);
	else
		return false;
	return true;
}

/* Walks the base: lines paired on both sides end a stretch each. */
static bool merge_lines(struct rep_buf *out, const struct lines *base, const struct lines *ours,
			const struct lines *theirs, const size_t *pair_ours,
			const size_t *pair_theirs)
{
	struct stretch b = {base, 0, 0}, o = {ours, 0, 0}, t = {theirs, 0, 0};
	bool first = true;

	for (size_t i = 0; i < base->len; i++) {
		if (pair_ours[i] == UNPAIRED || pair_theirs[i] == UNPAIRED)
			continue;
		b.until = i;
		o.until = pair_ours[i];
		t.until = pair_theirs[i];
		if (!merge_stretch(out, &first, &b, &o, &t))
			return false;
		b = (struct stretch){base, i, i + 1};
		put_stretch(out, &first, &b);
		b.from = i + 1;
		o.from = pair_ours[i] + 1;
		t.from = pair_theirs[i] + 1;
	}
	b.until = base->len;
	o.until = ours->len;
	t.until = theirs->len;
	return merge_stretch(out, &first, &b, &o, &t);
}

static bool too_large(const struct lines *base, const struct lines *side)
{
	return base->len + 1 > PAIRS_MAX / (side->len + 1);
}

static enum rep_code merge_split(struct rep_buf *merged, const struct lines *base,
				 const struct lines *ours, const struct lines *theirs)
{
	size_t *pair_ours, *pair_theirs;
	enum rep_code rc = REP_ENOMEM;

	if (too_large(base, ours) || too_large(base, theirs))
		return REP_EINVAL;
	pair_ours = pair_lines(base, ours);
	pair_theirs = pair_lines(base, theirs);
	if (pair_ours && pair_theirs)
		rc = merge_lines(merged, base, ours, theirs, pair_ours, pair_theirs) ? REP_OK
										     : REP_EINVAL;
	free(pair_ours);
	free(pair_theirs);
	return rc;
}

enum rep_code rep_text_merge(const char *base, const char *ours, const char *theirs, char **out)
{
	struct lines b = {0}, o = {0}, t = {0};
	struct rep_buf merged = REP_BUF_INIT(REP_TEXT_SIZE_MAX);
	enum rep_code rc = REP_ENOMEM;

	*out = NULL;
	if (split(&b, base) && split(&o, ours) && split(&t, theirs))
		rc = merge_split(&merged, &b, &o, &t);
	if (!rc && merged.failed)
		rc = merged.failed == REP_ENOMEM ? REP_ENOMEM : REP_EINVAL;
	if (!rc) {
		*out = merged.len ? rep_buf_take(&merged) : strdup("");
		rc = *out ? REP_OK : REP_ENOMEM;
	}
	rep_buf_clear(&merged);
	free(b.items);
	free(o.items);
	free(t.items);
	return rc;
}
