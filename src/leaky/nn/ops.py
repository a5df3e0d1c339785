"""Autograd around the native element-wise kernels: ReLU and Leaky ReLU that keep one bit per element."""

from __future__ import annotations

from typing import Any

import torch

from leaky.kernels import native


class KeepBits(torch.autograd.Function):
    """y = x if x > 0 else negative_slope * x for any slope; with `relu`, torch.relu to the bit.

    Keeps one packed bit per element. The bit says on which side backward goes: x > 0 for the leaky form,
    not (x <= 0) for ReLU, as torch's own backward decides it (they differ at NaN).
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, negative_slope: float, relu: bool, inplace: bool) -> torch.Tensor:
        if inplace and is_dense(x):
            source = out = x
        else:
            out = torch.empty_like(x)
            source = x if x.stride() == out.stride() else out.copy_(x)
        bits = x.new_empty((x.numel() + 7) // 8, dtype=torch.uint8)
        native.leaky_relu_forward(source, out, negative_slope, bits, relu=relu)
        ctx.save_for_backward(bits)
        ctx.rest = (out.stride(), negative_slope, relu)
        if inplace:
            ctx.mark_dirty(x)
            return out if out is x else x.copy_(out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (bits,) = ctx.saved_tensors
        return _gradient(grads[0], bits, *ctx.rest), None, None, None


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
    ) -> torch.Tensor:
        ctx.save_for_backward(bits)
        ctx.rest = (stride, negative_slope, relu)
        return _multiply(grad, bits, *ctx.rest)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        (bits,) = ctx.saved_tensors
        return _gradient(grads[0], bits, *ctx.rest), None, None, None, None


def _gradient(grad: torch.Tensor, bits: torch.Tensor, *rest: Any) -> torch.Tensor:
    if not torch.is_grad_enabled():
        return _multiply(grad, bits, *rest)
    result: torch.Tensor = _Gradient.apply(grad, bits, *rest)  # type: ignore[no-untyped-call]
    return result


def _multiply(
    grad: torch.Tensor, bits: torch.Tensor, stride: tuple[int, ...], negative_slope: float, relu: bool
) -> torch.Tensor:
    grad = in_layout(grad, stride)
    out = torch.empty_like(grad)
    native.leaky_relu_backward(grad, bits, out, negative_slope, relu=relu)
    return out


def is_dense(x: torch.Tensor) -> bool:
    """Whether the elements fill a block of memory, each once, in whatever order of dimensions."""
    if x.is_contiguous():
        return True
    expected = 1
    for stride, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size > 1:
            if stride != expected:
                return False
            expected *= size
    return True


def in_layout(x: torch.Tensor, stride: tuple[int, ...]) -> torch.Tensor:
    """`x` with the strides that another tensor of its shape was written along; copied only if it must be."""
    if x.stride() == stride:
        return x
    return torch.empty_strided(x.shape, stride, dtype=x.dtype, device=x.device).copy_(x)
