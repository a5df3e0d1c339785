"""The kernels in Triton of layers besides (leaky) ReLU and norms: the calls of `native_layers`, for tensors on a GPU.

Layouts as in `gpu`: every tensor dense, on one device, outputs of the inputs' shape and order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.kernels import gpu
from leaky.kernels.gpu import leaky_relu_backward as leaky_relu_backward

if TYPE_CHECKING:
    import torch


def clamp_forward(
    x: torch.Tensor, out: torch.Tensor, low: float, high: float, mask: torch.Tensor | None
) -> None:
    """out = torch.nn.functional.hardtanh(x, low, high) to the bit; `out` may be `x`.

    `mask` (uint8, ceil(numel / 8) bytes) gets bit i % 8 of byte i // 8 = not (x <= low or x >= high), as torch's
    backward decides. The way back is `leaky_relu_backward(..., relu=True)`.
    """
    count = x.numel()
    if count:
        kernel = gpu.kernels("layers").clamp
        gpu.launch(kernel, x, count, x, out, mask, low, high, count, WORK=gpu.work_dtype(x))


def rrelu_forward(
    x: torch.Tensor,
    out: torch.Tensor,
    low: float,
    high: float,
    seed: torch.Tensor,
    mask: torch.Tensor | None,
    *,
    divide: bool = False,
) -> None:
    """out = x if not x <= 0 else x * A (`divide`: x / A), A from U(low, high) for every element; `out` may be `x`.

    A is `native_layers.rrelu_forward`'s for the same `seed`, one int64 on x's device. `mask` (uint8, ceil(numel / 8)
    bytes) gets bit i % 8 of byte i // 8 = not x <= 0.
    """
    _rrelu(x, out, low, high, seed, mask, divide, False)


def rrelu_backward(
    grad: torch.Tensor,
    mask: torch.Tensor,
    out: torch.Tensor,
    low: float,
    high: float,
    seed: torch.Tensor,
    *,
    divide: bool = False,
) -> None:
    """out = grad where the bit is set, else grad * A (`divide`: grad / A), A as in forward; `out` may be `grad`."""
    _rrelu(grad, out, low, high, seed, mask, divide, True)


def _rrelu(
    given: torch.Tensor,
    out: torch.Tensor,
    low: float,
    high: float,
    seed: torch.Tensor,
    mask: torch.Tensor | None,
    divide: bool,
    back: bool,
) -> None:
    count = given.numel()
    if count:
        constants = {"BACK": back, "DIVIDE": divide, "WORK": gpu.work_dtype(given)}
        kernel = gpu.kernels("rrelu").rrelu
        gpu.launch(kernel, given, count, given, out, mask, seed, low, high, count, **constants)
