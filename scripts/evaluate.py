#!/usr/bin/env python3
"""Scores models on a split: ROUGE of their summaries beside baselines, with bootstrap intervals, and perplexity.

Prints a Markdown table on stdout. Needs NumPy and NLTK (Debian: python3-numpy python3-nltk), and a built terse.
"""

import argparse
import json
import os
import random
import shlex
import sys

try:
    import numpy as np

    from evaluation import bootstrap, rouge, systems
except ImportError as error:
    sys.exit(f"evaluate: {error}; this script needs NumPy and NLTK (Debian: python3-numpy python3-nltk)")

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _named(text):
    name, _, directory = text.rpartition("=")
    return name or os.path.basename(directory.rstrip("/")), directory


def parse(arguments):
    parser = argparse.ArgumentParser(prog="evaluate.py", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", required=True, metavar="FILE", help="pairs (id, source, target), one JSON object a line")
    parser.add_argument("--model", action="append", type=_named, default=[], metavar="[NAME=]DIR",
                        help="a model directory; with several, differences are taken to the first")
    parser.add_argument("--terse", default=os.path.join(ROOT, "build/release/terse"), metavar="FILE", help="the program")
    parser.add_argument("--options", default="", metavar="TEXT", help="options of terse summarize, as one word")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N pairs only")
    parser.add_argument("--no-baselines", action="store_true", help="score models only")
    parser.add_argument("--perplexity", action="store_true", help="perplexity (terse score) instead of summaries")
    parser.add_argument("--language-model", action="store_true", help="with --perplexity: the models continue texts, the sources")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="also print N random outputs of the first model")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples and of --show")
    return parser.parse_args(arguments)


def read(path, limit):
    try:
        with open(path, encoding="utf-8") as file:
            records = [json.loads(line) for line in file][:limit]
    except OSError as error:
        sys.exit(f"evaluate: cannot read {path}: {error.strerror}")
    if not records:
        sys.exit(f"evaluate: {path} holds no pairs")
    return records


def candidates(arguments, records):
    """Name -> one text for each record; models first."""
    found = {}
    for name, directory in arguments.model:
        texts, ends = systems.summaries(arguments.terse, directory, records, shlex.split(arguments.options))
        found[name] = texts
        unended = sum(end != "eos" for end in ends)
        print(f"evaluate: {name}: {unended} of {len(ends)} texts don't reach the end symbol", file=sys.stderr)
    if not arguments.no_baselines:
        sentences = [systems.first_sentence(r["source"]) for r in records]
        words = round(float(np.mean([len(r["target"].split()) for r in records])))
        found["first sentence"] = sentences
        found[f"first {words} words of it (the references' mean)"] = [systems.cut(s, words) for s in sentences]
        found["first 12 words of it"] = [systems.cut(s, 12) for s in sentences]
    return found


def _cell(mean, low, high, sign=""):
    return f"{100 * mean:{sign}.2f} ({100 * low:{sign}.2f} to {100 * high:{sign}.2f})"


def table(found, records, seed):
    """Means with 95 % intervals; then the first system's differences to the others."""
    scores = {name: np.array([rouge.score(t, r["target"]) for t, r in zip(texts, records)]) for name, texts in found.items()}
    lines = [f"| {len(records)} texts, F1 in percent (95 % interval) | " + " | ".join(rouge.NAMES) + " |", "|---|---|---|---|"]
    for name, values in scores.items():
        low, high = bootstrap.interval(values, seed=seed)
        lines.append(f"| {name} | " + " | ".join(_cell(*x) for x in zip(values.mean(0), low, high)) + " |")
    (first, ours), *others = scores.items()
    for name, values in others:
        low, high = bootstrap.interval(ours - values, seed=seed)
        cells = (_cell(*x, sign="+") for x in zip((ours - values).mean(0), low, high))
        lines.append(f"| {first} minus {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(name, texts, records, count, seed):
    """Random outputs beside the references, unpicked."""
    chosen = random.Random(seed).sample(range(len(records)), min(count, len(records)))
    lines = ["", f"| package | {name} | Debian's synopsis |", "|---|---|---|"]
    escaped = (tuple(x.replace("|", "\\|") for x in (records[i]["id"], texts[i], records[i]["target"])) for i in chosen)
    return "\n".join(lines + ["| {} | {} | {} |".format(*row) for row in escaped])


def perplexities(arguments, records):
    lines = [f"| {len(records)} texts | nats a token | perplexity | tokens | texts beyond the model's limit |", "|---|---|---|---|---|"]
    for name, directory in arguments.model:
        nll, tokens, longer = systems.log_likelihood(arguments.terse, directory, records, arguments.language_model)
        lines.append(f"| {name} | {nll / tokens:.4f} | {np.exp(nll / tokens):.2f} | {tokens} | {longer} |")
    return "\n".join(lines)


def main(arguments=None):
    arguments = parse(arguments)
    records = read(arguments.data, arguments.limit)
    if arguments.perplexity:
        print(perplexities(arguments, records))
        return 0
    found = candidates(arguments, records)
    if not found:
        sys.exit("evaluate: there is nothing to score: give a --model, or leave out --no-baselines")
    print(table(found, records, arguments.seed))
    if arguments.show and arguments.model:
        name = arguments.model[0][0]
        print(shown(name, found[name], records, arguments.show, arguments.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
