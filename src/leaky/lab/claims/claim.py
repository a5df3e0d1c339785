"""What a claim is: words, an experiment, and the hypotheses that its numbers decide."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from leaky.lab.claims.code import code
from leaky.lab.claims.verdicts import RULES
from leaky.records import Ruling
from leaky.records.ledger import Hypothesis, Prediction

Values = dict[str, float]
"""What one seed gives, by name."""

BUDGETS = ("smoke", "small")

_WORDS = (
    *(
        "number",
        "name",
        "statement",
        "made_in",
        "literature",
        "predicted",
        "expected",
        "defined",
        "experiment",
    ),
    "universal",
)


class Method(Protocol):
    """How a claim is measured."""

    def definition(self, budget: str) -> list[str]:
        """What changes where the numbers may."""
        ...

    def seeds(self, budget: str) -> tuple[int, ...]:
        """The paired seeds."""
        ...


@dataclass(frozen=True)
class Measurement:
    """A function of seed and sizes that measures every arm on the same draws.

    Args:
        function: `(seed, **sizes) -> {name: value}`, at the top of a module, so that workers find it.
        small: its sizes with the budget "small".
        smoke: those that differ with the budget "smoke".
        repeats: seeds with the budget "small"; "smoke" takes two.
        alone: whether it measures time, so that nothing may run beside it.
    """

    function: Callable[..., Values]
    small: Mapping[str, Any]
    smoke: Mapping[str, Any] = field(default_factory=dict)
    repeats: int = 20
    alone: bool = False

    def sizes(self, budget: str) -> dict[str, Any]:
        """What the function is given beside the seed."""
        return {**self.small, **(self.smoke if budget == "smoke" else {})}

    def seeds(self, budget: str) -> tuple[int, ...]:
        """The paired seeds."""
        return tuple(range(2 if budget == "smoke" else self.repeats))

    def definition(self, budget: str) -> list[str]:
        """The function with all it calls in the lab, and its sizes."""
        return [code(self.function), json.dumps(self.sizes(budget), sort_keys=True)]


@dataclass(frozen=True)
class Claim:
    """A statement about leaky rectifiers, and the experiment that is to decide it.

    The claim is supported where all its hypotheses are, refuted where one of them is and none supported, and mixed
    where some are and others are refuted; but a `universal` statement, that something is always so, is refuted by one
    case against it. Everything else is undecided. `defined` is the day the definition was fixed; it is committed
    before its first result. `predictions` are numbers that were predicted, told apart from the ruling.
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
    method: Method | None
    hypotheses: tuple[Hypothesis, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    universal: bool = False

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"leaky claims {self.name}"

    def definition(self, budget: str = "small") -> str:
        """The hash of all that the result depends on, and of what it is held against: another one makes it stale."""
        told = [getattr(self, name) for name in _WORDS]
        parts = [json.dumps(told), *(json.dumps(asdict(part)) for part in self.hypotheses)]
        parts += [json.dumps(asdict(part)) for part in self.predictions]
        if self.method is not None:
            parts += [RULES, budget, *map(str, self.method.seeds(budget)), *self.method.definition(budget)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
