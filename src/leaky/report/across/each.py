"""Study beside study: scores, improvements, learning rates, costs, and what was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from leaky.records import Across, Cost, Study
from leaky.report.figures.scores import improvement_panel, scores_panel
from leaky.report.figures.sensitivity import rate_panel
from leaky.report.gather import mean, sig, silent_share, span_of
from leaky.report.shapes import Axis, Estimate, Figure, Panel, Points, Rule, Span, Style
from leaky.report.text import finite, plain, share_text, short_names

Look = Mapping[str, Style]
Legend = tuple[tuple[str, Style], ...]


def scores_figure(across: Across, look: Look, legend: Legend) -> Figure:
    """A row of two panels per study: scores, and the paired improvement."""
    panels = []
    for name, study in across.studies:
        improvement = improvement_panel(study, look)
        if len(study.arms) < 2:
            improvement = replace(improvement, empty="it ran alone: there is nothing to compare it with")
        for panel in (scores_panel(study, look), improvement):
            panels.append(replace(panel, title=f"{plain(name)}: {panel.title[0].lower()}{panel.title[1:]}"))
    caption = (
        "Each small mark is a final trial, or a pair of two with the same seed; the large mark is the interquartile "
        "mean, or the mean of the pairs, with its 95 % interval. The shaded band is the study's margin: an interval "
        "wholly outside it is better or worse, wholly inside it no practical difference, otherwise it is undecided.",
    )
    return Figure("scores", "Scores and paired improvements, study by study", caption, tuple(panels), legend)


def sensitivity_figure(across: Across, look: Look, legend: Legend) -> Figure | None:
    """The validation score against the learning rate, a panel per study."""
    panels = []
    for name, study in across.studies:
        panel = rate_panel(study, look)
        if panel is not None:
            panels.append(replace(panel, title=plain(name)))
    if not panels:
        return None
    caption = (
        "The line joins the mean validation scores of the tuning trials, which are the faint marks; the ring is the "
        "learning rate chosen. Crosses in a shaded strip diverged. How high a line is says what an activation can "
        "do, how flat it is how little it asks of whoever tunes it.",
    )
    return Figure("sensitivity", "Sensitivity to the learning rate", caption, tuple(panels), legend)


def cost_figure(across: Across, look: Look, legend: Legend) -> Figure | None:
    """The gain against time and against bytes kept for backward, all studies in one."""
    panels = [
        _cost_panel(across, look, "Time", "time per epoch", lambda cost: cost.time),
        _cost_panel(across, look, "Memory", "bytes kept for backward", lambda cost: cost.saved),
    ]
    if all(panel.empty for panel in panels):
        return None
    base = short_names([across.baseline])[across.baseline]
    caption = (
        f"A mark per study and activation: what it costs beside its study's baseline ({base} unless another is "
        "named), and what it gains: the paired improvement in units of the study's margin, so that 1 is the smallest "
        "difference that matters. Time is that of forward, backward and step, the median over final trials that ran "
        "side by side with others: differences of a few per cent mean nothing. Bytes are counted, and exact.",
    )
    return Figure("cost", "Cost and gain", caption, tuple(panels), legend[1:])


def _cost_panel(
    across: Across, look: Look, title: str, label: str, of: Callable[[Cost], float | None]
) -> Panel:
    groups: dict[str, list[tuple[float, float, str]]] = {}
    baselines = {name: study.baseline for name, study in across.studies}
    for cost in across.costs:
        at = of(cost)
        if at is None or cost.gain is None or cost.activation == baselines[cost.study]:
            continue
        words = f"{plain(cost.study)}: {label} {at:.3g} times the baseline's, gain {cost.gain.estimate:.3g} margins"
        groups.setdefault(cost.activation, []).append((sig(at), sig(cost.gain.estimate), words))
    marks = [
        Points(name, look[name], *_columns(found), size=11, opacity=0.85) for name, found in groups.items()
    ]
    if not marks:
        return Panel(title, Axis(label), Axis("gain"), empty="not measured in these trials", height=150)
    across_x = span_of([1.0, *(x for mark in marks for x in mark.x)], pad=0.1)
    across_y = span_of([-1.3, 1.3, *(y for mark in marks for y in mark.y)], pad=0.1)
    assert across_x is not None
    assert across_y is not None
    return Panel(
        title,
        Axis(f"{label}, times the baseline's", low=across_x[0], high=across_x[1]),
        Axis("improvement, in margins", low=across_y[0], high=across_y[1]),
        spans=(Span("y", -1.0, 1.0),),
        rules=(Rule("y", 0.0), Rule("x", 1.0)),
        points=tuple(marks),
        height=360,
    )


def _columns(
    found: list[tuple[float, float, str]],
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[str, ...]]:
    return tuple(x for x, _, _ in found), tuple(y for _, y, _ in found), tuple(text for *_, text in found)


def losses_figure(across: Across, look: Look, legend: Legend) -> Figure:
    """Divergences over the whole grid, and units never active at the end: a mark per study, a row per activation."""
    panels = (
        _shares(
            across, look, "Diverged, of all trials at all learning rates", "trials diverged (%)", _diverged
        ),
        _shares(across, look, "Units never active at the end", "units never active (%)", _silent),
    )
    caption = (
        "A mark per study; the large one is their mean. Diverged trials are counted over tuning and final runs at "
        "every learning rate of the grid. Never active: the share of units whose input was at or below 0 on the "
        "whole validation split, mean over final trials. For ReLU such units are dead; a leaky one goes on learning.",
    )
    return Figure("losses", "Divergences and dead units", caption, panels, legend)


def _shares(
    across: Across, look: Look, title: str, label: str, of: Callable[[Study, str], float | None]
) -> Panel:
    names = short_names(across.activations)
    points, means = [], []
    for row, activation in enumerate(across.activations):
        found = [
            (share, f"{plain(name)}: {share_text(share)}")
            for name, study in across.studies
            if finite(share := of(study, activation))
        ]
        if not found:
            continue
        x = tuple(sig(100 * share) for share, _ in found)
        style = look[activation]
        heights = tuple(row + 0.28 for _ in x)
        points.append(
            Points(activation, style, x, heights, tuple(text for _, text in found), "circle", 7, 0.6)
        )
        middle = sig(100 * sum(share for share, _ in found) / len(found))
        means.append(Estimate(activation, style, middle, row, None, None, f"mean {middle:.3g} %"))
    top = max([10.0, *(x for cloud in points for x in cloud.x)])
    ticks = tuple((float(row), names[name]) for row, name in enumerate(across.activations))
    return Panel(
        title,
        Axis(label, low=-0.03 * top, high=1.06 * top),
        Axis("", low=len(names) - 0.4, high=-0.6, ticks=ticks, grid=False),
        points=tuple(points),
        estimates=tuple(means),
        height=max(180, 96 + 44 * len(names)),
    )


def _diverged(study: Study, activation: str) -> float | None:
    mine = [trial for trial in study.trials if trial.plan.activation == activation]
    return mean([float(trial.status == "diverged") for trial in mine])


def _silent(study: Study, activation: str) -> float | None:
    mine = [t for t in study.trials if t.plan.activation == activation and t.plan.phase == "final"]
    return mean([share for trial in mine if (share := silent_share(trial)) is not None])
