"""The record of one convention: how one framework calls an activation, and what it does where frameworks differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal

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
    """

    name: str
    parameter: str | None = None
    default: Default = REQUIRED
    must: Value = None
    values: tuple[tuple[Value, Value], ...] = ()
    form: str = "{}"
    former: str = ""
    least: float | None = None

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

    `answers` are those to `question`, on float32 and one element; None: not known, or the framework has no gradients.
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
    remark: str = ""
    version: str
    source: str
    evidence: Evidence

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
        """(x, f'(x), side) at every kink that was asked about; the parameters are those of `question`."""
        asked = zip(self.question.kinks, self.answers.gradients, strict=False)
        return tuple((x, gradient, self._side(x, gradient)) for x, gradient in asked)

    @property
    def gradient_at_zero(self) -> float | None:
        """f'(0) with an incoming gradient of 1, at the parameters of `question`; None where it is not known."""
        return next((gradient for x, gradient, _ in self.gradients if x == 0), None)

    @property
    def side(self) -> str | None:
        """Which slope `gradient_at_zero` is: "left", "right", "middle", "smooth" (both are one), or "neither"."""
        return next((side for x, _, side in self.gradients if x == 0), None)

    def _side(self, x: float, gradient: float) -> str:
        left, right = self._slopes(x, **dict(self.question.parameters))
        for name, slope in (("left", left), ("right", right), ("middle", (left + right) / 2)):
            if abs(gradient - slope) < 1e-4:
                return "smooth" if left == right else name
        return "neither"

    def _slopes(self, x: float, **parameters: Any) -> tuple[float, float]:
        """f' to the left and to the right of x, by the catalogue."""
        step = 1e-7
        parameters = {**self.defaults, **parameters, **dict(self.fixed)}
        left, right = lookup(self.entry).derivative([x - step, x + step], **parameters).tolist()
        return round(left, 5), round(right, 5)

    @property
    def at_zero(self) -> str:
        """f'(0) and its side as a table prints them: at the framework's defaults, else at the parameters asked at."""
        asked, side = self.gradient_at_zero, self.side
        if asked is None:
            return ""
        if side == "neither":
            where = ", ".join(f"{name} {value}" for name, value in self.question.parameters)
            return f"{asked:.5g}{where and f' at {where}'} (neither side)"
        left, right = self._slopes(0.0)
        slope = {"left": left, "right": right, "middle": (left + right) / 2, "smooth": left}[side or "smooth"]
        return f"{slope:.5g} ({side})"

    def _told(self) -> str:
        """The defaults in the framework's words; what it fixes in the entry's."""
        if self.fixed:
            values = (f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v!r}" for k, v in self.fixed)
            return f"{', '.join(values)}, fixed"
        return ", ".join(f"{a.name}={a.default!r}" for a in self.arguments if a.parameter)

    def row(self) -> dict[str, str]:
        """The record as text by column, for a table."""
        return {
            "framework": f"{self.framework} on {self.backend}" if self.backend else self.framework,
            "call": self.call,
            "defaults": self._told(),
            "f'(0)": self.at_zero,
            "f(NaN)": number(self.answers.nan),
            "f'(NaN)": number(self.answers.nan_gradient),
            "f(-inf)": number(self.answers.minus_infinity),
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


GELU: Final = (("tanh", True), ("none", False))
"""The values of an argument `approximate` that is a bool, as the entry's."""
