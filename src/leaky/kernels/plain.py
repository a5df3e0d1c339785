"""Leaky ReLU in torch operations only, for devices and installs without native kernels.

Packing bits with torch operations costs twice torch's whole step, so the output is kept, which the next layer
mostly keeps anyway; and for a negative slope, whose output does not tell the sign, one byte per element.
"""

from __future__ import annotations

from typing import Any

import torch


class KeepOutput(torch.autograd.Function):
    """Leaky ReLU with negative_slope >= 0 that keeps its output instead of its input.

    Changing the output in place before backward raises there, as it does for torch's in-place form.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, negative_slope: float) -> torch.Tensor:
        y = torch.nn.functional.leaky_relu(x, negative_slope)
        ctx.save_for_backward(y)
        ctx.negative_slope = negative_slope
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        (y,) = ctx.saved_tensors
        grad = torch.ops.aten.leaky_relu_backward(grads[0], y.detach(), ctx.negative_slope, True)
        return grad, None


class KeepBytes(torch.autograd.Function):
    """Leaky ReLU of any slope that keeps the sign, one byte per element."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, negative_slope: float, inplace: bool) -> torch.Tensor:
        positive = x > 0
        ctx.save_for_backward(positive)
        ctx.negative_slope = negative_slope
        if inplace:
            ctx.mark_dirty(x)
            return torch.nn.functional.leaky_relu_(x, negative_slope)
        return torch.nn.functional.leaky_relu(x, negative_slope)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (positive,) = ctx.saved_tensors
        return torch.where(positive, grads[0], grads[0] * ctx.negative_slope), None, None
