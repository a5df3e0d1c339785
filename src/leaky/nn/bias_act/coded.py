"""Autograd around bias + activation of one or two lines for compilers: a byte per element kept, or the output.

In float32 and float64 the output tells the side and whether the clamp was reached, and wherever a layer behind keeps
it, the byte is made from it again. In half precision the clamp is compared before rounding, and only a side is told.
"""

from __future__ import annotations

from typing import Any

import torch

from leaky.kernels.coded import calculable, coded, times_slope
from leaky.kernels.native_bias_act import ONE, RELU, TWO
from leaky.nn.bias_act.ops import added
from leaky.nn.bias_act.plan import Plan, held, straight


def fits(plan: Plan) -> bool:
    """Whether `BiasActCoded` computes this function: lines, not all of one slope, that are finite in float32."""
    kept = plan.kind in (TWO, RELU) or (plan.kind == ONE and plan.clamp is not None)
    return kept and calculable(plan.upper, plan.lower)


class BiasActCoded(torch.autograd.Function):
    """clamp(lines(x + bias))."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        bias: torch.Tensor | None,
        axis: int,
        kind: int,
        upper: float,
        lower: float,
        clamp: float | None,
    ) -> torch.Tensor:
        z = added(x, bias, axis)
        value = straight(z, kind, upper, lower)
        y = (value if clamp is None else held(value, clamp)).to(x.dtype)
        whole = y.dtype == z.dtype
        exact = whole or (clamp is None and (bias is None or bias.dtype == x.dtype))  # no side rounds to 0
        side = y if exact and (kind == ONE or upper >= 1) and (kind != TWO or lower >= 0) else z
        reached = y if whole else value
        beyond = [] if clamp is None else [reached >= clamp, reached <= -clamp]
        if kind == RELU:
            beyond.append(side <= 0)
        ctx.save_for_backward(coded(side > 0 if kind == TWO else None, *beyond))
        ctx.axis, ctx.bias_dtype = axis, None if bias is None else bias.dtype
        ctx.slopes = upper, lower if kind == TWO else None
        ctx.neither = bool(beyond)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (code,), (grad,), (upper, lower) = ctx.saved_tensors, grads, ctx.slopes
        with torch.enable_grad():  # in which a compiler does not trace, and backward may be differentiated
            wide = times_slope(grad, code, upper, lower, neither=ctx.neither)
            others = [axis for axis in range(grad.dim()) if axis != ctx.axis]
            grad_bias = None
            if ctx.bias_dtype is not None:
                grad_bias = (wide.sum(others) if others else wide).to(ctx.bias_dtype)
            return wide.to(grad.dtype), grad_bias, None, None, None, None, None
