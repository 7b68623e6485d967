"""A conversion plan: which arrays a checkpoint stores, in order, and which tensors are made of them.

The plan is complete before any weight is read, so that the header of the output can be written first.
"""

import math
from dataclasses import dataclass, field
from typing import Callable

import numpy as np


@dataclass
class StoredArray:
    """One array of the checkpoint. `shapes` are the accepted shapes, the usual one first."""

    layer: str
    weight: str
    shapes: tuple
    place: str

    def __str__(self):
        return f"{self.place or 'the layer'} ({self.layer} {self.weight})"


@dataclass
class Tensor:
    """One tensor of the output.

    `rows(arrays, a, b)` gives rows a..b of the first axis, as float32, or as uint16 for the upper halves of float32.
    """

    name: str
    shape: tuple
    inputs: list
    rows: Callable
    matrix: bool = False
    dtype: str = "F32"


@dataclass
class HashedLayer:
    """An attention layer that needs hash keys `[heads, 2]`; `tensor` is the name they get."""

    layer: str
    tensor: str
    heads: int


@dataclass
class Plan:
    """Stored arrays in Trax's order, tensors, and the layers that need hash keys in the order of the tree."""

    stored: list = field(default_factory=list)
    tensors: list = field(default_factory=list)
    hashed: list = field(default_factory=list)

    def stored_bytes(self):
        """What all arrays of the checkpoint take as float32."""
        return sum(4 * max(math.prod(shape) for shape in array.shapes) for array in self.stored)

    def scope(self, prefix=""):
        """A view that puts `prefix` in front of tensor names."""
        return Scope(self, prefix)


class Scope:
    """Adds arrays and tensors below one name."""

    def __init__(self, plan, prefix):
        self.plan, self.prefix = plan, prefix

    def sub(self, *names):
        """The scope of a part: sub("attention", 0, "norm")."""
        parts = ([self.prefix] if self.prefix else []) + [str(name) for name in names]
        return Scope(self.plan, ".".join(parts))

    def store(self, layer, weight, shape, *also):
        """The checkpoint's next array; returns its index."""
        self.plan.stored.append(StoredArray(layer, weight, (tuple(shape),) + also, self.prefix))
        return len(self.plan.stored) - 1

    def tensor(self, name, shape, inputs, rows, matrix=False, dtype="F32"):
        """An output tensor whose rows come from a function."""
        full = f"{self.prefix}.{name}" if self.prefix else name
        self.plan.tensors.append(Tensor(full, tuple(shape), inputs, rows, matrix, dtype))

    def view(self, name, shape, index, arrange, matrix=False):
        """An output tensor that is one stored array, rearranged by `arrange` (without a copy where possible)."""
        self.tensor(name, shape, [index], lambda arrays, a, b: arrange(arrays[0])[a:b], matrix)

    def hash_keys(self, layer, heads):
        """The hash keys of an LSH layer."""
        full = f"{self.prefix}.hash_keys" if self.prefix else "hash_keys"
        self.plan.hashed.append(HashedLayer(layer, full, heads))


def widen(array):
    """float32 numbers of an array that may hold their upper halves as uint16."""
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32, copy=False)
