"""Random models against NumPy: gin file and checkpoint -> converter -> `terse score`.

TERSE names the program; without it the tests are skipped. A failure names the seed.
"""

import gzip
import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts"))

import numpy_models  # noqa: E402
import random_settings  # noqa: E402
from convert_helpers import ConversionError, Options, Settings, convert, npy_records, parse_gin, plan_model  # noqa: E402
from numpy_layers import softmax  # noqa: E402

SEEDS = int(os.environ.get("TERSE_RANDOM_MODELS", "25"))


def stored_arrays(settings, seed):
    """Arrays of the shapes that the model stores, of a size that keeps activations near one."""
    generator = np.random.default_rng(seed)
    arrays = []
    for array in plan_model(settings.model, settings.args, settings.dense_twin).stored:
        shape = array.shapes[0]
        fan_in = 1 if len(shape) == 1 or array.weight == "table" else shape[-2]
        arrays.append((0.6 * generator.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32))
    return arrays


def write_model(folder, gin, arrays):
    """Converts a checkpoint of these arrays; returns the model directory."""
    paths = {name: os.path.join(folder, name) for name in ("config.gin", "model.pkl.gz", "model.weights.npy.gz", "model")}
    with open(paths["config.gin"], "w", encoding="utf-8") as stream:
        stream.write(gin)
    with gzip.open(paths["model.pkl.gz"], "wb", 1) as stream:
        pickle.dump({"flat_weights": 1, "flat_state": [], "step": 1}, stream, protocol=4)
    with gzip.open(paths["model.weights.npy.gz"], "wb", 1) as stream:
        stream.write(npy_records(arrays))
    options = Options(checkpoint=paths["model.pkl.gz"], gin=paths["config.gin"], out=paths["model"], quiet=True)
    convert(options, lambda notice: None)
    return paths["model"]


def score(model, record):
    """Log-probabilities of the record's target, as the program computes them."""
    command = [os.environ["TERSE"], "score", "--jsonl", "-m", model]
    done = subprocess.run(command, input=json.dumps(record) + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stderr + done.stdout)
    return np.array(json.loads(done.stdout)["logprobs"])


@unittest.skipUnless("TERSE" in os.environ, "set TERSE to the program")
class RandomModels(unittest.TestCase):
    def check(self, name, draw, logits, has_source=True):
        compared = 0
        for seed in range(SEEDS):
            with self.subTest(seed=seed):
                compared += self._check_one(seed, name, draw, logits, has_source)
        self.assertGreater(compared, SEEDS // 2)

    def _check_one(self, seed, name, draw, logits, has_source):
        numbers = random.Random(seed)
        args = draw(numbers)
        gin = random_settings.gin_text(name, args)
        try:
            arrays = stored_arrays(Settings(parse_gin(gin)), seed)
        except ConversionError:
            return False  # settings that Trax cannot run either
        source = [numbers.randrange(1, random_settings.VOCAB) for _ in range(numbers.randrange(1, 20))]
        target = [numbers.randrange(1, random_settings.TARGET_VOCAB) for _ in range(numbers.randrange(1, 20))]
        record = {"id": seed, "target_ids": target, **({"source_ids": source} if has_source else {})}
        with tempfile.TemporaryDirectory() as folder:
            found = score(write_model(folder, gin, arrays), record)
        expected = np.log(softmax(logits(arrays, args, source, target)))[np.arange(len(target)), target]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4, err_msg=gin)
        return True

    def test_language_models(self):
        self.check("ConfigurableTransformerLM", random_settings.transformer_lm, numpy_models.transformer_lm, False)

    def test_transformers(self):
        self.check("ConfigurableTransformer", random_settings.transformer, numpy_models.transformer)

    def test_terraformers(self):
        self.check("ConfigurableTerraformer", random_settings.terraformer, numpy_models.terraformer)


if __name__ == "__main__":
    unittest.main()
