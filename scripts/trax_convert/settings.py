"""From a gin file to the arguments of config.json: which model it is, defaults filled in, derived forms resolved."""

from .attention_settings import resolve_attention
from .defaults import (
    ACTIVATIONS, FIXED_LAYER_ARGUMENTS, IGNORED_LAYER_ARGUMENTS, IGNORED_MODEL_ARGUMENTS, MODEL_ALIASES, MODELS,
    Required,
)
from .errors import ConversionError
from .forward_settings import resolve_feed_forward, resolve_loss
from .gin import Reference

_SIZES = ("vocab_size", "input_vocab_size", "d_model", "d_ff", "n_heads", "max_len")
_COUNTS = ("n_layers", "n_encoder_layers", "n_decoder_layers", "n_decoder_attention_layers", "n_layers_forget")


class Settings:
    """`model` and `args` as in config.json; `positions` may wait for the checkpoint's shapes (see `needs_shapes`)."""

    def __init__(self, gin):
        self.gin = gin
        self.model, self._bound_name, scope = _find_model(gin)
        raw = self._arguments(scope)
        _check_sizes(self.model, raw)
        self.dense_twin = raw.get("loss_sparsity_prob") is not None
        self.needs_shapes = False
        self.args = self._resolve(raw)
        _check_layer_bindings(gin)

    def _arguments(self, scope):
        """Every constructor argument: gin's value, else the default."""
        raw = dict(MODELS[self.model])
        for key, binding in self.gin.arguments(self._bound_name, scope).items():
            if key in raw:
                raw[key] = self.gin.resolve(binding.value)
            elif key not in IGNORED_MODEL_ARGUMENTS[self.model]:
                raise ConversionError(f"{binding.where}: {self.model}.{key} is not a setting that can be converted")
        for key, value in raw.items():
            if value is Required or (key == "input_vocab_size" and value is None):
                raise ConversionError(f"the gin file does not say {self.model}.{key}")
        return raw

    def _resolve(self, raw):
        heads, d_model = raw["n_heads"], raw["d_model"]
        args = {key: raw[key] for key in raw if key in _SIZES + _COUNTS or key == "output_vocab_size"}
        if "d_attention_key" in raw:
            for key in ("d_attention_key", "d_attention_value"):
                args[key] = d_model // heads if raw[key] is None else raw[key]
        args["ff_activation"] = _activation(self.model, raw["ff_activation"])
        args.update(resolve_feed_forward(self.model, raw))
        args.update(resolve_loss(self.model, raw))
        args["positions"] = self._positions(raw)
        for key, place, default in _attention_places(self.model):
            value = raw.get(key, default)
            args[key] = resolve_attention(self.gin, value, place, f"{self.model}.{key}", heads, d_model)
        _check_repeats(self.model, args)
        _check_lsh_width(self.model, args)
        if self.model in ("Transformer", "ConfigurableTransformer"):
            args["enc_dec_attention_sparsity"] = _cross_sparsity(raw.get("enc_dec_attention_sparsity", 0), d_model)
        if self.model == "ConfigurableTerraformer":
            args.update(_terraformer_flags(raw))
        return args

    def _positions(self, raw):
        kind = raw.get("pos_type")
        if not kind:
            bound = self.gin.arguments("PositionalEncoding").get("d_feature")
            d_feature = None if bound is None else self.gin.resolve(bound.value)
            if d_feature is not None and (type(d_feature) is not int or d_feature < 1):
                raise ConversionError(f"PositionalEncoding.d_feature = {d_feature!r} is not a positive integer")
            self.needs_shapes = d_feature is None  # even where the gin file says None: it may have been patched in
            return {"type": "learned", "max_len": raw["max_len"], "d_feature": d_feature}
        if kind in ("infinite", "infinite-affine", "time-bin"):
            raise ConversionError(
                f"{self.model}.pos_type = {kind!r} is not supported: Trax builds these positions in training mode "
                "and draws them at random even when it evaluates, so there is no right answer to reproduce"
            )
        if kind == "fixed-base":
            if raw["d_model"] % 8:
                raise ConversionError(f"pos_type 'fixed-base' needs a d_model divisible by 8, not {raw['d_model']}")
            return {"type": kind}
        if kind in ("sin-cos", "no"):
            return {"type": "none" if kind == "no" else kind}
        return _axial(self.model, kind, raw)

    def learn_from_shapes(self, shape):
        """Settles what the gin file does not say: `shape` is that of the first array of the positions."""
        positions = self.args["positions"]
        width = self.args["d_model"] // (2 if self.args.get("half_before_layer") else 1)
        if self.needs_shapes and shape is not None and len(shape) == 2 and shape[1] != width:
            if shape[0] == positions["max_len"]:
                positions["d_feature"] = shape[1]


