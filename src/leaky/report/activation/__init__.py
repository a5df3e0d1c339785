"""Activations on paper: a list, everything about one, curves in the terminal, as PNG, and as a page with sliders.

Importing this loads neither Plotly nor Matplotlib nor Jinja2 nor Rich.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from leaky.catalogue import Spec
from leaky.report.activation.curves import reach
from leaky.report.activation.sheet import needs, sheet
from leaky.report.write import Location, check_writable, write_atomically

__all__ = ["needs", "reach", "sheet", "write_activation_html", "write_activation_png"]


def write_activation_html(
    specs: Mapping[str, Spec], path: Location, low: float, high: float, *, whole: bool = False
) -> Path:
    """Write value and derivative between `low` and `high`, with a slider per parameter, as one HTML file.

    It opens without a network; `whole` adds all facts and the conventions of other frameworks. Returns the resolved
    path. Raises `ArgumentError` where it cannot be written and `MissingExtraError` without plotly or jinja2.
    """
    target = check_writable(path, "html")
    from leaky.report.activation.page import activation_page

    write_atomically(target, activation_page(specs, low, high, whole=whole).encode(), "html")
    return target


def write_activation_png(specs: Mapping[str, Spec], path: Location, low: float, high: float) -> Path:
    """Write value and derivative of element-wise activations side by side as a PNG file; returns its path."""
    target = check_writable(path, "png")
    from leaky.report.activation.page import activation_figure
    from leaky.report.static import drawn

    ((_, content),) = drawn([activation_figure(specs, low, high)])
    write_atomically(target, content, "png")
    return target
