"""Randomized leaky ReLU in Triton: the slopes that native/rrelu.hpp draws with the same seed, one for each place.

Philox4x32-10 gives four numbers for a counter. A program draws those of its BLOCK / 4 counters once and moves them to
their places: number 32 * p + 8 * w + c is word w of counter 8 * p + c.
"""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import keep, kept, read, write


@triton.jit
def _drawn(seed, start, WORK: tl.constexpr, BLOCK: tl.constexpr):
    """BLOCK numbers from 0 up to 1, the upper 24 bits of what is drawn."""
    counter = start // 4 + tl.arange(0, BLOCK // 4)
    low = (counter & 0xFFFFFFFF).to(tl.uint32)
    high = (counter >> 32).to(tl.uint32)
    none = tl.zeros_like(low)
    first, second, third, fourth = tl.philox(tl.load(seed).to(tl.uint64, bitcast=True), low, high, none, none)
    words = tl.join(tl.join(first, third), tl.join(second, fourth))
    words = tl.reshape(tl.permute(tl.reshape(words, (BLOCK // 32, 8, 4)), (0, 2, 1)), (BLOCK,))
    return (words >> 8).to(tl.int32).to(WORK) * (1.0 / 16777216)


@triton.jit
def rrelu(
    given,
    out,
    bits,
    seed,
    low: tl.float64,
    high: tl.float64,
    count: tl.int64,
    BACK: tl.constexpr,
    DIVIDE: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out = given where not x <= 0, else times (DIVIDE: over) a number drawn from low up to high.

    The bits of where are written, or with BACK read, as `given` is then a gradient.
    """
    start = tl.program_id(0).to(tl.int64) * BLOCK
    least = tl.full([], low, tl.float64)
    span = (tl.full([], high, tl.float64) - least).to(WORK)
    slope = _drawn(seed, start, WORK, BLOCK) * span + least.to(WORK)
    if start + BLOCK <= count:
        _rrelu(given, out, bits, slope, start, count, BACK, DIVIDE, WORK, BLOCK, True)
    else:
        _rrelu(given, out, bits, slope, start, count, BACK, DIVIDE, WORK, BLOCK, False)


@triton.jit
def _rrelu(
    given,
    out,
    bits,
    slope,
    start,
    count,
    BACK: tl.constexpr,
    DIVIDE: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
    WHOLE: tl.constexpr,
):
    end = tl.minimum(count - start, BLOCK).to(tl.int32)
    at = tl.arange(0, BLOCK)
    value = read(given + start, at, end, WORK, WHOLE)
    if BACK:
        upper = kept(bits + start // 8, end, BLOCK, WHOLE)
    else:
        upper = (value <= 0) == 0
    if DIVIDE:
        if value.dtype == tl.float32:  # a plain division is an approximation there
            below = tl.div_rn(value, slope)
        else:
            below = value / slope
    else:
        below = value * slope
    write(out + start, at, tl.where(upper, value, below), end, WHOLE)
    if bits is not None and not BACK:
        keep(bits + start // 8, upper, end, BLOCK, WHOLE)
