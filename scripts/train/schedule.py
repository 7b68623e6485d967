"""What changes during training, as functions of the share of the updates that are done (0 to 1)."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Settings of a run that its checkpoint must agree with."""

    updates: int = 1000
    rate: float = 1e-3
    warmup: int = 100
    quantised: float = 0.3  # share of the batches that take single units; Trax's default
    quantised_rises: float = 0.4  # from here on it rises, to reach 1 halfway from here to the end
    temperature: float = 0.1  # of the Gumbel noise; Trax's default
    quiet: float = 0.9  # from here on there is no noise, as in decoding
    average_from: float = 0.7  # from here on the weights are averaged
    average_decay: float = 0.995

    def learning_rate(self, update):
        return self.rate * min(1.0, (update + 1) / self.warmup) * max(0.01, 1 - update / self.updates)

    def quantised_share(self, update):
        done = update / self.updates - self.quantised_rises
        return self.quantised + (1 - self.quantised) * min(1.0, max(0.0, done / max(1e-9, (1 - self.quantised_rises) / 2)))

    def noise(self, update):
        return self.temperature if update < self.quiet * self.updates else 0.0

    def average_step(self, update):
        """The share of the new weights in the average: all of them at first, then the mean, then a moving one."""
        count = update - self.average_from * self.updates
        return 1.0 if count < 1 else max(1.0 / (count + 1), 1 - self.average_decay)
