"""How a tensor lies in memory, as the kernels take it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch


class Layout(NamedTuple):
    """The sizes of (N, C, *space) and how it lies in memory: (n, c, s), or (n, s, c) with `channels_last`."""

    n: int
    c: int
    s: int
    channels_last: bool


def layout_of(x: torch.Tensor) -> Layout:
    """How the kernels write what they make of `x`: channels last where x is dense in that format alone."""
    n, c, *space = x.shape
    if not space:
        return Layout(n, c, 1, True)  # (N, C) is both; its channels are next to each other
    last = (
        not x.is_contiguous()
        and len(space) in (2, 3)
        and x.is_contiguous(memory_format=_CHANNELS_LAST[len(space)])
    )
    return Layout(n, c, math.prod(space), last)


_CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


def dense(x: torch.Tensor, layout: Layout) -> torch.Tensor:
    """`x` as one block of memory in that layout."""
    if layout.channels_last and x.dim() > 2:
        return x.contiguous(memory_format=_CHANNELS_LAST[x.dim() - 2])
    return x.contiguous()


def along(x: torch.Tensor, axis: int) -> tuple[int, int, int]:
    """(n, c, s) of a dense tensor in memory, c along `axis`, whatever the order of its dimensions."""
    count = x.numel()
    if x.dim() == 0 or not count:
        return (0, x.shape[axis], 0) if x.dim() else (1, 1, count)
    c = x.shape[axis]
    s = x.stride(axis) if c > 1 else count
    return count // (c * s), c, s


def placed(x: torch.Tensor, stride: tuple[int, ...]) -> torch.Tensor:
    """`x` in one block of memory, its dimensions in the order of those strides."""
    order = sorted(range(x.dim()), key=lambda axis: stride[axis], reverse=True)
    moved = x.permute(order)
    if moved.is_contiguous():
        return x
    return moved.contiguous().permute(sorted(range(x.dim()), key=order.__getitem__))


def is_dense(x: torch.Tensor) -> bool:
    """Whether the elements fill a block of memory, each once, in whatever order of dimensions."""
    if x.is_contiguous():
        return True
    expected = 1
    for stride, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size > 1:
            if stride != expected:
                return False
            expected *= size
    return True


def same_layout(x: torch.Tensor, stride: tuple[int, ...]) -> bool:
    """Whether x lies in memory as a tensor of its shape and these strides does."""
    return x.stride() == stride or all(
        own == other
        for own, other, size in zip(x.stride(), stride, x.shape, strict=True)
        if size != 1  # no step is ever taken there: the gradient of a concatenation of one sample
    )
