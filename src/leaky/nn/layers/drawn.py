"""RReLU in training: a seed and one bit per element are kept, and the slopes drawn again on the way back.

torch keeps its input and a noise tensor, drawn one after the other by one thread. Here the number of an element
depends on the seed and its place alone (Philox4x32-10), so any number of threads draws the same ones, twice. One bit
per element and not the output: the sign of a slope is the user's, the next layer may not keep the output, and it may
change in place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from leaky.kernels.select import serving
from leaky.nn.backward import has_no_address
from leaky.nn.layout import is_dense, same_layout
from leaky.nn.reuse import held_once

Rest = tuple[tuple[int, ...], float, float, bool, Any]
"""Strides of the output, ends of the uniform distribution, whether its numbers are divisors, and who serves."""


def rrelu_in_training(
    x: torch.Tensor, lower: float, upper: float, inplace: bool, *, divide: bool = False
) -> torch.Tensor:
    """x where x > 0, elsewhere x times U(lower, upper), or with `divide` over U(1 / upper, 1 / lower)."""
    learns = x.requires_grad and torch.is_grad_enabled()
    kernels, _ = serving("rrelu", x)
    if kernels is None or (inplace and learns and x.is_leaf):  # which torch refuses
        return _by_torch(x, lower, upper, inplace, divide)
    low, high = (1 / upper, 1 / lower) if divide else (lower, upper)
    seed = torch.empty((), dtype=torch.int64, device=x.device).random_()
    if learns:
        result: torch.Tensor = KeepSeed.apply(x, seed, float(low), float(high), divide, inplace, kernels)
        return result
    return _run(x, seed, None, float(low), float(high), divide, inplace, kernels)


def _run(
    x: torch.Tensor,
    seed: torch.Tensor,
    bits: torch.Tensor | None,
    low: float,
    high: float,
    divide: bool,
    inplace: bool,
    kernels: Any,
) -> torch.Tensor:
    """The same draws with and without gradients, so that activation checkpointing finds its first values again."""
    if inplace and is_dense(x):
        source = out = x
    else:
        out = torch.empty_like(x)
        source = x if x.is_contiguous() or same_layout(x, out.stride()) else out.copy_(x)
    kernels.rrelu_forward(source, out, low, high, seed, bits, divide=divide)
    return x.copy_(out) if inplace and out is not x else out


class KeepSeed(torch.autograd.Function):
    """RReLU that keeps a seed and one packed bit per element, where f' is 1: where not x <= 0, as in torch."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        seed: torch.Tensor,
        low: float,
        high: float,
        divide: bool,
        inplace: bool,
        kernels: Any,
    ) -> torch.Tensor:
        bits = torch.empty((x.numel() + 7) // 8, dtype=torch.uint8, device=x.device)
        stride = x.stride() if inplace and is_dense(x) else torch.empty_like(x).stride()
        y = _run(x, seed, bits, low, high, divide, inplace, kernels)
        ctx.save_for_backward(bits, seed)
        ctx.rest = (stride, low, high, divide, kernels)
        if inplace:
            ctx.mark_dirty(x)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None, None, None]:
        over = held_once(grads)
        bits, seed = ctx.saved_tensors
        if torch.is_grad_enabled():
            grad = _Gradient.apply(grads[0], bits, seed, ctx.rest)
        else:
            grad = _multiply(grads[0], bits, seed, ctx.rest, over=over)
        return grad, None, None, None, None, None, None


class _Gradient(torch.autograd.Function):
    """grad * f'(x). Linear in grad and its own transpose, so it differentiates for ever."""

    @staticmethod
    def forward(
        ctx: Any, grad: torch.Tensor, bits: torch.Tensor, seed: torch.Tensor, rest: Rest
    ) -> torch.Tensor:
        ctx.save_for_backward(bits, seed)
        ctx.rest = rest
        return _multiply(grad, bits, seed, rest, over=False)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        bits, seed = ctx.saved_tensors
        return _Gradient.apply(grads[0], bits, seed, ctx.rest), None, None, None


def _multiply(
    grad: torch.Tensor, bits: torch.Tensor, seed: torch.Tensor, rest: Rest, *, over: bool
) -> torch.Tensor:
    """grad * f'(x); `over` allows to write it over `grad`."""
    stride, low, high, divide, kernels = rest
    if has_no_address(grad):  # several gradients at once: the slopes as a tensor
        slopes = torch.empty_strided(grad.shape, stride, dtype=grad.dtype, device=grad.device).fill_(1)
        kernels.rrelu_backward(slopes, bits, slopes, low, high, seed, divide=divide)
        return grad * slopes
    if grad.stride() == stride:
        out = grad if over else torch.empty_like(grad)
    else:
        out = torch.empty_strided(grad.shape, stride, dtype=grad.dtype, device=grad.device)
        grad = grad if same_layout(grad, stride) else out.copy_(grad)
    kernels.rrelu_backward(grad, bits, out, low, high, seed, divide=divide)
    return out


def _by_torch(x: torch.Tensor, lower: float, upper: float, inplace: bool, divide: bool) -> torch.Tensor:
    """Where no kernels serve: torch's own draws, and what it keeps."""
    if not divide:
        return F.rrelu(x, lower, upper, True, inplace)
    divisors = torch.empty_like(x, requires_grad=False).uniform_(1 / upper, 1 / lower)
    y = torch.where(x > 0, x, x / divisors)
    return x.copy_(y) if inplace else y
