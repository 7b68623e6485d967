"""Which pairs are kept and where they go; package lists; batches."""

import os
import tempfile
import unittest

import support
import numpy as np
import torch

import batches
import package_lists
import selection

LIST = """Package: liba
Description-en: first synopsis
 A text that flows
 over lines.
 .
 A second paragraph:
  * one
    thing
  * another

Package: b
Description: second
 Text.

Package: without-text
Description: third
"""


class Lists(unittest.TestCase):
    def test_a_long_description_becomes_one_text(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "list")
            with open(path, "w", encoding="utf-8") as file:
                file.write(LIST)
            self.assertEqual(list(package_lists.stanzas([path])), [
                ("liba", "first synopsis", "A text that flows over lines. A second paragraph: * one thing * another"),
                ("b", "second", "Text."),
            ])


class Selection(unittest.TestCase):
    def test_siblings_share_a_stem(self):
        for name in ("foobar", "libfoobar-dev", "foobar-doc", "python3-foobar", "libfoobar2", "foobar-utils"):
            self.assertEqual(selection.stem(name), "foobar", name)

    def test_siblings_stand_in_one_split(self):
        names = [f"{'abcdefghij'[i // 10]}{'klmnopqrst'[i % 10]}word" for i in range(100)]
        pairs = [{"id": n + end, "source": f"{n} text {n} {end}.", "target": "x"} for n in names for end in ("", "-dev", "-doc")]
        for part in selection.split(pairs).values():
            stems = [selection.stem(p["id"]) for p in part]
            for one in set(stems):
                self.assertEqual(stems.count(one), 3)

    def test_what_is_no_text_is_dropped(self):
        text = "A text with more than ten words in it, so that it is long enough to be kept by all rules."
        self.assertIsNone(selection.why_dropped("foo", "a good synopsis", text))
        self.assertEqual(selection.why_dropped("foo-dbg", "a good synopsis", text), "dropped by synopsis")
        self.assertEqual(selection.why_dropped("foo", "transitional package", text), "dropped by synopsis")
        self.assertEqual(selection.why_dropped("foo", "a good synopsis", "This is a dummy package. " + text), "dropped by long text")
        self.assertEqual(selection.why_dropped("foo", "a good synopsis", "Short."), "long text too short")


class Batches(unittest.TestCase):
    def setUp(self):
        self.pairs = batches.Pairs(os.path.join(support.corpus(), "train.jsonl"), os.path.join(support.corpus(), "spiece.model"))

    def test_an_epoch_repeats_itself_and_holds_no_text_twice(self):
        first, again, second = (batches.epoch(self.pairs, 1, n, 1500, 112, 384, 0.2) for n in (0, 0, 1))
        self.assertEqual(first, again)
        self.assertNotEqual(first, second)
        texts = [i for batch, _ in first for i in batch]
        self.assertEqual(len(texts), len(set(texts)))

    def test_blanks_take_their_share_and_leave_padding_and_ends(self):
        ids = torch.full((50, 40), 7)
        ids[:, -2], ids[:, -1] = batches.END, 0
        blanked = batches.blanked(ids, 0.25)
        share = (blanked == batches.UNKNOWN).float().mean() * 40 / 38
        self.assertAlmostEqual(float(share), 0.25, delta=0.05)
        self.assertTrue(bool((blanked[:, -2:] == ids[:, -2:]).all()))
        self.assertTrue(bool(((blanked == ids) | (blanked == batches.UNKNOWN)).all()))
        self.assertIs(batches.blanked(ids, 0.0), ids)
        self.assertIsNone(batches.blanked(None, 0.25))

    def test_a_long_source_keeps_its_beginning_and_its_end(self):
        ids = np.arange(100)
        self.assertEqual(batches.shortened(ids, 9).tolist(), [0, 1, 2, 3, 4, 5, 97, 98, 99])
        self.assertEqual(batches.shortened(ids, 100).tolist(), ids.tolist())


if __name__ == "__main__":
    unittest.main()
