"""What a claim's measurements look like: every effect against its margin, and every value behind them."""

from __future__ import annotations

import math
import textwrap

from leaky.records.ledger import Effect, Entry, Outcome
from leaky.report import palette
from leaky.report.gather import sig
from leaky.report.shapes import Axis, Estimate, Figure, Panel, Points, Rule, Span, Style

RULING_COLORS = {"supported": "#009e73", "refuted": "#d55e00", "undecided": palette.MUTED}
_ROW = 46


def claim_figure(entry: Entry) -> Figure | None:
    """Effects by unit, then the values by seed; None where nothing was measured."""
    if entry.outcome is None or not entry.effects:
        return None
    units = list(dict.fromkeys(effect.hypothesis.unit for effect in entry.effects))
    panels = [_effects([e for e in entry.effects if e.hypothesis.unit == unit], unit) for unit in units]
    names = list(dict.fromkeys(name for effect in entry.effects for name in effect.hypothesis.names))
    if len(units) == 1:
        panels.append(_values(entry.outcome, names))
    caption = (
        "Left: the median of the paired differences with its 95 % interval, and the claim's margin shaded; "
        "green where "
        "the statement is supported, red where it is refuted, grey where that is undecided. "
        + ("Right: every seed's value, the median as a diamond." if len(units) == 1 else ""),
    )
    return Figure(entry.name, f"{entry.number}. {entry.statement}", caption, tuple(panels))


def _effects(effects: list[Effect], unit: str) -> Panel:
    rows, ticks, spans, seen = [], [], [], set()
    for place, effect in enumerate(effects):
        style = Style(RULING_COLORS[effect.ruling])
        y = float(len(effects) - place)
        reference, interval = effect.hypothesis.reference, effect.interval
        low, high = (reference + end if math.isfinite(end) else None for end in (interval.low, interval.high))
        rows.append(Estimate(effect.hypothesis.text, style, sig(reference + interval.estimate), y, low, high))
        ticks.append((y, textwrap.fill(effect.hypothesis.text, 36)))
        edge = (reference - effect.hypothesis.margin, reference + effect.hypothesis.margin)
        if edge not in seen:
            seen.add(edge)
            spans.append(Span("x", *edge))
    rules = tuple(Rule("x", reference, True) for reference in {e.hypothesis.reference for e in effects})
    return Panel(
        "Effects",
        Axis(unit),
        Axis("", low=0.4, high=len(effects) + 0.6, ticks=tuple(ticks), grid=False),
        spans=tuple(spans),
        rules=rules,
        estimates=tuple(rows),
        height=max(180, 60 + _ROW * len(effects)),
    )


def _values(outcome: Outcome, names: list[str]) -> Panel:
    clouds, ticks = [], []
    for place, name in enumerate(names):
        y = float(len(names) - place)
        values = [v for v in outcome.values[name] if math.isfinite(v)]
        style = Style(palette.INK)
        clouds.append(Points(name, style, tuple(map(sig, values)), (y,) * len(values), size=7, opacity=0.35))
        ticks.append((y, textwrap.fill(name, 36)))
        if values:
            middle = sorted(values)[len(values) // 2]
            clouds.append(Points(name, style, (sig(middle),), (y,), symbol="diamond", size=10))
    return Panel(
        "Values, seed by seed",
        Axis("value"),
        Axis("", low=0.4, high=len(names) + 0.6, ticks=tuple(ticks), grid=False),
        points=tuple(clouds),
        height=max(180, 60 + _ROW * len(names)),
    )
