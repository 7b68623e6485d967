#!/usr/bin/env python3
"""The dense twin of c4-medium in terse and its matrix products in PyTorch, on this machine, in one run.

PyTorch does the products of one token (the faster one of torch.mv and nn.Linear) and those of a whole source with their softmax
attention, at float32; what else the model does (norms, SRU, choosing a token) only terse does. Needs Debian's python3-torch and
libopenblas0-pthread.
"""
import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRESET = "terraformer-c4-medium-dense"


def load_torch(threads):
    """Imports torch as a global: its OpenBLAS reads the number of threads once, when it is loaded."""
    global torch
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)


def refuse_reference_blas():
    """Debian's PyTorch multiplies with whatever provides libblas; the reference is some 20 times slower than what people use."""
    if "/blas/libblas.so" in Path("/proc/self/maps").read_text():
        raise SystemExit("bench_pytorch.py: PyTorch has only the reference BLAS here, which is nothing to compare with; install "
                         "libopenblas0-pthread")


def matrix(outputs, inputs):
    # The values do not matter to the speed; made in place, so that each matrix has memory of its own.
    return torch.empty(outputs, inputs).fill_(0.01)


class Attention:
    def __init__(self, d, heads):
        self.heads = heads
        self.query, self.key, self.value, self.output = (matrix(d, d) for _ in range(4))

    def matrices(self):
        return [self.query, self.key, self.value, self.output]

    def many(self, x, mask):
        q, k, v = (torch.nn.functional.linear(x, w).view(len(x), self.heads, -1).transpose(0, 1)
                   for w in (self.query, self.key, self.value))
        scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=q.shape[-1] ** -0.5) if mask is not None else torch.bmm(q, k.transpose(1, 2))
        mixed = torch.bmm(torch.softmax(scores, -1), v).transpose(0, 1).reshape(len(x), -1)
        return torch.nn.functional.linear(mixed, self.output)


class Block:
    def __init__(self, args, n_attention, causal):
        self.causal = causal
        self.attention = [Attention(args["d_model"], args["n_heads"]) for _ in range(n_attention)]
        self.inner, self.outer = matrix(args["d_ff"], args["d_model"]), matrix(args["d_model"], args["d_ff"])

    def matrices(self):
        return [w for part in self.attention for w in part.matrices()] + [self.inner, self.outer]

    def many(self, x, mask):
        for part in self.attention:
            x = x + part.many(x, mask if self.causal else None)
        return x + torch.nn.functional.linear(torch.relu(torch.nn.functional.linear(x, self.inner)), self.outer)


class Twin:
    def __init__(self, args):
        self.d = args["d_model"]
        self.encoder = [Block(args, 1, False) for _ in range(args["n_encoder_layers"])]
        self.decoder = [Block(args, args["n_decoder_attention_layers"], True) for _ in range(args["n_decoder_layers"])]
        self.loss = matrix(args["input_vocab_size"], self.d)

    def token_matrices(self):
        return [w for block in self.decoder for w in block.matrices()] + [self.loss]

    def read_source(self, n):
        x = torch.ones(n, self.d)
        mask = torch.full((1, n, n), float("-inf")).triu(1)
        for block in self.encoder + self.decoder:
            x = block.many(x, mask)
        return torch.nn.functional.linear(x[-1:], self.loss)


def seconds(call, repeat):
    call()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def token_ms(matrices, how, repeat):
    inputs = {w.shape[1]: torch.ones(w.shape[1]) for w in matrices}
    if how == "torch.mv":
        step = lambda: [torch.mv(w, inputs[w.shape[1]]) for w in matrices]
    else:
        rows = {size: x.unsqueeze(0) for size, x in inputs.items()}
        step = lambda: [torch.nn.functional.linear(rows[w.shape[1]], w) for w in matrices]
    return 1e3 * seconds(step, repeat)


def terse_bench(options):
    command = [options.terse, "bench", "--preset", PRESET, "--type", "f32", "--threads", options.threads, "--context", options.context,
               "--tokens", options.tokens, "--repeat", options.repeat, "--json"]
    return json.loads(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--terse", default=ROOT / "build/release/terse", help="the program (default: build/release/terse)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--context", type=int, default=512, help="tokens of the source (default: 512)")
    parser.add_argument("--tokens", type=int, default=16, help="tokens that terse decodes (default: 16)")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()

    load_torch(options.threads)
    refuse_reference_blas()
    terse = terse_bench(options)
    twin = Twin(json.loads((ROOT / f"models/presets/{PRESET}.json").read_text())["args"])
    tokens = {how: token_ms(twin.token_matrices(), how, options.repeat) for how in ("torch.mv", "nn.Linear")}
    prefill = options.context / seconds(lambda: twin.read_source(options.context), options.repeat)

    best = min(tokens, key=tokens.get)
    print(f"{PRESET}, float32, {options.threads} threads, context {options.context}, medians of {options.repeat}; PyTorch {torch.__version__}\n")
    print("| | terse | PyTorch | terse is |")
    print("|---|---|---|---|")
    ms = terse["ms_per_token"]["median"]
    print(f"| ms/token | {ms:.1f} | {tokens[best]:.1f} ({best}; " +
          ", ".join(f"{how} {t:.1f}" for how, t in tokens.items() if how != best) + f") | {tokens[best] / ms:.2f}x as fast |")
    print(f"| prefill, tokens/s | {terse['prefill_tokens_per_s']:.1f} | {prefill:.1f} | {terse['prefill_tokens_per_s'] / prefill:.2f}x as fast |")
    print(f"\nterse: {terse['gb_per_s']:.1f} GB/s of {terse['bandwidth_gb_per_s']:.1f} measured beside it")


if __name__ == "__main__":
    main()
