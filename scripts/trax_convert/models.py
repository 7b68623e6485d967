"""Walks a model in the order in which Trax stores its weights. `args` are those of config.json."""

from .attention import attention, cross_attention, per_head_attention
from .dense_layers import dense, embedding, layer_norm
from .errors import ConversionError
from .feed_forward import feed_forward_block
from .loss import loss_layer
from .plan import Plan
from .positions import position_encoding


def plan_model(model, args, dense_twin=False):
    """The plan of a whole model; `dense_twin` as in `loss_layer`."""
    plan = Plan()
    _WALKS[model](plan.scope(), args, dense_twin)
    return plan


def layer_of(types, index):
    """The attention type of block `index`; a list is repeated."""
    return types[index % len(types)] if isinstance(types, list) else types


def block_widths(args):
    """(d_model, d_ff, d_key, d_value) of the encoder, of each decoder block, and d_model at the decoder's end."""
    full = (args["d_model"], args["d_ff"], args["d_attention_key"], args["d_attention_value"])
    half, double = args["half_before_layer"], args["double_after_layer"]
    first = tuple(n // 2 for n in full) if half else full
    blocks, width = [], first[0]
    for i in range(args["n_decoder_layers"]):
        sizes = full if half and i >= half else first
        blocks.append(tuple(2 * n for n in full) if double and i > double else sizes)
        width <<= bool(half and i == half - 1) + bool(double and i == double)
    return first, blocks, width


def _language_model(scope, args, dense_twin):
    d = args["d_model"]
    embedding(scope.sub("embedding"), args["vocab_size"], d)
    position_encoding(scope.sub("positions"), args["positions"], d)
    d_qk, d_v = args.get("d_attention_key", d // args["n_heads"]), args.get("d_attention_value", d // args["n_heads"])
    for i in range(args["n_layers"]):
        block = scope.sub("decoder", "layers", i)
        layer_norm(block.sub("attention", "norm"), d)
        attention(block.sub("attention"), layer_of(args["attention_type"], i), d, args["n_heads"], d_qk, d_v)
        feed_forward_block(block.sub("feed_forward"), d, args["d_ff"], args["ff_sparsity"], args["ff_use_sru"])


def _transformer_lm(scope, args, dense_twin):
    _language_model(scope, args, dense_twin)
    layer_norm(scope.sub("decoder", "norm"), args["d_model"])
    loss_layer(scope.sub("loss"), args, args["vocab_size"], args["d_model"], dense_twin)


def _reformer_lm(scope, args, dense_twin):
    _language_model(scope, args, dense_twin)
    layer_norm(scope.sub("decoder", "norm"), 2 * args["d_model"])
    loss_layer(scope.sub("loss"), args, args["vocab_size"], 2 * args["d_model"], dense_twin)


def _target_vocabulary(args):
    return args["input_vocab_size"] if args["output_vocab_size"] is None else args["output_vocab_size"]


def _encoder_blocks(scope, args, d, d_ff, center=True, forget=lambda scope, i, width: None):
    heads = args["n_heads"]
    for i in range(args["n_encoder_layers"]):
        forget(scope, i, d)
        block = scope.sub("layers", i)
        layer_norm(block.sub("attention", "norm"), d, center)
        attention(block.sub("attention"), args["encoder_attention_type"], d, heads, d // heads, d // heads)
        feed_forward_block(block.sub("feed_forward"), d, d_ff, args["ff_sparsity"], args["ff_use_sru"], center)


def _target_embedding(scope, args, d):
    if args["output_vocab_size"] is not None:
        embedding(scope.sub("decoder_embedding"), args["output_vocab_size"], d)
    position_encoding(scope.sub("decoder", "positions"), args["positions"], d)


def _transformer(scope, args, dense_twin):
    """Transformer, ConfigurableTransformer and Reformer: encoder, then the target's embedding, then decoder."""
    d, heads = args["d_model"], args["n_heads"]
    embedding(scope.sub("embedding"), args["input_vocab_size"], d)
    position_encoding(scope.sub("encoder", "positions"), args["positions"], d)
    _encoder_blocks(scope.sub("encoder"), args, d, args["d_ff"])
    layer_norm(scope.sub("encoder", "norm"), d)
    _target_embedding(scope, args, d)
    for i in range(args["n_decoder_layers"]):
        block = scope.sub("decoder", "layers", i)
        layer_norm(block.sub("self_attention", "norm"), d)
        spec = args["encoder_decoder_attention_type"]
        attention(block.sub("self_attention"), spec, d, heads, d // heads, d // heads)
        layer_norm(block.sub("cross_attention", "norm"), d)
        if "enc_dec_attention_sparsity" in args:
            cross_attention(block.sub("cross_attention"), args["enc_dec_attention_sparsity"], d)
        else:  # Reformer
            cross = block.sub("cross_attention")
            per_head_attention(cross, "EncDecAttention", d, heads, d // heads, d // heads)
        feed_forward_block(block.sub("feed_forward"), d, args["d_ff"], args["ff_sparsity"], args["ff_use_sru"])
    layer_norm(scope.sub("decoder", "norm"), d)
    loss_layer(scope.sub("loss"), args, _target_vocabulary(args), d, dense_twin)


def _terraformer(scope, args, dense_twin):
    (d, d_ff, _, _), blocks, d_end = block_widths(args)
    embedding(scope.sub("embedding"), args["input_vocab_size"], d)
    position_encoding(scope.sub("encoder", "positions"), args["positions"], d)
    _target_embedding(scope, args, d)
    encoder = scope.sub("encoder")
    center = args["center_layernorm"]
    _encoder_blocks(encoder, args, d, d_ff, center, _forgetting(args, args["n_encoder_layers"], d))
    if not args["reversible_encoder"]:
        dense(encoder.sub("output"), d, d)
        layer_norm(encoder.sub("norm"), d)
    _terraformer_decoder(scope.sub("decoder"), args, blocks, d_end)
    layer_norm(scope.sub("decoder", "norm"), d_end)
    loss_layer(scope.sub("loss"), args, _target_vocabulary(args), d_end, dense_twin)


def _terraformer_decoder(scope, args, blocks, d_end):
    # ReversibleConcatenatePair counts as a block when Trax groups blocks between forgetting layers.
    half, double = args["half_before_layer"], args["double_after_layer"]
    doublings = [bool(half and i == half - 1) + bool(double and i == double) for i in range(len(blocks))]
    forget = _forgetting(args, len(blocks) + sum(doublings), d_end)
    position = 0
    for i, (d, d_ff, d_key, d_value) in enumerate(blocks):
        forget(scope, position, d)
        block = scope.sub("layers", i)
        for j in range(args["n_decoder_attention_layers"]):
            layer_norm(block.sub("attention", j, "norm"), d, args["center_layernorm"])
            spec = layer_of(args["encoder_decoder_attention_type"], i)
            attention(block.sub("attention", j), spec, d, args["n_heads"], d_key, d_value)
        center = args["center_layernorm"]
        feed_forward_block(block.sub("feed_forward"), d, d_ff, args["ff_sparsity"], args["ff_use_sru"], center)
        for k in range(doublings[i]):
            position += 1
            forget(scope, position, d << k)
        position += 1


def _forgetting(args, n_blocks, d):
    """Returns forget(scope, i, width), which packs the Dense that stands before block i of n_blocks, if one does.

    `width` is that of the streams there: Trax gives the Dense the d features of the last block.
    """
    size = args["n_layers_forget"] if args["forget_dense"] else 0

    def forget(scope, i, width):
        # Trax leaves the last group whole when only one block would follow.
        if size and i and i % size == 0 and n_blocks - (i - size) > size + 1:
            if width != d:
                raise ConversionError(
                    f"n_layers_forget = {size} puts a Dense of {d} features where the streams have {width}: "
                    "Trax cannot run this model"
                )
            dense(scope.sub("forget", i // size - 1), d, d)

    return forget


_WALKS = {
    "TransformerLM": _transformer_lm,
    "ConfigurableTransformerLM": _transformer_lm,
    "ReformerLM": _reformer_lm,
    "Transformer": _transformer,
    "ConfigurableTransformer": _transformer,
    "Reformer": _transformer,
    "ConfigurableTerraformer": _terraformer,
}
