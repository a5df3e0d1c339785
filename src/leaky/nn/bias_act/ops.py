"""Autograd around bias + activation of one or two lines: one bit per element kept, two with a clamp, or none.

The gradient of such a function is linear in the gradient that comes in, and its own transpose, so it differentiates
for ever, and keeps nothing but the same bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

from leaky.kernels.native_bias_act import ONE, TWO, Lines
from leaky.nn.backward import has_no_address
from leaky.nn.bias_act.plan import Plan, straight, value
from leaky.nn.layout import along, is_dense, same_layout
from leaky.nn.reuse import held_once

Gradients = tuple[torch.Tensor | None, torch.Tensor | None]


class Call(NamedTuple):
    """What the gradients of one call need besides the bits."""

    lines: Lines
    axis: int
    stride: tuple[int, ...]
    """Of the output and the gradient of x."""
    layout: tuple[int, int, int]
    """(n, c, s) in memory."""
    bias_dtype: torch.dtype | None
    kernels: Any
    """The module whose kernels serve, and pack the bits; None: torch's operations, with the bits a byte each."""


class BiasActLines(torch.autograd.Function):
    """clamp(lines(x + bias)); keeps bits."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, bias: torch.Tensor | None, plan: Plan, axis: int, kernels: Any
    ) -> torch.Tensor:
        lines = plan.lines
        if kernels is not None:
            y, bits = run_forward(kernels, x, bias, lines, axis, keep=True)
        else:
            z = added(x, bias, axis)
            y, bits = value(z, plan).to(x.dtype), _codes(z, lines)
        ctx.save_for_backward(bits)
        dtype = None if bias is None else bias.dtype
        ctx.call = Call(lines, axis, y.stride(), along(y, axis), dtype, kernels)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (bits,) = ctx.saved_tensors
        needs_x, needs_bias = ctx.needs_input_grad[:2]
        over = held_once(grads)
        return *_differentiated(grads[0], bits, ctx.call, needs_x, needs_bias, over), None, None, None


class _Gradient(torch.autograd.Function):
    """The gradients of x and bias as functions of the gradient that comes in."""

    @staticmethod
    def forward(
        ctx: Any,
        grad: torch.Tensor,
        bits: torch.Tensor | None,
        call: Call,
        needs_x: bool,
        needs_bias: bool,
    ) -> Gradients:
        ctx.save_for_backward(bits)
        ctx.call, ctx.shape, ctx.dtype = call, grad.shape, grad.dtype
        ctx.set_materialize_grads(False)
        return run_backward(grad, bits, call, needs_x, needs_bias)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        (bits,), call = ctx.saved_tensors, ctx.call
        of_x, of_bias = grads
        both = of_x
        if of_bias is not None:
            along = _along(of_bias.to(ctx.dtype), call.axis, len(ctx.shape))
            both = along.expand(ctx.shape) if of_x is None else of_x + along
        if both is None:
            return None, None, None, None, None
        return *_differentiated(both, bits, call, True, False, False)[:1], None, None, None, None


def _differentiated(
    grad: torch.Tensor, bits: torch.Tensor | None, call: Call, needs_x: bool, needs_bias: bool, over: bool
) -> Gradients:
    if has_no_address(grad):
        return _composed(grad, bits, call, needs_x, needs_bias)
    if torch.is_grad_enabled():
        found: Gradients = _Gradient.apply(grad, bits, call, needs_x, needs_bias)
        return found
    return run_backward(grad, bits, call, needs_x, needs_bias, over)


def run_forward(
    kernels: Any, x: torch.Tensor, bias: torch.Tensor | None, lines: Lines, axis: int, *, keep: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """y, of x's layout where x is dense, and the packed bits where there are any and they are to be kept."""
    x = x if is_dense(x) else x.contiguous()
    y = torch.empty_like(x)
    bits = None
    if keep and lines.planes:
        bits = torch.empty(lines.planes * ((x.numel() + 7) // 8), dtype=torch.uint8, device=x.device)
    if bias is not None and not bias.is_contiguous():
        bias = bias.contiguous()
    kernels.bias_act_forward(x, bias, y, bits, lines, *along(y, axis))
    return y, bits


def run_backward(
    grad: torch.Tensor,
    bits: torch.Tensor | None,
    call: Call,
    needs_x: bool,
    needs_bias: bool,
    over: bool = False,
) -> Gradients:
    """The gradients of x (written over `grad` where `over` allows it) and bias; None where not needed."""
    if call.kernels is None:
        return _composed(grad, bits, call, needs_x, needs_bias)
    whole = grad.stride() == call.stride
    if not whole and not same_layout(grad, call.stride):
        grad = torch.empty_strided(grad.shape, call.stride, dtype=grad.dtype, device=grad.device).copy_(grad)
        over = whole = True
    grad_x = grad_bias = None
    if needs_x:
        grad_x = (
            grad
            if over and whole
            else torch.empty_strided(grad.shape, call.stride, dtype=grad.dtype, device=grad.device)
        )
    if needs_bias:
        grad_bias = torch.empty(call.layout[1], dtype=_wide(grad.dtype), device=grad.device)
    call.kernels.bias_act_backward(grad, bits, grad_x, grad_bias, call.lines, *call.layout)
    return grad_x, None if grad_bias is None else grad_bias.to(call.bias_dtype)


def added(x: torch.Tensor, bias: torch.Tensor | None, axis: int) -> torch.Tensor:
    """x + bias in the precision that is computed in, by torch's operations."""
    wide = x.to(_wide(x.dtype))
    return wide if bias is None else wide + _along(bias.to(wide.dtype), axis, x.dim())


def _composed(
    grad: torch.Tensor, bits: torch.Tensor | None, call: Call, needs_x: bool, needs_bias: bool
) -> Gradients:
    """The gradients in torch's operations: on other devices, and of several gradients at once."""
    wide, lines = grad.to(_wide(grad.dtype)), call.lines
    result = wide * lines.upper
    if bits is not None:
        side, inside = (
            _unpacked(bits, grad.shape, call) if call.kernels is not None else _decoded(bits, lines)
        )
        if lines.kind == TWO:
            result = torch.where(side, result, wide * lines.lower)
        else:
            result = torch.where(side, result, torch.zeros_like(result))
        if inside is not None:
            result = torch.where(inside, result, torch.zeros_like(result))
    others = [axis for axis in range(grad.dim()) if axis != call.axis]
    grad_bias = (result.sum(others) if others else result) if needs_bias else None
    return (
        result.to(grad.dtype) if needs_x else None,
        None if grad_bias is None else grad_bias.to(call.bias_dtype),
    )


def _codes(z: torch.Tensor, lines: Lines) -> torch.Tensor | None:
    """The bits of every element in a byte of its own: a bool, or two bits where there are two."""
    if not lines.planes:
        return None
    y = straight(z, lines.kind, lines.upper, lines.lower)
    side = z > 0 if lines.kind == TWO else ~(z <= 0)
    inside = ~(y.abs() >= lines.clamp)  # NaN is inside, and every number where there is no clamp
    if lines.planes == 2:
        return side.to(torch.uint8) + 2 * inside.to(torch.uint8)
    if lines.kind == ONE:
        return inside
    return side if math.isnan(lines.clamp) else side & inside


def _decoded(codes: torch.Tensor, lines: Lines) -> tuple[torch.Tensor, torch.Tensor | None]:
    if lines.planes == 1:
        return codes, None
    return (codes & 1).bool(), (codes & 2).bool()


def _unpacked(bits: torch.Tensor, shape: torch.Size, call: Call) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A bool for every packed bit, as tensors of that shape and the output's memory layout."""
    places = torch.arange(8, dtype=torch.uint8, device=bits.device)
    flat = ((bits.view(call.lines.planes, -1, 1) >> places) & 1).bool().flatten(1)
    planes = [plane.as_strided(shape, call.stride) for plane in flat.unbind()]
    return planes[0], planes[1] if len(planes) > 1 else None


def _along(bias: torch.Tensor, axis: int, dims: int) -> torch.Tensor:
    shape = [1] * dims
    shape[axis] = -1
    return bias.view(shape) if bias.dim() else bias


def _wide(dtype: torch.dtype) -> torch.dtype:
    """The dtype that is computed in."""
    return torch.float64 if dtype == torch.float64 else torch.float32
