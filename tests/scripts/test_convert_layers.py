"""The packed tensors of single layers mean what io/FORMAT.md says: recomputed from them, Trax's outputs come out."""

import json
import os
import tempfile
import unittest

import numpy as np
from convert_helpers import golden_folder, model_cases, read_safetensors

from convert_layer_case import convert_layer_case


def dense(t, x, prefix=""):
    y = x @ t[prefix + "weight"].T
    return y + t[prefix + "bias"] if prefix + "bias" in t else y


def factored(t, x, prefix=""):
    gated = np.einsum("...d,nd->...nd", x, t[prefix + "gating"])
    y = np.einsum("...nd,md->...nm", gated, t[prefix + "projection"])
    y = y.reshape(*x.shape[:-1], -1)
    return y + t[prefix + "bias"] if prefix + "bias" in t else y


def modular(t, x, prefix=""):
    mid = np.einsum("...d,hd,xd->...hx", x, t[prefix + "multiplier"], t[prefix + "projection"])
    y = np.einsum("...hx,hox->...ho", mid, t[prefix + "modular"])
    return y.reshape(*x.shape) + t[prefix + "bias"]


def conv(t, x, modules, width, length, prefix=""):
    b, n, d = x.shape
    x = x.reshape(b, n, modules, d // modules)
    padded = np.pad(x, [(0, 0), (length - 1, 0), (width // 2, width // 2), (0, 0)])
    windows = [padded[:, i : i + n, j : j + modules] for i in range(length) for j in range(width)]
    y = np.concatenate(windows, -1) @ t[prefix + "kernel"].T + t[prefix + "bias"]
    return y.reshape(b, n, -1)


def locally_connected(t, x, modules, width):
    split = x.reshape(*x.shape[:-1], modules, -1)
    rolled = [np.roll(split, width // 2 - j, axis=-2) for j in range(width)]
    y = np.einsum("...mi,moi->...mo", np.concatenate(rolled, -1), t["weight"]) + t["bias"]
    return y.reshape(*x.shape[:-1], -1)


def sparse_ff(t, x, mult=False):
    logits = np.einsum("...l,xly->...xy", x @ t["controller.down"].T, t["controller.up"]) + t["controller.bias"]
    choice = logits == logits.max(-1, keepdims=True)
    mid = np.maximum(np.einsum("...d,xyd->...xy", x, t["units"][:, :, 0]) * choice, 0)
    if mult:
        mid = mid * np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return np.einsum("...xy,xyd->...d", mid, t["units"][:, :, 1]) + t["bias"]


def experts(t, x, switch):
    logits = x @ t["controller"].T
    choice = logits == logits.max(-1, keepdims=True)
    scale = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True) if switch else 1.0
    mid = np.maximum(np.einsum("...d,eyd->...ey", x, t["units"][:, :, 0]) * (choice * scale)[..., None], 0)
    return np.einsum("...ey,eyd->...d", mid, t["units"][:, :, 1]) + t["bias"]


def sru(t, x):
    r, f, y = np.split(dense(t, x, "dense."), 3, -1)
    r, f = 1 / (1 + np.exp(-r)), 1 / (1 + np.exp(-f))
    c, out = np.zeros_like(x[:, 0]), np.empty_like(x)
    for i in range(x.shape[1]):
        c = f[:, i] * c + (1 - f[:, i]) * y[:, i]
        out[:, i] = r[:, i] * c + (1 - r[:, i]) * x[:, i] * 3**0.5
    return out


def attend(q, k, v, heads, causal):
    def split(x):
        return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    scores = split(q) @ split(k).swapaxes(-1, -2) / np.sqrt(q.shape[-1] // heads)
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -1e9)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    out = weights / weights.sum(-1, keepdims=True) @ split(v)
    return out.transpose(0, 2, 1, 3).reshape(*q.shape[:2], -1)


def projected(project):
    """Causal attention with four projections of one kind."""
    def run(t, x, p):
        q, k, v = (project(t, x, p, part + ".") for part in ("query", "key", "value"))
        return project(t, attend(q, k, v, p["n_heads"], True), p, "output.")
    return run


def mult_conv(t, x, p):
    s, length, shared = p["sparsity"], p["length_kernel_size"], factored(t, x, "shared.")
    q = conv(t, shared, s, 3, length, "query.")
    k = q if p["share_qk"] else conv(t, shared, s, 3, length, "key.")
    both = shared
    if p["v_concat_type"] == "original":
        both = np.concatenate([shared, x], -1)
    elif p["v_concat_type"] == "fixed":
        halves = [a.reshape(*a.shape[:2], s, -1) for a in (shared, x)]
        both = np.concatenate(halves, -1).reshape(*x.shape[:2], -1)
    y = attend(q, k, conv(t, both, s, 1, length, "value."), p["n_heads"], True)
    y = factored(t, y, "output_mult.") if "mult" in p["output_layer_type"] else y
    return conv(t, y, s, 3, length, "output_conv.") if "conv" in p["output_layer_type"] else y


def fixed_base(t, x, p):
    positions = np.arange(x.shape[1])
    out = np.zeros(x.shape[1:], np.float32)
    for digits, base in zip(t["digits"], (11, 13, 14, 15)):
        parts = [(positions // base**i % base)[:, None] * digits[i] for i in range(8)]
        out += np.concatenate(parts, -1)
    out[0] += t["start"]
    return x + out


def learned(t, x, p):
    table = t["table"] @ t["projection"].T if "projection" in t else t["table"]
    return x + table[: x.shape[1]]


def axial(t, x, p):
    shape = p["shape"]
    parts = [np.broadcast_to(t[f"axis{i}"].reshape([-1 if j == i else 1 for j in range(len(shape))] + [d]), shape + [d])
             for i, d in enumerate(p["d_embs"])]
    return x + np.concatenate(parts, -1).reshape(x.shape[1], -1)


def layer_norm(t, x, p):
    x = x - x.mean(-1, keepdims=True) if p["center"] else x
    y = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * t["scale"]
    return y + t["bias"] if p["center"] else y


LAYERS = {
    "Dense": lambda t, x, p: dense(t, x),
    "EinsumDense": lambda t, x, p: dense(t, x),
    "LayerNorm": layer_norm,
    "FactoredDense": lambda t, x, p: factored(t, x),
    "LowRankDense": lambda t, x, p: dense(t, dense(t, x, "down."), "up."),
    "MultiplicativeModularSparseDense": lambda t, x, p: modular(t, x),
    "LocallyConvDense": lambda t, x, p: conv(t, x, p["n_modules"], p["kernel_size"], p["length_kernel_size"]),
    "LocallyConnectedDense": lambda t, x, p: locally_connected(t, x, p["n_modules"], p["kernel_size"]),
    "SparseFF": lambda t, x, p: sparse_ff(t, x, p["multiply_by_controller_output"]),
    "BlockSparseFF": lambda t, x, p: experts(t, x, False),
    "SwitchSparseFF": lambda t, x, p: experts(t, x, True),
    "SRU": lambda t, x, p: sru(t, x),
    "PositionalEncoding": learned,
    "FixedBasePositionalEncoding": fixed_base,
    "AxialPositionalEncoding": axial,
    "CausalAttention": projected(lambda t, x, p, part: dense(t, x, part)),
    "LowRankCausalAttention": projected(lambda t, x, p, part: dense(t, dense(t, x, part + "down."), part + "up.")),
    "MultiplicativeCausalAttention": projected(lambda t, x, p, part: factored(t, x, part)),
    "MultiplicativeModularCausalAttention": projected(lambda t, x, p, part: modular(t, x, part)),
    "ConvCausalAttention": projected(
        lambda t, x, p, part: conv(t, x, p["sparsity"], p["kernel_size"], 1, part)),
    "MultiplicativeConvCausalAttention": mult_conv,
}


def self_attention(t, x, p):
    """Per-head stacks as [heads * d, d_model]; without sharing or chunks it is causal attention."""
    q, k, v = (dense(t, x, part) for part in ("query.", "key.", "value."))
    return dense(t, attend(q, k, v, p["n_heads"], True), "output.")


def layer_of(config):
    """The layer that a config.json names, or None."""
    if not os.path.exists(config):
        return None
    with open(config, encoding="utf-8") as stream:
        return json.load(stream).get("layer")


class PackedLayers(unittest.TestCase):
    def check(self, folder, compute):
        with tempfile.TemporaryDirectory() as out:
            convert_layer_case(folder, out)
            with open(os.path.join(out, "config.json"), encoding="utf-8") as stream:
                params = json.load(stream)["params"]
            tensors = read_safetensors(os.path.join(out, "model.safetensors"))[1]
        x = np.load(os.path.join(folder, "input_0.npy"))
        expected = np.load(os.path.join(folder, "output_0.npy"))
        np.testing.assert_allclose(compute(tensors, x, params), expected, rtol=1e-4, atol=1e-4)

    def test_outputs_of_trax_come_out_of_the_packed_tensors(self):
        model_cases()
        layers, checked = os.path.join(golden_folder(), "layers"), set()
        for name in sorted(os.listdir(layers)):
            layer = layer_of(os.path.join(layers, name, "config.json"))
            if layer in LAYERS:
                checked.add(layer)
                with self.subTest(name):
                    self.check(os.path.join(layers, name), LAYERS[layer])
        self.assertEqual(checked, set(LAYERS))

    def test_per_head_stacks_become_plain_projections(self):
        model_cases()
        self.check(os.path.join(golden_folder(), "layers", "self_attention"), self_attention)


if __name__ == "__main__":
    unittest.main()
