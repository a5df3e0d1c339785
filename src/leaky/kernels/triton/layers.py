"""Layers besides (leaky) ReLU and norms, in Triton: hardtanh, and softplus' way back from its output."""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import keep, narrowed, read, widened, write


@triton.jit
def clamp(
    x,
    out,
    bits,
    low: tl.float64,
    high: tl.float64,
    count: tl.int64,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out = min(max(x, low), high) with the ends in x's dtype; bits: not (x <= low or x >= high), as they were."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    if start + BLOCK <= count:
        _clamp(x, out, bits, low, high, start, count, WORK, BLOCK, True)
    else:
        _clamp(x, out, bits, low, high, start, count, WORK, BLOCK, False)


@triton.jit
def _clamp(
    x,
    out,
    bits,
    low,
    high,
    start,
    count,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
    WHOLE: tl.constexpr,
):
    end = tl.minimum(count - start, BLOCK).to(tl.int32)
    at = tl.arange(0, BLOCK)
    value = read(x + start, at, end, WORK, WHOLE)
    low = tl.full([BLOCK], low, WORK)
    high = tl.full([BLOCK], high, WORK)
    floor = widened(narrowed(low, x.dtype.element_ty), WORK)
    ceiling = widened(narrowed(high, x.dtype.element_ty), WORK)
    write(
        out + start, at, tl.where(value < floor, floor, tl.where(value > ceiling, ceiling, value)), end, WHOLE
    )
    if bits is not None:
        inside = ((value <= low) | (value >= high)) == 0
        keep(bits + start // 8, inside, end, BLOCK, WHOLE)


@triton.jit
def softplus_backward(
    grad,
    y,
    out,
    beta: tl.float64,
    threshold: tl.float64,
    count: tl.int64,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out = grad * (1 - exp(-beta * y)), or grad where beta * y > threshold."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    if start + BLOCK <= count:
        _softplus(grad, y, out, beta, threshold, start, count, WORK, BLOCK, True)
    else:
        _softplus(grad, y, out, beta, threshold, start, count, WORK, BLOCK, False)


@triton.jit
def _softplus(
    grad,
    y,
    out,
    beta,
    threshold,
    start,
    count,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
    WHOLE: tl.constexpr,
):
    end = tl.minimum(count - start, BLOCK).to(tl.int32)
    at = tl.arange(0, BLOCK)
    given = read(grad + start, at, end, WORK, WHOLE)
    scaled = read(y + start, at, end, WORK, WHOLE) * tl.full([], beta, WORK)
    series = tl.full([BLOCK], 1.0, WORK)
    for term in tl.static_range(9, 1, -1):  # 1 - exp(-t) on the left, where exp(-t) is near 1
        series = 1.0 - scaled * series * (1.0 / term)
    slope = tl.where(scaled < 0.5, scaled * series, 1.0 - tl.exp(-scaled))
    write(out + start, at, tl.where(scaled > tl.full([], threshold, WORK), given, given * slope), end, WHOLE)
