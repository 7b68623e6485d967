#!/usr/bin/env python3
"""Shows how time and memory grow with the length of a source, for full attention and for LSH.

For each preset and length it runs `terse bench` with made-up bfloat16 weights, in a process of its own, and prints the
growth from length to length beside the exponent that the algorithm promises. Exit code 1: a run took more than
--limit-gb of memory.
"""

import argparse
import json
import math
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# preset -> what its attention is called, and its growth in time: the exponent of n, and whether a factor log n is in it
PRESETS = {
    "terraformer-c4-medium": ("full", 2, False),
    "terraformer-c4-medium-lsh": ("LSH", 1, True),
}
# A source so short that its model is all there is in memory.
BASE = 16


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--terse", default=os.path.join(ROOT, "build", "release", "terse"))
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 4096, 15360], metavar="N")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=PRESETS, metavar="NAME")
    parser.add_argument("--tokens", type=int, default=4, help="tokens to decode after the source (default: 4)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--limit-gb", type=float, default=8)
    return parser.parse_args()


def bench(options, preset, length):
    """Returns the seconds to read the source, the ms for a token after it, and the bytes of memory that took."""
    command = [options.terse, "bench", "--preset", preset, "--type", "bf16", "--cache", "bf16", "--repeat", "1", "--json",
               "--context", str(length), "--tokens", str(options.tokens), "--threads", str(options.threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")
    result = json.loads(done.stdout)
    return length / result["prefill_tokens_per_s"], result["ms_per_token"]["median"], result["peak_memory_bytes"]


def exponent(factor, growth):
    """Of n, when something grew by `growth` while n grew by `factor`."""
    return math.log(growth) / math.log(factor)


def expected_exponent(power, with_log, before, after):
    extra = math.log(math.log(after) / math.log(before)) / math.log(after / before) if with_log else 0
    return power + extra


def measure(options, preset):
    """Prints the preset's rows. Returns its peak memory."""
    attention, power, with_log = PRESETS[preset]
    base = bench(options, preset, BASE)[2]
    print(f"\n{preset} ({attention} attention): the model alone takes {base / 1e9:.2f} GB", flush=True)
    print(f"{'source':>8} {'read in':>10} {'a token':>10} {'peak':>9} {'above model':>12}   growth since the row above",
          flush=True)
    peak, before = base, None
    for length in options.lengths:
        seconds, token_ms, bytes_ = bench(options, preset, length)
        peak = max(peak, bytes_)
        line = (f"{length:>8} {seconds:>8.1f} s {token_ms:>7.1f} ms {bytes_ / 1e9:>6.2f} GB"
                f" {(bytes_ - base) / 1e9:>9.2f} GB")
        if before:
            factor = length / before[0]
            time = exponent(factor, seconds / before[1])
            memory = exponent(factor, (bytes_ - base) / (before[2] - base))
            promised = expected_exponent(power, with_log, before[0], length)
            line += f"   time n^{time:.2f} (at most n^{promised:.2f}), memory n^{memory:.2f} (at most n^1.00)"
        print(line, flush=True)
        before = (length, seconds, bytes_)
    return peak


def main():
    options = arguments()
    peak = max([measure(options, preset) for preset in options.presets])
    print(f"\nhighest peak: {peak / 1e9:.2f} GB, limit {options.limit_gb:g} GB")
    return peak > options.limit_gb * 1e9


if __name__ == "__main__":
    sys.exit(main())
