#!/usr/bin/env python3
"""Trains a model. Run it again to go on after an interruption; see README.md beside this file."""

import argparse
import dataclasses
import os
import sys
import traceback

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers are processes; see --workers

try:
    import torch
    import torch.multiprocessing as processes

    import batches
except ImportError as error:
    sys.exit(f"train: {error}; this script needs PyTorch and SentencePiece (Debian: python3-torch python3-sentencepiece)")

import config as configs
import fast_ops
import gpu_ops
import grow
import initial
import model_directory
import ops
import progress
from schedule import Schedule
from weights import Weights
from worker import Shared, Worker


@dataclasses.dataclass(frozen=True)
class Run:
    """Settings of a run beside its schedule."""

    seed: int = 1
    batches: int = 2  # of an update
    tokens: int = 1500  # of a batch: longest source times texts
    short: int = 80  # where sources are cut,
    long: int = 320  # and where in a share of the batches
    long_share: float = 0.15
    smoothing: float = 0.05
    blank: float = 0.0  # share of the tokens that are <unk> to the model
    save_every: int = 100
    validate_every: int = 250


def parse(arguments):
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    parser.add_argument("--data", required=True, metavar="DIR", help="train.jsonl, valid.jsonl and spiece.model")
    parser.add_argument("--config", required=True, metavar="FILE", help="the model (config.py)")
    parser.add_argument("--out", required=True, metavar="DIR", help="the run: checkpoint.pt and log.jsonl")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--grow", metavar="MODEL_DIR", help="start from this model directory of terse, of a model with fewer blocks")
    start.add_argument("--warm", metavar="RUN", help="start with those arrays of another run's result that fit")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes, each with one thread (default: processors)")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda with one worker")
    parser.add_argument("--ops", choices=("auto", "plain", "fast"), default="auto", help="plain PyTorch, or kernels.cpp; auto: the fastest")
    parser.add_argument("--stop-after", type=int, metavar="N", help="end at update N, to go on later")
    parser.add_argument("--valid-texts", type=int, default=480, help="validation texts that are used")
    for settings in (Schedule, Run):
        for field in dataclasses.fields(settings):
            parser.add_argument("--" + field.name.replace("_", "-"), type=field.type, default=field.default)
    return parser.parse_args(arguments)


def choose_ops(wanted, device):
    if device != "cpu" and wanted == "auto":
        gpu_ops.load()
        return gpu_ops
    reason = "the device is no CPU" if device != "cpu" else fast_ops.unavailable()
    if wanted == "fast" and reason:
        sys.exit(f"train: --ops fast: {reason}")
    if wanted == "plain" or reason:
        return ops
    try:
        fast_ops.load()
    except (OSError, fast_ops.subprocess.CalledProcessError) as error:
        if wanted == "fast":
            sys.exit(f"train: --ops fast: the kernels can't be compiled: {error}")
        return ops
    return fast_ops


def settings(kind, arguments):
    return kind(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(kind)})


def warm(weights, run):
    """Takes what fits from another run: arrays of the same name and shape, blocks as far as there are any."""
    saved = progress.load(os.path.join(run, "checkpoint.pt"))
    old = Weights(configs.load(os.path.join(run, "config.json")), saved["average"])
    taken = 0
    for name, view in weights.named.items():
        if name in old.named and old[name].shape == view.shape:
            view.data.copy_(old[name].data)
            taken += view.numel()
    print(f"train: {taken} of {weights.flat.numel()} start values are from {run}", file=sys.stderr)


def start_values(config, arguments):
    """The flat weights at update 0."""
    if arguments.grow:
        return grow.grow(model_directory.read(arguments.grow), config).flat
    weights = Weights(config)
    initial.fill(weights, arguments.seed)
    if arguments.warm:
        warm(weights, arguments.warm)
    return weights.flat


def _without_length(identity):
    """What must not change when a run goes on. The number of updates may: the schedule follows the new one."""
    return identity | {"schedule": {k: v for k, v in identity["schedule"].items() if k != "updates"}}


