"""What the tests of the trainer share: its modules, a small corpus, and commands that must succeed."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TRAIN = os.path.join(ROOT, "scripts", "train")
sys.path.insert(0, TRAIN)

try:
    import sentencepiece  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise unittest.SkipTest(f"{error}: Debian's python3-torch or python3-sentencepiece is not installed") from error

TERSE = os.environ.get("TERSE")
STATUS = "/var/lib/dpkg/status"  # the descriptions of what is installed: a package list that every Debian has
PAIRS, PIECES = 200, 600

SMALL = {"vocab_size": PIECES, "d_model": 32, "d_ff": 64, "n_heads": 2, "n_encoder_layers": 2, "n_decoder_layers": 2, "max_len": 512,
         "ff_sparsity": 8, "attention_sparsity": 4, "loss_sparsity": 4, "sru_units": 8, "dropout": 0.1}


def run(*command, **options):
    """Runs a command to its end; its output is shown when it fails."""
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


def script(name, *arguments):
    return run(sys.executable, os.path.join(TRAIN, name), *arguments)


def write_config(path, **changes):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(SMALL | changes, file)
    return path


_corpus = None


def corpus():
    """A folder with the splits and spiece.model of 200 pairs, made once."""
    global _corpus
    if _corpus is None:
        if not os.path.exists(STATUS):
            raise unittest.SkipTest(f"there is no {STATUS}: this is no Debian system")
        _corpus = tempfile.TemporaryDirectory(prefix="terse-corpus-")
        script("prepare_data.py", "--from", STATUS, "--limit", PAIRS, "--out", _corpus.name)
        train = os.path.join(_corpus.name, "train.jsonl")
        for other in ("valid", "test"):  # of so few pairs, a split may get none
            path = os.path.join(_corpus.name, other + ".jsonl")
            if not os.path.getsize(path):
                run("cp", train, path)
        script("train_tokenizer.py", "--data", _corpus.name, "--vocab-size", PIECES)
    return _corpus.name


def pairs(split):
    with open(os.path.join(corpus(), split + ".jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def convert(checkpoint, out):
    """A Trax checkpoint as a model directory for terse."""
    run(sys.executable, os.path.join(ROOT, "scripts", "convert_trax.py"), "--checkpoint", os.path.join(checkpoint, "model.pkl.gz"),
        "--gin", os.path.join(checkpoint, "config.gin"), "--tokenizer", os.path.join(checkpoint, "sentencepiece.model"),
        "--append-eos-to-source", "--max-new-tokens", 32, "--out", out)
    return out


def terse(command, model, records):
    """Records in, records out."""
    if not TERSE:
        raise unittest.SkipTest("TERSE does not name the program")
    lines = "".join(json.dumps(record) + "\n" for record in records)
    output = run(TERSE, command, "--jsonl", "--quiet", "--model", model, input=lines)
    return [json.loads(line) for line in output.splitlines()]
