"""Every golden case converts: the walk visits the stored arrays in Trax's order, and both layouts give the same."""

import csv
import json
import os
import tempfile
import unittest

import numpy as np
from convert_helpers import golden_folder, model_cases, read_safetensors

from convert_golden import convert_golden
from layer_plan import plan_layer
from trax_convert.checkpoint import Checkpoint
from trax_convert.gin import read_gin
from trax_convert.hash_keys import find_keys
from trax_convert.models import plan_model
from trax_convert.settings import Settings


def listed_arrays(folder):
    """(layer.weight, shape) of weights.tsv without second uses; sparse layers are named inside the weight."""
    with open(os.path.join(folder, "weights.tsv"), encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream, delimiter="\t") if row["index"] != "-"]
    for row in rows:
        label = row["weight"] if row["layer"] == "Weights" else f"{row['layer']}.{row['weight']}"
        yield label, tuple(int(n) for n in row["shape"].split("x"))


def planned_arrays(plan):
    return [(f"{array.layer}.{array.weight}", array.shapes[0]) for array in plan.stored]


class OrderOfTheWeights(unittest.TestCase):
    def test_every_model_case_is_walked_in_the_order_of_its_weights_tsv(self):
        for folder in model_cases():
            with self.subTest(os.path.basename(folder)):
                settings = Settings(read_gin(os.path.join(folder, "config.gin")))
                plan = plan_model(settings.model, settings.args, settings.dense_twin)
                self.assertEqual(planned_arrays(plan), list(listed_arrays(folder)))

    def test_every_layer_case_is_walked_in_the_order_of_its_weights_tsv(self):
        model_cases()
        layers = os.path.join(golden_folder(), "layers")
        for name in sorted(os.listdir(layers)):
            folder = os.path.join(layers, name)
            if not os.path.exists(os.path.join(folder, "weights.tsv")):
                continue
            with self.subTest(name), open(os.path.join(folder, "config.json"), encoding="utf-8") as stream:
                config = json.load(stream)
                d_in = np.load(os.path.join(folder, "input_0.npy")).shape[-1]
                plan, _ = plan_layer(config["layer"], config["args"], d_in)
                self.assertEqual(planned_arrays(plan), list(listed_arrays(folder)))

    def test_the_gin_file_gives_the_arguments_of_config_json(self):
        for folder in model_cases():
            with open(os.path.join(folder, "config.json"), encoding="utf-8") as stream:
                case = json.load(stream)
            settings = Settings(read_gin(os.path.join(folder, "config.gin")))
            with self.subTest(os.path.basename(folder)):
                self.assertEqual(settings.model, case["model"])
                plain = {k: v for k, v in settings.args.items() if isinstance(v, int)}
                self.assertEqual(plain, {**plain, **{k: v for k, v in case["args"].items() if k in plain}})


class HashKeys(unittest.TestCase):
    def test_the_keys_in_the_state_are_those_that_trax_evaluated_with(self):
        checked = 0
        for folder in model_cases():
            keys_file = os.path.join(folder, "lsh_keys_eval.json")
            if os.path.exists(keys_file):
                settings = Settings(read_gin(os.path.join(folder, "config.gin")))
                plan = plan_model(settings.model, settings.args, settings.dense_twin)
                checkpoint = Checkpoint(os.path.join(folder, "split", "model.pkl.gz"), 1 << 20)
                with self.subTest(os.path.basename(folder)):
                    self.assertEqual(find_keys(plan, checkpoint, None), find_keys(plan, checkpoint, keys_file))
                checked += 1
        self.assertGreaterEqual(checked, 8)


class BothLayouts(unittest.TestCase):
    def test_the_inline_layout_gives_the_same_bytes_as_the_split_one(self):
        model_cases()
        with tempfile.TemporaryDirectory() as out:
            self.assertGreater(convert_golden(golden_folder(), out), 100)
            compared = 0
            for name in sorted(os.listdir(out)):
                if os.path.exists(os.path.join(out, name, "inline")):
                    paths = [os.path.join(out, name, kind, "model.safetensors") for kind in ("split", "inline")]
                    (_, a, _), (_, b, _) = (read_safetensors(path) for path in paths)
                    self.assertEqual(list(a), list(b))
                    self.assertTrue(all(np.array_equal(a[key], b[key]) for key in a))
                    compared += 1
            self.assertGreaterEqual(compared, 8)


if __name__ == "__main__":
    unittest.main()
