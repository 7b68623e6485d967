"""Streams the arrays of a checkpoint through a plan into model.safetensors."""

import numpy as np

from .errors import ConversionError
from .plan import widen
from .safetensors import SLAB, elements


def output_types(plan, kind):
    """(name, shape, dtype) of every tensor, hash keys included; `kind` is "f32" or "bf16"."""
    small = {"f32": "F32", "bf16": "BF16"}[kind]
    listed = [(t.name, t.shape, small if t.matrix and t.dtype == "F32" else t.dtype) for t in plan.tensors]
    return listed + [(layer.tensor, (layer.heads, 2), "U32") for layer in plan.hashed]


def pack(plan, stream, writer, keys, progress):
    """Reads every array once, in order; holds only those that an unfinished tensor still needs."""
    ready, last_use = _schedule(plan)
    held = {}
    for index, expected in enumerate(plan.stored):
        header = stream.header()
        if header is None:
            raise ConversionError(
                f"the checkpoint ends after {index} arrays, the model has {len(plan.stored)}: "
                f"next would be array {index}, {expected}, of shape {shape_text(expected.shapes[0])}"
            )
        _check(index, expected, header)
        if index in last_use:
            held[index] = stream.read()
            _check_finite(index, expected, held[index])
        else:
            stream.skip()
        progress(index + 1, len(plan.stored))
        for tensor in ready.get(index, ()):
            _write(tensor, [held[i] for i in tensor.inputs], writer)
        for i in [i for i in held if last_use[i] == index]:
            del held[i]
    _check_end(plan, stream)
    for layer, rows in zip(plan.hashed, keys):
        writer.write(layer.tensor, 0, 2, np.asarray(rows, np.uint32))


def shape_text(shape):
    """(3, 4) as "3x4"."""
    return "x".join(str(n) for n in shape) if shape else "scalar"


def _schedule(plan):
    """Which tensors are complete after which array, and until when each array is needed."""
    ready, last_use = {}, {}
    for tensor in plan.tensors:
        complete = max(tensor.inputs)
        ready.setdefault(complete, []).append(tensor)
        for i in tensor.inputs:
            last_use[i] = max(last_use.get(i, 0), complete)
    return ready, last_use


def _check(index, expected, header):
    if header.shape not in expected.shapes:
        raise ConversionError(
            f"array {index}, {expected}, has shape {shape_text(header.shape)}; the gin file asks for "
            f"{' or '.join(shape_text(s) for s in expected.shapes)}. Does the gin file belong to this checkpoint?"
        )
    if header.dtype.kind + str(header.dtype.itemsize) not in ("f4", "u2"):
        raise ConversionError(f"array {index}, {expected}, has type {header.dtype}; expected float32, or uint16 for bfloat16")


def _check_finite(index, expected, array):
    flat = array.reshape(-1, order="A")
    for start in range(0, flat.size, SLAB // 4):
        if not np.isfinite(widen(flat[start : start + SLAB // 4])).all():
            raise ConversionError(f"array {index}, {expected}, holds numbers that are not finite (NaN or infinity)")


def _check_end(plan, stream):
    header = stream.header()
    if header is not None:
        raise ConversionError(
            f"the checkpoint has more than the {len(plan.stored)} arrays of the model: array {len(plan.stored)} "
            f"has shape {shape_text(header.shape)}. Does the gin file belong to this checkpoint?"
        )


def _write(tensor, arrays, writer):
    row_size = elements(tensor.shape[1:])
    step = max(1, SLAB // max(1, 4 * row_size))
    for a in range(0, tensor.shape[0], step):
        b = min(a + step, tensor.shape[0])
        rows = tensor.rows(arrays, a, b)
        assert rows.shape == (b - a,) + tensor.shape[1:], (tensor.name, rows.shape, tensor.shape)
        writer.write(tensor.name, a, row_size, rows)
