#!/usr/bin/env python3
"""Judges the seeds that repsync-sim played.

    repsync-sim --count 100 --dump DIR | python3 tests/oracle/check_sim.py

Reads its lines, "seed N DIR/N" and "failed N: ...", and for each seed central as `git archive` gave it. The records are folded
anew by fold.py, which sorts the whole set of admitted changes and folds it once. Prints the first difference of each
seed and the command that plays it again. Exit 1 when one seed failed. --keep leaves the dumps, --quiet prints the total only.
"""

import argparse
import collections
import glob
import json
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import central  # noqa: E402
import world  # noqa: E402

Wrong = central.Wrong

# What the hub may judge otherwise when things arrive in another order: uniqueness, what stands in other records (checks
# bear their own names), and the state that the record has by then.
OF_THE_MOMENT = {"unique", "referenced", "frozen"}
# Likewise where a record lay, when a move with a smaller stamp has not arrived yet.
OF_THE_PLACE = {"out-of-territory", "no-right"}
# Likewise a decision on a proposed insert: of a new record while nobody has made it, of an edit once somebody else has.
OF_THE_MAKING = {"out-of-territory", "no-right", "required", "immutable"}


def show(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


# ---- once and nothing lost ----

def check_edits(played, edits):
    """Each edit that a laptop took is in exactly one change; each that it refused in none; -n: one that was killed or may be lost is there
    whole, as n, or not at all."""
    found = {}
    for change in played.changes:
        reason = (change.line or {}).get("reason")
        found[change.device, reason] = found.get((change.device, reason), 0) + 1
    for device, reason, expected in edits:
        n = found.get((device, reason), 0)
        if n != expected and not (expected < 0 and n in (0, -expected)):
            raise Wrong("edit %s of %s: recorded %d times, expected %d" % (reason, device, n, expected))


def stamps_in(value):
    if isinstance(value, dict):
        for part in value.values():
            yield from stamps_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from stamps_in(part)
    elif isinstance(value, str):
        yield value


def check_causality(played):
    """An edit is later than everything that its author saw, whatever the clocks say."""
    for change in played.changes:
        for field, spec in ((change.line or {}).get("values") or {}).items():
            for key in ("saw", "seen"):
                for saw in stamps_in(spec.get(key)):
                    if not saw < max(change.stamp, change.signed):
                        raise Wrong("%s: %s saw %s, which is later" % (change, field, saw))


def notes(outcome):
    """The outcome itself and those of its fields, by name."""
    yield "*", outcome
    yield from (outcome.get("fields") or {}).items()


def check_items(played):
    """What did not come into force is where people find it: in a review item, or held."""
    for change in played.changes:
        if not change.outcome:
            continue
        if change.outcome["outcome"] == "held":
            path = "held/%s/%s/%d-%d.json" % (world.fanout(change.device), change.device, change.seq, change.index)
            if path not in played.files:
                raise Wrong("%s is held, but not in %s" % (change, path))
            waits_for = change.outcome.get("waits_for") or "/"
            if tuple(waits_for.split("/", 1)) in played.records:
                raise Wrong("%s waits for %s, which is there" % (change, waits_for))
        for field, note in notes(change.outcome):
            item = note.get("item")
            if item and not any((kind, item) in played.records for kind in
                                ("conflict", "proposal", "rejection", "duplicate", "claim")):
                raise Wrong("%s: there is no item %s of %s" % (change, item, field))
            told = item or change.outcome.get("item") or (field == "*" and change.outcome.get("fields"))
            if note["outcome"] in ("rejected", "proposed") and not told:
                raise Wrong("%s: %s of %s has no item" % (change, note["outcome"], field))


# ---- whose account it is ----

def lies_in_itself(entity):
    return entity.partition.get("is") == "self" or entity.partition.get("of") == ["id"]


def check_scope(played):
    """An edit of an account is its holder's right, by the assignments at the time of the edit, whenever it arrived."""
    schema = world.Schema(played.schema)
    org = world.Org(schema, played.records)
    for change in played.changes:
        entity = schema.entities.get(change.entity)
        roles = org.all_roles(change.rep, change.stamp)
        if not entity or not lies_in_itself(entity) or change.op not in ("update", "delete") or len(roles) != 1 or \
                schema.data["roles"][roles[0]]["scope"] != "held":
            continue
        # What lies ahead of its receipt was judged before the organisation of that time was known.
        if central.milliseconds(change.stamp[:24]) > played.received(change.device, change.seq):
            continue
        verdict = world.verdict_of(change.outcome or {}).get("*", {})
        if org.in_scope(change.rep, roles[0], change.id, change.stamp):
            if verdict.get("code") == "out-of-territory":
                raise Wrong("%s of %s: %s holds the account then" % (change, change.rep, roles[0]))
        elif verdict.get("outcome") not in ("proposed", "rejected", "held"):
            raise Wrong("%s of %s: nobody gave them that account then" % (change, change.rep))


# ---- devices that were taken back ----

def check_revoked(played):
    """What a device was used for before it was revoked counts, whenever it comes; what came later is told as such, and kept."""
    words = {}
    for change in played.changes:
        new = {name: spec.get("new") for name, spec in ((change.line or {}).get("values") or {}).items()}
        if change.entity == "device" and new.get("state") in ("leaving", "revoked"):
            words[change.id] = (new["since"], played.received(change.device, change.seq))
    for change in played.changes:
        verdict = (change.outcome or {}).get("code")
        since, known = words.get(change.device, ("9", 0))
        if change.stamp[:24] < since:
            if verdict == "device-inactive":
                raise Wrong("%s: the device was in use then" % change)
        elif played.received(change.device, change.seq) > known and verdict != "device-inactive":
            raise Wrong("%s: the device was revoked by then, at %s" % (change, since))


# ---- the fold ----

ENGINE = ("device", "role")


def compare_rejection(key, want, have):
    fields = have["fields"]
    for name in ("entity", "record", "device", "seq", "index", "values"):
        if fields.get(name, 0 if name in ("seq", "index") else {}) != want[name]:
            raise Wrong("%s/%s: %s\n  oracle %s\n  hub    %s" % (key + (name, show(want[name]), show(fields.get(name)))))
    if have["partition"] != want["partition"]:
        raise Wrong("%s/%s lies in %s" % (key + (have["partition"],)))


def compare_record(key, want, have):
    if key[0] == "rejection":
        return compare_rejection(key, want, have)
    for part in sorted(set(want) | set(have)):
        if want.get(part) != have.get(part):
            raise Wrong("%s/%s: %s\n  oracle %s\n  hub    %s" % (
                key + (part, show(want.get(part)), show(have.get(part)))))
    return None


def without_items(outcome):
    """What the fold says of a change. A rejection's id and a move are the hub's to add."""
    kept = {key: value for key, value in outcome.items() if key not in ("moved", "joined", "text", "fields", "waits_for")}
    if kept.get("outcome") == "rejected":
        kept.pop("item", None)
    fields = {name: {key: value for key, value in note.items() if key != "text"}
              for name, note in (outcome.get("fields") or {}).items()}
    if fields:
        kept["fields"] = fields
    return kept


def compare(central_world):
    oracle = world.World(central_world)
    expected = oracle.records()
    known = {key: record for key, record in central_world.records.items() if key[0] not in ENGINE}
    for key in sorted(set(expected) | set(known)):
        want, have = expected.get(key), known.get(key)
        if want is None or have is None:
            raise Wrong("%s/%s: %s\n  %s" % (key + (
                "the hub has it, the oracle has not" if want is None else "the oracle has it, the hub has not",
                show(want or have))))
        compare_record(key, want, have)
    for change in central_world.changes:
        place = (change.device, change.seq, change.index)
        if place not in oracle.outcomes:
            continue
        want = without_items(oracle.outcomes[place])
        have = without_items(oracle.recorded(change))
        if want != have:
            raise Wrong("%s: outcome\n  oracle %s\n  hub    %s" % (change, show(want), show(have)))


def differing_codes(a, b):
    """Codes and flags by which two verdicts differ."""
    for key in sorted(set(a) | set(b)):
        mine, theirs = a.get(key, {}), b.get(key, {})
        yield from set(mine.get("flags", [])) ^ set(theirs.get("flags", []))
        if (mine.get("outcome"), mine.get("code")) != (theirs.get("outcome"), theirs.get("code")):
            yield from {mine.get("code"), theirs.get("code")} - {None}


def followed(*worlds):
    """Records that the hub followed up after a run (references, checks that block): by changes of its own, made when it saw it."""
    return {(c.entity, c.id) for side in worlds for c in side.changes if c.device == "hub00000"
            and ((c.line or {}).get("reason") or "").startswith(("referred to by ", "deleted: ", "check ", "match "))}


def moved(*worlds):
    """Ids of the records that moved between partitions, and of those that refer to them."""
    ids = {change.id for played in worlds for change in played.changes if (change.outcome or {}).get("moved")}
    return ids | {key[1] for played in worlds for key, record in played.records.items()
                  if ids & set(stamps_in(record.get("fields")))}


def joined(*worlds):
    """Ids of the records that somebody joined or took apart, and of those that lie where these lie, or refer to them: what follows
    them lies elsewhere as soon as the word of it has arrived, and not before."""
    ids = {ident for played in worlds for c in played.changes if c.op in ("alias", "unalias") for ident in (c.id, c.line["into"])}
    return ids | {key[1] for played in worlds for key, record in played.records.items()
                  if record.get("partition") in ids or ids & set(stamps_in(record.get("fields")))} | {
        c.id for played in worlds for c in played.changes if ids & set(stamps_in(c.line))}


def joins(played):
    """Did the hub join records of itself? When it did depends on what it saw when, and with it where lies what follows them."""
    return any(c.device == "hub00000" and c.op == "alias" and ((c.line or {}).get("reason") or "").startswith("match ")
               for c in played.changes)


def makes(change):
    return change.op == "insert" or (change.op == "resolve" and (change.line or {}).get("decision") == "accept")


def made_twice(played):
    """Where decisions on a proposed insert stand whose record somebody else may have made before them, or not yet."""
    inserts = {c.stamp: c for c in played.changes if c.op == "insert"}
    makers = collections.defaultdict(set)
    for change in played.changes:
        if makes(change):
            makers[change.entity, change.id].add((change.device, change.seq, change.index))
    for change in played.changes:
        item = played.records.get(("proposal", (change.line or {}).get("item")))
        proposed = inserts.get(item["stamps"]["*"]) if item and change.op == "resolve" else None
        if not proposed or (proposed.entity, proposed.id) != (change.entity, change.id):
            continue
        place = (change.device, change.seq, change.index)
        if makers[change.entity, change.id] - {place, (proposed.device, proposed.seq, proposed.index)}:
            yield place


def check_shuffle(played, other):
    """Another order of delivery: the same records, unless admission itself judged by the moment."""
    mine = {(c.device, c.seq, c.index): c for c in played.changes}
    theirs = {(c.device, c.seq, c.index): c for c in other.changes}
    checks = {check["name"] for entity in played.schema["entity"].values() for check in entity.get("checks", [])}
    excused, movers, twice = False, moved(played, other) | joined(played, other), set(made_twice(played))
    elsewhere = joins(played) or joins(other)
    versions = world.Versions(played)

    def verdict(change):
        outcome = change.outcome or {}
        return versions.begun(outcome.get("schema", change.made), change.entity, world.verdict_of(outcome))
    for place in sorted(set(mine) | set(theirs)):
        if place not in mine or place not in theirs:
            if place[0] == "hub00000":  # what the hub follows up depends on what it saw when
                continue
            raise Wrong("shuffle: %s-%d-%d was merged in one order only" % place)
        a, b = (verdict(side[place]) for side in (mine, theirs))
        if a == b:
            continue
        of_the_moment = OF_THE_MOMENT | checks | (OF_THE_PLACE if elsewhere or mine[place].id in movers else set())
        of_the_moment |= OF_THE_MAKING if place in twice else set()
        if not set(differing_codes(a, b)) <= of_the_moment:
            raise Wrong("shuffle: %s judged as %s, in another order as %s" % (mine.get(place), show(a), show(b)))
        excused = True
    if excused:
        return
    if any(change.entity == "duplicate" or ((change.line or {}).get("reason") or "").startswith("match ")
           for side in (played, other) for change in side.changes):
        return  # whom the hub joined, or asked for, depends on what it saw when
    touched = followed(played, other)
    for key in sorted(set(played.records) | set(other.records)):
        a, b = played.records.get(key), other.records.get(key)
        about = {(r["fields"].get("entity"), r["fields"].get("record")) for r in (a, b) if r}
        if a != b and key not in touched and not about & touched:
            raise Wrong("shuffle: %s/%s\n  %s\n  %s" % (key + (show(a), show(b))))


# ---- seeds ----

def check_seed(path):
    with open(path + ".json", encoding="utf-8") as file:
        told = json.load(file)
    played = central.Central(path + ".a.tar")
    check_edits(played, told["edits"])
    check_causality(played)
    check_items(played)
    check_scope(played)
    check_revoked(played)
    compare(played)
    for order in told["differing"]:
        check_shuffle(played, central.Central("%s.%s.tar" % (path, order)))
    return played.changes


def met(changes):
    """What the changes went through: rules that decided, and codes of admission."""
    for change in changes:
        yield change.op
        for _, note in notes(change.outcome or {"outcome": "applied"}):
            yield from (note[key] for key in ("rule", "code") if key in note)
        if change.outcome and change.outcome["outcome"] == "held":
            yield "held"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", default="0", help="as they were played, for the command that plays a seed again")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    seeds = failed = changes = 0
    counts = collections.Counter()
    for line in sys.stdin:
        words = line.split()
        if words[:1] != ["seed"]:
            print(line.rstrip(), flush=True)
            failed += words[:1] == ["failed"]
            seeds += words[:1] == ["failed"]
            continue
        number, path = words[1], words[2]
        seeds += 1
        try:
            done = check_seed(path)
            changes += len(done)
            counts.update(met(done))
        except Exception as wrong:  # one seed that cannot be read is a finding, not the end
            failed += 1
            print("failed %s: %s" % (number, wrong))
            if not isinstance(wrong, Wrong):
                traceback.print_exc()
            print("  again: script/simulate 1 --from %s --steps %s" % (number, options.steps), flush=True)
        if not options.keep:
            for file in glob.glob(glob.escape(path) + ".*"):
                os.unlink(file)
    print("simulate: %d seeds, %d changes, %d failed; met: %s" % (
        seeds, changes, failed, ", ".join("%s %d" % pair for pair in sorted(counts.items()))))
    return 1 if failed or not seeds else 0


if __name__ == "__main__":
    sys.exit(main())
