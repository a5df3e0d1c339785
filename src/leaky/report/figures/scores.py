"""Figure 1: the scores, every seed a point, and beside them the paired improvement over the baseline."""

from __future__ import annotations

from collections.abc import Mapping

from leaky.records import Arm, Study
from leaky.report.gather import paired_differences, sig, span_of, trials_of
from leaky.report.palette import legend, styles
from leaky.report.shapes import Axis, Estimate, Figure, Note, Panel, Points, Rule, Span, Style, Value
from leaky.report.text import (
    count_text,
    difference_text,
    finite,
    has_width,
    interval_text,
    metric_label,
    score_text,
    short_names,
)


def scores_figure(study: Study) -> Figure | None:
    """Scores with their intervals; with a baseline to compare to, the paired improvement as well."""
    if not study.arms:
        return None
    panels = [scores_panel(study, styles(study))]
    captions = [
        f"Score: each small mark is one final trial, scored on the test split "
        f"({count_text(len(study.final_seeds), 'seed')} per activation). The large mark is the "
        "interquartile mean (IQM), the mean of the middle half of the trials; its bar is the 95 % interval."
    ]
    if len(study.arms) > 1:
        panels.append(improvement_panel(study, styles(study)))
        margin = difference_text(study.metric, study.margin, sign=False)
        captions.append(
            "Paired improvement: the same seed run with both activations gives one difference; to the right of 0 "
            f"the activation is better than {short_names([study.baseline])[study.baseline]}. The large mark is the "
            f"mean difference with its 95 % interval. The shaded band is the margin of ±{margin}: an interval "
            "wholly outside it is better or worse, wholly inside it no practical difference, across an edge of "
            "it undecided."
        )
    if any(_diverged(study, arm) for arm in study.arms):
        captions.append(
            "A cross is a trial that diverged; where its value lies off the scale it is drawn at the edge."
        )
    return Figure("scores", "Scores and paired improvement", tuple(captions), tuple(panels), legend(study))


def scores_panel(study: Study, look: Mapping[str, Style]) -> Panel:
    """Every final trial, and the interquartile mean with its interval: a row per activation."""
    metric, scale = study.metric, 100 if study.metric.percent else 1
    shown: list[Value] = []
    for arm in study.arms:
        lost = _diverged(study, arm)
        shown += [score for seed, score in zip(arm.seeds, arm.scores, strict=True) if seed not in lost]
        shown += [arm.score.estimate, arm.score.low, arm.score.high]
    limits = span_of(shown) or (0.0, 1.0)
    points, estimates, notes = [], [], []
    for row, arm in enumerate(study.arms):
        lost = _diverged(study, arm)
        words = [f"seed {s}: {score_text(metric, v)}" for s, v in zip(arm.seeds, arm.scores, strict=True)]
        values = dict(zip(arm.seeds, arm.scores, strict=True))
        points += _seed_points(arm.activation, look, row, values, words, lost, limits, scale)
        if finite(arm.score.estimate):
            has = has_width(arm.score)
            hover = f"IQM {score_text(metric, arm.score.estimate)}"
            hover += f", 95 % interval {interval_text(metric, arm.score, difference=False)}" if has else ""
            low, high = (sig(scale * arm.score.low), sig(scale * arm.score.high)) if has else (None, None)
            middle = sig(scale * arm.score.estimate)
            estimates.append(Estimate(arm.activation, look[arm.activation], middle, row, low, high, hover))
        if not arm.scores:
            notes.append(Note(scale * sum(limits) / 2, row, "no result"))
    direction = "higher is better" if metric.higher_is_better else "lower is better"
    label = f"{metric_label(metric)}, {direction}"
    return Panel(
        "Score on the test split",
        Axis(label, low=scale * limits[0], high=scale * limits[1]),
        _rows(study),
        points=tuple(points),
        estimates=tuple(estimates),
        notes=tuple(notes),
        height=_height(study),
    )


