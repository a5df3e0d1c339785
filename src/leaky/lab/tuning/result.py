"""From the trials of a tuning to its `leaky.records.Tuning`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from leaky.lab.analyse import analyse, final_trials, lost
from leaky.lab.design import Design
from leaky.lab.notes import notes as study_notes
from leaky.lab.tuning import best
from leaky.lab.tuning.ranking import rank
from leaky.lab.tuning.shape import Shape
from leaky.lab.tuning.space import Choice
from leaky.records import Arm, Interval, Layered, Learned, Metric, Point, Trial


def chosen_value(
    values: Mapping[str, float], rates: Mapping[str, float], trials: Sequence[Trial], *, higher: bool
) -> str | None:
    """The activation that did best on validation at its rate; None where none has a score. Of equals the smallest."""
    ranked = []
    for name, value in values.items():
        found = rank(_tuned(name, rates.get(name), trials), higher_is_better=higher)
        if found is not None:
            ranked.append((found, value, name))
    return min(ranked)[2] if ranked else None


def arms_of(
    design: Design,
    rates: dict[str, float],
    trials: Sequence[Trial],
    metric: Metric,
    *,
    margin: float,
    resolution: float,
) -> dict[str, Arm]:
    """The lab's arms by activation, differences taken to the design's baseline."""
    arms = analyse(design, rates, trials, metric, margin=margin, resolution=resolution)
    return {arm.activation: arm for arm in arms}


def points(
    values: Mapping[str, float],
    arms: Mapping[str, Arm],
    trials: Sequence[Trial],
    metric: Metric,
    *,
    margin: float,
    resolution: float,
) -> tuple[Point, ...]:
    """The response curve, in ascending order of the values; those that diverged on every seed stand outside."""
    finals = {name: final_trials(name, trials) for name in values}
    compared = [n for n in values if arms[n].scores and not lost(finals[n])]
    seeds = sorted(set.intersection(*(set(arms[n].seeds) for n in compared))) if compared else []
    rows = [[dict(zip(arms[n].seeds, arms[n].scores, strict=True))[seed] for seed in seeds] for n in compared]
    found: dict[str, Interval] = {}
    if seeds:
        higher = metric.higher_is_better
        gaps = best.shortfalls(rows, higher_is_better=higher, resolution=resolution)
        found = dict(zip(compared, gaps, strict=True))
    made = []
    for name, value in sorted(values.items(), key=lambda entry: entry[1]):
        scores = [t.score for t in _tuned(name, arms[name].learning_rate, trials) if t.score is not None]
        gap = found.get(name)
        made.append(
            Point(
                value=value,
                arm=arms[name],
                validation=fmean(scores) if scores else None,
                shortfall=gap,
                standing=best.standing(gap, margin) if gap else "no result",
            )
        )
    return tuple(made)


def learned(arm: Arm, trials: Sequence[Trial], start: float) -> Learned:
    """What the final trials of the learning activation came to, layer by layer."""
    finals = [t for _, t in sorted(final_trials(arm.activation, trials).items()) if t.learned]
    layers = tuple(finals[0].learned) if finals else ()
    kept = [t for t in finals if tuple(t.learned) == layers]
    return Learned(
        arm=arm,
        layers=layers,
        seeds=tuple(t.plan.seed for t in kept),
        values=tuple(tuple(t.learned.values()) for t in kept),
        start=start,
    )


def layered(arm: Arm, choice: Choice, trials: Sequence[Trial]) -> Layered:
    """The best setting with a value for every place, with the names of the layers where trials have them."""
    layers = next((t.layers for t in trials if t.plan.activation == arm.activation and t.layers), ())
    fits = len(layers) == len(choice.values)
    names = layers if fits else tuple(f"place {place}" for place in range(1, len(choice.values) + 1))
    return Layered(arm=arm, values=choice.values, layers=names)


def notes(
    design: Design,
    rates: dict[str, float],
    trials: list[Trial],
    curve: Sequence[Point],
    shape: Shape,
    chosen: float,
    *,
    searched: bool,
) -> tuple[str, ...]:
    """One sentence each on what should be known before the result is trusted."""
    told = []
    grid = design.learning_rates
    for rate, end in ((grid[0], "lowest"), (grid[-1], "highest")) if len(grid) > 1 else ():
        names = {p.arm.activation: f"{shape.parameter} {p.value:g}" for p in curve}
        at_end = [names.get(name, name) for name, best_rate in rates.items() if best_rate == rate]
        if at_end:
            told.append(
                f"At {rate:g}, the {end} learning rate, did best: {', '.join(at_end)}. A wider grid may suit them "
                "better."
            )
    if chosen > 0 and chosen in (shape.values[0], shape.values[-1]):
        told.append(f"{chosen:g} is at the end of the values tried; a wider range may hold a better one.")
    if searched:
        told.append(
            "Each point of the curve is the best setting that the search tried near that value: where it tried few, "
            "the learning rate is tuned less well."
        )
    single = replace(design, learning_rates=grid[:1])  # the ends of the grid are told of above
    return (*told, *study_notes([single], [(rates, trials)]))


def _tuned(name: str, rate: float | None, trials: Sequence[Trial]) -> list[Trial]:
    return [
        t
        for t in trials
        if t.plan.phase == "tuning" and t.plan.activation == name and t.plan.learning_rate == rate
    ]
