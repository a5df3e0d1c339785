"""The claims ledger: what a claim says in numbers, and what measuring it came to. Plain data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from leaky.records.study import Interval, finite_only

Direction = Literal["higher", "lower", "same", "different"]
Ruling = Literal["supported", "refuted", "mixed", "undecided"]


@dataclass(frozen=True)
class Hypothesis:
    """One statement that a claim makes about paired measurements.

    The effect is, seed by seed, the sum of the values named in `plus`, less those named in `minus` and `reference`.
    The claim says of its median that it is above the margin ("higher"), below the negative margin ("lower"), within
    the two ("same") or outside them ("different"). `unit` is what the effect is counted in.
    """

    text: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    direction: Direction
    margin: float
    reference: float = 0.0
    unit: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The values that it needs."""
        return (*self.plus, *self.minus)


@dataclass(frozen=True)
class Prediction:
    """A number that was predicted: the median over seeds of `names[0]`, less `names[1]` where there is one.

    It came out where that is from `low` to `high`. It has no part in the ruling.
    """

    text: str
    names: tuple[str, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """A prediction and the value measured: NaN, and it did not come out, where there is none."""

    prediction: Prediction
    value: float
    came_out: bool


@dataclass(frozen=True)
class Effect:
    """A hypothesis measured: Hodges-Lehmann's median of the paired differences, its interval, and what both say.

    `p_value` is of the nearest claim to the contrary: that the true effect lies at the margin, or beyond it on
    the other side from the one measured. `p_holm` is corrected over all hypotheses of the ledger. `asked` pairs were
    to be measured, `pairs` have a number. `differences` are theirs, a diverged run's infinite. `reason` says why
    nothing can be decided, where the numbers alone do not.
    """

    hypothesis: Hypothesis
    interval: Interval
    pairs: int
    p_value: float
    p_holm: float
    ruling: Ruling
    asked: int = 0
    differences: tuple[float, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """What measuring a claim left: for every value by name, its numbers in the order of `seeds`.

    A setting with fewer seeds has the first of them. A diverged run's numbers are infinite, the worst there is, and a
    failed one's NaN. `definition` is the hash of the claim's definition it was measured by, `environment` the machine
    and the versions. `measured_at` is when the first number was there, `seconds` what one core took for all.
    """

    claim: str
    definition: str
    budget: str
    seeds: tuple[int, ...]
    values: dict[str, tuple[float, ...]]
    measured_at: str
    seconds: float
    environment: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What a reader must know of how it was measured, such as runs that diverged."""
    at_edge: tuple[str, ...] = ()
    """What was best at the edge of its learning rates, extended or not: the ends `arm, setting` of values' names."""

    def to_json(self) -> dict[str, Any]:
        """Plain data; NaN is None, what is infinite the text "inf" or "-inf"."""
        told: dict[str, Any] = finite_only({**asdict(self), "values": {}})
        return {**told, "values": {name: list(map(_plain, each)) for name, each in self.values.items()}}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Outcome:
        """The inverse of `to_json`."""
        values = {
            name: tuple(float("nan") if number is None else float(number) for number in numbers)
            for name, numbers in record["values"].items()
        }
        lists = {name: tuple(record.get(name, ())) for name in ("seeds", "notes", "at_edge")}
        return cls(**{**record, **lists, "values": values})


@dataclass(frozen=True)
class Entry:
    """A row of the ledger: the claim in words, and its effects and ruling where it was measured.

    `expected` is the ruling that the literature or a calculation made before predicts. `missing` says why there is no
    ruling: not measured, or measured by another definition.
    """

    number: int
    name: str
    statement: str
    made_in: str
    literature: str
    predicted: str
    expected: Ruling | None
    defined: str
    experiment: str
    command: str
    effects: tuple[Effect, ...] = ()
    ruling: Ruling | None = None
    outcome: Outcome | None = None
    missing: str = ""
    forecasts: tuple[Forecast, ...] = ()
    universal: bool = False
    """Whether the statement says "always", so that one case against it refutes it."""
    remark: str = ""
    """What it comes to in plain words, written after the result."""

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not a finite number is None."""
        told: dict[str, Any] = finite_only(asdict(self))
        return told


def _plain(number: float) -> float | str | None:
    """`number` as JSON has it."""
    return None if math.isnan(number) else str(number) if math.isinf(number) else number
