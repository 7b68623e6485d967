"""Trax's layers once more, in plain NumPy and float64: what the engine is compared with where no golden case exists.

A layer is built by taking its arrays from a `Stored`, in the order in which Trax stores them; it is then a function of
activations [length, d]. There are no batches, no padding, no caches.
"""

import math

import numpy as np


class Stored:
    """The arrays of a checkpoint; the layers take them one after the other."""

    def __init__(self, arrays):
        self._arrays = [array.astype(np.float64) for array in arrays]
        self._next = 0

    def take(self, count=1):
        """The next array, or a list of the next ones."""
        taken = self._arrays[self._next : self._next + count]
        self._next += count
        return taken[0] if count == 1 else taken

    def is_empty(self):
        return self._next == len(self._arrays)


def serial(*layers):
    def apply(x):
        for layer in layers:
            x = layer(x)
        return x

    return apply


def softmax(x):
    weights = np.exp(x - x.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def dense(stored):
    w, b = stored.take(2)
    return lambda x: x @ w + b


def einsum_dense(stored):
    kernel, b = stored.take(2)
    return lambda x: x @ kernel.T + b


def low_rank_dense(stored):
    return serial(dense(stored), dense(stored))


def layer_norm(stored, center=True):
    scale, bias = stored.take(2)

    def apply(x):
        if center:
            x = x - x.mean(-1, keepdims=True)
        y = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * scale
        return y + bias if center else y

    return apply


def factored_dense(stored):
    gating, projection, bias = stored.take(3)
    return lambda x: np.einsum("td,nd,dm->tnm", x, gating, projection).reshape(len(x), -1) + bias


def multiplicative_modular_dense(stored):
    multiplier, kmult, kmod, bias = stored.take(4)
    return lambda x: np.einsum("hxo,dx,hd,td->tho", kmod, kmult, multiplier, x).reshape(len(x), -1) + bias


def locally_conv_dense(stored, modules, width=1, length=1):
    if modules == 1:
        return dense(stored)
    kernel, bias = stored.take(2)
    margin = (width - 1) // 2

    def apply(x):
        n = len(x)
        padded = np.pad(x.reshape(n, modules, -1), ((length - 1, 0), (margin, margin), (0, 0)))
        taps = [(i, j) for i in range(length) for j in range(width)]
        y = sum(padded[i : i + n, j : j + modules] @ kernel[i, j] for i, j in taps)
        return (y + bias).reshape(n, -1)

    return apply


def locally_connected_dense(stored, modules, width=1):
    if modules == 1:
        return dense(stored)
    w, bias = stored.take(2)

    def apply(x):
        products = np.einsum("tlp,lkpd->tlkd", x.reshape(len(x), modules, -1), w)
        shifted = [np.roll(products[:, :, k], (width - 1) // 2 - k, axis=1) for k in range(width)]
        return (sum(shifted) + bias).reshape(len(x), -1)

    return apply


ACTIVATIONS = {
    "Relu": lambda x: np.maximum(x, 0),
    "Gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "Tanh": np.tanh,
}


def dense_ff(stored, activation):
    return serial(dense(stored), ACTIVATIONS[activation], dense(stored))


def sparse_ff(stored):
    m1, m2, mb, w1, w2, b2 = stored.take(6)

    def apply(x):
        logits = np.einsum("td,dl,lbe->tbe", x, m1, m2) + mb
        mask = np.eye(logits.shape[-1])[logits.argmax(-1)]
        hidden = np.maximum(np.einsum("td,dbe->tbe", x, w1) * mask, 0)
        return np.einsum("tbe,ebd->td", hidden, w2) + b2

    return apply


def expert_ff(stored, is_switch):
    m1, w1, w2, b2 = stored.take(4)

    def apply(x):
        logits = x @ m1
        mask = np.eye(m1.shape[1])[logits.argmax(-1)]
        if is_switch:
            mask = mask * softmax(logits)
        hidden = np.maximum(x @ w1 * np.repeat(mask, w1.shape[1] // m1.shape[1], axis=-1), 0)
        return hidden @ w2 + b2

    return apply


def sru(stored):
    gates = dense(stored)

    def apply(x):
        r, f, y = np.split(gates(x), 3, axis=-1)
        r, f = 1 / (1 + np.exp(-r)), 1 / (1 + np.exp(-f))
        cell, out = np.zeros(x.shape[1]), np.empty_like(x)
        for t in range(len(x)):
            cell = f[t] * cell + (1 - f[t]) * y[t]
            out[t] = r[t] * cell + (1 - r[t]) * x[t] * math.sqrt(3)
        return out

    return apply


def feed_forward(stored, args, center=True):
    """Trax's FeedForwardWithOptions."""
    norm, sparsity = layer_norm(stored, center), args.get("ff_sparsity", 0)
    if not sparsity:
        core = dense_ff(stored, args.get("ff_activation", "Relu"))
    elif args.get("ff_sparsity_type", "1inN") == "1inN":
        core = sparse_ff(stored)
    else:
        core = expert_ff(stored, args["ff_sparsity_type"] == "Switch")
    units = args.get("ff_use_sru", 0)
    if not units:
        return serial(norm, core)
    n_layers = units[0] if isinstance(units, tuple) else units
    branch = [layer_norm(stored, center), dense(stored)]
    branch += [sru(stored) for _ in range(n_layers)] + [dense(stored)]
    return lambda x: core(norm(x)) + serial(*branch)(x)


def loss_layer(stored, args):
    kind, sparsity = args["loss_sparsity_type"], args["loss_sparsity"]
    if not sparsity:
        return dense(stored)
    if kind in ("local", "local3"):
        return locally_connected_dense(stored, sparsity, 1 if kind == "local" else 3)
    return {"mult": factored_dense, "lowrank": low_rank_dense, "einsum": einsum_dense}[kind](stored)


def _fixed_base(stored):
    digits = [stored.take(8) for _ in range(4)]
    start = stored.take()

    def apply(x):
        encoding = np.zeros_like(x)
        for base, vectors in zip((11, 13, 14, 15), digits):
            values = [np.arange(len(x)) // base**i % base for i in range(8)]
            encoding += np.concatenate([v[:, None] * w.reshape(1, -1) for v, w in zip(values, vectors)], axis=1)
        encoding[0] += start.reshape(-1)
        return x + encoding

    return apply


def _sin_cos(x):
    frequencies = np.exp(np.arange(0, x.shape[1], 2) * -(math.log(10000.0) / x.shape[1]))
    angles = np.arange(len(x))[:, None] * frequencies
    return x + np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def _axial(stored, shape):
    axes = [stored.take() for _ in shape]
    grid = [np.broadcast_to(a[0], tuple(shape) + (a.shape[-1],)).reshape(-1, a.shape[-1]) for a in axes]
    return lambda x: x + np.concatenate(grid, axis=1)[: len(x)]


def positions(stored, args):
    kind = args.get("pos_type")
    if kind == "axial":
        return _axial(stored, args["pos_axial_shape"])
    if kind == "fixed-base":
        return _fixed_base(stored)
    if kind == "sin-cos":
        return _sin_cos
    if kind == "no":
        return lambda x: x
    table = stored.take()
    return lambda x: x + table[: len(x)]
