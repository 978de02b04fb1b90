#!/usr/bin/env python3
"""The oracle's own reading of stamps and journals, held to the vectors of docs/formats."""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import central  # noqa: E402

FORMATS = os.path.join(HERE, "..", "..", "docs", "formats")


def vectors(name):
    with open(os.path.join(FORMATS, name), encoding="utf-8") as file:
        return json.load(file)


class Stamps(unittest.TestCase):
    def test_are_written_as_the_vectors_say(self):
        for case in vectors("stamps.json")["make"]:
            self.assertEqual(central.stamp_text(case["ms"], case["counter"], case["device"]), case["stamp"])
            self.assertEqual(central.milliseconds(case["stamp"][:24]), case["ms"])

    def test_a_clock_ahead_is_cut_five_minutes_after_the_receipt(self):
        for case in vectors("stamps.json")["effective"]:
            got = central.effective(case["stamp"], "", central.milliseconds(case["received"]))
            self.assertEqual(got != case["stamp"], case["cut"])
            self.assertEqual(got[:24], case["effective"][:24])

    def test_cut_stamps_of_one_device_keep_their_order(self):
        received, last, seen = central.milliseconds("2026-03-02T01:00:00.000Z"), "", []
        for second in range(3):
            last = central.effective("2026-05-01T00:00:0%d.000Z-0000@d7k3f9qm" % second, last, received)
            seen.append(last)
        self.assertEqual(seen, ["2026-03-02T01:05:00.000Z-000%d@d7k3f9qm" % n for n in range(3)])

    def test_after_the_last_counter_comes_the_next_millisecond(self):
        self.assertEqual(central.after("2026-03-02T01:05:00.999Z-ffff@d7k3f9qm"),
                         "2026-03-02T01:05:01.000Z-0000@d7k3f9qm")


if __name__ == "__main__":
    unittest.main()
