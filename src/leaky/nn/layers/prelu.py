"""PReLU that keeps its output: while a slope is above 0, y tells x."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import handle_torch_function, has_torch_function

from leaky.kernels import gpu_layers
from leaky.kernels.select import serving, tracing
from leaky.nn import arguments
from leaky.nn.backward import Through, has_no_address
from leaky.nn.layout import Layout, along, placed, same_layout
from leaky.nn.recomputation import lasting, reading, saved_of
from leaky.nn.reuse import held_once


def _least(dtype: torch.dtype) -> float:
    info = torch.finfo(dtype)
    return info.smallest_normal if dtype == torch.float16 else info.smallest_normal / info.eps


LEAST = {dtype: _least(dtype) for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16)}
"""Slopes below keep the input: y would be subnormal, where x read from it loses more than one unit of 1.0."""


class KeepOutput(torch.autograd.Function):
    """y = x if x > 0 else slope * x; keeps y and the inputs of channels whose slope is not above 0, or x alone.

    The second output, of x's shape and one stored element, has x's gradient and is there for double backward: the
    values of x are read back from y, and their graph is that of this `trace` instead of x, which is not kept.
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, kernels: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.empty_like(x)
        layout, slopes = _layout(y, weight), _slopes(weight)
        source = x if same_layout(x, y.stride()) else y.copy_(x)
        kernels.prelu_forward(source, y, slopes, *layout)
        kept: torch.Tensor | None = None
        index: torch.Tensor | None = None
        good = _read_back(slopes, x.dtype, kernels)
        if good is None or not good.any():
            kept = x
        elif not good.all():
            kept = placed(x.index_select(1, (~good).nonzero()[:, 0]), y.stride())
            index = torch.where(good, -1, (~good).cumsum(0) - 1).int()
        trace = x.new_empty_strided(x.shape, (0,) * x.dim())
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(None if kept is x else y, kept, index, trace, weight)
        ctx.rest = (y.stride(), layout, kernels)
        if kept is x:
            ctx.compute_again, ctx.lasting = _compute_again, lasting(weight)
        return y, trace

    @staticmethod
    def backward(
        ctx: Any, *grads: torch.Tensor | None
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        over = held_once(grads)
        grad, grad_trace = grads
        if grad is None:
            return grad_trace, None, None
        y, kept, index, trace, weight = saved_of(ctx, last=True)
        stride, layout, kernels = ctx.rest
        if torch.is_grad_enabled() or has_no_address(grad):
            x = Through.apply(trace, recovered(y, kept, index, weight))
            grad_x, grad_weight = _differentiated(x, weight, grad)
        else:
            grad_x, grad_weight = _run_backward(grad, stride, layout, y, kept, index, weight, over, kernels)
        if grad_trace is not None:
            grad_x = grad_x + grad_trace
        needs = ctx.needs_input_grad
        return grad_x if needs[0] else None, grad_weight if needs[1] else None, None


def _compute_again(ctx: Any) -> torch.Tensor:
    """The output, to the bit, from the input that was kept."""
    _, x, _, _, weight = saved_of(ctx)
    (weight,) = ctx.lasting or (weight,)
    stride, layout, kernels = ctx.rest
    y = torch.empty_strided(x.shape, stride, dtype=x.dtype, device=x.device)
    kernels.prelu_forward(x if same_layout(x, stride) else y.copy_(x), y, _slopes(weight), *layout)
    return y


def _read_back(slopes: torch.Tensor, dtype: torch.dtype, kernels: Any) -> torch.Tensor | None:
    """Whose channels' x is read back from y; None: nobody's, as slopes on a device are not asked: that would wait."""
    return None if kernels is gpu_layers else (slopes >= LEAST[dtype]) & (slopes < torch.inf)


def recovered(
    y: torch.Tensor | None, kept: torch.Tensor | None, index: torch.Tensor | None, weight: torch.Tensor
) -> torch.Tensor:
    """The input, read back from the output; exact where it was kept."""
    with torch.no_grad():
        if y is None:
            assert kept is not None
            return kept
        slopes = _slopes(weight)
        shape = (-1, *[1] * (y.dim() - 2)) if len(weight) > 1 else (1,) * y.dim()
        x = torch.where(y > 0, y, (y.to(slopes.dtype) / slopes.view(shape)).to(y.dtype))
        if index is not None and kept is not None:
            x[:, index >= 0] = kept
        return x


def _differentiated(
    x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """In grad mode on the graph of `x`, `weight` and `grad`."""
    slopes = weight.view(-1, *[1] * (x.dim() - 2)) if len(weight) > 1 else weight.view((1,) * x.dim())
    positive = x > 0
    over = [i for i in range(x.dim()) if i != 1] if len(weight) > 1 else list(range(x.dim()))
    left = torch.where(positive, 0.0, grad * x)
    grad_weight = left.sum(over) if over else left
    return torch.where(positive, grad, grad * slopes), grad_weight.view(weight.shape)


def _run_backward(
    grad: torch.Tensor,
    stride: tuple[int, ...],
    layout: Layout,
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    index: torch.Tensor | None,
    weight: torch.Tensor,
    over: bool,
    kernels: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    if over and grad.stride() == stride:
        grad_x = grad
    else:
        grad_x = torch.empty_strided(grad.shape, stride, dtype=grad.dtype, device=grad.device)
        grad = grad if same_layout(grad, stride) else grad_x.copy_(grad)
    # the input may lie otherwise than the output, and hooks give back what they like
    y, kept = (None if t is None else placed(t, stride) for t in (y, kept))
    sums = torch.zeros(len(weight), dtype=torch.float64, device=grad.device)
    kernels.prelu_backward(grad, y, kept, index, grad_x, sums, _slopes(weight), *layout)
    return grad_x, sums.to(weight.dtype)


def _layout(y: torch.Tensor, weight: torch.Tensor) -> Layout:
    """(n, c, s) in memory, or (n, s, c): whatever the order of dimensions, the channels are somewhere between."""
    if len(weight) == 1:
        return Layout(1, 1, y.numel(), False)
    n, c, s = along(y, 1)
    return Layout(1, c, n, True) if s == 1 else Layout(n, c, s, False)


def _slopes(weight: torch.Tensor) -> torch.Tensor:
    """As the kernels take them."""
    weight = weight.detach().contiguous()
    return weight if weight.dtype == torch.float64 else weight.float()


def prelu(input: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """torch.nn.functional.prelu, keeping its output for backward instead of its input; values to the bit.

    f(x) = x if x > 0 else slope * x; f(0) = 0, f'(0) = slope; NaN stays NaN, with derivative slope. x is read back
    from y / slope for the gradient of the slopes, whose sums are taken in float64 across blocks.

    Args:
        input: a floating tensor, (N, C, ...) where there is one slope per channel.
        weight: one slope, or one per channel (dim 1), of the input's dtype.

    Returns:
        A tensor of the input's shape and dtype.

    Saved for backward: on the CPU with the native kernels the output, which the next layer mostly keeps anyway, and
    the input of those channels whose slope is not above 0 (or so small that y would be subnormal); elsewhere, and of
    fewer than 4,096 elements, the input, as torch: on a GPU too, where the kernels in Triton add up the gradient of
    the slopes in the pass that writes that of x. A slope so large that y overflows loses x. Where the output is kept,
    changing it in place before backward raises. Differentiable any number of times. Under torch.compile and functorch
    transforms it is torch's own.

    Source: He, Zhang, Ren, Sun 2015: Delving Deep into Rectifiers. ICCV. arXiv:1502.01852

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.prelu(torch.tensor([-2.0, 3.0]), torch.tensor([0.25]))
        tensor([-0.5000,  3.0000])
    """
    if has_torch_function((input, weight)):
        seen: torch.Tensor = handle_torch_function(prelu, (input, weight), input, weight)
        return seen
    arguments.tensor("prelu", "input", input, "other arrays are for leaky.prelu")
    arguments.tensor("prelu", "weight", weight, "leaky_relu takes a number")
    if torch.is_autocast_enabled(input.device.type) and input.is_floating_point():
        lower = torch.get_autocast_dtype(input.device.type)  # as autocast hands prelu its arguments
        input, weight = (t if t.dtype == torch.float64 else t.to(lower) for t in (input, weight))
    if _gains(input, weight) and (kernels := serving("prelu", input, weight)[0]) is not None:
        result: torch.Tensor
        with reading(input):
            result, _ = KeepOutput.apply(input, weight, kernels)
        return result
    return F.prelu(input, weight)


def _gains(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether x need not be kept: it is no leaf's data, and the shapes are those that torch takes."""
    return (
        torch.is_grad_enabled()
        and x.requires_grad
        and not tracing()  # torch.jit.trace would record what is asked here
        and weight.dtype == x.dtype
        and weight.device == x.device
        and weight.dim() == 1
        and (len(weight) == 1 or (x.dim() >= 2 and x.shape[1] == len(weight)))
    )
