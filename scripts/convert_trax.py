#!/usr/bin/env python3
"""Converts a Google Trax checkpoint into a model directory (io/FORMAT.md). Needs Python 3.10 and NumPy, nothing else."""

import argparse
import signal
import sys

try:
    from trax_convert.convert import Options, convert
    from trax_convert.errors import ConversionError
except ImportError as error:
    sys.exit(f"convert_trax: {error}; this script needs NumPy (Debian: python3-numpy)")


def _count(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def parse(arguments):
    """The command line as Options."""
    parser = argparse.ArgumentParser(prog="convert_trax.py", description=__doc__)
    parser.add_argument("--checkpoint", required=True, metavar="FILE", help="model.pkl.gz; its weights file is found beside it")
    parser.add_argument("--gin", required=True, metavar="FILE", help="config.gin of the training run")
    parser.add_argument("--out", required=True, metavar="MODEL_DIR", help="the directory to make")
    parser.add_argument("--tokenizer", metavar="FILE", help="SentencePiece model or T2T subwords; without it the model takes ids only")
    parser.add_argument("--type", choices=("f32", "bf16"), default="f32", help="type of the matrices (default: f32)")
    parser.add_argument("--lsh-keys", metavar="FILE", help="hash keys of LSH attention, instead of those in the checkpoint")
    parser.add_argument("--append-eos-to-source", action="store_true", help="source texts get the end symbol")
    parser.add_argument("--max-new-tokens", type=_positive, metavar="N", help="default number of new tokens")
    parser.add_argument("--max-source-tokens", type=_positive, metavar="N", help="longest source (default: the model's max_len)")
    parser.add_argument("--n-reserved-ids", type=_count, metavar="N", help="where the ids of T2T subwords start (default: what the gin file says, else 0)")
    parser.add_argument("--force", action="store_true", help="replace an existing model directory")
    parser.add_argument("--quiet", action="store_true", help="no notices and no progress bar")
    return Options(**vars(parser.parse_args(arguments)))


class _Stopped(BaseException):
    """Raised by a signal, so that the temporary directory is removed on the way out."""


def _stop(signum, frame):
    raise _Stopped(signum)


def main(arguments=None):
    options = parse(arguments)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) != signal.SIG_IGN:  # nohup, or a shell's background job
            signal.signal(signum, _stop)

    def log(text):
        if not options.quiet:
            print(f"convert_trax: {text}", file=sys.stderr)

    try:
        tensors, size = convert(options, log)
    except ConversionError as error:
        print(f"convert_trax: error: {error}", file=sys.stderr)
        return 1
    except MemoryError:
        print("convert_trax: error: not enough memory", file=sys.stderr)
        return 1
    except _Stopped as stopped:
        print("convert_trax: interrupted; nothing was written", file=sys.stderr)
        return 128 + stopped.args[0]
    log(f"{options.out}: {tensors} tensors, {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
