"""Which of several trained things did best on validation: the rule by which the lab chooses learning rates, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

from leaky.lab.design import choose_rates
from leaky.records import Trial

Rank = tuple[float, float]
"""The lowest is the best: the share of diverged trials first, then the mean score with its sign."""


def rank(trials: Iterable[Trial], *, higher_is_better: bool) -> Rank | None:
    """Of trials that differ in nothing but the seed; None where none has a score."""
    scored = [(trial.status == "diverged", trial.score) for trial in trials if trial.score is not None]
    if not scored:
        return None
    sign = 1 if higher_is_better else -1
    return fmean(gone for gone, _ in scored), -sign * fmean(score for _, score in scored)


def at_best_rate(trials: Iterable[Trial], *, higher_is_better: bool) -> dict[str, list[Trial]]:
    """The trials of every activation at the learning rate that `choose_rates` takes."""
    trials = list(trials)
    rates = choose_rates(trials, higher_is_better=higher_is_better)
    return {
        name: [t for t in trials if t.plan.activation == name and t.plan.learning_rate == rate]
        for name, rate in rates.items()
    }


def nearest(value: float, anchors: Iterable[float]) -> float:
    """The anchor nearest to `value` by their ratio; 0 is near to 0 alone, where it is an anchor."""
    anchors = list(anchors)
    if value == 0 and 0.0 in anchors:
        return 0.0
    positive = [anchor for anchor in anchors if anchor > 0]
    return min(
        positive, key=lambda anchor: (max(value / anchor, anchor / value) if value else anchor, anchor)
    )


def representatives(
    groups: Mapping[str, list[Trial]],
    values: Mapping[str, float],
    anchors: Iterable[float],
    *,
    higher_is_better: bool,
) -> list[str]:
    """Of all activations tried, the best one near each anchor, in ascending order of their values.

    Args:
        groups: the trials of each at its best learning rate.
        values: the tuned value of each.
        anchors: what the values are gathered around.
        higher_is_better: the direction of the scores.
    """
    anchors = list(anchors)
    best: dict[float, tuple[Rank, float, str]] = {}
    for name, trials in groups.items():
        ranked = rank(trials, higher_is_better=higher_is_better)
        if ranked is not None:
            place, entry = nearest(values[name], anchors), (ranked, values[name], name)
            best[place] = min(entry, best.get(place, entry))
    return [name for _, _, name in sorted(best.values(), key=lambda entry: entry[1])]