def _find_model(gin):
    """Returns (class, the name it has in the gin file, scope)."""
    for binding in gin.bindings.values():
        if binding.target == "train" and binding.parameter == "model":
            value = gin.resolve(binding.value)
            if not isinstance(value, Reference):
                raise ConversionError(f"{binding.where}: train.model is {value!r}, not a model such as @ReformerLM")
            name = MODEL_ALIASES.get(value.name, value.name)
            if name not in MODELS:
                raise ConversionError(f"{binding.where}: model {value.name} is not supported; {_known()}")
            return name, value.name, value.scope
    names = sorted(name for name in gin.targets() if MODEL_ALIASES.get(name, name) in MODELS)
    if len(names) != 1:
        found = f"it configures {', '.join(names)}" if names else "it configures no model that I know"
        raise ConversionError(f"the gin file has no train.model and {found}; {_known()}")
    return MODEL_ALIASES.get(names[0], names[0]), names[0], ()


def _known():
    return "known models are " + ", ".join(list(MODELS) + list(MODEL_ALIASES))


def _check_sizes(model, raw):
    for key in _SIZES + _COUNTS + ("d_attention_key", "d_attention_value", "output_vocab_size"):
        value = raw.get(key)
        optional = key.startswith(("d_attention", "output"))
        if key not in raw or (optional and value is None):
            continue
        if type(value) is not int or value < (0 if key in _COUNTS else 1):
            raise ConversionError(f"{model}.{key} = {value!r} is not a positive integer")
    halves = 2 if model == "ConfigurableTerraformer" else 1
    if raw["d_model"] % (halves * raw["n_heads"]):
        what = "d_model / 2" if halves == 2 else "d_model"
        raise ConversionError(f"{model}: n_heads = {raw['n_heads']} does not divide {what} (d_model = {raw['d_model']})")


def _activation(model, value):
    if not isinstance(value, Reference) or value.called or value.name not in ACTIVATIONS:
        name = value.name if isinstance(value, Reference) else repr(value)
        raise ConversionError(f"{model}.ff_activation: {name} is not supported; possible are {', '.join(ACTIVATIONS)}")
    return value.name


def _axial(model, kind, raw):
    shape, d_embs = raw["pos_axial_shape"], raw["pos_d_axial_embs"]
    lists = isinstance(shape, (list, tuple)) and isinstance(d_embs, (list, tuple))
    if not lists or len(shape) != len(d_embs) or not shape or sum(d_embs) != raw["d_model"]:
        raise ConversionError(
            f"{model}.pos_type = {kind!r} stands for axial positions, but pos_axial_shape = {shape!r} and "
            f"pos_d_axial_embs = {d_embs!r} do not describe any for d_model = {raw['d_model']}"
        )
    return {"type": "axial", "shape": list(shape), "d_embs": list(d_embs)}


def _attention_places(model):
    """(argument, kind of place, what the model always has there when it is no argument)."""
    if model in ("TransformerLM", "ConfigurableTransformerLM", "ReformerLM"):
        return [("attention_type", "causal", Reference((), "CausalAttention"))]
    if model == "ConfigurableTerraformer":
        return [
            ("encoder_attention_type", "bidirectional", None),
            ("encoder_decoder_attention_type", "causal", None),
        ]
    if model == "Reformer":
        own = Reference((), "SelfAttention")
        return [("encoder_attention_type", "bidirectional", own), ("encoder_decoder_attention_type", "causal", own)]
    return [
        ("encoder_attention_type", "bidirectional with mask", Reference((), "Attention")),
        ("encoder_decoder_attention_type", "causal between mask and encoder", Reference((), "CausalAttention")),
    ]


