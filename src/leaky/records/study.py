"""Studies of the lab: a study runs trials; a trial is one training run, defined by its plan, told by its epochs.

What the statistics make of the final trials of one activation is an `Arm`. Everything turns into JSON and back.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from leaky.records.varied import Condition, Factor

PROTOCOL = 1
"""Raised whenever the same plan would give other numbers than before; part of every key."""

_LATER = ("restored_epoch", "metrics", "learned", "saved_bytes", "at_end")
"""Fields that rows of older stores lack."""

Phase = Literal["tuning", "final"]
Status = Literal["finished", "diverged", "failed", "pruned"]
Verdict = Literal["baseline", "better", "worse", "no practical difference", "undecided", "no result"]


@dataclass(frozen=True)
class TrialPlan:
    """All that defines a trial. Two plans with the same `key` give the same numbers on the same machine."""

    task: str
    preset: str
    fingerprint: str
    activation: str
    learning_rate: float
    seed: int
    phase: Phase
    recipe: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """A hash of the definition, the primary key in the store."""
        text = json.dumps({"protocol": PROTOCOL, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Epoch:
    """What was measured after one pass over the training data.

    `never_active` holds, per activation layer, the share of units whose input was at or below 0 on the whole
    validation set; empty where the outputs were not finite. Other values are None where they were not finite.
    """

    epoch: int
    train_loss: float | None
    validation_loss: float | None
    validation_score: float | None
    never_active: tuple[float, ...]


@dataclass(frozen=True)
class Trial:
    """One training run and its outcome.

    `score` is in the metric's own unit: on the validation split for a tuning trial, on the test split for a
    final one; for a diverged trial it is the task's `diverged_score`, for a failed one None. `metrics` are the
    task's other metrics on the same split, by name; empty where training diverged or failed. A pruned trial was ended
    early by a search and has no score; no store keeps it. Of `seconds`,
    forward, backward and optimiser step took `compute_seconds`, evaluating after each epoch
    `evaluation_seconds`, and the engine the rest.
    """

    plan: TrialPlan
    status: Status
    score: float | None
    validation_score: float | None
    epochs: tuple[Epoch, ...]
    layers: tuple[str, ...]
    seconds: float
    compute_seconds: float
    evaluation_seconds: float
    error: str | None
    environment: dict[str, str]
    finished_at: str
    restored_epoch: int | None = None
    """The epoch whose weights early stopping went back to; None where the last epoch's count."""
    metrics: dict[str, float | None] = field(default_factory=dict)
    learned: dict[str, float] = field(default_factory=dict)
    """What the activations have learned at the end, by layer: the mean of each parameter, such as a PReLU's slope."""
    saved_bytes: int | None = None
    """Bytes that the first batch kept for backward, beside parameters and the batch; None in rows of older stores."""
    at_end: dict[str, float | None] = field(default_factory=dict)
    """Of a finished final trial, in evaluation mode: `loss` on the test data, `train_loss` and `train_score` on (the
    first 5,000 of) the samples trained on; empty otherwise, and in rows of older stores."""

    @property
    def never_active(self) -> float | None:
        """Share of units never active when last measured, over all layers; None where nothing was.

        Of the weights that count: where early stopping went back to an epoch, at that epoch.
        """
        measured = [epoch.never_active for epoch in self.epochs[: self.restored_epoch] if epoch.never_active]
        return sum(measured[-1]) / len(measured[-1]) if measured else None

    def to_json(self) -> dict[str, Any]:
        """One flat object: the plan's fields beside the outcome's."""
        outcome = asdict(self)
        return {"key": self.plan.key, **outcome.pop("plan"), **outcome}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Trial:
        """The inverse of `to_json`."""
        names = TrialPlan.__dataclass_fields__
        plan = TrialPlan(**{name: row[name] for name in names})
        rest = {
            name: row[name]
            for name in cls.__dataclass_fields__
            if name != "plan" and (name in row or name not in _LATER)
        }
        epochs = tuple(Epoch(**{**e, "never_active": tuple(e["never_active"])}) for e in rest.pop("epochs"))
        return cls(plan=plan, epochs=epochs, **{**rest, "layers": tuple(rest["layers"])})


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Arm:
    """One activation's side of a comparison, over its final trials at the learning rate it was tuned to.

    `improvement` is the mean paired difference to the baseline, positive when better whatever the metric's
    direction; `probability` the chance that a fresh run beats a fresh run of the baseline; `detectable` the
    true difference that this many seeds, at this spread, would have called better in four studies of five.
    `metrics` are the interquartile means of the task's other metrics, by name.
    """

    activation: str
    learning_rate: float
    scores: tuple[float, ...]
    seeds: tuple[int, ...]
    diverged: int
    failed: int
    score: Interval
    improvement: Interval | None
    probability: Interval | None
    p_value: float | None
    p_holm: float | None
    detectable: float | None
    never_active: float | None
    at_grid_edge: bool
    verdict: Verdict
    metrics: dict[str, Interval] = field(default_factory=dict)


_EXACT, _LARGE = 10_000, 1e9
"""From the one to below the other a score is told in whole numbers, and all of them."""


@dataclass(frozen=True)
class Metric:
    """How scores are read: name, direction, and whether they are shares to be shown in per cent."""

    name: str
    higher_is_better: bool
    percent: bool

    def text(self, value: float | None, *, signed: bool = False, unit: bool = True) -> str:
        """`value` as people of the field write it."""
        if value is None or math.isnan(value):
            return "-"
        if self.percent:
            mark = (" pp" if signed else " %") if unit else ""
            return f"{100 * value:{'+' if signed else ''}.2f}{mark}"
        many = _EXACT <= abs(value) < _LARGE  # 16,279 and not 1.628e+04
        return f"{value:{'+' if signed else ''}{',.0f' if many else '.4g'}}"


@dataclass(frozen=True)
class Study:
    """A finished comparison: what was asked, every trial, and what the statistics make of them.

    `metrics` are measured beside `metric`, which alone decides. `trivial` names an answer that needs no network,
    such as the majority class, and `trivial_score` is its score on the test split.
    """

    task: str
    preset: str
    description: str
    metric: Metric
    margin: float
    baseline: str
    learning_rates: tuple[float, ...]
    tuning_seeds: tuple[int, ...]
    final_seeds: tuple[int, ...]
    recipe: dict[str, Any]
    arms: tuple[Arm, ...]
    trials: tuple[Trial, ...]
    reused: int
    seconds: float
    command: str
    environment: dict[str, str]
    notes: tuple[str, ...] = field(default=())
    metrics: tuple[Metric, ...] = ()
    trivial: str = ""
    trivial_score: float | None = None
    factors: tuple[Factor, ...] = ()
    """The fields of the recipe that were varied."""
    conditions: tuple[Condition, ...] = ()
    """With factors: every combination of their levels. `arms` and `recipe` are those of the first."""

    def under(self, condition: Condition) -> Study:
        """The comparison under one condition alone, as a study of its own that varies nothing."""
        return replace(
            self,
            recipe=condition.recipe,
            arms=condition.arms,
            trials=tuple(trial for trial in self.trials if trial.plan.recipe == condition.recipe),
            factors=(),
            conditions=(),
        )

    def to_json(self) -> dict[str, Any]:
        """The whole study as plain data; what is not a finite number is None."""
        trials = [trial.to_json() for trial in self.trials]
        plain = {name: value for name, value in asdict(self).items() if name != "trials"}
        return {**finite_only(plain), "trials": trials}


def finite_only(value: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: finite_only(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite_only(part) for part in value]
    return value
