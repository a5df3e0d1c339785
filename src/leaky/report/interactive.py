"""A described panel as a Plotly figure.

Plotly reads a subset of HTML in every text it draws, so all texts are escaped here. Traces carry the place of
their activation in the legend as `legendgroup`, by which the page's legend shows and hides them.
"""

from __future__ import annotations

import html
import math
from typing import Any

from leaky.report import palette
from leaky.report.shapes import Axis, Band, Estimate, Figure, HeatMap, Line, Panel, Points, Style

_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", sans-serif'


def plotly_figures(figure: Figure) -> list[Any]:
    """One `plotly.graph_objects.Figure` per panel."""
    places = {name: str(place) for place, (name, _) in enumerate(figure.legend)}
    return [_plotly_panel(panel, places) for panel in figure.panels]


def _plotly_panel(panel: Panel, places: dict[str, str]) -> Any:
    import plotly.graph_objects as go

    drawing = go.Figure(layout=_layout(panel))
    traces = [_band(band) for band in panel.bands]
    traces += [_line(line) for line in panel.lines]
    traces += [_points(points) for points in panel.points]
    traces += [_estimate(estimate) for estimate in panel.estimates]
    for trace in traces:
        group = places.get(trace["name"], "")
        drawing.add_trace(go.Scatter(**{**trace, "name": escape(trace["name"]), "legendgroup": group}))
    if panel.heat is not None:
        drawing.add_trace(go.Heatmap(**_heat(panel.heat)))
    return drawing


def escape(text: str) -> str:
    """`text` so that Plotly shows it as it is."""
    return html.escape(text, quote=False)