def _check_repeats(model, args):
    lists = {
        "ReformerLM": [("attention_type", "n_layers")],
        "ConfigurableTerraformer": [("encoder_decoder_attention_type", "n_decoder_layers")],
    }.get(model, [])
    for key, count in lists:
        if isinstance(args[key], list) and args[count] % len(args[key]):
            raise ConversionError(f"{model}.{key} lists {len(args[key])} layers, which do not divide {count}")
    for key in ("attention_type", "encoder_attention_type", "encoder_decoder_attention_type"):
        if isinstance(args.get(key), list) and key not in [name for name, _ in lists]:
            raise ConversionError(f"{model}.{key} cannot be a list")


def _check_lsh_width(model, args):
    """Trax's wrapper makes vectors of n_heads * d_qk features, which must be those of the model."""
    places = {"ReformerLM": "attention_type", "ConfigurableTerraformer": "encoder_decoder_attention_type"}
    if places.get(model) is None or "PureLSHSelfAttentionWrapper" not in _layers_in(args[places[model]]):
        return
    if args["n_heads"] * args["d_attention_key"] != args["d_model"]:
        raise ConversionError(
            f"{model} with PureLSHSelfAttentionWrapper needs n_heads * d_attention_key = d_model; here it is "
            f"{args['n_heads']} * {args['d_attention_key']}, not {args['d_model']}"
        )


def _cross_sparsity(value, d_model):
    if isinstance(value, tuple):
        if len(value) != 2:
            raise ConversionError(f"enc_dec_attention_sparsity = {value!r} is not a number or a pair")
        q, result = value
    else:
        q, result = (value, "noop") if value else (None, None)
    for sparsity in (q, result):
        if sparsity not in (None, "noop") and (type(sparsity) is not int or d_model % max(sparsity, 1)):
            raise ConversionError(f"enc_dec_attention_sparsity = {value!r} does not divide d_model = {d_model}")
    return None if q is None and result is None else {"q_sparsity": q, "result_sparsity": result}


def _terraformer_flags(raw):
    flags = {key: bool(raw[key]) for key in (
        "forget_dense", "reversible_encoder", "use_two_swaps_per_encoder_block", "center_layernorm")}
    flags["half_before_layer"] = raw["half_before_layer"] or None
    flags["double_after_layer"] = raw["double_after_layer"] or None
    return flags


def _check_layer_bindings(gin):
    """Refuses settings of layers that every model is made of, unless they say what Trax's default says."""
    for binding in gin.bindings.values():
        fixed = FIXED_LAYER_ARGUMENTS.get(binding.target)
        if fixed is None or binding.parameter in IGNORED_LAYER_ARGUMENTS.get(binding.target, ()):
            continue
        value = gin.resolve(binding.value)
        if binding.parameter not in fixed or fixed[binding.parameter] != value:
            raise ConversionError(
                f"{binding.where}: {binding.target}.{binding.parameter} = {value!r} is not a setting that can be converted"
            )


def ignored_settings(settings):
    """Names of configured things that do not concern the model, with counts: "train (4)"."""
    used = set(FIXED_LAYER_ARGUMENTS) | {settings._bound_name}
    used |= _layers_in(settings.args)
    counts = {}
    for binding in settings.gin.bindings.values():
        if binding.target not in used and (binding.target, binding.parameter) != ("train", "model"):
            counts[binding.target] = counts.get(binding.target, 0) + 1
    return [f"{target} ({count})" for target, count in sorted(counts.items())]


def _layers_in(value):
    if isinstance(value, dict):
        own = {value["layer"]} if "layer" in value else set()
        return own.union(*(_layers_in(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_layers_in(item) for item in value))
    return set()
