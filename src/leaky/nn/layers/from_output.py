"""ELU, CELU, SELU and Softplus, which keep their output, as the next layer mostly does, and not their input."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import handle_torch_function, has_torch_function_unary

from leaky.errors import ArgumentError
from leaky.kernels.select import LAYERS, SMALL, TENSORS, serving, tracing
from leaky.nn import arguments
from leaky.nn.backward import has_no_address
from leaky.nn.layout import same_layout
from leaky.nn.reuse import held_once

SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0)
"""Alpha, scale and the input's scale, as torch has them."""
_JUMP = 1e-8
"""Softplus jumps by exp(-threshold) / beta where it becomes x; which side y is on must not matter."""


class KeepEluOutput(torch.autograd.Function):
    """y = scale * x if x > 0 else scale * alpha * expm1(x * input_scale), torch's to the bit; keeps y.

    f' = scale where y > 0, else input_scale * (y + scale * alpha). For alpha >= 0.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, alpha: float, scale: float, input_scale: float) -> torch.Tensor:
        y: torch.Tensor = torch.ops.aten.elu(x, alpha, scale, input_scale)
        ctx.save_for_backward(y)
        ctx.rest = (alpha, scale, input_scale)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        over = held_once(grads)
        (y,), (alpha, scale, input_scale) = ctx.saved_tensors, ctx.rest
        (grad,) = grads
        if torch.is_grad_enabled() or has_no_address(grad):
            slope = torch.where(y > 0, scale, input_scale * (y + scale * alpha))
            found = grad * torch.where(y.isnan(), scale, slope)
        elif over and grad.stride() == y.stride():
            torch.ops.aten.elu_backward.grad_input(grad, alpha, scale, input_scale, True, y, grad_input=grad)
            found = grad
        else:
            found = torch.ops.aten.elu_backward(grad, alpha, scale, input_scale, True, y)
        return found, None, None, None


class KeepSoftplusOutput(torch.autograd.Function):
    """y = log1p(exp(beta * x)) / beta, x itself where beta * x > threshold, torch's to the bit; keeps y.

    f' = 1 - exp(-beta * y).
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, beta: float, threshold: float, kernels: Any) -> torch.Tensor:
        y = F.softplus(x, beta, threshold)
        ctx.save_for_backward(y)
        ctx.rest = (beta, threshold, y.stride(), kernels)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        over = held_once(grads)
        (y,), (beta, threshold, stride, kernels) = ctx.saved_tensors, ctx.rest
        (grad,) = grads
        if torch.is_grad_enabled() or has_no_address(grad):
            scaled = y * beta
            return grad * torch.where(scaled > threshold, 1.0, -torch.expm1(-scaled)), None, None, None
        if kernels is None:
            return _slope_of(y, beta, threshold).mul_(grad), None, None, None
        y = y if same_layout(y, stride) else _in_memory_as(stride, y).copy_(y)
        if grad.stride() == stride:
            out = grad if over else torch.empty_like(grad)
        else:
            out = _in_memory_as(stride, grad)
            grad = grad if same_layout(grad, stride) else out.copy_(grad)
        kernels.softplus_backward(grad, y, out, beta, threshold)
        return out, None, None, None


