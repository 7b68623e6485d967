"""Packs dense layers and their sparse kin. `[out, in]` in our files, `(in, out)` in Trax."""

import numpy as np


def dense(scope, d_in, d_out, bias=True):
    """Trax Dense: w (in, out), b (out)."""
    w = scope.store("Dense", "w", (d_in, d_out))
    scope.view("weight", (d_out, d_in), w, lambda x: x.T, matrix=True)
    if bias:
        _vector(scope, "bias", "Dense", "b", d_out)


def layer_norm(scope, d, center=True):
    """Trax LayerNorm: scale, bias. A bias that is not used is dropped."""
    _vector(scope, "scale", "LayerNorm", "scale", d)
    if center:
        _vector(scope, "bias", "LayerNorm", "bias", d)
    else:
        scope.store("LayerNorm", "bias", (d,))


def embedding(scope, vocab, d):
    """Trax Embedding: table (vocab, d)."""
    table = scope.store("Embedding", "table", (vocab, d))
    scope.view("table", (vocab, d), table, lambda x: x, matrix=True)


def factored_dense(scope, modules, d_in, d_out, bias=True):
    """Trax FactoredDense: gating (modules, in), projection (in, out/modules), bias (out)."""
    d_module = d_out // modules
    gating = scope.store("FactoredDense", "gating", (modules, d_in))
    scope.view("gating", (modules, d_in), gating, lambda x: x, matrix=True)
    projection = scope.store("FactoredDense", "projection", (d_in, d_module))
    scope.view("projection", (d_module, d_in), projection, lambda x: x.T, matrix=True)
    if bias:
        _vector(scope, "bias", "FactoredDense", "bias", d_out)


def mult_modular_dense(scope, sparsity, d):
    """Trax MultiplicativeModularSparseDense: multiplier (s, d), kmult (d, m), kmod (s, in, out), bias (d)."""
    m = d // sparsity
    multiplier = scope.store("MultModularDense", "multiplier", (sparsity, d))
    scope.view("multiplier", (sparsity, d), multiplier, lambda x: x, matrix=True)
    kmult = scope.store("MultModularDense", "kmult", (d, m))
    scope.view("projection", (m, d), kmult, lambda x: x.T, matrix=True)
    kmod = scope.store("MultModularDense", "kmod", (sparsity, m, m))
    scope.view("modular", (sparsity, m, m), kmod, lambda x: x.transpose(0, 2, 1), matrix=True)
    _vector(scope, "bias", "MultModularDense", "bias", d)


def locally_conv_dense(scope, modules, d_in, units, width=1, length=1):
    """Trax LocallyConvDense: a Conv with kernel (length, width, in, out); `d_in` is one module's input."""
    if modules == 1:
        dense(scope, d_in, units)
        return
    kernel = scope.store("Conv", "kernel", (length, width, d_in, units))
    flat = length * width * d_in
    scope.view("kernel", (units, flat), kernel, lambda x: x.reshape(flat, units).T, matrix=True)
    _vector(scope, "bias", "Conv", "bias", units)


def locally_connected_dense(scope, modules, d_in, units, width=1):
    """Trax LocallyConnectedDense: w (modules, width, in, out), b (modules, out); `d_in` is one module's input.

    Trax's `w` is indexed by the input module, and its products are shifted afterwards; ours by the output module.
    """
    if modules == 1:
        dense(scope, d_in, units)
        return
    w = scope.store("LocallyConnected1d", "w", (modules, width, d_in, units))
    shape = (modules, units, width * d_in)

    def by_output_module(x):
        taps = [np.roll(x[:, k], width // 2 - k, axis=0) for k in range(width)]  # each (modules, in, out)
        return np.concatenate(taps, axis=1).transpose(0, 2, 1)

    scope.view("weight", shape, w, by_output_module, matrix=True)
    b = scope.store("LocallyConnected1d", "b", (modules, units))
    scope.view("bias", (modules, units), b, lambda x: x)


def low_rank_dense(scope, d_in, rank, d_out):
    """Trax LowRankDense: two Dense layers."""
    dense(scope.sub("down"), d_in, rank)
    dense(scope.sub("up"), rank, d_out)


def einsum_dense(scope, d_in, d_out, bias=True):
    """Trax EinsumDense: kernel (out, in), bias (out)."""
    kernel = scope.store("EinsumDense", "kernel", (d_out, d_in))
    scope.view("weight", (d_out, d_in), kernel, lambda x: x, matrix=True)
    if bias:
        _vector(scope, "bias", "EinsumDense", "bias", d_out)


def _vector(scope, name, layer, weight, d):
    index = scope.store(layer, weight, (d,))
    scope.view(name, (d,), index, lambda x: x)
