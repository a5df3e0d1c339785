"""The kernels in Triton of layers besides (leaky) ReLU and norms: the calls of `native_layers`, for tensors on a GPU.

Layouts as in `gpu`: every tensor dense, on one device, outputs of the inputs' shape and order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.kernels import gpu

if TYPE_CHECKING:
    import torch


def clamp_forward(
    x: torch.Tensor, out: torch.Tensor, low: float, high: float, mask: torch.Tensor | None
) -> None:
    """out = torch.nn.functional.hardtanh(x, low, high) to the bit; `out` may be `x`.

    `mask` (uint8, ceil(numel / 8) bytes) gets bit i % 8 of byte i // 8 = not (x <= low or x >= high), as torch's
    backward decides. The way back is `gpu.leaky_relu_backward(..., relu=True)`.
    """
    count = x.numel()
    if count:
        kernel = gpu.kernels("layers").clamp
        gpu.launch(kernel, x, count, x, out, mask, low, high, count, WORK=gpu.work_dtype(x))
