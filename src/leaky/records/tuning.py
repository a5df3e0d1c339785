"""What a search for an activation's parameter leaves behind: the study of its values, and what they come to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from leaky.records.study import Arm, Interval, Study, Trial, finite_only

Standing = Literal["as good as the best", "worse than the best", "undecided", "no result"]
"""Of a value, against the best of all values and the study's margin."""


@dataclass(frozen=True)
class Point:
    """One value of the parameter on the response curve, at the learning rate that was tuned for it.

    `arm` has its final scores. `validation` is the mean validation score that its learning rate was chosen by.
    `shortfall` is the mean difference to the best value, 0 or negative whatever the metric's direction, with an
    interval that holds for all values at once; `standing` reads it against the margin.
    """

    value: float
    arm: Arm
    validation: float | None
    shortfall: Interval | None
    standing: Standing


@dataclass(frozen=True)
class Learned:
    """What a network with a learned parameter (PReLU) came to in its final trials, at its own tuned learning rate.

    `values` has a row for every seed, in the order of `seeds`, with a number for every one of `layers`.
    """

    arm: Arm
    layers: tuple[str, ...]
    seeds: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]
    start: float


@dataclass(frozen=True)
class Layered:
    """The best that a search with a value for every place found on validation; its final scores are in `arm`."""

    arm: Arm
    values: tuple[float, ...]
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Search:
    """What Optuna did: where its study is, and how many of its trials came to what."""

    storage: str
    study_name: str
    complete: int
    pruned: int
    failed: int


@dataclass(frozen=True)
class Tuning:
    """The outcome of `leaky.lab.tune`.

    `study` is the comparison of all values (and of what was learned), differences taken to `chosen`, the value that
    did best on validation; its trials are everything that was trained. `plateau` are the values that are as good as
    the best, and `recommended` is the one to take: the framework's `default` where that is among them, else `chosen`
    where it is, else the best of them on validation. Where there are none it is `chosen`, unless the default is
    better than that or makes no practical difference to it; which values are as good as the best is not settled then.
    """

    study: Study
    activation: str
    parameter: str
    default: float
    per: Literal["network", "layer"]
    points: tuple[Point, ...]
    chosen: float
    plateau: tuple[float, ...]
    recommended: float
    learned: Learned | None = None
    layered: Layered | None = None
    search: Search | None = None

    def point(self, value: float) -> Point:
        """The point of that value."""
        return next(point for point in self.points if point.value == value)

    def tuning_trials(self, value: float) -> tuple[Trial, ...]:
        """What was trained with that value to choose a learning rate."""
        name = self.point(value).arm.activation
        return tuple(t for t in self.study.trials if t.plan.activation == name and t.plan.phase == "tuning")

    def to_json(self) -> dict[str, Any]:
        """The whole result as plain data; what is not a finite number is None."""
        told = {name: value for name, value in asdict(replace(self, study=None)).items() if name != "study"}  # type: ignore[arg-type]  # written once, below
        return {**finite_only(told), "study": self.study.to_json()}
