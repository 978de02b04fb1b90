/*
 * Search in names, phones and other short texts, as people type them: two Chinese characters, a part of a number, the initials of
 * a name in pinyin.
 *
 * FTS5's trigram tokenizer does not find 刘敏 (two characters) and unicode61 finds whole names only; so the engine keeps its own
 * index: each record's normalised text (NFKC, case, simplified characters; the pinyin initials of short values behind them) and the
 * one- and two-character grams of it. Triggers only queue what changed; the queue is worked off before a search. Grams find the
 * candidates, the text decides.
 *
 *	_search_dirty(entity, id)		changed since the last search
 *	_search_doc(doc, entity, id, text)
 *	_gram(gram, doc)
 */
#ifndef REPSYNC_CORE_STORE_SEARCH_H
#define REPSYNC_CORE_STORE_SEARCH_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/store/replica.h"

REP_CHECK enum rep_code rep_search_create(struct rep_db *db, struct rep_error *err);
/* Appends the triggers of every entity that is searched, each with a NUL behind it. */
void rep_search_triggers(struct rep_buf *out, const struct rep_schema *schema);
/* All rows are queued, because another schema may search other fields. */
REP_CHECK enum rep_code rep_search_queue_all(struct rep_db *db, const struct rep_schema *schema,
					     struct rep_error *err);
/* One row, as the triggers do; nothing where its entity is not searched. */
REP_CHECK enum rep_code rep_search_queue(struct rep_db *db, const struct rep_entity *entity,
					 const char *id, struct rep_error *err);
REP_CHECK enum rep_code rep_search_catch_up(struct rep_replica *replica, struct rep_error *err);
/*
 * Records that hold every word of `text`, best first (words near the start of the title, short texts): an array of [entity, id]. At
 * most `limit`, 0 = all. Tombstones and archived records are not found. Catches up first, except on a read-only replica.
 */
REP_CHECK enum rep_code rep_search_find(struct rep_replica *replica, const char *text,
					int64_t limit, struct rep_json **out,
					struct rep_error *err);

#endif
