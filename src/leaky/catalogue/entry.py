"""The record of one activation: what it is, in formulas that run on any array library."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leaky.catalogue.evaluate import evaluate
from leaky.catalogue.gain import forward_gain
from leaky.errors import ArgumentError, ArgumentTypeError

Array = Any
Formula = Callable[..., Array]
"""A function of (array namespace, array, *parameters): plain array-API operations, the input unmodified."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of an activation: its name, default, meaning and domain.

    Every parameter must be finite; `above` adds an exclusive lower bound. A `learned` parameter may also be
    an array that broadcasts against the input (one value per channel, for instance).
    """

    name: str
    default: float
    meaning: str
    above: float = -math.inf
    learned: bool = False

    @property
    def domain(self) -> str:
        """The domain in words, as error messages and documentation print it."""
        return "finite" if self.above == -math.inf else f"finite and above {self.above:g}"

    def check(self, function: str, value: Any) -> Any:
        """Return `value` as a float (or as the array it is, when learned); raise if it is out of the domain."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            if self.learned and hasattr(value, "dtype"):
                return value
            # Other libraries' 0-d arrays are refused: as numbers they would lose their gradient in silence.
            if isinstance(value, np.ndarray) and value.ndim == 0:
                value = value.item()
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                raise ArgumentTypeError(f"{function}: `{self.name}` must be a number, got {value!r}")
        try:
            number = float(value)
        except OverflowError:  # an integer beyond every float
            number = math.inf
        if not math.isfinite(number) or number <= self.above:
            raise ArgumentError(f"{function}: `{self.name}` must be {self.domain}, got {number:g}")
        return number + 0.0  # -0.0 and 0.0 are one slope, one spec, one key


@dataclass(frozen=True, kw_only=True)
class Activation:
    """An entry of the catalogue.

    `value_formula` and `derivative_formula` are functions of (array namespace, x, *parameters) made of
    array-API operations only; in float64 they are the truth every faster path is held against. `formula` and
    `derivative` of the documentation are their text. All else that leaky offers for an activation (functions
    on arrays, torch modules, gains, plots, choices on the shell) is derived from this record.
    """

    name: str
    title: str
    family: str
    formula: str
    slope: str
    at_zero: str
    value_formula: Formula = field(repr=False)
    derivative_formula: Formula = field(repr=False)
    parameters: tuple[Parameter, ...] = ()
    kinks: tuple[float, ...] = ()
    piecewise_linear: bool = False
    """At most one multiplication per element: then half-precision input is computed in its own precision."""
    module: str
    """Class name under `leaky.nn`; where torch.nn has a class of that name, leaky's is a subclass of it."""
    papers: tuple[str, ...] = ()

    def bind(self, *positional: Any, **named: Any) -> dict[str, Any]:
        """Every parameter's checked value, defaults filled in; raise on unknown, missing or bad ones."""
        names = [parameter.name for parameter in self.parameters]
        if len(positional) > len(names):
            allowed = f"takes {', '.join(names)}" if names else "takes no parameters"
            raise ArgumentError(f"{self.name}: {len(positional)} parameters given, but it {allowed}")
        given = dict(zip(names, positional, strict=False))
        for name, value in named.items():
            if name not in names:
                allowed = (
                    f"it takes {', '.join(f'`{known}`' for known in names)}" if names else "it takes none"
                )
                raise ArgumentError(f"{self.name}: unknown parameter `{name}`: {allowed}")
            if name in given:
                raise ArgumentError(f"{self.name}: parameter `{name}` given twice; give it once")
            given[name] = value
        return {p.name: p.check(self.name, given.get(p.name, p.default)) for p in self.parameters}

    def value(self, x: Array, *positional: Any, **named: Any) -> Array:
        """f(x) by the catalogue's own formula, on any array; see `leaky.catalogue.evaluate`."""
        return evaluate(self, self.value_formula, x, self.bind(*positional, **named))

    def derivative(self, x: Array, *positional: Any, **named: Any) -> Array:
        """f'(x) on any array, with the convention of `at_zero` at a kink; NaN where x is NaN."""
        return evaluate(self, self.derivative_formula, x, self.bind(*positional, **named))

    def gain(self, *positional: Any, **named: Any) -> float:
        """The He gain 1/sqrt(E[f(z)^2]), z ~ N(0, 1): sqrt(2/(1+negative_slope^2)) for the leaky family."""
        return forward_gain(self, self.bind(*positional, **named))

    @property
    def signature(self) -> inspect.Signature:
        """The signature of the function on arrays: x, then the parameters with their defaults."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter("x", kind)]
        parameters += [inspect.Parameter(p.name, kind, default=p.default) for p in self.parameters]
        parameters.append(inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None))
        return inspect.Signature(parameters)
