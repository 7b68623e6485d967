"""One worker of a run: its share of every update's batches, then its slice of the weights.

All workers see the same flat weights. An update is a fixed list of batches that workers take as they come free; what is
random in a batch follows from the seed and the batch's number, never from the worker. So one worker alone repeats a run
bit by bit, and several repeat it up to the rounding of sums.
"""

import math
import time

import torch

import batches
import optimizer
from model import Model, Routing
from weights import Weights

CLIP = 1.0  # the longest gradient


class Shared:
    """What the workers have in common: tensors in shared memory, a counter and a meeting point."""

    def __init__(self, size, workers, device, context=None):
        def tensor(*shape, dtype=torch.float32):
            made = torch.zeros(*shape, dtype=dtype, device=device)
            return made.share_memory_() if context else made

        self.state = {name: tensor(size) for name in optimizer.KEPT}
        self.gradients = [tensor(size) for _ in range(workers)]
        self.sums = tensor(workers, 4, dtype=torch.float64)  # loss, tokens, texts, processor seconds
        self.squares = tensor(workers, dtype=torch.float64)
        self.valid = tensor(workers, 2, dtype=torch.float64)
        self.workers = workers
        self._next = context.Value("q", 0) if context else None
        self._barrier = context.Barrier(workers) if context else None
        self._alone = 0

    def meet(self):
        if self._barrier:
            self._barrier.wait()

    def take(self):
        """The number of the next batch of this update that nobody has taken."""
        if not self._next:
            self._alone += 1
            return self._alone - 1
        with self._next.get_lock():
            self._next.value += 1
            return self._next.value - 1

    def rewind(self):
        self._alone = 0
        if self._next:
            self._next.value = 0


class Stream:
    """The batches of all epochs, in order; `skip` goes to where an interrupted run was."""

    def __init__(self, pairs, run):
        self._pairs, self._run, self._epoch, self._left = pairs, run, 0, []

    def _fill(self):
        run = self._run
        self._left = batches.epoch(self._pairs, run.seed, self._epoch, run.tokens, run.short, run.long, run.long_share)[::-1]
        self._epoch += 1

    def take(self, count):
        taken = []
        while len(taken) < count:
            if not self._left:
                self._fill()
            taken.append(self._left.pop())
        return taken

    def skip(self, count):
        while count:
            if not self._left:
                self._fill()
            step = min(count, len(self._left))
            del self._left[len(self._left) - step :]
            count -= step


class Worker:
    def __init__(self, number, shared, config, schedule, run, train, valid, ops):
        self.number, self.shared, self.schedule, self.run, self.ops = number, shared, schedule, run, ops
        self.train, self.valid, self.config = train, valid, config
        self.weights = Weights(config, shared.state["flat"], shared.gradients[number])
        self.average = Weights(config, shared.state["average"], shared.gradients[number])
        self.kernels = ops if ops.NAME.startswith("bfloat16") else None
        self.model = Model(self.weights, ops, Routing(), config.dropout)
        self.stream = Stream(train, run)
        size = shared.state["flat"].numel()
        per = -(-size // shared.workers)
        self.part = slice(number * per, min(size, (number + 1) * per))

    def _batch(self, update, number, batch, cap, tokens):
        """Adds one batch's share to this worker's gradient."""
        serial = update * self.run.batches + number
        torch.manual_seed(self.run.seed * 1_000_003 + serial)
        routing = self.model.routing
        routing.hard = bool(torch.rand(()) < self.schedule.quantised_share(update))
        routing.temperature = self.schedule.noise(update)
        source, target = self.train.tensors(batch, cap)
        with self._precision():
            shown = batches.blanked(target, self.run.blank)
            loss, count = self.model.loss(batches.blanked(source, self.run.blank), target, self.run.smoothing, shown)
        (loss * (count / tokens)).backward()
        sums = self.shared.sums[self.number]  # a sum stays on its device: reading it would wait for the batch
        sums[0] += loss.detach().double() * count
        sums[1] += count
        sums[2] += len(batch)

    def _precision(self):
        device = self.weights.flat.device.type
        return torch.autocast(device, torch.bfloat16, enabled=device == "cuda")

    def update(self, update):
        """Gradients of all batches, then everybody's slice of the weights."""
        started = time.process_time()
        todo = self.stream.take(self.run.batches)
        tokens = sum(min(len(self.train.targets[i]), cap) for batch, cap in todo for i in batch)
        while (number := self.shared.take()) < len(todo):
            self._batch(update, number, *todo[number], tokens)
        self.shared.meet()
        gradient = self.shared.gradients[0][self.part]
        for other in self.shared.gradients[1:]:
            gradient += other[self.part]
        self.shared.squares[self.number] = float(gradient.double().square().sum())
        self.shared.rewind()
        self.shared.meet()
        norm = math.sqrt(float(self.shared.squares.sum()))
        if math.isfinite(norm):
            scale = min(1.0, CLIP / (norm + 1e-9))
            optimizer.step(self.shared.state, self.part, gradient, update, self.schedule.learning_rate(update), scale,
                           self.schedule.average_step(update), self.kernels)
        for one in self.shared.gradients:
            one[self.part].zero_()
        self.shared.sums[self.number, 3] += time.process_time() - started
        self.shared.meet()
        return norm

    @torch.no_grad()
    def validate(self, average=False):
        """Loss in nats a token on the validation texts, with the routing of decoding; each worker takes its share."""
        model = Model(self.average if average else self.weights, self.ops)
        order = sorted(range(len(self.valid)), key=lambda i: self.valid.length(i, self.run.long))
        per = max(16, self.run.tokens // self.run.long)
        total = self.shared.valid[self.number].zero_()
        for start in range(per * self.number, len(order), per * self.shared.workers):
            with self._precision():
                loss, count = model.loss(*self.valid.tensors(order[start : start + per], self.run.long))
            total[0] += loss.double() * count
            total[1] += count
        self.shared.meet()
        loss, count = self.shared.valid.sum(0).tolist()
        self.shared.meet()
        return loss / count
