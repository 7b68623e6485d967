"""Reads a gzip stream of .npy records one by one: headers first, data on demand.

Trax's own reader takes a truncated file for a shorter one; this one says what is missing.
"""

import ast
import gzip
import hashlib
import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from .errors import ConversionError

CHUNK = 1 << 20
_TYPES = {"f4", "f8", "i1", "i4", "i8", "u1", "u2", "u4", "b1"}
_BFLOAT16_RECORD = {"|V2": "<u2", "<V2": "<u2"}


@dataclass(frozen=True)
class ArrayHeader:
    """What a record holds. A uint16 array is the upper halves of float32 numbers."""

    shape: tuple
    dtype: np.dtype
    fortran_order: bool = False

    @property
    def size(self):
        """Bytes of data."""
        count = 1
        for n in self.shape:
            count *= n
        return count * self.dtype.itemsize


class HashedFile(io.RawIOBase):
    """A file that keeps the SHA-256 of what was read of it and how much that was."""

    def __init__(self, path):
        super().__init__()
        try:
            self._file = open(path, "rb", buffering=0)
        except OSError as error:
            raise ConversionError(f"cannot read {path}: {error.strerror}") from error
        self.sha256 = hashlib.sha256()
        self.bytes_read = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        count = self._file.readinto(buffer)
        self.sha256.update(memoryview(buffer)[:count])
        self.bytes_read += count
        return count

    def close(self):
        if not self.closed:
            self._file.close()
        super().close()


class GzipReader:
    """A gzip file whose every defect is a ConversionError."""

    def __init__(self, path):
        self._path = path
        self.raw = HashedFile(path)
        buffered = io.BufferedReader(self.raw, CHUNK)
        start = buffered.peek(16)[:16]
        if not start:
            raise ConversionError(f"{path}: the file is empty")
        if start[:2] != b"\x1f\x8b":
            raise ConversionError(f"{path}: not a gzip file: it starts with {start!r}{_looks_like(start)}")
        self._gzip = gzip.GzipFile(fileobj=buffered)
        self._buffered = buffered

    def read_into(self, view):
        """Fills a memoryview of bytes; returns how many bytes there were."""
        done = 0
        try:
            while done < len(view):
                count = self._gzip.readinto(view[done : done + CHUNK])
                if not count:
                    break
                done += count
        except EOFError:
            raise ConversionError(f"{self._path}: the gzip stream is cut off; is the download complete?") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ConversionError(f"{self._path}: the gzip stream is damaged: {error}") from error
        except OSError as error:
            raise ConversionError(f"cannot read {self._path}: {error.strerror}") from error
        return done

    def as_file(self, max_bytes):
        """What is left as a buffered file, which raises a ConversionError behind `max_bytes`."""
        return io.BufferedReader(_BoundedFile(self, max_bytes, self._path), CHUNK)

    def close(self):
        self._gzip.close()
        self._buffered.close()


class _BoundedFile(io.RawIOBase):
    """The content of a gzip file up to a limit: a few kilobytes of gzip can hold any number of zeros."""

    def __init__(self, reader, max_bytes, path):
        super().__init__()
        self._reader, self._max_bytes, self._path = reader, max_bytes, path
        self._left = max_bytes

    def readable(self):
        return True

    def readinto(self, buffer):
        count = self._reader.read_into(memoryview(buffer)[:CHUNK])
        self._left -= count
        if self._left < 0:
            raise ConversionError(
                f"{self._path}: unpacks to more than {self._max_bytes} bytes, which is more than this model can need"
            )
        return count


def _looks_like(start):
    if start.lstrip()[:1] == b"<":
        return " (a web page instead of the download?)"
    if start[:1] == b"\x80":
        return " (a pickle that is not compressed)"
    return ""


class NpyStream:
    """The records of one file. Call `header()`, then `read()` or `skip()`; at the end `header()` gives None."""

    def __init__(self, path):
        self._path = path
        self._gzip = GzipReader(path)
        self._pending = None
        self._index = -1

    @property
    def raw(self):
        """The file below, with its hash and its position."""
        return self._gzip.raw

    def header(self):
        """Reads the next record's header, or returns None at the end of the stream."""
        self._index += 1
        magic = self._bytes(8, at_start=True)
        if not magic:
            return None
        if magic[:6] != b"\x93NUMPY":
            raise self._error(f"no .npy record: it starts with {magic!r}")
        if magic[6] not in (1, 2, 3):
            raise self._error(f"unknown .npy version {magic[6]}.{magic[7]}")
        length = struct.unpack("<H" if magic[6] == 1 else "<I", self._bytes(2 if magic[6] == 1 else 4))[0]
        if length > 1 << 16:
            raise self._error(f"its .npy header claims {length} bytes")
        self._pending = self._parse(self._bytes(length))
        return self._pending

    def read(self):
        """Returns the array whose header was read last."""
        header = self._pending
        data = np.empty(int(np.prod(header.shape, dtype=object)), header.dtype)
        found = self._gzip.read_into(memoryview(data.view(np.uint8)) if data.size else memoryview(b""))
        if found != header.size:
            raise self._error(f"its data end after {found} of {header.size} bytes")
        return data.reshape(header.shape, order="F" if header.fortran_order else "C")

    def skip(self):
        """Passes over the data whose header was read last."""
        left, buffer = self._pending.size, memoryview(bytearray(CHUNK))
        while left:
            found = self._gzip.read_into(buffer[: min(left, CHUNK)])
            if not found:
                raise self._error(f"its data end {left} bytes early")
            left -= found

    def close(self):
        self._gzip.close()

    def _error(self, what):
        return ConversionError(f"{self._path}: array {self._index}: {what}")

    def _bytes(self, count, at_start=False):
        buffer = bytearray(count)
        found = self._gzip.read_into(memoryview(buffer))
        if found != count and not (at_start and found == 0):
            raise self._error("its .npy header is cut off")
        return bytes(buffer[:found])

    def _parse(self, text):
        try:
            fields = ast.literal_eval(text.decode("latin-1").strip())
            descr, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
            good = set(fields) == {"descr", "fortran_order", "shape"} and isinstance(fortran, bool)
            good = good and isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
            good = False
        if not good:
            raise self._error(f"malformed .npy header {text[:60]!r}")
        descr = _BFLOAT16_RECORD.get(descr, descr)
        if not isinstance(descr, str) or descr[:1] not in "<>|=" or descr[1:] not in _TYPES:
            raise self._error(f"type {descr!r} is not one that Trax writes")
        return ArrayHeader(shape, np.dtype(descr), fortran)
