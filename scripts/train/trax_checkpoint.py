"""Reads and writes Trax checkpoints: model.pkl.gz and model.weights.npy.gz, the current layout.

Trax need not be installed: the two classes of it that a checkpoint names are stood in for while the pickle is written.
"""

import contextlib
import gzip
import io
import os
import pickle
import sys
import types

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from trax_convert.checkpoint import Checkpoint  # noqa: E402

LEVEL = 2  # of gzip; the pickle's `flat_weights` is this number in the current layout
SOURCE, TARGET = (2, 16), (2, 8)  # the signature's shapes: any do, since a model takes texts of every length


def read(directory, parameters=1 << 26):
    """Arrays in Trax's order, and the number of steps; `parameters` bounds how much is read of the pickle."""
    checkpoint = Checkpoint(os.path.join(directory, "model.pkl.gz"), 4 * parameters)
    stream, arrays = checkpoint.open_weights(), []
    while stream.header() is not None:
        arrays.append(stream.read().copy())
    stream.close()
    return arrays, checkpoint.step


class _ShapeDtype:
    __slots__ = ("shape", "dtype")


class _History:
    pass


@contextlib.contextmanager
def _trax_names():
    """Makes the stand-ins known under Trax's names, which is how a pickle refers to them."""
    names = {"trax": {}, "trax.shapes": {"ShapeDtype": _ShapeDtype}, "trax.supervised": {},
             "trax.supervised.history": {"History": _History}}
    before = {name: sys.modules.get(name) for name in names}
    for name, content in names.items():
        module = types.ModuleType(name)
        for key, kind in content.items():
            kind.__module__, kind.__qualname__, kind.__name__ = name, key, key
            setattr(module, key, kind)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _signature(shape):
    made = _ShapeDtype()
    made.shape, made.dtype = shape, np.int32
    return made


def _state(config):
    """Trax's non-trainable state: the rate of each dropout, the last choices of each controller, and a number after each
    reversible stack."""
    rate = np.array(config.dropout, np.float32)

    def feed_forward(tokens):
        if not config.ff_sparsity:
            return [rate, rate]
        return [rate, np.zeros((tokens, config.d_ff // config.ff_sparsity), np.int32)]

    read_tokens, all_tokens = SOURCE[0] * SOURCE[1], SOURCE[0] * (SOURCE[1] + TARGET[1])
    if config.is_language_model:
        block = [rate] + feed_forward(read_tokens) if config.ff_sparsity else [rate] * 3
        return [rate] + block * config.n_decoder_layers
    end = [np.array(0, np.int32)]
    return ([rate] + feed_forward(read_tokens) * config.n_encoder_layers + end
            + feed_forward(all_tokens) * config.n_decoder_layers + end)


def write(directory, weights, steps):
    """Writes both files; `weights` is a weights.Weights."""
    os.makedirs(directory, exist_ok=True)
    with gzip.GzipFile(os.path.join(directory, "model.weights.npy.gz"), "wb", LEVEL, mtime=0) as file:
        for array in weights.to_trax():
            record = io.BytesIO()
            np.save(record, array, allow_pickle=False)
            file.write(record.getvalue())
    history, state = _History(), _state(weights.config)
    history.__dict__["_values"] = {}
    inputs = tuple(_signature(shape) for shape in ([SOURCE] if weights.config.is_language_model else [SOURCE, TARGET]))
    content = {"step": steps, "flat_weights": LEVEL, "flat_state": state, "flat_eval_state": state, "history": history,
               "slots_per_task": 2, "input_signature": inputs, "version_timestamp": "Mar-10-2021"}
    with _trax_names(), gzip.GzipFile(os.path.join(directory, "model.pkl.gz"), "wb", LEVEL, mtime=0) as file:
        pickle.dump(content, file, protocol=4)
