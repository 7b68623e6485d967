"""Unpickles Trax checkpoints without importing Trax, JAX or anything that a pickle names.

Every class and function that a pickle may call is one of the small replacements below; any other name is refused.
"""

import collections
import pickle

import numpy as np

from .errors import ConversionError

MAX_ELEMENTS = 1 << 40
BFLOAT16 = "bfloat16"  # stands for the dtype, whose arrays are kept as uint16


class _Dtype:
    """Stands for numpy.dtype: only plain numbers, in either byte order."""

    _KINDS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1", "V2"}

    def __init__(self, code, align=False, copy=True):
        if isinstance(code, _Bfloat16) or code is _Bfloat16:
            code = "V2"
        if not isinstance(code, str) or code.lstrip("<>|=") not in self._KINDS:
            raise ConversionError(f"the pickle holds an array of type {code!r}, which no Trax checkpoint has")
        self._code = code

    def __setstate__(self, state):
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise ConversionError(f"the pickle holds a dtype with an unknown byte order {order!r}")
        self._code = order + self._code.lstrip("<>|=")

    def numpy(self):
        """The NumPy dtype; two raw bytes are a bfloat16 and become uint16."""
        return np.dtype(self._code.replace("V2", "u2").replace("|u2", "<u2"))


class _Bfloat16:
    """Stands for the scalar class of ml_dtypes and of old jaxlib."""


class _NumberClass:
    """Stands for numpy.int32 and its like, which appear in input signatures."""

    def __init__(self, name):
        self.name = name


class PickledArray:
    """An array under construction: `_reconstruct` makes it, its state fills it."""

    def __init__(self, array=None):
        self.array = array

    def __setstate__(self, state):
        if len(state) == 5:  # version, shape, dtype, is_fortran, data
            state = state[1:]
        shape, dtype, is_fortran, data = state
        self.array = _array(data, dtype, shape, "F" if is_fortran else "C")


class ShapeDtype:
    """Stands for trax.shapes.ShapeDtype (input signatures)."""

    def __init__(self, shape=(), dtype=None):
        self.shape, self.dtype = shape, dtype

    def __setstate__(self, state):
        slots = state[1] if isinstance(state, tuple) else state
        self.shape, self.dtype = slots.get("shape"), slots.get("dtype")


class History:
    """Stands for trax.supervised.history.History; its content is not used."""

    def __setstate__(self, state):
        pass


def _array(data, dtype, shape, order):
    if isinstance(data, str):
        data = data.encode("latin-1")
    if not isinstance(dtype, _Dtype) or not isinstance(data, (bytes, bytearray, memoryview)):
        raise ConversionError("the pickle holds an array whose data are not plain numbers")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not all(isinstance(n, int) and 0 <= n <= MAX_ELEMENTS for n in shape):
        raise ConversionError(f"the pickle holds an array of impossible shape {shape}")
    numbers = np.frombuffer(data, dtype.numpy())
    if numbers.size != np.prod(shape, dtype=object):
        raise ConversionError(f"the pickle holds an array of shape {shape} with {numbers.size} numbers")
    return numbers.reshape(shape, order=order)


def _reconstruct(subtype, shape, typecode):
    return PickledArray()


def _from_buffer(data, dtype, shape, order):
    return PickledArray(_array(data, dtype, shape, order))


def _scalar(dtype, data=b""):
    return PickledArray(_array(data, dtype, (), "C"))


def _reconstruct_jax_array(function, arguments, array_state, aval_state):
    if function is _reconstruct:
        array = PickledArray()
        array.__setstate__(array_state)
        return array
    if function is _from_buffer:
        return _from_buffer(*arguments)
    raise ConversionError("the pickle builds a JAX array in an unknown way")


def _encode(text, encoding="latin1"):
    return text.encode({"latin1": "latin-1", "latin-1": "latin-1"}[encoding])


def _bytes(*arguments):
    if arguments and not isinstance(arguments[0], (bytes, bytearray, list, tuple)):
        raise ConversionError("the pickle calls bytes() with an odd argument")
    return bytes(*arguments)


_NUMBER_NAMES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
                 "float64", "bool_", "bool")


def _allowed():
    table = {
        ("numpy", "ndarray"): PickledArray,
        ("numpy", "dtype"): _Dtype,
        ("jax._src.array", "_reconstruct_array"): _reconstruct_jax_array,
        ("jax._src.device_array", "reconstruct_device_array"): _reconstruct_jax_array,
        ("jax.interpreters.xla", "reconstruct_device_array"): _reconstruct_jax_array,
        ("ml_dtypes", "bfloat16"): _Bfloat16,
        ("jaxlib.xla_extension", "bfloat16"): _Bfloat16,
        ("trax.shapes", "ShapeDtype"): ShapeDtype,
        ("trax.supervised.history", "History"): History,
        ("trax.history", "History"): History,
        ("collections", "defaultdict"): collections.defaultdict,
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("_codecs", "encode"): _encode,
    }
    for core in ("numpy.core", "numpy._core"):
        table[core + ".multiarray", "_reconstruct"] = _reconstruct
        table[core + ".multiarray", "scalar"] = _scalar
        table[core + ".numeric", "_frombuffer"] = _from_buffer
    for builtins in ("builtins", "__builtin__"):
        table[builtins, "bytes"] = _bytes
        for kind in (list, dict, tuple, set, int, float):
            table[builtins, kind.__name__] = kind
    for name in _NUMBER_NAMES:
        table["numpy", name] = _NumberClass(name)
    return table


_ALLOWED = _allowed()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise ConversionError(
                f"refused: the pickle wants {module}.{name}, which is not part of a Trax checkpoint"
            ) from None

    def persistent_load(self, pid):
        raise ConversionError("refused: the pickle refers to objects outside of it")


def load_pickle(stream, name):
    """Returns the object in a file, its arrays as NumPy arrays; raises ConversionError for anything unexpected."""
    try:
        loaded = _Unpickler(stream, encoding="latin1").load()
        if stream.read(1):
            raise ConversionError("bytes follow the end of the pickle")
        return _finish(loaded)
    except ConversionError as error:
        if str(error).startswith(name):
            raise
        raise ConversionError(f"{name}: {error}") from error
    except (Exception, RecursionError) as error:  # a broken pickle can raise almost anything
        raise ConversionError(f"{name}: not a whole pickle ({type(error).__name__}: {error})") from error


def _finish(value):
    """Replaces stand-ins by what they hold, in lists, tuples and dictionaries."""
    if isinstance(value, PickledArray):
        if value.array is None:
            raise ConversionError("the pickle holds an array without content")
        return value.array
    if isinstance(value, list):
        return [_finish(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_finish(item) for item in value)
    if isinstance(value, dict):
        return {key: _finish(item) for key, item in value.items()}
    return value
