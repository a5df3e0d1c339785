"""The record of one convention: how one framework calls an activation, and what it does where frameworks differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Literal

from leaky.catalogue.conventions.carried import carry, side_of
from leaky.catalogue.conventions.questions import QUESTIONS, Answers, Question
from leaky.catalogue.table import lookup

Value = float | str | bool | tuple[()] | None
Evidence = Literal["tested", "measured", "read", "documented"]


class _Required(Enum):
    """A member of an enumeration, so that it is itself after pickling too."""

    REQUIRED = "required"

    def __repr__(self) -> str:
        return "required"


REQUIRED: Final = _Required.REQUIRED
"""The default of an argument that has none: every call must give it."""
Default = Value | _Required


@dataclass(frozen=True)
class Argument:
    """One argument of a framework's callable.

    `parameter` is the entry's parameter it sets. An argument without one is the framework's own: the callable is
    the entry's function only while it has the value `must`. `values` pairs the entry's values with the framework's
    where they are other words for the same; `form` is how any other value is written (`Constant({})`), `former` a
    name the framework used before and still takes, `least` a bound below which it raises where the entry does not.
    `counts`: how many values are learned, any whole number above 0; they start as the one the entry has.
    """

    name: str
    parameter: str | None = None
    default: Default = REQUIRED
    must: Value = None
    values: tuple[tuple[Value, Value], ...] = ()
    form: str = "{}"
    former: str = ""
    least: float | None = None
    counts: bool = False

    def to_entry(self, value: Any) -> Any:
        """The entry's value that the framework's `value` stands for."""
        return next((ours for ours, theirs in self.values if theirs == value), value)

    def write(self, value: Any) -> str:
        """The entry's `value` as the framework's source text."""
        for ours, theirs in self.values:
            if ours == value:
                return repr(theirs)
        return self.form.format(repr(value))


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How `framework` calls the entry `entry`, and what it answers at kinks, NaN and -inf.

    `answers` are those to `question`, on float32 and one element, at the parameters `answers.at`; None: not known, or
    the framework has no gradients. `answers_at` tells them at other parameters, `row()` at the framework's defaults;
    `further` are answers at settings for which the framework takes another path.
    `evidence` is "tested" (the test suite calls the framework), "measured" (run once, with `version`), "read" (in
    the file `source`) or "documented" (the vendor's page says so, nobody looked).
    """

    entry: str
    framework: str
    call: str
    also: tuple[str, ...] = ()
    backend: str = ""
    arguments: tuple[Argument, ...] = ()
    fixed: tuple[tuple[str, Value], ...] = ()
    answers: Answers = field(default_factory=Answers)
    further: tuple[Answers, ...] = ()
    remark: str = ""
    version: str
    source: str
    evidence: Evidence

    def __post_init__(self) -> None:
        at = self._setting(dict(self.question.parameters))
        object.__setattr__(self, "answers", replace(self.answers, at=tuple(at.items())))

    def _setting(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter of the entry: given, else as the framework has it, else as the entry."""
        known = {p.name: p.default for p in lookup(self.entry).parameters}
        return {**known, **self.defaults, **parameters, **dict(self.fixed)}

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the callable, the one to write first."""
        return (self.call, *self.also)

    @property
    def layer(self) -> bool:
        """Whether `call` makes a layer that is applied later, rather than being applied to x itself."""
        return is_layer(self.call)

    @property
    def defaults(self) -> dict[str, Value]:
        """The entry's parameters as a bare call of the framework has them; one without a default is not in it."""
        given = {a.parameter: a.to_entry(a.default) for a in self.arguments if a.parameter}
        return {**dict(self.fixed), **{k: v for k, v in given.items() if v is not None and v is not REQUIRED}}

    @property
    def question(self) -> Question:
        """What was asked: parameters, kinks, further points."""
        return QUESTIONS.get(self.entry, Question())

    @property
    def gradients(self) -> tuple[tuple[float, float, str], ...]:
        """(x, f'(x), side) at every kink that was asked about; the parameters are `answers.at`."""
        asked = zip(self.question.kinks, self.answers.gradients, strict=False)
        return tuple((x, gradient, self._side(x, gradient)) for x, gradient in asked if gradient is not None)

    @property
    def gradient_at_zero(self) -> float | None:
        """f'(0) with an incoming gradient of 1, at the parameters `answers.at`; None where it is not known."""
        return next((gradient for x, gradient, _ in self.gradients if x == 0), None)

    @property
    def side(self) -> str | None:
        """Which slope `gradient_at_zero` is: "left", "right", "middle", "smooth" (both are one), or "neither"."""
        return next((side for x, _, side in self.gradients if x == 0), None)

    def _side(self, x: float, gradient: float) -> str:
        return side_of(lookup(self.entry), x, gradient, dict(self.answers.at))

    def answers_at(self, **parameters: Any) -> Answers:
        """The answers at these parameters of the entry, the framework's defaults where not given.

        What was asked elsewhere is carried over where a rule tells how; None where none does.

        >>> import leaky
        >>> elu = next(row for row in leaky.catalogue["elu"].conventions if row.framework == "torch")
        >>> elu.answers.at, elu.answers.minus_infinity
        ((('alpha', 2.0),), -2.0)
        >>> elu.answers_at(alpha=1.0).minus_infinity
        -1.0
        """
        to = self._setting(parameters)
        for answers in self.further:
            if all(to[name] == value for name, value in answers.at):
                return answers
        return carry(lookup(self.entry), self.question, self.answers, to)

    @property
    def _printed(self) -> Answers:
        """What a table prints: the answers at the defaults, those asked for where an argument has no default."""
        return self.answers if self._without_default else self.answers_at()

    @property
    def _without_default(self) -> set[str]:
        """The entry's parameters that a bare call does not have."""
        return {a.parameter for a in self.arguments if a.parameter and a.default in (REQUIRED, None)}

    @property
    def at_zero(self) -> str:
        """f'(0) and its side as a table prints them: at the framework's defaults, else at the parameters asked at."""
        if self.gradient_at_zero is None:
            return ""
        printed, place = self._printed, self.question.kinks.index(0.0)
        here, side = printed.gradients[place], self.side
        if here is not None and (side == "neither" or any(printed is more for more in self.further)):
            side = side_of(lookup(self.entry), 0.0, here, dict(printed.at))
        told = self._cell(here, self.gradient_at_zero)
        return f"{told} ({f'{side} side' if side == 'neither' else side})"

    def _cell(self, here: float | None, asked: float | None) -> str:
        """An answer as a table prints it, with the parameters asked at where they are not the defaults."""
        if asked is None:
            return number(here)
        everywhere = asked == 0 or not math.isfinite(asked)
        if here is not None and (everywhere or self._printed is not self.answers):
            return number(here)
        return f"{number(asked)}{self._asked_elsewhere()}"

    def _asked_elsewhere(self) -> str:
        """Where it was asked, of what a bare call of the framework does not have."""
        bare, missing = self._setting({}), self._without_default
        told = ", ".join(
            f"{name} {value}" for name, value in self.answers.at if name in missing or bare[name] != value
        )
        return told and f" at {told}"

    def _told(self) -> str:
        """The defaults in the framework's words; what it fixes in the entry's."""
        if self.fixed:
            values = (f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v!r}" for k, v in self.fixed)
            return f"{', '.join(values)}, fixed"
        return ", ".join(f"{a.name}={a.default!r}" for a in self.arguments if a.parameter)

    def row(self) -> dict[str, str]:
        """The record as text by column, for a table; answers are those at the framework's defaults.

        Where there is none, or an answer is known only where it was asked, the cell says at which parameters.
        """
        asked, printed = self.answers, self._printed
        return {
            "framework": f"{self.framework} on {self.backend}" if self.backend else self.framework,
            "call": self.call,
            "defaults": self._told(),
            "f'(0)": self.at_zero,
            "f(NaN)": self._cell(printed.nan, asked.nan),
            "f'(NaN)": self._cell(printed.nan_gradient, asked.nan_gradient),
            "f(-inf)": self._cell(printed.minus_infinity, asked.minus_infinity),
            "version": self.version,
            "evidence": self.evidence,
            "source": self.source,
        }


def is_layer(call: str) -> bool:
    """Whether a callable of this name is a class (CamelCase everywhere), or a line of a configuration."""
    return "=" in call or call.rpartition(".")[2][:1].isupper()


def number(value: float | None) -> str:
    """A number as tables print it; nothing for None."""
    return "" if value is None else f"{value:.5g}".replace("nan", "NaN")


def parameter(name: str, default: Default = REQUIRED, ours: str = "", **more: Any) -> Argument:
    """An argument that sets the entry's parameter `ours`, of the same name unless told."""
    return Argument(name, ours or name, default, **more)


NUM_PARAMETERS: Final = Argument("num_parameters", default=1, must=1, counts=True)
"""Of PReLU, as PyTorch, Paddle and MLX have it."""

GELU: Final = (("tanh", True), ("none", False))
"""The values of an argument `approximate` that is a bool, as the entry's."""
