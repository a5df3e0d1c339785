"""Streamed sums and counts of one site, per unit, over all data seen.

Every pass over a tensor costs a training step, so each is one vectorised operation into a buffer that stays. Sums
over the positions of a sample are taken in the input's precision (float32 for half precision; counts stay exact),
sums over samples and steps in float64. Where something is not finite, all of it is done again in float64 without
the NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from leaky.doctor import onepass
from leaky.doctor.bins import Bins
from leaky.doctor.bits import positives
from leaky.doctor.functions import Applied, Value
from leaky.doctor.measures import FLAT, ROWS, SATURATED, Totals
from leaky.doctor.sums import Rows, Scratch, nonzero, per_sample, plain, sides, square_sums
from leaky.records.diagnosis import Numbers

_FORWARD, _SLOPE, _SATURATED, _AFTER, _BEFORE = (
    slice(0, 9),
    slice(9, 11),
    slice(11, 12),
    slice(12, 13),
    slice(13, 15),
)
assert (ROWS[4], ROWS[6], ROWS[9], ROWS[11], ROWS[12]) == (
    "input",
    "output",
    "slope",
    "saturated",
    "gradient_after",
)
_STEEP = 0.9
"""Slope below 0 up to which |f| follows from the sums of x and of f to their precision."""


@dataclass(frozen=True)
class Options:
    """What is measured beyond the sums."""

    elements: bool = False
    rank_units: int = 0
    """Sites of up to this many units keep the second moment of their outputs, for the effective rank."""
    histogram: int | None = 256
    """Values of each call that go into the histogram, evenly spaced; None: all of them."""


class Tally:
    """The sums of one site. `unit` is the dimension of the units in the tensors it is shown."""

    def __init__(
        self, name: str, call: int, applied: Applied, units: int, options: Options, scratch: Scratch
    ) -> None:
        self.name, self.call, self.applied, self.units = name, call, applied, units
        self.samples = self.values = 0
        self.gradient_samples = self.gradient_values = self.gradient_before_values = self.gradient_passes = 0
        self._options, self._scratch = options, scratch
        self._sums = torch.zeros(len(ROWS), units, dtype=torch.float64, device="cpu")
        self._forward, self._backward = Rows(9), Rows(2)
        self._read: torch.Tensor | None = None
        self._line: tuple[float, float] | None = None
        self._settled, self._settled_values = self._sums[:3].clone(), 0
        self._moment: torch.Tensor | None = None
        self._bins = Bins(options.histogram)
        self._elements: torch.Tensor | None = None
        self._mixed_elements = False

    def totals(self) -> Totals:
        """Everything so far; what is counted later does not change it."""
        self._settle()
        totals = self._totals(self._sums)
        totals.histogram = self._bins.counts()
        if self._moment is not None:
            totals.second_moment = self._moment.cpu().numpy().copy()
        if self._elements is not None and not self._mixed_elements:
            totals.elements = self._elements.cpu().numpy().copy()
        return totals

    def pooled(self) -> Totals:
        """The sums so far of all units together, without those of f'."""
        totals = self._totals(self._sums.sum(1, keepdim=True))
        totals.pool = self.units
        return totals

    def positive(self) -> Numbers:
        """Inputs above 0 so far, by unit."""
        counts: Numbers = self._sums[0].cpu().numpy().copy()
        return counts

    def _totals(self, sums: torch.Tensor) -> Totals:
        return Totals(
            self.name,
            self.applied.text,
            self.call,
            sums.cpu().numpy().copy(),
            self.samples,
            self.values,
            self.gradient_samples,
            self.gradient_values,
            self.gradient_before_values,
            self.gradient_passes,
            kinked=0.0 in self.applied.entry.kinks,
            line_below=self.applied.entry.piecewise_linear,
            bounded=self.applied.bounds is not None,
        )

    def input(
        self,
        x: torch.Tensor,
        unit: int,
        bits: torch.Tensor | None = None,
        derivative: torch.Tensor | None = None,
    ) -> bool:
        """Count the input of a call; whether all of it was finite. It is added to the sums with the output.

        `bits` are those of x > 0, and `derivative` is f'(x), if they are there.
        """
        where = unit
        x, unit = plain(x, unit)
        rows = self._forward.fit(x, unit)
        if self._once(x, unit, bits):
            z = self._scratch.like(x)
            self._shape(x, unit, z, None if derivative is None else plain(derivative, where)[0])
            self._bins.add(x)
            if self._options.elements:
                self._see_elements(x)
            return True
        per_sample(x, unit, rows[4])
        finite = not x.is_cuda and math.isfinite(float(rows[4].sum()))
        missing = None
        if not finite:
            missing = x.isnan()
            x = x.double().masked_fill_(missing, 0.0)
            self._forward.forget()
            rows = self._forward.fit(x, unit)
            self._forward.forget()
            per_sample(missing, unit, rows[2])
            per_sample(x, unit, rows[4])
        z = self._scratch.like(x)
        if bits is None or not finite or not positives(bits, x, unit, rows[0]):
            sides(x, unit, z, rows[0], rows[1])
        else:
            per_sample(torch.lt(x, 0, out=z), unit, rows[1])
        if x.dim() == 2:
            rows[3].copy_(rows[0])
        else:
            torch.gt(rows[0], 0, out=rows[3])
        square_sums(x, unit, z, rows[5])
        given = None if derivative is None or not finite else plain(derivative, where)[0]
        self._shape(x, unit, z, given)
        self._bins.add(x if missing is None else x[~missing])
        if self._options.elements:
            self._see_elements(x)
        return finite

    def _once(self, x: torch.Tensor, unit: int, bits: torch.Tensor | None) -> bool:
        """Count all of the input in one reading; False where that cannot be, or not all of it is finite."""
        self._read = found = onepass.counted(x, unit)
        if found is None or not math.isfinite(float(found[2:].sum())):
            self._read = None
            return False
        if bits is not None:
            positives(bits, x, unit, found[onepass.ABOVE])
        return True

    def _output_once(self, y: torch.Tensor, unit: int, exact: bool) -> torch.Tensor | None:
        """What one call adds, where its input was counted in one reading, and of two lines the output follows."""
        read, self._read = self._read, None
        if read is None:
            return None
        line = self._line if exact else None
        added = onepass.per_unit(read)
        if line is not None:
            made = onepass.of_line(*line) @ added
        else:
            after = onepass.counted(y if y.is_contiguous() else y.contiguous(), unit)
            assert after is not None  # as the input, which has its shape
            made = onepass.of_input() @ added + onepass.of_output() @ onepass.per_unit(after)
        made[3] = (read[0] > 0).sum(0) if read.dim() == 3 else read[0]
        return made

    def _output_by_passes(self, y: torch.Tensor, unit: int, exact: bool) -> torch.Tensor:
        """The same in torch's operations."""
        z, rows = self._scratch.like(y), self._forward.each
        per_sample(y, unit, rows[6])
        left = self._line[0] if self._line is not None and self._line[1] == 1 else math.nan
        if left == 0:
            rows[7].copy_(rows[6])
        elif exact and 0 < left <= _STEEP:  # |f| = f - 2 left x below 0, where x - f = (1 - left) x
            b = 2 * left / (1 - left)
            torch.sub(rows[6] * (1 + b), rows[4], alpha=b, out=rows[7])
        else:
            per_sample(torch.abs(y, out=z), unit, rows[7])
        square_sums(y, unit, z, rows[8])
        return self._forward.per_unit(_FORWARD)

    def output(self, y: torch.Tensor, unit: int, finite: bool = True) -> None:
        """Count the output of the same call."""
        exact = y.dtype in (torch.float32, torch.float64)
        y, unit = plain(y, unit)
        if not finite:
            y = y.double()
            y = y.masked_fill(y.isnan(), 0.0)
        exact &= finite and not self.applied.entry.training
        added = self._output_once(y, unit, exact)
        if added is None:
            added = self._output_by_passes(y, unit, exact)
        values = y.numel() // self.units
        self._add(_FORWARD, added)
        self._bend(added, values)
        self.samples += y.shape[0]
        self.values += values
        bounds = self.applied.bounds
        if bounds is not None:
            z, rows = self._scratch.like(y), self._forward.each
            margin = SATURATED * (bounds[1] - bounds[0])
            near = torch.lt(y, bounds[0] + margin, out=z).add_(y > bounds[1] - margin)
            per_sample(near, unit, rows[0])
            self._add(_SATURATED, self._forward.per_unit(slice(0, 1)))
        if self.units <= self._options.rank_units:
            h = y.movedim(unit, -1).reshape(-1, self.units).double()
            moment = h.T @ h
            self._moment = moment if self._moment is None else self._moment.add_(moment)

    def gradient(self, after: torch.Tensor, before: torch.Tensor | None, unit: int) -> None:
        """Count a gradient at the output, and at the input of the same call."""
        where = unit
        after, unit = plain(after, where)
        self._gradient(after, unit, 0)
        count = after.numel() // self.units
        if before is not None:
            before, unit = plain(before, where)
            self._gradient(before, unit, 1)
            self.gradient_before_values += count
        self.gradient_samples += after.shape[0]
        self.gradient_values += count
        self.gradient_passes += 1

    def _gradient(self, gradient: torch.Tensor, unit: int, before: int) -> None:
        read = onepass.counted(gradient, unit)
        if read is not None:
            read = onepass.per_unit(read)
            added = onepass.squares(read)[None]
            added = torch.cat([added, onepass.nonzero(read)[None]]) if before else added
        else:
            rows = self._backward.fit(gradient, unit)
            square_sums(gradient, unit, self._scratch.like(gradient), rows[0])
            if before:
                nonzero(gradient, rows[0], unit, rows[1])
            added = self._backward.per_unit(slice(0, 1 + before))
        self._add(_BEFORE if before else _AFTER, added)

    def _shape(self, x: torch.Tensor, unit: int, z: torch.Tensor, slope: torch.Tensor | None) -> None:
        """Sum of f'(x) over x < 0, and count of |f'(x)| < FLAT; of two lines both follow from the counts."""
        slopes = self.applied.slopes
        line: Any = slopes if slopes is not None and isinstance(slopes[0], float) else None
        if line != self._line:
            self._settle()
            self._line = line
        if slopes is None:
            slope = self.applied.derivative(x, unit) if slope is None else slope
            rows = self._forward.each
            per_sample(torch.lt(x, 0, out=z).mul_(slope), unit, rows[7])
            per_sample(torch.lt(slope.abs(), FLAT, out=z), unit, rows[8])
            self._add(_SLOPE, self._forward.per_unit(slice(7, 9)))

    def _bend(self, added: torch.Tensor, values: int) -> None:
        """The same where a slope is learned: of the counts of one call, with the slope it had."""
        slopes = self.applied.slopes
        if slopes is not None and self._line is None:
            self._sums[9:11].add_(self._slopes(added, values, *slopes))

    def _settle(self) -> None:
        """The same of all calls since the slopes are what they are."""
        if self._line is not None:
            added = self._sums[:3] - self._settled.to(self._sums.device)
            self._sums[9:11].add_(self._slopes(added, self.values - self._settled_values, *self._line))
        self._settled, self._settled_values = self._sums[:3].clone(), self.values

    def _slopes(self, counts: torch.Tensor, values: int, left: Value, right: Value) -> torch.Tensor:
        positive, negative, nan = (row.double() for row in counts[:3])
        left, right = self._per_unit(left), self._per_unit(right)
        flat = (values - positive - nan) * (left.abs() < FLAT) + positive * (right.abs() < FLAT)
        return torch.stack([negative * left, flat])

    def _per_unit(self, slope: Value) -> torch.Tensor:
        """A slope as a tensor that goes with one entry per unit."""
        given = slope.detach() if isinstance(slope, torch.Tensor) else torch.tensor(slope)
        given = given.to(self._sums.device, torch.float64).flatten()
        return given if given.numel() in (1, self.units) else given.mean()

    def _see_elements(self, x: torch.Tensor) -> None:
        active = (x > 0).any(0)
        if self._elements is None:
            self._elements = active
        elif self._elements.shape == active.shape:
            self._elements |= active
        else:
            self._mixed_elements = True

    def _add(self, rows: slice, added: torch.Tensor) -> None:
        if added.device != self._sums.device:
            self._sums = self._sums.to(added.device)
        self._sums[rows].add_(added)
