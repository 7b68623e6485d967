"""Trax's models in plain NumPy: logits [target length, vocabulary] in eval mode; see numpy_layers.py.

`args` are the constructor's arguments; attention layers stand as (name, arguments).
"""

import numpy as np

from numpy_attention import attention, cross_attention
from numpy_layers import Stored, dense, feed_forward, layer_norm, loss_layer, positions, serial


def _shifted_right(target):
    return [0] + list(target[:-1])


def _residual(layers, x):
    for layer in layers:
        x = x + layer(x)
    return x


def _block(stored, args, spec):
    return [serial(layer_norm(stored), attention(stored, spec, args["n_heads"])), feed_forward(stored, args)]


def _end(stored, args):
    end = serial(layer_norm(stored), loss_layer(stored, args))
    assert stored.is_empty()
    return end


def transformer_lm(arrays, args, _, target):
    stored = Stored(arrays)
    table, position = stored.take(), positions(stored, args)
    layers = [layer for _ in range(args["n_layers"]) for layer in _block(stored, args, args["attention_type"])]
    return _end(stored, args)(_residual(layers, position(table[_shifted_right(target)])))


def transformer(arrays, args, source, target):
    stored = Stored(arrays)
    source_table, source_position = stored.take(), positions(stored, args)
    spec = args["encoder_attention_type"]
    encoder = [layer for _ in range(args["n_encoder_layers"]) for layer in _block(stored, args, spec)]
    norm = layer_norm(stored)
    target_table = stored.take() if args["output_vocab_size"] else source_table
    target_position = positions(stored, args)
    decoder = [_decoder_block(stored, args) for _ in range(args["n_decoder_layers"])]
    end = _end(stored, args)

    encoded = norm(_residual(encoder, source_position(source_table[source])))
    x = target_position(target_table[_shifted_right(target)])
    for block in decoder:
        x = block(x, encoded)
    return end(x)


def _decoder_block(stored, args):
    own = serial(layer_norm(stored), attention(stored, args["encoder_decoder_attention_type"], args["n_heads"]))
    norm, cross = layer_norm(stored), cross_attention(stored, args["enc_dec_attention_sparsity"], args["n_heads"])
    last = feed_forward(stored, args)

    def apply(x, encoded):
        x = x + own(x)
        x = x + cross(norm(x), encoded)
        return x + last(x)

    return apply


def _half_residual(layer, swap=True):
    def apply(x, y):
        x = x + layer(y)
        return (y, x) if swap else (x, y)

    return apply


def _forget(layer):
    def apply(x, y):
        x = layer((x + y) / 2)
        return x, x

    return apply


def _concatenate(x, y):
    both = np.concatenate([x, y], axis=-1)
    return both, both


def _reversible(stored, args, entries):
    """Builds entries (functions that give lists of steps) with forgetting layers between groups of them."""
    n = args["n_layers_forget"]
    if not n or len(entries) <= n + 1:
        return [step for entry in entries for step in entry()]
    steps = [step for entry in entries[:n] for step in entry()]
    if args["forget_dense"]:
        steps.append(_forget(dense(stored)))
    return steps + _reversible(stored, args, entries[n:])


def _attention_step(stored, args, spec):
    norm = layer_norm(stored, args["center_layernorm"])
    return _half_residual(serial(norm, attention(stored, spec, args["n_heads"])))


def _terraformer_encoder(stored, args):
    def block():
        first = _attention_step(stored, args, args["encoder_attention_type"])
        last = feed_forward(stored, args, args["center_layernorm"])
        return [first, _half_residual(last, args["use_two_swaps_per_encoder_block"])]

    return _reversible(stored, args, [block] * args["n_encoder_layers"])


def _terraformer_decoder(stored, args):
    specs = args["encoder_decoder_attention_type"]
    specs = specs if isinstance(specs, list) else [specs]

    def block(i):
        count = args["n_decoder_attention_layers"]
        steps = [_attention_step(stored, args, specs[i % len(specs)]) for _ in range(count)]
        return steps + [_half_residual(feed_forward(stored, args, args["center_layernorm"]))]

    entries = []
    for i in range(args["n_decoder_layers"]):
        entries.append(lambda i=i: block(i))
        if args["half_before_layer"] and i == args["half_before_layer"] - 1:
            entries.append(lambda: [_concatenate])
        if args["double_after_layer"] and i == args["double_after_layer"]:
            entries.append(lambda: [_concatenate])
    return _reversible(stored, args, entries)


def _run(steps, x, y):
    for step in steps:
        x, y = step(x, y)
    return x, y


def terraformer(arrays, args, source, target):
    stored = Stored(arrays)
    source_table, source_position = stored.take(), positions(stored, args)
    target_table = stored.take() if args["output_vocab_size"] else source_table
    target_position = positions(stored, args)
    encoder = _terraformer_encoder(stored, args)
    output = None if args["reversible_encoder"] else serial(dense(stored), layer_norm(stored))
    decoder = _terraformer_decoder(stored, args)
    end = _end(stored, args)

    x = source_position(source_table[source])
    x, y = _run(encoder, x, x)
    if output is not None:
        x = y = output((x + y) / 2)
    t = target_position(target_table[_shifted_right(target)])
    x, y = _run(decoder, np.concatenate([x, t]), np.concatenate([y, t]))
    return end((x + y) / 2)[len(source) :]
