"""Bias, two lines, gain and clamp in Triton: the numbers and bits of native/bias_act.hpp.

x is (n, c, s) in memory, the bias along c. Which channel an element is in takes two divisions, more than the rest of
the kernel: where sizes allow it, they are a comparison, a shift or a mask (`SPACE`, `CHANNELS`).
"""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import keep, kept, read, write

TWO: tl.constexpr = tl.constexpr(0)
RELU: tl.constexpr = tl.constexpr(1)
ONE: tl.constexpr = tl.constexpr(2)
"""The kinds of `leaky.kernels.native_bias_act.Lines`."""
NONE: tl.constexpr = tl.constexpr(0)
LONG: tl.constexpr = tl.constexpr(1)
POWER: tl.constexpr = tl.constexpr(2)
ANY: tl.constexpr = tl.constexpr(3)
"""SPACE: s is 1; at least BLOCK, so that a block lies in two channels at most; a power of two; any."""
WRAP: tl.constexpr = tl.constexpr(0)
"""CHANNELS: c is above what a block spans, so that it wraps once; POWER; ANY."""


@triton.jit
def _channels(start, at, c, s, shift, SPACE: tl.constexpr, CHANNELS: tl.constexpr, BLOCK: tl.constexpr):
    if SPACE == NONE:
        channel = start % c + at
    else:
        row = start // s
        inside = start - row * s
        if SPACE == LONG:
            after = at >= tl.minimum(s - inside, BLOCK).to(tl.int32)
            channel = row % c + after.to(tl.int32)
        elif SPACE == POWER:
            channel = row % c + ((inside.to(tl.int32) + at) >> shift)
        else:
            channel = row % c + (inside.to(tl.int32) + at) // s.to(tl.int32)
    if CHANNELS == WRAP:
        channel = tl.where(channel >= c, channel - c, channel)
    elif CHANNELS == POWER:
        channel = channel & (c - 1)
    else:
        channel = channel % c
    return channel


@triton.jit(do_not_specialize=["count", "c", "s", "plane", "shift"])
def forward(
    x,
    bias,
    out,
    bits,
    upper: tl.float64,
    lower: tl.float64,
    clamp: tl.float64,
    count,
    c,
    s,
    plane,
    shift,
    KIND: tl.constexpr,
    CLAMP: tl.constexpr,
    PLANES: tl.constexpr,
    SPACE: tl.constexpr,
    CHANNELS: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out = clamp(lines(x + bias)), and the planes of bits where there are any."""
    start = tl.program_id(0).to(count.dtype) * BLOCK
    at = tl.arange(0, BLOCK)
    up = tl.full([], upper, WORK)
    down = tl.full([], lower, WORK)
    limit = tl.full([], clamp, WORK)
    channel = at
    if bias is not None:
        channel = _channels(start, at, c, s, shift, SPACE, CHANNELS, BLOCK)
    first = bits
    if PLANES > 0:
        first = bits + start // 8
    if count - start >= BLOCK:
        _forward(x + start, bias, channel, out + start, first, up, down, limit, at, BLOCK, plane,
                 KIND, CLAMP, PLANES, WORK, BLOCK, True)  # fmt: skip
    else:
        end = (count - start).to(tl.int32)
        _forward(x + start, bias, channel, out + start, first, up, down, limit, at, end, plane,
                 KIND, CLAMP, PLANES, WORK, BLOCK, False)  # fmt: skip


@triton.jit
def _forward(
    x,
    bias,
    channel,
    out,
    bits,
    upper,
    lower,
    clamp,
    at,
    end,
    plane,
    KIND: tl.constexpr,
    CLAMP: tl.constexpr,
    PLANES: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
    WHOLE: tl.constexpr,
):
    z = read(x, at, end, WORK, WHOLE)
    if bias is not None:  # adding 0 would turn -0 into 0
        z += read(bias, channel, 0, WORK, True)
    y = z * upper
    above = z > 0
    if KIND == TWO:
        y = tl.where(above, y, z * lower)
    elif KIND == RELU:
        above = (z <= 0) == 0
        y = tl.where(above, y, tl.zeros_like(y))
    outside = (y >= clamp) | (y <= -clamp)
    if CLAMP:
        y = tl.where(y >= clamp, clamp, tl.where(y <= -clamp, -clamp, y))
    write(out, at, y, end, WHOLE)
    if PLANES > 0:
        if KIND == ONE:
            above = outside == 0
        elif KIND == RELU and CLAMP:
            above = above & (outside == 0)
        keep(bits, above, end, BLOCK, WHOLE)
        if PLANES > 1:
            keep(bits + plane, outside == 0, end, BLOCK, WHOLE)


@triton.jit
def gradient(grad, side, inside, upper, lower, KIND: tl.constexpr, PLANES: tl.constexpr):
    """grad times the slope that the bits tell."""
    result = grad * upper
    if PLANES > 0:
        result = tl.where(side, result, grad * lower if KIND == TWO else tl.zeros_like(result))
    if PLANES > 1:
        result = tl.where(inside, result, tl.zeros_like(result))
    return result


@triton.jit(do_not_specialize=["count", "plane"])
def backward(
    grad,
    bits,
    grad_x,
    upper: tl.float64,
    lower: tl.float64,
    count,
    plane,
    KIND: tl.constexpr,
    PLANES: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The gradient of x alone."""
    start = tl.program_id(0).to(count.dtype) * BLOCK
    at = tl.arange(0, BLOCK)
    up = tl.full([], upper, WORK)
    down = tl.full([], lower, WORK)
    if count - start >= BLOCK:
        _backward(grad, bits, grad_x, up, down, start, at, BLOCK, plane, KIND, PLANES, WORK, BLOCK, True)
    else:
        end = (count - start).to(tl.int32)
        _backward(grad, bits, grad_x, up, down, start, at, end, plane, KIND, PLANES, WORK, BLOCK, False)


@triton.jit
def _backward(
    grad,
    bits,
    grad_x,
    upper,
    lower,
    start,
    at,
    end,
    plane,
    KIND: tl.constexpr,
    PLANES: tl.constexpr,
    WORK: tl.constexpr,
    BLOCK: tl.constexpr,
    WHOLE: tl.constexpr,
):
    value = read(grad + start, at, end, WORK, WHOLE)
    side = at >= 0
    inside = side
    if PLANES > 0:
        side = kept(bits + start // 8, end, BLOCK, WHOLE)
        if PLANES > 1:
            inside = kept(bits + plane + start // 8, end, BLOCK, WHOLE)
    write(grad_x + start, at, gradient(value, side, inside, upper, lower, KIND, PLANES), end, WHOLE)
