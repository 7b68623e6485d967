"""The operations of ops.py as a GPU likes them: few and large steps, and nothing that waits for the host.

They give what ops.py gives, up to rounding; what is not here is good enough there. What stands between two matrix products is
compiled to one kernel by PyTorch, from 2.0 on.
"""

import functools

import torch
import torch.nn.functional as F

import ops
from ops import factored, linear  # noqa: F401

NAME = "PyTorch on a GPU"


def load():
    """cuDNN plans its attention anew for every shape, which takes longer than the attention; others don't."""
    if hasattr(torch.backends.cuda, "enable_cudnn_sdp"):
        torch.backends.cuda.enable_cudnn_sdp(False)


def _fused(function, any_shape=None):
    """The function, compiled where its first argument is on a GPU; `any_shape` compiles once, not for the first shape too."""
    compiled = torch.compile(function, dynamic=any_shape) if hasattr(torch, "compile") else function

    @functools.wraps(function)
    def chosen(first, *others):
        return (compiled if first.is_cuda else function)(first, *others)

    return chosen


@_fused
def _normal(x, scale, bias, kind):
    return F.layer_norm(x, x.shape[-1:], scale, bias, 1e-6).to(kind)


def layer_norm(x, scale, bias):
    """A product follows, so the result has the type of products."""
    kind = torch.bfloat16 if torch.is_autocast_enabled() else x.dtype
    return _normal(x.reshape(-1, x.shape[-1]), scale, bias, kind).view(x.shape)


add = _fused(ops.add, any_shape=True)


@functools.lru_cache(maxsize=None)
def _neighbours(modules, width, device):
    """[w, a, b] is 1 where module a stands under tap w of a kernel that is centred at module b."""
    side = (width - 1) // 2
    return torch.stack([torch.diag(torch.ones(modules - abs(w - side)), side - w) for w in range(width)]).to(device)


def local_convolutions(x, modules, kernels, biases):
    """One matrix product for all kernels: their taps stand in a matrix that is 0 between modules that are no neighbours."""
    batch, length, d = x.shape
    taps = kernels[0].shape[0]
    weight = torch.cat([torch.einsum("kwio,wab->kaibo", kernel, _neighbours(modules, kernel.shape[1], x.device)).reshape(taps * d, d)
                        for kernel in kernels], 1)
    padded = F.pad(x, (0, 0, taps - 1, 0))
    seen = torch.cat([padded[:, k : k + length] for k in range(taps)], -1)
    return linear(seen, weight, torch.cat([bias.repeat(modules) for bias in biases])).split(d, -1)


def attention(q, k, v, n_heads, lengths, causal):
    """Softmax attention that never holds the scores of all pairs; older PyTorch than 2.0 has none."""
    if not hasattr(F, "scaled_dot_product_attention"):
        return ops.attention(q, k, v, n_heads, lengths, causal)
    batch, length, d = q.shape
    q, k, v = (x.reshape(batch, length, n_heads, d // n_heads).transpose(1, 2) for x in (q, k, v))
    seen = None if causal else (torch.arange(length, device=q.device) < lengths[:, None])[:, None, None]
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=causal)
    return y.transpose(1, 2).reshape(batch, length, d)


@_fused
def _single_units(unit, logits, bias, temperature):
    """Of each block the chosen unit. One that is not chosen is 0 and has no gradient, so softmax's comes from the chosen one."""
    logits = logits + bias
    noisy = logits.detach()
    if temperature:
        noisy = noisy - temperature * torch.log(-torch.log(torch.rand_like(noisy).clamp(1e-6, 1 - 1e-6)))
    chosen = torch.arange(bias.shape[1], device=bias.device) == noisy.argmax(-1, keepdim=True)
    share = torch.softmax(logits, -1)
    return torch.where(chosen, torch.relu(unit) * (1 + (share - share.detach())), 0.0).to(unit.dtype)


@_fused
def _shared_units(unit, logits, bias):
    return (torch.relu(unit) * torch.softmax(logits + bias, -1)).to(unit.dtype)


def sparse_units(x, logits, bias, w_in, w_out, b_out, routing):
    """As in ops.py; all units are computed, which a GPU does at once."""
    unit, logits = (t.view(-1, *bias.shape) for t in (linear(x, w_in.flatten(0, 1).t()), logits))
    hidden = _single_units(unit, logits, bias, routing.temperature) if routing.hard else _shared_units(unit, logits, bias)
    return linear(hidden.view(*x.shape[:2], -1), w_out.flatten(0, 1), b_out)


def _scan(keep, value):
    """c with c[t] = keep[t] c[t - 1] + value[t], along axis 1, in log2(length) steps: each joins spans twice as long."""
    reach = 1
    while reach < value.shape[1]:
        value = torch.cat([value[:, :reach], torch.addcmul(value[:, reach:], keep[:, reach:], value[:, :-reach])], 1)
        keep = torch.cat([keep[:, :reach], keep[:, reach:] * keep[:, :-reach]], 1)
        reach *= 2
    return value


class _Recurrence(torch.autograd.Function):
    """_scan, whose gradient is a scan from the end: without it, every step's spans would be kept."""

    @staticmethod
    def forward(ctx, keep, value):
        cells = _scan(keep, value)
        ctx.save_for_backward(keep, cells)
        return cells

    @staticmethod
    def backward(ctx, gradient):
        keep, cells = ctx.saved_tensors
        later = F.pad(keep[:, 1:], (0, 0, 0, 1)).flip(1)
        d_value = _scan(later, gradient.flip(1)).flip(1)
        return d_value * F.pad(cells[:, :-1], (0, 0, 1, 0)), d_value


def sru(x, gates):
    """As in ops.py, but all positions at once; in float32, since rounding adds up along a text."""
    x, (reset, forget, update) = x.float(), gates.float().chunk(3, -1)
    reset, forget = torch.sigmoid(reset), torch.sigmoid(forget)
    cells = _Recurrence.apply(forget, update * (1 - forget))
    return cells * reset + x * (1 - reset) * 3**0.5
