"""ReLU6 and Hardtanh, which keep one bit per element."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import handle_torch_function, has_torch_function_unary

from leaky.kernels.select import serving
from leaky.nn import arguments
from leaky.nn.ops import KeepBits, forward_with_bits


class KeepInside(KeepBits):
    """y = min(max(x, low), high), torch's hardtanh to the bit; one packed bit says whether x is between the ends.

    Backward is ReLU's: the gradient where the bit is set, 0 elsewhere.
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, low: float, high: float, inplace: bool, kernels: Any
    ) -> torch.Tensor:
        def run(source: torch.Tensor, out: torch.Tensor, bits: torch.Tensor) -> None:
            kernels.clamp_forward(source, out, low, high, bits)

        return forward_with_bits(ctx, x, inplace, (0.0, True, kernels), run)


def hardtanh(
    input: torch.Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> torch.Tensor:
    """torch.nn.functional.hardtanh to the bit, keeping one bit per element for backward.

    f(x) = min(max(x, min_val), max_val); f' = 1 between the ends, 0 at both and beyond; -0 stays where it is between
    them; NaN stays NaN, with derivative 1 (torch's is 1 at the end of an array and 0 in its vectors).

    Args:
        input: a floating tensor of any shape, strides and device.
        min_val: the smallest value.
        max_val: the largest value, not below `min_val`, or torch's ValueError is raised.
        inplace: write the result over the input.

    Returns:
        A tensor of the input's shape and dtype (the input itself, in place).

    Saved for backward: one bit per element with the native kernels, or on a GPU with those in Triton; elsewhere, and
    of fewer than 4,096 elements (65,536 on a GPU), what torch keeps, which is the input. Differentiable any number of
    times. Under torch.compile and functorch transforms it is torch's own.

    Source: Collobert 2004: Large Scale Machine Learning.

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.hardtanh(torch.tensor([-2.0, 0.5, 3.0]))
        tensor([-1.0000,  0.5000,  1.0000])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(hardtanh, (input,), input, min_val, max_val, inplace)
        return seen
    ordinary = isinstance(input, torch.Tensor) and type(min_val) is type(max_val) is float
    if not ordinary or inplace is not False:
        arguments.check("hardtanh", input, inplace, min_val=min_val, max_val=max_val)
    ordered = min_val <= max_val
    if ordered and _learns(input, inplace) and (kernels := serving("hardtanh", input)[0]) is not None:
        result: torch.Tensor = KeepInside.apply(input, float(min_val), float(max_val), inplace, kernels)
        return result
    return F.hardtanh(input, min_val, max_val, inplace)


def relu6(input: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """torch.nn.functional.relu6 to the bit, keeping one bit per element for backward.

    f(x) = min(max(x, 0), 6); f'(0) = f'(6) = 0; NaN stays NaN. `hardtanh` between 0 and 6: arguments, result and what
    is saved are as there.

    Source: Krizhevsky 2010: Convolutional Deep Belief Networks on CIFAR-10.

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.relu6(torch.tensor([-2.0, 3.0, 8.0]))
        tensor([0., 3., 6.])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(relu6, (input,), input, inplace)
        return seen
    if not isinstance(input, torch.Tensor) or inplace is not False:
        arguments.check("relu6", input, inplace)
    if _learns(input, inplace) and (kernels := serving("relu6", input)[0]) is not None:
        result: torch.Tensor = KeepInside.apply(input, 0.0, 6.0, inplace, kernels)
        return result
    return F.relu6(input, inplace)


def _learns(input: torch.Tensor, inplace: bool) -> bool:
    """Whether a backward will be wanted; torch refuses to write over a leaf, before anything is written."""
    return input.requires_grad and torch.is_grad_enabled() and not (inplace and input.is_leaf)
