"""The record of one activation: what it is, in formulas that run on any array library."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from leaky.catalogue.along import Along
from leaky.catalogue.evaluate import evaluate
from leaky.catalogue.facts import Facts, Onnx
from leaky.catalogue.gain import backward_gain, forward_gain
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.pieces import SIDES, Sided
from leaky.errors import ArgumentError, ArgumentTypeError, shown

if TYPE_CHECKING:
    from leaky.catalogue.conventions import Convention

Array = Any
Formula = Callable[..., Array]
"""A function of (array namespace, array, *parameters): plain array-API operations, the input unmodified."""


@dataclass(frozen=True, kw_only=True)
class Activation:
    """An entry of the catalogue.

    `value_formula` and `derivative_formula` are functions of (array namespace, x, *parameters) made of
    array-API operations only; in float64 they are the truth every faster path is held against. `formula` and
    `slope` are their text. What differs in training is told in `training`; the formulas are evaluation. All else
    that leaky offers for an activation (functions on arrays, torch modules, gains, plots, choices on the shell) is
    derived from this record.
    """

    name: str
    title: str
    family: str
    formula: str
    slope: str
    at_zero: str
    value_formula: Formula | None = field(repr=False)
    """None where f needs weights of its own and is a module only."""
    derivative_formula: Formula | None = field(repr=False)
    """Of the output with respect to the input; a `Sided` one where it jumps."""
    inverse_formula: Formula | None = field(default=None, repr=False)
    no_inverse: str | Callable[..., str | None] = "its inverse has no formula"
    """Why there is no inverse; or a function of the parameters that says why at these there is none, or None."""
    parameters: tuple[Parameter, ...] = ()
    refuses: Callable[..., str | None] | None = field(default=None, repr=False)
    """What is wrong with parameters (all numbers) that do not go together; None where nothing is."""
    kinks: tuple[float, ...] = ()
    """Where the derivative jumps, at the default parameters; see `kinks_at`."""
    seams: Callable[..., tuple[float, ...]] | None = field(default=None, repr=False)
    """Of the parameters, where else one formula follows another: gains are computed piece by piece."""
    piecewise_linear: bool = False
    """At most one multiplication per element: then half-precision input is computed in its own precision."""
    along: Along | None = field(default=None, repr=False)
    """The axes that f works along; None for what is applied element by element."""
    training: str = ""
    """What differs in training; empty where nothing does."""
    facts: Facts | None = None
    """Declared properties, possibly functions of the parameters; `facts_at` gives their values."""
    moments: tuple[Callable[..., float], Callable[..., float]] | None = field(default=None, repr=False)
    """E[f(z)^2] and E[f'(z)^2], z ~ N(0, 1), where they are not those of the formulas (noise, several outputs)."""
    ulps: float = 0.0
    """How far the array function may be from the truth rounded once, in units in the last place of float32.

    At the default parameters, rounded to the precision that is computed in; 0 is the rounded truth itself. Half
    precision is at most 1 off at any parameters. A parameter that multiplies the exponent adds the rounding of that
    product: one more for every unit of the exponent. Where f crosses 0 other than at 0, in units of 1 there.
    """
    derivative_ulps: float = 0.0
    """The same for the derivative."""
    onnx: Onnx | None = None
    acronyms: tuple[tuple[str, str], ...] = ()
    """Acronyms in use for it, each with a word on what it stands for here."""
    module: str
    """Class name under `leaky.nn`; where torch.nn has a class of that name, leaky's is a subclass of it."""
    papers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.kinks and isinstance(self.derivative_formula, Sided):
            object.__setattr__(self, "kinks", self.kinks_at())

    def __reduce__(self) -> Any:
        from leaky.catalogue.table import TABLE, lookup  # the table is made of entries

        return (lookup, (self.name,)) if TABLE.get(self.name) is self else super().__reduce__()

    @property
    def elementwise(self) -> bool:
        """Whether every element of the output depends on its own element of the input alone."""
        return self.along is None and self.value_formula is not None

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
        values = {p.name: p.check(self.name, given.get(p.name, p.default)) for p in self.parameters}
        if self.refuses is not None and not any(
            not isinstance(value, float) and hasattr(value, "dtype") for value in values.values()
        ):
            wrong = self.refuses(*values.values())
            if wrong:
                raise ArgumentError(f"{self.name}: {wrong}")
        return values

    def value(self, x: Array, *positional: Any, **named: Any) -> Array:
        """f(x) by the catalogue's own formula, on any array; see `leaky.catalogue.evaluate`."""
        return evaluate(self, self._formula(self.value_formula), x, self.bind(*positional, **named))

    def derivative(self, x: Array, *positional: Any, kink: str | None = None, **named: Any) -> Array:
        """f'(x) on any array; NaN where x is NaN.

        Where two pieces meet: the convention of `at_zero`, which is PyTorch's, or the slope of the piece to the
        `kink="left"`, `"right"`, or the mean of both (`"mid"`).
        """
        formula = self._formula(self.derivative_formula)
        if kink is not None:
            formula = self._sided(formula, kink)
        return evaluate(self, formula, x, self.bind(*positional, **named))

    def inverse(self, y: Array, *positional: Any, **named: Any) -> Array:
        """The x with f(x) = y on any array, NaN where there is none; raises where f cannot be inverted."""
        values = self.bind(*positional, **named)
        reason = self.no_inverse(*values.values()) if callable(self.no_inverse) else self.no_inverse
        if self.inverse_formula is None or (callable(self.no_inverse) and reason):
            raise ArgumentError(f"{self.name}: has no inverse: {reason}")
        return evaluate(self, self.inverse_formula, y, values)

    def kinks_at(self, *positional: Any, **named: Any) -> tuple[float, ...]:
        """Where the derivative jumps at these parameters (numbers), in ascending order."""
        if not isinstance(self.derivative_formula, Sided):
            return self.kinks
        values = self._numbers("kinks", *positional, **named)
        return tuple(sorted({float(edge) for edge in self.derivative_formula.edges(*values)}))

    def facts_at(self, *positional: Any, **named: Any) -> Facts:
        """The properties of f at these parameters (numbers)."""
        if self.facts is None:
            raise ArgumentError(
                f"{self.name}: no facts are declared; measure them on `value` and `derivative`"
            )
        return self.facts.at(*self._numbers("facts", *positional, **named))

    def gain(self, *positional: Any, **named: Any) -> float:
        """The He gain 1/sqrt(E[f(z)^2]), z ~ N(0, 1): sqrt(2/(1+negative_slope^2)) for the leaky family."""
        return forward_gain(self, self.bind(*positional, **named))

    def backward_gain(self, *positional: Any, **named: Any) -> float:
        """1/sqrt(E[f'(z)^2]), z ~ N(0, 1): keeps the scale of gradients; equals `gain` for the leaky family."""
        return backward_gain(self, self.bind(*positional, **named))

    @property
    def conventions(self) -> tuple[Convention, ...]:
        """What other frameworks call it, their defaults and their answers at kinks, NaN and -inf."""
        from leaky.catalogue.conventions import conventions_of  # the rows are checked against the table

        return conventions_of(self.name)

    @property
    def signature(self) -> inspect.Signature:
        """The signature of the function on arrays: x, then the parameters with their defaults."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter("x", kind)]
        parameters += [inspect.Parameter(p.name, kind, default=p.default) for p in self.parameters]
        parameters.append(inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None))
        return inspect.Signature(parameters)

    def _formula(self, formula: Formula | None) -> Formula:
        if formula is None:
            raise ArgumentError(f"{self.name}: needs weights of its own, use leaky.nn.{self.module}")
        return formula

    def _sided(self, formula: Formula, kink: str) -> Formula:
        if not isinstance(kink, str) or kink not in SIDES:
            raise ArgumentError(
                f"{self.name}: `kink` must be {', '.join(map(repr, SIDES))}, got {shown(kink)}"
            )
        if not isinstance(formula, Sided):
            if self.kinks:
                raise ArgumentError(f"{self.name}: `kink` must be left out, its derivative has no sides")
            return formula
        return formula.mid if kink == "mid" else getattr(formula, kink)

    def _numbers(self, what: str, *positional: Any, **named: Any) -> tuple[Any, ...]:
        values = self.bind(*positional, **named)
        for name, value in values.items():
            if hasattr(value, "dtype"):
                raise ArgumentTypeError(f"{self.name}: {what} are for one setting, `{name}` must be a number")
        return tuple(values.values())
