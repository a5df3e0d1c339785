"""Parametric ReLU in Triton, a slope per channel or one for all: values and gradients of native/prelu.hpp.

The gradient of x is written and that of the slopes added up in one reading, in the tiles of `walk`.
"""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import read_where, write_where
from leaky.kernels.triton.walk import added, spot, spread, tile_at, tiles_of


@triton.jit(do_not_specialize=["outer", "per", "splits"])
def forward(
    x,
    out,
    slopes,
    outer,
    units,
    inner,
    per,
    splits,
    WORK: tl.constexpr,
    N: tl.constexpr,
    W: tl.constexpr,
    WALK: tl.constexpr,
):
    """out = x if x > 0 else slope * x."""
    unit, known, split, base, jump, height, width, along = spot(outer, units, inner, splits, N, W, WALK)
    slope = spread(read_where(slopes, unit, known, WORK), WALK)
    tile, end = tiles_of(split, per, height, along, N)
    for at in range(tile, end):
        index, there = tile_at(at, along, base, jump, height, width, N, W)
        value = read_where(x, index, there, WORK)
        write_where(out, index, tl.where(value > 0, value, value * slope), there)


@triton.jit(do_not_specialize=["outer", "per", "splits"])
def backward(
    grad,
    source,
    grad_x,
    sums,
    slopes,
    outer,
    units,
    inner,
    per,
    splits,
    KEPT: tl.constexpr,
    WORK: tl.constexpr,
    N: tl.constexpr,
    W: tl.constexpr,
    WALK: tl.constexpr,
):
    """grad_x, and each program's sum of grad * x where not x > 0, (units, splits); `source` is x if KEPT, else y."""
    unit, known, split, base, jump, height, width, along = spot(outer, units, inner, splits, N, W, WALK)
    own = read_where(slopes, unit, known, WORK)
    slope = spread(own, WALK)
    to_x = tl.full([1, 1], 1.0, WORK)
    if not KEPT:
        to_x = spread((1.0 / tl.where(known, own, 1.0).to(tl.float64)).to(WORK), WALK)
    total = tl.zeros([N, W], WORK)
    tile, end = tiles_of(split, per, height, along, N)
    for at in range(tile, end):
        index, there = tile_at(at, along, base, jump, height, width, N, W)
        value = read_where(source, index, there, WORK)
        given = read_where(grad, index, there, WORK)
        below = given * (value * to_x)
        total += tl.where((value > 0) | (there == 0), tl.zeros_like(below), below)
        write_where(grad_x, index, tl.where(value > 0, given, given * slope), there)
    tl.store(sums + unit * splits + split, added(total, WORK, WALK).to(tl.float64), mask=known)
