"""One parameter of an activation: its name, default, meaning and domain, and the check of what is given for it."""

from __future__ import annotations

import math
import numbers
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaky.errors import ArgumentError, ArgumentTypeError, shown

_NUMPY = (np.ndarray, np.bool)
Value = Any
"""A float; an int or text where the parameter says so; a tuple of floats or an array where it may be learned."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of an activation.

    A number, unless `choices` (text), `integer` or `series` (one number per term of a sum, as an array whose
    first axis counts the terms) say otherwise. Numbers must be finite; `above` is an exclusive lower bound, `least`
    an inclusive one. A `learned` parameter may be an array that broadcasts against the input; `sharing` is how the
    paper shares it: one value per "tensor" or per "channel".
    """

    name: str
    default: Value
    meaning: str
    above: float = -math.inf
    least: float = -math.inf
    learned: bool = False
    sharing: str = "tensor"
    integer: bool = False
    choices: tuple[str, ...] = ()
    series: bool = False

    @property
    def domain(self) -> str:
        """The domain in words, as error messages and documentation print it."""
        if self.choices:
            return " or ".join(map(repr, self.choices))
        whole = "an integer" if self.integer else "a sequence of finite numbers" if self.series else "finite"
        if self.above > -math.inf:
            return f"{whole} and above {self.above:g}"
        if self.least > -math.inf:
            return f"{whole} {'of' if self.integer else 'and'} at least {self.least:g}"
        return whole

    @property
    def shown(self) -> str:
        """The default, as documentation prints it."""
        if self.series:
            return f"({', '.join(f'{term:.5g}' for term in self.default)})"
        return f"{self.default:g}" if isinstance(self.default, float) else repr(self.default)

    def check(self, function: str, value: Any) -> Value:
        """Return `value` as a float, int, text or tuple (or the array it is, when learned); raise if it cannot be."""
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                raise ArgumentError(f"{function}: `{self.name}` must be {self.domain}, got {shown(value)}")
            return value
        if self.integer:
            return self._index(function, value)
        if self.series:
            return self._terms(function, value)
        return self._number(function, value)

    def _number(self, function: str, value: Any) -> Value:
        # Other libraries' 0-d arrays are no numbers: as such they would lose their gradient in silence.
        if isinstance(value, _NUMPY) and value.ndim == 0:
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            if self.learned and hasattr(value, "dtype"):
                return self._array(function, value)
            raise ArgumentTypeError(f"{function}: `{self.name}` must be a number, got {shown(value)}")
        try:
            number = float(value)
        except OverflowError:  # an integer beyond every float
            number = math.inf
        # written so that torch.compile can follow it
        if not -math.inf < number < math.inf or number <= self.above or number < self.least:
            raise ArgumentError(f"{function}: `{self.name}` must be {self.domain}, got {number:g}")
        return number + 0.0  # -0.0 and 0.0 are one slope, one spec, one key

    def _array(self, function: str, value: Any) -> Any:
        """An array as it is; NumPy's are looked into, other libraries' may be elsewhere, or not be computed yet."""
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            outside = ~np.isfinite(value) | (value <= self.above) | (value < self.least)
            if outside.any():
                bad = float(value[outside][0])
                raise ArgumentError(
                    f"{function}: `{self.name}` must be {self.domain}, got an array with {bad:g}"
                )
        return value

    def _index(self, function: str, value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            number = None
        if number is None or isinstance(value, bool):
            raise ArgumentTypeError(f"{function}: `{self.name}` must be an integer, got {shown(value)}")
        if number < self.least:
            raise ArgumentError(f"{function}: `{self.name}` must be {self.domain}, got {number}")
        return number

    def _terms(self, function: str, value: Any) -> Value:
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            if len(value.shape) == 0:
                raise ArgumentError(
                    f"{function}: `{self.name}` must have one value per term along its first axis, got a 0-d array"
                )
            if value.shape[0] == 0:
                raise ArgumentError(f"{function}: `{self.name}` must have at least one term, got none")
            return self._array(function, value)
        if not isinstance(value, list | tuple):
            raise ArgumentTypeError(f"{function}: `{self.name}` must be {self.domain}, got {shown(value)}")
        return tuple(self._number(function, term) for term in value)
