"""Plans for single layers, as the folders of layer cases describe them: the packers of the converter, one at a time."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "scripts"))

from trax_convert import attention, dense_layers, feed_forward, positions  # noqa: E402
from trax_convert.attention_settings import attention_layer  # noqa: E402
from trax_convert.defaults import ACTIVATIONS, ATTENTION  # noqa: E402
from trax_convert.plan import Plan  # noqa: E402

_DEFAULTS = {
    "Dense": {"use_bias": True},
    "LayerNorm": {"center": True, "epsilon": 1e-6},
    "FactoredDense": {"use_bias": True},
    "LocallyConnectedDense": {"kernel_size": 1},
    "LocallyConvDense": {"kernel_size": 1, "length_kernel_size": 1},
    "SparseFF": {"n_elements_in_block": 32, "d_lowrank": 64, "multiply_by_controller_output": False},
    "BlockSparseFF": {"n_experts": 64},
    "SwitchSparseFF": {"n_experts": 64},
    "AttentionQKV": {"n_heads": 1, "q_sparsity": None, "result_sparsity": None},
    "PositionalEncoding": {"max_len": 2048, "d_feature": None},
}
_HEADS = {"n_heads": 2, "d_qk": 64, "d_v": 64, "causal": False, "masked": False}
_PER_HEAD = ("SelfAttention", "LSHSelfAttention", "PureLSHSelfAttention")


def plain(value):
    """JSON of a layer case as Python values: {"tuple": [..]} becomes a list."""
    if isinstance(value, dict) and set(value) == {"tuple"}:
        return [plain(item) for item in value["tuple"]]
    return value


def plan_layer(name, args, d_in):
    """Returns (plan, params) of a layer whose input has d_in features; `params` are all its arguments."""
    args = {key: plain(value) for key, value in args.items()}
    plan = Plan()
    if name in ATTENTION:
        params = _attention(plan.scope(), name, args, d_in)
    else:
        params = {**_DEFAULTS.get(name, {}), **args}
        if name not in ACTIVATIONS:
            _PACKERS[name](plan.scope(), params, d_in)
    params.pop("ff_chunk_size", None)
    return plan, params


def _attention(scope, name, args, d_in):
    given = {**(_HEADS if name in _PER_HEAD else {"d_feature": d_in, "n_heads": 1}), **args}
    spec = attention_layer(name, args, given["n_heads"], d_in)
    attention.attention(scope, spec, d_in, given["n_heads"], given.get("d_qk"), given.get("d_v"))
    own = {key: given[key] for key in ("d_feature", *_HEADS) if key in given}
    return {**own, **spec["params"]}


def _locally_connected(scope, p, d):
    dense_layers.locally_connected_dense(scope, p["n_modules"], d // p["n_modules"], p["n_units"], p["kernel_size"])


def _locally_conv(scope, p, d):
    width, length = p["kernel_size"], p["length_kernel_size"]
    dense_layers.locally_conv_dense(scope, p["n_modules"], d // p["n_modules"], p["n_units"], width, length)


def _experts(name):
    return lambda scope, p, d: feed_forward.expert_ff(scope, name, d, p["d_ff"], p["n_experts"])


_PACKERS = {
    "Dense": lambda scope, p, d: dense_layers.dense(scope, d, p["n_units"], p["use_bias"]),
    "LayerNorm": lambda scope, p, d: dense_layers.layer_norm(scope, d, p["center"]),
    "FactoredDense": lambda scope, p, d: dense_layers.factored_dense(
        scope, p["n_modules"], p["d_in"], p["d_out"], p["use_bias"]),
    "EinsumDense": lambda scope, p, d: dense_layers.einsum_dense(scope, p["d_input"], p["d_output"], p["use_bias"]),
    "LowRankDense": lambda scope, p, d: dense_layers.low_rank_dense(scope, d, p["d_lowrank"], p["n_units"]),
    "MultiplicativeModularSparseDense": lambda scope, p, d: dense_layers.mult_modular_dense(
        scope, p["sparsity"], p["d_feature"]),
    "LocallyConnectedDense": _locally_connected,
    "LocallyConvDense": _locally_conv,
    "SparseFF": lambda scope, p, d: feed_forward.sparse_ff(
        scope, d, p["d_ff"], p["n_elements_in_block"], p["d_lowrank"]),
    "BlockSparseFF": _experts("BlockSparseFF"),
    "SwitchSparseFF": _experts("SwitchSparseFF"),
    "SRU": lambda scope, p, d: feed_forward.sru(scope, p["n_units"]),
    "AttentionQKV": lambda scope, p, d: attention.cross_attention(
        scope, {"q_sparsity": p["q_sparsity"], "result_sparsity": p["result_sparsity"]}, d),
    "PositionalEncoding": lambda scope, p, d: positions.learned(scope, p["max_len"], d, p["d_feature"]),
    "FixedBasePositionalEncoding": lambda scope, p, d: positions.fixed_base(scope, d),
    "AxialPositionalEncoding": lambda scope, p, d: positions.axial(scope, p["shape"], p["d_embs"]),
    "SinCosPositionalEncoding": lambda scope, p, d: None,
    "Rotate": lambda scope, p, d: None,
}
