#!/usr/bin/env python3
"""Writes a run's result as a Trax checkpoint: model.pkl.gz, model.weights.npy.gz, config.gin and the tokenizer."""

import argparse
import os
import shutil
import sys

try:
    import progress
except ImportError as error:
    sys.exit(f"export: {error}; this script needs PyTorch (Debian: python3-torch)")

import config as configs
import gin
import trax_checkpoint
from weights import Weights


def parse(arguments):
    parser = argparse.ArgumentParser(prog="export.py", description=__doc__)
    parser.add_argument("--run", required=True, metavar="DIR", help="what train.py was given as --out")
    parser.add_argument("--tokenizer", required=True, metavar="FILE", help="spiece.model of the data")
    parser.add_argument("--out", required=True, metavar="DIR", help="the checkpoint to write")
    parser.add_argument("--weights", choices=("average", "last"), default="average", help="which weights (default: average)")
    return parser.parse_args(arguments)


def main(arguments=None):
    arguments = parse(arguments)
    saved = progress.load(os.path.join(arguments.run, "checkpoint.pt"))
    if saved is None:
        sys.exit(f"export: there is no checkpoint.pt in {arguments.run}; has train.py saved one yet?")
    config = configs.load(os.path.join(arguments.run, "config.json"))
    weights = Weights(config, saved["average" if arguments.weights == "average" else "flat"])
    trax_checkpoint.write(arguments.out, weights, saved["update"])
    with open(os.path.join(arguments.out, "config.gin"), "w", encoding="utf-8") as file:
        file.write(gin.text(config, saved["update"]))
    shutil.copyfile(arguments.tokenizer, os.path.join(arguments.out, "sentencepiece.model"))
    print(f"export: {arguments.out}: {weights.flat.numel()} parameters after {saved['update']} updates", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
