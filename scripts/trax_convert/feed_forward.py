"""Packs feed-forward layers: dense, sparse, with experts, and the SRU branch beside them."""

import numpy as np

from .dense_layers import dense, layer_norm
from .plan import widen


def feed_forward_block(scope, d_model, d_ff, ff_sparsity, ff_use_sru, center=True):
    """LayerNorm and feed-forward, then the SRU branch; `ff_sparsity` and `ff_use_sru` as in config.json."""
    layer_norm(scope.sub("norm"), d_model, center)
    if ff_sparsity is None:
        dense(scope.sub("in"), d_model, d_ff)
        dense(scope.sub("out"), d_ff, d_model)
    elif ff_sparsity["type"] == "1inN":
        n = ff_sparsity["n_elements_in_block"]
        d_lowrank = ff_sparsity["d_lowrank"]
        sparse_ff(scope, d_model, d_ff, n, d_ff // n if d_lowrank is None else d_lowrank)
    else:
        layer = {"Block": "BlockSparseFF", "Switch": "SwitchSparseFF"}[ff_sparsity["type"]]
        expert_ff(scope, layer, d_model, d_ff, ff_sparsity["n_experts"])
    if ff_use_sru is not None:
        _sru_branch(scope.sub("sru"), d_model, ff_use_sru["n_layers"], ff_use_sru["n_units"], center)


def sparse_ff(scope, d_model, d_ff, n, d_lowrank):
    """Trax SparseFF: m1 (d, lowrank), m2 (lowrank, blocks, n), mb (blocks, n), w1 (d, blocks, n), w2 (n, blocks, d), b2."""
    blocks = d_ff // n
    control = scope.sub("controller")
    m1 = control.store("_SparseFFController", "m1", (d_model, d_lowrank))
    control.view("down", (d_lowrank, d_model), m1, lambda x: x.T, matrix=True)
    m2 = control.store("_SparseFFController", "m2", (d_lowrank, blocks, n))
    control.view("up", (blocks, d_lowrank, n), m2, lambda x: x.transpose(1, 0, 2), matrix=True)
    mb = control.store("_SparseFFController", "mb", (blocks, n))
    control.view("bias", (blocks, n), mb, lambda x: x)
    w1 = scope.store("_SparseFFMain", "w1", (d_model, blocks, n))
    w2 = scope.store("_SparseFFMain", "w2", (n, blocks, d_model))
    _units(scope, (blocks, n, 2, d_model), [w1, w2], lambda x: x.transpose(1, 2, 0), lambda x: x.transpose(1, 0, 2))
    b2 = scope.store("_SparseFFMain", "b2", (d_model,))
    scope.view("bias", (d_model,), b2, lambda x: x)


def expert_ff(scope, layer, d_model, d_ff, experts):
    """Trax BlockSparseFF and SwitchSparseFF: m1 (d, experts), w1 (d, d_ff), w2 (d_ff, d), b2 (d)."""
    size = d_ff // experts
    m1 = scope.store(layer, "m1", (d_model, experts))
    scope.view("controller", (experts, d_model), m1, lambda x: x.T, matrix=True)
    w1 = scope.store(layer, "w1", (d_model, d_ff))
    w2 = scope.store(layer, "w2", (d_ff, d_model))
    shape = (experts, size, 2, d_model)
    _units(scope, shape, [w1, w2], lambda x: x.T.reshape(experts, size, -1), lambda x: x.reshape(experts, size, -1))
    b2 = scope.store(layer, "b2", (d_model,))
    scope.view("bias", (d_model,), b2, lambda x: x)


def sru(scope, n_units):
    """Trax SRU: a Dense to 3 n."""
    dense(scope.sub("dense"), n_units, 3 * n_units)


def _units(scope, shape, inputs, arrange_w1, arrange_w2):
    """One unit is W1's column followed by W2's row, so that choosing it is one contiguous read."""

    def rows(arrays, a, b):
        w1, w2 = arrange_w1(arrays[0])[a:b], arrange_w2(arrays[1])[a:b]
        return np.stack([widen(w1), widen(w2)], axis=2)

    scope.tensor("units", shape, inputs, rows, matrix=True)


def _sru_branch(scope, d_model, n_layers, n_units, center):
    layer_norm(scope.sub("norm"), d_model, center)
    dense(scope.sub("in"), d_model, n_units)
    for k in range(n_layers):
        sru(scope.sub("layers", k), n_units)
    dense(scope.sub("out"), n_units, d_model)
