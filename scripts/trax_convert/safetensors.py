"""Writes model.safetensors: the header first, from the plan alone, then each tensor at its place."""

import hashlib
import json
import os

import numpy as np

from .plan import widen

ALIGNMENT = 64
SLAB = 64 << 20  # bytes that are repacked at a time
_ITEM = {"F32": 4, "BF16": 2, "U32": 4}
_HASH_PLACEHOLDER = "0" * 64


def elements(shape):
    """Number of elements of a shape."""
    count = 1
    for n in shape:
        count *= n
    return count


class SafetensorsWriter:
    """A file under construction. `tensors` are (name, shape, dtype); large aligned ones are laid out first."""

    def __init__(self, path, tensors):
        ordered = sorted(tensors, key=lambda t: _size(t) % ALIGNMENT != 0)  # stable: the plan's order within
        self._places, offset, entries = {}, 0, {}
        for name, shape, dtype in ordered:
            end = offset + elements(shape) * _ITEM[dtype]
            entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
            self._places[name] = (offset, dtype)
            offset = end
        self._entries = entries
        self._start = len(self._header(_HASH_PLACEHOLDER, _HASH_PLACEHOLDER))
        self.size = self._start + offset
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        self._reserve()

    def _header(self, source_sha256, data_sha256):
        metadata = {"format": "terse", "layout": "1", "source_sha256": source_sha256, "data_sha256": data_sha256}
        text = json.dumps({"__metadata__": metadata, **self._entries}, separators=(",", ":")).encode()
        text += b" " * (-(8 + len(text)) % ALIGNMENT)
        return len(text).to_bytes(8, "little") + text

    def _reserve(self):
        """Takes the disk space now, so that a full disk is noticed before the work and not after it."""
        try:
            os.posix_fallocate(self._file, 0, max(self.size, 1))
        except OSError as error:
            if error.errno not in (95, 22):  # not supported by this file system
                raise
        os.ftruncate(self._file, self.size)

    def write(self, name, first_row, row_size, rows):
        """Writes float rows of a tensor; `first_row` counts along the first axis, `row_size` is in elements."""
        offset, dtype = self._places[name]
        data = memoryview(np.ascontiguousarray(encode(rows, dtype)).reshape(-1)).cast("B")
        position = self._start + offset + first_row * row_size * _ITEM[dtype]
        while data:
            written = os.pwrite(self._file, data, position)
            data, position = data[written:], position + written

    def finish(self, source_sha256):
        """Writes the header, and everything to the disk."""
        os.pwrite(self._file, self._header(source_sha256, self._data_sha256()), 0)
        os.fsync(self._file)
        self.close()

    def _data_sha256(self):
        """Of what the file holds now: the tensors were written in any order, so it is read once more."""
        digest = hashlib.sha256()
        with open(self._path, "rb") as stream:
            stream.seek(self._start)
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    def close(self):
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _size(tensor):
    return elements(tensor[1]) * _ITEM[tensor[2]]


def encode(array, dtype):
    """Numbers as they stand in the file. uint16 arrays are the upper halves of float32, that is bfloat16 already."""
    if dtype == "U32":
        return array.astype("<u4", copy=False)
    if dtype == "F32":
        return widen(array).astype("<f4", copy=False)
    if array.dtype == np.uint16:
        return array.astype("<u2", copy=False)
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    odd = (bits >> 16) & 1  # round to nearest, ties to even
    return ((bits + np.uint32(0x7FFF) + odd) >> 16).astype("<u2")
