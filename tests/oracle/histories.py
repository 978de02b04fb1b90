#!/usr/bin/env python3
"""Compares core's fold with the oracle over histories.

    histories.py DRIVER SCHEMA_DIR [--seeds N] [--from SEED] [--small] [--planted KIND]

Random histories: devices that know of each other's edits only through syncs edit one record, or a few, with skewed clocks,
ties, clears, refused and proposed fields, deletes, restores, decisions; some authors lie about what they saw. Each is
folded sorted, in the order of arrival and in a shuffled order, and compared with the oracle. --small: all histories of three
concurrent edits for each rule, in all orders of arrival. --planted: the driver folds with a fault; the comparison must find it.
Prints the failing seed and the shortest line that differs; exit 1.
"""
import argparse
import collections
import hashlib
import itertools
import json
import random
import re
import subprocess
import sys
import tempfile

import fold
import join

START = 1773622800000  # 2026-03-16T01:00:00Z
REPS = {"devaaaaa": ("ana", "rep"), "devbbbbb": ("ben", "rep"), "devccccc": ("cleo", "senior"),
        "devmmmmm": ("max", "manager"), "devsssss": ("sue", "steward"), "hub00000": ("hub", None)}
HOLDS = [("employee", "ana", "t1", "primary", None, None), ("employee", "ana", "t2", "assist", None, None),
         ("employee", "ben", "t1", "assist", None, None), ("employee", "ben", "t2", "primary", None, None),
         ("employee", "cleo", "t1", "assist", None, None), ("employee", "max", "north", "primary", None, None),
         ("account", "A-1", "t1", "primary", None, "2026-03-16T01:08:00.000Z"),
         ("account", "A-1", "t2", "primary", "2026-03-16T01:08:00.000Z", None),
         ("account", "A-2", "t2", "primary", None, None),
         # a thing of its own: primary for it is who holds t2, whatever its account
         ("thing", "T-2", "t2", "primary", None, None)]


def organisation():
    rows = []

    def add(entity, ident, **fields):
        rows.append({"entity": entity, "id": ident, "fields": {k: v for k, v in fields.items() if v is not None}})
    add("territory", "north", name="n")
    add("territory", "t1", name="1", parent="north")
    add("territory", "t2", name="2", parent="north")
    for device, (rep, role) in REPS.items():
        if role:
            add("employee", rep, name=rep)
            add("device", device, rep=rep, state="active", desk=role == "steward")
            add("role", rep, rep=rep, role=role, valid_from="2026-01-01T00:00:00.000Z")
    # promoted in the middle of the histories
    add("role", "ben-2", rep="ben", role="senior", valid_from="2026-03-16T01:06:00.000Z")
    for n, (entity, subject, territory, kind, since, until) in enumerate(HOLDS):
        add("assignment", f"as-{n}", subject_entity=entity, subject=subject, territory=territory, kind=kind,
            valid_from=since or "2026-01-01T00:00:00.000Z", valid_to=until)
    return rows


def stamp(ms, counter, device):
    seconds, ms = divmod(ms - START, 1000)
    hours, rest = divmod(seconds, 3600)
    return f"2026-03-16T{1 + hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{ms:03d}Z-{counter:04x}@{device}"


TEXTS = ["a", "A", "b", "c", "", None]
LINES = ["a\nb\nc\nd", "x\nb\nc\nd", "a\nb\nc\ny", "a\nb\nz\nc\nd", "b\nc\nd", "a\nc\nd", None]
VALUES = {"f_fill": ["", "", "a", "b", None], "f_max": [1, 2, 3, None], "f_min": ["2026-01-01", "2026-01-02", None], "f_level": ["low", "middle", "high", None],
          "biz_on": ["2026-02-01", "2026-02-02", None], "f_text": LINES, "calendar": ["solar", "lunar", None],
          "stage": ["draft", "sent", "done", "cancelled"], "status": ["active", "inactive", "archived"],
          "account": ["A-1", "A-2", None], "amount": [1, 2, None]}
FIELDS = ["f_latest", "f_earliest", "f_max", "f_min", "f_level", "f_biz", "f_fill", "f_role", "f_owner", "f_source",
          "f_text", "f_fixed", "f_central", "f_review", "f_mixed", "f_secret", "day", "calendar", "stage", "status",
          "f_set", "f_map", "f_list", "f_sum", "account"]


