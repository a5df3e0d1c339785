"""What a figure is, before anyone draws it: frozen descriptions that both renderers read.

A `Figure` is a title, a caption and panels; a `Panel` is two axes and the marks on them. The interactive and
the static renderer draw the same description, so the PNG files show the same plots as the HTML file. Texts
here are raw: each renderer escapes for its own medium.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Value = float | None
"""A coordinate; None where there is nothing to draw (a gap in a line, a blank cell)."""


@dataclass(frozen=True)
class Style:
    """How one activation looks in every figure: told apart by colour, and by dash and symbol without it."""

    color: str
    dash: Literal["solid", "dash", "dot"] = "solid"
    symbol: str = "circle"
    width: float = 2.0


@dataclass(frozen=True)
class Axis:
    """One axis. `ticks` are (position, text) pairs that replace the automatic ones; None leaves the range free.

    Where `low` is above `high`, the axis runs downwards.
    """

    label: str
    log: bool = False
    low: float | None = None
    high: float | None = None
    ticks: tuple[tuple[float, str], ...] = ()
    grid: bool = True


@dataclass(frozen=True)
class Line:
    """A line through (x, y), broken where y is None."""

    name: str
    style: Style
    x: tuple[float, ...]
    y: tuple[Value, ...]
    markers: bool = False


@dataclass(frozen=True)
class Band:
    """The area between `low` and `high` over x."""

    name: str
    style: Style
    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    opacity: float = 0.16


@dataclass(frozen=True)
class Points:
    """Single observations; `hover` says in words what each one is."""

    name: str
    style: Style
    x: tuple[float, ...]
    y: tuple[float, ...]
    hover: tuple[str, ...] = ()
    symbol: str | None = None
    size: float = 7.0
    opacity: float = 1.0
    filled: bool = True


@dataclass(frozen=True)
class Estimate:
    """An estimate on the x axis at height y, with its interval; `low` and `high` are None where there is none."""

    name: str
    style: Style
    x: float
    y: float
    low: Value
    high: Value
    hover: str = ""


@dataclass(frozen=True)
class Rule:
    """A straight reference line across the panel, at a value of the named axis."""

    axis: Literal["x", "y"]
    at: float
    dashed: bool = False


@dataclass(frozen=True)
class Span:
    """A shaded reference range of the named axis, across the panel."""

    axis: Literal["x", "y"]
    low: float
    high: float


@dataclass(frozen=True)
class Note:
    """A few words inside the panel; `align` says which end of the text is at x."""

    x: float
    y: float
    text: str
    align: Literal["left", "center", "right"] = "center"


@dataclass(frozen=True)
class HeatMap:
    """Shares between 0 and 1: one row per name, one column per x; None is left blank.

    The first row is on top; on the y axis the rows are at 1, 2 and so on, where some of `numbers` stand (by default
    the rows' places). `words` say what a row, a column and a value are.
    """

    x: tuple[float, ...]
    rows: tuple[str, ...]
    values: tuple[tuple[Value, ...], ...]
    numbers: tuple[str, ...] = ()
    words: tuple[str, str, str] = ("layer", "epoch", "never active")


@dataclass(frozen=True)
class Panel:
    """Two axes and what is drawn on them; `empty` is what to say instead when there is nothing to draw."""

    title: str
    x: Axis
    y: Axis
    spans: tuple[Span, ...] = ()
    rules: tuple[Rule, ...] = ()
    bands: tuple[Band, ...] = ()
    lines: tuple[Line, ...] = ()
    points: tuple[Points, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    notes: tuple[Note, ...] = ()
    heat: HeatMap | None = None
    height: int = 340
    empty: str = ""


@dataclass(frozen=True)
class Figure:
    """Panels that belong together, with one legend and one caption, at most `columns` beside each other on paper.

    `key` names the figure in file names and anchors; `scale` asks for the colour scale of the heat maps, and says
    what its 100 % are of.
    """

    key: str
    title: str
    caption: tuple[str, ...]
    panels: tuple[Panel, ...]
    legend: tuple[tuple[str, Style], ...] = ()
    scale: str = ""
    columns: int = 2
