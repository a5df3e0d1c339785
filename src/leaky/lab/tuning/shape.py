"""Which number of an activation is tuned, and at which values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from leaky.catalogue import Spec, parse
from leaky.catalogue.parameter import Parameter
from leaky.errors import ArgumentError, LeakyError, shown

_SLOPES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6)
_FEW_SLOPES = (0.0, 0.01, 0.1, 0.3)
"""From ReLU (0) towards a linear network (1); the second is for the budget "smoke"."""

_TIMES, _FEW_TIMES = (0.1, 0.3, 1, 3, 10), (0.3, 1, 3)
"""Of the default of any other parameter."""

_SLOPE = "negative_slope"
_LEARNS = {"leaky_relu": "prelu"}
"""Who learns what is tuned here."""


@dataclass(frozen=True)
class Shape:
    """An activation, the parameter of it that is tuned, and the values it is tuned over, in ascending order."""

    spec: Spec
    parameter: str
    default: float
    values: tuple[float, ...]

    def at(self, value: float) -> str:
        """The spec with that value, canonical.

        >>> shape("leaky_relu").at(0.1)
        'leaky_relu(negative_slope=0.1)'
        """
        entry = self.spec.activation
        return str(
            Spec(entry, tuple(entry.bind(**(self.spec.parameters | {self.parameter: value})).values()))
        )

    def named(self, text: str) -> float:
        """The value in a spec that `at` made."""
        return float(parse(text).parameters[self.parameter])

    @property
    def positive(self) -> tuple[float, ...]:
        """The values above 0: those that have a logarithm."""
        return tuple(value for value in self.values if value > 0)

    @property
    def learned(self) -> str | None:
        """The activation that learns the parameter in training, with its own start; None where there is none."""
        name = _LEARNS.get(self.spec.activation.name)
        return str(parse(name)) if name else None


def shape(
    activation: str | Spec = "leaky_relu", values: Iterable[float] | None = None, *, few: bool = False
) -> Shape:
    """The first parameter of `activation` that is a plain number above 0, and its values: those given or usual.

    Usual are slopes from 0 to 0.6 for a `negative_slope`, and a tenth to ten times the default of others.

    Raises:
        ArgumentError: no such parameter; or values that are negative, none, or outside the parameter's domain.
    """
    spec = parse(activation)
    entry = spec.activation
    parameter = next((p for p in entry.parameters if _tunable(p)), None)
    if parameter is None:
        raise ArgumentError(
            f"tune: `{entry.name}` has no number to tune; name one that has, such as leaky_relu or elu"
        )
    found = Shape(spec, parameter.name, float(parameter.default), ())
    chosen = _usual(found, few) if values is None else _given(values)
    for value in chosen:
        found.at(value)  # raises where it is outside the domain
    return Shape(spec, parameter.name, float(parameter.default), chosen)


def _tunable(parameter: Parameter) -> bool:
    number = not (parameter.integer or parameter.choices or parameter.series or parameter.learned)
    return number and parameter.default > 0


def _usual(found: Shape, few: bool) -> tuple[float, ...]:
    if found.parameter == _SLOPE:
        return _FEW_SLOPES if few else _SLOPES
    made = [float(f"{found.default * times:.3g}") for times in (_FEW_TIMES if few else _TIMES)]
    return tuple(value for value in made if _fits(found, value))


def _fits(found: Shape, value: float) -> bool:
    try:
        found.at(value)
    except LeakyError:
        return False
    return True


def _given(values: Iterable[float]) -> tuple[float, ...]:
    if isinstance(values, str | int | float) or not isinstance(values, Iterable):
        raise ArgumentError(f"tune: `values` must be a list of numbers, got {shown(values)}")
    given = list(values)
    for value in given:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ArgumentError(f"tune: `values` must be numbers, got {shown(value)}")
        if not 0 <= value < math.inf:
            raise ArgumentError(f"tune: `values` must be finite and at least 0, got {value:g}")
    made = tuple(sorted({float(value) + 0.0 for value in given}))
    if len(made) < 2:
        raise ArgumentError(f"tune: `values` needs at least two values to compare, got {shown(given)}")
    if len([value for value in made if value > 0]) < 1:
        raise ArgumentError(f"tune: `values` needs one above 0, got {shown(given)}")
    return made
