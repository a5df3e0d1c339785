"""Figure 4: where the inputs of each activation lie, and where its kink is."""

from __future__ import annotations

import numpy as np

from leaky import catalogue
from leaky.errors import LeakyError
from leaky.records.diagnosis import Diagnosis, Site
from leaky.report.gather import sig
from leaky.report.palette import INK
from leaky.report.shapes import Axis, Band, Figure, Line, Note, Panel, Span, Style
from leaky.report.text import count_text, plain, share_text, shorten

_STYLE, _KINK = Style("#0072b2"), Style(INK, "dash", width=1.6)
_MOST = 12
_TAIL = 0.002
"""Share of the inputs beyond either end of a panel: a few far ones would squeeze the rest together."""


def inputs_figure(diagnosis: Diagnosis) -> Figure | None:
    """A histogram per site, at most twelve; None where none was kept."""
    sites = [site for site in diagnosis.sites if site.histogram is not None and site.histogram.counts.sum()]
    if not sites:
        return None
    shown = _chosen(sites)
    caption = [
        "Density of the pre-activations x over all units and samples, at most 0.4 % of them beyond the ends. The "
        "dashed line is a kink of the function, the shaded side the one where it is flat: what lies there gets no "
        "gradient. All inputs on one side of the kink make the layer linear.",
    ]
    if len(shown) < len(sites):
        left = count_text(len(sites), "site")
        caption.append(f"Of {left}, the {len(shown)} most one-sided ones are shown.")
    return Figure(
        "inputs", "Pre-activations and the kink", tuple(caption), tuple(_panel(site) for site in shown)
    )


def _chosen(sites: list[Site]) -> list[Site]:
    if len(sites) <= _MOST:
        return sites
    lopsided = sorted(sites, key=lambda site: -abs(site.layer.positive - 0.5))[:_MOST]
    return [site for site in sites if site in lopsided]


def _panel(site: Site) -> Panel:
    histogram = site.histogram
    assert histogram is not None
    edges, counts = histogram.edges, histogram.counts.astype(float)
    seen = np.cumsum(counts) / counts.sum()
    first = max(int(np.searchsorted(seen, _TAIL)) - 1, 0)
    last = min(int(np.searchsorted(seen, 1 - _TAIL)) + 2, len(counts))
    density = counts / counts.sum() / np.diff(edges)
    x = [sig(float(edge)) for edge in np.repeat(edges[first : last + 1], 2)[1:-1]]
    y = [sig(float(value), 4) for value in np.repeat(density[first:last], 2)]
    kinks, flat = _shape(site)
    low, high = min(x[0], -0.05 * (x[-1] - x[0])), max(x[-1], 0.05 * (x[-1] - x[0]))
    top = 1.12 * max(y) or 1.0
    span = (Span("x", low, 0.0),) if flat and low < 0 else ()
    notes = (
        Note(low + 0.02 * (high - low), 0.95 * top, f"x ≤ 0: {share_text(1 - site.layer.positive)}", "left"),
        Note(high - 0.02 * (high - low), 0.95 * top, f"x > 0: {share_text(site.layer.positive)}", "right"),
    )
    return Panel(
        f"{shorten(plain(site.name), 30) or '(the model)'}, {shorten(plain(site.activation), 34)}",
        Axis("pre-activation x", low=low, high=high),
        Axis("density", low=0.0, high=top),
        spans=span,
        bands=(Band("inputs", _STYLE, tuple(x), tuple(0.0 for _ in x), tuple(y), 0.3),),
        lines=(
            Line("inputs", _STYLE, tuple(x), tuple(y)),
            *(Line("kink", _KINK, (kink, kink), (0.0, top)) for kink in kinks if low <= kink <= high),
        ),
        notes=notes,
        height=230,
    )


def _shape(site: Site) -> tuple[tuple[float, ...], bool]:
    """The function's kinks, and whether it is flat below 0."""
    try:
        spec = catalogue.parse(site.activation)
    except LeakyError:  # a user's own function
        return (0.0,), False
    slopes = np.asarray(spec.activation.derivative(np.array([-10.0, -1.0]), **spec.parameters))
    return spec.activation.kinks, bool((slopes == 0).all())
