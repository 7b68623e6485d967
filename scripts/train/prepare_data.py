#!/usr/bin/env python3
"""Makes train.jsonl, valid.jsonl and test.jsonl (id, source, target) from Debian's package descriptions.

The lists come from `apt-get update -o Acquire::Languages=en`.
"""

import argparse
import collections
import glob
import json
import os
import sys

import package_lists
import selection

LISTS = "/var/lib/apt/lists/*Translation-en*"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="prepare_data.py", description=__doc__)
    parser.add_argument("--out", required=True, metavar="DIR", help="where the splits go")
    parser.add_argument("--from", dest="lists", nargs="+", metavar="FILE", help=f"package lists (default: {LISTS})")
    parser.add_argument("--limit", type=int, metavar="N", help="stop after N pairs")
    return parser.parse_args(arguments)


def collect(paths, limit):
    """Pairs that are kept, and how many stanzas met which end."""
    pairs, texts, ends = [], set(), collections.Counter()
    for package, synopsis, text in package_lists.stanzas(paths):
        reason = selection.why_dropped(package, synopsis, text)
        if not reason and selection.normal(text) in texts:
            reason = "duplicate long text"
        ends[reason or "kept"] += 1
        if reason:
            continue
        texts.add(selection.normal(text))
        pairs.append({"id": package, "source": text, "target": synopsis})
        if limit and len(pairs) == limit:
            break
    return pairs, ends


def main(arguments=None):
    arguments = parse(arguments)
    paths = arguments.lists or sorted(glob.glob(LISTS))
    if not paths:
        sys.exit(f"prepare_data: there is no {LISTS}; run apt-get update -o Acquire::Languages=en first, or give lists by --from")
    pairs, ends = collect(paths, arguments.limit)
    if not pairs:
        sys.exit(f"prepare_data: no descriptions in {' '.join(paths)}")
    os.makedirs(arguments.out, exist_ok=True)
    for name, part in selection.split(pairs).items():
        ends[name] = len(part)
        with open(os.path.join(arguments.out, name + ".jsonl"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(pair, ensure_ascii=False) + "\n" for pair in part)
    for reason, count in ends.most_common():
        print(f"{count:7} {reason}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
