"""The operations of ops.py for CPUs with AVX-512 and bfloat16 instructions, where they are much faster.

Matrix products are PyTorch's own in bfloat16; what lies between them is in kernels.cpp, compiled at the first use.
Whatever a kernel does not cover goes to ops.py.
"""

import ctypes
import hashlib
import os
import subprocess
import tempfile

import torch
import torch.nn.functional as F

import ops

NAME = "bfloat16 kernels"
BF16 = torch.bfloat16
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels.cpp")
UNITS, SRU_UNITS, WIDTHS = 16, 32, (128, 256, 512)  # what kernels.cpp is written for

_kernels = None


def unavailable():
    """Why these operations can't run here, or None."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            flags = set(next((line for line in file if line.startswith("flags")), "").split())
    except OSError:
        flags = set()
    missing = sorted({"avx512f", "avx512bw", "avx512vl", "avx512_bf16"} - flags)
    return f"the processor has no {', '.join(missing)}" if missing else None


def load():
    """Compiles the kernels unless that was done before, and loads them."""
    global _kernels
    with open(SOURCE, "rb") as file:
        name = hashlib.sha256(file.read()).hexdigest()[:16]
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "terse-train")
    os.makedirs(cache, exist_ok=True)
    library = os.path.join(cache, f"kernels-{name}.so")
    if not os.path.exists(library):
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            built = os.path.join(scratch, "kernels.so")
            flags = ["-O3", "-march=native", "-ffast-math", "-std=c++20", "-shared", "-fPIC"]
            subprocess.run([os.environ.get("CXX", "g++"), *flags, "-o", built, SOURCE], check=True)
            os.replace(built, library)
    _kernels = ctypes.CDLL(library)


def _at(tensor):
    return ctypes.c_void_p(0 if tensor is None else tensor.data_ptr())


def call(name, *arguments):
    """Tensors go as addresses, integers as 64 bits, floats as 32."""
    kinds = {int: ctypes.c_int64, float: ctypes.c_float}
    return getattr(_kernels, name)(*(kinds[type(a)](a) if type(a) in kinds else _at(a) for a in arguments))


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        weight = weight.to(BF16)
        ctx.save_for_backward(x, weight)
        return x @ weight if bias is None else torch.addmm(bias.to(BF16), x, weight)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        dx = gradient @ weight.t() if ctx.needs_input_grad[0] else None
        db = gradient.sum(0, dtype=torch.float32) if ctx.needs_input_grad[2] else None
        return dx, (x.t() @ gradient).float(), db


def linear(x, weight, bias=None):
    return _Linear.apply(x.reshape(-1, x.shape[-1]).to(BF16), weight, bias).view(*x.shape[:-1], -1)


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale, bias):
        rows, d = x.shape
        y, normal = torch.empty(rows, d, dtype=BF16), torch.empty(rows, d, dtype=BF16)
        inverse = torch.empty(rows)
        call("layer_norm_forward", x, scale, bias, y, normal, inverse, rows, d)
        ctx.save_for_backward(normal, inverse, scale)
        return y

    @staticmethod
    def backward(ctx, gradient):
        normal, inverse, scale = ctx.saved_tensors
        gradient = gradient.contiguous()
        rows, d = gradient.shape
        dx, d_scale, d_bias = torch.empty(rows, d), torch.zeros(d), torch.zeros(d)
        call("layer_norm_backward", gradient, normal, inverse, scale, dx, d_scale, d_bias, rows, d)
        return dx, d_scale, d_bias


def layer_norm(x, scale, bias):
    return _LayerNorm.apply(x.reshape(-1, x.shape[-1]).contiguous(), scale, bias).view(x.shape)


class _Add(torch.autograd.Function):
    @staticmethod
    def forward(ctx, stream, branch, keep):
        ctx.keep = keep
        stream, branch, out = stream.contiguous(), branch.contiguous(), torch.empty(stream.shape)
        call("add_forward", stream, branch, keep, out, *stream.shape)
        return out

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.contiguous()
        d_branch = torch.empty(gradient.shape, dtype=BF16)
        call("add_backward", gradient, ctx.keep, d_branch, *gradient.shape)
        return gradient, d_branch, None


def add(stream, branch, keep=None):
    return _Add.apply(stream, branch.to(BF16), keep)


def factored(x, gating, projection, bias):
    rows, modules, d = x.shape[0] * x.shape[1], *gating.shape
    if rows >= projection.shape[1] * modules // 2:
        weight = (gating[:, :, None] * projection[None]).permute(1, 0, 2).reshape(d, -1)
        return linear(x, weight, bias)
    # For few rows and a wide result, gating the rows is cheaper than making the whole matrix.
    gated = x.reshape(rows, 1, d) * gating.to(BF16)
    return (linear(gated, projection).reshape(rows, -1) + bias.to(BF16)).view(*x.shape[:2], -1)


def local_convolutions(x, modules, kernels, biases):
    batch, length, d = x.shape
    m, sides = d // modules, max((k.shape[1] - 1) // 2 for k in kernels)
    wide = []
    for kernel in kernels:
        side = sides - (kernel.shape[1] - 1) // 2
        wide.append(F.pad(kernel, (0, 0, 0, 0, side, side)))
    weight = torch.cat(wide, 3).permute(3, 2, 0, 1).to(BF16).contiguous(memory_format=torch.channels_last)
    grid = F.pad(x.view(batch, length, modules, m), (0, 0, sides, sides, kernels[0].shape[0] - 1, 0)).permute(0, 3, 1, 2)
    y = F.conv2d(grid, weight, torch.cat(list(biases)).to(BF16)).permute(0, 2, 3, 1)
    return [part.reshape(batch, length, d) for part in y.split(m, 3)]


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, n_heads, lengths):
        rows, length, d_head = q.shape
        probability = torch.bmm(q, k.transpose(1, 2))
        ctx.scale = d_head**-0.5
        call("softmax_forward", probability, rows, length, n_heads, lengths, ctx.scale)
        ctx.save_for_backward(q, k, v, probability)
        return torch.bmm(probability, v)

    @staticmethod
    def backward(ctx, gradient):
        q, k, v, probability = ctx.saved_tensors
        gradient = gradient.contiguous()
        rows, length, _ = q.shape
        dv = torch.bmm(probability.transpose(1, 2), gradient)
        score = torch.bmm(gradient, v.transpose(1, 2))
        call("softmax_backward", probability, score, rows * length, length, ctx.scale)
        return torch.bmm(score, k), torch.bmm(score.transpose(1, 2), q), dv, None, None


def attention(q, k, v, n_heads, lengths, causal):
    batch, length, d = q.shape

    def split(x):
        return x.reshape(batch, length, n_heads, -1).permute(0, 2, 1, 3).reshape(batch * n_heads, length, -1)

    y = _Attention.apply(split(q), split(k), split(v), n_heads, None if causal else lengths)
    return y.reshape(batch, n_heads, length, -1).permute(0, 2, 1, 3).reshape(batch, length, d)


class _SparseUnits(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, logits, bias, w_in, w_out, b_out, temperature, seed):
        (rows, d), blocks = x.shape, bias.shape[0]
        w_in, w_out = w_in.to(BF16), w_out.to(BF16)
        choice, hidden = torch.empty(rows, blocks, dtype=torch.uint8), torch.empty(rows, blocks)
        out = torch.empty(rows, d, dtype=BF16)
        call("sparse_units_forward", rows, blocks, d, x, logits, bias, w_in, w_out, b_out, choice, hidden, out, temperature, seed)
        ctx.save_for_backward(x, logits, bias, w_in, w_out, choice, hidden)
        return out

    @staticmethod
    def backward(ctx, gradient):
        x, logits, bias, w_in, w_out, choice, hidden = ctx.saved_tensors
        gradient = gradient.contiguous()
        (rows, d), blocks = x.shape, bias.shape[0]
        dx, d_logits, d_hidden = torch.empty_like(x), torch.empty_like(logits), torch.empty_like(hidden)
        dw_in, dw_out = torch.zeros(w_in.shape), torch.zeros(w_out.shape)
        call("sparse_units_backward", rows, blocks, d, x, logits, bias, w_in, w_out, choice, hidden, gradient, dx, d_logits,
              d_hidden, dw_in, dw_out)
        d_bias = d_logits.sum(0, dtype=torch.float32).view(bias.shape)
        return dx, d_logits, d_bias, dw_in, dw_out, gradient.sum(0, dtype=torch.float32), None, None


def sparse_units(x, logits, bias, w_in, w_out, b_out, routing):
    d = x.shape[-1]
    if not routing.hard or bias.shape[1] != UNITS or d not in WIDTHS:
        return _soft_units(x, logits, bias, w_in, w_out, b_out, routing)
    flat, flat_logits = x.reshape(-1, d).contiguous(), logits.reshape(-1, logits.shape[-1]).contiguous()
    seed = int(torch.randint(1 << 62, ())) if routing.temperature else 0
    y = _SparseUnits.apply(flat, flat_logits, bias, w_in, w_out, b_out, float(routing.temperature), seed)
    return y.view(x.shape)


def _soft_units(x, logits, bias, w_in, w_out, b_out, routing):
    """Every unit by its share of the block: dense products."""
    if routing.hard:
        return ops.sparse_units(x.float(), logits.float(), bias, w_in, w_out, b_out, routing).to(BF16)
    d = x.shape[-1]
    share = torch.softmax(logits.view(*logits.shape[:2], *bias.shape) + bias.to(BF16), -1).flatten(-2)
    hidden = torch.relu(linear(x, w_in.reshape(-1, d).t()) * share)
    return linear(hidden, w_out.reshape(-1, d), b_out)


class _Sru(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gates):
        texts, length, _ = x.shape
        x, gates = x.float().contiguous(), gates.float().contiguous()
        cells, out = torch.empty_like(x), torch.empty_like(x)
        call("sru_forward", gates, x, cells, out, texts, length)
        ctx.save_for_backward(x, gates, cells)
        return out.to(BF16)

    @staticmethod
    def backward(ctx, gradient):
        x, gates, cells = ctx.saved_tensors
        gradient = gradient.float().contiguous()
        d_gates, dx = torch.empty_like(gates), torch.empty_like(x)
        call("sru_backward", gradient, gates, x, cells, d_gates, dx, *x.shape[:2])
        return dx.to(BF16), d_gates.to(BF16)


def sru(x, gates):
    if x.shape[-1] != SRU_UNITS:
        return ops.sru(x.float(), gates.float()).to(BF16)
    return _Sru.apply(x, gates)
