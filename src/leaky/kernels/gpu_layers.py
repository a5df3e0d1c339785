"""The kernels in Triton of layers besides (leaky) ReLU and norms: the calls of `native_layers`, for tensors on a GPU.

Layouts as in `gpu`: every tensor dense, on one device, outputs of the inputs' shape and order.
"""

from __future__ import annotations

import torch

from leaky.kernels import gpu
from leaky.kernels.gpu import leaky_relu_backward as leaky_relu_backward
from leaky.kernels.gpu_walk import walk_of


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


def softplus_backward(
    grad: torch.Tensor, y: torch.Tensor, out: torch.Tensor, beta: float, threshold: float
) -> None:
    """out = grad * (1 - exp(-beta * y)), or grad where beta * y > threshold; `out` may be `grad`. Not for float64."""
    count = grad.numel()
    if count:
        kernel = gpu.kernels("layers").softplus_backward
        gpu.launch(kernel, grad, count, grad, y, out, beta, threshold, count, WORK=gpu.work_dtype(grad))


def prelu_forward(
    x: torch.Tensor,
    out: torch.Tensor,
    slopes: torch.Tensor,
    n: int,
    c: int,
    s: int,
    channels_last: bool,
) -> None:
    """out = x if x > 0 else slope * x, x (n, c, s) in memory or (n, s, c) with `channels_last`; `out` may be `x`.

    `slopes` has c entries, float32 (float64 for float64).
    """
    if x.numel():
        walk = walk_of(n, c, s, channels_last)
        kernel, work = gpu.kernels("prelu").forward, gpu.work_dtype(x)
        gpu.run(kernel, x, walk.programs, x, out, slopes, *walk.runs, WORK=work, **walk.sizes)


def prelu_backward(
    grad: torch.Tensor,
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    kept_index: None,
    grad_x: torch.Tensor,
    grad_slopes: torch.Tensor,
    slopes: torch.Tensor,
    n: int,
    c: int,
    s: int,
    channels_last: bool,
) -> None:
    """The gradients of `prelu_forward` from its input `kept`, or where that is None from its output y.

    As `native_layers.prelu_backward`, which see; the input of some channels alone cannot be kept, so no `kept_index`.
    """
    if not grad.numel():
        grad_slopes.zero_()
        return
    walk = walk_of(n, c, s, channels_last)
    kernel, work = gpu.kernels("prelu").backward, gpu.work_dtype(grad)
    sums = torch.empty(walk.parts, dtype=torch.float64, device=grad.device)
    tensors = (grad, y if kept is None else kept, grad_x, sums, slopes)
    constants = {"KEPT": kept is not None, "WORK": work, **walk.sizes}
    gpu.run(kernel, grad, walk.programs, *tensors, *walk.runs, **constants)
    torch.sum(sums, 1, out=grad_slopes)


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
