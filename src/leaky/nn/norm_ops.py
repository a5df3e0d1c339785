"""Autograd around the native norm + leaky ReLU kernels: one tensor kept where two were.

y = f(z), z = weight * xhat + bias, xhat = (x - mean) / sqrt(var + eps). With negative_slope > 0, y tells z and z
tells xhat, so backward needs y alone, which the next layer mostly keeps anyway. Reading xhat from y costs precision
of eps * (|weight| + |bias|) / |weight|: channels where that is too much, and functions without an inverse, keep x.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from leaky.kernels import native
from leaky.kernels.select import DTYPES, TENSORS
from leaky.nn import norm_torch
from leaky.nn.norm_torch import Norm
from leaky.nn.ops import has_no_address, same_layout

LOSS_LIMIT = 4.0
"""A channel keeps its input where (|weight| + |bias|) / |weight| is above: reading xhat from y loses so many eps."""


class NormAct(torch.autograd.Function):
    """y = f(norm(x)); keeps y and the inputs of few channels, or x alone where f has no inverse.

    The second output, of x's shape and one stored element, has x's gradient and is there for double backward: the
    values of x are read back from y, and their graph is that of this `trace` instead of x, which is not kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor | None,
        bias: torch.Tensor | None,
        norm: Norm,
        negative_slope: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y = run_forward(x, weight, bias, norm, negative_slope)
        index: torch.Tensor | None = None
        kept: torch.Tensor | None = None
        channels = x.shape[1]
        count = lossy_channels(weight, bias, channels, negative_slope, x.dtype)
        if count == channels:
            kept = x
        elif count:
            index = x.new_empty(channels, dtype=torch.int32)
            lossy_channels(weight, bias, channels, negative_slope, x.dtype, index)
            kept = dense(x.index_select(1, (index >= 0).nonzero()[:, 0]), like=y)
        trace = x.new_empty_strided(x.shape, (0,) * x.dim())
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(None if kept is x else y, kept, index, trace, weight, bias, norm.mean, norm.var)
        ctx.rest = (norm.eps, norm.per_instance, norm.given, negative_slope, y.stride())
        return y, trace

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        grad, grad_trace = grads
        if grad is None:
            return grad_trace, None, None, None, None
        y, kept, index, trace, weight, bias, mean, var = ctx.saved_tensors
        eps, per_instance, given, negative_slope, stride = ctx.rest
        norm = Norm(mean, var, eps, per_instance, given)
        needs = ctx.needs_input_grad[:3]
        if y is not None and not same_layout(y, stride):  # hooks on saved tensors may give another back
            y = torch.empty_strided(y.shape, stride, dtype=y.dtype, device=y.device).copy_(y)
        if torch.is_grad_enabled() or has_no_address(grad):
            x = norm_torch.recovered(y, kept, index, weight, bias, norm, negative_slope)
            x = norm_torch.Through.apply(trace, x) if needs[0] else x  # type: ignore[no-untyped-call]
            found = norm_torch.differentiated(x, weight, bias, norm, negative_slope, grad, needs)
        else:
            found = run_backward(grad, stride, y, kept, index, weight, bias, norm, negative_slope)
        grad_x, grad_weight, grad_bias = (g if need else None for g, need in zip(found, needs, strict=True))
        if grad_trace is not None:
            grad_x = grad_trace if grad_x is None else grad_x + grad_trace
        return grad_x, grad_weight, grad_bias, None, None


def lossy_channels(
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    channels: int,
    negative_slope: float,
    dtype: torch.dtype,
    places: torch.Tensor | None = None,
) -> int:
    """How many channels' input cannot be read from the output well enough; `places` numbers them (others -1).

    Besides the limit on (|weight| + |bias|) / |weight|, the smallest slope of z must not push y into the dtype's
    subnormal numbers.
    """
    if negative_slope <= 0:
        return channels
    return native.norm_act_lossy(weight, bias, channels, negative_slope, LOSS_LIMIT, _SMALLEST[dtype], places)


_SMALLEST = {dtype: torch.finfo(dtype).smallest_normal for dtype in DTYPES}


def plain_vector(x: torch.Tensor, count: int) -> bool:
    """Whether the kernels may read and write `x` by its address: `count` numbers next to each other."""
    return (
        type(x) in TENSORS
        and x.is_cpu
        and x.dtype in DTYPES
        and x.dim() == 1
        and len(x) == count
        and (x.is_contiguous())
    )


def dense(x: torch.Tensor, *, like: torch.Tensor) -> torch.Tensor:
    """`x` in the memory format of `like`, of which there are two: contiguous and channels last."""
    if is_channels_last(like):
        return x.contiguous(memory_format=_channels_last(x.dim()))
    return x.contiguous()


def is_channels_last(x: torch.Tensor) -> bool:
    """Whether a channels-last kernel should run: dense in that format and not in the contiguous one."""
    if x.dim() == 2:
        return x.is_contiguous()  # (N, C) is both; its channels are next to each other
    return (
        x.dim() in (4, 5) and not x.is_contiguous() and x.is_contiguous(memory_format=_channels_last(x.dim()))
    )


def _channels_last(dim: int) -> torch.memory_format:
    return {4: torch.channels_last, 5: torch.channels_last_3d}.get(dim, torch.contiguous_format)


def _sizes(x: torch.Tensor) -> tuple[int, int, int]:
    n, c, *space = x.shape
    return n, c, math.prod(space)


def run_forward(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
) -> torch.Tensor:
    """y, and the statistics into `norm` unless they are given."""
    channels_last = is_channels_last(x)
    if not channels_last:
        x, channels_last = x.contiguous(), x.dim() == 2
    y = torch.empty_like(x)
    native.norm_act_forward(
        x,
        y,
        weight,
        bias,
        norm.mean,
        norm.var,
        norm.eps,
        negative_slope,
        *_sizes(x),
        channels_last,
        norm.per_instance,
        norm.given,
        running=norm.running,
        momentum=norm.momentum,
    )
    return y


def run_backward(
    grad: torch.Tensor,
    stride: tuple[int, ...],
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    index: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
) -> tuple[torch.Tensor | None, ...]:
    """Gradients of x, weight and bias, from the output, which has `stride`, or the input where it is kept."""
    grad_x = torch.empty_strided(grad.shape, stride, dtype=grad.dtype, device=grad.device)
    if not same_layout(grad, stride):
        grad = grad_x.copy_(grad)
    channels = grad.shape[1]
    wide = norm.mean.dtype
    grad_weight, grad_bias = grad.new_empty(channels, dtype=wide), grad.new_empty(channels, dtype=wide)
    native.norm_act_backward(
        grad,
        y,
        None if kept is None else dense(kept, like=grad_x),
        index,
        grad_x,
        weight,
        bias,
        norm.mean,
        norm.var,
        grad_weight,
        grad_bias,
        norm.eps,
        negative_slope,
        *_sizes(grad),
        is_channels_last(grad_x),
        norm.per_instance,
        norm.given,
    )
    narrow = next((t.dtype for t in (weight, bias) if t is not None), wide)
    if narrow != wide:
        grad_weight, grad_bias = grad_weight.to(narrow), grad_bias.to(narrow)
    return grad_x, None if weight is None else grad_weight, None if bias is None else grad_bias
