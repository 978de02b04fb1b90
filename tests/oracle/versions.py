#!/usr/bin/env python3
"""The oracle over two versions of the schema: each edit is judged and folded by the version of its time.

    versions.py DRIVER SCHEMA_DIR [--seeds N] [--from SEED]

The second version is made here of the first: fields get other names, one goes, one is derived, an enum's values and a group's are
others, rules change, a required field is new. Devices learn of it at a sync and write under the first until then; clocks are skewed,
so that edits of either version lie on either side of its beginning. Written from docs/rules.md and docs/schema.md.
"""
import argparse
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile

import fold
import histories
import join

SINCE = "2026-03-16T01:05:00.000Z"
PUBLISHED = histories.START + 4 * 60000
RENAME = {"f_latest": "f_newest", "f_map": "f_pairs", "day": "feast_day", "f_source": "f_origin"}
BACK = {new: old for old, new in RENAME.items()}
VALUES = {"f_level": {"middle": "mid"}, "calendar": {"lunar": "moon"}}
DERIVE = {"mark": "old.name || '-' || coalesce(old.f_owner, '?')"}
READS = {"mark": ("name", "f_owner")}
DROP = ["f_earliest"]
RULES = {"f_review": "latest", "f_role": ["earliest"], "f_max": "min", "f_origin": ["role", "review"]}
FIELDS = [RENAME.get(name, name) for name in histories.FIELDS if name not in DROP] + ["mark", "badge_no"]
NEW = [{"name": "mark", "type": "text", "label": {"zh": "记号", "en": "Mark"}, "rule": ["owner", "latest"]},
       {"name": "badge_no", "type": "text", "label": {"zh": "号牌", "en": "Badge"}, "required": True, "default": "none"}]


def make_second(first, folder):
    """The files of the second version."""
    shutil.copytree(first, folder, dirs_exist_ok=True)
    path = os.path.join(folder, "entities", "thing.json")
    with open(path, encoding="utf-8") as file:
        thing = json.load(file)
    fields = []
    for field in thing["fields"]:
        if field["name"] in DROP:
            continue
        field["name"] = RENAME.get(field["name"], field["name"])
        field["values"] = [VALUES.get(field["name"], {}).get(v, v) for v in field["values"]] if "values" in field else None
        field["rule"] = RULES.get(field["name"], field.get("rule", "latest"))
        if field["name"] == "f_max":
            field.pop("lower")
        fields.append({k: v for k, v in field.items() if v is not None})
    thing["fields"] = fields + NEW
    with open(path, "w", encoding="utf-8") as file:
        json.dump(thing, file, ensure_ascii=False)
    path = os.path.join(folder, "schema.json")
    with open(path, encoding="utf-8") as file:
        top = json.load(file)
    top.update(version=2, mappings=[{"from": 1, "entity": "thing", "rename": RENAME, "values": VALUES, "derive": DERIVE, "drop": DROP}])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(top, file, ensure_ascii=False)