# Rules that decide conflicts; under sum and append there are none.
DECIDE = {"latest", "earliest", "max", "min", "business-date", "fill", "role", "owner", "source", "text", "state", "immutable",
          "central", "review", "set", "map", "update-wins", "delete-wins", "restrict"}


class Device:
    def __init__(self, ident, rnd):
        self.id, self.rep = ident, REPS[ident][0]
        self.known = []       # edits, as the device has them
        self.seq = 0
        self.clock = (0, 0)
        self.skew = rnd.choice([0, 0, 0, -90000, 60000])

    def tick(self, now):
        ms, counter = self.clock
        wall = now + self.skew
        self.clock = (wall, 0) if wall > ms else (ms, counter + 1)
        return stamp(*self.clock, self.id)

    def observe(self, edit):
        self.clock = max(self.clock, edit["clock"])


class Maker:
    """One random history."""

    def __init__(self, schema, org, seed):
        self.schema, self.org, self.rnd = schema, org, random.Random(seed)
        rnd = self.rnd
        self.entity = rnd.choice(["thing"] * 5 + ["softdel", "harddel", "keepall"])
        self.ids = ["T-1", "T-2", "T-3"][:rnd.choice([1, 1, 2, 3])]
        self.joins = 0.1 if len(self.ids) > 1 and rnd.random() < 0.7 else 0.02
        self.devices = [Device(d, rnd) for d in rnd.sample(list(REPS), rnd.choice([2, 3, 3, 4]))]
        self.hub, self.now = [], START + 1
        self.focus = [FIELDS[seed % len(FIELDS)]] + rnd.sample(FIELDS, rnd.choice([0, 0, 1, 3]))  # each field has its share
        if "f_biz" in self.focus:
            self.focus.append("biz_on")

    def make(self):
        for _ in range(self.rnd.choice([4, 6, 9, 14, 20])):
            device = self.rnd.choice(self.devices)
            self.now += self.rnd.choice([0, 0, 1, 1000, 60000, 120000])
            if self.rnd.random() < 0.35:
                self.sync(device)
            else:
                self.edit(device)
        for device in self.devices:
            self.sync(device)
        return [{k: v for k, v in e.items() if k != "clock"} for e in self.hub]

    def sync(self, device):
        ids = {id(e) for e in self.hub}
        self.hub += [e for e in device.known if id(e) not in ids]
        device.known = list(self.hub)
        for edit in self.hub:
            device.observe(edit)

    def states(self, device):
        """What the device knows, by (entity, id)."""
        return join.fold_all(self.schema, self.org, device.known)[1]

    def made(self, device):
        """What each edit of the device says beside itself (versions.py)."""
        return {}

    def edit(self, device):
        rnd = self.rnd
        ident = rnd.choice(self.ids)
        state = self.states(device).get((self.entity, ident))
        record = state.record if state else None
        op, line = self.choose(device, ident, record, state)
        if op is None:
            return
        device.seq += 1
        edit = {"op": op, "entity": self.entity, "id": ident, "stamp": device.tick(self.now), "rep": device.rep,
                "device": device.id, "seq": device.seq, "index": 0, "line": line, "clock": device.clock, **self.made(device)}
        if rnd.random() < 0.12:
            edit["verdict"] = self.verdict(line)
        device.known.append(edit)

    def choose(self, device, ident, record, state):
        rnd, line = self.rnd, {}
        if device.id == "hub00000" and rnd.random() < 0.6:
            line["source"] = rnd.choice(["register", "csv"])
        if rnd.random() < 0.5:
            line["reason"] = "r"
        kind = rnd.random()
        items = [i for i in state.reviews.values()] if state else []
        if items and kind < 0.2:
            return self.resolve(line, record, rnd.choice(items))
        if record is None or kind < 0.26:
            line["values"] = {"name": {"new": rnd.choice("mno")}, "account": {"new": rnd.choice(["A-1", "A-2"])}}
            line["values"].update({n: self.inserted(n) for n in self.names() if rnd.random() < 0.6})
            return "insert", line
        if kind < 0.38:
            line["values"] = {n: self.deleted(record, n) for n in self.schema.entities[self.entity].fields}
            return "delete", line
        if rnd.random() < self.joins:
            return rnd.choice(["alias", "alias", "unalias"]), {**line, "into": self.other(ident)}
        if (record.deleted and "merged_into" not in record.deleted) or kind < 0.42:
            return "restore", {**line, "saw": (record.deleted or {"stamp": record.stamp})["stamp"]}
        names = rnd.sample(self.names(), rnd.randint(1, len(self.names())))
        line["values"] = {n: self.updated(record, n) for n in names}
        return "update", line

    def other(self, ident):
        """Whom it is joined with; rarely one that nobody knows."""
        return self.rnd.choice([other for other in self.ids if other != ident] * 4 + ["T-9"])

    def names(self):
        known = self.schema.entities[self.entity].fields
        return [n for n in self.focus if n in known] or ["name", "tags", "log", "status"]

    def value(self, name):
        return self.rnd.choice(VALUES.get(name, TEXTS))

    def parts(self):
        return self.rnd.sample(["a", "A", "b", "c"], self.rnd.choice([1, 1, 2]))

    def inserted(self, name):
        field = self.schema.entities[self.entity].fields[name]
        if field.type == "set":
            return {"new": sorted({p.lower(): p for p in self.parts()}.values())}
        if field.type == "map":
            return {"new": {k: self.rnd.choice("12") for k in self.parts()}}
        if field.type == "list":
            return {"new": [{"note": n} for n in self.parts()]}
        return {"new": self.rnd.choice([1, 5]) if name == "f_sum" else self.value(name)}

    def saw(self, record, name):
        field = self.schema.entities[self.entity].fields[name]
        if field.type in ("set", "map"):
            return {k: s for k, (_, s) in record.parts.get(name, {}).items()}
        if field.type == "list":
            return None
        return record.stamp_of(name)

    @staticmethod
    def hashed(parts):
        return {"seen_hash": hashlib.sha256(fold.canonical(parts).encode()).hexdigest()}

    def deleted(self, record, name):
        field = self.schema.entities[self.entity].fields[name]
        many = self.rnd.random() < 0.3  # as in the delete of a very large set
        if field.type in ("set", "map"):
            own = {k: s for k, (v, s) in record.parts.get(name, {}).items() if s != record.stamp or v is None}
            return self.hashed(own) if many else {"seen": self.saw(record, name)}
        if field.type == "list" and many:
            return self.hashed([e["entry"] for e in record.lists.get(name, [])])
        if field.type == "list":
            return {"old": [dict(e) for e in record.lists.get(name, [])]}
        return {"old": record.value(name), "saw": record.stamp_of(name)}

    def updated(self, record, name):
        rnd = self.rnd
        field = self.schema.entities[self.entity].fields[name]
        if field.type == "set":
            seen = self.saw(record, name)
            spec = {"add": self.parts(), "remove": self.parts() if rnd.random() < 0.5 else []}
            if rnd.random() < 0.85:
                spec["seen"] = seen
            return spec
        if field.type == "map":
            keys = {}
            for key in self.parts():
                stands = record.parts.get(name, {}).get(key, (None, None))
                keys[key] = {"new": rnd.choice(["1", "2", None]), "old": stands[0]}
                if stands[1] and rnd.random() < 0.85:
                    keys[key]["saw"] = stands[1]
            return {"keys": keys}
        if field.type == "list":
            return {"entry": {"note": rnd.choice("xyz")}}
        if name == "f_sum":
            return rnd.choice([{"delta": 3}, {"delta": -1}, {"set": 10}, {"new": 7, "old": 5}])
        spec = {"new": self.value(name), "old": record.value(name), "saw": record.stamp_of(name)}
        lie = rnd.random()
        if lie < 0.08:
            del spec["saw"]
        elif lie < 0.12:
            del spec["saw"], spec["old"]
        elif lie < 0.18:
            spec["saw"] = rnd.choice([e["stamp"] for d in self.devices for e in d.known])
        return spec

    def resolve(self, line, record, item):
        rnd = self.rnd
        line["item"] = item.id
        if item.kind == "proposal":
            line["decision"] = rnd.choice(["accept", "accept", "decline", "withdraw"])
            if line["decision"] == "accept":
                line["values"] = {n: {**s, **({"saw": record.stamp_of(n)} if record and "new" in s else {})}
                                  for n, s in item.get("values").items()}
            return "resolve", line
        line["rivals"] = [r["stamp"] for r in item.get("rivals") if rnd.random() < 0.9]
        fields = self.schema.entities[self.entity].fields
        name = item.get("field")
        if record and name in fields and fields[name].type not in ("set", "map", "list") and rnd.random() < 0.7:
            line["values"] = {name: {"new": rnd.choice(item.get("rivals"))["value"], "saw": record.stamp_of(name)}}
            if isinstance(line["values"][name]["new"], dict):
                del line["values"]
        return "resolve", line

    def verdict(self, line):
        rnd = self.rnd
        whole = rnd.random()
        if whole < 0.2:
            return {"*": {"outcome": rnd.choice(["rejected", "proposed"]), "code": "no-right"}}
        if whole < 0.35:
            return {"*": {"flags": ["late-final"]}}
        names = list(line.get("values") or {"zzz": 1})
        return {n: {"outcome": rnd.choice(["rejected", "proposed"]), "code": "no-right"}
                for n in rnd.sample(names, min(len(names), rnd.choice([1, 1, 2])))}


