"""How kernels that add up channels go over a tensor: tiles of N x W elements, W next to each other, `per` a program.

A unit is what is added up at once: a channel, or with groups a channel of a sample. What a program has is its WALK:

- RUNS, on (n, c, s): one unit whose elements are `outer` runs of `inner`, a channel of a batch;
- UNITS, on (n, c, s): N units of one run each, channels of samples; `units` is n * c;
- COLUMNS, on (n, s, c): W units, channels that lie next to each other, of `inner` rows of one of `outer` segments,
  which are the samples, or the batch.

`per` tiles follow each other; `splits` programs share a unit and leave a number each. Sizes alone decide, nothing is
atomic: the order of all sums, and with it every bit of them, depends on the shape alone.
"""

from __future__ import annotations

import triton
import triton.language as tl

RUNS: tl.constexpr = tl.constexpr(0)
UNITS: tl.constexpr = tl.constexpr(1)
COLUMNS: tl.constexpr = tl.constexpr(2)


@triton.jit
def spot(outer, units, inner, splits, N: tl.constexpr, W: tl.constexpr, WALK: tl.constexpr):
    """Where this program is: its units and which of them are there, its share of their tiles, where they lie."""
    zero = tl.full([], 0, tl.int64)  # makes a number of a size that is 1, which Triton takes for a constant
    program = tl.program_id(0)
    split = program % splits
    lane = (program // splits).to(tl.int64)
    along = (zero + tl.cdiv(inner, W)).to(tl.int32)
    if WALK == COLUMNS:
        blocks = tl.cdiv(units, W)
        segment = lane // blocks
        first = (lane % blocks) * W
        lanes = tl.arange(0, W)
        known = lanes < units - first
        unit = segment * units + first + lanes
        base = segment * inner * units + first
        jump = zero + units
        height = zero + inner
        width = units - first
        along = 1
    elif WALK == UNITS:
        first = lane * N
        unit = first + tl.arange(0, N)
        known = unit < units
        base = first * inner
        jump = zero + inner
        height = tl.minimum(units - first, N)
        width = zero + inner
    else:
        unit = lane + tl.arange(0, 1)
        known = unit >= 0
        base = lane * inner
        jump = (zero + inner) * units
        height = zero + outer
        width = zero + inner
    return unit, known, split, base, jump, height, width, along


@triton.jit
def tiles_of(split, per, height, along, N: tl.constexpr):
    """The first tile of a program's share, and the end of it."""
    return split * per, tl.minimum(split * per + per, tl.cdiv(height, N).to(tl.int32) * along)


@triton.jit
def tile_at(tile, along, base, jump, height, width, N: tl.constexpr, W: tl.constexpr):
    """A tile's places in memory, and which of them are the units'."""
    down = (tile // along).to(tl.int64) * N
    right = (tile % along).to(tl.int64) * W
    rows = tl.arange(0, N)
    places = tl.arange(0, W)
    index = (base + down * jump + right) + rows[:, None] * jump + places[None, :]
    there = (rows < height - down)[:, None] & (places < width - right)[None, :]
    return index, there


@triton.jit
def count_at(tile, along, height, width, N: tl.constexpr, W: tl.constexpr, WALK: tl.constexpr):
    """How many elements of each of its units a tile has."""
    rows = tl.minimum(height - (tile // along).to(tl.int64) * N, N)
    places = tl.minimum(width - (tile % along).to(tl.int64) * W, W)
    if WALK == UNITS:
        count = places
    elif WALK == COLUMNS:
        count = rows
    else:
        count = rows * places
    return count


@triton.jit
def spread(vector, WALK: tl.constexpr):
    """A number for each unit, as it goes with a tile."""
    if WALK == UNITS:
        result = vector[:, None]
    else:
        result = vector[None, :]
    return result


@triton.jit
def added(values, WORK: tl.constexpr, WALK: tl.constexpr):
    """The sums of a tile's units."""
    if WALK == UNITS:
        total = tl.sum(values, 1)
    elif WALK == COLUMNS:
        total = tl.sum(values, 0)
    else:
        total = tl.sum(tl.sum(values, 1), 0) + tl.zeros([1], WORK)
    return total
