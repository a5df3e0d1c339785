"""A formula of the catalogue as JavaScript, so that a page computes what the table says and no second table exists.

The formula runs once on names instead of numbers. A namespace that writes down every operation stands in for the
array library; where a formula asks which of two numbers it has (`if beta < 0`), it is run again for both answers and
an `if` is written. What a formula does with parameters that are no text or numbers (series) is computed here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

_CALLS = ("abs", "exp", "expm1", "log", "log1p", "round", "sign", "tanh")
"""Functions of the array API that JavaScript's Math has under the same name."""
_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "===": "==="}


class _UndecidedError(Exception):
    """The formula asks something of its parameters that is not decided yet."""


def function(formula: Callable[..., Any], parameters: Sequence[str], *, of_x: bool = True) -> str:
    """`formula(xp, x, *parameters)` as the text of a JavaScript function of (x, ...parameters), in float64.

    `parameters` are JavaScript's names for them. Without `of_x` the formula is one of the parameters alone.
    """
    names = ["x", *parameters] if of_x else list(parameters)
    body = "\n  ".join(_branches(formula, parameters, of_x, (), 0))
    return f"({', '.join(names)}) => {{\n  {body}\n}}"


def _branches(
    formula: Callable[..., Any], parameters: Sequence[str], of_x: bool, decided: tuple[bool, ...], start: int
) -> list[str]:
    """The statements after the first `start`, once these answers are given."""
    tape = _Tape(decided)
    given = [Term(tape, name) for name in parameters]
    try:
        result = formula(tape, Term(tape, "x", of_x=True), *given) if of_x else formula(*given)
    except _UndecidedError as question:
        place = len(tape.lines)
        yes, no = (
            _branches(formula, parameters, of_x, (*decided, answer), place) for answer in (True, False)
        )
        return [*tape.lines[start:], f"if ({question}) {{", *yes, "} else {", *no, "}"]
    return [*tape.lines[start:], f"return {text(result)};"]


def text(value: Any) -> str:
    """A value as JavaScript: a number, text, None, a list, or what was written down."""
    match value:
        case Term():
            return value.name
        case tuple() | list():
            return f"[{', '.join(map(text, value))}]"
        case str():  # parameters that are told in a message
            return re.sub(r"⟦([\w$]+)⟧", r'" + \1 + "', json.dumps(value, ensure_ascii=False))
        case None:
            return "null"
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "(-Infinity)"
    return f"({number!r})" if math.copysign(1, number) < 0 else repr(number)


class _Tape:
    """The array namespace that writes down: one JavaScript statement per operation, none of them twice."""

    float64 = np.dtype("float64")
    inf, nan = math.inf, math.nan

    def __init__(self, decided: tuple[bool, ...]) -> None:
        self.lines: list[str] = []
        self._names: dict[str, str] = {}
        self._open = list(reversed(decided))
        self._known: list[tuple[Term, bool]] = []

    def write(self, code: str, *operands: Any, of_x: bool = False, asked: Any = None) -> Term:
        """The name of a new constant with this value; the same code has the same name."""
        if code not in self._names:
            self._names[code] = f"${len(self._names)}"
            self.lines.append(f"const {self._names[code]} = {code};")
        of_x = of_x or any(isinstance(operand, Term) and operand.of_x for operand in operands)
        return Term(self, self._names[code], of_x=of_x, asked=asked)

    def decide(self, term: Term) -> bool:
        """The answer to a condition: known, following from what is known, given, or else a fork."""
        answers = {
            answer
            for at in self._samples(term)
            if all(other.holds(at) == was for other, was in self._known if other.about(term))
            for answer in [term.holds(at)]
        }
        answer = answers.pop() if len(answers) == 1 else None
        for other, was in self._known:
            answer = was if other.name == term.name else answer
        if answer is None:
            if not self._open:
                raise _UndecidedError(term.name)
            answer = self._open.pop()
        self._known.append((term, answer))
        return answer

    def _samples(self, term: Term) -> list[float]:
        """One number for every place that the conditions on the same parameter tell apart."""
        same = [other.asked[2] for other, _ in self._known if other.asked and other.about(term)]
        edges = sorted({term.asked[2], *same}) if term.asked else []
        between = [(low + high) / 2 for low, high in pairwise(edges)]
        return [edges[0] - 1, *edges, *between, edges[-1] + 1] if edges else []

    def where(self, condition: Term, yes: Any, no: Any) -> Term:
        return self.write(f"{text(condition)} ? {text(yes)} : {text(no)}", condition, yes, no)

    def zeros_like(self, x: Any) -> float:
        return 0.0

    def ones_like(self, x: Any) -> float:
        return 1.0

    def finfo(self, dtype: Any) -> Any:
        return np.finfo(dtype)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        if name not in _CALLS:
            raise AttributeError(f"no JavaScript is written for `{name}` of the array API")
        return lambda x: self.write(f"Math.{name}({text(x)})", x)


def _binary(sign: str, *, swapped: bool = False) -> Any:
    def operate(self: Term, other: Any) -> Term:
        left, right = (other, self) if swapped else (self, other)
        return self.tape.write(f"{text(left)} {sign} {text(right)}", left, right)

    return operate


def _compare(sign: str) -> Any:
    def operate(self: Term, other: Any) -> Term:
        asked = None
        if isinstance(other, int | float) and not self.of_x:
            turned = self.negated
            asked = (
                (turned, _MIRROR[sign], -float(other)) if turned is not None else (self, sign, float(other))
            )
        return self.tape.write(f"{text(self)} {sign} {text(other)}", self, other, asked=asked)

    return operate


class Term:
    """A number that is not known yet: its name in JavaScript, on the tape it is written to."""

    dtype = np.dtype("float64")

    def __init__(
        self,
        tape: _Tape,
        name: str,
        *,
        of_x: bool = False,
        asked: tuple[Term, str, float] | None = None,
        negated: Term | None = None,
    ) -> None:
        self.tape, self.name, self.of_x, self.asked, self.negated = tape, name, of_x, asked, negated

    __add__, __radd__ = _binary("+"), _binary("+", swapped=True)
    __sub__, __rsub__ = _binary("-"), _binary("-", swapped=True)
    __mul__, __rmul__ = _binary("*"), _binary("*", swapped=True)
    __truediv__, __rtruediv__ = _binary("/"), _binary("/", swapped=True)
    __and__, __or__ = _binary("&&"), _binary("||")
    __lt__, __le__, __gt__, __ge__, __eq__ = map(_compare, ("<", "<=", ">", ">=", "==="))
    __hash__ = object.__hash__

    def __neg__(self) -> Term:
        if self.negated is not None:
            return self.negated
        written = self.tape.write(f"-{self.name}", self)
        return Term(self.tape, written.name, of_x=self.of_x, negated=self)

    def __pow__(self, exponent: int) -> Term:
        return self.tape.write(f"Math.pow({self.name}, {text(exponent)})", self)

    def __bool__(self) -> bool:
        if self.of_x:
            raise TypeError("a formula must not branch on x: use where")
        return self.tape.decide(self)

    def __format__(self, spec: str) -> str:
        return f"⟦{self.name}⟧"

    def about(self, other: Term) -> bool:
        """Whether both conditions are comparisons of one parameter with a number."""
        return bool(self.asked and other.asked and self.asked[0].name == other.asked[0].name)

    def holds(self, at: float) -> bool:
        """Whether the condition holds where its parameter is this number."""
        _, sign, edge = self.asked or (self, "===", math.nan)
        return {"<": at < edge, "<=": at <= edge, ">": at > edge, ">=": at >= edge, "===": at == edge}[sign]
