"""Norm + leaky ReLU, forward: moments of a program's tiles, those of a group from them, and the pass that writes.

A program takes distances from the mean of its first tile, a sixteenth of what it sees at least: what is lost when
the mean of all is put in its place is a few of 24 bits at most, however far from 0 the numbers are.
"""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import narrowed, read_where, write_where
from leaky.kernels.triton.norm_affine import activated, number, statistics_of
from leaky.kernels.triton.walk import added, count_at, spot, spread, tile_at, tiles_of


@triton.jit(do_not_specialize=["outer", "per", "splits"])
def moments(
    x,
    counts,
    means,
    squares,
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
    """Each program's count, mean, and summed squared distance from it, (units, splits) in float64."""
    unit, known, split, base, jump, height, width, along = spot(outer, units, inner, splits, N, W, WALK)
    tile, end = tiles_of(split, per, height, along, N)
    index, there = tile_at(tile, along, base, jump, height, width, N, W)
    about = added(read_where(x, index, there, WORK), WORK, WALK)
    about = about / count_at(tile, along, height, width, N, W, WALK).to(WORK)
    count = tl.zeros([], tl.int64)
    apart = tl.zeros([N, W], WORK)
    squared = tl.zeros([N, W], WORK)
    for at in range(tile, end):
        index, there = tile_at(at, along, base, jump, height, width, N, W)
        distance = read_where(x, index, there, WORK) - spread(about, WALK)
        distance = tl.where(there, distance, tl.zeros_like(distance))
        apart += distance
        squared += distance * distance
        count += count_at(at, along, height, width, N, W, WALK)
    shift = added(apart, WORK, WALK).to(tl.float64)
    off = shift / count.to(tl.float64)
    place = unit * splits + split
    tl.store(counts + place, tl.zeros_like(off) + count.to(tl.float64), mask=known)
    tl.store(means + place, about.to(tl.float64) + off, mask=known)
    tl.store(squares + place, added(squared, WORK, WALK).to(tl.float64) - off * shift, mask=known)


@triton.jit(do_not_specialize=["groups", "parts"])
def combine(
    counts,
    means,
    squares,
    mean,
    var,
    running_mean,
    running_var,
    momentum: tl.float64,
    groups,
    parts,
    G: tl.constexpr,
    P: tl.constexpr,
):
    """Mean and variance of each group from its `parts` moments, and running statistics moved towards them."""
    group = tl.program_id(0).to(tl.int64) * G + tl.arange(0, G)
    known = group < groups
    total = tl.zeros([G], tl.float64)
    centre = tl.zeros([G], tl.float64)
    for first in range(0, parts, P):
        index, there = _part(group, known, first, parts, P)
        count = tl.load(counts + index, mask=there, other=0)
        total += tl.sum(count, 1)
        centre += tl.sum(count * tl.load(means + index, mask=there, other=0), 1)
    total = tl.where(known, total, 1)
    centre = centre / total
    spread = tl.zeros([G], tl.float64)
    for first in range(0, parts, P):
        index, there = _part(group, known, first, parts, P)
        apart = tl.where(there, tl.load(means + index, mask=there, other=0) - centre[:, None], 0.0)
        inside = tl.load(squares + index, mask=there, other=0)
        spread += tl.sum(inside + tl.load(counts + index, mask=there, other=0) * apart * apart, 1)
    variance = spread / total
    tl.store(mean + group, centre.to(mean.dtype.element_ty), mask=known)
    tl.store(var + group, variance.to(var.dtype.element_ty), mask=known)
    if running_mean is not None:
        _move(running_mean, centre.to(mean.dtype.element_ty), momentum, group, known)
        unbiased = variance.to(var.dtype.element_ty).to(tl.float64) * (total / (total - 1))
        _move(running_var, unbiased, momentum, group, known)


@triton.jit
def _part(group, known, first, parts, P: tl.constexpr):
    part = first + tl.arange(0, P)
    return group[:, None] * parts + part[None, :], known[:, None] & (part < parts)[None, :]


@triton.jit
def _move(running, seen, momentum, group, known):
    before = read_where(running, group, known, tl.float64)
    moved = seen.to(tl.float64) * momentum + before * (1 - momentum)
    kind: tl.constexpr = running.dtype.element_ty
    if kind == tl.float64:
        tl.store(running + group, moved, mask=known)
    else:
        tl.store(running + group, narrowed(moved.to(tl.float32), kind), mask=known)


@triton.jit(do_not_specialize=["outer", "per", "splits", "channels", "groups", "share"])
def apply(
    x,
    out,
    weight,
    bias,
    mean,
    var,
    eps: tl.float64,
    negative_slope: tl.float64,
    outer,
    units,
    inner,
    channels,
    groups,
    share,
    per,
    splits,
    ACT: tl.constexpr,
    WORK: tl.constexpr,
    N: tl.constexpr,
    W: tl.constexpr,
    WALK: tl.constexpr,
):
    """out = f((x - mean) * scale + bias)."""
    unit, known, split, base, jump, height, width, along = spot(outer, units, inner, splits, N, W, WALK)
    slope = tl.full([], negative_slope, WORK)
    mid, inverse, _ = statistics_of(unit, known, mean, var, eps, channels, groups, share, WORK)
    centre = spread(mid, WALK)
    scale = spread((inverse * number(weight, unit % channels, known, 1.0)).to(WORK), WALK)
    shift = spread(number(bias, unit % channels, known, 0.0).to(WORK), WALK)
    tile, end = tiles_of(split, per, height, along, N)
    for at in range(tile, end):
        index, there = tile_at(at, along, base, jump, height, width, N, W)
        z = (read_where(x, index, there, WORK) - centre) * scale + shift
        write_where(out, index, activated(z, slope, ACT), there)
