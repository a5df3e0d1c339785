"""SiLU, GELU and others that keep their input: torch's to the bit, and backward can compute the output again.

`leaky.nn.recompute` says for whom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.nn import functional as F

from leaky.kernels.select import TENSORS, tracing
from leaky.nn.layers.from_output import SELU
from leaky.nn.recomputation import reading, saved_of

_ATEN = torch.ops.aten


class Curve(NamedTuple):
    """torch's function, and its gradient from the gradient of the output and the input."""

    function: Callable[..., torch.Tensor]
    gradient: Callable[..., torch.Tensor]
    settings: tuple[str, ...] = ()
    """What both take by name beside tensors; attributes of torch's module."""


def _of_hardtanh(
    grad: torch.Tensor, x: torch.Tensor, min_val: float = 0.0, max_val: float = 6.0
) -> torch.Tensor:
    found: torch.Tensor = _ATEN.hardtanh_backward(grad, x, min_val, max_val)
    return found


def _of_elu(grad: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
    found: torch.Tensor = _ATEN.elu_backward(grad, alpha, 1.0, 1.0, False, x)
    return found


def _of_celu(grad: torch.Tensor, x: torch.Tensor, alpha: float) -> torch.Tensor:
    found: torch.Tensor = _ATEN.elu_backward(grad, alpha, 1.0, 1.0 / alpha, False, x)
    return found


def _of_selu(grad: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = _ATEN.elu_backward(grad, *SELU, False, x)
    return found


CURVES: dict[type[torch.nn.Module], Curve] = {
    torch.nn.SiLU: Curve(F.silu, _ATEN.silu_backward),
    torch.nn.GELU: Curve(F.gelu, _ATEN.gelu_backward, ("approximate",)),
    torch.nn.Mish: Curve(F.mish, _ATEN.mish_backward),
    torch.nn.Hardswish: Curve(F.hardswish, _ATEN.hardswish_backward),
    torch.nn.ReLU6: Curve(F.relu6, _of_hardtanh),
    torch.nn.Hardtanh: Curve(F.hardtanh, _of_hardtanh, ("min_val", "max_val")),
    torch.nn.ELU: Curve(F.elu, _of_elu, ("alpha",)),
    torch.nn.CELU: Curve(F.celu, _of_celu, ("alpha",)),
    torch.nn.SELU: Curve(F.selu, _of_selu),
    torch.nn.Softplus: Curve(F.softplus, _ATEN.softplus_backward, ("beta", "threshold")),
}
"""By torch's class: each keeps its input in torch, out of place; a layer behind keeps the output beside it."""


class KeepInput(torch.autograd.Function):
    """y = f(x); keeps x, and computes y again for whoever would keep it."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, curve: Curve, settings: dict[str, Any]) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.rest = (curve, settings)
        y: torch.Tensor = curve.function(x, **settings)
        if y.dtype == x.dtype:  # else autocast has widened it (softplus on a GPU), and is over in backward
            ctx.compute_again = _compute_again
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (x,), (curve, settings) = saved_of(ctx, last=True), ctx.rest
        if not torch.is_grad_enabled():
            return curve.gradient(grads[0], x, **settings), None, None
        y = curve.function(
            x, **settings
        )  # torch takes other formulas where derivatives of any order are asked for
        return *torch.autograd.grad(y, x, grads[0], create_graph=True), None, None


def _compute_again(ctx: Any) -> torch.Tensor:
    (x,), (curve, settings) = saved_of(ctx), ctx.rest
    y: torch.Tensor = curve.function(x, **settings)
    return y


def curved(input: torch.Tensor, curve: Curve, settings: dict[str, Any]) -> torch.Tensor:
    """f(input), never in place: torch keeps a copy of the input there."""
    learns = torch.is_grad_enabled() and input.requires_grad
    result: torch.Tensor
    if not learns or tracing() or type(input) not in TENSORS:
        result = curve.function(input, **settings)
        return result
    with reading(input):
        result = KeepInput.apply(input, curve, settings)
    return result
