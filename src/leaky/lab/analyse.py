"""From a study's trials to its arms: what each activation scored, and how sure the difference is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from leaky.lab import statistics
from leaky.lab.design import Design
from leaky.records import Arm, Interval, Metric, Trial, Verdict


def analyse(
    design: Design,
    chosen: dict[str, float],
    trials: Sequence[Trial],
    metric: Metric,
    *,
    margin: float,
    resolution: float,
) -> tuple[Arm, ...]:
    """One arm per activation: the baseline first, then the others by score, best first."""
    final = {name: final_trials(name, trials) for name in design.activations}
    arms = [
        _arm(design, name, chosen.get(name), final, metric, margin, resolution) for name in design.activations
    ]
    p_values = [math.nan if arm.p_value is None else arm.p_value for arm in arms]
    arms = [
        _with_holm(arm, None if math.isnan(p) else p)
        for arm, p in zip(arms, statistics.holm(p_values), strict=True)
    ]
    sign = -1 if metric.higher_is_better else 1

    def order(arm: Arm) -> tuple[bool, bool, float]:
        missing = math.isnan(arm.score.estimate)
        return (arm.activation != design.baseline, missing, 0.0 if missing else sign * arm.score.estimate)

    return tuple(sorted(arms, key=order))


def final_trials(name: str, trials: Sequence[Trial]) -> dict[int, Trial]:
    """The final trials of one activation, by seed."""
    return {t.plan.seed: t for t in trials if t.plan.phase == "final" and t.plan.activation == name}


def _arm(
    design: Design,
    name: str,
    rate: float | None,
    final: dict[str, dict[int, Trial]],
    metric: Metric,
    margin: float,
    resolution: float,
) -> Arm:
    mine = [trial for trial in final[name].values() if trial.score is not None]
    scores = [trial.score for trial in mine if trial.score is not None]
    never = [trial.never_active for trial in mine if trial.never_active is not None]
    improvement, probability, p_value, detectable = None, None, None, None
    verdict: Verdict = "baseline" if name == design.baseline else "no result"
    if name != design.baseline:
        ours, theirs = _pairs(final[name], final[design.baseline])
        if ours and not lost(final[name]) and not lost(final[design.baseline]):
            better = metric.higher_is_better
            improvement = statistics.paired_improvement(
                ours, theirs, higher_is_better=better, resolution=resolution
            )
            probability = statistics.probability_of_improvement(ours, theirs, higher_is_better=better)
            p_value = statistics.sign_flip_p(ours, theirs)
            detectable = statistics.detectable_difference(ours, theirs, margin=margin, resolution=resolution)
            verdict = statistics.verdict(improvement, margin)
    grid = design.learning_rates
    return Arm(
        activation=name,
        learning_rate=math.nan if rate is None else rate,
        scores=tuple(scores),
        seeds=tuple(trial.plan.seed for trial in mine),
        diverged=sum(trial.status == "diverged" for trial in final[name].values()),
        failed=sum(trial.status == "failed" for trial in final[name].values()),
        score=statistics.interquartile_mean(scores),
        improvement=_none_if_unknown(improvement),
        probability=_none_if_unknown(probability),
        p_value=None if p_value is None or math.isnan(p_value) else p_value,
        p_holm=None,
        detectable=None if detectable is None or math.isnan(detectable) else detectable,
        never_active=fmean(never) if never else None,
        at_grid_edge=len(grid) > 1 and rate in (grid[0], grid[-1]),
        verdict=verdict,
        metrics=_metrics(mine),
    )


def _metrics(trials: Sequence[Trial]) -> dict[str, Interval]:
    """Interquartile means of the further metrics, over the trials that have them."""
    values: dict[str, list[float]] = {}
    for trial in trials:
        for name, value in trial.metrics.items():
            if value is not None:
                values.setdefault(name, []).append(value)
    return {name: statistics.interquartile_mean(held) for name, held in values.items()}


def _pairs(mine: dict[int, Trial], baseline: dict[int, Trial]) -> tuple[list[float], list[float]]:
    """Scores of the seeds that both sides have one for."""
    ours, theirs = [], []
    for seed in sorted(mine.keys() & baseline.keys()):
        a, b = mine[seed].score, baseline[seed].score
        if a is not None and b is not None:
            ours.append(a)
            theirs.append(b)
    return ours, theirs


def lost(trials: dict[int, Trial]) -> bool:
    """Whether every run diverged: scores that all stand in for one are no ground for a comparison."""
    return all(trial.status == "diverged" for trial in trials.values() if trial.score is not None)


def _none_if_unknown(interval: Interval | None) -> Interval | None:
    return None if interval is None or math.isnan(interval.estimate) else interval


def _with_holm(arm: Arm, p: float | None) -> Arm:
    return replace(arm, p_holm=p)
