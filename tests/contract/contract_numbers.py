"""Floating formats, the numbers the contract is tested at, and the distance from the truth in ulps."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from contract_table import Row
from mpmath import mp, mpf

mp.prec = 200


@dataclass(frozen=True)
class Format:
    """A binary floating format: digits of the significand, smallest normal exponent."""

    digits: int
    lowest: int

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return math.ldexp(2 - 2.0 ** (1 - self.digits), 1 - self.lowest)

    @property
    def smallest_normal(self) -> float:
        """Numbers nearer to zero are subnormal."""
        return 2.0**self.lowest

    def round(self, value: float) -> float:
        """The nearest number of this format (ties to even); only for what does not overflow."""
        exponent = max(math.frexp(value)[1] - 1, self.lowest) - self.digits + 1
        return math.ldexp(round(math.ldexp(value, -exponent)), exponent)


FORMATS = {
    "float16": Format(11, -14),
    "bfloat16": Format(8, -126),
    "float32": Format(24, -126),
    "float64": Format(53, -1022),
}


def precision(dtype: str, piecewise_linear: bool) -> str:
    """The dtype that is computed in: half precision in float32, unless one multiplication is all there is."""
    return "float32" if FORMATS[dtype].digits < 24 and not piecewise_linear else dtype


@functools.cache
def numbers(dtype: str, subnormals: bool = True) -> tuple[float, ...]:
    """Special values, round numbers, the places where exp overflows or vanishes, and a random crowd."""
    form = FORMATS[dtype]
    plain = (1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 8, 12, 17, 20, 30, 50, 87, 88, 88.5, 89, 100)
    edges = (104, 300, 700, 709.5, 710, 745, 1000, 3e4)
    edge_of_format = [form.largest, form.largest / 2, form.smallest_normal, 3 * form.smallest_normal]
    if subnormals:
        edge_of_format += [form.smallest_normal / 2, form.smallest_normal * 2.0 ** (1 - form.digits)]
    generator = np.random.default_rng(20)
    crowd = [*generator.normal(size=40), *np.exp(generator.uniform(-9, 5, size=20))]
    sizes = [form.round(float(size)) for size in (*plain, *edges, *edge_of_format, *map(abs, crowd))]
    return (0.0, -0.0, math.nan, math.inf, -math.inf, *sizes, *(-size for size in sizes))


def finite(dtype: str, subnormals: bool = True) -> list[float]:
    """The same numbers without NaN and infinities."""
    return [x for x in numbers(dtype, subnormals) if math.isfinite(x)]


@functools.cache
def _rounded(dtype: str, setting: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Numbers, and tuples of them, in the precision that is computed in; counts and text as they are."""

    def nearest(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(nearest(term) for term in value)
        return mpf(FORMATS[dtype].round(value)) if isinstance(value, float) else value

    return {name: nearest(value) for name, value in setting}


_KNOWN: dict[Any, list[tuple[mpf, mpf]]] = {}
"""Truths are the same for every library."""


def truths(
    row: Row, what: str, setting: dict[str, Any], x: Iterable[float], compute: str
) -> list[tuple[mpf, mpf]]:
    """For every x, the interval the truth lies in: a point, unless the argument itself is rounded inside."""
    function, x = getattr(row, what), tuple(x)
    key = (function, row.argument_ulps, tuple(setting.items()), x, compute)
    if key in _KNOWN:
        return _KNOWN[key]
    parameters = _rounded(compute, tuple(setting.items()))
    shift = mpf(row.argument_ulps) * mpf(2) ** (1 - FORMATS[compute].digits)
    found = []
    for number in x:
        if math.isnan(number):
            found.append((mp.nan, mp.nan))
            continue
        ends = [
            function(mpf(number) * (1 + side * shift), **parameters) for side in ((-1, 1) if shift else (0,))
        ]
        found.append((min(ends), max(ends)))
    _KNOWN[key] = found
    return found


def distance(got: float, truth: tuple[mpf, mpf], form: Format, flushes: bool = False) -> float:
    """How far `got` is from the interval of the truth, in ulps of the nearest end; 0 within it.

    Where the truth rounds to infinity or is NaN, so must `got` be. `flushes`: what is subnormal on the way may
    come out as 0.
    """
    low, high = truth
    if mp.isnan(low) or math.isnan(got):
        return 0.0 if mp.isnan(low) and math.isnan(got) else math.inf
    limit = mpf(form.largest) * (1 + mpf(2) ** -(form.digits + 1))  # half an ulp beyond the largest
    if low >= limit or high <= -limit or math.isinf(got):
        return (
            0.0
            if math.isinf(got) and (got > 0) == (low > 0) and max(abs(low), abs(high)) >= limit
            else math.inf
        )
    nearest = min(max(mpf(got), low), high)
    if (
        flushes and got == 0 and abs(nearest) < 4 * form.smallest_normal
    ):  # 4: times alpha, or 1/beta, afterwards
        return 0.0
    exponent = max(mp.frexp(nearest)[1] - 1, form.lowest) - form.digits + 1
    return float(abs(mpf(got) - nearest) / mpf(2) ** exponent)
