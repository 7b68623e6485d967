"""Pickles of every age load; a pickle that calls anything else is refused by the name of what it calls."""

import collections
import gzip
import io
import json
import os
import pickle
import unittest
from unittest import mock

import numpy as np
from convert_helpers import ConversionError, ConverterTest, golden_folder

from trax_convert.checkpoint import Checkpoint
from trax_convert.npy_stream import GzipReader
from trax_convert.pickles import load_pickle
from trax_convert.plan import widen


class Formats(unittest.TestCase):
    def setUp(self):
        if golden_folder() is None:
            self.skipTest("no golden data; set TERSE_GOLDEN to their folder")
        self.folder = os.path.join(golden_folder(), "formats")
        with open(os.path.join(self.folder, "expected.json"), encoding="utf-8") as stream:
            self.expected = json.load(stream)

    def check(self, arrays, expected):
        self.assertEqual([list(a.shape) for a in arrays], [e["shape"] for e in expected])
        for array, e in zip(arrays, expected):
            self.assertEqual(array.dtype, e.get("dtype", "float32"))
            np.testing.assert_array_equal(array.ravel(), np.array(e["values"], array.dtype))

    def test_every_shape_of_checkpoint_seen_in_the_wild_loads_to_the_same_values(self):
        names = [name for name in sorted(os.listdir(self.folder)) if name.endswith(".pkl.gz")]
        self.assertGreaterEqual(len(names), 14)
        for name in names:
            with self.subTest(name):
                checkpoint = Checkpoint(os.path.join(self.folder, name), 1 << 16)
                stream, weights = checkpoint.open_weights(), []
                while stream.header() is not None:
                    weights.append(stream.read())
                stream.close()
                if name.startswith("bfloat16"):
                    self.check([widen(a) for a in weights], self.expected["bfloat16_weights_as_float"])
                else:
                    self.check(weights, self.expected["flat_weights"])
                self.check(checkpoint.flat_state, self.expected["flat_state"])
                self.assertEqual(checkpoint.step, self.expected["step"])


class Call:
    """Pickles into a call of a function."""

    def __init__(self, function, *arguments):
        self._call = function, arguments

    def __reduce__(self):
        return self._call


class Malice(ConverterTest):
    def refused(self, data, pattern):
        with self.assertRaisesRegex(ConversionError, pattern):
            load_pickle(io.BytesIO(data), "model.pkl.gz")

    def test_calls_are_refused_by_name_and_not_made(self):
        target = self.path("made")
        for function, arguments, name in [(os.mkdir, (target,), "posix.mkdir"), (eval, ("1",), "builtins.eval"),
                                          (getattr, (1, "real"), "builtins.getattr"), (np.load, (target,), "numpy.load")]:
            for protocol in range(2, 6):
                self.refused(pickle.dumps(Call(function, *arguments), protocol), f"refused: the pickle wants .*{name.split('.')[1]}")
        self.assertFalse(os.path.exists(target))

    def test_an_allowed_module_does_not_open_its_other_names(self):
        for module, name in [("numpy", "fromfile"), ("collections", "namedtuple"), ("numpy.core.multiarray", "fromfile"),
                             ("trax.shapes", "os.system"), ("builtins", "exec"), ("_codecs", "lookup")]:
            self.refused(f"c{module}\n{name}\n.".encode(), f"refused: the pickle wants {module}.{name}")

    def test_references_to_outside_objects_are_refused(self):
        self.refused(b"Pfile\n.", "refers to objects outside")

    def test_an_array_of_objects_is_refused(self):
        self.refused(pickle.dumps(np.array([object], dtype=object)), "refused|array of type")

    def test_an_array_that_claims_more_than_it_holds_is_refused(self):
        data = pickle.dumps(np.zeros(3, np.float32), 2).replace(b"K\x03\x85", b"K\x07\x85")
        self.refused(data, r"shape \(7,\) with 3 numbers")

    def test_a_truncated_pickle_is_refused_at_every_length(self):
        data = pickle.dumps({"flat_weights": [np.zeros((2, 2), np.float32)], "step": 3}, 4)
        for length in range(len(data)):
            self.refused(data[:length], "not a whole pickle|refused|pickle")

    def test_bytes_after_the_pickle_are_refused(self):
        self.refused(pickle.dumps({}) + b"x", "bytes follow")

    def test_a_pickle_that_unpacks_to_more_than_the_model_can_need_is_refused(self):
        zeros = b"\x8e" + (1 << 20).to_bytes(8, "little") + bytes(1 << 20) + b"0"  # a megabyte, and it is dropped again
        self.write("model.pkl.gz", gzip.compress(b"\x80\x04" + 8 * zeros + b"N.", 1))
        self.fails("it has no flat_weights")
        with mock.patch("trax_convert.checkpoint.PICKLE_EXTRA_BYTES", 1 << 20):
            self.fails("model.pkl.gz: unpacks to more than [0-9]+ bytes")

    def test_no_more_is_read_than_is_asked_for(self):
        self.write("model.pkl.gz", gzip.compress(bytes(64 << 20), 1))
        with mock.patch("trax_convert.npy_stream.GzipReader.read_into", autospec=True,
                        side_effect=GzipReader.read_into) as read:
            self.fails("not a whole pickle")
        self.assertLessEqual(read.call_count, 2)

    def test_damaged_pickles_never_end_in_another_exception(self):
        data = bytearray(pickle.dumps({"flat_weights": [np.arange(4, dtype=np.float32)]}, 4))
        for i in range(len(data)):
            for value in (0, 0x2E, 0x52, 0x62, 0xFF):
                damaged = bytes(data[:i]) + bytes([value]) + bytes(data[i + 1 :])
                try:
                    load_pickle(io.BytesIO(damaged), "model.pkl.gz")
                except ConversionError:
                    pass


class Contents(ConverterTest):
    def test_scalars_and_dictionaries_of_numpy_load(self):
        content = collections.OrderedDict(step=np.int64(5), history=collections.defaultdict(list, {"a": [np.float32(0.5)]}))
        loaded = load_pickle(io.BytesIO(pickle.dumps(content, 4)), "x")
        self.assertEqual(int(loaded["step"]), 5)
        self.assertEqual(float(loaded["history"]["a"][0]), 0.5)

    def test_big_endian_and_fortran_arrays_load(self):
        array = np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3))
        np.testing.assert_array_equal(load_pickle(io.BytesIO(pickle.dumps([array], 4)), "x")[0], array)

    def test_a_pickle_without_weights_is_no_checkpoint(self):
        for content in ({"weights": []}, [1, 2]):
            self.write("model.pkl.gz", gzip.compress(pickle.dumps(content)))
            with self.assertRaisesRegex(ConversionError, "not a Trax checkpoint"):
                Checkpoint(self.path("model.pkl.gz"), 1 << 16)

    def test_the_weights_file_is_named_when_it_is_missing(self):
        self.write_pickle({"flat_weights": 2})
        with self.assertRaisesRegex(ConversionError, r"model.weights.npy.gz and .*model.pkl.gz.npy"):
            Checkpoint(self.path("model.pkl.gz"), 1 << 16)


if __name__ == "__main__":
    unittest.main()
