"""The fields of a recipe: which values each takes, and how they are written on the shell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from leaky.errors import ArgumentError

OPTIMIZERS = ("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "plateau", "one_cycle")
NORMALISATIONS = ("none", "batch", "layer", "instance")
INITIALISATIONS = ("he", "xavier", "orthogonal", "lsuv", "default")


@dataclass(frozen=True)
class Field:
    """One field. `unset` is the word for None, where the field may be left to the task or to torch."""

    name: str
    kind: Literal["choice", "count", "number"]
    choices: tuple[str, ...] = ()
    least: float = 0.0
    below: float = math.inf
    above: bool = False
    """Whether `least` itself is left out."""
    unset: str = ""

    def fits(self, value: Any) -> bool:
        """Whether the field takes `value`."""
        if value is None:
            return bool(self.unset)
        if self.kind == "choice":
            return isinstance(value, str) and value in self.choices
        if isinstance(value, bool) or not isinstance(value, int if self.kind == "count" else int | float):
            return False
        return self.least <= value < self.below and not (self.above and value == self.least)

    @property
    def wanted(self) -> str:
        """What the field takes, for an error."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        if self.kind == "count":
            return f"a whole number of at least {self.least:g}"
        if self.below == math.inf:
            return f"a finite number {'above' if self.above else 'of at least'} {self.least:g}"
        return f"at least {self.least:g} and below {self.below:g}"

    def error(self, where: str, value: Any) -> ArgumentError:
        """The one line for a value that does not fit."""
        unset = f" or {self.unset}" if self.unset and where != "recipe" else ""
        return ArgumentError(f"{where}: `{self.name}` must be {self.wanted}{unset}, got {value!r}")

    def parse(self, text: str, where: str = "vary") -> Any:
        """The value written as `text`; raises `ArgumentError` where the field does not take it."""
        if self.unset and text == self.unset:
            return None
        value: Any = text
        if self.kind != "choice":
            try:
                value = int(text) if self.kind == "count" else float(text)
            except ValueError:
                raise self.error(where, text) from None
        if not self.fits(value):
            raise self.error(where, value)
        return value

    def text(self, value: Any) -> str:
        """`value` as it is written on the shell: the inverse of `parse`."""
        if value is None:
            return self.unset
        return f"{value:g}" if isinstance(value, float) else str(value)


FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        field.name: field
        for field in (
            Field("optimizer", "choice", OPTIMIZERS),
            Field("momentum", "number", below=1.0, unset="default"),
            Field("schedule", "choice", SCHEDULES),
            Field("early_stopping", "count"),
            Field("dropout", "number", below=1.0, unset="task"),
            Field("weight_decay", "number", unset="default"),
            Field("normalisation", "choice", NORMALISATIONS, unset="task"),
            Field("initialisation", "choice", INITIALISATIONS, unset="task"),
            Field("clip_grad_norm", "number", above=True, unset="none"),
            Field("batch_size", "count", least=1),
            Field("epochs", "count", least=1),
        )
    }
)
"""Every field of `Recipe`, in its order."""
