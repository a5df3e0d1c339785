"""Figure 3: what depth does to the signal, and to the gradient on its way back."""

from __future__ import annotations

import math

from leaky.records.diagnosis import Diagnosis, Site
from leaky.report.gather import log_ticks, sig
from leaky.report.palette import INK
from leaky.report.shapes import Axis, Figure, Line, Panel, Points, Style
from leaky.report.text import plain

_BEFORE, _AFTER = Style("#0072b2", symbol="square"), Style("#d55e00", "dash", "diamond")
_SIGNAL = Style(INK, width=2.4)
_LEGEND = (("at the inputs", _BEFORE), ("at the outputs", _AFTER), ("outputs", _SIGNAL))


def depth_figure(diagnosis: Diagnosis) -> Figure | None:
    """Root mean squares site by site, on logarithmic axes; None with fewer than two sites."""
    sites = diagnosis.sites
    if len(sites) < 2:
        return None
    outputs = [math.hypot(site.layer.mean, site.layer.scale) for site in sites]
    before = [site.layer.gradient_before for site in sites]
    after = [site.layer.gradient_after for site in sites]
    panels = (
        _panel("Gradient through depth", sites, [(_LEGEND[0], before), (_LEGEND[1], after)],
               "no gradient was measured: give a loss"),
        _panel("Signal through depth", sites, [(_LEGEND[2], outputs)], "no output was measured"),
    )  # fmt: skip
    caption = (
        "Root mean squares over all values, one point a site in the order of the calls; the gradient flows from "
        "right to left. A straight slope is a factor per layer.",
        "Where the gradient at the outputs lies above that at the inputs, the activation itself takes the difference "
        "away. What is 0 has no place on a logarithmic axis.",
    )
    legend = _LEGEND[:2] if not panels[0].empty else ()
    return Figure("depth", "Through depth", caption, panels, legend)


def _panel(
    title: str, sites: tuple[Site, ...], series: list[tuple[tuple[str, Style], list[float]]], empty: str
) -> Panel:
    shown = [value for _, values in series for value in values if math.isfinite(value) and value > 0]
    if not shown:
        return Panel(title, Axis("site"), Axis(""), empty=empty)
    low, high = min(shown), max(shown)
    if high / low < 10:  # a decade at least, or noise would look like a trend
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(10), middle * math.sqrt(10)
    low, high = low / 1.3, high * 1.3
    lines, points = [], []
    for (name, style), values in series:
        x = tuple(float(place) for place in range(1, len(values) + 1))
        y = tuple(sig(value) if math.isfinite(value) and value > 0 else None for value in values)
        lines.append(Line(name, style, x, y))
        kept = [(a, b, plain(site.name)) for a, b, site in zip(x, y, sites, strict=True) if b is not None]
        points.append(
            Points(
                name, style, tuple(a for a, _, _ in kept), tuple(b for _, b, _ in kept),
                tuple(f"{site}: {b:.3g}" for _, b, site in kept), size=7,
            )
        )  # fmt: skip
    apart = max(1, -(-len(sites) // 12))
    ticks = tuple((float(place), str(place)) for place in range(1, len(sites) + 1, apart))
    return Panel(
        title,
        Axis("site, in the order of the calls", low=0.5, high=len(sites) + 0.5, ticks=ticks),
        Axis("root mean square, logarithmic", True, low, high, _ticks(low, high)),
        lines=tuple(lines),
        points=tuple(points),
    )


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """At most eight, whatever the range."""
    ticks = log_ticks(low, high)
    apart = max(1, -(-len(ticks) // 8))
    return ticks[::apart]
