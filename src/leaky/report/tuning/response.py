"""Figure 1: the score against the parameter, and how far each value lies below the best."""

from __future__ import annotations

from leaky.records import Arm, Tuning
from leaky.report.gather import sig, span_of
from leaky.report.palette import INK, MUTED, styles_of
from leaky.report.shapes import Axis, Band, Figure, Line, Panel, Points, Rule, Span, Style
from leaky.report.text import (
    count_text,
    difference_text,
    finite,
    has_width,
    interval_text,
    metric_label,
    plain,
    score_text,
)
from leaky.report.tuning.scale import Scale
from leaky.report.tuning.words import noun, value_text

_CURVE = Style(INK, width=2.6)
_ASIDE = 1.05
"""Single runs stand beside their interval, or it would hide them."""


def looks(tuning: Tuning) -> dict[str, Style]:
    """The curve in ink, and a style for each of what stands beside it, the same in all figures."""
    beside = []
    if tuning.learned is not None:
        beside.append(tuning.learned.arm.activation)
    if tuning.layered is not None and len(set(tuning.layered.values)) > 1:
        beside.append("by layer")
    return styles_of([tuning.activation, *beside])


def response_figure(tuning: Tuning) -> Figure | None:
    """The response curve and the shortfalls; None where no value has final scores."""
    if not any(point.arm.scores for point in tuning.points):
        return None
    scale = Scale.of((point.value for point in tuning.points), _learned(tuning))
    study = tuning.study
    margin = difference_text(study.metric, study.margin, sign=False)
    seeds = count_text(len(study.final_seeds), "fresh seed")
    caption = [
        f"Score: each {noun(tuning)} at the learning rate that suits it best, {seeds}, the same for all. Faint marks "
        "are single runs on the test split, the line joins their interquartile means, upright bars are 95 % "
        "intervals. The ring is the value that did best on validation; shaded is what is as good as the best."
    ]
    if len(looks(tuning)) > 1:
        caption.append(
            "Level lines are what stands beside it: "
            + ", ".join(_beside_words(tuning))
            + ". Their bands are 95 % intervals."
            + (" Marks at the foot are what it learned, layer by layer." if _learned(tuning) else "")
        )
    caption.append(
        "Against the best: the mean difference to the best value, whichever it is. The intervals hold for all "
        f"values at once. One that does not reach below the margin of {margin} (dashed) is as good as the best, and "
        "its mark is filled."
    )
    legend = tuple((name, style) for name, style in looks(tuning).items())
    panels = (_scores(tuning, scale), _shortfalls(tuning, scale))
    return Figure("response", f"Response to the {noun(tuning)}", tuple(caption), panels, legend)


def _beside_words(tuning: Tuning) -> list[str]:
    told = []
    if tuning.learned is not None:
        told.append(f"{plain(tuning.learned.arm.activation).partition('(')[0]}, which learns it")
    if len(looks(tuning)) > (1 if tuning.learned is None else 2):
        told.append("the best setting with a value for every layer")
    return told


def _scores(tuning: Tuning, scale: Scale) -> Panel:
    metric, factor = tuning.study.metric, 100 if tuning.study.metric.percent else 1
    look, name = looks(tuning), tuning.activation
    known = [p for p in tuning.points if finite(p.arm.score.estimate)]
    limits = span_of([v for p in known for v in (*p.arm.scores, p.arm.score.low, p.arm.score.high)])
    low, high = limits or (0.0, 1.0)
    lines = [
        Line(
            name,
            _CURVE,
            tuple(scale.x(p.value) for p in known),
            tuple(sig(factor * p.arm.score.estimate) for p in known),
            markers=True,
        )
    ]
    points = []
    for p in known:
        x = scale.x(p.value)
        if has_width(p.arm.score):
            ends = (sig(factor * p.arm.score.low), sig(factor * p.arm.score.high))
            lines.append(Line(name, Style(INK, width=1.6), (x, x), ends))
        hover = tuple(
            f"{tuning.parameter} {value_text(tuning, p.value)}, seed {seed}: {score_text(metric, score)}"
            for seed, score in zip(p.arm.seeds, p.arm.scores, strict=True)
        )
        runs = tuple(sig(factor * score) for score in p.arm.scores)
        aside = (sig(x * _ASIDE),) * len(runs)
        points.append(Points(name, Style(MUTED), aside, runs, hover, "circle", 5, 0.5))
    chosen = tuning.point(tuning.chosen)
    if finite(chosen.arm.score.estimate):
        at = sig(factor * chosen.arm.score.estimate)
        words = (f"best on validation: {tuning.parameter} {value_text(tuning, tuning.chosen)}",)
        points.append(
            Points(name, _CURVE, (scale.x(tuning.chosen),), (at,), words, "circle", 17, filled=False)
        )
    ends_of_x = scale.axis(tuning)
    bands, shown = [], [low, high]
    assert ends_of_x.low is not None
    assert ends_of_x.high is not None
    across = (ends_of_x.low, ends_of_x.high)
    for label, arm in _beside(tuning):
        if finite(arm.score.estimate):
            middle = sig(factor * arm.score.estimate)
            lines.append(Line(label, look[label], across, (middle, middle)))
            shown.append(arm.score.estimate)
        if has_width(arm.score):
            at_low, at_high = sig(factor * arm.score.low), sig(factor * arm.score.high)
            bands.append(Band(label, look[label], across, (at_low, at_low), (at_high, at_high), 0.14))
            shown += [arm.score.low, arm.score.high]
    if _learned(tuning):
        points.append(_foot(tuning, scale, factor * min(shown)))
    direction = "higher is better" if metric.higher_is_better else "lower is better"
    return Panel(
        "Score on the test split",
        ends_of_x,
        Axis(f"{metric_label(metric)}, {direction}", low=factor * min(shown), high=factor * max(shown)),
        spans=_plateau(tuning, scale),
        bands=tuple(bands),
        lines=tuple(lines),
        points=tuple(points),
    )


