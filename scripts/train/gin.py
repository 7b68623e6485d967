"""The gin file of a model: the arguments with which Trax builds it."""

HEAD = """import trax.layers
import trax.models
import trax.optimizers
import trax.supervised.trainer_lib
"""


def _bindings(scope, values):
    return "".join(f"{scope}.{name} = {value}\n" for name, value in values.items())


def text(config, steps):
    """config.gin; what is left out has Trax's default."""
    attention = "MultiplicativeConvCausalAttention" if config.attention_sparsity else "CausalAttention"
    values = {"d_model": config.d_model, "d_ff": config.d_ff, "n_heads": config.n_heads, "max_len": config.max_len,
              "dropout": config.dropout, "ff_activation": "@trax.layers.Relu"}
    if config.ff_sparsity:
        values["ff_sparsity"] = config.ff_sparsity
    if config.sru_units:
        values["ff_use_sru"] = f"(1, {config.sru_units})"
    if config.loss_sparsity:
        values |= {"loss_sparsity_type": "'mult'", "loss_sparsity": config.loss_sparsity}
    if config.is_language_model:
        values = {"vocab_size": config.vocab_size, "n_layers": config.n_decoder_layers} | values
        values["attention_type"] = f"@{attention}"
    else:
        d_head = config.d_model // config.n_heads
        values = {"input_vocab_size": config.vocab_size, "n_encoder_layers": config.n_encoder_layers,
                  "n_decoder_layers": config.n_decoder_layers} | values
        values |= {"d_attention_key": d_head, "d_attention_value": d_head, "encoder_attention_type": "@Attention",
                   "encoder_decoder_attention_type": f"@{attention}", "pos_type": None, "reversible_encoder": True,
                   "n_decoder_attention_layers": config.n_decoder_attention_layers}
    parts = [HEAD]
    if config.attention_sparsity:
        parts.append(_bindings(attention, {"sparsity": config.attention_sparsity, "length_kernel_size": config.length_kernel_size}))
    parts.append(_bindings("train", {"model": f"@trax.models.{config.model}", "steps": steps}))
    parts.append(_bindings(config.model, values | {"mode": "'train'"}))
    return "\n".join(parts)
