"""Figure 3: what the learning rate does to the score and to the units, from the tuning trials."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from leaky.records import Study, Trial
from leaky.report.gather import mean, sig, silent_share, span_of, trials_of
from leaky.report.palette import legend, styles
from leaky.report.shapes import Axis, Figure, Line, Note, Panel, Points, Span, Style, Value
from leaky.report.text import count_text, finite, metric_label, rate_text, score_text, share_text


@dataclass(frozen=True)
class _Grid:
    """The learning rates, with a small step aside per activation so that their marks do not hide each other."""

    rates: tuple[float, ...]
    arms: int

    @property
    def _gap(self) -> float:
        logs = [math.log10(rate) for rate in self.rates]
        return min((b - a for a, b in itertools.pairwise(logs)), default=0.5)  # decades

    def x(self, rate: float, place: int) -> float:
        """Where the activation at `place` draws what it has at `rate`."""
        # At most half a decade counts: on a wide grid a mark must not look like another rate's.
        step = min(0.12, 0.6 / self.arms) * min(self._gap, 0.5)
        return sig(rate * 10 ** ((place - (self.arms - 1) / 2) * step))

    def axis(self) -> Axis:
        """The logarithmic axis, with a tick at each learning rate of the grid."""
        ticks = tuple((rate, rate_text(rate)) for rate in self.rates)
        room = 10 ** (0.45 * self._gap)
        return Axis("learning rate, logarithmic", True, self.rates[0] / room, self.rates[-1] * room, ticks)


def sensitivity_figure(study: Study) -> Figure | None:
    """Score and share of never active units against the learning rate; None without tuning trials."""
    tuning = [trial for trial in study.trials if trial.plan.phase == "tuning"]
    rates = tuple(sorted({trial.plan.learning_rate for trial in tuning if trial.plan.learning_rate > 0}))
    if not rates:
        return None
    grid, look = _Grid(rates, len(study.arms)), styles(study)
    panels = [_score_panel(study, grid, look)]
    caption = [
        f"Validation score: each faint mark is one tuning trial ({count_text(len(study.tuning_seeds), 'seed')} at "
        f"each of {count_text(len(rates), 'learning rate')}), scored on the validation split; the line joins the "
        "means and the ring is the learning rate chosen for the final trials."
    ]
    if any(trial.status == "diverged" for trial in tuning):
        caption.append(
            "Crosses in the shaded strip are trials that diverged: they count in the mean with the score that the "
            "task gives to a diverged trial, so a line may leave the panel there."
        )
    if any(finite(silent_share(trial)) for trial in tuning):
        panels.append(_units_panel(study, grid, look))
        caption.append(
            "Units never active: the share of units, over all activation layers, that were never active on the "
            "validation split at the end of the same trials (of a diverged one: while its numbers were finite). "
            "Where this rises with the learning rate, units die; what a never active unit means for each kind of "
            "function is said under the next figure."
        )
    if len(study.arms) > 1:
        caption.append(
            "Marks of different activations are set slightly side by side, so as not to hide each other."
        )
    return Figure(
        "sensitivity", "Sensitivity to the learning rate", tuple(caption), tuple(panels), legend(study)
    )


def rate_panel(study: Study, look: Mapping[str, Style]) -> Panel | None:
    """The validation score against the learning rate alone; None without tuning trials."""
    tuning = [trial for trial in study.trials if trial.plan.phase == "tuning"]
    rates = tuple(sorted({trial.plan.learning_rate for trial in tuning if trial.plan.learning_rate > 0}))
    return _score_panel(study, _Grid(rates, len(study.arms)), look) if rates else None


def _score_panel(study: Study, grid: _Grid, look: Mapping[str, Style]) -> Panel:
    metric, scale = study.metric, 100 if study.metric.percent else 1
    tuning = [trial for trial in study.trials if trial.plan.phase == "tuning"]
    limits = span_of(trial.score for trial in tuning if trial.status == "finished") or (0.0, 1.0)
    low, high, spans, notes = scale * limits[0], scale * limits[1], [], []
    strip = 0.0
    depth = 0.16 * (high - low)
    seeds = sorted({trial.plan.seed for trial in tuning})
    if any(trial.status == "diverged" for trial in tuning):
        if metric.higher_is_better:
            spans, low = [Span("y", low - depth, low)], low - depth
            strip = low + depth / 2
        else:
            spans, high = [Span("y", high, high + depth)], high + depth
            strip = high - depth / 2
        notes = [Note(grid.axis().low or grid.rates[0], strip, " diverged", "left")]
    points, rings, lines = [], [], []
    for place, arm in enumerate(study.arms):
        name, style = arm.activation, look[arm.activation]
        trials = trials_of(study, name, "tuning")
        means: list[Value] = []
        for rate in grid.rates:
            here = mean([t.score for t in trials if t.plan.learning_rate == rate and t.score is not None])
            means.append(None if here is None else sig(scale * here))
        xs = tuple(grid.x(rate, place) for rate in grid.rates)
        lines.append(Line(name, style, xs, tuple(means), markers=True))
        heights = {seed: strip + depth * _lane(i, len(seeds)) for i, seed in enumerate(seeds)}
        for gone in (False, True):
            members = [t for t in trials if (t.status == "diverged") is gone and (gone or finite(t.score))]
            if members:
                x = tuple(grid.x(t.plan.learning_rate, place) for t in members)
                y = tuple(heights[t.plan.seed] if gone else sig(scale * t.score) for t in members)  # type: ignore[operator]
                hover = tuple(_words(t, score_text(metric, t.score)) for t in members)
                shape = "x" if gone else None
                points.append(Points(name, style, x, y, hover, shape, 7, 0.8 if gone else 0.35))
        chosen = dict(zip(grid.rates, means, strict=True)).get(arm.learning_rate)
        if chosen is not None and low <= chosen <= high:
            words = (f"chosen: learning rate {rate_text(arm.learning_rate)}",)
            x_chosen = (grid.x(arm.learning_rate, place),)
            rings.append(Points(name, style, x_chosen, (chosen,), words, "circle", 17, filled=False))
    return Panel(
        "Validation score",
        grid.axis(),
        Axis(metric_label(metric), low=low, high=high),
        spans=tuple(spans),
        lines=tuple(lines),
        points=(*points, *rings),
        notes=tuple(notes),
    )


def _units_panel(study: Study, grid: _Grid, look: Mapping[str, Style]) -> Panel:
    points, lines = [], []
    for place, arm in enumerate(study.arms):
        name, style = arm.activation, look[arm.activation]
        shares = [(t, silent_share(t)) for t in trials_of(study, name, "tuning")]
        kept = [(t, share) for t, share in shares if finite(share)]
        if not kept:
            continue
        means = [mean([s for t, s in kept if t.plan.learning_rate == rate]) for rate in grid.rates]
        xs = tuple(grid.x(rate, place) for rate in grid.rates)
        lines.append(
            Line(name, style, xs, tuple(None if m is None else sig(100 * m) for m in means), markers=True)
        )
        x = tuple(grid.x(t.plan.learning_rate, place) for t, _ in kept)
        y = tuple(sig(100 * share) for _, share in kept)
        hover = tuple(_words(t, share_text(share)) for t, share in kept)
        points.append(Points(name, style, x, y, hover, None, 7, 0.35))
    top = 100.0 if max((max(cloud.y) for cloud in points), default=0) > 45 else 50.0
    return Panel(
        "Units never active",
        grid.axis(),
        Axis("never active units (%)", low=-0.03 * top, high=1.03 * top),
        lines=tuple(lines),
        points=tuple(points),
    )


def _lane(place: int, lanes: int) -> float:
    """The height of a seed's cross within the strip of diverged trials, as a share of it around its middle."""
    return 0.6 * (place / (lanes - 1) - 0.5) if lanes > 1 else 0.0


def _words(trial: Trial, value: str) -> str:
    gone = ", diverged" if trial.status == "diverged" else ""
    return f"learning rate {rate_text(trial.plan.learning_rate)}, seed {trial.plan.seed}: {value}{gone}"
