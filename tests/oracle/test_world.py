#!/usr/bin/env python3
"""The oracle's own reading of telephone numbers."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import world  # noqa: E402


class Phone(unittest.TestCase):
    def normal(self, text):
        return world.Field({}, {"name": "phone", "type": "text", "normalise": ["phone"]}).normal(text)

    def test_a_country_code_is_dropped(self):
        for text in ("+86 138 0000 2222", "0086 13800002222", "86-13800002222", "13800002222"):
            self.assertEqual(self.normal(text), "13800002222")

    def test_86_before_no_mobile_number_is_none(self):
        for text in ("86", "86106513"):
            self.assertEqual(self.normal(text), text)


if __name__ == "__main__":
    unittest.main()
