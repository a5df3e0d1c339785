"""Dropout that keeps one bit per element, of torch's own draws: training comes to the same losses."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import handle_torch_function, has_torch_function_unary

from leaky.kernels.select import serving
from leaky.nn import arguments
from leaky.nn.backward import has_no_address
from leaky.nn.layout import same_layout
from leaky.nn.ops import forward_with_bits, unpacked
from leaky.nn.reuse import held_once


class KeepKept(torch.autograd.Function):
    """y = x / (1 - p) where `drawn` is 1, x * 0 elsewhere, torch's dropout to the bit; one packed bit says where."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, drawn: torch.Tensor, scale: float, inplace: bool, kernels: Any
    ) -> torch.Tensor:
        def run(source: torch.Tensor, out: torch.Tensor, bits: torch.Tensor) -> None:
            kernels.dropout_forward(source, drawn, out, bits, scale)

        return forward_with_bits(ctx, x, inplace, (scale, kernels), run)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        over = held_once(grads)
        (bits,) = ctx.saved_tensors
        if torch.is_grad_enabled():
            grad = _Gradient.apply(grads[0], bits, *ctx.rest)
        else:
            grad = _multiply(grads[0], bits, *ctx.rest, over=over)
        return grad, None, None, None, None


class _Gradient(torch.autograd.Function):
    """grad * f'(x). Linear in grad and its own transpose, so it differentiates for ever."""

    @staticmethod
    def forward(
        ctx: Any, grad: torch.Tensor, bits: torch.Tensor, stride: tuple[int, ...], scale: float, kernels: Any
    ) -> torch.Tensor:
        ctx.save_for_backward(bits)
        ctx.rest = (stride, scale, kernels)
        return _multiply(grad, bits, *ctx.rest, over=False)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        return KeepKept.backward(ctx, *grads)


def _multiply(
    grad: torch.Tensor, bits: torch.Tensor, stride: tuple[int, ...], scale: float, kernels: Any, *, over: bool
) -> torch.Tensor:
    """grad * f'(x); `over` allows to write it over `grad`."""
    if has_no_address(grad):
        factor = torch.tensor(scale, dtype=grad.dtype, device=bits.device)
        return grad * (unpacked(bits, grad.shape, stride) * factor)
    if grad.stride() == stride:
        out = grad if over else torch.empty_like(grad)
    else:
        out = torch.empty_strided(grad.shape, stride, dtype=grad.dtype, device=grad.device)
        grad = grad if same_layout(grad, stride) else out.copy_(grad)
    kernels.dropout_backward(grad, bits, out, scale)
    return out


def dropout(
    input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> torch.Tensor:
    """torch.nn.functional.dropout to the bit and with its draws, keeping one bit per element for backward.

    In training each element is 0 with probability p, and x / (1 - p) otherwise; f' is 0 or 1 / (1 - p). What is
    dropped is multiplied by 0, as in torch: -x becomes -0, infinities and NaN become NaN. Otherwise f(x) = x.

    Args:
        input: a floating tensor of any shape, strides and device.
        p: the probability of 0, from 0 to 1, or torch's ValueError is raised.
        training: whether anything is dropped.
        inplace: write the result over the input.

    Returns:
        A tensor of the input's shape and dtype (the input itself, in place, and where nothing is dropped).

    Saved for backward: one bit per element on the CPU with the native kernels, where torch keeps a number of the
    input's dtype; of fewer than 65,536 elements, and on a GPU (one byte), what torch keeps. The generator is left as
    torch leaves it. Differentiable any number of times. Under torch.compile and functorch transforms it is
    torch's own.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014: Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting. JMLR.

    Example:
        >>> import torch, leaky
        >>> y = leaky.nn.functional.dropout(torch.ones(8), 0.75)
        >>> set(y.tolist()) <= {0.0, 4.0}
        True
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(dropout, (input,), input, p, training, inplace)
        return seen
    if not isinstance(input, torch.Tensor) or type(p) is not float or training is not True or inplace:
        arguments.tensor("dropout", "input", input, "write torch.as_tensor(...)")
        arguments.check("dropout", input, inplace, p=p)
        arguments.flag("dropout", "training", training)
    learns = input.requires_grad and torch.is_grad_enabled() and not (inplace and input.is_leaf)
    if training and learns and 0 < p < 1 and (kernels := serving("dropout", input)[0]) is not None:
        drawn = torch.empty_like(input, dtype=torch.bool, requires_grad=False).bernoulli_(1 - p)
        result: torch.Tensor = KeepKept.apply(input, drawn, _scale(p, input.dtype), inplace, kernels)
        return result
    return F.dropout(input, p, training, inplace)


@functools.lru_cache(maxsize=64)
def _scale(p: float, dtype: torch.dtype) -> float:
    """1 / (1 - p), rounded as torch does."""
    scale: float = torch.ones((), dtype=dtype, device="cpu").div_(1 - p).item()
    return scale
