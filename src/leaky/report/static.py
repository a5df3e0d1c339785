"""A described figure as a Matplotlib figure: the same plots on paper.

Works on `matplotlib.figure.Figure` alone, never on pyplot: no window, no backend chosen, no global state.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from leaky.extras import require
from leaky.records import Study
from leaky.report import palette
from leaky.report.figures import study_figures
from leaky.report.shapes import Axis, Estimate, Figure, HeatMap, Panel, Points, Style
from leaky.report.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_WIDTH = 12.0
_SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v",
            "pentagon": "p", "star": "*", "hexagon": "h", "x": "X"}  # fmt: skip
_DASHES: dict[str, Any] = {"solid": "-", "dash": "--", "dot": ":"}
_PER_INCH = 96  # panel heights are given in the pixels of a page


def png_files(study: Study) -> Iterator[tuple[str, bytes]]:
    """File name and content of every figure of the report, at 150 dots per inch."""
    return drawn(study_figures(study))


def drawn(figures: Iterable[Figure]) -> Iterator[tuple[str, bytes]]:
    """File name and content of these figures."""
    require("matplotlib", "lab", "the PNG report")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for number, figure in enumerate(figures, start=1):
        drawing, buffer = matplotlib_figure(figure), io.BytesIO()
        FigureCanvasAgg(drawing).print_png(buffer)
        yield f"{number}-{figure.key}.png", buffer.getvalue()


def matplotlib_figure(figure: Figure) -> Drawing:
    """The whole figure on one canvas: title and legend on top, panels two by two, the caption below."""
    from matplotlib.figure import Figure as Drawing

    columns = min(figure.columns, len(figure.panels))
    rows = [figure.panels[start : start + columns] for start in range(0, len(figure.panels), columns)]
    row_heights = [max(panel.height for panel in row) / _PER_INCH + 0.45 for row in rows]
    caption = "\n".join(textwrap.fill(part, 180) for part in figure.caption)
    legend_rows = math.ceil(len(figure.legend) / _per_row(figure))
    head = 0.5 + 0.235 * legend_rows + (0.3 if figure.scale else 0)
    foot = 0.25 + 0.18 * (caption.count("\n") + 1)
    drawing = Drawing(
        figsize=(_WIDTH, head + sum(row_heights) + foot),
        dpi=150,
        facecolor=palette.PAPER,
        layout="constrained",
    )
    drawing.get_layout_engine().set(w_pad=0.12, h_pad=0.06)  # type: ignore[union-attr, call-arg]
    parts: Any = drawing.subfigures(3, 1, height_ratios=[head, sum(row_heights), foot])
    top, middle, bottom = parts
    _words(
        top.text(0.012, 1 - 0.12 / head, figure.title, va="top", size=15, weight="bold", color=palette.INK)
    )
    _words(
        bottom.text(0.012, 1 - 0.08 / foot, caption, va="top", size=9, color=palette.MUTED, linespacing=1.35)
    )
    if figure.legend:
        _legend(top, figure, head)
    if figure.scale:
        _scale(top, figure.scale, head)
    grid = middle.subplots(len(rows), columns, squeeze=False, height_ratios=row_heights)
    for row, axes_row in zip(rows, grid, strict=True):
        for place, axes in enumerate(axes_row):
            if place < len(row):
                _panel(axes, row[place])
            else:
                axes.set_axis_off()
    return drawing


def _words(text: Any) -> Any:
    """Names come from outside: a dollar sign in one must not start a formula."""
    text.set_parse_math(False)
    text.set_text(text.get_text() if "\n" in text.get_text() else plain(text.get_text()))
    return text


def _per_row(figure: Figure) -> int:
    widths = [len(name) + 8 for name, _ in figure.legend] or [1]
    return len(widths) if sum(widths) <= 130 else max(1, 140 // max(widths))


def _legend(top: Any, figure: Figure, head: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=s.color, linestyle=_DASHES[s.dash], linewidth=s.width, marker=_SYMBOLS[s.symbol])
        for _, s in figure.legend
    ]
    legend = top.legend(
        handles,
        ["name"] * len(handles),  # set below: Matplotlib drops labels that begin with an underscore
        loc="upper left",
        bbox_to_anchor=(0.004, 1 - 0.42 / head),
        ncols=_per_row(figure),
        frameon=False,
        fontsize=10,
        labelcolor=palette.INK,
    )
    for text, (name, _) in zip(legend.get_texts(), figure.legend, strict=True):
        text.set_text(name)
        _words(text)


def _scale(top: Any, label: str, head: float) -> None:
    axes = top.add_axes((0.02, 0.28 / head, 0.2, 0.13 / head))
    axes.imshow([[step / 255 for step in range(256)]], aspect="auto", cmap=_colormap(), extent=(0, 100, 0, 1))
    axes.set_yticks([])
    axes.set_xticks([0, 50, 100], labels=["0 %", "50 %", "100 %"])
    axes.tick_params(length=2, labelsize=8.5, colors=palette.MUTED)
    axes.spines[:].set_visible(False)
    _words(top.text(0.236, 0.345 / head, label, va="center", size=9.5, color=palette.INK))


def _colormap() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("never_active", palette.HEAT)


def _panel(axes: Axes, panel: Panel) -> None:
    _words(axes.set_title(panel.title, loc="left", fontsize=11, fontweight="bold", color=palette.INK))
    if panel.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, panel.empty, transform=axes.transAxes, ha="center", color=palette.MUTED)
        return
    axes.set_axisbelow(True)
    _frame(axes, panel)
    for span in panel.spans:
        (axes.axvspan if span.axis == "x" else axes.axhspan)(
            span.low, span.high, color=palette.SPAN, zorder=0, lw=0
        )
    for rule in panel.rules:
        draw = axes.axvline if rule.axis == "x" else axes.axhline
        draw(rule.at, color=palette.RULE, lw=0.9, ls="--" if rule.dashed else "-", zorder=1)
    for band in panel.bands:
        axes.fill_between(
            band.x, band.low, band.high, color=band.style.color, alpha=band.opacity, lw=0, zorder=2
        )
    for line in panel.lines:
        y = [math.nan if value is None else value for value in line.y]
        marker = _SYMBOLS[line.style.symbol] if line.markers else ""
        style = {"color": line.style.color, "ls": _DASHES[line.style.dash], "lw": 0.85 * line.style.width}
        axes.plot(line.x, y, marker=marker, ms=5, zorder=3, **style)
    for points in panel.points:
        if points.x:  # an empty set that is not clipped would count for the layout, somewhere
            _points(axes, points)
    for estimate in panel.estimates:
        _estimate(axes, estimate)
    if panel.heat is not None:
        _heat(axes, panel.heat)
    for note in panel.notes:
        words = axes.text(note.x, note.y, note.text, ha=note.align, va="center", size=9, color=palette.MUTED)
        _words(words)
    _ticks(axes, panel)


def _frame(axes: Axes, panel: Panel) -> None:
    for axis, described, side in ((axes.xaxis, panel.x, "bottom"), (axes.yaxis, panel.y, "left")):
        if described.grid:
            axis.grid(which="major", color=palette.GRID, lw=0.8)
        axes.spines[side].set_color(palette.RULE)
        axes.spines[side].set_visible(not described.ticks or described.grid)
        axis.set_tick_params(color=palette.RULE, labelcolor=palette.INK, labelsize=9.5, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_facecolor("none")
    _words(axes.set_xlabel(panel.x.label, color=palette.MUTED, fontsize=10))
    _words(axes.set_ylabel(panel.y.label, color=palette.MUTED, fontsize=10))


def _ticks(axes: Axes, panel: Panel) -> None:
    """Ranges and ticks last, so that nothing drawn moves them."""
    _scale_axis(axes.xaxis, axes.set_xscale, axes.set_xlim, panel.x)
    if panel.heat is None:
        _scale_axis(axes.yaxis, axes.set_yscale, axes.set_ylim, panel.y)


def _scale_axis(axis: Any, set_scale: Any, set_limits: Any, described: Axis) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    if described.log:
        set_scale("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    if described.ticks:
        axis.set_ticks([at for at, _ in described.ticks], labels=[text for _, text in described.ticks])
        axis.set_minor_locator(NullLocator())
        for label in axis.get_ticklabels():
            _words(label)
        if not described.grid:
            axis.set_tick_params(length=0)
    if described.low is not None and described.high is not None:
        set_limits(described.low, described.high)


def _marker(style: Style, symbol: str | None, filled: bool, size: float) -> dict[str, Any]:
    face = style.color if filled else palette.PAPER if size < 10 else "none"
    return {
        "marker": _SYMBOLS[symbol or style.symbol],
        "markerfacecolor": face,
        "markeredgecolor": style.color,
    }


def _points(axes: Axes, points: Points) -> None:
    look = _marker(points.style, points.symbol, points.filled, points.size)
    width = 0 if points.filled else 1.6
    axes.plot(points.x, points.y, ls="", ms=0.72 * points.size, alpha=points.opacity, mew=width, zorder=4,
              clip_on=False, **look)  # fmt: skip


def _estimate(axes: Axes, estimate: Estimate) -> None:
    if estimate.low is not None and estimate.high is not None:
        ends = [estimate.low, estimate.high]
        axes.plot(
            ends, [estimate.y] * 2, color=estimate.style.color, lw=2.4, marker="|", ms=7, mew=2, zorder=5
        )
    look = _marker(estimate.style, None, True, 12)
    axes.plot([estimate.x], [estimate.y], ls="", ms=8.5, mew=0, zorder=6, **look)


def _heat(axes: Axes, heat: HeatMap) -> None:
    values = [[math.nan if value is None else value for value in row] for row in heat.values]
    half = (heat.x[-1] - heat.x[0]) / max(len(heat.x) - 1, 1) / 2 or 0.5
    extent = (heat.x[0] - half, heat.x[-1] + half, len(heat.rows) + 0.5, 0.5)
    axes.imshow(
        values, cmap=_colormap(), vmin=0, vmax=1, aspect="auto", extent=extent, interpolation="nearest"
    )
    step = max(1, math.ceil(len(heat.rows) / 9))
    places = range(1, len(heat.rows) + 1, step)
    names = [heat.numbers[place - 1] if heat.numbers else str(place) for place in places]
    axes.set_yticks(places, labels=[plain(name) for name in names])
    for label in axes.get_yticklabels():
        _words(label)
