"""What a claim's measurements look like: paired differences, seed by seed, against what was claimed of them."""

from __future__ import annotations

import math
import textwrap
from itertools import groupby

from leaky.records.ledger import Effect, Entry
from leaky.report import palette
from leaky.report.claims.amounts import Amount
from leaky.report.gather import sig
from leaky.report.shapes import Axis, Band, Estimate, Figure, Line, Panel, Points, Style

STYLES = {
    "supported": Style("#009e73"),
    "refuted": Style("#d55e00", symbol="square"),
    "undecided": Style(palette.MUTED, symbol="diamond"),
}
"""A hypothesis in the colour of its ruling, told apart by its symbol too."""

_ROW, _SEED = 40, 0.28
_FLAT = Style(palette.RULE, width=1.2)
_MANY, _OUTSIDE = 20, 0.03
"""From so many dots on that share of them, at either end, does not stretch the picture."""
_STATEMENT = 88


def claim_figure(entry: Entry) -> Figure | None:
    """A panel for every unit, a row for every hypothesis; None where nothing was measured."""
    if entry.outcome is None or not entry.effects:
        return None
    ordered = sorted(entry.effects, key=lambda e: _first(e, entry.effects))
    panels = [
        _panel(amount, list(rows)) for amount, rows in groupby(ordered, lambda e: Amount.of(e.hypothesis))
    ]
    used = [name for name in STYLES if any(effect.ruling == name for effect in entry.effects)]
    caption = (
        "Dots: differences of pairs of seeds, or seeds' values; hollow: farther out, or diverged. "
        "Large: Hodges-Lehmann median, 95 % interval. Grey: the margin."
    )
    return Figure(
        entry.name,
        textwrap.shorten(f"{entry.number}. {entry.statement}", _STATEMENT, placeholder=" ..."),
        (caption,),
        tuple(panels),
        tuple((name, STYLES[name]) for name in used),
        columns=1,
    )


def _first(effect: Effect, effects: tuple[Effect, ...]) -> int:
    """The place of the first hypothesis counted in the same unit."""
    amount = Amount.of(effect.hypothesis)
    return next(place for place, other in enumerate(effects) if Amount.of(other.hypothesis) == amount)


def _panel(amount: Amount, effects: list[Effect]) -> Panel:
    rows = [_Row(amount, effect, float(len(effects) - place)) for place, effect in enumerate(effects)]
    left, right = _range([value for row in rows for value in row.core()])
    return Panel(
        "",
        Axis(
            amount.axis, low=left, high=right, ticks=_factors(left, right) if amount.kind == "factor" else ()
        ),
        Axis("", low=0.4, high=len(effects) + 0.6, ticks=tuple(row.tick() for row in rows), grid=False),
        bands=tuple(band for row in rows for band in row.bands()),
        lines=tuple(row.line() for row in rows),
        points=tuple(points for row in rows for points in row.points(left, right)),
        estimates=tuple(estimate for row in rows for estimate in row.estimates()),
        height=70 + _ROW * len(effects),
    )


class _Row:
    """A hypothesis at its height: values in the units of the axis."""

    def __init__(self, amount: Amount, effect: Effect, y: float) -> None:
        told, interval = effect.hypothesis, effect.interval
        self.text, self.y, self.style = told.text, y, STYLES[effect.ruling]
        self.reference = amount.scaled(told.reference)
        self.margin = amount.scaled(told.margin)
        self.dots = [amount.scaled(told.reference + difference) for difference in effect.differences]
        shown = (interval.estimate, interval.low, interval.high)
        self.middle, self.low, self.high = (amount.scaled(told.reference + value) for value in shown)

    def core(self) -> list[float]:
        """What has to be in the picture: mark and interval, margin, all dots but the outermost few in a hundred."""
        edges = [self.reference - self.margin, self.reference + self.margin]
        known = sorted(filter(math.isfinite, self.dots))
        few = math.ceil(_OUTSIDE * len(known)) if len(known) >= _MANY else 0
        return edges + known[few : len(known) - few] + self._finite(self.middle, self.low, self.high)

    @staticmethod
    def _finite(*values: float) -> list[float]:
        return [value for value in values if math.isfinite(value)]

    def tick(self) -> tuple[float, str]:
        return self.y, "\n".join(textwrap.wrap(self.text, 58))

    def line(self) -> Line:
        return Line(self.text, _FLAT, (self.reference,) * 2, (self.y - 0.5, self.y + 0.5))

    def bands(self) -> tuple[Band, ...]:
        if not self.margin:
            return ()
        edges = (self.reference - self.margin, self.reference + self.margin)
        return (Band(self.text, _FLAT, edges, (self.y - 0.5,) * 2, (self.y + 0.5,) * 2, opacity=0.22),)

    def points(self, left: float, right: float) -> tuple[Points, ...]:
        """A dot a seed; what lies outside, or nowhere, as a hollow one at the edge."""
        pins = 0.01 * (right - left)
        inside: list[tuple[float, float]] = []
        outside: list[tuple[float, float]] = []
        for seed, value in enumerate(self.dots):
            height = self.y + _SEED * (((7 * seed) % 5) / 4 - 0.5)
            if left <= value <= right:
                inside.append((value, height))
            else:
                outside.append((left + pins if value < left else right - pins, height))
        return (
            Points(self.text, self.style, *_columns(inside), symbol="circle", size=6, opacity=0.3),
            Points(
                self.text, self.style, *_columns(outside), symbol="circle", size=6, opacity=0.6, filled=False
            ),
        )

    def estimates(self) -> tuple[Estimate, ...]:
        if not math.isfinite(self.middle):
            return ()
        low, high = (end if math.isfinite(end) else None for end in (self.low, self.high))
        return (Estimate(self.text, self.style, sig(self.middle), self.y, low, high),)


def _columns(points: list[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(sig(x) for x, _ in points), tuple(y for _, y in points)


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _factors(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Round factors as ticks of an axis of their logarithms, about six of them."""
    if high - low > 3:
        step = max(1, math.ceil((high - low) / 6))
        whole = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
        return tuple((float(at), f"1e{at}" if at < -3 or at > 6 else f"{10.0**at:,.10g}") for at in whole)
    if high - low > 1:
        decades = range(math.floor(low), math.floor(high) + 1)
        leads = (1, 3) if high - low > 2 else (1, 2, 5)
        found = [lead * 10.0**decade for decade in decades for lead in leads]
    else:
        first, last = 10**low, 10**high
        size = 10.0 ** math.floor(math.log10((last - first) / 4))
        pace = next(size * lead for lead in (1, 2, 5, 10) if (last - first) / (size * lead) <= 8)
        found = [pace * count for count in range(math.ceil(first / pace), math.floor(last / pace) + 1)]
    return tuple((math.log10(at), f"{at:.6g}") for at in found if low <= math.log10(at) <= high)
