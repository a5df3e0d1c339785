"""How an effect is told: shares in percentage points, logarithms as factors, everything else in its own unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from leaky.records.ledger import Hypothesis

Kind = Literal["points", "percent", "factor", "plain"]

_NOTHING = 1e-6
"""A share that is the last digit of a number in float32, and told as 0."""

_SHARES = ("accuracy", "error rate")


@dataclass(frozen=True)
class Amount:
    """What values of a hypothesis are counted in, and how they are written."""

    kind: Kind
    unit: str

    @classmethod
    def of(cls, hypothesis: Hypothesis) -> Amount:
        """By the unit: accuracies and differences of shares in points, shares in per cent, log10 as a factor."""
        unit = hypothesis.unit
        if "log10" in unit:
            inner = unit.replace("difference of ", "").removeprefix("log10").strip("()")
            return cls("factor", "" if inner == "factor" else inner)
        if unit in _SHARES:
            return cls("points", unit)
        if unit.startswith("share of"):
            return cls("points" if hypothesis.minus else "percent", unit.removeprefix("share of "))
        return cls("plain", unit)

    def scaled(self, value: float) -> float:
        """The number on an axis: of a factor still its logarithm."""
        return 100 * value if self.kind in ("points", "percent") else value

    @property
    def axis(self) -> str:
        """What the axis is labelled with."""
        what = {"points": "difference in percentage points", "percent": "per cent", "factor": "factor"}
        if self.kind == "plain":
            return self.unit
        of = {"points": ", ", "percent": " of ", "factor": ", "}[self.kind]
        return what[self.kind] + (f"{of}{self.unit}" if self.unit else "")

    def text(self, value: float, *, unit: bool = True) -> str:
        """`value` as it is written in a sentence."""
        if not math.isfinite(value):
            return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
        if self.kind == "factor":
            return f"×{_factor(10**value)}" if abs(value) < 99 else "×0" if value < 0 else "×∞"
        sign = "+" if value >= _NOTHING and self.kind == "points" else ""
        told = sign + _digits(0.0 if abs(value) < _NOTHING and self.kind != "plain" else self.scaled(value))
        mark = {"points": " pp", "percent": " %", "plain": f" {self.unit}"}[self.kind]
        return (told + mark if unit else told).strip()

    def between(self, low: float, high: float) -> str:
        """The two ends of an interval, with the unit where it is short."""
        return f"{self.text(low, unit=False)} to {self.text(high, unit=self.kind != 'plain')}"


def _digits(value: float) -> str:
    """Three significant digits with a true minus sign, at most two after the point where those are enough."""
    size = abs(value)
    text = f"{value:,.0f}" if 1000 <= size < 1e6 else f"{value:.2f}" if 0.1 <= size < 10 else f"{value:.3g}"
    text = "0" if size == 0 else _power(text) if "e" in text else text
    return text.replace("-", "−", 1) if value < 0 else text


def _power(text: str) -> str:
    """5.21e-15 and 1.2e6, and not 1.2e+06."""
    lead, power = text.split("e")
    return f"{lead}e{int(power)}"


def _factor(value: float) -> str:
    """A factor: the nearer to 1, the more digits."""
    return f"{value:.5g}" if 0 < abs(value - 1) < 0.01 else _digits(value)


def claimed(hypothesis: Hypothesis) -> str:
    """What is said of the true effect, in symbols."""
    amount, reference, margin = Amount.of(hypothesis), hypothesis.reference, hypothesis.margin
    low, high = amount.text(reference - margin, unit=False), amount.text(reference + margin)
    return {
        "higher": f"above {high}",
        "lower": f"below {amount.text(reference - margin)}",
        "same": f"{low} to {high}",
        "different": f"outside {low} to {high}",
    }[hypothesis.direction]
