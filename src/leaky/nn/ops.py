"""Autograd around the element-wise kernels: ReLU and Leaky ReLU that keep one bit per element.

`kernels` is the module that runs them, as `leaky.kernels.select.serving` chose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from leaky.nn.backward import has_no_address
from leaky.nn.layout import is_dense, same_layout
from leaky.nn.reuse import held_once


class KeepBits(torch.autograd.Function):
    """y = x if x > 0 else negative_slope * x for any slope; with `relu`, torch.relu to the bit.

    Keeps one packed bit per element. The bit says on which side backward goes: x > 0 for the leaky form,
    not (x <= 0) for ReLU, as torch's own backward decides it (they differ at NaN).
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, negative_slope: float, relu: bool, inplace: bool, kernels: Any
    ) -> torch.Tensor:
        def run(source: torch.Tensor, out: torch.Tensor, bits: torch.Tensor) -> None:
            kernels.leaky_relu_forward(source, out, negative_slope, bits, relu=relu)

        return forward_with_bits(ctx, x, inplace, (negative_slope, relu, kernels), run)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        (bits,) = ctx.saved_tensors
        if torch.is_grad_enabled():
            grad = _Gradient.apply(grads[0], bits, *ctx.rest)
        else:
            over = held_once(grads)
            grad = _multiply(grads[0], bits, *ctx.rest, over=over)
        return grad, None, None, None, None


def forward_with_bits(
    ctx: Any,
    x: torch.Tensor,
    inplace: bool,
    rest: tuple[Any, ...],
    run: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], None],
) -> torch.Tensor:
    """What run(source, out, bits) makes of `x`; the bits are kept, and `rest` for `KeepBits.backward`."""
    if inplace and is_dense(x):
        source = out = x
    else:
        out = torch.empty_like(x)
        source = x if x.is_contiguous() or same_layout(x, out.stride()) else out.copy_(x)
    bits = torch.empty((x.numel() + 7) // 8, dtype=torch.uint8, device=x.device)
    run(source, out, bits)
    ctx.save_for_backward(bits)
    ctx.rest = (out.stride(), *rest)
    if inplace:
        ctx.mark_dirty(x)
        return out if out is x else x.copy_(out)
    return out


class _Gradient(torch.autograd.Function):
    """grad * f'(x) from the bits. Linear in grad and its own transpose, so it differentiates for ever."""

    @staticmethod
    def forward(
        ctx: Any,
        grad: torch.Tensor,
        bits: torch.Tensor,
        stride: tuple[int, ...],
        negative_slope: float,
        relu: bool,
        kernels: Any,
    ) -> torch.Tensor:
        ctx.save_for_backward(bits)
        ctx.rest = (stride, negative_slope, relu, kernels)
        return _multiply(grad, bits, *ctx.rest, over=False)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None, None]:
        return *KeepBits.backward(ctx, *grads), None


def _multiply(
    grad: torch.Tensor,
    bits: torch.Tensor,
    stride: tuple[int, ...],
    negative_slope: float,
    relu: bool,
    kernels: Any,
    *,
    over: bool,
) -> torch.Tensor:
    """grad * f'(x); `over` allows to write it over `grad`."""
    if has_no_address(grad):
        upper = unpacked(bits, grad.shape, stride)
        return torch.where(upper, grad, torch.zeros_like(grad) if relu else grad * negative_slope)
    if grad.stride() == stride:
        out = grad if over else torch.empty_like(grad)
    else:
        out = torch.empty_strided(grad.shape, stride, dtype=grad.dtype, device=grad.device)
        grad = grad if same_layout(grad, stride) else out.copy_(grad)
    kernels.leaky_relu_backward(grad, bits, out, negative_slope, relu=relu)
    return out


def unpacked(bits: torch.Tensor, shape: torch.Size, stride: tuple[int, ...]) -> torch.Tensor:
    """One bool for every packed bit, as a tensor of that shape and memory layout."""
    places = torch.arange(8, dtype=torch.uint8, device=bits.device)
    flat = ((bits[:, None] >> places) & 1).bool().view(-1)
    return flat.as_strided(shape, stride)
