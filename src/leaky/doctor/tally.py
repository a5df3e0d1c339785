"""Streamed sums and counts of one site, per unit, over all data seen.

Every pass over a tensor costs a training step, so each is one vectorised operation into a buffer that stays. Sums
over the positions of a sample are taken in the input's precision (float32 for half precision; counts stay exact),
sums over samples and steps in float64. Where something is not finite, all of it is done again in float64 without
the NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from leaky.doctor.bits import positives
from leaky.doctor.functions import Applied
from leaky.doctor.measures import EDGES, FLAT, ROWS, SATURATED, Totals
from leaky.doctor.sums import flat_in_memory, nonzero, per_sample, plain, square_sums

_INPUT, _OUTPUT, _SLOPE, _SATURATED = slice(0, 6), slice(6, 9), slice(9, 11), slice(11, 12)
_AFTER, _BOTH = slice(12, 13), slice(12, 15)
assert (ROWS[6], ROWS[9], ROWS[11], ROWS[12]) == ("output", "slope", "saturated", "gradient_after")
_BINS = len(EDGES) - 1


@dataclass(frozen=True)
class Options:
    """What is measured beyond the sums."""

    elements: bool = False
    rank_units: int = 0
    """Sites of up to this many units keep the second moment of their outputs, for the effective rank."""
    histogram: int | None = 1024
    """Values of each call that go into the histogram, evenly spaced; None: all of them."""


class Scratch:
    """Memory that every pass writes to, so that none waits for fresh pages."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[torch.dtype, torch.device], torch.Tensor] = {}

    def like(self, x: torch.Tensor) -> torch.Tensor:
        """A tensor of the layout of `x`, which is dense; its contents are the last user's."""
        key = x.dtype, x.device
        buffer = self._buffers.get(key)
        if buffer is None or buffer.numel() < x.numel():
            buffer = self._buffers[key] = torch.empty(x.numel(), dtype=x.dtype, device=x.device)
        return buffer.as_strided(x.shape, x.stride())

    def clear(self) -> None:
        """Give the memory back."""
        self._buffers.clear()


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
        self._moment: torch.Tensor | None = None
        self._histogram = torch.zeros(_BINS, dtype=torch.float64, device="cpu")
        self._elements: torch.Tensor | None = None
        self._mixed_elements = False

    def totals(self, full: bool = True) -> Totals:
        """Everything so far; what is counted later does not change it. Without `full`, the sums alone."""
        totals = Totals(
            self.name,
            self.applied.text,
            self.call,
            self._sums.cpu().numpy().copy(),
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
        if full:
            totals.histogram = self._histogram.numpy().astype(np.int64)
            if self._moment is not None:
                totals.second_moment = self._moment.cpu().numpy().copy()
            if self._elements is not None and not self._mixed_elements:
                totals.elements = self._elements.cpu().numpy().copy()
        return totals

    def input(self, x: torch.Tensor, unit: int, bits: torch.Tensor | None = None) -> bool:
        """Count the input of a call; whether all of it was finite. `bits` are those of x > 0, if they are there."""
        x, unit = plain(x, unit)
        total = per_sample(x, unit)
        nan = torch.zeros_like(total)
        finite = not x.is_cuda and math.isfinite(float(total.sum()))
        if not finite:
            missing = x.isnan()
            nan = per_sample(missing.double(), unit)
            x = x.double().masked_fill(missing, 0.0)
            total = per_sample(x, unit)
        z = self._scratch.like(x)
        positive = positives(bits, x, unit) if bits is not None and finite else None
        if positive is None:
            positive = per_sample(torch.gt(x, 0, out=z), unit)
        negative = per_sample(torch.lt(x, 0, out=z), unit)
        squares = square_sums(x, unit, z)
        active = positive if positive.dim() == 1 else (positive > 0).to(total.dtype)
        counts = self._add(_INPUT, [positive, negative, nan, active, total, squares])
        self.samples += x.shape[0]
        self.values += x.numel() // self.units
        self._shape(x, unit, z, counts)
        self._count_bins(x if finite else x[~missing])
        if self._options.elements:
            self._see_elements(x)
        return finite

    def output(self, y: torch.Tensor, unit: int, finite: bool = True) -> None:
        """Count the output of the same call."""
        y, unit = plain(y, unit)
        if not finite:
            y = y.double()
            y = y.masked_fill(y.isnan(), 0.0)
        z = self._scratch.like(y)
        total = per_sample(y, unit)
        absolute = total if self.applied.entry.name == "relu" else per_sample(torch.abs(y, out=z), unit)
        self._add(_OUTPUT, [total, absolute, square_sums(y, unit, z)])
        bounds = self.applied.bounds
        if bounds is not None:
            margin = SATURATED * (bounds[1] - bounds[0])
            low = per_sample(torch.lt(y, bounds[0] + margin, out=z), unit)
            high = per_sample(torch.gt(y, bounds[1] - margin, out=z), unit)
            self._add(_SATURATED, [low + high])
        if self.units <= self._options.rank_units:
            h = y.movedim(unit, -1).reshape(-1, self.units).double()
            moment = h.T @ h
            self._moment = moment if self._moment is None else self._moment.add_(moment)

    def gradient(self, after: torch.Tensor, before: torch.Tensor | None, unit: int) -> None:
        """Count a gradient at the output, and at the input of the same call."""
        where = unit
        after, unit = plain(after, where)
        z = self._scratch.like(after)
        rows = [square_sums(after, unit, z)]
        count = after.numel() // self.units
        if before is not None:
            before, unit = plain(before, where)
            z = self._scratch.like(before)
            squares = square_sums(before, unit, z)
            rows += [squares, nonzero(before, squares, unit)]
            self.gradient_before_values += count
        self._add(_AFTER if before is None else _BOTH, rows)
        self.gradient_samples += after.shape[0]
        self.gradient_values += count
        self.gradient_passes += 1

    def _shape(self, x: torch.Tensor, unit: int, z: torch.Tensor, counts: torch.Tensor) -> None:
        """Sum of f'(x) over x < 0, and count of |f'(x)| < FLAT; of two lines both follow from the counts."""
        slopes = self.applied.slopes
        if slopes is None:
            slope = self.applied.derivative(x, unit)
            flat = per_sample(torch.lt(slope.abs(), FLAT, out=z), unit)
            self._add(_SLOPE, [per_sample(torch.lt(x, 0, out=z).mul_(slope), unit), flat])
            return
        positive, negative, nan = counts[0], counts[1], counts[2]
        left, right = (s if isinstance(s, float) else self._per_unit(s) for s in slopes)
        if isinstance(left, torch.Tensor):
            self._sums[9].addcmul_(negative, left)
        else:
            self._sums[9].add_(negative, alpha=left)
        for side, count in ((left, x.numel() // self.units - positive - nan), (right, positive)):
            if isinstance(side, torch.Tensor):
                self._sums[10].add_(count * (side.abs() < FLAT))
            elif abs(side) < FLAT:
                self._sums[10].add_(count)

    def _per_unit(self, slope: torch.Tensor) -> torch.Tensor:
        """A learned slope as a tensor that goes with one entry per unit."""
        slope = slope.detach().to(self._sums.device, torch.float64).flatten()
        return slope if slope.numel() in (1, self.units) else slope.mean()

    def _count_bins(self, x: torch.Tensor) -> None:
        values, limit = flat_in_memory(x), self._options.histogram
        if limit is not None and x.numel() > limit:
            step = x.numel() // limit
            while math.gcd(step, x.numel()) > 1:  # or else the same units would come again and again
                step += 1
            values = values[::step]
        places = torch.asinh(values * 10).clamp_(-9.0, 9.0)
        self._histogram.add_(torch.histc(places, _BINS, -9.0, 9.0).to(self._histogram.device))

    def _see_elements(self, x: torch.Tensor) -> None:
        active = (x > 0).any(0)
        if self._elements is None:
            self._elements = active
        elif self._elements.shape == active.shape:
            self._elements |= active
        else:
            self._mixed_elements = True

    def _add(self, rows: slice, partial: list[torch.Tensor]) -> torch.Tensor:
        """Add to the sums; what was added, per unit."""
        stacked = torch.stack(partial)
        added = stacked.sum(1, dtype=torch.float64) if stacked.dim() == 3 else stacked.double()
        if added.device != self._sums.device:
            self._sums = self._sums.to(added.device)
        self._sums[rows].add_(added)
        return added
