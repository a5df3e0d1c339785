"""From the trials under several conditions to arms and interaction contrasts. Arrays in, values out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from leaky.lab import statistics
from leaky.lab.analyse import analyse, final_trials, lost
from leaky.lab.design import Design
from leaky.records import Condition, Contrast, Metric, Trial

Outcome = tuple[dict[str, float], list[Trial]]
"""What a design came to: the learning rates chosen, and all its trials."""


def conditions(
    designs: Sequence[Design],
    outcomes: Sequence[Outcome],
    metric: Metric,
    *,
    margin: float,
    resolution: float,
) -> tuple[Condition, ...]:
    """One condition per design, the first as the reference of every contrast; p after Holm over all contrasts."""
    made = []
    for design, (chosen, trials) in zip(designs, outcomes, strict=True):
        arms = analyse(design, chosen, trials, metric, margin=margin, resolution=resolution)
        contrasts = (
            ()
            if design is designs[0]
            else tuple(
                _contrast(name, design.baseline, trials, outcomes[0][1], metric, margin, resolution)
                for name in design.activations
                if name != design.baseline
            )
        )
        made.append(Condition(design.levels, design.recipe, arms, contrasts))
    p_values = [math.nan if c.p_value is None else c.p_value for made_one in made for c in made_one.contrasts]
    adjusted = iter(statistics.holm(p_values))
    return tuple(
        replace(condition, contrasts=tuple(_with_holm(c, next(adjusted)) for c in condition.contrasts))
        for condition in made
    )


def _contrast(
    name: str,
    baseline: str,
    here: Sequence[Trial],
    there: Sequence[Trial],
    metric: Metric,
    margin: float,
    resolution: float,
) -> Contrast:
    sides = [final_trials(activation, trials) for trials in (here, there) for activation in (name, baseline)]
    ours, theirs = _differences(sides)
    if not ours or any(lost(side) for side in sides):
        return Contrast(name, None, None, None, None, "no result")
    change = statistics.paired_improvement(
        ours, theirs, higher_is_better=metric.higher_is_better, resolution=resolution
    )
    p_value = statistics.sign_flip_p(ours, theirs)
    detectable = statistics.detectable_difference(ours, theirs, margin=margin, resolution=resolution)
    return Contrast(
        activation=name,
        change=change,
        p_value=None if math.isnan(p_value) else p_value,
        p_holm=None,
        detectable=None if math.isnan(detectable) else detectable,
        verdict=statistics.verdict(change, margin),
    )


def _differences(sides: list[dict[int, Trial]]) -> tuple[list[float], list[float]]:
    """Activation less baseline, here and there, over the seeds that all four sides have a score for."""
    here, there = [], []
    for seed in sorted(set.intersection(*(set(side) for side in sides))):
        a, b, c, d = (side[seed].score for side in sides)
        if a is not None and b is not None and c is not None and d is not None:
            here.append(a - b)
            there.append(c - d)
    return here, there


def _with_holm(contrast: Contrast, p: float) -> Contrast:
    return replace(contrast, p_holm=None if math.isnan(p) else p)
