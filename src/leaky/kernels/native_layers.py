"""The native kernels of layers besides (leaky) ReLU and norms, for torch's tensors: addresses and sizes, as `native`.

Every tensor is dense and on the CPU, outputs have the inputs' shape and order, and nothing is allocated here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.kernels import native

if TYPE_CHECKING:
    import torch


def clamp_forward(
    x: torch.Tensor,
    out: torch.Tensor,
    low: float,
    high: float,
    mask: torch.Tensor | None,
    threads: int | None = None,
) -> None:
    """out = torch.nn.functional.hardtanh(x, low, high) to the bit; `out` may be `x`.

    `mask` (uint8, ceil(numel / 8) bytes) gets bit i % 8 of byte i // 8 = not (x <= low or x >= high), as torch's
    backward decides. The way back is `native.leaky_relu_backward(..., relu=True)`.
    """
    native.compiled().clamp(
        x.data_ptr(),
        out.data_ptr(),
        native._address(mask),
        x.numel(),
        native._same_dtype(x, out),
        low,
        high,
        native._threads(threads),
    )


def softplus_backward(
    grad: torch.Tensor,
    y: torch.Tensor,
    out: torch.Tensor,
    beta: float,
    threshold: float,
    threads: int | None = None,
) -> None:
    """out = grad * (1 - exp(-beta * y)), or grad where beta * y > threshold; `out` may be `grad`. Not for float64."""
    native.compiled().softplus_backward(
        grad.data_ptr(),
        y.data_ptr(),
        out.data_ptr(),
        grad.numel(),
        native._same_dtype(grad, out),
        beta,
        threshold,
        native._threads(threads),
    )
