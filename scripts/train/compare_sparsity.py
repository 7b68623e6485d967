#!/usr/bin/env python3
"""The paper's comparison at a small scale: the same parameters and updates for a dense model and four sparse ones.

Trains language models one after the other and prints a Markdown table of their losses on the validation texts. Runs that
are there already are not repeated, so it can be interrupted.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys

import config as configs
from weights import parameter_count

HERE = os.path.dirname(os.path.abspath(__file__))

SPARSE = {"ff_sparsity": 16, "attention_sparsity": 8, "loss_sparsity": 4}
VARIANTS = {
    "dense": (),
    "sparse FF": ("ff_sparsity",),
    "sparse QKV": ("attention_sparsity",),
    "sparse FF and QKV": ("ff_sparsity", "attention_sparsity"),
    "sparse FF, QKV and loss": ("ff_sparsity", "attention_sparsity", "loss_sparsity"),
}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="compare_sparsity.py", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", required=True, metavar="DIR", help="train.jsonl, valid.jsonl and spiece.model")
    parser.add_argument("--out", required=True, metavar="DIR", help="the runs")
    parser.add_argument("--updates", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--d-model", type=int, default=128)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--d-ff", type=int, default=512, help="of the dense model; the sparse ones get what makes them as large")
    parser.add_argument("--vocab-size", type=int, default=8000, help="of the tokenizer")
    parser.add_argument("--table", action="store_true", help="print the table of what there is, and train nothing")
    return parser.parse_args(arguments)


def config_of(variant, arguments):
    """The variant with the d_ff that brings it nearest to the dense model's number of parameters."""
    base = configs.Config(
        model=configs.LANGUAGE_MODEL, vocab_size=arguments.vocab_size, d_model=arguments.d_model, d_ff=arguments.d_ff, n_heads=4,
        n_encoder_layers=0, n_decoder_layers=arguments.layers, max_len=512, ff_sparsity=0, attention_sparsity=0, loss_sparsity=0,
        sru_units=0, dropout=0.0)
    wanted = parameter_count(base)
    made = dataclasses.replace(base, **{name: SPARSE[name] for name in VARIANTS[variant]})
    step = made.ff_sparsity or 16
    sizes = [dataclasses.replace(made, d_ff=d_ff) for d_ff in range(step, 8 * arguments.d_ff, step)]
    return min(sizes, key=lambda c: abs(parameter_count(c) - wanted))


def folder(arguments, variant, seed):
    return os.path.join(arguments.out, f"{variant.replace(', ', '-').replace(' ', '-')}-{seed}")


def train(arguments, variant, seed):
    run = folder(arguments, variant, seed)
    os.makedirs(run, exist_ok=True)
    path = os.path.join(run, "model.json")
    configs.save(config_of(variant, arguments), path)
    subprocess.run([
        sys.executable, os.path.join(HERE, "train.py"), "--data", arguments.data, "--config", path, "--out", run, "--seed", str(seed),
        "--updates", str(arguments.updates), "--rate", "2e-3", "--warmup", "50", "--smoothing", "0", "--tokens", "1500",
        "--short", "128", "--long", "128", "--validate-every", str(max(1, arguments.updates // 4)), "--save-every", "100",
        "--valid-texts", "300"], check=True)


def losses(arguments, variant):
    """The last losses of the variant's runs that are complete."""
    found = []
    for seed in range(1, arguments.seeds + 1):
        path = os.path.join(folder(arguments, variant, seed), "log.jsonl")
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        if entries and entries[-1]["update"] == arguments.updates:
            found.append(entries[-1]["valid_average"])
    return found


def table(arguments):
    lines = ["| variant | d_ff | parameters | log-perplexity of each seed | mean |", "|---|---|---|---|---|"]
    for variant in VARIANTS:
        config, found = config_of(variant, arguments), losses(arguments, variant)
        each = ", ".join(f"-{x:.3f}" for x in found) or "not run"
        mean = f"-{sum(found) / len(found):.3f}" if found else ""
        lines.append(f"| {variant} | {config.d_ff} | {parameter_count(config):,} | {each} | {mean} |")
    return "\n".join(lines)


def main(arguments=None):
    arguments = parse(arguments)
    for seed in range(1, arguments.seeds + 1):
        for variant in VARIANTS:
            if not arguments.table and len(losses(arguments, variant)) < seed:
                print(f"compare_sparsity: {variant}, seed {seed}", file=sys.stderr)
                train(arguments, variant, seed)
    print(table(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
