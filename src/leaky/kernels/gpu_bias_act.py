"""The kernels in Triton of bias + activation, for tensors on a GPU: the calls and the bits of `native_bias_act`.

x, the output and the gradients are dense and of one order, (n, c, s) in memory, the bias along c; all on one device.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from leaky.kernels import gpu

if TYPE_CHECKING:
    from leaky.kernels.native_bias_act import Lines

TILE = 2048
"""Elements of a tile of the sums, of 4 warps: 4 vectors of 16 bytes a thread in flight."""
SHARE = 16
"""Tiles a program adds up before it leaves a number: fewer fill a device of few channels, more leave less to add."""


def bias_act_forward(
    x: torch.Tensor,
    bias: torch.Tensor | None,
    out: torch.Tensor,
    bits: torch.Tensor | None,
    lines: Lines,
    n: int,
    c: int,
    s: int,
) -> None:
    """out = lines(x + bias); `out` may be `x`, and `bits` get what backward needs (see `native_bias_act`)."""
    count = n * c * s
    if not count:
        return
    space, channels = _division(c, s)
    gpu.launch(
        gpu.kernels("bias_act").forward,
        x,
        count,
        x,
        bias,
        out,
        bits,
        *_numbers(lines),
        count,
        c,
        s,
        (count + 7) // 8,
        s.bit_length() - 1,
        KIND=lines.kind,
        CLAMP=not math.isnan(lines.clamp),
        PLANES=0 if bits is None else lines.planes,
        SPACE=space,
        CHANNELS=channels,
        WORK=gpu.work_dtype(x),
    )


def bias_act_backward(
    grad: torch.Tensor,
    bits: torch.Tensor | None,
    grad_x: torch.Tensor | None,
    grad_bias: torch.Tensor | None,
    lines: Lines,
    n: int,
    c: int,
    s: int,
) -> None:
    """The gradient of x (may be written over `grad`) and its sums along all but c, each where it is given.

    `grad_bias` has c entries of float32, float64 for float64. The order of the sums depends on the shape alone.
    """
    count = n * c * s
    if not count:
        if grad_bias is not None:
            grad_bias.zero_()
        return
    constants = {"KIND": lines.kind, "PLANES": lines.planes, "WORK": gpu.work_dtype(grad)}
    plane, slopes = (count + 7) // 8, _numbers(lines)[:2]
    if grad_bias is None:
        kernel = gpu.kernels("bias_act").backward
        gpu.launch(kernel, grad, count, grad, bits, grad_x, *slopes, count, plane, **constants)
        return
    rows = _power(-(-TILE // (s if s > 1 else c)))
    width = TILE // rows
    if s > 1:
        tiles, lanes = -(-n // rows) * -(-s // width), c
    else:
        tiles, lanes = -(-n // rows), -(-c // width)
    splits = -(-tiles // SHARE)
    per = -(-tiles // splits)
    sums = torch.empty((c, splits) if s > 1 else (splits, c), dtype=grad_bias.dtype, device=grad.device)
    tensors = (grad, bits, grad_x, sums)
    subject, sizes = gpu.kernels("bias_sums"), (n, c, s) if s > 1 else (n, c)
    constants |= {"N": rows, "S" if s > 1 else "C": width, "num_warps": 4}
    kernel = subject.rows if s > 1 else subject.columns
    gpu.run(kernel, grad, lanes * splits, *tensors, *slopes, *sizes, plane, per, splits, **constants)
    torch.sum(sums, 1 if s > 1 else 0, out=grad_bias)


def _numbers(lines: Lines) -> tuple[float, float, float]:
    return lines.upper, lines.lower, lines.clamp


def _division(c: int, s: int) -> tuple[int, int]:
    """How the kernel finds channels: its SPACE and CHANNELS."""
    none, long, power, other = range(4)
    space = none if s == 1 else long if s >= gpu.BLOCK else power if s & (s - 1) == 0 else other
    span = gpu.BLOCK if s == 1 else 2 if s >= gpu.BLOCK else gpu.BLOCK // s + 2
    wrap = 0
    return space, wrap if c >= span else power if c & (c - 1) == 0 else other


def _power(number: int) -> int:
    """The power of two from `number` on, up to a tile."""
    return min(1 << (number - 1).bit_length(), TILE)
