"""What the kernels in Triton share: reading and writing a block, and numbers of the dtype they are computed in.

A block that lies inside the tensor is read without a mask, so that the compiler sees whole vectors of 16 bytes.
"""

from __future__ import annotations

import triton
import triton.language as tl
from triton.runtime.jit import JITFunction

INTERPRETED: tl.constexpr = tl.constexpr(not isinstance(tl.sum, JITFunction))
"""Whether the kernels run in Triton's interpreter (TRITON_INTERPRET=1 when Triton was imported first)."""


@triton.jit
def read(pointer, at, end, dtype: tl.constexpr, WHOLE: tl.constexpr):
    """pointer[at] in `dtype`; 0 from `end` on, unless the block is WHOLE."""
    if WHOLE:
        value = tl.load(pointer + at)
    else:
        value = tl.load(pointer + at, mask=at < end, other=0)
    return widened(value, dtype)


@triton.jit
def write(pointer, at, value, end, WHOLE: tl.constexpr):
    """pointer[at] = value, rounded to its dtype, up to `end`."""
    rounded = narrowed(value, pointer.dtype.element_ty)
    if WHOLE:
        tl.store(pointer + at, rounded)
    else:
        tl.store(pointer + at, rounded, mask=at < end)


@triton.jit
def read_where(pointer, at, there, dtype: tl.constexpr):
    """pointer[at] in `dtype` where `there`, else 0."""
    return widened(tl.load(pointer + at, mask=there, other=0), dtype)


@triton.jit
def write_where(pointer, at, value, there):
    """pointer[at] = value, rounded to its dtype, where `there`."""
    tl.store(pointer + at, narrowed(value, pointer.dtype.element_ty), mask=there)


@triton.jit
def widened(value, dtype: tl.constexpr):
    """`value` in `dtype`, which holds it. Triton's interpreter would lose bfloat16's subnormal numbers."""
    if INTERPRETED and value.dtype == tl.bfloat16:
        bits = value.to(tl.uint16, bitcast=True).to(tl.uint32) << 16
        result = bits.to(tl.float32, bitcast=True).to(dtype)
    else:
        result = value.to(dtype)
    return result


@triton.jit
def narrowed(value, dtype: tl.constexpr):
    """`value` in `dtype`, to the nearest, ties to even. Triton's interpreter would cut bfloat16 off."""
    if INTERPRETED and dtype == tl.bfloat16 and value.dtype == tl.float32:
        bits = value.to(tl.uint32, bitcast=True)
        bits = tl.where(value == value, bits + 0x7FFF + ((bits >> 16) & 1), bits | 0x400000)
        result = (bits >> 16).to(tl.uint16).to(tl.bfloat16, bitcast=True)
    else:
        result = value.to(dtype)
    return result


@triton.jit
def keep(bits, upper, end, SIZE: tl.constexpr, WHOLE: tl.constexpr):
    """Write a block's SIZE bools as bits, up to element `end`; those beyond in its byte are 0."""
    if not WHOLE:
        upper = upper & (tl.arange(0, SIZE) < end)
    write(bits, tl.arange(0, SIZE // 8), packed(upper, SIZE), (end + 7) // 8, WHOLE)


@triton.jit
def kept(bits, end, SIZE: tl.constexpr, WHOLE: tl.constexpr):
    """The bools that `keep` wrote."""
    return unpacked(read(bits, tl.arange(0, SIZE // 8), (end + 7) // 8, tl.uint8, WHOLE), SIZE)


@triton.jit
def packed(upper, SIZE: tl.constexpr):
    """SIZE bools as SIZE / 8 bytes, bit i % 8 of byte i // 8."""
    places = tl.arange(0, 8)[None, :]
    return tl.sum(tl.reshape(upper.to(tl.int32), (SIZE // 8, 8)) << places, 1).to(tl.uint8)


@triton.jit
def unpacked(bits, SIZE: tl.constexpr):
    """The SIZE bools that `packed` made these bytes of."""
    places = tl.arange(0, 8)[None, :]
    return tl.reshape(((bits[:, None] >> places) & 1) != 0, (SIZE,))
