"""Start values.

Trax's own learn slowly in small models and short runs. Here embeddings are larger and positions smaller, the output
layer starts as the embeddings scaled down, and the attention of a decoder passes on what it sees.
"""

import math

import torch

EMBEDDING, OUTPUT, POSITION = 0.7, 0.06, 0.25


def _positions(shape):
    length, d = shape
    angle = torch.arange(length)[:, None] * torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d))
    table = torch.zeros(shape)
    table[:, 0::2], table[:, 1::2] = torch.sin(angle), torch.cos(angle)
    return table * POSITION


def _one(spec, generator):
    def normal():
        return torch.randn(spec.shape, generator=generator)

    def glorot(n_in, n_out):
        return (torch.rand(spec.shape, generator=generator) * 2 - 1) * math.sqrt(6 / (n_in + n_out))

    if spec.kind == "one":
        return torch.ones(spec.shape)
    if spec.kind == "zero":
        return torch.zeros(spec.shape)
    if spec.kind == "gating":
        return normal() * 0.5
    if spec.kind == "embedding":
        return normal() * EMBEDDING
    if spec.kind == "positions":
        return _positions(spec.shape)
    if spec.kind == "matrix":
        return glorot(*spec.shape)
    if spec.kind == "unit":
        blocks, n, d = spec.shape
        return glorot(blocks * n, d)
    if spec.kind == "kernel":
        length, width, m, _ = spec.shape
        return normal() / math.sqrt(length * width * m)
    raise ValueError(f"{spec.name}: no start value for {spec.kind}")


def _tie_output(weights, generator):
    """The output layer is the embeddings, scaled; a factored one gives the embeddings its form."""
    c, table = weights.config, weights["embedding"].data
    if c.loss_sparsity:
        gating, projection = weights["loss.gating"].data, weights["loss.projection"].data
        gating.copy_(torch.randn(gating.shape, generator=generator).sign() * (1 + 0.1 * torch.randn(gating.shape, generator=generator)))
        projection.copy_(torch.randn(projection.shape, generator=generator) * OUTPUT)
        product = gating[:, None, :] * projection.t()[None]
        table.copy_(product.reshape(c.vocab_size, c.d_model) * (EMBEDDING / OUTPUT))
    else:
        weights["loss.weight"].data.copy_(table.t() * (OUTPUT / EMBEDDING))


def _pass_on(weights, name, first, generator):
    """An attention whose values are near its input; the first of a block compares each token's predecessor with keys."""
    c, d = weights.config, weights.config.d_model
    if not c.attention_sparsity:
        for part in ("value", "output"):
            weights[f"{name}.{part}.weight"].data.mul_(0.3).add_(torch.eye(d) * 0.8)
        return
    m = d // c.attention_sparsity
    feature, eye = torch.arange(d), torch.eye(m)
    gating, projection = weights[f"{name}.shared.gating"].data, weights[f"{name}.shared.projection"].data
    own = (feature[None] // m == torch.arange(c.attention_sparsity)[:, None]).float()
    gating.copy_(own + 0.12 * torch.randn(gating.shape, generator=generator))
    same = (feature[:, None] % m == torch.arange(m)[None]).float()
    projection.copy_(same + 0.03 * torch.randn(projection.shape, generator=generator))
    weights[f"{name}.value.kernel"].data.mul_(0.3)
    weights[f"{name}.value.kernel"].data[-1, 0] += eye * 0.8
    if first and c.length_kernel_size > 1:
        for part, step in (("query", -1), ("key", -2)):
            kernel = weights[f"{name}.{part}.kernel"].data
            kernel.mul_(0.4)
            kernel[step, 1] += eye * 0.8


def fill(weights, seed):
    """Start values for a whole model."""
    generator = torch.Generator().manual_seed(seed)
    for spec in weights.specs:
        weights[spec.name].data.copy_(_one(spec, generator))
    _tie_output(weights, generator)
    for i in range(weights.config.n_decoder_layers):
        for a in range(weights.config.decoder_attentions):
            _pass_on(weights, f"decoder.{i}.attention.{a}", a == 0, generator)
