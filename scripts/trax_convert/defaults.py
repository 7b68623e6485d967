"""Defaults of Trax's constructors, as of Trax 1.4.1: models, attention layers and position encodings."""

from .gin import Reference


class Required:
    """Marks an argument without a default."""


def _layer(name):
    return Reference((), name)


_LM = {"vocab_size": Required, "d_model": 512, "d_ff": 2048, "n_layers": 6, "n_heads": 8, "max_len": 2048}
_ENCODER_DECODER = {
    "input_vocab_size": Required, "output_vocab_size": None, "d_model": 512, "d_ff": 2048, "n_encoder_layers": 6,
    "n_decoder_layers": 6, "n_heads": 8, "max_len": 2048,
}
_FF = {"ff_activation": _layer("Relu"), "ff_use_sru": 0, "ff_sparsity": 0}
_LOSS = {"loss_sparsity_type": "mult", "loss_sparsity": 0, "loss_d_lowrank": 0, "loss_sparsity_prob": None}
_POSITIONS = {"pos_type": None, "pos_axial_shape": None, "pos_d_axial_embs": None}

# Arguments that matter only while training, or only for memory and speed in Trax.
_TRAINING = ("dropout", "dropout_shared_axes", "mode")
_FF_TRAINING = ("ff_dropout", "ff_chunk_size")
_ATTENTION_CHUNKS = ("attention_chunk_size",)
_OFFSETS = ("pos_start_from_zero_prob", "pos_max_offset_to_add")

MODELS = {
    "TransformerLM": {**_LM, "ff_activation": _layer("Relu")},
    "ConfigurableTransformerLM": {
        **_LM, **_FF, "ff_sparsity_type": "1inN", **_LOSS, "attention_type": _layer("CausalAttention"), **_POSITIONS,
    },
    "Transformer": {**_ENCODER_DECODER, "ff_activation": _layer("Relu")},
    "ConfigurableTransformer": {
        **_ENCODER_DECODER, **_FF, "ff_sparsity_type": "1inN", **_LOSS, "encoder_attention_type": _layer("Attention"),
        "encoder_decoder_attention_type": _layer("CausalAttention"), **_POSITIONS, "enc_dec_attention_sparsity": 0,
    },
    "ConfigurableTerraformer": {
        **_ENCODER_DECODER, "d_attention_key": None, "d_attention_value": None,
        "encoder_attention_type": _layer("SelfAttention"), "encoder_decoder_attention_type": _layer("SelfAttention"),
        "pos_type": "fixed-base", "pos_axial_shape": (), "pos_d_axial_embs": None, **_FF, **_LOSS,
        "n_layers_forget": 0, "forget_dense": True, "n_decoder_attention_layers": 2, "reversible_encoder": False,
        "use_two_swaps_per_encoder_block": True, "center_layernorm": True, "half_before_layer": None,
        "double_after_layer": None,
    },
    "ReformerLM": {
        **_LM, "d_attention_key": 64, "d_attention_value": 64, "attention_type": _layer("SelfAttention"),
        "pos_type": None, "pos_axial_shape": (), "pos_d_axial_embs": None, **_FF, "ff_activation": _layer("FastGelu"),
        **_LOSS,
    },
    "Reformer": {**_ENCODER_DECODER, **_FF, **_POSITIONS},
}

IGNORED_MODEL_ARGUMENTS = {
    "TransformerLM": _TRAINING,
    "ConfigurableTransformerLM": _TRAINING + _FF_TRAINING + _ATTENTION_CHUNKS + _OFFSETS,
    "Transformer": _TRAINING,
    "ConfigurableTransformer": _TRAINING + _FF_TRAINING + _ATTENTION_CHUNKS,
    "ConfigurableTerraformer": ("dropout", "mode", "use_bfloat16") + _FF_TRAINING + _ATTENTION_CHUNKS + _OFFSETS,
    "ReformerLM": ("dropout", "mode", "ff_chunk_size") + _ATTENTION_CHUNKS + _OFFSETS,
    "Reformer": ("dropout", "mode") + _FF_TRAINING,
}

MODEL_ALIASES = {"Reformer2": "ConfigurableTerraformer"}

ACTIVATIONS = ("Elu", "FastGelu", "Gelu", "HardSigmoid", "Relu", "Selu", "Sigmoid", "Softplus", "Tanh")

_LSH = {
    "chunk_len": 128, "n_chunks_before": 1, "n_chunks_after": 0, "n_hashes": 1, "n_buckets": None,
    "predict_mem_len": 2048, "predict_drop_len": 256, "max_length_for_buckets": None, "bias": False,
}
_CAUSAL_SPARSE = {"sparsity": None}

