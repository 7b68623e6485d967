"""Percentile bootstrap: the interval of a mean over texts, and of a difference of means over the same texts."""

import numpy as np

RESAMPLES = 2000


def _means(values, seed):
    """Means of resamples of (texts, measures); the same seed draws the same texts."""
    draw = np.random.default_rng(seed)
    return np.stack([values[draw.integers(0, len(values), len(values))].mean(0) for _ in range(RESAMPLES)])


def interval(values, confidence=0.95, seed=0):
    """(low, high) of the mean, for each column of `values`; a difference's, when values are differences."""
    side = (1 - confidence) / 2
    return np.quantile(_means(np.asarray(values, float), seed), [side, 1 - side], axis=0)
