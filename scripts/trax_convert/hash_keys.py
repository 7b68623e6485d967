"""Finds the hash keys of LSH attention: in a file, or in the state that the checkpoint stores."""

import json

import numpy as np

from .errors import ConversionError


def find_keys(plan, checkpoint, keys_file):
    """Returns one list of `heads` key pairs for each hashed layer of the plan."""
    if keys_file is not None:
        return _from_file(plan, keys_file)
    if not plan.hashed:
        return []
    return _from_state(plan, checkpoint)


def _from_file(plan, path):
    try:
        with open(path, encoding="utf-8") as stream:
            entries = json.load(stream)
    except OSError as error:
        raise ConversionError(f"cannot read the keys in {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConversionError(f"{path}: not JSON: {error}") from error
    good = isinstance(entries, list) and all(isinstance(e, dict) and {"class", "keys"} <= set(e) for e in entries)
    if not good:
        raise ConversionError(f"{path}: expected a list of objects with path, class and keys")
    if len(entries) != len(plan.hashed):
        raise ConversionError(f"{path}: holds keys of {len(entries)} layers, the model has {len(plan.hashed)} with LSH")
    return [_entry(path, i, entry, layer) for i, (entry, layer) in enumerate(zip(entries, plan.hashed))]


def _entry(path, i, entry, layer):
    where = f"{path}: entry {i} ({entry.get('path', '')})"
    if entry["class"] != layer.layer:
        raise ConversionError(f"{where} is for {entry['class']}, but {layer.tensor} belongs to {layer.layer}")
    keys = entry["keys"]
    if not isinstance(keys, list) or not all(_is_key(key) for key in keys):
        raise ConversionError(f"{where}: keys are not pairs of 32-bit integers")
    return _first_example(where, keys, layer)


def _is_key(key):
    return isinstance(key, list) and len(key) == 2 and all(type(n) is int and 0 <= n < 1 << 32 for n in key)


def _first_example(where, keys, layer):
    """Keys stand example after example; decoding has one example."""
    if not len(keys) or len(keys) % layer.heads:
        raise ConversionError(f"{where}: {len(keys)} keys are not a multiple of the {layer.heads} heads")
    return keys[: layer.heads]


def _from_state(plan, checkpoint):
    """An LSH layer's state is (buckets, keys): int32 (batch * heads, n) and uint32 (batch * heads, 2)."""
    state = checkpoint.flat_state
    state = [x for x in state if isinstance(x, np.ndarray)] if isinstance(state, (list, tuple)) else []
    found = []
    for before, keys in zip(state, state[1:]):
        pair = keys.dtype == np.uint32 and keys.ndim == 2 and keys.shape[1] == 2
        if pair and before.dtype == np.int32 and before.ndim == 2 and len(before) == len(keys):
            found.append(keys)
    if len(found) != len(plan.hashed):
        raise ConversionError(
            f"{checkpoint.path}: its state holds hash keys of {len(found)} layers, the model has {len(plan.hashed)} "
            "with LSH; give the keys with --lsh-keys FILE (JSON: a list of {path, class, keys})"
        )
    where = f"{checkpoint.path}: state"
    return [_first_example(f"{where} of {layer.tensor}", keys.tolist(), layer) for keys, layer in zip(found, plan.hashed)]
