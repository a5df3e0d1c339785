"""Autograd around the norm + leaky ReLU kernels: one tensor kept where two were.

y = f(z), z = weight * xhat + bias, xhat = (x - mean) / sqrt(var + eps). With negative_slope > 0, y tells z and z
tells xhat, so backward needs y alone, which the next layer mostly keeps anyway. Reading xhat from y costs precision
of eps * (|weight| + |bias|) / |weight|: channels where that is too much, and functions without an inverse, keep x.
"""

from __future__ import annotations

from typing import Any

import torch

from leaky.kernels.select import DTYPES
from leaky.nn.backward import Through, has_no_address
from leaky.nn.layout import dense, layout_of, same_layout
from leaky.nn.norms.composed import differentiated, recovered
from leaky.nn.norms.kernels import run_backward, run_forward
from leaky.nn.norms.statistics import Norm
from leaky.nn.recomputation import lasting, saved_of
from leaky.nn.reuse import held_once

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
        layout = layout_of(x)
        y = run_forward(x, weight, bias, norm, negative_slope, layout)
        index: torch.Tensor | None = None
        kept: torch.Tensor | None = None
        channels = layout.c
        count = lossy_channels(norm.kernels, weight, bias, channels, negative_slope, x.dtype)
        if count == channels:
            kept = x
        elif count:
            index = x.new_empty(channels, dtype=torch.int32)
            lossy_channels(norm.kernels, weight, bias, channels, negative_slope, x.dtype, index)
            kept = dense(x.index_select(1, (index >= 0).nonzero()[:, 0]), layout)
        trace = x.new_empty_strided(x.shape, (0,) * x.dim())
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(None if kept is x else y, kept, index, trace, weight, bias, norm.mean, norm.var)
        what = (norm.eps, norm.groups, norm.given, norm.ranks, norm.kernels)
        ctx.rest = (what, negative_slope, y.stride(), layout)
        if kept is x:
            ctx.compute_again, ctx.lasting = _compute_again, lasting(weight, bias)
        return y, trace

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        over = held_once(grads)
        grad, grad_trace = grads
        if grad is None:
            return grad_trace, None, None, None, None
        y, kept, index, trace, weight, bias, mean, var = saved_of(ctx, last=True)
        (eps, groups, given, ranks, kernels), negative_slope, stride, layout = ctx.rest
        norm = Norm(mean, var, eps, groups, given, ranks=ranks, kernels=kernels)
        needs = ctx.needs_input_grad[:3]
        if y is not None and not same_layout(y, stride):  # hooks on saved tensors may give another back
            y = torch.empty_strided(y.shape, stride, dtype=y.dtype, device=y.device).copy_(y)
        if torch.is_grad_enabled() or has_no_address(grad):
            x = recovered(y, kept, index, weight, bias, norm, negative_slope)
            x = Through.apply(trace, x) if needs[0] else x
            found = differentiated(x, weight, bias, norm, negative_slope, grad, needs)
        else:
            found = run_backward(
                grad, stride, layout, y, kept, index, weight, bias, norm, negative_slope, over
            )
        grad_x, grad_weight, grad_bias = found
        if grad_trace is not None and grad_x is not None:
            grad_x = grad_x + grad_trace
        return (
            grad_x if needs[0] else None,
            grad_weight if needs[1] else None,
            grad_bias if needs[2] else None,
            None,
            None,
        )


def _compute_again(ctx: Any) -> torch.Tensor:
    """The output, to the bit, from the input that was kept."""
    _, x, _, _, *vectors, mean, var = saved_of(ctx)
    weight, bias = ctx.lasting or vectors
    (eps, groups, _, _, kernels), negative_slope, _, layout = ctx.rest
    norm = Norm(mean, var, eps, groups, given=True, kernels=kernels)
    return run_forward(x, weight, bias, norm, negative_slope, layout)


def lossy_channels(
    kernels: Any,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    channels: int,
    negative_slope: float,
    dtype: torch.dtype,
    places: torch.Tensor | None = None,
) -> int:
    """How many channels' input is kept, as it cannot be read from the output; `places` numbers them (others -1).

    Besides the limit on (|weight| + |bias|) / |weight|, the smallest slope of z must not push y into the dtype's
    subnormal numbers. Kernels on a device keep every channel's: asking its numbers would wait for it.
    """
    if negative_slope <= 0:
        return channels
    found: int = kernels.norm_act_lossy(
        weight, bias, channels, negative_slope, LOSS_LIMIT, _SMALLEST[dtype], places
    )
    return found


_SMALLEST = {dtype: torch.finfo(dtype).smallest_normal for dtype in DTYPES}