def _layout(panel: Panel) -> dict[str, Any]:
    shapes: list[dict[str, Any]] = []
    for span in panel.spans:
        other = "y" if span.axis == "x" else "x"
        ends = {f"{span.axis}0": span.low, f"{span.axis}1": span.high, f"{other}0": 0, f"{other}1": 1}
        box = {"type": "rect", f"{other}ref": "paper", "layer": "below", "line": {"width": 0}}
        shapes.append({**box, **ends, "fillcolor": palette.SPAN})
    for rule in panel.rules:
        other = "y" if rule.axis == "x" else "x"
        ends = {f"{rule.axis}0": rule.at, f"{rule.axis}1": rule.at, f"{other}0": 0, f"{other}1": 1}
        line = {"color": palette.RULE, "width": 1, "dash": "dash" if rule.dashed else "solid"}
        shapes.append({"type": "line", f"{other}ref": "paper", "layer": "below", "line": line, **ends})
    notes = [
        {
            "x": math.log10(note.x) if panel.x.log else note.x,
            "y": note.y - 1 if panel.heat else note.y,  # rows count from 1, categories from 0
            "text": escape(note.text),
            "showarrow": False,
            "xanchor": note.align,
            "font": {"color": palette.MUTED, "size": 11},
        }
        for note in panel.notes
    ]
    return {
        "template": "none",
        "height": panel.height,
        "margin": {"l": 12, "r": 14, "t": 8, "b": 12},
        "font": {"family": _FONT, "size": 12, "color": palette.INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": palette.RULE, "activecolor": palette.INK},
        "hoverlabel": {"align": "left", "font": {"family": _FONT, "size": 12}},
        "shapes": shapes,
        "annotations": notes,
        "xaxis": _axis(panel.x),
        "yaxis": _heat_rows(panel.heat, panel) if panel.heat else _axis(panel.y),
    }


def _axis(axis: Axis) -> dict[str, Any]:
    made: dict[str, Any] = {
        "title": {"text": escape(axis.label), "standoff": 8, "font": {"size": 12, "color": palette.MUTED}},
        "showgrid": axis.grid,
        "gridcolor": palette.GRID,
        "zeroline": False,
        "showline": not axis.ticks or axis.grid,
        "linecolor": palette.RULE,
        "ticks": "outside" if axis.grid else "",
        "ticklen": 4,
        "tickcolor": palette.RULE,
        "automargin": True,
        "type": "log" if axis.log else "linear",
    }
    if axis.low is not None and axis.high is not None:
        made["range"] = [math.log10(end) if axis.log else end for end in (axis.low, axis.high)]
    if axis.ticks:
        made |= {"tickmode": "array", "tickvals": [at for at, _ in axis.ticks]}
        made["ticktext"] = [escape(text) for _, text in axis.ticks]
    elif axis.log:
        made |= {"dtick": 1, "exponentformat": "none"}
    return made


def _heat_rows(heat: HeatMap, panel: Panel) -> dict[str, Any]:
    """Rows are categories, so that hovering names the layer; the ticks show numbers, and not all of them."""
    step = max(1, math.ceil(len(heat.rows) / 9))
    ticks = list(range(0, len(heat.rows), step))
    return {
        **_axis(panel.y),
        "type": "category",
        "autorange": "reversed",
        "tickmode": "array",
        "tickvals": [escape(heat.rows[row]) for row in ticks],
        "ticktext": [escape(heat.numbers[row]) if heat.numbers else str(row + 1) for row in ticks],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "x": list(line.x),
        "y": list(line.y),
        "mode": "lines+markers" if line.markers else "lines",
        "line": {
            "color": line.style.color,
            "dash": line.style.dash,
            "width": line.style.width,
            "simplify": False,
        },
        "marker": {"color": line.style.color, "symbol": line.style.symbol, "size": 7},
        "hovertemplate": "%{fullData.name}<br>%{x:.4g}: %{y:.4g}<extra></extra>",
    }


def _band(band: Band) -> dict[str, Any]:
    return {
        "name": band.name,
        "x": [*band.x, *reversed(band.x)],
        "y": [*band.high, *reversed(band.low)],
        "mode": "lines",
        "line": {"width": 0, "color": band.style.color},
        "fill": "toself",
        "fillcolor": band.style.color,
        "opacity": band.opacity,
        "hoverinfo": "skip",
    }


def _points(points: Points) -> dict[str, Any]:
    return {
        "name": points.name,
        "x": list(points.x),
        "y": list(points.y),
        "mode": "markers",
        "marker": _marker(points.style, points.symbol, points.size, points.filled),
        "opacity": points.opacity,
        "cliponaxis": False,
        "text": [escape(text) for text in points.hover],
        "hovertemplate": "%{fullData.name}<br>%{text}<extra></extra>",
    }


def _marker(style: Style, symbol: str | None, size: float, filled: bool) -> dict[str, Any]:
    shape = symbol or style.symbol
    if filled:
        return {"color": style.color, "symbol": shape, "size": size}
    return {
        "color": palette.PAPER if size < 10 else style.color,
        "symbol": shape if size < 10 else f"{shape}-open",
        "size": size,
        "line": {"color": style.color, "width": 2},
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": estimate.name,
        "x": [estimate.x],
        "y": [estimate.y],
        "mode": "markers",
        "marker": _marker(estimate.style, None, 12, True),
        "cliponaxis": False,
        "text": [escape(estimate.hover)],
        "hovertemplate": "%{fullData.name}<br>%{text}<extra></extra>",
    }
    if estimate.low is not None and estimate.high is not None:
        made["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": [estimate.high - estimate.x],
            "arrayminus": [estimate.x - estimate.low],
            "color": estimate.style.color,
            "thickness": 3,
            "width": 5,
        }
    return made


def _heat(heat: HeatMap) -> dict[str, Any]:
    last = len(palette.HEAT) - 1
    return {
        "x": list(heat.x),
        "y": [escape(row) for row in heat.rows],
        "z": [list(row) for row in heat.values],
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[place / last, color] for place, color in enumerate(palette.HEAT)],
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": "{} %{{y}}<br>{} %{{x}}: %{{z:.1%}} {}<extra></extra>".format(*heat.words),
    }