def small_histories():
    """An insert and three edits of one field, over devices, values and what each author saw."""
    patterns = [("devaaaaa", "devbbbbb", "devccccc"), ("devbbbbb", "devaaaaa", "devbbbbb"),
                ("devaaaaa", "devbbbbb", "devaaaaa"), ("devccccc", "devbbbbb", "devaaaaa"),
                ("devbbbbb", "devmmmmm", "hub00000"), ("devaaaaa", "devaaaaa", "devbbbbb")]
    choices = {"f_set": [{"add": ["a"]}, {"remove": ["a"]}, {"add": ["b"], "remove": ["a"]}],
               "f_map": [{"keys": {"a": {"new": "1"}}}, {"keys": {"a": {"new": "2"}}}, {"keys": {"a": {"new": None}}}],
               "f_list": [{"entry": {"note": "x"}}], "f_sum": [{"delta": 1}, {"set": 5}]}
    for name in FIELDS:
        values = VALUES.get(name, ["b", "c", None])[:3]
        specs = choices.get(name) or [{"new": v} for v in values]
        for devices, picks in itertools.product(patterns, itertools.product(specs, repeat=3)):
            for seen in itertools.product(range(1), range(2), range(3)):
                yield small_history(name, devices, picks, seen)


def small_history(name, devices, picks, seen):
    first = {"f_set": ["a"], "f_map": {"a": "0"}, "f_list": [], "f_sum": 1}.get(name, VALUES.get(name, ["a"])[0])
    values = {"name": {"new": "n"}, "account": {"new": "A-1"}, name: {"new": first}}
    edits = [{"op": "insert", "entity": "thing", "id": "T-1", "stamp": stamp(START, 0, "hub00000"), "rep": "hub",
              "device": "hub00000", "seq": 1, "index": 0, "line": {"values": values}}]
    for n, (device, pick, saw) in enumerate(zip(devices, picks, seen)):
        seen_stamp, spec = edits[saw]["stamp"], json.loads(json.dumps(pick))
        if "new" in spec:
            spec.update(old=first if saw == 0 else picks[saw - 1]["new"], saw=seen_stamp)
        elif "keys" in spec:
            spec["keys"]["a"]["saw"] = seen_stamp
        else:
            spec.setdefault("seen", {'"a"': seen_stamp})
        edits.append({"op": "update", "entity": "thing", "id": "T-1", "stamp": stamp(START + 240000 * (n + 1), 0, device),
                      "rep": REPS[device][0], "device": device, "seq": n + 2, "index": 0,
                      "line": {"values": {name: spec}}})
    return edits


