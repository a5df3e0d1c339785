"""Figure 3: what the tuning saw, on the validation split."""

from __future__ import annotations

from leaky.records import Trial, Tuning
from leaky.report.gather import log_ticks, sig, span_of
from leaky.report.palette import INK, MUTED
from leaky.report.shapes import Axis, Figure, Panel, Points, Style
from leaky.report.text import finite, metric_label, rate_text, score_text
from leaky.report.tuning.scale import Scale
from leaky.report.tuning.words import noun, value_text


def search_figure(tuning: Tuning) -> Figure | None:
    """The settings that a search tried, value against learning rate; None for a grid, whose settings are known."""
    if tuning.search is None or tuning.per == "layer":
        return None
    found = [(value, t) for t in tuning.study.trials if (value := _value(tuning, t)) is not None]
    if not found:
        return None
    metric, factor = tuning.study.metric, 100 if tuning.study.metric.percent else 1
    scale = Scale.of([*(value for value, _ in found), *(point.value for point in tuning.points)])
    rates = [t.plan.learning_rate for _, t in found]
    chosen = {(p.value, p.arm.learning_rate) for p in tuning.points}
    every = [_point(tuning, scale, value, t) for value, t in found]
    x, y, hover = zip(*every, strict=True)
    scores = tuple(sig(factor * t.score) for _, t in found if t.score is not None)
    taken = [(scale.x(value), rate) for value, rate in sorted(chosen) if finite(rate)]
    low, high = min(rates) / 1.3, max(rates) * 1.3
    kept = span_of(scores) or (0.0, 1.0)
    ring = Points(
        tuning.activation,
        Style(INK),
        tuple(at for at, _ in taken),
        tuple(rate for _, rate in taken),
        tuple("on the response curve" for _ in taken),
        "circle",
        15,
        filled=False,
    )
    where = Panel(
        "What was tried",
        scale.axis(tuning),
        Axis("learning rate, logarithmic", True, low, high, log_ticks(low, high)),
        points=(Points(tuning.activation, Style(MUTED), x, y, hover, "circle", 7, 0.6), ring),
    )
    against = Panel(
        f"Validation score against the {noun(tuning)}",
        scale.axis(tuning),
        Axis(metric_label(metric), low=kept[0], high=kept[1]),
        points=(Points(tuning.activation, Style(MUTED), x, scores, hover, "circle", 7, 0.6),),
    )
    caption = (
        f"Every complete trial of the search, by {noun(tuning)} and learning rate, and its validation score on each "
        f"tuning seed ({tuning.search.pruned} more were pruned). Rings are the settings on the response curve: the "
        "best near each starting value.",
    )
    return Figure("search", "The search", caption, (where, against))


def _value(tuning: Tuning, trial: Trial) -> float | None:
    """The tuned value of a trial of the search; None of any other trial."""
    plan = trial.plan
    if (
        plan.phase != "tuning"
        or trial.score is None
        or not plan.activation.startswith(f"{tuning.activation}(")
    ):
        return None
    from leaky.catalogue import parse

    return float(parse(plan.activation).parameters[tuning.parameter])


def _point(tuning: Tuning, scale: Scale, value: float, trial: Trial) -> tuple[float, float, str]:
    words = (
        f"{tuning.parameter} {value_text(tuning, value)}, learning rate {rate_text(trial.plan.learning_rate)}, "
        f"seed {trial.plan.seed}: {score_text(tuning.study.metric, trial.score)}"
    )
    return scale.x(value), sig(trial.plan.learning_rate), words
