#!/usr/bin/env python3
"""Greedy ids by the trainer's own decoder, for comparison with terse: one JSON object a line, {"id", "ids", "greedy_ids"}.

`ids` is the source as the model reads it, `greedy_ids` what it writes, without the end symbol.
"""

import argparse
import json
import os
import sys

try:
    import sentencepiece
    import torch

    import batches
    import model
    import model_directory
    import ops
except ImportError as error:
    sys.exit(f"reference_ids: {error}; this script needs PyTorch and SentencePiece (Debian: python3-torch python3-sentencepiece)")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="reference_ids.py", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", required=True, metavar="DIR", help="a model directory")
    parser.add_argument("--data", required=True, metavar="FILE", help="pairs, of which the sources are read")
    parser.add_argument("--limit", type=int, default=200, metavar="N", help="the first N pairs")
    parser.add_argument("--steps", type=int, default=32, metavar="N", help="most new tokens")
    parser.add_argument("--max-source", type=int, default=512, metavar="N", help="most tokens of a source")
    return parser.parse_args(arguments)


def main(arguments=None):
    arguments = parse(arguments)
    decoder = model.Model(model_directory.read(arguments.model), ops)
    pieces = sentencepiece.SentencePieceProcessor(model_file=os.path.join(arguments.model, "spiece.model"))
    with open(arguments.data, encoding="utf-8") as file:
        records = [json.loads(line) for line in file][: arguments.limit]
    sources = [batches.ended(pieces.encode(r["source"]), arguments.max_source) for r in records]
    found = [None] * len(records)
    order = sorted(range(len(records)), key=lambda i: len(sources[i]))
    for start in range(0, len(order), 20):
        part = order[start : start + 20]
        written = model.greedy(decoder, batches.padded([sources[i] for i in part]), arguments.steps)
        for i, ids in zip(part, written):
            found[i] = [x for x in ids if x != model.END]
    for record, source, ids in zip(records, sources, found):
        print(json.dumps({"id": record["id"], "ids": source.tolist(), "greedy_ids": ids}, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    sys.exit(main())
