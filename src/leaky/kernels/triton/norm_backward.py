"""Norm + leaky ReLU, backward: two sums per unit, what the statistics take of them, and the pass that writes.

xhat is computed again from the input (KEPT), or read from the output y, whose side tells which way z went: that
needs a slope above 0 and a weight that is not 0.
"""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import read_where, write_where
from leaky.kernels.triton.norm_affine import LEAKY, number, passed_back, statistics_of
from leaky.kernels.triton.walk import added, spot, spread, tile_at, tiles_of


@triton.jit
def _constants(
    unit,
    known,
    weight,
    bias,
    mean,
    var,
    eps,
    channels,
    groups,
    share,
    KEPT: tl.constexpr,
    WORK: tl.constexpr,
    WALK: tl.constexpr,
):
    """Scale, bias, and mean and 1 / std where KEPT, else bias and 1 / weight, as they go with a tile; the group."""
    centre, inverse, group = statistics_of(unit, known, mean, var, eps, channels, groups, share, WORK)
    factor = number(weight, unit % channels, known, 1.0)
    shift = number(bias, unit % channels, known, 0.0).to(WORK)
    scale = (inverse * factor).to(WORK)
    if KEPT:
        less = centre
        times = inverse.to(WORK)
    else:
        less = shift
        times = (1.0 / tl.where(known, factor, 1.0).to(WORK).to(tl.float64)).to(WORK)
    return spread(scale, WALK), spread(shift, WALK), spread(less, WALK), spread(times, WALK), group


@triton.jit
def _read(
    grad,
    source,
    index,
    there,
    scale,
    shift,
    less,
    times,
    slope,
    upwards,
    ACT: tl.constexpr,
    KEPT: tl.constexpr,
    WORK: tl.constexpr,
):
    """The gradient of z, and xhat. `source` is the input where KEPT, else the output."""
    value = read_where(source, index, there, WORK)
    given = read_where(grad, index, there, WORK)
    z = value
    if KEPT:
        z = (value - less) * scale + shift
        xhat = (value - less) * times
    else:
        undone = value
        if ACT == LEAKY:
            undone = tl.where(value > 0, value, value * upwards)
        xhat = (undone - less) * times
    return passed_back(z, given, slope, ACT), xhat


@triton.jit(do_not_specialize=["outer", "per", "splits", "channels", "groups", "share"])
def sums(
    grad,
    source,
    firsts,
    seconds,
    weight,
    bias,
    mean,
    var,
    eps: tl.float64,
    negative_slope: tl.float64,
    inverse_slope: tl.float64,
    outer,
    units,
    inner,
    channels,
    groups,
    share,
    per,
    splits,
    ACT: tl.constexpr,
    KEPT: tl.constexpr,
    WORK: tl.constexpr,
    N: tl.constexpr,
    W: tl.constexpr,
    WALK: tl.constexpr,
):
    """Each program's sums of z's gradient, and of that times xhat, (units, splits) in float64."""
    unit, known, split, base, jump, height, width, along = spot(outer, units, inner, splits, N, W, WALK)
    slope = tl.full([], negative_slope, WORK)
    upwards = tl.full([], inverse_slope, WORK)
    scale, shift, less, times, _ = _constants(
        unit, known, weight, bias, mean, var, eps, channels, groups, share, KEPT, WORK, WALK
    )
    first = tl.zeros([N, W], WORK)
    second = tl.zeros([N, W], WORK)
    tile, end = tiles_of(split, per, height, along, N)
    for at in range(tile, end):
        index, there = tile_at(at, along, base, jump, height, width, N, W)
        of_z, xhat = _read(
            grad, source, index, there, scale, shift, less, times, slope, upwards, ACT, KEPT, WORK
        )
        first += of_z
        second += tl.where(there, of_z * xhat, tl.zeros_like(xhat))
    place = unit * splits + split
    tl.store(firsts + place, added(first, WORK, WALK).to(tl.float64), mask=known)
    tl.store(seconds + place, added(second, WORK, WALK).to(tl.float64), mask=known)


@triton.jit(do_not_specialize=["all_groups", "channels", "groups", "share", "splits"])
def averages(
    firsts,
    seconds,
    offsets,
    products,
    weight,
    var,
    eps: tl.float64,
    count: tl.float64,
    all_groups,
    channels,
    groups,
    share,
    splits,
    WORK: tl.constexpr,
    G: tl.constexpr,
    P: tl.constexpr,
):
    """What a group's statistics take from its gradients: the averages of scale * gz and scale * gz * xhat.

    `scale` is rounded as where it multiplies gz, so that a constant gradient cancels.
    """
    group = tl.program_id(0).to(tl.int64) * G + tl.arange(0, G)
    known = group < all_groups
    inverse = 1.0 / tl.sqrt(read_where(var, group, known, tl.float64) + eps)
    first = tl.zeros([G], tl.float64)
    second = tl.zeros([G], tl.float64)
    parts = share * splits
    for start in range(0, parts, P):
        part = start + tl.arange(0, P)
        there = known[:, None] & (part < parts)[None, :]
        index = group[:, None] * parts + part[None, :]
        channel = (group % groups)[:, None] * share + (part // splits)[None, :]
        scale = (inverse[:, None] * number(weight, channel, there, 1.0)).to(WORK).to(tl.float64)
        first += tl.sum(scale * tl.load(firsts + index, mask=there, other=0), 1)
        second += tl.sum(scale * tl.load(seconds + index, mask=there, other=0), 1)
    tl.store(offsets + group, (first / count).to(WORK), mask=known)
    tl.store(products + group, (second / count).to(WORK), mask=known)


@triton.jit(do_not_specialize=["outer", "per", "splits", "channels", "groups", "share"])
def gradient(
    grad,
    source,
    grad_x,
    offsets,
    products,
    weight,
    bias,
    mean,
    var,
    eps: tl.float64,
    negative_slope: tl.float64,
    inverse_slope: tl.float64,
    outer,
    units,
    inner,
    channels,
    groups,
    share,
    per,
    splits,
    ACT: tl.constexpr,
    KEPT: tl.constexpr,
    WORK: tl.constexpr,
    N: tl.constexpr,
    W: tl.constexpr,
    WALK: tl.constexpr,
):
    """grad_x = (gz * scale - offset) - xhat * product; without `offsets`, as with given statistics, both are 0."""
    unit, known, split, base, jump, height, width, along = spot(outer, units, inner, splits, N, W, WALK)
    slope = tl.full([], negative_slope, WORK)
    upwards = tl.full([], inverse_slope, WORK)
    scale, shift, less, times, group = _constants(
        unit, known, weight, bias, mean, var, eps, channels, groups, share, KEPT, WORK, WALK
    )
    offset = tl.zeros_like(scale)
    product = tl.zeros_like(scale)
    if offsets is not None:
        offset = spread(read_where(offsets, group, known, WORK), WALK)
        product = spread(read_where(products, group, known, WORK), WALK)
    tile, end = tiles_of(split, per, height, along, N)
    for at in range(tile, end):
        index, there = tile_at(at, along, base, jump, height, width, N, W)
        of_z, xhat = _read(
            grad, source, index, there, scale, shift, less, times, slope, upwards, ACT, KEPT, WORK
        )
        write_where(grad_x, index, (of_z * scale - offset) - xhat * product, there)
