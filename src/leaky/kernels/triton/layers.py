"""Layers besides (leaky) ReLU and norms, in Triton: the numbers of native/clamp.hpp."""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import narrowed, packed, read, widened, write


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
        write(
            bits + start // 8,
            tl.arange(0, BLOCK // 8),
            packed(inside & (at < end), BLOCK),
            (end + 7) // 8,
            WHOLE,
        )
