"""Several studies read together: what `leaky report` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leaky.records.study import Interval, Study, Verdict

ControlKind = Literal["halves", "another name", "other seeds"]


@dataclass(frozen=True)
class Profile:
    """The share of runs whose normalised score lies above each threshold, mean over studies, with its 95 % band."""

    activation: str
    thresholds: tuple[float, ...]
    shares: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Overall:
    """One activation over all studies.

    `score` is the interquartile mean of its normalised scores, `gap` how far they are from 1 on average (the
    optimality gap), `probability` the chance, mean over studies, that a fresh run beats one of the baseline.
    """

    activation: str
    runs: int
    score: Interval
    gap: Interval
    probability: Interval | None


@dataclass(frozen=True)
class Cost:
    """What an activation costs in one study beside the baseline, and what it gains.

    `time` is the ratio of the medians over final trials of forward, backward and step per epoch; `saved` the ratio of
    bytes that a batch keeps for backward; `gain` the paired improvement in margins.
    """

    study: str
    activation: str
    time: float | None
    saved: float | None
    gain: Interval | None


@dataclass(frozen=True)
class Control:
    """An activation held against itself (an A/A test), where there is nothing to find.

    `change` is the difference in margins. Of the "halves" of its own seeds, the first against the second; `splits` is
    in how many ways its seeds were split in two, `alarms` in how many of them a verdict said better or worse.
    """

    study: str
    activation: str
    kind: ControlKind
    against: str
    pairs: int
    change: Interval
    verdict: Verdict
    splits: int = 0
    alarms: int = 0


@dataclass(frozen=True)
class Across:
    """Studies by name, and what they come to together.

    `common` are the activations that every study has; `profiles` and `overall` are of them alone. Normalised scores
    are 0 for the worst and 1 for the best final run of a study, diverged ones left out of that range.
    """

    studies: tuple[tuple[str, Study], ...]
    baseline: str
    common: tuple[str, ...]
    profiles: tuple[Profile, ...]
    overall: tuple[Overall, ...]
    costs: tuple[Cost, ...]
    controls: tuple[Control, ...]

    @property
    def activations(self) -> tuple[str, ...]:
        """All activations, the baseline first, then in the order in which the studies name them."""
        names = (arm.activation for _, study in self.studies for arm in study.arms)
        return tuple(dict.fromkeys([self.baseline, *names]))
