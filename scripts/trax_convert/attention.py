"""Packs attention layers. `params` are a layer's arguments as config.json states them."""

from .dense_layers import dense, factored_dense, locally_connected_dense, locally_conv_dense, low_rank_dense
from .dense_layers import mult_modular_dense

_FOUR = ("query", "key", "value", "output")


def attention(scope, spec, d_model, n_heads, d_qk, d_v):
    """An attention layer as `{"layer": .., "params": ..}`, with the sizes that the model gives it."""
    name, params = spec["layer"], spec["params"]
    if name in _PROJECTED:
        _PROJECTED[name](scope, params, d_model)
    elif name in ("SelfAttention", "LSHSelfAttention"):
        shared = name == "LSHSelfAttention" or params["share_qk"]
        per_head_attention(scope, name, d_model, n_heads, d_qk, d_v, shared, params["bias"])
        if name == "LSHSelfAttention":
            scope.hash_keys(name, n_heads)
    elif name == "PureLSHSelfAttentionWrapper":
        _pure_lsh_wrapper(scope, params, d_model, n_heads)
    elif name in ("PureLSHSelfAttention", "MixedLSHSelfAttention"):
        scope.hash_keys(name, n_heads)
    else:
        raise KeyError(name)


def dense_attention(scope, d_model):
    """Attention, CausalAttention, Favor, CausalFavor: four Dense layers."""
    for part in _FOUR:
        dense(scope.sub(part), d_model, d_model)


def per_head_attention(scope, layer, d_model, heads, d_qk, d_v, share_qk=False, bias=False):
    """SelfAttention, LSHSelfAttention, EncDecAttention: stacks (heads, d_model, d_head) and (heads, d_v, d_model)."""
    query = ("query", "qk" if share_qk else "q", d_qk)
    inputs = [query] + ([] if share_qk else [("key", "k", d_qk)]) + [("value", "v", d_v)]
    for part, letter, d in inputs:
        _per_head_input(scope.sub(part), layer, f"w_{letter}", d_model, heads, d)
    output = scope.sub("output")
    w_o = output.store(layer, "w_o", (heads, d_v, d_model))
    shape = (d_model, heads * d_v)
    output.view("weight", shape, w_o, lambda x: x.reshape(heads * d_v, d_model).T, matrix=True)
    for part, letter, d in inputs if bias else []:
        vector = scope.sub(part)
        b = vector.store(layer, f"b_{letter}", (heads, d))
        vector.view("bias", (heads * d,), b, lambda x: x.reshape(-1))


def _per_head_input(scope, layer, weight, d_model, heads, d):
    w = scope.store(layer, weight, (heads, d_model, d))
    scope.view("weight", (heads * d, d_model), w, lambda x: x.transpose(0, 2, 1).reshape(-1, d_model), matrix=True)


def _conv(scope, params, d_model):
    d_module = d_model // params["sparsity"]
    for part in _FOUR:
        locally_conv_dense(scope.sub(part), params["sparsity"], d_module, d_module, params["kernel_size"])


def _modular(scope, params, d_model):
    d_module = d_model // params["sparsity"]
    for part in _FOUR:
        locally_connected_dense(scope.sub(part), params["sparsity"], d_module, d_module, params["kernel_size"])


def _low_rank(scope, params, d_model):
    for part in _FOUR:
        low_rank_dense(scope.sub(part), d_model, params["lowrank"], d_model)


def _multiplicative(scope, params, d_model):
    for part in _FOUR:
        factored_dense(scope.sub(part), params["sparsity"], d_model, d_model)


def _multiplicative_modular(scope, params, d_model):
    for part in _FOUR:
        mult_modular_dense(scope.sub(part), params["sparsity"], d_model)


def _multiplicative_conv(scope, params, d_model):
    sparsity, length = params["sparsity"], params["length_kernel_size"]
    d_v_in = d_model // sparsity * (1 if params["v_concat_type"] == "none" else 2)
    shared_and_convs(scope, sparsity, length, d_model, not params["share_qk"], d_v_in)
    if "mult" in params["output_layer_type"]:
        factored_dense(scope.sub("output_mult"), sparsity, d_model, d_model)
    if "conv" in params["output_layer_type"]:
        d_module = d_model // sparsity
        locally_conv_dense(scope.sub("output_conv"), sparsity, d_module, d_module, 3, length)


def shared_and_convs(scope, sparsity, length, d_model, separate_key, d_v_in):
    """A FactoredDense, then convolutions over (length, modules) for Q, K and V; V's is one module wide."""
    d_module = d_model // sparsity
    factored_dense(scope.sub("shared"), sparsity, d_model, d_model)
    for part in ("query", "key") if separate_key else ("query",):
        locally_conv_dense(scope.sub(part), sparsity, d_module, d_module, 3, length)
    locally_conv_dense(scope.sub("value"), sparsity, d_v_in, d_module, 1, length)


def _pure_lsh_wrapper(scope, params, d_model, n_heads):
    separate_key = params["num_weights"] == 3
    if params["weights_format"] == "sparse":
        sparsity = params["sparsity"]
        shared_and_convs(scope, sparsity, 3, d_model, separate_key, d_model // sparsity)
    else:
        for part in ("query", "key", "value") if separate_key else ("query", "value"):
            dense(scope.sub(part), d_model, d_model, params["bias"])
    scope.hash_keys(params["pure_lsh_implementation"]["layer"], n_heads)
    if params["weights_format"] != "sparse":
        dense(scope.sub("output"), d_model, d_model, params["bias"])


def cross_attention(scope, sparsity, d_model):
    """Trax AttentionQKV between decoder and encoder; `sparsity` is `enc_dec_attention_sparsity` of config.json."""
    q_sparsity = sparsity["q_sparsity"] if sparsity else None
    result_sparsity = sparsity["result_sparsity"] if sparsity else None
    _sparsifiable(scope.sub("query"), q_sparsity, d_model)
    dense(scope.sub("key"), d_model, d_model)
    dense(scope.sub("value"), d_model, d_model)
    _sparsifiable(scope.sub("output"), result_sparsity, d_model)


def _sparsifiable(scope, sparsity, d_model):
    if sparsity is None:
        dense(scope, d_model, d_model)
    elif sparsity != "noop":
        d_module = d_model // sparsity
        factored_dense(scope.sub("mult"), sparsity, d_model, d_model)
        locally_conv_dense(scope.sub("conv"), sparsity, d_module, d_module, 3, 3)


_PROJECTED = {
    "Attention": lambda scope, params, d: dense_attention(scope, d),
    "CausalAttention": lambda scope, params, d: dense_attention(scope, d),
    "Favor": lambda scope, params, d: dense_attention(scope, d),
    "CausalFavor": lambda scope, params, d: dense_attention(scope, d),
    "ConvCausalAttention": _conv,
    "ModularCausalAttention": _modular,
    "LowRankCausalAttention": _low_rank,
    "MultiplicativeCausalAttention": _multiplicative,
    "MultiplicativeModularCausalAttention": _multiplicative_modular,
    "MultiplicativeConvCausalAttention": _multiplicative_conv,
}
