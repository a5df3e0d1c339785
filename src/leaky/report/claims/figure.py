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
        "Dots: the difference of each pair of seeds, or each seed's value. Large: their Hodges-Lehmann median with "
        "its 95 % interval. Grey: the margin."
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
    bands, lines, dots, marks, ticks, reach = [], [], [], [], [], []
    for place, effect in enumerate(effects):
        y, style, told = float(len(effects) - place), STYLES[effect.ruling], effect.hypothesis
        at = [amount.scaled(told.reference + d) for d in effect.differences if math.isfinite(d)]
        edges = [amount.scaled(told.reference + side * told.margin) for side in (-1, 1)]
        flat, beside = Style(palette.RULE, width=1.2), (y - 0.5, y + 0.5)
        middle = amount.scaled(told.reference)
        lines.append(Line(told.text, flat, (middle, middle), beside))
        if told.margin:
            bands.append(Band(told.text, flat, tuple(edges), (y - 0.5,) * 2, (y + 0.5,) * 2, opacity=0.22))
        heights = tuple(y + _SEED * (((7 * seed) % 5) / 4 - 0.5) for seed in range(len(at)))
        dots.append(
            Points(told.text, style, tuple(map(sig, at)), heights, symbol="circle", size=6, opacity=0.3)
        )
        interval = effect.interval
        ends = [amount.scaled(told.reference + end) for end in (interval.low, interval.high)]
        low, high = (end if math.isfinite(end) else None for end in ends)
        if math.isfinite(interval.estimate):
            middle = amount.scaled(told.reference + interval.estimate)
            marks.append(Estimate(told.text, style, sig(middle), y, low, high))
            reach += [middle, *(end for end in ends if math.isfinite(end))]
        reach += [*edges, *at]
        ticks.append((y, "\n".join(textwrap.wrap(told.text, 52))))
    left, right = _range(reach)
    return Panel(
        "",
        Axis(
            amount.axis, low=left, high=right, ticks=_factors(left, right) if amount.kind == "factor" else ()
        ),
        Axis("", low=0.4, high=len(effects) + 0.6, ticks=tuple(ticks), grid=False),
        lines=tuple(lines),
        bands=tuple(bands),
        points=tuple(dots),
        estimates=tuple(marks),
        height=70 + _ROW * len(effects),
    )


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _factors(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Round factors as ticks of an axis of their logarithms, about six of them."""
    if high - low > 3:
        step = max(1, math.ceil((high - low) / 6))
        whole = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
        return tuple((float(at), f"1e{at}" if abs(at) > 3 else f"{10.0**at:g}") for at in whole)
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
