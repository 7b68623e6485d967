"""What the tests of the converter share: made-up checkpoints, a reader of safetensors, the folder of golden data."""

import gzip
import io
import json
import os
import pickle
import sys
import tempfile
import unittest

import numpy as np

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
for folder in ("scripts", os.path.join("tests", "tools")):
    if os.path.join(ROOT, folder) not in sys.path:
        sys.path.insert(0, os.path.join(ROOT, folder))

from trax_convert.convert import Options, convert  # noqa: E402
from trax_convert.errors import ConversionError  # noqa: E402
from trax_convert.gin import parse_gin  # noqa: E402
from trax_convert.models import plan_model  # noqa: E402
from trax_convert.settings import Settings  # noqa: E402

TINY_GIN = """
train.model = @trax.models.ConfigurableTerraformer
ConfigurableTerraformer.input_vocab_size = 24
ConfigurableTerraformer.d_model = 16
ConfigurableTerraformer.d_ff = 32
ConfigurableTerraformer.n_heads = 2
ConfigurableTerraformer.n_encoder_layers = 1
ConfigurableTerraformer.n_decoder_layers = 1
ConfigurableTerraformer.max_len = 12
ConfigurableTerraformer.pos_type = None
ConfigurableTerraformer.ff_sparsity = 4
ConfigurableTerraformer.ff_use_sru = (1, 8)
ConfigurableTerraformer.loss_sparsity = 4
ConfigurableTerraformer.reversible_encoder = True
ConfigurableTerraformer.encoder_attention_type = @Attention
ConfigurableTerraformer.encoder_decoder_attention_type = @MultiplicativeConvCausalAttention
MultiplicativeConvCausalAttention.sparsity = 4
"""


def golden_folder():
    """The folder of golden data, or None where it is absent."""
    folder = os.environ.get("TERSE_GOLDEN") or os.path.join(ROOT, "tests", "golden")
    return folder if os.path.exists(os.path.join(folder, "layers")) else None


def model_cases():
    """Folders of all golden model cases."""
    golden = golden_folder()
    if golden is None:
        raise unittest.SkipTest("no golden data; set TERSE_GOLDEN to their folder")
    folders = [os.path.join(golden, name) for name in sorted(os.listdir(golden))]
    return [folder for folder in folders if os.path.exists(os.path.join(folder, "config.gin"))]


def random_arrays(gin_text, seed=1):
    """Arrays of the shapes that a model of this gin text stores."""
    settings = Settings(parse_gin(gin_text))
    plan = plan_model(settings.model, settings.args, settings.dense_twin)
    random = np.random.default_rng(seed)
    return [random.standard_normal(array.shapes[0]).astype(np.float32) for array in plan.stored]


def npy_records(arrays):
    """The arrays as np.save writes them, one after the other."""
    stream = io.BytesIO()
    for array in arrays:
        np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def read_safetensors(path):
    """Returns (metadata, name -> array, name -> entry of the header); BF16 becomes float32."""
    with open(path, "rb") as stream:
        data = stream.read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata, tensors = header.pop("__metadata__"), {}
    for name, entry in header.items():
        begin, end = (8 + length + n for n in entry["data_offsets"])
        raw = np.frombuffer(data[begin:end], {"F32": "<f4", "BF16": "<u2", "U32": "<u4"}[entry["dtype"]])
        if entry["dtype"] == "BF16":
            raw = (raw.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = raw.reshape(entry["shape"])
    return metadata, tensors, header


class ConverterTest(unittest.TestCase):
    """A test with a folder of its own and a tiny checkpoint to convert."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.out = os.path.join(self.folder, "model")
        self.notices = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as stream:
            stream.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def write_split(self, arrays, stem="model", level=2, **content):
        """A checkpoint of the current layout."""
        self.write(stem + ".weights.npy.gz", gzip.compress(npy_records(arrays), level))
        return self.write_pickle({"flat_weights": level, "flat_state": [], "step": 1, **content}, stem)

    def write_pickle(self, content, stem="model"):
        return self.write(stem + ".pkl.gz", gzip.compress(pickle.dumps(content, protocol=4)))

    def convert(self, gin_text=TINY_GIN, checkpoint=None, **options):
        """Converts into self.out; returns config.json and the tensors."""
        gin = self.write("config.gin", gin_text)
        checkpoint = checkpoint or self.path("model.pkl.gz")
        convert(Options(checkpoint=checkpoint, gin=gin, out=self.out, **options), self.notices.append)
        with open(os.path.join(self.out, "config.json"), encoding="utf-8") as stream:
            config = json.load(stream)
        return config, read_safetensors(os.path.join(self.out, "model.safetensors"))[1]

    def fails(self, pattern, **arguments):
        """Asserts that a conversion fails with a message that matches, and leaves nothing behind."""
        before = set(os.listdir(self.folder)) | {"config.gin"}
        with self.assertRaisesRegex(ConversionError, pattern):
            self.convert(**arguments)
        self.assertEqual(set(os.listdir(self.folder)) | {"config.gin"}, before)