# Arguments that a layer has of its own; those that the model passes stand in GIVEN.
ATTENTION = {
    "Attention": {},
    "CausalAttention": {"use_dconv": False},
    "SelfAttention": {
        "share_qk": False, "chunk_len": None, "n_chunks_before": 0, "n_chunks_after": 0, "bias": False,
        "predict_mem_len": None, "predict_drop_len": None,
    },
    "LSHSelfAttention": _LSH,
    "PureLSHSelfAttention": _LSH,
    "MixedLSHSelfAttention": {"std_length": None, **_LSH},
    "PureLSHSelfAttentionWrapper": {
        "pure_lsh_implementation": None, "bias": True, "num_weights": 3, "sparsity": 16, "weights_format": "model",
        "rotary_position_emb": False,
    },
    "ModularCausalAttention": {**_CAUSAL_SPARSE, "kernel_size": 1},
    "ConvCausalAttention": {**_CAUSAL_SPARSE, "kernel_size": 1},
    "LowRankCausalAttention": {"lowrank": 64},
    "MultiplicativeCausalAttention": _CAUSAL_SPARSE,
    "MultiplicativeModularCausalAttention": _CAUSAL_SPARSE,
    "MultiplicativeConvCausalAttention": {
        **_CAUSAL_SPARSE, "length_kernel_size": 3, "share_qk": False, "output_layer_type": "none",
        "v_concat_type": "none",
    },
    "Favor": {"numerical_stabilizer": 0.001, "use_approximate_softmax": False},
    "CausalFavor": {"numerical_stabilizer": 0.001},
}

_IGNORED_LSH = ("share_qk", "n_parallel_heads", "use_python_loop", "use_reference_code")

IGNORED_ATTENTION_ARGUMENTS = {
    "SelfAttention": ("n_parallel_heads", "use_python_loop", "use_reference_code"),
    "LSHSelfAttention": _IGNORED_LSH,
    "PureLSHSelfAttention": _IGNORED_LSH,
    "MixedLSHSelfAttention": _IGNORED_LSH + ("force_no_dropout",),
    "CausalAttention": ("max_inference_length",),
    "ModularCausalAttention": ("max_inference_length",),
    "ConvCausalAttention": ("max_inference_length",),
    "LowRankCausalAttention": ("max_inference_length",),
    "MultiplicativeCausalAttention": ("max_inference_length",),
    "MultiplicativeModularCausalAttention": ("max_inference_length",),
    "MultiplicativeConvCausalAttention": ("max_inference_length", "force_no_dropout"),
    "Favor": ("n_random_features", "scale_by_norm", "normalize_data", "epsilon"),
}

# What the model passes, or what only training reads: a gin binding of these changes nothing.
GIVEN_ATTENTION_ARGUMENTS = (
    "d_feature", "n_heads", "d_qk", "d_v", "causal", "masked", "dropout", "attention_dropout", "output_dropout", "mode",
)

# Other layers that gin can configure and every model uses: only these values can be converted.
FIXED_LAYER_ARGUMENTS = {
    "LayerNorm": {"center": True, "epsilon": 1e-6},
    "PositionalEncoding": {},
    "DotProductCausalAttention": {},
    "FavorAttention": {},
    "CausalFavorAttention": {},
    "EncDecAttention": {},
    "Rotate": {},
    "Selu": {"alpha": 1.6732632423543772848170429916717, "lmbda": 1.0507009873554804934193349852946},
    "Elu": {"a": 1.0},
    "AttentionQKV": {"q_sparsity": None, "result_sparsity": None},
    "SparseFF": {"multiply_by_controller_output": False, "kernel_scaling": False},
    "BlockSparseFF": {},
    "SwitchSparseFF": {},
    "SRU": {"activation": None},
    "Dense": {"use_bias": True},
    "Embedding": {},
    "SinCosPositionalEncoding": {},
    "FixedBasePositionalEncoding": {"bases": [11, 13, 14, 15], "n_digits": 8},
    "AxialPositionalEncoding": {},
}
IGNORED_LAYER_ARGUMENTS = {
    "PositionalEncoding": (
        "max_len", "dropout", "dropout_broadcast_dims", "use_bfloat16", "start_from_zero_prob", "max_offset_to_add",
        "d_feature", "mode",
    ),
    "DotProductCausalAttention": ("dropout", "max_inference_length", "mode"),
    "FavorAttention": (
        "d_feature", "n_heads", "n_random_features", "numerical_stabilizer", "use_approximate_softmax",
        "scale_by_norm", "normalize_data", "epsilon", "mode",
    ),
    "CausalFavorAttention": ("numerical_stabilizer", "mode"),
    "EncDecAttention": (
        "n_heads", "d_qk", "d_v", "masked", "mode", "attention_dropout", "output_dropout", "n_parallel_heads",
        "use_python_loop", "use_reference_code",
    ),
    "AttentionQKV": ("d_feature", "n_heads", "dropout", "mode", "cache_KV_in_predict"),
    "SparseFF": (
        "d_ff", "n_elements_in_block", "d_lowrank", "temperature", "quant_prob", "use_bfloat16",
        "big_weights_in_bfloat16", "mode", "dropout_rate", "dropout_shared_axes", "ff_chunk_size",
    ),
    "BlockSparseFF": ("d_ff", "n_experts", "temperature", "mode"),
    "SwitchSparseFF": ("d_ff", "n_experts", "temperature", "mode"),
    "SRU": ("n_units", "mode"),
    "Dense": ("n_units", "use_bfloat16"),
    "Embedding": ("vocab_size", "d_feature", "use_bfloat16"),
    "SinCosPositionalEncoding": ("add_offset", "dropout", "dropout_broadcast_dims", "start_from_zero_one_in", "mode"),
    "FixedBasePositionalEncoding": ("start_from_zero_one_in", "base_dropout_one_in", "mode"),
    "AxialPositionalEncoding": ("shape", "d_embs", "dropout", "dropout_broadcast_dims", "mode"),
}
