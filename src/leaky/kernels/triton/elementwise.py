"""Leaky ReLU and ReLU in Triton, with one bit per element for the way back: the numbers of native/elementwise.hpp.

One program takes BLOCK elements that follow each other in memory and BLOCK / 8 bytes of bits: no two programs share
a byte, so nothing is atomic. Half types are computed in float32, as torch does, float64 in float64 (`WORK`).
"""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import keep, kept, read, write


@triton.jit
def forward(
    x,
    out,
    bits,
    negative_slope: tl.float64,
    count: tl.int64,
    RELU: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out = x if x > 0 else negative_slope * x (RELU: torch.relu); bits, where there are: the side of backward."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    slope = tl.full([], negative_slope, WORK)
    if start + BLOCK <= count:
        _forward(x, out, bits, slope, start, count, RELU, WORK, BLOCK, True)
    else:
        _forward(x, out, bits, slope, start, count, RELU, WORK, BLOCK, False)


@triton.jit
def _forward(
    x,
    out,
    bits,
    slope,
    start,
    count,
    RELU: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
    WHOLE: tl.constexpr,
):
    end = tl.minimum(count - start, BLOCK).to(tl.int32)
    at = tl.arange(0, BLOCK)
    value = read(x + start, at, end, WORK, WHOLE)
    if RELU:  # NaN stays NaN, with derivative 1
        upper = tl.where(value <= 0, 0, 1) != 0
        result = tl.where(value < 0, tl.zeros_like(value), value)
    else:
        upper = value > 0
        result = tl.where(upper, value, value * slope)
    write(out + start, at, result, end, WHOLE)
    if bits is not None:
        keep(bits + start // 8, upper, end, BLOCK, WHOLE)


@triton.jit
def backward(
    grad,
    bits,
    out,
    negative_slope: tl.float64,
    count: tl.int64,
    RELU: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out = grad where the bit is set, else negative_slope * grad (RELU: 0)."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    slope = tl.full([], negative_slope, WORK)
    if start + BLOCK <= count:
        _backward(grad, bits, out, slope, start, count, RELU, WORK, BLOCK, True)
    else:
        _backward(grad, bits, out, slope, start, count, RELU, WORK, BLOCK, False)


@triton.jit
def _backward(
    grad,
    bits,
    out,
    slope,
    start,
    count,
    RELU: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
    WHOLE: tl.constexpr,
):
    end = tl.minimum(count - start, BLOCK).to(tl.int32)
    at = tl.arange(0, BLOCK)
    value = read(grad + start, at, end, WORK, WHOLE)
    below = tl.zeros_like(value) if RELU else value * slope
    upper = kept(bits + start // 8, end, BLOCK, WHOLE)
    write(out + start, at, tl.where(upper, value, below), end, WHOLE)
