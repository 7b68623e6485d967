"""Trax's attention layers in plain NumPy; see numpy_layers.py."""

import numpy as np

from numpy_layers import (
    dense, factored_dense, locally_connected_dense, locally_conv_dense, low_rank_dense, multiplicative_modular_dense,
    serial, softmax,
)


def _heads(x, n_heads):
    return x.reshape(len(x), n_heads, -1).transpose(1, 0, 2)


def _merged(x):
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1)


def dot_product_attention(q, k, v, n_heads, causal):
    q, k, v = (_heads(x, n_heads) for x in (q, k, v))
    scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
    if causal:
        scores = np.where(np.tri(scores.shape[1], dtype=bool), scores, -1e9)
    return _merged(softmax(scores) @ v)


def favor_attention(q, k, v, n_heads, causal, stabilizer):
    q, k, v = (_heads(x, n_heads) for x in (q, k, v))
    scores = (np.maximum(q, 0) + stabilizer) @ (np.maximum(k, 0) + stabilizer).transpose(0, 2, 1)
    if causal:
        scores = scores * np.tri(scores.shape[1])
    return _merged(scores / scores.sum(-1, keepdims=True) @ v)


def _projection(stored, name, params, n_heads):
    """Builds one of the four alike projections of a layer."""
    modules = params.get("sparsity") or n_heads
    width = params.get("kernel_size", 1)
    return {
        "LowRankCausalAttention": lambda: low_rank_dense(stored),
        "ModularCausalAttention": lambda: locally_connected_dense(stored, modules, width),
        "ConvCausalAttention": lambda: locally_conv_dense(stored, modules, width),
        "MultiplicativeCausalAttention": lambda: factored_dense(stored),
        "MultiplicativeModularCausalAttention": lambda: multiplicative_modular_dense(stored),
    }.get(name, lambda: dense(stored))()


def attention(stored, spec, n_heads):
    """The layer that `spec` = (Trax's name, its arguments) describes."""
    name, params = spec
    if name == "MultiplicativeConvCausalAttention":
        return _multiplicative_conv_attention(stored, params, n_heads)
    query, key, value, output = (_projection(stored, name, params, n_heads) for _ in range(4))
    causal = name not in ("Attention", "Favor")

    def apply(x):
        if "Favor" in name:
            mixed = favor_attention(query(x), key(x), value(x), n_heads, causal, params["numerical_stabilizer"])
        else:
            mixed = dot_product_attention(query(x), key(x), value(x), n_heads, causal)
        return output(mixed)

    return apply


def _multiplicative_conv_attention(stored, params, n_heads):
    modules, length = params.get("sparsity") or n_heads, params["length_kernel_size"]
    shared = factored_dense(stored)
    query = locally_conv_dense(stored, modules, 3, length)
    key = query if params["share_qk"] else locally_conv_dense(stored, modules, 3, length)
    value = locally_conv_dense(stored, modules, 1, length)
    output = [factored_dense(stored)] if "mult" in params["output_layer_type"] else []
    if "conv" in params["output_layer_type"]:
        output.append(locally_conv_dense(stored, modules, 3, length))

    def joined(s, x):
        if params["v_concat_type"] == "none":
            return s
        parts = modules if params["v_concat_type"] == "fixed" else 1
        return np.concatenate([part.reshape(len(x), parts, -1) for part in (s, x)], axis=-1).reshape(len(x), -1)

    def apply(x):
        s = shared(x)
        return serial(*output)(dot_product_attention(query(s), key(s), value(joined(s, x)), n_heads, True))

    return apply


def cross_attention(stored, sparsity, n_heads):
    """AttentionQKV as a function of (x, encoder vectors); `sparsity` is enc_dec_attention_sparsity."""
    if not isinstance(sparsity, tuple):
        sparsity = (sparsity, "noop") if sparsity else (None, None)

    def side(modules):
        if modules == "noop":
            return lambda x: x
        if modules is None:
            return dense(stored)
        return serial(factored_dense(stored), locally_conv_dense(stored, modules, 3, 3))

    query, key, value = side(sparsity[0]), dense(stored), dense(stored)
    output = side(sparsity[1])
    return lambda x, e: output(dot_product_attention(query(x), key(e), value(e), n_heads, False))
