"""A study as the store keeps it: what was asked, without the trials, which are in the store by their keys.

From it and the trials the whole study is made anew: after a run, or much later by `leaky report`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from leaky.lab.design import Design, choose_rates
from leaky.records import Factor, Metric, Study, Trial

if TYPE_CHECKING:
    from leaky.lab.interaction import Outcome

Lookup = Callable[[Iterable[str]], dict[str, Trial]]
"""Trials by their keys: those that are there."""


@dataclass(frozen=True)
class KeptStudy:
    """All of a study but its trials. `rates` are the learning rates chosen, where tuning alone does not tell them."""

    designs: tuple[Design, ...]
    metric: Metric
    margin: float
    resolution: float
    description: str
    command: str
    environment: dict[str, str]
    began_at: str
    metrics: tuple[Metric, ...] = ()
    trivial: str = ""
    trivial_score: float | None = None
    notes: tuple[str, ...] = ()
    factors: tuple[Factor, ...] = ()
    rates: dict[str, float] | None = None

    @property
    def key(self) -> str:
        """A hash of the question: asked again it is the same study, whenever and on whatever machine."""
        asked = [[asdict(design) for design in self.designs], asdict(self.metric), self.margin]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24]

    @property
    def name(self) -> str:
        """What people call it: task, preset, and enough of the key to tell it from its like."""
        first = self.designs[0]
        return "-".join(part for part in (first.task, first.preset, self.key[:6]) if part)

    def outcomes(self, lookup: Lookup) -> list[Outcome]:
        """For every design the learning rates chosen, and those of its trials that there are."""
        higher, found = self.metric.higher_is_better, []
        for design in self.designs:
            tuning = list(lookup(plan.key for plan in design.tuning()).values())
            rates = self.rates or choose_rates(tuning, higher_is_better=higher)
            mine = {name: rates[name] for name in design.activations if name in rates}
            final = list(lookup(plan.key for plan in design.final(mine)).values())
            found.append((mine, tuning + final))
        return found

    def study(self, outcomes: Sequence[Outcome], *, reused: int = 0, seconds: float | None = None) -> Study:
        """What the outcomes come to. `seconds` are those that all trials took together unless told otherwise."""
        from leaky.lab.interaction import conditions  # reading a store needs no SciPy
        from leaky.lab.notes import notes

        made = conditions(self.designs, outcomes, self.metric, margin=self.margin, resolution=self.resolution)
        trials = tuple(trial for _, members in outcomes for trial in members)
        first = self.designs[0]
        return Study(
            task=first.task,
            preset=first.preset,
            description=self.description,
            metric=self.metric,
            margin=self.margin,
            baseline=first.baseline,
            learning_rates=first.learning_rates,
            tuning_seeds=first.tuning_seeds,
            final_seeds=first.final_seeds,
            recipe=first.recipe,
            arms=made[0].arms,
            trials=trials,
            reused=reused,
            seconds=sum(trial.seconds for trial in trials) if seconds is None else seconds,
            command=self.command,
            environment=self.environment,
            notes=(*self.notes, *notes(self.designs, outcomes)),
            metrics=self.metrics,
            trivial=self.trivial,
            trivial_score=self.trivial_score,
            factors=self.factors,
            conditions=made if self.factors else (),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> KeptStudy:
        """The inverse of `to_json`; fields that a later leaky has added are left out."""
        told = {name: value for name, value in record.items() if name in cls.__dataclass_fields__}
        return cls(
            **{
                **told,
                "designs": tuple(_design(each) for each in told["designs"]),
                "metric": Metric(**told["metric"]),
                "metrics": tuple(Metric(**each) for each in told["metrics"]),
                "notes": tuple(told["notes"]),
                "factors": tuple(Factor(each["name"], tuple(each["levels"])) for each in told["factors"]),
            }
        )


def _design(record: dict[str, Any]) -> Design:
    """A design from JSON, where tuples have become lists."""
    told: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in record.items()}
    return Design(**told)
