"""Draws models: constructor arguments that Trax accepts, all kinds of layers mixed."""

VOCAB, TARGET_VOCAB, D_MODEL = 32, 24, 16


def _sparsity(random):
    return random.choice([None, 1, 2, 8])


def _causal_attention(random):
    name = random.choice([
        "CausalAttention", "CausalFavor", "LowRankCausalAttention", "ModularCausalAttention", "ConvCausalAttention",
        "MultiplicativeCausalAttention", "MultiplicativeModularCausalAttention", "MultiplicativeConvCausalAttention",
    ])
    params = {}
    if name.startswith(("M", "Conv")):
        params["sparsity"] = _sparsity(random)
    if name in ("ModularCausalAttention", "ConvCausalAttention"):
        params["kernel_size"] = random.choice([1, 3] if name.startswith("Mod") else [1, 3, 5])
    if name == "CausalFavor":
        params["numerical_stabilizer"] = random.choice([0.001, 0.02])
    if name == "LowRankCausalAttention":
        params["lowrank"] = random.choice([3, 7])
    if name == "MultiplicativeConvCausalAttention":
        params["length_kernel_size"] = random.choice([1, 2, 3, 4])
        params["share_qk"] = random.choice([True, False])
        params["output_layer_type"] = random.choice(["none", "mult", "conv", "multconv"])
        params["v_concat_type"] = random.choice(["none", "original", "fixed"])
    return name, params


def _common(random):
    args = {
        "d_model": D_MODEL, "d_ff": random.choice([32, 48]), "n_heads": random.choice([1, 2, 4]), "max_len": 24,
        "ff_activation": random.choice(["Relu", "Gelu", "Tanh"]), "ff_use_sru": random.choice([0, 0, 1, (2, 6)]),
        "ff_sparsity": random.choice([0, 0, 4, (8, 5)]), "loss_sparsity": random.choice([0, 1, 2, 4]),
        "loss_sparsity_type": random.choice(["mult", "lowrank", "einsum", "local", "local3"]), "loss_d_lowrank": 5,
        "pos_type": random.choice([None, "no", "sin-cos", "fixed-base", "axial"]),
    }
    if args["pos_type"] == "axial":
        args.update(pos_axial_shape=(2, 3, 4), pos_d_axial_embs=(4, 2, 10))
    return args


def _with_experts(random, args):
    args["ff_sparsity_type"] = random.choice(["1inN", "Block", "Switch"])
    if args["ff_sparsity_type"] != "1inN":
        args["ff_sparsity"] = random.choice([0, 1, 2, 8, 16])
    return args


def _encoder_decoder(random):
    return {
        "input_vocab_size": VOCAB, "output_vocab_size": random.choice([None, None, TARGET_VOCAB]),
        "n_encoder_layers": random.choice([0, 1, 2, 4]), "n_decoder_layers": random.choice([1, 2, 4]),
        "encoder_attention_type": random.choice([("Attention", {}), ("Favor", {"numerical_stabilizer": 0.005})]),
        "encoder_decoder_attention_type": _causal_attention(random),
    }


def transformer_lm(random):
    args = _with_experts(random, _common(random))
    n_layers = random.choice([1, 2, 3])
    return {**args, "vocab_size": VOCAB, "n_layers": n_layers, "attention_type": _causal_attention(random)}


def transformer(random):
    args = {**_with_experts(random, _common(random)), **_encoder_decoder(random)}
    args["enc_dec_attention_sparsity"] = random.choice([0, 4, 1, (2, 8), ("noop", 4), (None, 2), (4, None)])
    return args


def terraformer(random):
    args = {**_common(random), **_encoder_decoder(random)}
    first, second = args["encoder_decoder_attention_type"], _causal_attention(random)
    # A gin file binds a layer's arguments once, so two of a list must differ in kind.
    if args["n_decoder_layers"] % 2 == 0 and first[0] != second[0]:
        args["encoder_decoder_attention_type"] = [first, second]
    args.update(
        n_layers_forget=random.choice([0, 0, 1, 2, 3]), forget_dense=random.choice([True, True, False]),
        n_decoder_attention_layers=random.choice([0, 1, 2, 3]), reversible_encoder=random.choice([True, False]),
        use_two_swaps_per_encoder_block=random.choice([True, False]), center_layernorm=random.choice([True, False]),
        half_before_layer=random.choice([None, None, None, 1, 2]), double_after_layer=random.choice([None, None, 1, 2]),
    )
    if args["pos_type"] == "axial":
        args["half_before_layer"] = None  # the axes make up d_model, not its half
    return args


def _gin_value(value):
    if isinstance(value, list):
        return "[" + ", ".join(_gin_value(item) for item in value) + "]"
    is_layer = isinstance(value, tuple) and isinstance(value[-1], dict)
    return "@" + value[0] if is_layer else repr(value)


def gin_text(model, args):
    """The gin file of a model with these arguments."""
    lines = [f"train.model = @trax.models.{model}"]
    for name, value in args.items():
        is_class = name == "ff_activation"
        lines.append(f"{model}.{name} = " + (f"@{value}" if is_class else _gin_value(value)))
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, tuple) and isinstance(item[-1], dict):
                lines += [f"{item[0]}.{key} = {setting!r}" for key, setting in item[1].items()]
    return "\n".join(lines) + "\n"