def fill(shared, config, schedule, run, arguments):
    """Puts the start or the checkpoint into shared memory; returns the updates that are done and the texts seen."""
    identity = {"config": dataclasses.asdict(config), "schedule": dataclasses.asdict(schedule), "run": dataclasses.asdict(run)}
    path = os.path.join(arguments.out, "checkpoint.pt")
    saved = progress.load(path)
    if saved is None:
        flat = start_values(config, arguments)
        shared.state["flat"].copy_(flat)
        shared.state["average"].copy_(flat)
        return identity, 0, 0, 0.0
    if _without_length(saved["identity"]) != _without_length(identity):
        sys.exit(f"train: {path} was made with other settings; give the same ones or another --out.\n"
                 f"  there: {saved['identity']}\n  here:  {identity}")
    for name, tensor in shared.state.items():
        tensor.copy_(saved[name])
    return identity, saved["update"], saved["texts"], saved["seconds"]


def lead(worker, first, last, texts, seconds, identity, out):
    """The leader's loop: updates, and between them validation, the log and checkpoints."""
    shared, run = worker.shared, worker.run
    log, path = progress.Log(os.path.join(out, "log.jsonl"), first), os.path.join(out, "checkpoint.pt")
    loss = tokens = 0.0
    for update in range(first, last):
        norm = worker.update(update)
        done, sums = update + 1, shared.sums.sum(0).tolist()
        shared.sums.zero_()
        loss, tokens, texts, seconds = loss + sums[0], tokens + sums[1], texts + int(sums[2]), seconds + sums[3]
        if is_checked(worker, done, last):
            entry = {"update": done, "texts": texts, "train": loss / tokens, "valid": worker.validate(),
                     "valid_average": worker.validate(average=True), "rate": worker.schedule.learning_rate(update),
                     "quantised": worker.schedule.quantised_share(update), "gradient": norm, "processor_seconds": round(seconds, 1)}
            log.add(**entry)
            loss = tokens = 0.0
        if done % run.save_every == 0 or done == last:
            content = {"identity": identity, "update": done, "texts": texts, "seconds": seconds}
            progress.save(path, content | {name: tensor.cpu() for name, tensor in shared.state.items()})
        shared.meet()


def is_checked(worker, done, last):
    return done % worker.run.validate_every == 0 or done == last


def follow(number, arguments, last, first, make):
    """Another worker's loop, in its own process."""
    try:
        torch.set_num_threads(1)
        worker = make(number)
        worker.stream.skip(first * worker.run.batches)
        for update in range(first, last):
            worker.update(update)
            if is_checked(worker, update + 1, last):
                worker.validate()
                worker.validate(average=True)
            worker.shared.meet()
    except Exception:  # a worker that ends in silence would leave the others waiting
        traceback.print_exc()
        os.killpg(os.getpgrp(), 15) if os.getpgrp() == os.getppid() else os.kill(os.getppid(), 15)


def main(arguments=None):
    arguments = parse(arguments)
    config, schedule, run = configs.load(arguments.config), settings(Schedule, arguments), settings(Run, arguments)
    workers = 1 if arguments.device != "cpu" else arguments.workers
    os.makedirs(arguments.out, exist_ok=True)
    configs.save(config, os.path.join(arguments.out, "config.json"))
    chosen = choose_ops(arguments.ops, arguments.device)
    if arguments.device == "cpu":
        torch.set_num_threads(1)
    context = processes.get_context("fork") if workers > 1 else None
    shared = Shared(Weights(config).flat.numel(), workers, arguments.device, context)
    identity, first, texts, seconds = fill(shared, config, schedule, run, arguments)
    last = min(schedule.updates, arguments.stop_after or schedule.updates)

    tokenizer = os.path.join(arguments.data, "spiece.model")
    longest, lm = min(512, config.max_len), config.is_language_model
    train = batches.Pairs(os.path.join(arguments.data, "train.jsonl"), tokenizer, longest, language_model=lm)
    valid = batches.Pairs(os.path.join(arguments.data, "valid.jsonl"), tokenizer, longest, language_model=lm, limit=arguments.valid_texts)
    print(f"train: {len(train)} texts, {shared.state['flat'].numel()} parameters, {workers} workers, {chosen.NAME}, "
          f"updates {first} to {last}", file=sys.stderr)

    def make(number):
        return Worker(number, shared, config, schedule, run, train, valid, chosen)

    others = [context.Process(target=follow, args=(n, arguments, last, first, make), daemon=True) for n in range(1, workers)]
    for process in others:
        process.start()
    leader = make(0)
    leader.stream.skip(first * run.batches)
    lead(leader, first, last, texts, seconds, identity, arguments.out)
    for process in others:
        process.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
