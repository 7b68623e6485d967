"""ROUGE-1, ROUGE-2 and ROUGE-L by the rules of the package rouge_score with stemming, F measures.

Lower case; everything but a-z and 0-9 separates tokens; tokens of more than three characters are stemmed (Porter, in
NLTK's variant); ROUGE-L is the longest common subsequence of the whole texts.
"""

import collections
import functools
import re

from nltk.stem.porter import PorterStemmer

NAMES = ("ROUGE-1", "ROUGE-2", "ROUGE-L")

_stemmer = PorterStemmer()


@functools.lru_cache(maxsize=100_000)
def _stem(token):
    return _stemmer.stem(token) if len(token) > 3 else token


def tokens(text, stemming=True):
    found = re.findall(r"[a-z0-9]+", text.lower())
    return [_stem(token) for token in found] if stemming else found


def _f(hits, candidate, reference):
    """The F measure from counts."""
    return 2 * hits / (candidate + reference) if hits else 0.0


def _n_grams(candidate, reference, n):
    def count(words):
        return collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    a, b = count(candidate), count(reference)
    return _f(sum((a & b).values()), sum(a.values()), sum(b.values()))


def _longest_common_subsequence(a, b):
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def score(candidate, reference, stemming=True):
    """The three F measures of one text, in the order of NAMES."""
    a, b = tokens(candidate, stemming), tokens(reference, stemming)
    return (_n_grams(a, b, 1), _n_grams(a, b, 2), _f(_longest_common_subsequence(a, b), len(a), len(b)))
