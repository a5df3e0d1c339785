"""The gradients of x and of the bias in one reading of the gradient that comes in.

A program goes through tiles of one channel (or of a few channels that lie next to each other), adds them up where it
is, and leaves one number per channel: the sum of those is a small tensor's. Nothing is atomic, so the order of the
sums, and with it every bit of them, depends on the shape alone.
"""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.bias_act import gradient
from leaky.kernels.triton.common import read_where, write_where


@triton.jit
def _tile(
    grad,
    bits,
    grad_x,
    index,
    there,
    upper,
    lower,
    plane,
    KIND: tl.constexpr,
    PLANES: tl.constexpr,
    WORK: tl.constexpr,
):
    """The gradient of x at `index`: written, where it is wanted, and returned before it is rounded."""
    value = read_where(grad, index, there, WORK)
    side = there
    inside = there
    if PLANES > 0:
        side = _bit(bits, index, there)
    if PLANES > 1:
        inside = _bit(bits + plane, index, there)
    result = gradient(value, side, inside, upper, lower, KIND, PLANES)
    if grad_x is not None:
        write_where(grad_x, index, result, there)
    return tl.where(there, result, tl.zeros_like(result))


@triton.jit
def _bit(bits, index, there):
    byte = tl.load(bits + (index >> 3), mask=there, other=0).to(tl.int32)
    return ((byte >> (index & 7).to(tl.int32)) & 1) != 0


@triton.jit(do_not_specialize=["n", "c", "plane", "per", "splits"])
def rows(
    grad,
    bits,
    grad_x,
    sums,
    upper: tl.float64,
    lower: tl.float64,
    n,
    c,
    s,
    plane,
    per,
    splits,
    KIND: tl.constexpr,
    PLANES: tl.constexpr,
    WORK: tl.constexpr,
    N: tl.constexpr,
    S: tl.constexpr,
):
    """(n, c, s): program p takes tiles of N x S of channel p // splits, `per` of them; sums is (c, splits)."""
    program = tl.program_id(0)
    channel = (program // splits).to(tl.int64)
    first = (program % splits) * per
    pieces = tl.cdiv(s, S)
    up = tl.full([], upper, WORK)
    down = tl.full([], lower, WORK)
    total = tl.zeros([N, S], WORK)
    for tile in range(first, tl.minimum(first + per, pieces * tl.cdiv(n, N))):
        sample = (tile // pieces) * N + tl.arange(0, N)
        place = (tile % pieces) * S + tl.arange(0, S)
        index = ((sample.to(tl.int64) * c + channel) * s)[:, None] + place[None, :]
        there = (sample < n)[:, None] & (place < s)[None, :]
        total += _tile(grad, bits, grad_x, index, there, up, down, plane, KIND, PLANES, WORK)
    tl.store(sums + program, tl.sum(tl.sum(total, 1), 0))


@triton.jit(do_not_specialize=["n", "plane", "per", "splits"])
def columns(
    grad,
    bits,
    grad_x,
    sums,
    upper: tl.float64,
    lower: tl.float64,
    n,
    c,
    plane,
    per,
    splits,
    KIND: tl.constexpr,
    PLANES: tl.constexpr,
    WORK: tl.constexpr,
    N: tl.constexpr,
    C: tl.constexpr,
):
    """(n, c): program p takes `per` tiles of N x C of the channels from (p // splits) * C on; sums is (splits, c)."""
    program = tl.program_id(0)
    channel = (program // splits) * C + tl.arange(0, C)
    split = program % splits
    up = tl.full([], upper, WORK)
    down = tl.full([], lower, WORK)
    total = tl.zeros([N, C], WORK)
    for tile in range(split * per, tl.minimum(split * per + per, tl.cdiv(n, N))):
        sample = tile * N + tl.arange(0, N)
        index = (sample.to(tl.int64) * c)[:, None] + channel[None, :]
        there = (sample < n)[:, None] & (channel < c)[None, :]
        total += _tile(grad, bits, grad_x, index, there, up, down, plane, KIND, PLANES, WORK)
    tl.store(sums + split.to(tl.int64) * c + channel, tl.sum(total, 0), mask=channel < c)
