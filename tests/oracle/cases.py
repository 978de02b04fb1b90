#!/usr/bin/env python3
"""The tables of cases of the rules: tests/oracle/cases/*.json, each a rule with what it makes of hand-written histories.

    cases.py DRIVER SCHEMA_DIR

A case is an insert by the hub at minute 0 and edits after it: [minute, who, {field: spec}, outcome in the end]. A spec [value, n] saw
the n-th edit (0 = the insert); [value] saw nothing; an object stands as it is, "$n" for the stamp of the n-th. Every case
is folded by the oracle and by core, by core in every order of arrival, and both must come to what the table says: value, state of
the conflict, and the outcome of each edit after all. So each case is one of late arrival too.

Every rule of the schema must have its table, and each table all kinds of case; every rule must be reachable from the
pharmaceutical schema or the test schema.
"""
import glob
import json
import os
import sys

import fold
import histories
import join

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = {"two", "three", "tie", "clear", "own"}
RULES = {"latest", "earliest", "max", "min", "business-date", "sum", "set", "map", "append", "fill", "role", "owner", "source", "text",
         "state", "immutable", "central", "review"}
DEVICES = {rep: device for device, (rep, _) in histories.REPS.items()}


def new_of(edit, field):
    return edit["line"]["values"].get(field, {}).get("new")


class Case:
    def __init__(self, table, data):
        self.says = "%s: %s" % (table["rule"], data["says"])
        self.data = data
        self.field = data.get("field", table["field"])
        self.item = table.get("item_name", self.field)
        self.shows = table.get("shows")
        self.id = data.get("id", "T-1")
        self.edits = [self.insert()]
        self.seqs = {}
        for row in data["edits"]:
            self.edits.append(self.edit(*row))

    def insert(self):
        values = {"name": {"new": "n"}, "account": {"new": "A-1"}, **{n: {"new": v} for n, v in self.data["insert"].items()}}
        return {"op": "insert", "entity": "thing", "id": self.id, "stamp": histories.stamp(histories.START, 0, "hub00000"), "rep": "hub",
                "device": "hub00000", "seq": 1, "index": 0, "line": {"values": values}}

    def edit(self, minute, who, values, _):
        rep, _, source = who.partition(":")
        device = DEVICES[rep]
        self.seqs[device] = self.seqs.get(device, 1) + 1
        values = dict(values)
        op = values.pop("op", "update")
        line = {"values": {n: self.spec(n, s) for n, s in values.items()}}
        if source:
            line["source"] = source
        return {"op": op, "entity": "thing", "id": self.id, "stamp": histories.stamp(histories.START + minute * 60000, 0, device), "rep": rep,
                "device": device, "seq": self.seqs[device], "index": 0, "line": line}

    def spec(self, field, spec):
        if isinstance(spec, list) and len(spec) == 1:
            return {"new": spec[0]}
        if isinstance(spec, list):
            seen = self.edits[spec[1]]
            return {"new": spec[0], "old": new_of(seen, field), "saw": seen["stamp"]}
        text = json.dumps(spec)
        for n, edit in enumerate(self.edits):
            text = text.replace('"$%d"' % n, json.dumps(edit["stamp"]))
        return json.loads(text)

    def wrong(self, got):
        """What is not as the table says, of a printed result."""
        got = json.loads(got)
        value = got["records"]["thing/" + self.id]["fields"].get(self.field)
        if self.shows and value is not None:
            value = [entry[self.shows] for entry in value]
        if value != self.data["ends"]:
            yield "ends as %s, not %s" % (fold.canonical(value), fold.canonical(self.data["ends"]))
        item = got["reviews"].get(join.conflict_id("thing", self.id, self.item))
        state = item["fields"]["state"] if item else None
        if state != self.data.get("item"):
            yield "conflict is %s, not %s" % (state, self.data.get("item"))
        for n, (row, outcome) in enumerate(zip(self.data["edits"], got["outcomes"][1:]), 1):
            field = self.data.get("outcome_of", {}).get(str(n), self.field)
            told = outcome.get("fields", {}).get(field, {"outcome": "applied" if outcome.get("fields") else outcome["outcome"]})
            if told["outcome"] != row[3]:
                yield "edit %d is %s, not %s" % (n, told["outcome"], row[3])


def load():
    tables = []
    for path in sorted(glob.glob(os.path.join(HERE, "cases", "*.json"))):
        with open(path, encoding="utf-8") as file:
            tables.append(json.load(file))
    return tables


def complain(problems):
    for problem in problems:
        print("cases: " + problem, file=sys.stderr)
    return len(problems)


def incomplete(tables):
    """Rules without a table, tables without a kind of case."""
    known = {table["rule"]: {case["kind"] for case in table["cases"]} for table in tables}
    for rule in sorted(RULES - known.keys()):
        yield "no table for the rule %s" % rule
    for rule, kinds in sorted(known.items()):
        for kind in sorted(KINDS - kinds):
            yield "%s: no case of the kind %s" % (rule, kind)


def rules_of(folder):
    return {rule for entity in fold.Schema(folder).entities.values() for field in entity.fields.values() for rule in field.rules}


def unreachable(schema_dir):
    root = os.path.dirname(os.path.dirname(HERE))
    found = rules_of(schema_dir) | rules_of(os.path.join(root, "schema"))
    for rule in sorted(RULES ^ found):
        yield "%s: no field of the schemas has it" % rule if rule in RULES else "%s: a field has it, and it is none of the rules" % rule


def main():
    driver, schema_dir = sys.argv[1:3]
    tables = load()
    schema = fold.Schema(schema_dir)
    org = fold.Org(schema, histories.organisation())
    bad = complain([*incomplete(tables), *unreachable(schema_dir)])
    cases = [Case(table, data) for table in tables for data in table["cases"]]
    lines = histories.drive(driver, schema_dir, [case.edits for case in cases], "--all-orders")
    for case, core in zip(cases, lines):
        oracle = fold.printed(*join.fold_all(schema, org, case.edits))
        bad += complain(["%s (core): %s" % (case.says, what) for what in case.wrong(core)])
        bad += complain(["%s (oracle): %s" % (case.says, what) for what in case.wrong(oracle)])
        if core != oracle:
            bad += 1
            histories.report(case.says, case.edits, oracle, core)
    print("cases: %d of %d rules and forms, in all orders of arrival, %d problems" % (len(cases), len(tables), bad))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
