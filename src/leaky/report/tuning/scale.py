"""The axis of a tuned parameter: logarithmic, with a place for 0 on its left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leaky.records import Tuning
from leaky.report.gather import log_ticks, sig
from leaky.report.shapes import Axis

_APART = 10**0.5
_FEW = 9


@dataclass(frozen=True)
class Scale:
    """Where values are drawn; `zero` is the place of 0, half a decade left of the lowest value above it."""

    low: float
    high: float
    zero: float | None
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float], others: Iterable[float] = ()) -> Scale:
        """The scale that all of the values fit on, and `others` too, but for those left of it."""
        found = tuple(sorted(set(values)))
        positive = [value for value in found if value > 0]
        zero = sig(positive[0] / _APART) if found[0] == 0 else None
        return cls(positive[0], max(positive[-1], *others, 0.0), zero, found)

    def x(self, value: float) -> float:
        """The place of a value; the left end for what has none."""
        left = self.low if self.zero is None else self.zero
        return sig(value) if value > left else left

    def axis(self, tuning: Tuning) -> Axis:
        """Ticks at the values themselves where they are few, else at round numbers; 0 has its own."""
        left = self.low if self.zero is None else self.zero
        positive = [value for value in self.values if value > 0]
        few = len(positive) <= _FEW and all(float(f"{value:.2g}") == value for value in positive)
        ticks = tuple((value, f"{value:g}") for value in positive) if few else log_ticks(self.low, self.high)
        zero = () if self.zero is None else ((self.zero, "0"),)
        return Axis(f"{tuning.parameter}, logarithmic", True, left / 1.5, self.high * 1.5, (*zero, *ticks))
