"""The weights of a model: names, shapes and Trax's order; all of them views of one flat tensor.

One flat tensor makes the optimizer, averaging, sharing between processes and checkpoints a few lines each.
"""

import dataclasses

import torch


@dataclasses.dataclass(frozen=True)
class Spec:
    """One array. `to_trax` permutes its axes into the order in which Trax stores it."""

    name: str
    shape: tuple
    kind: str  # how it starts: see initial.py
    to_trax: tuple = None
    trax_shape: tuple = None  # after the permutation, where axes are also merged or split

    @property
    def size(self):
        count = 1
        for n in self.shape:
            count *= n
        return count


def _norm(name, d):
    return [Spec(f"{name}.scale", (d,), "one"), Spec(f"{name}.bias", (d,), "zero")]


def _dense(name, n_in, n_out):
    return [Spec(f"{name}.weight", (n_in, n_out), "matrix"), Spec(f"{name}.bias", (n_out,), "zero")]


def _factored(name, modules, n_in, n_out):
    return [
        Spec(f"{name}.gating", (modules, n_in), "gating"),
        Spec(f"{name}.projection", (n_in, n_out // modules), "matrix"),
        Spec(f"{name}.bias", (n_out,), "zero"),
    ]


def _dense_attention(name, d):
    return [spec for part in ("query", "key", "value", "output") for spec in _dense(f"{name}.{part}", d, d)]


def _sparse_attention(name, c):
    """MultiplicativeConvCausalAttention: a projection that all share, then one convolution each."""
    m = c.d_model // c.attention_sparsity
    specs = _factored(f"{name}.shared", c.attention_sparsity, c.d_model, c.d_model)
    for part, width in (("query", 3), ("key", 3), ("value", 1)):
        specs.append(Spec(f"{name}.{part}.kernel", (c.length_kernel_size, width, m, m), "kernel"))
        specs.append(Spec(f"{name}.{part}.bias", (m,), "zero"))
    return specs


def _feed_forward(name, c):
    d, specs = c.d_model, _norm(f"{name}.norm", c.d_model)
    if c.ff_sparsity:
        blocks, n, rank = c.d_ff // c.ff_sparsity, c.ff_sparsity, c.d_lowrank
        specs += [
            Spec(f"{name}.controller.down", (d, rank), "matrix"),
            Spec(f"{name}.controller.up", (rank, c.d_ff), "matrix", None, (rank, blocks, n)),
            Spec(f"{name}.controller.bias", (blocks, n), "zero"),
            # A unit's weights stand together, as decoding wants them; Trax keeps (d, blocks, n) and (n, blocks, d).
            Spec(f"{name}.units.in", (blocks, n, d), "unit", (2, 0, 1)),
            Spec(f"{name}.units.out", (blocks, n, d), "unit", (1, 0, 2)),
            Spec(f"{name}.units.bias", (d,), "zero"),
        ]
    else:
        specs += _dense(f"{name}.in", d, c.d_ff) + _dense(f"{name}.out", c.d_ff, d)
    if c.sru_units:
        u = c.sru_units
        specs += _norm(f"{name}.sru.norm", d) + _dense(f"{name}.sru.in", d, u)
        specs += _dense(f"{name}.sru.cell", u, 3 * u) + _dense(f"{name}.sru.out", u, d)
    return specs


def layout(c):
    """Every array of a model, in the order in which Trax flattens its weights."""
    d, specs = c.d_model, [Spec("embedding", (c.vocab_size, c.d_model), "embedding")]
    if not c.is_language_model:
        specs.append(Spec("encoder.positions", (c.max_len, d), "positions"))
    specs.append(Spec("decoder.positions", (c.max_len, d), "positions"))
    for i in range(0 if c.is_language_model else c.n_encoder_layers):
        block = f"encoder.{i}"
        specs += _norm(f"{block}.attention.norm", d) + _dense_attention(f"{block}.attention", d)
        specs += _feed_forward(f"{block}.ff", c)
    for i in range(c.n_decoder_layers):
        block = f"decoder.{i}"
        for a in range(c.decoder_attentions):
            name = f"{block}.attention.{a}"
            specs += _norm(f"{name}.norm", d)
            specs += _sparse_attention(name, c) if c.attention_sparsity else _dense_attention(name, d)
        specs += _feed_forward(f"{block}.ff", c)
    specs += _norm("norm", d)
    if c.loss_sparsity:
        specs += _factored("loss", c.loss_sparsity, d, c.vocab_size)
    else:
        specs += _dense("loss", d, c.vocab_size)
    return specs


def parameter_count(c):
    return sum(spec.size for spec in layout(c))


class Weights:
    """Named views of one flat tensor, and of one flat gradient."""

    def __init__(self, config, flat=None, gradient=None, device="cpu"):
        self.config = config
        self.specs = layout(config)
        size = sum(spec.size for spec in self.specs)
        self.flat = torch.zeros(size, device=device) if flat is None else flat
        if self.flat.numel() != size:
            raise ValueError(f"{self.flat.numel()} parameters are given, and the configuration has {size}")
        self.gradient = torch.zeros(size, device=device) if gradient is None else gradient
        self.named, start = {}, 0
        for spec in self.specs:
            view = self.flat[start : start + spec.size].view(spec.shape).detach()
            view.requires_grad_(True)
            view.grad = self.gradient[start : start + spec.size].view(spec.shape)
            self.named[spec.name] = view
            start += spec.size

    def __getitem__(self, name):
        return self.named[name]

    def to_trax(self):
        """Arrays in Trax's order and shapes."""
        arrays = []
        for spec in self.specs:
            array = self.named[spec.name].detach().cpu()
            array = array.permute(spec.to_trax) if spec.to_trax else array
            arrays.append(array.reshape(spec.trax_shape or array.shape).contiguous().numpy())
        return arrays

    def from_trax(self, arrays):
        """Takes arrays in Trax's order and shapes."""
        arrays = list(arrays)
        if len(arrays) != len(self.specs):
            raise ValueError(f"the checkpoint has {len(arrays)} arrays, and the configuration asks for {len(self.specs)}")
        for spec, array in zip(self.specs, arrays):
            tensor, own = torch.tensor(array, dtype=torch.float32), self.named[spec.name].data
            target = own.permute(spec.to_trax) if spec.to_trax else own
            wanted = tuple(spec.trax_shape or target.shape)
            if tuple(tensor.shape) != wanted:
                raise ValueError(f"{spec.name}: the checkpoint has {tuple(tensor.shape)}, the configuration asks for {wanted}")
            target.copy_(tensor.reshape(target.shape))
