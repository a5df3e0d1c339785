"""Which trials a comparison consists of, and which learning rate its tuning chose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from leaky.catalogue import Spec, parse
from leaky.errors import ArgumentError
from leaky.records import Phase, Trial, TrialPlan

_SEEDS_APART = 1_000_000
"""Tuning and final seeds of one study, and the seeds of studies with another `seed`, never meet."""


@dataclass(frozen=True)
class Design:
    """A comparison, fully defined: the same design always means the same trials."""

    task: str
    preset: str
    fingerprint: str
    recipe: dict[str, Any]
    activations: tuple[str, ...]
    baseline: str
    learning_rates: tuple[float, ...]
    tuning_seeds: tuple[int, ...]
    final_seeds: tuple[int, ...]
    levels: tuple[str, ...] = ()
    """Of the fields of the recipe that the study varies; `label` says them with their names."""
    label: str = ""

    def tuning(self) -> list[TrialPlan]:
        """Every activation at every learning rate on every tuning seed."""
        return [
            self._plan(activation, rate, seed, "tuning")
            for seed in self.tuning_seeds
            for rate in self.learning_rates
            for activation in self.activations
        ]

    def final(self, chosen: dict[str, float]) -> list[TrialPlan]:
        """Every activation at its chosen learning rate on every final seed."""
        return [
            self._plan(activation, rate, seed, "final")
            for seed in self.final_seeds
            for activation, rate in chosen.items()
        ]

    @property
    def trial_count(self) -> int:
        """Trials of both phases."""
        each = len(self.learning_rates) * len(self.tuning_seeds) + len(self.final_seeds)
        return each * len(self.activations)

    def _plan(self, activation: str, rate: float, seed: int, phase: Phase) -> TrialPlan:
        return TrialPlan(
            self.task, self.preset, self.fingerprint, activation, rate, seed, phase, dict(self.recipe)
        )


def seeds(first: int, tuning: int, final: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tuning and final seeds, disjoint; asking for more later keeps those that were."""
    _whole("seed", first, 0)
    _whole("tuning_seeds", tuning, 1)
    _whole("seeds", final, 1)
    start = 2 * first * _SEEDS_APART
    return tuple(range(start, start + tuning)), tuple(
        range(start + _SEEDS_APART, start + _SEEDS_APART + final)
    )


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"compare: `{name}` must be a whole number of at least {least}, got {value!r}")
    if value >= _SEEDS_APART:
        raise ArgumentError(f"compare: `{name}` must be below {_SEEDS_APART:,}, got {value!r}")


def activation_names(activations: Sequence[str | Spec], baseline: str | Spec) -> tuple[tuple[str, ...], str]:
    """Canonical specs, the baseline first, each once."""
    if isinstance(activations, str | Spec):
        activations = [activations]
    if not activations:
        raise ArgumentError("compare: `activations` is empty; name at least one, such as leaky_relu")
    reference = str(parse(baseline))
    names = [reference, *(str(parse(spec)) for spec in activations)]
    return tuple(dict.fromkeys(names)), reference


def rate_grid(rates: Iterable[float]) -> tuple[float, ...]:
    """Learning rates, checked, sorted, each once."""
    try:
        grid = [float(rate) for rate in rates]
    except (TypeError, ValueError):
        raise ArgumentError(f"compare: `learning_rates` must be a list of numbers, got {rates!r}") from None
    for rate in grid:
        if not math.isfinite(rate) or rate <= 0:
            raise ArgumentError(f"compare: `learning_rates` must be finite and above 0, got {rate:g}")
    if not grid:
        raise ArgumentError("compare: `learning_rates` is empty; give at least one, such as 0.01")
    return tuple(sorted(set(grid)))


def choose_rates(trials: Iterable[Trial], *, higher_is_better: bool) -> dict[str, float]:
    """The learning rate with the best mean validation score, per activation; of equals the smallest.

    A rate at which fewer trials diverged goes before any at which more did: the score recorded for a diverged
    trial stands in for one, and must not win. Failed trials have no score. An activation all of whose tuning trials
    failed is not among the keys.
    """
    groups: dict[str, dict[float, list[Trial]]] = {}
    for trial in trials:
        if trial.score is not None:
            groups.setdefault(trial.plan.activation, {}).setdefault(trial.plan.learning_rate, []).append(
                trial
            )
    sign = 1 if higher_is_better else -1

    def rank(rate: float, group: list[Trial]) -> tuple[float, float, float]:
        diverged = fmean(trial.status == "diverged" for trial in group)
        return diverged, -sign * fmean(trial.score or 0.0 for trial in group), rate

    return {
        activation: min(rank(rate, group) for rate, group in rates.items())[2]
        for activation, rates in groups.items()
    }
