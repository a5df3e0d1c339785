"""A unit's arithmetic in norm + leaky ReLU: forward's z, and backward's way to z's gradient and xhat.

z = (x - mean) * scale + bias, with scale = weight / sqrt(var + eps) from float64: the numbers of native/affine.hpp,
forward and backward the same to the bit.
"""

from __future__ import annotations

import triton
import triton.language as tl

from leaky.kernels.triton.common import read_where

NONE: tl.constexpr = tl.constexpr(0)
LEAKY: tl.constexpr = tl.constexpr(1)
RELU: tl.constexpr = tl.constexpr(2)
"""ACT: slope 1, any other, 0."""


@triton.jit
def number(vector, at, known, otherwise: tl.constexpr):
    """vector[at] in float64; `otherwise` where there is no vector."""
    if vector is None:
        result = tl.full(at.shape, otherwise, tl.float64)
    else:
        result = read_where(vector, at, known, tl.float64)
    return result


@triton.jit
def statistics_of(unit, known, mean, var, eps, channels, groups, share, WORK: tl.constexpr):
    """The mean of a unit's group and 1 / sqrt(var + eps) in float64, and which group that is."""
    group = (unit // channels) * groups + (unit % channels) // share
    inverse = 1.0 / tl.sqrt(read_where(var, group, known, tl.float64) + eps)
    return read_where(mean, group, known, WORK), inverse, group


@triton.jit
def activated(z, slope, ACT: tl.constexpr):
    """f(z)."""
    y = z
    if ACT == LEAKY:
        y = tl.where(z > 0, z, z * slope)
    elif ACT == RELU:
        y = tl.where(z <= 0, tl.zeros_like(z), z)
    return y


@triton.jit
def passed_back(z, grad, slope, ACT: tl.constexpr):
    """The gradient of z, by the side that z is on; y has it too where the slope is above 0."""
    result = grad
    if ACT == LEAKY:
        result = tl.where(z > 0, grad, grad * slope)
    elif ACT == RELU:
        result = tl.where(z <= 0, tl.zeros_like(grad), grad)  # 1 at NaN, as torch's ReLU has it
    return result
