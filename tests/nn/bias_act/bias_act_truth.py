"""bias_act's formula once more, independently, in float64, and its gradients as they are documented."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

Curve = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def _lines(slope: float) -> Curve:
    def curve(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        low = torch.zeros_like(z) if slope == 0 else slope * z
        steep = torch.full_like(z, slope).masked_fill(z > 0, 1.0)
        steep = steep.masked_fill(z.isnan(), 1.0) if slope == 0 else steep  # as torch's
        return torch.where((z > 0) | z.isnan(), z, low), steep

    return curve


def _sigmoid(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return 1 / (1 + (-z).exp()), z.exp() / (1 + z.exp()) ** 2


def _elu(z: torch.Tensor, scale: float = 1.0, alpha: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    return scale * torch.where(z > 0, z, alpha * z.expm1()), scale * torch.where(z > 0, 1.0, alpha * z.exp())


def _softplus(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (1 + z.exp()).log(), 1 / (1 + (-z).exp())


def _silu(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    s, steep = _sigmoid(z)
    return z * s, s + z * steep


def _gelu(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    below = (1 + torch.erf(z / math.sqrt(2))) / 2
    return z * below, below + z * (-z * z / 2).exp() / math.sqrt(2 * math.pi)


SELU = (1.0507009873554804934193349852946, 1.6732632423543772848170429916717)
LINES: dict[str | None, Curve] = {
    None: lambda z: (z, torch.ones_like(z)),
    "relu": _lines(0.0),
    "leaky_relu(negative_slope=0.2)": _lines(0.2),
    "leaky_relu(negative_slope=-0.3)": _lines(-0.3),
    "very_leaky_relu": _lines(1 / 3),
}
CURVES: dict[str | None, Curve] = {
    "sigmoid": _sigmoid,
    "tanh": lambda z: (z.tanh(), 1 - z.tanh() ** 2),
    "elu": _elu,
    "selu": lambda z: _elu(z, *SELU),
    "softplus": _softplus,
    "silu": _silu,
    "gelu": _gelu,
    "hardtanh": lambda z: (z.clamp(-1, 1), ((z > -1) & (z < 1)).to(z.dtype)),
}
ALL = LINES | CURVES


def truth(
    name: str | None,
    x: torch.Tensor,
    bias: torch.Tensor | None,
    grad: torch.Tensor,
    *,
    gain: float = 1.0,
    clamp: float | None = None,
    dim: int = 1,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """y, and the gradients of x and bias, in float64."""
    z = x.detach().double()
    if bias is not None:
        z = z + bias.detach().double().view([-1 if i == dim % x.dim() else 1 for i in range(x.dim())])
    y, steep = ALL[name](z)
    y, steep = gain * y, gain * steep
    if clamp is not None:
        reached = y.abs() >= clamp
        y, steep = torch.where(reached, clamp * y.sign(), y), torch.where(reached, 0.0, steep)
    grad_x = torch.where(steep == 0, 0.0, grad.double() * steep)
    others = [i for i in range(x.dim()) if i != dim % x.dim()] if x.dim() else []
    grad_bias = None if bias is None else grad_x.sum(others) if others else grad_x
    return y, grad_x, grad_bias
