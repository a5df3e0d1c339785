"""The interaction of activation and training: a line per activation over the levels of what was varied."""

from __future__ import annotations

from leaky.records import Condition, Interval, Study
from leaky.report.gather import sig, span_of
from leaky.report.palette import legend, styles
from leaky.report.shapes import Axis, Figure, Line, Panel, Points, Rule, Span, Style, Value
from leaky.report.text import (
    difference_text,
    finite,
    has_width,
    interval_text,
    metric_label,
    plain,
    score_text,
    shorten,
)


def interaction_figure(study: Study) -> Figure | None:
    """Scores and improvements over the first factor's levels, a row of panels for every level of the second."""
    if not study.conditions:
        return None
    groups = _groups(study)
    panels: list[Panel] = []
    for title, members in groups:
        panels.append(_panel(study, title, members, difference=False))
        if len(study.arms) > 1:
            panels.append(_panel(study, title, members, difference=True))
    first = plain(study.factors[0].name)
    caption = [
        f"Score: interquartile mean of the final trials at each level of {first}, with its 95 % interval, every "
        "activation at the learning rate tuned for that level. Activations are set slightly side by side."
    ]
    if len(study.arms) > 1:
        margin = difference_text(study.metric, study.margin, sign=False)
        caption.append(
            f"Improvement: mean paired difference to {plain(study.baseline)} at the same level, with its 95 % "
            f"interval; the shaded band is the margin of ±{margin}. A flat line means that the activation's gain "
            f"does not depend on {first}; one that rises or falls is an interaction as far as the intervals allow."
        )
    return Figure(
        "interaction", "Interaction of activation and training", tuple(caption), tuple(panels), legend(study)
    )


def _groups(study: Study) -> list[tuple[str, tuple[Condition, ...]]]:
    """The conditions by level of the second factor."""
    if len(study.factors) == 1:
        return [("", study.conditions)]
    second = study.factors[1]
    return [
        (
            f", {plain(second.name)}={plain(level)}",
            tuple(condition for condition in study.conditions if condition.levels[1] == level),
        )
        for level in second.levels
    ]


def _panel(study: Study, title: str, conditions: tuple[Condition, ...], *, difference: bool) -> Panel:
    scale, look = 100 if study.metric.percent else 1, styles(study)
    lines: list[Line] = []
    points: list[Points] = []
    shown = [
        value for arm in study.arms for value in _values(study, arm.activation, study.conditions, difference)
    ]
    limits = _limits(study, shown, difference)
    names = [arm.activation for arm in study.arms if not (difference and arm.activation == study.baseline)]
    for place, name in enumerate(names):
        step = (place - (len(names) - 1) / 2) * min(0.09, 0.5 / len(names))
        values = _values(study, name, conditions, difference)
        lines += _marks(name, look[name], [round(at + step, 4) for at in range(len(values))], values, scale)
        points.append(_dots(study, name, look[name], step, values, conditions, scale, difference))
    label = metric_label(study.metric, unit=not difference)
    unit = " (pp)" if study.metric.percent else ""
    better = "higher is better" if study.metric.higher_is_better else "lower is better"
    levels = study.factors[0].levels
    what = f"Improvement on {shorten(plain(study.baseline), 20)}" if difference else "Score on the test split"
    margin = scale * study.margin
    return Panel(
        f"{what}{title}",
        Axis(
            plain(study.factors[0].name),
            low=-0.5,
            high=len(levels) - 0.5,
            ticks=tuple((float(at), shorten(plain(level), 16)) for at, level in enumerate(levels)),
        ),
        Axis(
            f"improvement in {label}{unit}" if difference else f"{label}, {better}",
            low=scale * limits[0],
            high=scale * limits[1],
        ),
        spans=(Span("y", -margin, margin),) if difference and margin > 0 else (),
        rules=(Rule("y", 0.0),) if difference else (),
        lines=tuple(lines),
        points=tuple(found for found in points if found.x),
    )


def _values(
    study: Study, name: str, conditions: tuple[Condition, ...], difference: bool
) -> list[Interval | None]:
    """What is drawn of an activation, condition by condition; None where it has no result."""
    arms = [condition.arm(name) for condition in conditions]
    drawn = [arm.improvement if difference else arm.score for arm in arms]
    return [value if value is not None and finite(value.estimate) else None for value in drawn]


def _limits(study: Study, values: list[Interval | None], difference: bool) -> tuple[float, float]:
    """One range for all panels of a kind, so that they compare."""
    shown: list[Value] = [-1.4 * study.margin, 1.4 * study.margin, 0.0] if difference else []
    for value in values:
        if value is not None:
            shown += [value.estimate, value.low, value.high]
    return span_of(shown) or (0.0, 1.0)


def _marks(
    name: str, style: Style, xs: list[float], values: list[Interval | None], scale: float
) -> list[Line]:
    """The line through the estimates, and an upright one for each interval."""
    means = tuple(None if value is None else sig(scale * value.estimate) for value in values)
    made = [Line(name, style, tuple(xs), means)]
    for x, value in zip(xs, values, strict=True):
        if value is not None and has_width(value):
            upright = Style(style.color, "solid", style.symbol, style.width)
            made.append(Line(name, upright, (x, x), (sig(scale * value.low), sig(scale * value.high))))
    return made


def _dots(
    study: Study,
    name: str,
    style: Style,
    step: float,
    values: list[Interval | None],
    conditions: tuple[Condition, ...],
    scale: float,
    difference: bool,
) -> Points:
    kept = [
        (round(at + step, 4), sig(scale * value.estimate), _words(study, condition, name, value, difference))
        for at, (value, condition) in enumerate(zip(values, conditions, strict=True))
        if value is not None
    ]
    x, y, hover = (tuple(column) for column in zip(*kept, strict=True)) if kept else ((), (), ())
    return Points(name, style, x, y, hover, size=10)


def _words(study: Study, condition: Condition, name: str, value: Interval, difference: bool) -> str:
    text = (difference_text if difference else score_text)(study.metric, value.estimate)
    ends = interval_text(study.metric, value, difference=difference)
    rate = condition.arm(name).learning_rate
    told = f"{', '.join(map(plain, condition.levels))}: {text}"
    return f"{told}{f', 95 % interval {ends}' if ends else ''}, learning rate {rate:.4g}"
