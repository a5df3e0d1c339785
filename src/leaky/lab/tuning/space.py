"""What a search may choose: the parameter (once, or for every place) and the learning rate, under Optuna's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leaky.lab.factory import PLACES
from leaky.lab.tuning.shape import Shape

RATE = "learning_rate"


@dataclass(frozen=True)
class Choice:
    """One setting: the activation as plans name it, its values, and the learning rate."""

    activation: str
    values: tuple[float, ...]
    learning_rate: float


@dataclass(frozen=True)
class Space:
    """The ranges: from the lowest to the highest value above 0 (0 is a choice of its own), and of the rates.

    `places` is 0 where the whole network has one value.
    """

    shape: Shape
    rates: tuple[float, ...]
    places: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Optuna's names of the values: `negative_slope`, or `negative_slope.0` and so on in the order of places."""
        name = self.shape.parameter
        return tuple(f"{name}.{place}" for place in range(self.places)) or (name,)

    @property
    def zero(self) -> str:
        """Optuna's name of the choice of 0; empty where that is no value, or places have one each."""
        return f"{self.shape.parameter}_is_zero" if 0.0 in self.shape.values and not self.places else ""

    def suggest(self, trial: Any) -> Choice:
        """What the sampler proposes, to three digits: more would be noise."""
        rate = trial.suggest_float(RATE, self.rates[0], self.rates[-1], log=True)
        if self.zero and trial.suggest_categorical(self.zero, (False, True)):
            return self.choice((0.0,), rate)
        low, high = self.shape.positive[0], self.shape.positive[-1]
        return self.choice(tuple(trial.suggest_float(name, low, high, log=True) for name in self.names), rate)

    def choice(self, values: tuple[float, ...], rate: float) -> Choice:
        """That setting; equal values at all places are those of the whole network."""
        values = tuple(float(f"{value:.3g}") for value in values)
        specs = [self.shape.at(value) for value in values]
        activation = specs[0] if len(set(specs)) == 1 else PLACES.join(specs)
        return Choice(activation, values, float(f"{rate:.3g}"))

    def anchors(self, rates: dict[float, float]) -> list[dict[str, Any]]:
        """Where a search begins: the values given, each at its learning rate if that is known, else at the middle."""
        middle = self.rates[len(self.rates) // 2]
        made: list[dict[str, Any]] = []
        for value in self.shape.values:
            start: dict[str, Any] = {RATE: rates.get(value, middle)}
            if value == 0:
                if self.zero:
                    made.append({**start, self.zero: True})
                continue
            zero = {self.zero: False} if self.zero else {}
            made.append({**start, **zero, **dict.fromkeys(self.names, value)})
        return made
