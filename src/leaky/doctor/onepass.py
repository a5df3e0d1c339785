"""Everything that is counted of a tensor's units in one reading, by the native kernels where they serve."""

from __future__ import annotations

from functools import lru_cache

import torch

from leaky.kernels import native
from leaky.kernels.select import obstacle

ABOVE, BELOW, SUM_ABOVE, SUM_BELOW, SQUARES_ABOVE, SQUARES_BELOW = range(6)
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def counted(x: torch.Tensor, unit: int) -> torch.Tensor | None:
    """Six rows in float64, by sample and unit (by unit for a matrix of samples by units): how many are above 0 and
    below it, the sums of those above and of those below, and of their squares; None where torch has to do it.

    NaN and infinities show in the sums.
    """
    if obstacle(x) is not None:
        return None
    shape = x.shape
    if len(shape) == 2 and unit == 1 and x.is_contiguous():
        out = torch.empty(6, shape[1], dtype=torch.float64)
        native.unit_sums(x, out, 1, shape[1], shape[0], True)
        return out
    if len(shape) < 3 or unit == 0:
        return None
    if x.is_contiguous() and unit in (1, len(shape) - 1):
        columns = unit != 1
    elif unit == 1 and len(shape) in _CHANNELS_LAST:
        columns = True
        if not x.is_contiguous(memory_format=_CHANNELS_LAST[len(shape)]):
            return None
    else:
        return None
    if not x.numel():
        return None
    n, c = shape[0], shape[unit]
    out = torch.empty(6, n, c, dtype=torch.float64)
    native.unit_sums(x, out, n, c, x.numel() // (n * c), columns)
    return out


@lru_cache(maxsize=256)
def of_line(left: float, right: float) -> torch.Tensor:
    """What makes sums of the input and of the output out of the six rows, where f is two lines that meet at 0.

    Rows of the result: above, below, two left at 0, input, input squared, output, |output|, output squared.
    """
    made = torch.zeros(9, 6, dtype=torch.float64)
    made[:6] = of_input()[:6]
    made[6, [SUM_ABOVE, SUM_BELOW]] = torch.tensor([right, left], dtype=torch.float64)
    made[7, [SUM_ABOVE, SUM_BELOW]] = torch.tensor([abs(right), -abs(left)], dtype=torch.float64)
    made[8, [SQUARES_ABOVE, SQUARES_BELOW]] = torch.tensor([right**2, left**2], dtype=torch.float64)
    return made


@lru_cache(maxsize=1)
def of_input() -> torch.Tensor:
    """The same for the input alone: the last three rows are 0."""
    made = torch.zeros(9, 6, dtype=torch.float64)
    made[0, ABOVE] = made[1, BELOW] = 1
    made[4, [SUM_ABOVE, SUM_BELOW]] = 1
    made[5, [SQUARES_ABOVE, SQUARES_BELOW]] = 1
    return made


@lru_cache(maxsize=1)
def of_output() -> torch.Tensor:
    """The same for rows counted of the output: only the last three are not 0."""
    made = torch.zeros(9, 6, dtype=torch.float64)
    made[6, [SUM_ABOVE, SUM_BELOW]] = 1
    made[7, SUM_ABOVE], made[7, SUM_BELOW] = 1, -1
    made[8, [SQUARES_ABOVE, SQUARES_BELOW]] = 1
    return made


def per_unit(rows: torch.Tensor) -> torch.Tensor:
    """Added up over the samples."""
    return rows.sum(1) if rows.dim() == 3 else rows


def squares(rows: torch.Tensor) -> torch.Tensor:
    """Sums of squares."""
    return rows[SQUARES_ABOVE] + rows[SQUARES_BELOW]


def nonzero(rows: torch.Tensor) -> torch.Tensor:
    """1 where anything is not 0, NaN included."""
    found: torch.Tensor = ((rows[ABOVE] + rows[BELOW] > 0) | rows[SUM_ABOVE:].sum(0).isnan()).double()
    return found
