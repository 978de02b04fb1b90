#!/usr/bin/env python3
"""Compares what the company holds with what the work's edits must give.

    check.py WORKLOAD CUSTOMERS.csv VISITS.csv

The CSV files are `hub export`s. Prints one JSON object; exit 1 unless nothing is missing, nothing deleted is there, no edit
is lost and nothing else is wrong. Where two reps edited one field of one record either value is right
(`same_field_other_winner`): who is later is decided by the clocks of this run, not by the times in the files.
"""
import csv
import json
import os
import sys


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def is_live(row):
    return row.get("status", "") in ("", "active")


def accepted(folder):
    """(record, field) -> the last value of each rep that edited it."""
    out = {}
    for name in sorted(os.listdir(f"{folder}/edits")):
        last = {(e["id"], e["field"]): str(e["value"]) for e in lines(f"{folder}/edits/{name}") if e["op"] == "update"}
        for cell, value in last.items():
            out.setdefault(cell, []).append(value)
    return out


def compare(want, got, cells, sums):
    for field, value in want.items():
        if got.get(field, "") == str(value):
            continue
        values = cells.get((want["id"], field))
        kind = "wrong_other" if not values else "same_field_other_winner" if got.get(field) in values else "lost_edits"
        sums[kind] += 1


def main(folder, *exports):
    with open(f"{folder}/meta.json", encoding="utf-8") as file:
        meta = json.load(file)
    expected = {row["id"]: row for row in lines(f"{folder}/expected.ndjson")}
    cells, got = accepted(folder), {}
    sums = dict.fromkeys(["customers", "visits", "missing", "undead", "lost_edits", "same_field_other_winner",
                          "wrong_other"], 0)
    for kind, path in zip(("customers", "visits"), exports):
        for row in filter(is_live, rows(path)):
            sums[kind] += 1
            if row["id"] in expected:
                got[row["id"]] = row
    for ident, want in expected.items():
        if want.get("deleted"):
            sums["undead"] += ident in got
        elif ident not in got:
            sums["missing"] += 1
        else:
            compare(want, got[ident], cells, sums)
    ok = not any(sums[k] for k in ("missing", "undead", "lost_edits", "wrong_other"))
    ok = ok and sums["customers"] == meta["customers_after"] and sums["visits"] == meta["visits_after"]
    print(json.dumps(sums | {"ok": ok}))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
