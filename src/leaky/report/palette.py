"""The colours: one style per activation for the whole report, safe for colour-blind readers, light and dark.

Figures are described in the light colours; `DARK` maps each of them to the one a dark page shows instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from leaky.records import Study
from leaky.report.shapes import Style

INK, MUTED, RULE, GRID, SPAN, PAPER = "#1f2430", "#646b79", "#9aa1ad", "#e6e8ec", "#eceef2", "#ffffff"

_HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7a00")
"""Okabe and Ito 2008, but its yellow, which is lost on white, as a dark olive."""

_SYMBOLS = ("square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "hexagon")

HEAT = ("#faf3e3", "#f3c98b", "#e0793f", "#a52a4a", "#3b0f3f")
"""Monotone in lightness, so that it survives a grey print: pale is no unit, dark is every unit."""

DARK = {
    INK: "#e8eaee",
    MUTED: "#9aa2af",
    RULE: "#6f7785",
    GRID: "#2b303a",
    SPAN: "#262b35",
    PAPER: "#14171d",
    **dict(
        zip(_HUES, ("#4ba7e8", "#f4854a", "#2fc79e", "#e79cc8", "#f3b63f", "#8fd0f5", "#cfbf52"), strict=True)
    ),
    **dict(zip(HEAT, ("#20252f", "#5d2654", "#b23c56", "#ee8b4c", "#fdebad"), strict=True)),
}


def styles(study: Study) -> dict[str, Style]:
    """Every activation's style: the baseline in neutral ink, the others by their place in the study."""
    return styles_of([study.baseline, *(arm.activation for arm in study.arms)])


def styles_of(names: Iterable[str]) -> dict[str, Style]:
    """A style for each name: the first in neutral ink, the others by their place.

    Past seven the hues come again with dashed lines, past fourteen with dots.
    """
    first, *others = dict.fromkeys(names)
    chosen = {first: Style(INK, width=2.6)}
    for place, name in enumerate(others):
        turn, hue = divmod(place, len(_HUES))
        dash = ("solid", "dash", "dot")[min(turn, 2)]
        chosen[name] = Style(_HUES[hue], dash, _SYMBOLS[(hue + turn) % len(_SYMBOLS)])  # type: ignore[arg-type]
    return chosen


def legend(study: Study) -> tuple[tuple[str, Style], ...]:
    """Name and style of every activation, in the order of the study."""
    style = styles(study)
    return tuple((arm.activation, style[arm.activation]) for arm in study.arms)
