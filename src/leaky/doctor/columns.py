"""Sums over the samples of middling matrices, samples by units, by NumPy in one thread.

torch shares these out over the cores by rows where it writes and by columns where it adds up, so that what one core
wrote the other has to fetch; and each of its passes waits for all cores. Below these sizes it does not, and above
them it is worth it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

_LEAST, _MOST = 2**15, 2**18
"""Elements that torch begins to share out at, and up to which one thread is as fast."""
_SAMPLES = 1024
"""Up to which adding up one after the other is exact enough."""
_LANE = 255
"""Samples that are counted in one byte."""


def middling(x: torch.Tensor) -> bool:
    """Whether it is such a matrix."""
    fits = x.dim() == 2 and x.shape[0] <= _SAMPLES and _LEAST < x.numel() <= _MOST
    return fits and x.is_contiguous() and x.is_cpu


def add_up(x: torch.Tensor, out: torch.Tensor) -> None:
    """Sums of each column."""
    with np.errstate(all="ignore"):
        np.add.reduce(x.numpy(), 0, dtype=out.numpy().dtype, out=out.numpy())


def add_squares(x: torch.Tensor, out: torch.Tensor) -> None:
    """Sums of the squares of each column."""
    values = x.numpy()
    np.einsum("nu,nu->u", values, values, out=out.numpy())


def count_sides(x: torch.Tensor, z: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> None:
    """How many of each column are above 0, and below it; `z` is memory of the size of `x` to write to."""
    values: Any = x.numpy()
    flags = z.numpy().reshape(-1).view(np.bool_)[: x.numel()].reshape(x.shape)
    _count(np.greater(values, 0, out=flags), positive.numpy())
    _count(np.less(values, 0, out=flags), negative.numpy())


def lookup(x: torch.Tensor, squares: torch.Tensor, out: torch.Tensor) -> None:
    """1 in each column in which anything is not exactly 0; squares of tiny numbers may be."""
    found = out.numpy()
    np.not_equal(squares.numpy(), 0, out=found)
    zero = np.flatnonzero(found == 0)
    if len(zero):
        found[zero] = x.numpy()[:, zero].any(0)


def _count(flags: Any, out: Any) -> None:
    """Eight columns at once, a byte each."""
    if flags.shape[1] % 8:
        np.add.reduce(flags, 0, dtype=out.dtype, out=out)
        return
    words = flags.view(np.uint64)
    out[...] = np.add.reduce(words[:_LANE], 0).view(np.uint8)
    for start in range(_LANE, len(words), _LANE):
        out += np.add.reduce(words[start : start + _LANE], 0).view(np.uint8)