def _learned(tuning: Tuning) -> tuple[float, ...]:
    """The mean over the seeds of what each layer has learned."""
    if tuning.learned is None:
        return ()
    return tuple(sum(column) / len(column) for column in zip(*tuning.learned.values, strict=True))


def _foot(tuning: Tuning, scale: Scale, at: float) -> Points:
    """A mark for each layer at what it learned; what lies left of the axis stands at its left end."""
    assert tuning.learned is not None
    name, found = tuning.learned.arm.activation, _learned(tuning)
    hover = tuple(f"{plain(n)} learned {v:.3g}" for n, v in zip(tuning.learned.layers, found, strict=True))
    x, y = tuple(map(scale.x, found)), (sig(at),) * len(found)
    return Points(name, looks(tuning)[name], x, y, hover, "triangle-up", 8, 0.55)


def _beside(tuning: Tuning) -> list[tuple[str, Arm]]:
    made = []
    if tuning.learned is not None:
        made.append((tuning.learned.arm.activation, tuning.learned.arm))
    if "by layer" in looks(tuning) and tuning.layered is not None:
        made.append(("by layer", tuning.layered.arm))
    return made


def _plateau(tuning: Tuning, scale: Scale) -> tuple[Span, ...]:
    """Shaded from halfway to the neighbour on either side: what lies between two values was not tried."""
    places = [scale.x(p.value) for p in tuning.points]
    spans: list[Span] = []
    for number, point in enumerate(tuning.points):
        if point.value not in tuning.plateau:
            continue
        at = places[number]
        left = (at * places[number - 1]) ** 0.5 if number else at / 1.35
        right = (at * places[number + 1]) ** 0.5 if number + 1 < len(places) else at * 1.35
        if spans and abs(spans[-1].high - left) < 1e-9 * left:
            left = spans.pop().low
        spans.append(Span("x", left, right))
    return tuple(spans)


def _shortfalls(tuning: Tuning, scale: Scale) -> Panel:
    metric, factor = tuning.study.metric, 100 if tuning.study.metric.percent else 1
    known = [(p, p.shortfall) for p in tuning.points if p.shortfall is not None]
    margin = tuning.study.margin
    shown = [end for _, gap in known for end in (gap.estimate, gap.low)]
    limits = span_of([*shown, 0.0, -1.4 * margin]) or (-1.0, 0.1)
    lines, points = [], []
    for p, gap in known:
        x = scale.x(p.value)
        if has_width(gap):
            ends = (sig(factor * gap.low), sig(factor * gap.high))
            lines.append(Line(tuning.activation, Style(INK, width=1.6), (x, x), ends))
        words = f"{tuning.parameter} {value_text(tuning, p.value)}: {difference_text(metric, gap.estimate)}"
        ends_text = interval_text(metric, gap, difference=True)
        words += f", interval {ends_text}" if ends_text else ""
        at = sig(factor * gap.estimate)
        filled = p.standing == "as good as the best"
        points.append(Points(tuning.activation, _CURVE, (x,), (at,), (words,), "circle", 9, filled=filled))
    unit = " (pp)" if metric.percent else ""
    return Panel(
        "Against the best value",
        scale.axis(tuning),
        Axis(
            f"{metric_label(metric, unit=False)}{unit}, negative is worse",
            low=factor * limits[0],
            high=factor * limits[1],
        ),
        spans=_plateau(tuning, scale),
        rules=(Rule("y", 0.0), Rule("y", -factor * margin, dashed=True)),
        lines=tuple(lines),
        points=tuple(points),
        empty="" if known else "no final scores to compare",
    )
