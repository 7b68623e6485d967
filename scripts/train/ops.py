"""The operations of the models in plain PyTorch, on any device. fast_ops.py has the same ones for some CPUs, gpu_ops.py for GPUs.

Activations are (batch, length, features) throughout.
"""

import math

import torch
import torch.nn.functional as F

NAME = "plain PyTorch"


def linear(x, weight, bias=None):
    y = x @ weight
    return y if bias is None else y + bias


def layer_norm(x, scale, bias):
    return F.layer_norm(x, x.shape[-1:], scale, bias, 1e-6)


def add(stream, branch, keep=None):
    """A residual step; `keep` (batch, features) is dropout's mask, the same for all positions of a text."""
    return stream + (branch if keep is None else branch * keep[:, None])


def factored(x, gating, projection, bias):
    """out[module, m] = sum over d of x[d] gating[module, d] projection[d, m]."""
    weight = (gating[:, :, None] * projection[None]).permute(1, 0, 2).reshape(projection.shape[0], -1)
    return linear(x, weight, bias)


def local_convolutions(x, modules, kernels, biases):
    """Convolutions over (length, modules), causal over length; one result for each kernel."""
    batch, length, d = x.shape
    grid = x.view(batch, length, modules, d // modules).permute(0, 3, 1, 2)
    results = []
    for kernel, bias in zip(kernels, biases):
        side = (kernel.shape[1] - 1) // 2
        padded = F.pad(grid, (side, side, kernel.shape[0] - 1, 0))
        y = F.conv2d(padded, kernel.permute(3, 2, 0, 1)).permute(0, 2, 3, 1) + bias
        results.append(y.reshape(batch, length, d))
    return results


def attention(q, k, v, n_heads, lengths, causal):
    """Softmax attention; `lengths` hides the padding of each text, `causal` the future."""
    batch, length, d = q.shape
    q, k, v = (x.reshape(batch, length, n_heads, d // n_heads).transpose(1, 2) for x in (q, k, v))
    position = torch.arange(length, device=q.device)
    seen = position[None, :] <= position[:, None] if causal else position[None, None, None, :] < lengths[:, None, None, None]
    score = (q @ k.transpose(-1, -2)) / math.sqrt(d // n_heads)
    probability = torch.softmax(score.masked_fill(~seen, -1e9), -1)
    return (probability @ v).transpose(1, 2).reshape(batch, length, d)


def sparse_units(x, logits, bias, w_in, w_out, b_out, routing):
    """One unit of each block: see Routing in model.py. logits (batch, length, blocks * n)."""
    blocks, n, _ = w_in.shape
    logits = logits.view(*logits.shape[:2], blocks, n) + bias
    mask = torch.softmax(logits, -1)
    if routing.hard:
        noisy = logits
        if routing.temperature:
            uniform = torch.rand(logits.shape, device=logits.device, dtype=torch.float32).clamp(1e-6, 1 - 1e-6)
            noisy = logits - routing.temperature * torch.log(-torch.log(uniform))
        one = F.one_hot(noisy.argmax(-1), n).to(mask.dtype)
        mask = one + mask - mask.detach()
        # The sum above is 1 or 0 up to rounding; a unit that was not chosen must count as exactly 0.
        mask = torch.where(one > 0, mask, mask - mask.detach())
    hidden = torch.relu(linear(x, w_in.reshape(blocks * n, -1).t()) * mask.flatten(-2))
    return linear(hidden, w_out.reshape(blocks * n, -1), b_out)


def sru(x, gates):
    """The recurrence of a Simple Recurrent Unit; gates hold (reset, forget, update), before their sigmoids."""
    reset, forget, update = gates.chunk(3, -1)
    reset, forget = torch.sigmoid(reset), torch.sigmoid(forget)
    update, cell, cells = update * (1 - forget), torch.zeros_like(x[:, 0]), []
    for t in range(x.shape[1]):
        cell = forget[:, t] * cell + update[:, t]
        cells.append(cell)
    return torch.stack(cells, 1) * reset + x * (1 - reset) * math.sqrt(3)