def improvement_panel(study: Study, look: Mapping[str, Style]) -> Panel:
    """Every paired difference to the baseline, their mean with its interval, and the margin: a row per activation."""
    metric, scale = study.metric, 100 if study.metric.percent else 1
    base = next((arm for arm in study.arms if arm.activation == study.baseline), None)
    base_lost = _diverged(study, base) if base else set()
    differences: dict[str, dict[int, float]] = {}
    lost: dict[str, set[int]] = {}
    shown: list[Value] = [-1.4 * study.margin, 1.4 * study.margin, 0.0]
    for arm in study.arms:
        if arm.activation == study.baseline:
            continue
        own = differences[arm.activation] = paired_differences(study, arm)
        lost[arm.activation] = _diverged(study, arm) | base_lost
        shown += [value for seed, value in own.items() if seed not in lost[arm.activation]]
        if arm.improvement:
            shown += [arm.improvement.estimate, arm.improvement.low, arm.improvement.high]
    limits = span_of(shown) or (-1.0, 1.0)
    points, estimates, notes = [], [], []
    for row, arm in enumerate(study.arms):
        if arm.activation == study.baseline:
            notes.append(Note(0.0, row, "baseline"))
            continue
        own = differences[arm.activation]
        words = [f"seed {seed}: {difference_text(metric, value)}" for seed, value in own.items()]
        points += _seed_points(arm.activation, look, row, own, words, lost[arm.activation], limits, scale)
        change = arm.improvement
        if change is None or not finite(change.estimate):
            notes.append(Note(0.0, row, "no comparison"))
            continue
        has = has_width(change)
        hover = f"improvement {difference_text(metric, change.estimate)}"
        hover += f", 95 % interval {interval_text(metric, change, difference=True)}" if has else ""
        low, high = (sig(scale * change.low), sig(scale * change.high)) if has else (None, None)
        middle = sig(scale * change.estimate)
        estimates.append(Estimate(arm.activation, look[arm.activation], middle, row, low, high, hover))
    label = metric_label(metric, unit=False)
    unit = " (pp)" if metric.percent else ""
    return Panel(
        f"Paired improvement over {short_names([study.baseline])[study.baseline]}",
        Axis(f"improvement in {label}{unit}", low=scale * limits[0], high=scale * limits[1]),
        _rows(study),
        spans=(Span("x", -scale * study.margin, scale * study.margin),) if study.margin > 0 else (),
        rules=(Rule("x", 0.0),),
        points=tuple(points),
        estimates=tuple(estimates),
        notes=tuple(notes),
        height=_height(study),
    )


def _seed_points(
    activation: str,
    look: Mapping[str, Style],
    row: int,
    values: dict[int, float],
    words: list[str],
    lost: set[int],
    limits: tuple[float, float],
    scale: float,
) -> list[Points]:
    """The seeds of one row, below its estimate: the finished ones, and as crosses the diverged ones."""
    groups: dict[bool, list[tuple[float, float, str]]] = {False: [], True: []}
    for (seed, value), text in zip(values.items(), words, strict=True):
        gone = seed in lost
        at = min(max(value, limits[0]), limits[1]) if value == value else limits[0]
        groups[gone].append((sig(scale * at), row + _offset(seed), text + (", diverged" if gone else "")))
    made = []
    for gone, members in groups.items():
        if members:
            x, y, hover = (tuple(column) for column in zip(*members, strict=True))
            symbol = "x" if gone else "circle"
            style = look[activation]
            made.append(Points(activation, style, x, y, hover, symbol, size=7 if gone else 6, opacity=0.55))
    return made


def _offset(seed: int) -> float:
    """A height below the row's estimate, the same for a seed in every row, so that pairs can be followed."""
    return round(0.2 + 0.22 * (seed * 0.6180339887 % 1), 3)  # the golden ratio spreads consecutive seeds


def _diverged(study: Study, arm: Arm) -> set[int]:
    trials = trials_of(study, arm.activation, "final")
    return {trial.plan.seed for trial in trials if trial.status == "diverged"}


def _rows(study: Study) -> Axis:
    names = short_names(arm.activation for arm in study.arms)
    ticks = tuple((float(row), names[arm.activation]) for row, arm in enumerate(study.arms))
    return Axis("", low=len(study.arms) - 0.4, high=-0.5, ticks=ticks, grid=False)


def _height(study: Study) -> int:
    return 84 + 54 * max(len(study.arms), 2)
