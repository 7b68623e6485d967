"""Opens a Trax checkpoint of either layout and hands out its weights in order.

Current layout: `model.pkl.gz`, in which `flat_weights` is the gzip level, beside `model.weights.npy.gz`
(older: `model.pkl.gz.npy`). Older layout: the arrays stand inside the pickle.
"""

import os

import numpy as np

from .errors import ConversionError
from .npy_stream import ArrayHeader, GzipReader, NpyStream
from .pickles import load_pickle

PICKLE_EXTRA_BYTES = 1 << 28


class Checkpoint:
    """The pickle's content and a way to its weights."""

    def __init__(self, path, weight_bytes):
        """`weight_bytes`: what all weights of the model take, which bounds what is read of the pickle."""
        self.path = path
        reader = GzipReader(path)
        # Beside the weights the pickle may hold the optimizer's slots, of twice their size, and the state.
        self.content = load_pickle(reader.as_file(4 * weight_bytes + PICKLE_EXTRA_BYTES), path)
        self._pickle_sha256 = reader.raw.sha256.hexdigest()
        reader.close()
        if not isinstance(self.content, dict) or "flat_weights" not in self.content:
            raise ConversionError(f"{path}: not a Trax checkpoint: it has no flat_weights")
        self.step = self.content.get("step")
        self.flat_state = self.content.get("flat_state")
        weights = self.content["flat_weights"]
        if isinstance(weights, (bool, str)) or not isinstance(weights, (int, list, tuple)):
            raise ConversionError(f"{path}: flat_weights is a {type(weights).__name__}, not a list or a gzip level")
        self.weights_path = self._find_weights() if isinstance(weights, int) else None

    def _find_weights(self):
        base = self.path.removesuffix(".pkl.gz")
        candidates = [base + ".weights.npy.gz"] if base != self.path else []
        candidates.append(self.path + ".npy")
        for candidate in candidates:
            if os.path.exists(candidate):
                return candidate
        raise ConversionError(
            f"{self.path} keeps its weights in another file, and there is none: looked for {' and '.join(candidates)}"
        )

    def open_weights(self):
        """Returns a fresh stream over the weights."""
        if self.weights_path is not None:
            return NpyStream(self.weights_path)
        return InlineStream(self.path, self.content["flat_weights"], self._pickle_sha256)

    def peek_shape(self, index):
        """The shape of array number `index`, or None when there are fewer; reads only up to it."""
        stream = self.open_weights()
        try:
            for _ in range(index):
                if stream.header() is None:
                    return None
                stream.skip()
            header = stream.header()
            return None if header is None else header.shape
        finally:
            stream.close()


class InlineStream:
    """The interface of NpyStream over arrays that the pickle held."""

    raw = None

    def __init__(self, path, arrays, sha256):
        self._path = path
        self._arrays = [a for a in arrays if a is not None and not (isinstance(a, tuple) and not a)]
        self.sha256 = sha256
        self._index = -1

    def header(self):
        self._index += 1
        if self._index >= len(self._arrays):
            return None
        array = self._arrays[self._index]
        if not isinstance(array, np.ndarray):
            raise ConversionError(f"{self._path}: array {self._index} is a {type(array).__name__}, not an array")
        return ArrayHeader(array.shape, array.dtype)

    def read(self):
        return self._arrays[self._index]

    def skip(self):
        pass

    def close(self):
        pass