class Step:
    """An entity from the first version to the second."""

    def __init__(self, older, newer):
        self.older, self.newer = older, newer
        self.changes = older.name == "thing"
        self.sql = sqlite3.connect(":memory:")

    def forward(self, name):
        if not self.changes:
            return name
        if name in DROP or name not in self.older.fields:
            return None
        return RENAME.get(name, name)

    def back(self, name):
        if not self.changes:
            return name
        old = BACK.get(name, name)
        return old if old in self.older.fields and self.forward(old) == name else None

    def value(self, name, value):
        """A value of the newer field `name`, as that has it."""
        table = VALUES.get(name, {}) if self.changes else {}
        return table.get(value, value) if isinstance(value, str) else value

    def derived(self, name, old):
        columns = ", ".join(f"? AS {field}" for field in READS[name])
        row = self.sql.execute(f"SELECT ({DERIVE[name]}) FROM (SELECT {columns}) AS old", [old.get(f) for f in READS[name]])
        return row.fetchone()[0]

    # ---- lines ----

    def spec(self, name, spec):
        return {key: self.value(name, value) if key in ("new", "old") else value for key, value in spec.items()}

    def line(self, op, line):
        if "values" not in line:
            return line
        values = {self.forward(n): self.spec(self.forward(n), s) for n, s in line["values"].items() if self.forward(n)}
        for name in DERIVE if self.changes else ():
            given = [line["values"].get(n) for n in READS[name]]
            told = self.derive_line(op, name, line["values"])
            if told is not None and (op == "insert" or any(g is not None for g in given)):
                values[name] = told
        return {**line, "values": values}

    def derive_line(self, op, name, values):
        specs = {n: values.get(n, {}) for n in READS[name]}
        out = {}
        for key in ("new", "old"):
            whole = all(key in spec for spec in specs.values())
            if (key == "new" and (op == "insert" or (op != "delete" and whole))) or (key == "old" and op != "insert" and whole):
                out[key] = self.derived(name, {n: spec.get(key) for n, spec in specs.items()})
        saws = [spec["saw"] for spec in specs.values() if isinstance(spec.get("saw"), str)]
        if saws:
            out["saw"] = max(saws)
        return out if "new" in out or op == "delete" else None

    def verdict(self, verdict):
        return {n if n == "*" else self.forward(n): entry for n, entry in verdict.items() if n == "*" or self.forward(n) or
                n not in self.older.fields} if verdict else verdict

    # ---- records ----

    def record(self, record):
        derived = {}
        for name in DERIVE if self.changes else ():
            written = [n for n in READS[name] if record.written(n)]
            value = self.derived(name, {n: record.value(n) for n in READS[name]})
            if written or value is not None:
                derived[name] = (value, max([record.stamp] + [record.stamp_of(n) for n in written]))
        record.entity = self.newer
        if not self.changes:
            return
        for kind in ("cells", "parts", "lists", "sources"):
            setattr(record, kind, {self.forward(n): v for n, v in getattr(record, kind).items() if self.forward(n)})
        record.cells = {n: (self.value(n, v), s) for n, (v, s) in record.cells.items()}
        record.cells.update(derived)
        for field in self.newer.fields.values():
            older = self.back(field.name)
            was_required = older and self.older.fields[older].required
            if field.required and field.preset is not None and not was_required and record.value(field.name) is None:
                record.cells[field.name] = (field.preset, record.stamp)

    def item(self, item):
        if not self.changes:
            return
        if item.kind == "conflict":
            self.conflict(item)
        elif item.get("values") is not None:
            self.proposal(item)

    @staticmethod
    def set(item, name, value):
        """As the record is carried: the stamps stay."""
        stamp = item.cells[name][1] if name in item.cells else item.stamp
        item.cells[name] = (value, stamp)

    def conflict(self, item):
        unit = item.get("field")
        lead = next((f for f in self.older.fields.values() if f.unit == unit), None)
        if lead is None:
            return
        name = self.forward(lead.name)
        if name is None:
            self.set(item, "state", "decided")
            return

        def value(given):
            if lead.group:
                return {self.forward(n): self.value(self.forward(n), v) for n, v in given.items() if self.forward(n)}
            return self.value(name, given)
        self.set(item, "rivals", [{**rival, "value": value(rival["value"])} for rival in item.get("rivals")])
        self.set(item, "field", self.newer.fields[name].unit)

    def proposal(self, item):
        values = self.line("update", {"values": item.get("values")})["values"]
        if not values and item.get("values") and item.get("state") == "open":
            self.set(item, "state", "expired")
        saw = {self.forward(n): s for n, s in (item.get("saw") or {}).items() if self.forward(n) in values}
        self.set(item, "values", values)
        if item.get("saw") is not None:
            self.set(item, "saw", saw or None)


class VersionFold(fold.Fold):
    """One record over both versions."""

    def __init__(self, versions, refused):
        super().__init__(versions.schemas[1], versions.orgs[1])
        self.versions, self.refused, self.shape = versions, refused, 1
        self.under = {}

    def fold(self, edit):
        number = max(edit["version"], self.shape, 2 if edit["stamp"][:24] >= SINCE else 1)
        self.carry(edit["entity"], number)
        read = self.versions.read(edit, number)
        out = super().fold(fold.strip(read, self.refused, canon=lambda _, name: self.versions.canon(edit["entity"], number, name)))
        self.told[-1] = (edit, out)
        self.under[id(edit)] = number
        return out

    def carry(self, entity, number):
        if self.shape < number:
            self.shape, self.schema, self.org = number, self.versions.schemas[number], self.versions.orgs[number]
            step = self.versions.step(entity)
            if self.record:
                step.record(self.record)
            for item in self.reviews.values():
                step.item(item)

    def read_now(self, edit):
        return self.versions.read(edit, self.shape)

    def called(self, edit, name):
        return name if self.under[id(edit)] == self.shape else self.versions.step(edit["entity"]).back(name)


