#!/usr/bin/env python3
"""The rows that bench_paper.sh measured as a Markdown table, the paper's figures beside them.

usage: bench_paper_table.py ROWS.jsonl MACHINE.txt
"""
import json
import sys
from pathlib import Path

ROWS = {"dense": "dense", "ff": "+ sparse FF", "qkv": "+ sparse QKV", "ff-qkv": "+ FF + QKV", "ff-qkv-loss": "+ FF + QKV + loss"}
SIZES = {"800m": "800 M", "17b": "17 B"}
# Seconds a token, table 1 of arXiv 2111.12763.
PAPER_SECONDS = {("800m", "dense"): 0.160, ("800m", "ff-qkv"): 0.061, ("17b", "dense"): 3.690, ("17b", "ff-qkv"): 0.183}


def read_rows(path):
    """{(size, type): {row: what was measured}}, in the order of the file."""
    groups = {}
    for line in Path(path).read_text().splitlines():
        measured = json.loads(line)
        _, size, row = measured["preset"].split("-", 2)
        groups.setdefault((size, measured["type"]), {})[row] = measured
    return groups


def times(value):
    return f"{value:.3g}x"


def paper_cells(size, row):
    seconds = PAPER_SECONDS.get((size, row))
    if seconds is None:
        return ["", ""]
    return [f"{seconds * 1e3:.0f}", times(PAPER_SECONDS[size, "dense"] / seconds)]


def cells(size, dtype, row, measured, dense):
    name = [SIZES[size], ROWS[row], dtype]
    if measured is None:
        return name + ["does not fit into this machine's memory", "", "", "", "", "", ""] + paper_cells(size, row)
    ms = measured["ms_per_token"]["median"]
    return name + [
        f"{measured['params_held'] / 1e9:.2f} B",
        f"{measured['params_touched'] / 1e6:,.0f} M",
        f"{ms:.3g}",
        times(dense["ms_per_token"]["median"] / ms) if dense else "",
        times(dense["limit_ms"] / measured["limit_ms"]) if dense else "",
        f"{100 * measured['share_of_limit']:.0f} %",
        f"{measured['bandwidth_gb_per_s']:.0f}",
    ] + paper_cells(size, row)


def main():
    rows_file, machine_file = sys.argv[1:]
    groups = read_rows(rows_file)
    if not groups:
        sys.exit("bench_paper_table: no row was measured")
    first = next(iter(next(iter(groups.values())).values()))
    print(f"{Path(machine_file).read_text().strip()}; {first['threads']} threads, context {first['context']}, "
          f"keys and values of the weights' type, median of {first['repeat']} x {first['tokens']} tokens\n")
    titles = ["size", "layers", "type", "parameters", "read per token", "ms/token", "speed-up", "bound by bytes", "share of the limit", "GB/s",
              "paper, ms/token", "paper, speed-up"]
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    for (size, dtype), rows in groups.items():
        for row in ROWS:
            print("| " + " | ".join(cells(size, dtype, row, rows.get(row), rows.get("dense"))) + " |")


if __name__ == "__main__":
    main()
