"""The models, as Trax computes them in eval mode, with what training adds: dropout and the routing of sparse layers.

Every model reads its weights by name (weights.py) and computes with one set of operations: ops.py, fast_ops.py or
gpu_ops.py.
"""

import dataclasses

import torch
import torch.nn.functional as F

PAD, END = 0, 1  # PAD also starts a target


@dataclasses.dataclass
class Routing:
    """How a sparse feed-forward chooses. In training a share of the batches ("quantised") takes one unit of each block,
    by the controller's logits and Gumbel noise, and passes the gradient through the softmax; the others take all
    units by that softmax."""

    hard: bool = True
    temperature: float = 0.0


class Model:
    """One set of weights with one way to compute."""

    def __init__(self, weights, ops, routing=None, dropout=0.0):
        self.w, self.ops, self.c = weights, ops, weights.config
        self.routing, self.dropout = routing or Routing(), dropout

    def _keep(self, batch):
        """Dropout's mask (batch, features), the same along a text as Trax allows (`dropout_shared_axes`)."""
        if not self.dropout:
            return None
        device = self.w.flat.device
        return (torch.rand(batch, self.c.d_model, device=device) >= self.dropout).float() / (1 - self.dropout)

    def _here(self, tensor):
        return tensor.to(self.w.flat.device, non_blocking=True)

    def _norm(self, name, x):
        return self.ops.layer_norm(x, self.w[f"{name}.scale"], self.w[f"{name}.bias"])

    def _linear(self, name, x):
        return self.ops.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def _factored(self, name, x):
        return self.ops.factored(x, self.w[f"{name}.gating"], self.w[f"{name}.projection"], self.w[f"{name}.bias"])

    def _attention(self, name, x, lengths, causal):
        """A half-residual's branch: norm and attention."""
        x, sparse = self._norm(f"{name}.norm", x), causal and self.c.attention_sparsity
        parts = ("query", "key", "value")
        if sparse:
            x = self._factored(f"{name}.shared", x)
            kernels = [self.w[f"{name}.{part}.kernel"] for part in parts]
            biases = [self.w[f"{name}.{part}.bias"] for part in parts]
            q, k, v = self.ops.local_convolutions(x, self.c.attention_sparsity, kernels, biases)
            return self.ops.attention(q, k, v, self.c.n_heads, lengths, causal)
        weight = torch.cat([self.w[f"{name}.{part}.weight"] for part in parts], 1)
        bias = torch.cat([self.w[f"{name}.{part}.bias"] for part in parts])
        q, k, v = self.ops.linear(x, weight, bias).split(self.c.d_model, -1)
        return self._linear(f"{name}.output", self.ops.attention(q, k, v, self.c.n_heads, lengths, causal))

    def _feed_forward(self, name, stream, x, rows=None):
        """stream + FF(x) (+ the recurrent branch); with `rows` (batch, n) only at those positions."""
        pick = (lambda t: t) if rows is None else (lambda t: t.gather(1, rows[:, :, None].expand(-1, -1, t.shape[-1])))
        y = self._norm(f"{name}.norm", pick(x))
        if self.c.ff_sparsity:
            low = self.ops.linear(y, self.w[f"{name}.controller.down"])
            logits = self.ops.linear(low, self.w[f"{name}.controller.up"])
            units = [self.w[f"{name}.{part}"] for part in ("controller.bias", "units.in", "units.out", "units.bias")]
            y = self.ops.sparse_units(y, logits, *units, self.routing)
        else:
            y = self._linear(f"{name}.out", torch.relu(self._linear(f"{name}.in", y)))
        stream = self.ops.add(pick(stream), y, self._keep(x.shape[0]))
        if self.c.sru_units:
            u = self._linear(f"{name}.sru.in", self._norm(f"{name}.sru.norm", x))
            y = pick(self.ops.sru(u, self._linear(f"{name}.sru.cell", u)))
            stream = self.ops.add(stream, self._linear(f"{name}.sru.out", y))
        return stream

    def _embed(self, ids, positions):
        x, keep = F.embedding(ids, self.w["embedding"]), self._keep(ids.shape[0])
        x = x if keep is None else x * keep[:, None]
        return x + self.w[positions][: ids.shape[1]]

    def encode(self, source):
        """Both streams of the encoder; each half-residual adds to one what it reads from the other."""
        lengths = (source != PAD).sum(1)
        x1 = x2 = self._embed(source, "encoder.positions")
        for i in range(self.c.n_encoder_layers):
            y = self._attention(f"encoder.{i}.attention", x2, lengths, False)
            x1, x2 = x2, self.ops.add(x1, y, self._keep(source.shape[0]))
            x1, x2 = x2, self._feed_forward(f"encoder.{i}.ff", x1, x2)
        return x1, x2

    def logits(self, source, target, encoded=None):
        """Scores (batch, target length, vocabulary) of each target token, given those before it."""
        return self._loss_layer(self._decode(source, target, encoded))

    def _decode(self, source, target, encoded=None):
        """The decoder's vectors (batch, target length, features).

        Without a source: a language model. With one, the decoder reads the source's vectors and then the target's as one
        sequence, without padding between them. Ids may stand on the host: what shapes follow from is then known without
        waiting for a GPU.
        """
        given = self._here(F.pad(target, (1, 0))[:, :-1])
        if self.c.is_language_model:
            return self._language_model(given)
        index, rows = (self._here(t) for t in _concatenation(source, target))
        source = self._here(source)
        streams = encoded or self.encode(source)
        own = self._embed(given, "decoder.positions")
        wide = index[:, :, None].expand(-1, -1, self.c.d_model)
        x1, x2 = (torch.cat([x, own], 1).gather(1, wide) for x in streams)
        last = self.c.n_decoder_layers - 1
        for i in range(last + 1):
            for a in range(self.c.decoder_attentions):
                y = self._attention(f"decoder.{i}.attention.{a}", x2, None, True)
                x1, x2 = x2, self.ops.add(x1, y, self._keep(source.shape[0]))
            # The last feed-forward matters at the target's positions alone.
            y = self._feed_forward(f"decoder.{i}.ff", x1, x2, rows if i == last else None)
            if i == last:
                x2 = x2.gather(1, rows[:, :, None].expand(-1, -1, self.c.d_model))
            x1, x2 = x2, y
        return (x1 + x2) / 2

    def _language_model(self, given):
        x = self._embed(given, "decoder.positions")
        for i in range(self.c.n_decoder_layers):
            y = self._attention(f"decoder.{i}.attention.0", x, None, True)
            x = self.ops.add(x, y, self._keep(given.shape[0]))
            x = self._feed_forward(f"decoder.{i}.ff", x, x)
        return x

    def _loss_layer(self, x):
        x = self._norm("norm", x)
        return (self._factored if self.c.loss_sparsity else self._linear)("loss", x)

    def loss(self, source, target, smoothing=0.0, shown=None):
        """Mean negative log-likelihood of the target's tokens (what training minimises), and how many there are. `shown`: the
        target as the decoder is given it, if not as it is."""
        real = (target != PAD).flatten().nonzero().flatten()
        x = self._decode(source, target if shown is None else shown)
        logits = self._loss_layer(x.flatten(0, 1).index_select(0, self._here(real))[None])[0].float()
        wanted = self._here(target.flatten().index_select(0, real))
        return F.cross_entropy(logits, wanted, label_smoothing=smoothing), len(real)


