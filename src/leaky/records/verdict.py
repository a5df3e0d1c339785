"""A verdict of the doctor: what is wrong (or right) with a model, where, on what evidence, and what to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "not_finite",
    "dead_layer",
    "born_dead",
    "dying",
    "no_gradient",
    "exploding",
    "vanishing",
    "exploding_gradient",
    "vanishing_gradient",
    "linear",
    "steep",
    "saturated",
    "dormant",
    "one_sided",
    "all_positive",
    "healthy",
    "unclear",
]
"""What a verdict is about, by name, the gravest first."""

Severity = Literal["fault", "warning", "note", "healthy"]


@dataclass(frozen=True)
class Evidence:
    """A measured number: what it is, its value, the number of samples it rests on, and where it was measured.

    `low` and `high` are the ends of its 95 % interval; NaN where there is none to give. `site` is empty where the
    number is of several sites together.
    """

    measure: str
    value: float
    samples: int
    site: str = ""
    low: float = math.nan
    high: float = math.nan

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not a finite number is None."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        told = {name: float(f"{n:.6g}") if math.isfinite(n) else None for name, n in numbers.items()}
        return {"measure": self.measure, "site": self.site, "samples": self.samples, **told}


@dataclass(frozen=True)
class Verdict:
    """One verdict. (`leaky.records.Verdict` is the lab's word on an activation, and another thing.)

    `text` says in a sentence what was measured, `confidence` what the number of samples allows to conclude,
    `prescription` what to do and why, and `calls` holds the calls it names, word for word; both are empty where
    nothing that was measured asks for a change.
    """

    kind: Kind
    severity: Severity
    text: str
    confidence: str
    sites: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    prescription: str = ""
    calls: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = [f"{self.kind.replace('_', ' ')}: {self.text}", self.confidence, self.prescription]
        return " ".join(part for part in told if part)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "text": self.text,
            "confidence": self.confidence,
            "sites": list(self.sites),
            "evidence": [evidence.to_json() for evidence in self.evidence],
            "prescription": self.prescription,
            "calls": list(self.calls),
        }