def _in_memory_as(stride: tuple[int, ...], x: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(x.shape, stride, dtype=x.dtype, device=x.device)


def _slope_of(y: torch.Tensor, beta: float, threshold: float) -> torch.Tensor:
    """f' in one tensor of new memory."""
    scaled = y * -beta
    linear = scaled < -threshold
    return scaled.expm1_().neg_().masked_fill_(linear, 1.0)


def elu(input: torch.Tensor, alpha: float = 1.0, inplace: bool = False) -> torch.Tensor:
    """torch.nn.functional.elu to the bit, keeping its output for backward instead of its input.

    f(x) = x if x > 0 else alpha * expm1(x); f(0) = 0, f'(0) = alpha; NaN stays NaN, with derivative 1, as in torch.
    Backward takes f' = y + alpha from the output, as torch does in place: it is exact to half a unit in the last
    place of alpha, so a slope of alpha / 1000 keeps four digits in float32. In half precision that is too few, and
    the input is kept.

    Args:
        input: a floating tensor of any shape, strides and device.
        alpha: any number; torch's own function serves below 0, where the output does not tell the side.
        inplace: write the result over the input, which is torch's own.

    Returns:
        A tensor of the input's shape and dtype (the input itself, in place).

    Saved for backward: the output, which the next layer mostly keeps anyway; of fewer than 4,096 elements and in half
    precision the input. Changing the output in place before backward raises there. Differentiable any number of
    times. Under torch.compile and functorch transforms it is torch's own.

    Source: Clevert, Unterthiner, Hochreiter 2016: Fast and Accurate Deep Network Learning by Exponential Linear
    Units. ICLR. arXiv:1511.07289

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.elu(torch.tensor([-2.0, 3.0]))
        tensor([-0.8647,  3.0000])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(elu, (input,), input, alpha, inplace)
        return seen
    if not isinstance(input, torch.Tensor) or type(alpha) is not float or inplace is not False:
        arguments.check("elu", input, inplace, alpha=alpha)
    if inplace or not 0 <= alpha < math.inf or not _gains("elu", input):
        return F.elu(input, alpha, inplace)
    serving("elu", input)  # raises where kernels are asked for that nobody has written
    result: torch.Tensor = KeepEluOutput.apply(input, float(alpha), 1.0, 1.0)
    return result


def celu(input: torch.Tensor, alpha: float = 1.0, inplace: bool = False) -> torch.Tensor:
    """torch.nn.functional.celu to the bit, keeping its output for backward instead of its input.

    f(x) = x if x > 0 else alpha * expm1(x / alpha); f' = 1 + y / alpha on the left; f'(0) = 1. As `elu` otherwise.

    Source: Barron 2017: Continuously Differentiable Exponential Linear Units. arXiv:1704.07483

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.celu(torch.tensor([-2.0, 3.0]), 2.0)
        tensor([-1.2642,  3.0000])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(celu, (input,), input, alpha, inplace)
        return seen
    if not isinstance(input, torch.Tensor) or type(alpha) is not float or inplace is not False:
        arguments.check("celu", input, inplace, alpha=alpha)
    if inplace or not 0 < alpha < math.inf or not _gains("celu", input):
        return F.celu(input, alpha, inplace)
    serving("celu", input)  # raises where kernels are asked for that nobody has written
    result: torch.Tensor = KeepEluOutput.apply(input, float(alpha), 1.0, 1.0 / alpha)
    return result


def selu(input: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """torch.nn.functional.selu to the bit, keeping its output for backward instead of its input.

    f(x) = scale * (x if x > 0 else alpha * expm1(x)), scale 1.0507, alpha 1.6733; f'(0) = scale * alpha. As `elu`
    otherwise.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter 2017: Self-Normalizing Neural Networks. NeurIPS. arXiv:1706.02515

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.selu(torch.tensor([-2.0, 3.0]))
        tensor([-1.5202,  3.1521])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(selu, (input,), input, inplace)
        return seen
    if not isinstance(input, torch.Tensor) or inplace is not False:
        arguments.check("selu", input, inplace)
    if inplace or not _gains("selu", input):
        return F.selu(input, inplace)
    serving("selu", input)  # raises where kernels are asked for that nobody has written
    result: torch.Tensor = KeepEluOutput.apply(input, *SELU)
    return result


def softplus(input: torch.Tensor, beta: float = 1.0, threshold: float = 20.0) -> torch.Tensor:
    """torch.nn.functional.softplus to the bit, keeping its output for backward instead of its input.

    f(x) = log1p(exp(beta * x)) / beta, and x itself where beta * x > threshold; f'(0) = 1/2; NaN stays NaN, with
    derivative NaN. Backward takes f' = 1 - exp(-beta * y) from the output, which loses no digits in either tail.

    Args:
        input: a floating tensor of any shape, strides and device.
        beta: not 0.
        threshold: below 18.5 the curve jumps by more than 1e-8 / beta there, the output does not tell the side, and
            torch's own function serves.

    Returns:
        A tensor of the input's shape and dtype.

    Raises:
        ArgumentError: `beta` is 0.
        ArgumentTypeError: an argument is of another kind.

    Saved for backward: the output, which the next layer mostly keeps anyway; of fewer than 4,096 elements the input.
    Changing the output in place before backward raises there. Differentiable any number of times. Under torch.compile
    and functorch transforms it is torch's own.

    Source: Dugas, Bengio, Belisle, Nadeau, Garcia 2001: Incorporating Second-Order Functional Knowledge for Better
    Option Pricing. NeurIPS.

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.softplus(torch.tensor([-2.0, 3.0]))
        tensor([0.1269, 3.0486])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(softplus, (input,), input, beta, threshold)
        return seen
    if torch.compiler.is_compiling():  # to which beta may be a symbol
        return F.softplus(input, beta, threshold)
    if not isinstance(input, torch.Tensor) or type(beta) is not float or type(threshold) is not float:
        arguments.check("softplus", input, beta=beta, threshold=threshold)
    if beta == 0:
        raise ArgumentError(f"softplus: `beta` must not be 0, got {beta}; as it grows, softplus becomes relu")
    if not (_gains("softplus", input) and math.isfinite(beta) and threshold >= -math.log(_JUMP)):
        return F.softplus(input, beta, threshold)
    if abs(beta) * torch.finfo(input.dtype).max < threshold:  # y may overflow where f' is not yet 1
        return F.softplus(input, beta, threshold)
    kernels, _ = serving("softplus", input)
    result: torch.Tensor = KeepSoftplusOutput.apply(input, float(beta), float(threshold), kernels)
    return result


def _gains(layer: str, x: torch.Tensor) -> bool:
    """Whether keeping the output of `layer` is of use, and seen by nobody but autograd."""
    return (
        x.requires_grad
        and torch.is_grad_enabled()
        and not tracing()  # first: torch.jit.trace would record what is asked here
        and x.numel() >= SMALL
        and x.dtype in LAYERS[layer].from_output
        and type(x) in TENSORS
        and x.layout is torch.strided
    )
