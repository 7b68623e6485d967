"""ROUGE against values that others have published, and the bootstrap's intervals."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "scripts"))

try:
    import numpy as np

    from evaluation import bootstrap, rouge
except ImportError as error:
    raise unittest.SkipTest(f"{error}: Debian's python3-nltk is not installed") from error

# Two pairs of google-research/rouge (testdata/target.txt, prediction.txt; Apache 2.0) with the scores that ROUGE-1.5.5, the
# original in Perl, gives them: rouge_scorer_test.py there.
TARGETS = (
    "ZfbCUIUuePaiLVUlCaUXxkpu XPeWing tUHfPMuZ',-Xd Y BrUgVJing M-HV.-DgdDaY.rFDJCRing Ht-LM EKBDXkME,yz'RBr q'wtion "
    "wIojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxer tKM L",
    "KsJdPByEtAor fE-Qg Dpdbring cw-WeFyu vC MoBL Xdn g wkvcEiGvKtion BDFhrpMtion psing sbKao Q m qiing LMmer HqqLFXe,XPY,J "
    "XsurkMer ,ed nB'wH'bWVHjWFEing tQ.saefZwJtKrTlixYpMMsJing UCAPwNHeYVjDing c T BUySKtion gMPfJpwGw p'NvxAoping eu "
    "pBwMBKV'I DNxqelhu,PHPxDEq,mtion SN",
)
PREDICTIONS = (
    "rFDJCRtion Ht-LM EKtDXkME,yz'RBr q'wer wrojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxi",
    "n cw-WeFyu vC MoBL Xdn g wkvcEiGvKtion BDFhrpMer pstion sbKao Q m qier LMmed HqqLFXe,XPY,J XsurkMeo ,ed nB'wH'bWVHjWFEer "
    "tQ.saefZwJtKrTlixYpMMNJtion UCAPwNHeYVjD",
)
PLAIN = ((0.51163, 0.39024, 0.51163), (0.50000, 0.36364, 0.50000))
STEMMED = ((0.51163, 0.39024), (0.52941, 0.36364))  # ROUGE-1 and ROUGE-2


class Rouge(unittest.TestCase):
    def test_equals_the_published_scores_without_stemming(self):
        for target, prediction, wanted in zip(TARGETS, PREDICTIONS, PLAIN):
            np.testing.assert_allclose(rouge.score(prediction, target, stemming=False), wanted, atol=5e-6)

    def test_equals_the_published_scores_with_stemming(self):
        for target, prediction, wanted in zip(TARGETS, PREDICTIONS, STEMMED):
            np.testing.assert_allclose(rouge.score(prediction, target)[:2], wanted, atol=5e-6)

    def test_small_texts_by_hand(self):
        self.assertEqual(rouge.score("testing", "testing one two")[0], 1 / 2)
        self.assertAlmostEqual(rouge.score("testing one", "testing one two")[1], 2 / 3)
        self.assertAlmostEqual(rouge.score("testing two", "testing one two")[2], 4 / 5)
        self.assertEqual(rouge.score("", "testing one two"), (0, 0, 0))
        self.assertEqual(rouge.score("/", "testing"), (0, 0, 0))

    def test_a_word_of_three_letters_is_not_stemmed(self):
        self.assertEqual(rouge.tokens("its IDs, Tests;"), ["its", "ids", "test"])


class Bootstrap(unittest.TestCase):
    def test_the_interval_holds_the_mean_and_shrinks_with_more_texts(self):
        draw = np.random.default_rng(1)
        widths = []
        for texts in (100, 1600):
            values = draw.random((texts, 1))
            (low,), (high,) = bootstrap.interval(values)
            self.assertTrue(low < values.mean() < high)
            widths.append(high - low)
        self.assertAlmostEqual(widths[0] / widths[1], 4, delta=1)
        self.assertAlmostEqual(widths[0], 2 * 1.96 * (1 / 12) ** 0.5 / 10, delta=0.01)

    def test_one_value_for_all_texts_has_no_width(self):
        np.testing.assert_array_equal(bootstrap.interval(np.full((50, 3), 0.25)), np.full((2, 3), 0.25))


if __name__ == "__main__":
    unittest.main()
