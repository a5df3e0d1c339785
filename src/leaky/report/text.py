"""Numbers and names as the report writes them: short, with their unit, and harmless in a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeGuard

from leaky import catalogue
from leaky.errors import LeakyError
from leaky.records import Interval, Metric

NONE = "–"
"""What stands where there is no number."""


def finite(value: float | None) -> TypeGuard[float]:
    """Is there a number, and is it finite?"""
    return value is not None and math.isfinite(value)


def plain(text: str) -> str:
    """`text` on one line and without control characters, which a terminal would obey."""
    return "".join(
        sign if sign.isprintable() else " " if sign.isspace() else "\N{REPLACEMENT CHARACTER}"
        for sign in text
    )


def score_text(metric: Metric, value: float | None, *, unit: bool = True) -> str:
    """A score in the metric's own unit."""
    return metric.text(value, unit=unit) if finite(value) else NONE


def difference_text(metric: Metric, value: float | None, *, sign: bool = True, unit: bool = True) -> str:
    """A difference of two scores, in percentage points where scores are per cent."""
    if not finite(value):
        return NONE
    text = metric.text(value, signed=True, unit=unit)
    return text if sign else text.lstrip("+")


def has_width(interval: Interval | None) -> bool:
    """Does the interval say anything beyond its estimate? One seed gives none."""
    return (
        interval is not None
        and finite(interval.low)
        and finite(interval.high)
        and interval.low < interval.high
    )


def interval_text(metric: Metric, interval: Interval | None, *, difference: bool, unit: bool = True) -> str:
    """The two ends, `93.80 to 94.40 %`; empty where there is no interval."""
    if interval is None or not has_width(interval):
        return ""
    if difference:
        low = difference_text(metric, interval.low, unit=False)
        return f"{low} to {difference_text(metric, interval.high, unit=unit)}"
    return f"{score_text(metric, interval.low, unit=False)} to {score_text(metric, interval.high, unit=unit)}"


def metric_label(metric: Metric, *, unit: bool = True) -> str:
    """The metric's name, short enough for an axis."""
    return shorten(plain(metric.name), 28) + (" (%)" if metric.percent and unit else "")


def share_text(value: float | None) -> str:
    """A share between 0 and 1 in per cent, short."""
    if not finite(value):
        return NONE
    percent = 100 * value
    return f"{percent:.0f} %" if percent == 0 or percent >= 9.95 else f"{percent:.1f} %"


def p_text(value: float | None) -> str:
    """A p-value to three digits after the point."""
    if not finite(value):
        return NONE
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def rate_text(value: float) -> str:
    """A learning rate, without trailing zeros."""
    return f"{value:.4g}"


def duration_text(seconds: float) -> str:
    """A time span in the two units that matter."""
    if not finite(seconds):
        return NONE
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def count_text(number: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shorten(text: str, length: int) -> str:
    """`text`, cut in the middle to `length` signs: both ends of a name tell it apart."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 3
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"


def short_names(activations: Iterable[str], length: int = 26) -> dict[str, str]:
    """A label per activation for axes: `leaky_relu(0.2)`; different activations never share one."""
    names: dict[str, str] = {}
    for activation in activations:
        label = shorten(_values_only(plain(activation)), length)
        if label in names.values():
            label = shorten(plain(activation), length)
        if label in names.values():
            label = f"{shorten(label, length - 4)} #{len(names) + 1}"
        names[activation] = label
    return names


def _values_only(text: str) -> str:
    try:
        spec = catalogue.parse(text)
    except LeakyError:  # a user's own function, or a record of another version
        return text
    return (
        f"{spec.activation.name}({', '.join(f'{v:g}' for v in spec.values)})"
        if spec.values
        else spec.activation.name
    )
