"""Records that are one: which changes are folded together, and as whose.

Written from docs/rules.md ("Records that are one"), as fold.py is, which folds what is given here.
"""

import uuid

import fold


def order(edit):
    return (edit["stamp"], edit["device"], edit["seq"], edit["index"])


def admitted(edit):
    return (edit.get("verdict") or {}).get("*", {}).get("outcome") not in ("rejected", "proposed", "held")


class Groups:
    """Who is one with whom, by the latest word on each pair."""

    def __init__(self, edits):
        self.words = {}
        for edit in edits:
            if edit["op"] in ("alias", "unalias") and admitted(edit):
                pair = (edit["entity"], edit["id"], edit["line"]["into"])
                if pair not in self.words or order(self.words[pair]) < order(edit):
                    self.words[pair] = edit
        self.next = {}
        for (entity, loser, into), edit in self.words.items():
            if edit["op"] == "alias":
                self.next.setdefault((entity, loser), set()).add(into)
                self.next.setdefault((entity, into), set()).add(loser)

    def of(self, entity, ident):
        """The ids that are one with this one, itself among them, sorted."""
        found, todo = set(), [ident]
        while todo:
            at = todo.pop()
            if at not in found:
                found.add(at)
                todo += self.next.get((entity, at), ())
        return sorted(found)

    def standing(self, entity, ident):
        """The aliases that stand and touch the record, oldest first."""
        return sorted((edit for (name, loser, into), edit in self.words.items()
                       if name == entity and ident in (loser, into) and edit["op"] == "alias"), key=order)

    def tombstone(self, entity, ident, root):
        newest = self.standing(entity, ident)[-1]
        return {"merged_into": root, "rep": newest["rep"], "stamp": newest["stamp"]}

    def apart(self, entity, a, b):
        """The latest word that the two are two, where no alias between them stands."""
        words = [self.words[key] for key in ((entity, a, b), (entity, b, a)) if key in self.words]
        if not words or any(edit["op"] == "alias" for edit in words):
            return None
        return max(words, key=order)


def conflict_id(entity, ident, name):
    return str(uuid.uuid5(fold.NAMESPACE, f"conflict/{entity}/{ident}/{name}"))


def as_root(edit, root, fields):
    """The edit as one of the root's; a decision on a conflict of its own record is one on the root's."""
    out = {**edit, "id": root, "own": edit["id"]}
    if edit["op"] == "resolve":
        for name in ["*"] + sorted({field.unit for field in fields.values()}):
            if edit["line"].get("item") == conflict_id(edit["entity"], edit["id"], name):
                out["line"] = {**edit["line"], "item": conflict_id(edit["entity"], root, name)}
    return out


def fold_group(make, entity, ids, edits, groups):
    """Outcomes of the sorted edits of a group, and the fold of each of its ids. `make` begins a fold of an id."""
    if len(ids) == 1:
        one = make(ids[0])
        return [one.fold(edit) for edit in edits], {ids[0]: one}
    alone = {ident: make(ident) for ident in ids}
    for edit in edits:
        alone[edit["id"]].fold(edit)
    made = {ident: one for ident, one in alone.items() if one.record}
    for one in alone.values():
        one.reviews = {}
    root = min(made or alone, key=lambda ident: (made[ident].record.stamp if made else "", ident))
    joined = make(root)
    outcomes = [joined.fold(as_root(edit, root, joined.schema.entities[entity].fields)) for edit in edits]
    for ident, one in made.items():
        one.record.deleted = groups.tombstone(entity, ident, root)
    alone[root] = joined
    return outcomes, alone


def fold_all(schema, org, edits):
    """Outcomes in the order given, and the folds by (entity, id)."""
    groups = Groups(edits)
    known = fold.forget(edits, groups.of)
    folds, outcomes, places = {}, [None] * len(edits), {}
    for i, edit in enumerate(known):
        places.setdefault((edit["entity"], *groups.of(edit["entity"], edit["id"])), []).append(i)
    for (entity, *ids), found in places.items():
        found.sort(key=lambda i: order(known[i]))
        told, made = fold_group(lambda _: fold.Fold(schema, org), entity, ids, [known[i] for i in found], groups)
        folds.update({(entity, ident): one for ident, one in made.items()})
        for i, outcome in zip(found, told):
            outcomes[i] = outcome
    return outcomes, folds
