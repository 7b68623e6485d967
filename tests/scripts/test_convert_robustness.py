"""Broken checkpoints, wrong gin files and full disks: one precise error each, and nothing left behind."""

import gzip
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
import unittest

import numpy as np
from convert_helpers import ROOT, TINY_GIN, ConverterTest, npy_records, random_arrays

SCRIPT = os.path.join(ROOT, "scripts", "convert_trax.py")


class Weights(ConverterTest):
    def setUp(self):
        super().setUp()
        self.arrays = random_arrays(TINY_GIN)

    def test_the_made_up_checkpoint_converts(self):
        self.write_split(self.arrays)
        config, tensors = self.convert()
        self.assertEqual(config["model"], "ConfigurableTerraformer")
        np.testing.assert_array_equal(tensors["embedding.table"], self.arrays[0])

    def test_too_few_arrays(self):
        self.write_split(self.arrays[:-2])
        n = len(self.arrays)
        self.fails(rf"ends after {n - 2} arrays, the model has {n}: next would be array {n - 2}, loss .*of shape 16x6")

    def test_too_many_arrays(self):
        self.write_split(self.arrays + [np.zeros((3, 5), np.float32)])
        n = len(self.arrays)
        self.fails(rf"more than the {n} arrays of the model: array {n} has shape 3x5")

    def test_a_wrong_shape_names_the_array_and_both_shapes(self):
        self.arrays[7] = np.zeros((5, 16), np.float32)
        self.write_split(self.arrays)
        self.fails(r"array 7, encoder.layers.0.attention.key \(Dense w\), has shape 5x16; the gin file asks for 16x16")

    def test_a_wrong_type_names_the_array(self):
        self.arrays[4] = self.arrays[4].astype(np.int32)
        self.write_split(self.arrays)
        self.fails(r"array 4, encoder.layers.0.attention.norm .* has type int32; expected float32")

    def test_numbers_that_are_not_finite_are_refused(self):
        self.arrays[0][3, 3] = np.nan
        self.write_split(self.arrays)
        self.fails(r"array 0, embedding .*not finite")

    def test_a_gzip_stream_cut_off_anywhere_is_an_error(self):
        self.write_split(self.arrays)
        with open(self.path("model.weights.npy.gz"), "rb") as stream:
            whole = stream.read()
        for length in [0, 1, 2, 9, 10, 15, 100, len(whole) // 2, len(whole) - 9, len(whole) - 8, len(whole) - 1]:
            with self.subTest(length):
                self.write("model.weights.npy.gz", whole[:length])
                self.fails("model.weights.npy.gz")

    def test_a_stream_that_ends_inside_an_array_says_where(self):
        data = npy_records(self.arrays)
        self.write_split(self.arrays)
        self.write("model.weights.npy.gz", gzip.compress(data[:-10]))
        self.fails(rf"array {len(self.arrays) - 1}: its data end after 86 of 96 bytes")
        self.write("model.weights.npy.gz", gzip.compress(data[: -96 - 20]))
        self.fails(rf"array {len(self.arrays) - 1}: its .npy header is cut off")

    def test_damaged_bytes_are_an_error(self):
        self.write_split(self.arrays)
        with open(self.path("model.weights.npy.gz"), "rb") as stream:
            data = bytearray(stream.read())
        for at in (3000, len(data) - 6):
            damaged = bytearray(data)
            damaged[at] ^= 0xFF
            self.write("model.weights.npy.gz", bytes(damaged))
            self.fails("gzip stream is damaged|array")

    def test_junk_after_the_last_array_is_an_error(self):
        self.write_split(self.arrays)
        self.write("model.weights.npy.gz", gzip.compress(npy_records(self.arrays) + b"junk follows"))
        self.fails(rf"array {len(self.arrays)}: no .npy record: it starts with b'junk fol'")
        self.write("model.weights.npy.gz", gzip.compress(npy_records(self.arrays)) + b"junk")
        self.fails("gzip stream is damaged")

    def test_malformed_npy_headers_are_refused(self):
        for header, pattern in [
            (b"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "type '|O'"),
            (b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", "malformed"),
            (b"{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}", "malformed"),
            (b"{'descr': '<f4', 'shape': (3,)}", "malformed"),
            (b"__import__('os').mkdir('x')", "malformed"),
            (b"\xff\xfe", "malformed"),
        ]:
            record = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
            self.write_split(self.arrays)
            self.write("model.weights.npy.gz", gzip.compress(record))
            self.fails("array 0: " + pattern.replace("|", r"\|"))

    def test_a_web_page_instead_of_a_checkpoint_is_recognised(self):
        page = b"<!DOCTYPE html><html>Sign in</html>"
        self.write("model.pkl.gz", page)
        self.fails("model.pkl.gz: not a gzip file: .*a web page instead of the download")
        self.write_split(self.arrays)
        self.write("model.weights.npy.gz", page)
        self.fails("model.weights.npy.gz: not a gzip file: .*a web page")

    def test_a_pickle_without_compression_is_recognised(self):
        self.write("model.pkl.gz", pickle.dumps({"flat_weights": 2}))
        self.fails("a pickle that is not compressed")

    def test_missing_files_are_named(self):
        self.fails("cannot read .*model.pkl.gz: No such file")


class Layouts(ConverterTest):
    def setUp(self):
        super().setUp()
        self.arrays = random_arrays(TINY_GIN)

    def test_weights_inside_the_pickle(self):
        self.write_pickle({"flat_weights": self.arrays})
        inline = self.convert()[1]
        self.write_split(self.arrays, stem="other")
        split = self.convert(checkpoint=self.path("other.pkl.gz"), force=True)[1]
        for name in split:
            np.testing.assert_array_equal(inline[name], split[name])

    def test_uint16_arrays_are_upper_halves_of_float32(self):
        halves = [(a.view(np.uint32) >> 16).astype(np.uint16) for a in self.arrays]
        whole = [(h.astype(np.uint32) << 16).view(np.float32) for h in halves]
        results = []
        for arrays in (halves, whole, [h if i % 2 else w for i, (h, w) in enumerate(zip(halves, whole))]):
            self.write_split(arrays)
            for kind in ("f32", "bf16"):
                results.append(self.convert(type=kind, force=True)[1])
            self.write_pickle({"flat_weights": arrays})
            results.append(self.convert(force=True)[1])
        for name, tensor in results[0].items():
            for other in results[1:]:
                np.testing.assert_array_equal(tensor, other[name])

    def test_positions_with_a_leading_one_are_those_of_old_checkpoints(self):
        expected = self.arrays[1].copy()
        self.arrays[1] = self.arrays[1][None]
        self.write_split(self.arrays)
        np.testing.assert_array_equal(self.convert()[1]["encoder.positions.table"], expected)

    def test_factorised_positions_are_seen_in_the_shapes(self):
        random = np.random.default_rng(2)
        pair = [random.standard_normal(s).astype(np.float32) for s in ((12, 4), (4, 16))]
        for write in (self.write_split, lambda arrays: self.write_pickle({"flat_weights": arrays})):
            write(self.arrays[:1] + pair + pair + self.arrays[3:])
            for more in ("", "PositionalEncoding.d_feature = 4\n", "PositionalEncoding.d_feature = None\n"):
                config, tensors = self.convert(TINY_GIN + more, force=True)
                self.assertEqual(config["args"]["positions"]["d_feature"], 4)
            np.testing.assert_array_equal(tensors["encoder.positions.projection"], pair[1].T)

    def test_positions_of_another_length_stay_an_error(self):
        self.arrays[1] = np.zeros((13, 4), np.float32)
        self.write_split(self.arrays)
        self.fails("array 1, encoder.positions .* has shape 13x4; the gin file asks for 12x16")


class Output(ConverterTest):
    def setUp(self):
        super().setUp()
        self.write_split(random_arrays(TINY_GIN))
        self.write("config.gin", TINY_GIN)

    def run_script(self, *more, **options):
        command = [sys.executable, SCRIPT, "--checkpoint", self.path("model.pkl.gz"), "--gin", self.path("config.gin"),
                   "--out", self.out, *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)

    def test_the_script_converts_and_says_what_it_made(self):
        result = self.run_script()
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertRegex(result.stderr, r"model: \d+ tensors, 0.0 MB\n$")
        self.assertEqual(self.run_script("--force", "--quiet").stderr, "")

    def test_an_existing_directory_is_refused_before_any_work(self):
        os.mkdir(self.out)
        os.remove(self.path("model.pkl.gz"))
        result = self.run_script()
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^convert_trax: error: .*exists already; give --force to replace it\n$")

    def test_force_replaces_a_model_but_nothing_else(self):
        self.convert()
        self.write("model/README.md", "old")
        self.convert(force=True)
        self.assertNotIn("README.md", os.listdir(self.out))
        os.remove(os.path.join(self.out, "config.json"))
        self.fails("not a model directory", force=True)
        self.assertIn("model.safetensors", os.listdir(self.out))

    def test_a_failure_under_force_keeps_the_old_model(self):
        self.convert()
        self.write_split(random_arrays(TINY_GIN)[:-1])
        self.fails("ends after", force=True)
        self.assertIn("config.json", os.listdir(self.out))

    def test_a_missing_parent_folder_is_named(self):
        self.out = self.path("none/model")
        self.fails("there is no folder .*none")

    def test_a_full_disk_is_one_error_and_leaves_nothing(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

        before = set(os.listdir(self.folder))
        result = self.run_script(preexec_fn=small_files)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "error: cannot write .*: File too large\n$")
        self.assertEqual(set(os.listdir(self.folder)), before)

    def test_a_signal_in_the_middle_leaves_nothing(self):
        self.write("config.gin", TINY_GIN.replace("pos_type = None", "pos_type = 'no'"))
        os.remove(self.path("model.weights.npy.gz"))
        os.mkfifo(self.path("model.weights.npy.gz"))  # the script waits here, with its temporary folder made
        before = set(os.listdir(self.folder))
        command = [sys.executable, SCRIPT, "--checkpoint", self.path("model.pkl.gz"), "--gin", self.path("config.gin"),
                   "--out", self.out]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 30
            while set(os.listdir(self.folder)) == before and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertNotEqual(set(os.listdir(self.folder)), before)
            process.terminate()
            _, errors = process.communicate(timeout=30)
        self.assertEqual((process.returncode, errors), (143, "convert_trax: interrupted; nothing was written\n"))
        self.assertEqual(set(os.listdir(self.folder)), before)

    def test_usage_errors_exit_with_2(self):
        for more in (["--type", "f16"], ["--max-new-tokens", "0"], ["--nonsense"]):
            self.assertEqual(self.run_script(*more).returncode, 2)

    def test_data_errors_are_one_line_and_exit_with_1(self):
        self.write("model.weights.npy.gz", b"\x1f\x8b\x08\x00")
        result = self.run_script("--quiet")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.count("\n"), 1)
        left = sorted(name for name in os.listdir(self.folder) if "model" in name)
        self.assertEqual(left, ["model.pkl.gz", "model.weights.npy.gz"])


if __name__ == "__main__":
    unittest.main()
