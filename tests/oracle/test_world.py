#!/usr/bin/env python3
"""The oracle's own reading of telephone numbers, and of the names that a rejection bears."""

import os
import sys
import types
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import central  # noqa: E402
import world  # noqa: E402

REFUSED = {"outcome": "rejected", "code": "device-inactive"}


def schema(field, mappings=()):
    return {"mappings": list(mappings), "entities": ["person"], "entity": {
        "person": {"builtin": "rep", "fields": [{"name": field, "type": "text"}]},
        "assignment": {"builtin": "assignment", "fields": []}}}


VERSIONS = world.Versions(types.SimpleNamespace(versions=lambda: [
    (1, "", schema("note")),
    (2, "2026-03-22T00:00:00.000Z", schema("remarks", [{"from": 1, "entity": "person", "rename": {"note": "remarks"}}]))]))


class Phone(unittest.TestCase):
    def normal(self, text):
        return world.Field({}, {"name": "phone", "type": "text", "normalise": ["phone"]}).normal(text)

    def test_a_country_code_is_dropped(self):
        for text in ("+86 138 0000 2222", "0086 13800002222", "86-13800002222", "13800002222"):
            self.assertEqual(self.normal(text), "13800002222")

    def test_86_before_no_mobile_number_is_none(self):
        for text in ("86", "86106513"):
            self.assertEqual(self.normal(text), text)


class Rejection(unittest.TestCase):
    def names(self, field, made, outcome):
        line = {"values": {field: {"new": "x"}}}
        change = central.Change("aaaaaaaa", "e1", 1, 0, {"op": "update", "entity": "person", "id": "p",
                                                         "stamp": "2026-03-09T00:00:00.000Z-0000@aaaaaaaa"}, line, made)
        change.outcome = outcome
        return list(world.rejection(change, VERSIONS)["values"])

    def test_keeps_the_names_of_its_time(self):
        self.assertEqual(self.names("note", 1, REFUSED), ["note"])

    def test_bears_those_of_a_later_version_that_judged(self):
        self.assertEqual(self.names("note", 1, {**REFUSED, "schema": 2}), ["remarks"])

    def test_of_fields_likewise(self):
        said = {"outcome": "rejected", "schema": 2, "fields": {"remarks": {"outcome": "rejected", "code": "no-right"}}}
        self.assertEqual(self.names("note", 1, said), ["remarks"])


if __name__ == "__main__":
    unittest.main()
