#!/usr/bin/env python3
"""The paper's figure from what bench_paper.sh measured: time per token against parameters.

usage: bench_paper_plot.py ROWS.jsonl FIGURE.svg
"""
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from bench_paper_table import PAPER_SECONDS, ROWS, read_rows

LINES = {"dense": ("tab:gray", "o"), "ff-qkv": ("tab:orange", "s"), "ff-qkv-loss": ("tab:green", "^")}
# The sizes that the paper names its models by.
PAPER_PARAMETERS = {"800m": 0.8e9, "17b": 17e9}


def draw_measured(axes, groups):
    for dtype in dict.fromkeys(dtype for _, dtype in groups):
        for row, (color, marker) in LINES.items():
            measured = [rows[row] for (_, other), rows in groups.items() if other == dtype and row in rows]
            axes.plot([m["params_held"] for m in measured], [m["ms_per_token"]["median"] for m in measured], color=color, marker=marker,
                      alpha=1 if len(measured) > 1 else 0.5, label=f"{ROWS[row].lstrip('+ ')}, {dtype}")


def draw_paper(axes):
    for row in ("dense", "ff-qkv"):
        sizes = [size for size in PAPER_PARAMETERS if (size, row) in PAPER_SECONDS]
        axes.plot([PAPER_PARAMETERS[size] for size in sizes], [1e3 * PAPER_SECONDS[size, row] for size in sizes], color=LINES[row][0],
                  marker=LINES[row][1], fillstyle="none", linestyle="--", label=f"{ROWS[row].lstrip('+ ')}, the paper (its own machine)")


def main():
    rows_file, figure = sys.argv[1:]
    # Text as text and no date: the same numbers give the same file.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "terse"})
    drawing, axes = plt.subplots(figsize=(7, 5))
    draw_measured(axes, read_rows(rows_file))
    draw_paper(axes)
    axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel="ms a token", title="Unbatched decoding")
    axes.grid(True, which="both", alpha=0.2)
    axes.legend(fontsize=8)
    drawing.tight_layout()
    drawing.savefig(figure, metadata={"Date": None})


if __name__ == "__main__":
    main()
