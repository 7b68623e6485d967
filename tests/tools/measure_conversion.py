#!/usr/bin/env python3
"""Converts a made-up checkpoint of 3 GB (the shapes of the c4-medium Terraformer) and shows time and peak memory.

Not part of the test suite: it takes minutes and 6 GB of disk below FOLDER, all of which it deletes again.
"""

import gzip
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

TOOLS = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(TOOLS, "..", "..", "scripts", "convert_trax.py")
sys.path.insert(0, os.path.join(TOOLS, "..", "..", "scripts"))

from trax_convert.gin import parse_gin  # noqa: E402
from trax_convert.models import plan_model  # noqa: E402
from trax_convert.safetensors import elements  # noqa: E402
from trax_convert.settings import Settings  # noqa: E402

GIN = """
train.model = @ConfigurableTerraformer
ConfigurableTerraformer.input_vocab_size = 32000
ConfigurableTerraformer.d_model = 1024
ConfigurableTerraformer.d_ff = 6144
ConfigurableTerraformer.n_heads = 16
ConfigurableTerraformer.n_encoder_layers = 24
ConfigurableTerraformer.n_decoder_layers = 24
ConfigurableTerraformer.max_len = 32768
ConfigurableTerraformer.pos_type = None
ConfigurableTerraformer.ff_sparsity = 64
ConfigurableTerraformer.ff_use_sru = (1, 32)
ConfigurableTerraformer.loss_sparsity = 4
ConfigurableTerraformer.reversible_encoder = True
ConfigurableTerraformer.encoder_attention_type = @Attention
ConfigurableTerraformer.encoder_decoder_attention_type = @MultiplicativeConvCausalAttention
MultiplicativeConvCausalAttention.sparsity = 16
PositionalEncoding.d_feature = 64
"""


def write_checkpoint(folder):
    """Returns the bytes of all arrays and of the largest one."""
    settings = Settings(parse_gin(GIN))
    shapes = [array.shapes[0] for array in plan_model(settings.model, settings.args).stored]
    random = np.random.default_rng(0)
    with gzip.open(os.path.join(folder, "model.weights.npy.gz"), "wb", compresslevel=1) as stream:
        for shape in shapes:
            np.save(stream, random.standard_normal(shape, np.float32))
    with gzip.open(os.path.join(folder, "model.pkl.gz"), "wb") as stream:
        pickle.dump({"flat_weights": 1, "flat_state": [], "step": 0}, stream)
    with open(os.path.join(folder, "config.gin"), "w", encoding="utf-8") as stream:
        stream.write(GIN)
    sizes = [4 * elements(shape) for shape in shapes]
    return sum(sizes), max(sizes)


def main():
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        total, largest = write_checkpoint(folder)
        print(f"checkpoint: {total / 1e9:.2f} GB in arrays, the largest {largest / 1e6:.0f} MB", flush=True)
        for kind in ("f32", "bf16"):
            out = os.path.join(folder, "model")
            start = time.monotonic()
            command = [sys.executable, SCRIPT, "--checkpoint", os.path.join(folder, "model.pkl.gz"), "--gin",
                       os.path.join(folder, "config.gin"), "--out", out, "--type", kind, "--force"]
            subprocess.run(command, check=True)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
            print(f"{kind}: {time.monotonic() - start:.0f} s, peak so far {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
