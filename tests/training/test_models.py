"""The trainer's models against terse, for every kind of sparsity; growing; and the fast operations against the plain ones."""

import os
import tempfile
import unittest

import support
import torch

import batches
import fast_ops
import gin
import gpu_ops
import grow
import initial
import model
import ops
import trax_checkpoint
from config import LANGUAGE_MODEL, Config
from weights import Weights, parameter_count

DENSE = {"ff_sparsity": 0, "attention_sparsity": 0, "loss_sparsity": 0, "sru_units": 0}
VARIANTS = {
    "dense": DENSE,
    "sparse feed-forward": DENSE | {"ff_sparsity": 8},
    "sparse QKV": DENSE | {"attention_sparsity": 4},
    "both": DENSE | {"ff_sparsity": 8, "attention_sparsity": 4},
    "both and sparse loss": DENSE | {"ff_sparsity": 8, "attention_sparsity": 4, "loss_sparsity": 4},
    "with a recurrent branch": {},
}


def random_model(**changes):
    weights = Weights(Config(**(support.SMALL | changes)))
    initial.fill(weights, 3)
    generator = torch.Generator().manual_seed(4)
    # Biases and scales start as constants, which would hide an exchange of two of them.
    weights.flat.add_(0.02 * torch.randn(weights.flat.shape, generator=generator))
    return weights


class AgainstTerse(unittest.TestCase):
    def check(self, weights, records, tensors):
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = os.path.join(folder, "trax")
            trax_checkpoint.write(checkpoint, weights, 7)
            with open(os.path.join(checkpoint, "config.gin"), "w", encoding="utf-8") as file:
                file.write(gin.text(weights.config, 7))
            support.run("cp", os.path.join(support.corpus(), "spiece.model"), os.path.join(checkpoint, "sentencepiece.model"))
            self.assertEqual(trax_checkpoint.read(checkpoint)[1], 7)
            results = support.terse("score", support.convert(checkpoint, os.path.join(folder, "model")), records)
        loss, count = model.Model(weights, ops).loss(*tensors)
        self.assertEqual(count, sum(len(r["logprobs"]) for r in results))
        self.assertAlmostEqual(float(loss), sum(r["nll"] for r in results) / count, places=4)

    def test_terraformers(self):
        pairs = batches.Pairs(os.path.join(support.corpus(), "train.jsonl"), os.path.join(support.corpus(), "spiece.model"), limit=8)
        tensors = pairs.tensors(range(8), 512)
        records = [{"id": i, "source_ids": s.tolist(), "target_ids": t.tolist()} for i, (s, t) in enumerate(zip(pairs.sources, pairs.targets))]
        for name, changes in VARIANTS.items():
            with self.subTest(name):
                self.check(random_model(**changes), records, tensors)

    def test_language_models(self):
        pairs = batches.Pairs(os.path.join(support.corpus(), "train.jsonl"), os.path.join(support.corpus(), "spiece.model"), limit=8,
                              language_model=True)
        tensors = pairs.tensors(range(8), 512)
        records = [{"id": i, "target_ids": t.tolist()} for i, t in enumerate(pairs.targets)]
        for name, changes in VARIANTS.items():
            with self.subTest(name):
                self.check(random_model(model=LANGUAGE_MODEL, **changes), records, tensors)


class Growing(unittest.TestCase):
    def test_a_grown_model_gives_what_the_old_one_gave(self):
        source, target = torch.randint(3, 600, (2, 9)), torch.randint(3, 600, (2, 5))
        for layers in ((3, 4), (4, 2), (5, 6)):
            for attention in (4, 0):
                old = random_model(attention_sparsity=attention)
                config = Config(**(support.SMALL | {"attention_sparsity": attention, "n_encoder_layers": layers[0],
                                                    "n_decoder_layers": layers[1]}))
                new = grow.grow(old, config)
                with torch.no_grad():
                    torch.testing.assert_close(model.Model(new, ops).logits(source, target), model.Model(old, ops).logits(source, target))

    def test_an_odd_number_of_swaps_is_refused(self):
        with self.assertRaisesRegex(ValueError, "even number"):
            grow.plan(2, 3, 3)


def gradients(weights, operations, routing, tensors):
    weights.gradient.zero_()
    loss, _ = model.Model(weights, operations, routing).loss(*tensors)
    loss.backward()
    return float(loss.detach()), {spec.name: weights[spec.name].grad.clone() for spec in weights.specs}


class GpuOperations(unittest.TestCase):
    """On a CPU they compute in float32, so losses and gradients agree but for the order of sums."""

    def test_they_give_what_the_plain_ones_give(self):
        source, target = torch.randint(3, 600, (3, 37)), torch.randint(3, 600, (3, 9))
        source[1, 20:], target[2, 5:] = model.PAD, model.PAD
        for changes in ({}, {"model": LANGUAGE_MODEL}, DENSE):
            weights = random_model(**changes)
            tensors = (None if weights.config.is_language_model else source, target)
            for hard in (True, False):
                plain, expected = gradients(weights, ops, model.Routing(hard=hard), tensors)
                loss, found = gradients(weights, gpu_ops, model.Routing(hard=hard), tensors)
                self.assertAlmostEqual(plain, loss, places=5)
                for name, gradient in expected.items():
                    torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5, msg=f"{name}, hard routing {hard}")


class FastOperations(unittest.TestCase):
    """Losses agree as bfloat16 allows; so do the directions of gradients, array by array."""

    def setUp(self):
        if reason := fast_ops.unavailable():
            self.skipTest(reason)
        fast_ops.load()

    def check(self, weights, tensors):
        for hard in (True, False):
            routing = model.Routing(hard=hard)
            plain, expected = gradients(weights, ops, routing, tensors)
            fast, found = gradients(weights, fast_ops, routing, tensors)
            self.assertAlmostEqual(plain, fast, delta=0.01 * plain)
            for name, gradient in expected.items():
                if name.endswith("key.bias"):  # softmax does not see it: what there is of a gradient is rounding
                    continue
                cosine = torch.nn.functional.cosine_similarity(gradient.flatten(), found[name].flatten(), dim=0)
                self.assertGreater(float(cosine), 0.9, f"{name}, hard routing {hard}")

    def test_every_kernel(self):
        torch.manual_seed(5)
        sizes = {"d_model": 128, "d_ff": 256, "ff_sparsity": 16, "sru_units": 32, "n_heads": 4}
        source, target = torch.randint(3, 600, (6, 21)), torch.randint(3, 600, (6, 9))
        source[0, 15:] = 0
        target[1, 6:] = 0
        self.check(random_model(**sizes), (source, target))
        self.check(random_model(model=LANGUAGE_MODEL, **sizes), (None, target))


class Parameters(unittest.TestCase):
    def test_the_default_has_the_size_that_its_card_states(self):
        self.assertEqual(parameter_count(Config()), 9_436_224)


if __name__ == "__main__":
    unittest.main()
