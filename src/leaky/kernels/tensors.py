"""The catalogue's functions on torch's tensors: native programs on the CPU, the input alone kept for backward.

The formula in torch's operations serves other devices, and whoever looks inside (torch.compile, vmap, forward mode,
double backward). It takes a dozen passes over memory, and differentiated by autograd it keeps as many tensors and
loses digits: expm1(x) + 1 is no exp(x) far on the left. So curves are given the entry's derivative on every device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from leaky.catalogue import TABLE
from leaky.kernels import native_arrays
from leaky.kernels.dense import Dense, by_element
from leaky.kernels.select import TENSORS, Choice, missing, obstacle, tracing

if TYPE_CHECKING:
    from leaky.catalogue import Activation

_DTYPES: dict[torch.dtype, np.dtype[Any]] = {
    torch.float16: np.dtype("f2"),
    torch.float32: np.dtype("f4"),
    torch.float64: np.dtype("f8"),
}
_VALUES = {name: Dense(entry) for name, entry in TABLE.items()}
_SLOPES = {name: Dense(entry, derivative=True) for name, entry in TABLE.items()}


def value(
    activation: Activation, x: torch.Tensor, positional: tuple[Any, ...], named: dict[str, Any]
) -> torch.Tensor | None:
    """f(x), differentiable; None where the formula has to serve, and autograd to differentiate it."""
    if tracing() or type(x) not in TENSORS or x.layout is not torch.strided or not x.is_floating_point():
        return None
    missing(f"leaky.{activation.name}", x)
    dtype = None if obstacle(x) is not None else _DTYPES.get(x.dtype)
    program = None if dtype is None else _VALUES[activation.name].choose(dtype, positional, named).program
    if not (x.requires_grad and torch.is_grad_enabled()):
        return None if program is None else _run(program, x)
    values = activation.bind(*positional, **named)
    if program is None and (activation.piecewise_linear or not by_element(activation, values)):
        return None
    slope = None if dtype is None else _SLOPES[activation.name].choose(dtype, positional, named).program
    result: torch.Tensor = _KeepInput.apply(x, program, slope, activation, values)
    return result


def explain(operation: str, x: torch.Tensor, parameters: dict[str, Any]) -> Choice:
    """Who serves the entry called `operation` on this very tensor, why, and what is kept for backward."""
    missing(f"leaky.{operation}", x)
    reason, dtype = obstacle(x), _DTYPES.get(x.dtype)
    if reason is None:
        choice = None if dtype is None else _VALUES[operation].choose(dtype, (), parameters)
        if choice is None:
            reason = f"dtype {x.dtype} has no native program"
        elif choice.program is None:
            reason = choice.reason
    if reason is None:
        return Choice("native", "a CPU tensor of a supported dtype", "its input")
    entry = TABLE[operation]
    curve = not entry.piecewise_linear and by_element(entry, entry.bind(**parameters)) and not tracing()
    return Choice("formula", reason, "its input" if curve else "what its operations in torch keep")


class _KeepInput(torch.autograd.Function):
    """f(x); keeps x."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, program: Any, slope: Any, activation: Activation, values: dict[str, Any]
    ) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.rest = slope, activation, values
        result: torch.Tensor = activation.value(x, **values) if program is None else _run(program, x)
        return result

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        (x,) = ctx.saved_tensors
        slope, activation, values = ctx.rest
        (grad,) = grads
        if torch.is_grad_enabled() or tracing() or torch._C._functorch.is_legacy_batchedtensor(grad):
            with torch.enable_grad():
                (grad_x,) = torch.autograd.grad(
                    activation.value(x, **values), x, grad, create_graph=torch.is_grad_enabled()
                )
        else:
            grad_x = activation.derivative(x, **values) if slope is None else _run(slope, x)
            grad_x = grad_x.mul_(grad)
            # 0 times infinity is 0 on straight pieces
            if activation.piecewise_linear and not torch.isfinite(grad_x.sum()):
                slopes = activation.derivative(x, **values)
                grad_x = torch.where(slopes == 0, slopes, grad_x)
        return grad_x, None, None, None, None


def _run(program: Any, x: torch.Tensor) -> torch.Tensor:
    x = x.detach()
    if not x.is_contiguous() and not torch.ops.aten.is_non_overlapping_and_dense(x):
        x = x.contiguous()
    out = torch.empty_like(x)
    whole = (x.numel(),), (1,)
    program.run(x.as_strided(*whole).numpy(), out.as_strided(*whole).numpy(), native_arrays.array_threads())
    return out
