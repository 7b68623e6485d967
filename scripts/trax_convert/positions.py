"""Packs position encodings; `positions` is the object of config.json."""

import numpy as np

from .plan import widen

BASES, DIGITS = 4, 8  # of Trax's FixedBasePositionalEncoding


def position_encoding(scope, positions, d_model):
    """Whatever kind the model has; sin-cos and none store nothing."""
    kind = positions["type"]
    if kind == "learned":
        learned(scope, positions["max_len"], d_model, positions["d_feature"])
    elif kind == "fixed-base":
        fixed_base(scope, d_model)
    elif kind == "axial":
        axial(scope, positions["shape"], positions["d_embs"])


def learned(scope, max_len, d_model, d_feature=None):
    """Trax PositionalEncoding: pe (max_len, d), or pe (max_len, f) and ff (f, d). Old checkpoints lead with a 1."""
    width = d_model if d_feature is None else d_feature
    pe = scope.store("PositionalEncoding", "pe", (max_len, width), (1, max_len, width))
    scope.view("table", (max_len, width), pe, lambda x: x.reshape(max_len, width), matrix=True)
    if d_feature is not None:
        ff = scope.store("PositionalEncoding", "ff", (d_feature, d_model))
        scope.view("projection", (d_model, d_feature), ff, lambda x: x.T, matrix=True)


def fixed_base(scope, d_model):
    """Trax FixedBasePositionalEncoding: a vector (1, d/8) for each digit of each base, then start_vec (1, 1, d)."""
    width = d_model // DIGITS
    inputs = [
        scope.store("FixedBasePositionalEncoding", f"base_weights[{base}][{digit}]", (1, width))
        for base in range(BASES)
        for digit in range(DIGITS)
    ]

    def rows(arrays, a, b):
        return np.stack([widen(x) for x in arrays]).reshape(BASES, DIGITS, width)[a:b]

    scope.tensor("digits", (BASES, DIGITS, width), inputs, rows)
    start = scope.store("FixedBasePositionalEncoding", "start_vec", (1, 1, d_model))
    scope.view("start", (d_model,), start, lambda x: x.reshape(d_model))


def axial(scope, shape, d_embs):
    """Trax AxialPositionalEncoding: one array for each axis, (1, .., n, .., 1, d)."""
    for i, (n, d) in enumerate(zip(shape, d_embs)):
        stored = [1] * (len(shape) + 1) + [d]
        stored[1 + i] = n
        axis = scope.store("AxialPositionalEncoding", f"axis{i}", stored)
        scope.view(f"axis{i}", (n, d), axis, lambda x, n=n, d=d: x.reshape(n, d))
