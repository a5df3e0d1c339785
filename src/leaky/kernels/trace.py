"""What a formula of the catalogue computes, step by step: it is run once on a stand-in that writes down what is done.

The stand-in is array and namespace as far as formulas go. What it cannot write down (reductions, an axis, another
library's function) raises `Untraceable`, and the formula is then run as it stands.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaky.errors import LeakyError

INPUT, CONSTANT = "input", "constant"
COMPARISONS = {"less": operator.lt, "less_equal": operator.le, "equal": operator.eq}
_FOLDED: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negative": np.negative,
    "absolute": np.absolute,
}
_UNITY = ("multiply", "divide")
"""What 1 leaves as it is, to the bit."""


class UntraceableError(LeakyError):
    """The formula does what is not done element by element."""


@dataclass(frozen=True)
class Operation:
    """One value: an operation on earlier ones (by number), the input, or a constant."""

    kind: str
    operands: tuple[int, ...] = ()
    value: float = 0.0


_ONE = Operation(CONSTANT, value=1.0)


class Trace:
    """The namespace that a formula sees, and the list of what it did."""

    inf, nan = math.inf, math.nan

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.operations: list[Operation] = []
        self._known: dict[Any, int] = {}

    def __getattr__(self, name: str) -> Any:
        raise UntraceableError(f"{name} is no step")

    def input(self) -> Traced:
        """x."""
        return self._add(Operation(INPUT))

    def constant(self, value: Any) -> Traced:
        """A number in the precision that is computed in."""
        with np.errstate(all="ignore"):
            number = self.dtype.type(value)
        return self._add(Operation(CONSTANT, value=float(number)), (CONSTANT, number.tobytes()))

    def apply(self, kind: str, *operands: Any) -> Traced:
        """An operation, written down once however often it is done; folded where all operands are constants."""
        nodes = [self._node(operand) for operand in operands]
        values = [self.operations[node.number] for node in nodes]
        if kind in _FOLDED and all(value.kind == CONSTANT for value in values):
            with np.errstate(all="ignore"):
                return self.constant(_FOLDED[kind](*(self.dtype.type(value.value) for value in values)))
        if kind in _UNITY and values[1] == _ONE:
            return nodes[0]
        if kind == "multiply" and values[0] == _ONE:
            return nodes[1]
        return self._add(Operation(kind, tuple(node.number for node in nodes)))

    def where(self, condition: Any, yes: Any, no: Any) -> Traced:
        """`yes` where the condition holds; conditions of several comparisons become choices one after the other."""
        if not isinstance(condition, Condition):
            raise UntraceableError("the condition of where is no comparison")
        return condition.choose(self._node(yes), self._node(no))

    def zeros_like(self, x: Any) -> Traced:
        return self.constant(0.0)

    def ones_like(self, x: Any) -> Traced:
        return self.constant(1.0)

    def abs(self, x: Any) -> Traced:
        return self.apply("absolute", x)

    def round(self, x: Any) -> Traced:
        return self.apply("rint", x)

    def exp(self, x: Any) -> Traced:
        return self.apply("exp", x)

    def expm1(self, x: Any) -> Traced:
        return self.apply("expm1", x)

    def log1p(self, x: Any) -> Traced:
        return self.apply("log1p", x)

    def tanh(self, x: Any) -> Traced:
        return self.apply("tanh", x)

    def finfo(self, dtype: Any) -> Any:
        return np.finfo(dtype)

    def compare(self, kind: str, left: Any, right: Any) -> Condition:
        """A comparison, decided at once between constants."""
        nodes = self._node(left), self._node(right)
        values = [self.operations[node.number] for node in nodes]
        if all(value.kind == CONSTANT for value in values):
            held = COMPARISONS[kind](values[0].value, values[1].value)
            return Condition(lambda yes, no: yes if held else no)
        return Condition(lambda yes, no: self.apply(kind, *nodes, yes, no))

    def _node(self, value: Any) -> Traced:
        if isinstance(value, Traced):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UntraceableError(f"{value!r} is no number")
        return self.constant(value)

    def _add(self, operation: Operation, key: Any = None) -> Traced:
        key = operation if key is None else key
        if key not in self._known:
            self._known[key] = len(self.operations)
            self.operations.append(operation)
        return Traced(self, self._known[key])


class Condition:
    """Something that holds or not, element by element: a way to choose between two values."""

    def __init__(self, choose: Callable[[Traced, Traced], Traced]) -> None:
        self.choose = choose

    def __and__(self, other: Condition) -> Condition:
        return Condition(lambda yes, no: self.choose(other.choose(yes, no), no))

    def __or__(self, other: Condition) -> Condition:
        return Condition(lambda yes, no: self.choose(yes, other.choose(yes, no)))

    def __invert__(self) -> Condition:
        return Condition(lambda yes, no: self.choose(no, yes))

    def __bool__(self) -> bool:
        raise UntraceableError("a branch for the whole array")


class Traced:
    """A value of the formula."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, trace: Trace, number: int) -> None:
        self.trace, self.number = trace, number

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.trace.dtype

    def __getattr__(self, name: str) -> Any:
        raise UntraceableError(f"{name} of an array")

    def __bool__(self) -> bool:
        raise UntraceableError("a branch for the whole array")

    def __add__(self, other: Any) -> Traced:
        return self.trace.apply("add", self, other)

    def __radd__(self, other: Any) -> Traced:
        return self.trace.apply("add", other, self)

    def __sub__(self, other: Any) -> Traced:
        return self.trace.apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Traced:
        return self.trace.apply("subtract", other, self)

    def __mul__(self, other: Any) -> Traced:
        return self.trace.apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Traced:
        return self.trace.apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Traced:
        return self.trace.apply("divide", self, other)

    def __rtruediv__(self, other: Any) -> Traced:
        return self.trace.apply("divide", other, self)

    def __pow__(self, power: Any) -> Traced:
        if power != 2:
            raise UntraceableError(f"the power of {power}")
        return self.trace.apply("multiply", self, self)

    def __neg__(self) -> Traced:
        return self.trace.apply("negative", self)

    def __lt__(self, other: Any) -> Condition:
        return self.trace.compare("less", self, other)

    def __le__(self, other: Any) -> Condition:
        return self.trace.compare("less_equal", self, other)

    def __gt__(self, other: Any) -> Condition:
        return self.trace.compare("less", other, self)

    def __ge__(self, other: Any) -> Condition:
        return self.trace.compare("less_equal", other, self)

    def __eq__(self, other: Any) -> Condition:  # type: ignore[override]
        return self.trace.compare("equal", self, other)

    def __ne__(self, other: Any) -> Condition:  # type: ignore[override]
        return ~self.trace.compare("equal", self, other)
