"""Resolves attention layers of a gin file: from a reference to `{"layer": .., "params": ..}` with nothing left open."""

from .defaults import ATTENTION, GIVEN_ATTENTION_ARGUMENTS, IGNORED_ATTENTION_ARGUMENTS
from .errors import ConversionError
from .gin import Reference

_LSH_IMPLEMENTATIONS = ("PureLSHSelfAttention", "MixedLSHSelfAttention")
_CAUSAL = (
    "CausalAttention", "ModularCausalAttention", "ConvCausalAttention", "LowRankCausalAttention",
    "MultiplicativeCausalAttention", "MultiplicativeModularCausalAttention", "MultiplicativeConvCausalAttention",
    "CausalFavor",
)
_EITHER = ("SelfAttention", "LSHSelfAttention", "PureLSHSelfAttentionWrapper")

# Which layers can stand where: in the others Trax cannot build the model.
PLACES = {
    "causal": _CAUSAL + _EITHER,
    "causal between mask and encoder": _CAUSAL,
    "bidirectional": ("Attention", "Favor") + _EITHER,
    "bidirectional with mask": ("Attention", "Favor"),
}


def resolve_attention(gin, value, place, argument, n_heads, d_model):
    """An attention type, or a list of them, as config.json states it. `argument` names it in errors."""
    value = gin.resolve(value)
    if isinstance(value, (list, tuple)) and value:
        return [resolve_attention(gin, item, place, argument, n_heads, d_model) for item in value]
    if not isinstance(value, Reference) or value.called:
        raise ConversionError(f"{argument} is {value!r}, not an attention layer such as @CausalAttention")
    if value.name not in ATTENTION:
        raise ConversionError(f"{argument}: attention layer {value.name} is not supported")
    if value.name not in PLACES[place]:
        raise ConversionError(f"{argument}: {value.name} cannot stand there; possible are {', '.join(PLACES[place])}")
    return _layer(gin, value.name, value.scope, n_heads, d_model)


def attention_layer(name, arguments, n_heads, d_model):
    """An attention layer with given arguments, without gin (tests of single layers)."""
    params = {**ATTENTION[name], **{k: v for k, v in arguments.items() if k in ATTENTION[name]}}
    return _checked(name, params, n_heads, d_model)


def _layer(gin, name, scope, n_heads, d_model, passed=()):
    """`passed` are arguments that an outer layer hands on; they win over gin's."""
    params = dict(ATTENTION[name])
    rest = dict(passed)
    found = {key: (gin.resolve(b.value), b.where) for key, b in gin.arguments(name, scope).items()}
    for key, (value, where) in {**found, **rest}.items():
        if key in params:
            params[key] = value
        elif name == "PureLSHSelfAttentionWrapper" and key in ATTENTION["MixedLSHSelfAttention"]:
            rest[key] = (value, where)
        elif key not in GIVEN_ATTENTION_ARGUMENTS + IGNORED_ATTENTION_ARGUMENTS.get(name, ()):
            raise ConversionError(f"{where}: {name}.{key} is not a setting that can be converted")
    if name == "PureLSHSelfAttentionWrapper":
        params["pure_lsh_implementation"] = _implementation(gin, params, scope, n_heads, d_model, rest)
    return _checked(name, params, n_heads, d_model)


def _implementation(gin, params, scope, n_heads, d_model, passed):
    inner = params["pure_lsh_implementation"]
    if not isinstance(inner, Reference) or inner.name not in _LSH_IMPLEMENTATIONS:
        raise ConversionError(
            f"PureLSHSelfAttentionWrapper.pure_lsh_implementation is {inner!r}; "
            f"expected one of {', '.join(_LSH_IMPLEMENTATIONS)}"
        )
    return _layer(gin, inner.name, inner.scope or scope, n_heads, d_model, passed)


def _checked(name, params, n_heads, d_model):
    """Fills in what Trax derives and refuses what cannot work."""
    params = {key: list(value) if isinstance(value, tuple) else value for key, value in params.items()}
    if name == "PureLSHSelfAttentionWrapper":
        _one_of(name, params, "weights_format", ("model", "sparse"))
        _one_of(name, params, "num_weights", (2, 3))
    if name == "MultiplicativeConvCausalAttention":
        _one_of(name, params, "output_layer_type", ("none", "mult", "conv", "multconv"))
        _one_of(name, params, "v_concat_type", ("original", "fixed", "none"))
    if "sparsity" in params:
        params["sparsity"] = n_heads if params["sparsity"] is None else params["sparsity"]
        unused = name == "PureLSHSelfAttentionWrapper" and params["weights_format"] != "sparse"
        if not unused and (not _positive(params["sparsity"]) or d_model % params["sparsity"]):
            raise ConversionError(f"{name}.sparsity = {params['sparsity']!r} does not divide d_model = {d_model}")
    if params.pop("use_dconv", False):
        raise ConversionError("CausalAttention.use_dconv = True (depthwise convolutions) is not supported")
    if params.pop("use_approximate_softmax", False):
        raise ConversionError("Favor.use_approximate_softmax = True (random features) is not supported")
    if "predict_mem_len" in params and params["chunk_len"] is not None:
        memory = params["chunk_len"] * (1 + params["n_chunks_before"])
        params["predict_mem_len"] = params["predict_mem_len"] or memory
        params["predict_drop_len"] = params["predict_drop_len"] or params["chunk_len"]
    for key in ("kernel_size", "length_kernel_size", "lowrank", "n_hashes"):
        if key in params and not _positive(params[key]):
            raise ConversionError(f"{name}.{key} = {params[key]!r} is not a positive integer")
    if "kernel_size" in params and params["kernel_size"] % 2 == 0:
        raise ConversionError(f"{name}.kernel_size = {params['kernel_size']} is not odd")
    return {"layer": name, "params": params}


def _one_of(name, params, key, values):
    if params[key] not in values:
        raise ConversionError(f"{name}.{key} = {params[key]!r} is not supported; possible are {values}")


def _positive(value):
    return type(value) is int and value > 0
