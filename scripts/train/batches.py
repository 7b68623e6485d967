"""Texts as token ids, and the batches of each epoch: the same for the same seed, whatever was interrupted."""

import json

import numpy as np
import sentencepiece
import torch

END = 1
UNKNOWN = 2
WINDOW = 3000  # texts among which batches of similar length are made


class Pairs:
    """Sources and targets of one split. A language model has targets only: the source's text."""

    def __init__(self, path, tokenizer, max_source=512, max_target=32, language_model=False, limit=None):
        pieces = sentencepiece.SentencePieceProcessor(model_file=tokenizer)
        with open(path, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        self.records = records[:limit]
        sources = pieces.encode([r["source"] for r in self.records])
        targets = sources if language_model else pieces.encode([r["target"] for r in self.records])
        if language_model:
            max_target = max_source
        self.sources = [] if language_model else [ended(ids, max_source) for ids in sources]
        self.targets = [ended(ids, max_target) for ids in targets]
        self.language_model = language_model

    def __len__(self):
        return len(self.targets)

    def length(self, i, cap):
        """What text i costs: its source with the decoder's own part."""
        texts = self.targets if self.language_model else self.sources
        return min(len(texts[i]), cap)

    def tensors(self, batch, cap):
        """Source and target of a batch, padded; the source is None for a language model."""
        if self.language_model:
            return None, padded([self.targets[i][:cap] for i in batch])
        return padded([shortened(self.sources[i], cap) for i in batch]), padded([self.targets[i] for i in batch])


def ended(ids, most):
    return np.array(ids[: most - 1] + [END], dtype=np.int64)


def shortened(ids, cap):
    """The first two thirds and the last third of a text that is too long: its end often says what the package holds."""
    if len(ids) <= cap:
        return ids
    head = cap * 2 // 3
    return np.concatenate([ids[:head], ids[head - cap :]])


def padded(texts):
    lengths = np.array([len(ids) for ids in texts])
    out = np.zeros((len(texts), lengths.max()), np.int64)
    out[np.arange(out.shape[1]) < lengths[:, None]] = np.concatenate(texts)
    return torch.from_numpy(out)


def blanked(ids, share):
    """Some tokens become <unk>, at random, so that a model can't learn its texts by heart; not padding and ends."""
    if ids is None or not share:
        return ids
    return torch.where((torch.rand(ids.shape, device=ids.device) < share) & (ids > END), UNKNOWN, ids)


def _without_families(pairs, order):
    """At most two texts of an epoch with the same opening, so that large families don't dominate."""
    seen, kept = {}, []
    for i in order:
        opening = (pairs.targets if pairs.language_model else pairs.sources)[i][:12].tobytes()
        seen[opening] = seen.get(opening, 0) + 1
        if seen[opening] <= 2:
            kept.append(i)
    return kept


def epoch(pairs, seed, number, tokens, short_cap, long_cap, long_share):
    """Batches (indices, cap) of one epoch, each of about `tokens` source tokens. A share of the windows keeps long
    sources whole up to long_cap; the others cut them to short_cap."""
    draw = np.random.default_rng([seed, number])
    order = _without_families(pairs, draw.permutation(len(pairs)))
    batches = []
    for start in range(0, len(order), WINDOW):
        cap = long_cap if draw.random() < long_share else short_cap
        window = sorted(order[start : start + WINDOW], key=lambda i: pairs.length(i, cap))
        made, batch = [], []
        for i in window:
            if batch and (len(batch) + 1) * pairs.length(i, cap) > tokens:
                made.append((batch, cap))
                batch = []
            batch.append(int(i))
        made.append((batch, cap))
        batches += [made[j] for j in draw.permutation(len(made))]
    return batches
