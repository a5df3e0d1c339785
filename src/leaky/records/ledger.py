"""The claims ledger: what a claim says in numbers, and what measuring it came to. Plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from leaky.records.study import Interval, finite_only

Direction = Literal["higher", "lower", "same", "different"]
Ruling = Literal["supported", "refuted", "undecided"]


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
class Effect:
    """A hypothesis measured: the median paired difference, its interval, and what both say of it.

    `p_value` is of the nearest claim to the contrary: that the true effect lies at the margin, or beyond it on
    the other side from the one measured. `p_holm` is corrected over all hypotheses of the ledger.
    """

    hypothesis: Hypothesis
    interval: Interval
    pairs: int
    p_value: float
    p_holm: float
    ruling: Ruling


@dataclass(frozen=True)
class Outcome:
    """What measuring a claim left: for every value by name, its numbers in the order of `seeds`.

    `definition` is the hash of the claim's definition it was measured by, `environment` the machine and the versions.
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

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not a finite number is None."""
        told: dict[str, Any] = finite_only(asdict(self))
        return told

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Outcome:
        """The inverse of `to_json`."""
        values = {
            name: tuple(float("nan") if number is None else number for number in numbers)
            for name, numbers in record["values"].items()
        }
        lists = {name: tuple(record[name]) for name in ("seeds", "notes")}
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

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not a finite number is None."""
        told: dict[str, Any] = finite_only(asdict(self))
        return told