def _concatenation(source, target):
    """Indices that join source and target without padding, and the target's rows in the result."""
    lengths, width = (source != PAD).sum(1), source.shape[1]
    total = int((lengths + (target != PAD).sum(1)).max())
    position = torch.arange(total, device=source.device)[None]
    after = torch.clamp(width + position - lengths[:, None], max=width + target.shape[1] - 1)
    rows = lengths[:, None] + torch.arange(target.shape[1], device=source.device)[None]
    return torch.where(position < lengths[:, None], position.expand(len(lengths), -1), after), rows.clamp(max=total - 1)


@torch.no_grad()
def greedy(model, source, steps):
    """Ids of each text until END or `steps`; recomputes the target at each step, as a reference should."""
    encoded = model.encode(source)
    out = torch.zeros(source.shape[0], 0, dtype=torch.long, device=source.device)
    done = torch.zeros(source.shape[0], dtype=torch.bool, device=source.device)
    for _ in range(steps):
        # A target of ones: padding would shorten the sequence that the decoder sees.
        logits = model.logits(source, F.pad(out, (0, 1), value=END), encoded)[:, -1]
        best = torch.where(done, torch.zeros_like(done, dtype=torch.long), logits.argmax(-1))
        out = torch.cat([out, best[:, None]], 1)
        done |= best == END
        if bool(done.all()):
            break
    return [row[: row.index(END) + 1] if END in row else row for row in out.tolist()]
