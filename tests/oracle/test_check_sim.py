#!/usr/bin/env python3
"""What another order of delivery may judge otherwise, and what not."""

import os
import sys
import types
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import central  # noqa: E402
import check_sim  # noqa: E402

PROPOSED = "2026-03-02T01:00:00.000Z-0000@aaaaaaaa"
RULES = {"entity": {"rep": {"builtin": "rep", "fields": []}}}
NO_RIGHT = {"outcome": "proposed", "fields": {"assignee": {"outcome": "proposed", "code": "no-right"}}}


def change(device, op, stamp, outcome=None, **line):
    made = central.Change(device, device[:2], 1, 0, {"op": op, "entity": "task", "id": "T", "stamp": stamp}, line, 1)
    made.stamp, made.outcome = stamp, outcome
    return made


def world(first_op, others, outcome):
    """A proposal, and decisions on it: the last one's outcome depends on who came first."""
    accept = {"item": "I", "decision": "accept"}
    changes = [change("aaaaaaaa", first_op, PROPOSED)]
    changes += [change("bbbbbbb%d" % n, "resolve", "2026-03-03T01:00:00.000Z-0000@bbbbbbb%d" % n, **accept)
                for n in range(others)]
    changes.append(change("cccccccc", "resolve", "2026-03-04T01:00:00.000Z-0000@cccccccc", outcome, **accept))
    item = {"stamps": {"*": PROPOSED}, "fields": {"entity": "task", "record": "T"}}
    return types.SimpleNamespace(changes=changes, records={("proposal", "I"): item}, schema={"entity": {}},
                                 versions=lambda: [(1, "", RULES)])


def compare(first_op, others, outcome=NO_RIGHT):
    check_sim.check_shuffle(world(first_op, others, None), world(first_op, others, outcome))


class Shuffle(unittest.TestCase):
    def test_the_second_to_accept_a_proposed_insert_edits_what_the_first_made(self):
        compare("insert", 1)

    def test_who_alone_accepts_it_is_judged_alike_in_every_order(self):
        with self.assertRaises(central.Wrong):
            compare("insert", 0)

    def test_so_are_two_who_accept_a_proposed_update(self):
        with self.assertRaises(central.Wrong):
            compare("update", 1)

    def test_other_codes_are_not_open_for_them(self):
        with self.assertRaises(central.Wrong):
            compare("insert", 1, {"outcome": "rejected", "code": "not-employed"})


if __name__ == "__main__":
    unittest.main()