class Versions:
    def __init__(self, first, second):
        self.schemas = {1: fold.Schema(first), 2: fold.Schema(second)}
        self.orgs = {n: fold.Org(schema, histories.organisation()) for n, schema in self.schemas.items()}
        self.steps = {}

    def step(self, entity):
        if entity not in self.steps:
            self.steps[entity] = Step(self.schemas[1].entities[entity], self.schemas[2].entities[entity])
        return self.steps[entity]

    def canon(self, entity, number, name):
        if name == "*" or number == 2:
            return name
        return self.step(entity).forward(name) or name

    def read(self, edit, number):
        if edit["version"] >= number:
            return edit
        step = self.step(edit["entity"])
        return {**edit, "line": step.line(edit["op"], edit["line"]), "verdict": step.verdict(edit.get("verdict"))}

    def fold_all(self, edits):
        """Outcomes in the order given, and the folds."""
        refused = fold.refusals(edits, lambda edit, name: self.canon(edit["entity"], edit["version"], name))
        folds, outcomes = {}, [None] * len(edits)
        for i in sorted(range(len(edits)), key=lambda i: join.order(edits[i])):
            key = edits[i]["entity"], edits[i]["id"]
            if key not in folds:
                folds[key] = VersionFold(self, refused)
            outcomes[i] = folds[key].fold(edits[i])
        for (entity, _), one in folds.items():
            one.carry(entity, 2)
        return outcomes, folds


class Maker(histories.Maker):
    def __init__(self, versions, seed):
        super().__init__(versions.schemas[1], versions.orgs[1], seed)
        self.versions, self.ids, self.joins = versions, ["T-1"], 0
        for device in self.devices:
            device.version = 1
        self.focus = [FIELDS[seed % len(FIELDS)]] + self.focus[1:]

    def sync(self, device):
        super().sync(device)
        if self.now >= PUBLISHED:
            device.version = 2

    def states(self, device):
        self.schema = self.versions.schemas[device.version]
        if device.version == 1:
            return join.fold_all(self.schema, self.versions.orgs[1], [e for e in device.known if e["version"] == 1])[1]
        return self.versions.fold_all(device.known)[1]

    def made(self, device):
        return {"version": device.version}

    def names(self):
        known = self.schema.entities[self.entity].fields
        names = [RENAME.get(n, n) if "f_newest" in known else BACK.get(n, n) for n in self.focus]
        return [n for n in names if n in known] or [n for n in ("name", "f_owner", "tags", "log", "status") if n in known]

    def value(self, name):
        field = self.schema.entities[self.entity].fields[name]
        if field.values and name in VALUES:
            return self.rnd.choice(field.values + [None])
        return super().value(BACK.get(name, name))


def drive(driver, first, second, edits, *mode):
    return histories.drive(driver, first, edits, *mode, f"--second={SINCE},{second}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("schema")
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--from", dest="start", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as second:
        make_second(args.schema, second)
        versions = Versions(args.schema, second)
        seeds = range(args.start, args.start + args.seeds)
        made = [Maker(versions, seed).make() for seed in seeds]
        expected = [fold.printed(*versions.fold_all(edits)) for edits in made]
        orders = [random.Random(-1 - s).sample(range(len(h)), len(h)) for s, h in zip(seeds, made)]
        bad = histories.compare([f"seed {s}, sorted" for s in seeds], made, expected, drive(args.driver, args.schema, second, made))
        bad += histories.compare([f"seed {s}, as it arrived" for s in seeds], made, expected,
                                 drive(args.driver, args.schema, second, made, "--arrival"))
        shuffled = [[h[i] for i in o] for h, o in zip(made, orders)]
        got = [histories.unordered(line, o) for line, o in zip(drive(args.driver, args.schema, second, shuffled, "--arrival"), orders)]
        bad += histories.compare([f"seed {s}, shuffled" for s in seeds], made, expected, got)
    both = sum(len({e["version"] for e in h}) > 1 for h in made)
    print(f"versions: {len(made)} seeds, {sum(map(len, made))} edits, {both} histories of both versions, {bad} differences")
    if args.seeds >= 100 and both < args.seeds // 10:
        sys.exit("versions: too few histories of both versions")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