def drive(driver, schema_dir, histories, *mode):
    """The driver's line for each history."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        file.write(json.dumps({"org": organisation()}, ensure_ascii=False) + "\n")
        for edits in histories:
            file.write(json.dumps({"edits": edits}, ensure_ascii=False) + "\n")
        file.flush()
        file.seek(0)
        done = subprocess.run([driver, schema_dir, *mode], stdin=file, stdout=subprocess.PIPE, check=False)
    lines = done.stdout.decode().splitlines()
    if done.returncode or len(lines) != len(histories):
        sys.exit(f"histories: the driver {' '.join(mode)} ended with {done.returncode} after {len(lines)} histories")
    return lines


def differences(expected, got, path=""):
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(expected.keys() | got.keys()):
            yield from differences(expected.get(key), got.get(key), f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for n, (one, other) in enumerate(zip(expected, got)):
            yield from differences(one, other, f"{path}/{n}")
    elif expected != got:
        yield f"{path}: oracle {fold.canonical(expected)}, core {fold.canonical(got)}"


def report(where, edits, expected, got):
    print(f"histories: {where} differs", file=sys.stderr)
    for edit in edits:
        print("  ", fold.canonical(edit), file=sys.stderr)
    for line in differences(json.loads(expected), json.loads(got)):
        print("  ", line, file=sys.stderr)


def unordered(line, order):
    """A line of a shuffled history with its outcomes back in the first order."""
    data = json.loads(line)
    outcomes = [None] * len(order)
    for place, outcome in zip(order, data["outcomes"]):
        outcomes[place] = outcome
    return fold.canonical({**data, "outcomes": outcomes})


def compare(names, histories, expected, got):
    """The number of differences; the shortest history that differs is shown."""
    bad = [i for i in range(len(histories)) if expected[i] != got[i]]
    if bad:
        worst = min(bad, key=lambda i: len(histories[i]))
        report(names[worst], histories[worst], expected[worst], got[worst])
        print("histories: replay with --seeds 1 --from and its number", file=sys.stderr)
    return len(bad)


def check_random(args, schema, org):
    seeds = range(args.start, args.start + args.seeds)
    histories = [Maker(schema, org, seed).make() for seed in seeds]
    expected = [fold.printed(*join.fold_all(schema, org, h)) for h in histories]
    if args.planted:
        got = drive(args.driver, args.schema, histories, "--planted=" + args.planted)
        return sum(a != b for a, b in zip(expected, got))
    bad = compare([f"seed {s}, sorted" for s in seeds], histories, expected, drive(args.driver, args.schema, histories))
    bad += compare([f"seed {s}, as it arrived" for s in seeds], histories, expected,
                   drive(args.driver, args.schema, histories, "--arrival"))
    orders = [random.Random(-1 - s).sample(range(len(h)), len(h)) for s, h in zip(seeds, histories)]
    shuffled = [[h[i] for i in o] for h, o in zip(histories, orders)]
    got = [unordered(line, o) for line, o in zip(drive(args.driver, args.schema, shuffled, "--arrival"), orders)]
    bad += compare([f"seed {s}, shuffled" for s in seeds], histories, expected, got)
    met = collections.Counter(re.findall(r'"rule":"([a-z-]+)"', "".join(expected)))
    print(f"histories: {len(histories)} seeds, {sum(map(len, histories))} edits, "
          f"{sum(e.count(chr(34) + 'rivals') for e in expected)} conflicts, {bad} differences; decided by "
          + ", ".join(f"{rule} {met[rule]}" for rule in sorted(met)))
    missing = DECIDE - met.keys() if args.seeds >= 400 else set()
    if missing:
        print(f"histories: no conflict was decided by {', '.join(sorted(missing))}", file=sys.stderr)
    return bad + len(missing)


def check_small(args, schema, org):
    histories = list(small_histories())
    expected = [fold.printed(*join.fold_all(schema, org, h)) for h in histories]
    bad = compare([f"small history {i}" for i in range(len(histories))], histories, expected,
                  drive(args.driver, args.schema, histories, "--all-orders"))
    print(f"histories: {len(histories)} small histories in all orders of arrival, {bad} differences")
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("schema")
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--from", dest="start", type=int, default=1)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--planted")
    args = parser.parse_args()
    schema = fold.Schema(args.schema)
    org = fold.Org(schema, organisation())
    bad = check_small(args, schema, org) if args.small else check_random(args, schema, org)
    if args.planted:
        print(f"histories: the planted fault `{args.planted}` shows in {bad} of {args.seeds} seeds")
        sys.exit(0 if bad else 1)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
