#!/usr/bin/env python3
"""Draws which unit each token of a text chose in every block of every decoder layer, as an SVG.

Needs PyTorch, SentencePiece and Matplotlib (Debian: python3-torch python3-sentencepiece python3-matplotlib).
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "train"))

try:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    import numpy as np
    import sentencepiece
    import torch

    import batches
    import model
    import model_directory
    import ops
except ImportError as error:
    sys.exit(f"plot_choices: {error}; this script needs python3-torch, python3-sentencepiece and python3-matplotlib")


class WatchedOps:
    """The plain operations, which also keep what each sparse feed-forward chose: (tokens, blocks) arrays of units."""

    NAME = ops.NAME

    def __init__(self):
        self.choices = []

    def __getattr__(self, name):
        return getattr(ops, name)

    def sparse_units(self, x, logits, bias, w_in, w_out, b_out, routing):
        self.choices.append((logits.view(*logits.shape[:2], *bias.shape) + bias).argmax(-1)[0].numpy())
        return ops.sparse_units(x, logits, bias, w_in, w_out, b_out, routing)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="plot_choices.py", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", required=True, metavar="DIR", help="a model directory with sparse feed-forward layers")
    parser.add_argument("--text", required=True, help="the source, or for a language model the text itself")
    parser.add_argument("--steps", type=int, default=16, help="most tokens that the model writes")
    parser.add_argument("--out", required=True, metavar="FILE", help="the SVG to write")
    return parser.parse_args(arguments)


@torch.no_grad()
def choices(directory, text, steps):
    """Pieces of the text that is written, and for each decoder layer what each of them chose."""
    weights = model_directory.read(directory)
    if not weights.config.ff_sparsity:
        sys.exit(f"plot_choices: {directory} has no sparse feed-forward layers")
    pieces = sentencepiece.SentencePieceProcessor(model_file=os.path.join(directory, "spiece.model"))
    ids, lm = pieces.encode(text), weights.config.is_language_model
    if lm:
        source, target = None, torch.tensor([ids[:steps]])
    else:
        source = torch.from_numpy(batches.ended(ids, weights.config.max_len))[None]
        target = torch.tensor(model.greedy(model.Model(weights, ops), source, steps))
    watched = WatchedOps()
    model.Model(weights, watched).logits(source, target)
    layers = watched.choices[-weights.config.n_decoder_layers :]
    n = target.shape[1]
    # A position reads the token before it: the first one reads the start symbol.
    read = ["(start)"] + [pieces.id_to_piece(i).replace("\u2581", " ") for i in target[0].tolist()[:-1]]
    return read, [layer[-n:] for layer in layers], weights.config.ff_sparsity


def draw(tokens, layers, units, path):
    figure, axes = plt.subplots(1, len(layers), sharey=True, figsize=(2.4 * len(layers), 0.26 * len(tokens) + 1), squeeze=False)
    for i, (axis, layer) in enumerate(zip(axes[0], layers)):
        axis.imshow(layer, aspect="auto", cmap="twilight", vmin=0, vmax=units, interpolation="nearest")
        axis.set_xlabel("block", fontsize=8)
        axis.tick_params(labelsize=7)
        same = np.mean([np.mean(a == b) for a, b in zip(layer, layer[1:])]) if len(layer) > 1 else 1
        axis.set_title(f"decoder layer {i}\n{same:.0%} as the token before", fontsize=8)
    axes[0][0].set_yticks(range(len(tokens)), tokens)
    figure.suptitle(f"The unit (of {units}, by colour) that each token read took in each block", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})


def main(arguments=None):
    arguments = parse(arguments)
    tokens, layers, units = choices(arguments.model, arguments.text, arguments.steps)
    draw(tokens, layers, units, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
