"""Autograd around the native norm + leaky ReLU kernels: one tensor kept where two were.

y = f(z), z = weight * xhat + bias, xhat = (x - mean) / sqrt(var + eps). With negative_slope > 0, y tells z and z
tells xhat, so backward needs y alone, which the next layer mostly keeps anyway. Reading xhat from y costs precision
of eps * (|weight| + |bias|) / |weight|: channels where that is too much, and functions without an inverse, keep x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from leaky.kernels import native
from leaky.kernels.select import DTYPES, TENSORS
from leaky.nn.ops import in_layout

LOSS_LIMIT = 4.0
"""A channel keeps its input where (|weight| + |bias|) / |weight| is above: reading xhat from y loses so many eps."""


@dataclass(frozen=True, slots=True)
class Norm:
    """One call's normalisation: statistics (to be filled, or given as in eval mode) and what it is over."""

    mean: torch.Tensor
    var: torch.Tensor
    eps: float
    per_instance: bool
    given: bool
    running: tuple[torch.Tensor, torch.Tensor] | None = None
    """Mean and variance that move towards this batch's, by `momentum`."""
    momentum: float = 0.0


class NormAct(torch.autograd.Function):
    """y = f(norm(x)); keeps y and the inputs of few channels, or x alone where f has no inverse.

    `trace` is a tensor of x's shape and one stored element through which gradients reach x: nothing else of x's
    graph is kept, and only double backward uses it.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        trace: torch.Tensor | None,
        weight: torch.Tensor | None,
        bias: torch.Tensor | None,
        norm: Norm,
        negative_slope: float,
    ) -> torch.Tensor:
        y = run_forward(x, weight, bias, norm, negative_slope)
        index: torch.Tensor | None = None
        kept: torch.Tensor | None = None
        count, places = lossy_channels(weight, bias, x.shape[1], negative_slope, x.dtype)
        if count == x.shape[1]:
            kept = x
        elif count:
            index = places
            kept = dense(x.index_select(1, (places >= 0).nonzero()[:, 0]), like=y)
        ctx.save_for_backward(None if kept is x else y, kept, index, trace, weight, bias, norm.mean, norm.var)
        ctx.rest = (norm.eps, norm.per_instance, norm.given, negative_slope, y.stride())
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        y, kept, index, trace, weight, bias, mean, var = ctx.saved_tensors
        eps, per_instance, given, negative_slope, stride = ctx.rest
        norm = Norm(mean, var, eps, per_instance, given)
        needs = (ctx.needs_input_grad[0], ctx.needs_input_grad[2], ctx.needs_input_grad[3])
        if torch.is_grad_enabled():
            x = _recovered(y, kept, index, weight, bias, norm, negative_slope)
            x = x if trace is None else _Through.apply(trace, x)  # type: ignore[no-untyped-call]
            found = _differentiable(x, weight, bias, norm, negative_slope, grads[0], needs)
        else:
            grad = in_layout(grads[0], stride)
            found = run_backward(grad, y, kept, index, weight, bias, norm, negative_slope)
        grad_x, grad_weight, grad_bias = (g if need else None for g, need in zip(found, needs, strict=True))
        return grad_x, None, grad_weight, grad_bias, None, None


class Trace(torch.autograd.Function):
    """A tensor of x's shape, one stored element, whose gradient is x's."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.set_materialize_grads(False)
        return x.new_zeros(()).expand_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> torch.Tensor | None:
        return grads[0]


class _Through(torch.autograd.Function):
    """The values of `x` on the graph of `trace`."""

    @staticmethod
    def forward(ctx: Any, trace: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grads[0], None


def lossy_channels(
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    channels: int,
    negative_slope: float,
    dtype: torch.dtype,
) -> tuple[int, torch.Tensor]:
    """How many channels' input cannot be read from the output well enough, and their numbers (others -1).

    Besides the limit on (|weight| + |bias|) / |weight|, the smallest slope of z must not push y into the dtype's
    subnormal numbers. Where nothing can be read back (negative_slope <= 0) the numbers are not filled.
    """
    places = torch.empty(channels, dtype=torch.int32, device="cpu")
    if negative_slope <= 0:
        return channels, places
    tiny = torch.finfo(dtype).smallest_normal
    return native.norm_act_lossy(weight, bias, places, negative_slope, LOSS_LIMIT, tiny), places


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
        return True  # (N, C) is both; its channels are next to each other
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
    x = x if channels_last else x.contiguous()
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
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    index: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
) -> tuple[torch.Tensor | None, ...]:
    """Gradients of x, weight and bias, from the output or, where it is kept, from the input."""
    grad_x = torch.empty_like(grad)
    channels = grad.shape[1]
    grad_weight = grad.new_empty(channels, dtype=norm.mean.dtype)
    grad_bias = grad.new_empty(channels, dtype=norm.mean.dtype)
    native.norm_act_backward(
        grad,
        y,
        None if kept is None else dense(kept, like=grad),
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
        is_channels_last(grad),
        norm.per_instance,
        norm.given,
    )
    if weight is None or bias is None:
        return grad_x, None, None
    return grad_x, grad_weight.to(weight.dtype), grad_bias.to(bias.dtype)


def _recovered(
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    index: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
) -> torch.Tensor:
    """The input, read back from the output; exact where it was kept."""
    with torch.no_grad():
        if y is None:
            assert kept is not None
            return kept
        wide = y.to(norm.mean.dtype)
        shape = (1, -1, *[1] * (y.dim() - 2))
        z = torch.where(wide > 0, wide, wide / negative_slope)
        xhat = z if weight is None or bias is None else (z - bias.view(shape)) / weight.view(shape)
        per = (len(y), -1, *shape[2:]) if norm.per_instance and not norm.given else shape
        x = (xhat * (norm.var + norm.eps).sqrt().view(per) + norm.mean.view(per)).to(y.dtype)
        if index is not None and kept is not None:
            x[:, index >= 0] = kept
        return x


def _differentiable(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
    grad: torch.Tensor,
    needs: tuple[bool, ...],
) -> tuple[torch.Tensor | None, ...]:
    """The same gradients by torch's own operations, on the graph: for double backward."""
    with torch.enable_grad():
        if norm.given:
            z = F.batch_norm(
                x, norm.mean.to(x.dtype), norm.var.to(x.dtype), weight, bias, False, 0.0, norm.eps
            )
        elif norm.per_instance:
            z = F.instance_norm(x, None, None, weight, bias, True, 0.0, norm.eps)
        else:
            z = F.batch_norm(x, None, None, weight, bias, True, 0.0, norm.eps)
        y = F.relu(z) if negative_slope == 0 else F.leaky_relu(z, negative_slope)
        wanted = [t for t, need in zip((x, weight, bias), needs, strict=True) if need and t is not None]
        found = iter(torch.autograd.grad(y, wanted, grad, create_graph=True) if wanted else ())
        return tuple(
            next(found) if need and t is not None else None
            for t, need in zip((x, weight, bias), needs, strict=True)
        )
