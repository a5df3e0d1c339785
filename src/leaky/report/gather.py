"""Questions to the trials of a study that several figures ask."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from leaky.records import Arm, Epoch, Phase, Study, Trial
from leaky.report.shapes import Axis, Value
from leaky.report.text import finite


def trials_of(study: Study, activation: str, phase: Phase) -> list[Trial]:
    """The trials of one activation in one phase, by learning rate and seed."""
    chosen = [t for t in study.trials if t.plan.activation == activation and t.plan.phase == phase]
    return sorted(chosen, key=lambda trial: (trial.plan.learning_rate, trial.plan.seed))


def paired_differences(study: Study, arm: Arm) -> dict[int, float]:
    """Per seed that both have a score for, how much `arm` was better than the baseline (negative: worse)."""
    base = next((other for other in study.arms if other.activation == study.baseline), None)
    scores = dict(zip(base.seeds, base.scores, strict=True)) if base else {}
    sign = 1 if study.metric.higher_is_better else -1
    pairs = zip(arm.seeds, arm.scores, strict=True)
    return {seed: sign * (score - scores[seed]) for seed, score in pairs if seed in scores}


def silent_shares(epoch: Epoch) -> tuple[float, ...]:
    """Per layer the share of never active units; empty where the network no longer gave finite numbers.

    A NaN is not above 0 either: a network that has diverged would look as if all its units were silent.
    """
    return epoch.never_active if finite(epoch.validation_loss) else ()


def silent_share(trial: Trial) -> float | None:
    """The share over all layers of the weights that count, or when the network last gave finite numbers."""
    told = (mean(silent_shares(epoch)) for epoch in reversed(trial.epochs[: trial.restored_epoch]))
    return next((share for share in told if share is not None), None)


def by_epoch(
    trials: Iterable[Trial], pick: Callable[[Epoch], float | None]
) -> tuple[tuple[int, ...], list[list[float]]]:
    """The finite values of all trials at each epoch; epochs without any are left out."""
    values: dict[int, list[float]] = {}
    for trial in trials:
        for epoch in trial.epochs:
            value = pick(epoch)
            if finite(value):
                values.setdefault(epoch.epoch, []).append(value)
    epochs = tuple(sorted(values))
    return epochs, [values[epoch] for epoch in epochs]


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile with linear interpolation between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def mean(values: Sequence[float]) -> Value:
    """The mean of the finite values; None where there are none."""
    kept = [value for value in values if finite(value)]
    return sum(kept) / len(kept) if kept else None


def sig(value: float, digits: int = 5) -> float:
    """`value` to so many significant digits: what a screen can show, and no more bytes than that."""
    return float(f"{value:.{digits}g}")


def epoch_axis(first: float, last: float, *, grid: bool = True) -> Axis:
    """The axis of epochs, which are whole numbers even where there are few."""
    if int(last) > 3:
        return Axis("epoch", low=first, high=last, grid=grid)
    ticks = tuple((float(epoch), str(epoch)) for epoch in range(1, int(last) + 1))
    return Axis("epoch", low=0.5, high=int(last) + 0.5, ticks=ticks, grid=grid)


def log_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Ticks at 1, 2 and 5 times the powers of ten between two positive ends."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    wide = high / low > 2e3
    ticks = [sig(factor * 10.0**power) for power in powers for factor in ((1,) if wide else (1, 2, 5))]
    return tuple((tick, f"{tick:g}") for tick in ticks if low <= tick <= high)


def span_of(values: Iterable[float | None], pad: float = 0.06) -> tuple[float, float] | None:
    """Lowest and highest finite value with some room on both sides; None where there are none."""
    kept = [value for value in values if finite(value)]
    if not kept:
        return None
    low, high = min(kept), max(kept)
    room = pad * (high - low) or 0.02 * abs(high) or 0.01
    return low - room, high + room
