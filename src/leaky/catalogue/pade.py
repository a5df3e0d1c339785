"""The Pade activation unit: a quotient of two learned polynomials."""

from __future__ import annotations

from functools import reduce
from typing import Any

from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.facts import Onnx
from leaky.catalogue.parameter import Parameter

# |x| on [-3, 3] by (p0 + p1 x^2 + p2 x^4) / (1 + q1 x^2 + q2 x^4), the best there is: its error alternates six times
# between -0.0255 and 0.0255 (Remez exchange on sqrt(t), t in [0, 9]). A leaky ReLU is (1 + a)/2 x + (1 - a)/2 |x|.
_ABSOLUTE = (0.025504454094933605, 5.585253203494793, 5.180154116187571)
_BELOW = (9.091132994964683, 0.9277928004279713)
_SLOPE = 0.01
_ODD, _EVEN = (1 + _SLOPE) / 2, (1 - _SLOPE) / 2
NUMERATOR = (
    _EVEN * _ABSOLUTE[0],
    _ODD,
    _EVEN * _ABSOLUTE[1],
    _ODD * _BELOW[0],
    _EVEN * _ABSOLUTE[2],
    _ODD * _BELOW[1],
)
DENOMINATOR = (0.0, _BELOW[0], 0.0, _BELOW[1])


def _horner(terms: Any, x: Array) -> Array:
    """terms[0] + terms[1] * x + terms[2] * x^2 + ..."""
    *lower, highest = terms
    return reduce(lambda total, term: total * x + term, reversed(lower), highest + 0 * x)


def _power(x: Array, inverse: Array, exponent: int) -> Array:
    """x to an exponent that may be negative."""
    result = 1 + 0 * inverse
    for _ in range(abs(exponent)):
        result = result * (x if exponent > 0 else inverse)
    return result


class _Scaled:
    """Both polynomials in t = x where |x| <= 1, and in t = 1/x without their highest powers beyond.

    So nothing overflows before the quotient does. `odd` is the sign that |x|^n leaves over.
    """

    def __init__(self, xp: Any, x: Array, numerator: Any, denominator: Any) -> None:
        self.xp, self.m, self.n = xp, len(numerator) - 1, len(denominator)
        one = xp.ones_like(x)
        self.far = (x > 1) | (x < -1)
        self.x = xp.where(self.far, x, one)
        endless = xp.abs(x) > 1e30  # there 1/x is nothing, and its slope times x would be 0 * inf
        inverse = xp.where(endless, xp.zeros_like(x), 1 / xp.where(endless, one, self.x))
        self.t = xp.where(self.far, inverse, x)
        self.p = self.choose(numerator)
        self.s = self.choose((0.0, *denominator))
        size = _power(xp.abs(self.t), one, self.n)
        self.q = xp.where(self.far, size, one) + xp.abs(self.s)
        self.odd = xp.where(self.far & (x < 0), -one, one) if self.n % 2 else one

    def choose(self, terms: Any) -> Array:
        """A polynomial without its highest power."""
        return self.xp.where(self.far, _horner(tuple(reversed(terms)), self.t), _horner(terms, self.t))

    def back(self, value: Array, exponent: int) -> Array:
        """value * x^exponent where it was taken out."""
        return self.xp.where(self.far, self.odd * value * _power(self.x, self.t, exponent), value)


def _pade(xp: Any, x: Array, numerator: Any, denominator: Any) -> Array:
    f = _Scaled(xp, x, numerator, denominator)
    return xp.where(x == x, f.back(f.p / f.q, f.m - f.n), x)


def _pade_derivative(xp: Any, x: Array, numerator: Any, denominator: Any) -> Array:
    f = _Scaled(xp, x, numerator, denominator)
    rise = f.choose([k * term for k, term in enumerate(numerator)][1:] or (0.0,))
    below = f.choose([k * term for k, term in enumerate(denominator, start=1)])
    value = rise / f.q - xp.sign(f.s) * (f.p / f.q) * (below / f.q)
    return xp.where(x == x, f.back(value, f.m - f.n - 1), x)


def _refuses(numerator: tuple[float, ...], denominator: tuple[float, ...]) -> str | None:
    for name, terms in (("numerator", numerator), ("denominator", denominator)):
        if not terms:
            return f"`{name}` must have at least one term, got none"
    return None


PADE = (
    Activation(
        name="pade",
        title="Pade Activation Unit",
        family="adaptive",
        formula="P(x) / (1 + |Q(x)|), P(x) = sum_k numerator[k] * x^k from k = 0, "
        "Q(x) = sum_k denominator[k - 1] * x^k from k = 1, with both learned",
        slope="(P'(x) - f(x) * sign(Q(x)) * Q'(x)) / (1 + |Q(x)|)",
        at_zero="f(0) = numerator[0]; where Q is 0 the slope of |Q| is 0; f(NaN) = f'(NaN) = NaN",
        value_formula=_pade,
        derivative_formula=_pade_derivative,
        no_inverse="it need not be monotone",
        parameters=(
            Parameter(
                name="numerator",
                default=NUMERATOR,
                meaning="coefficients of x^0, x^1, ...; learning starts at a leaky ReLU of slope 0.01, to 0.0127 on "
                "[-3, 3]",
                learned=True,
                sharing="tensor",
                series=True,
            ),
            Parameter(
                name="denominator",
                default=DENOMINATOR,
                meaning="coefficients of x^1, x^2, ...",
                learned=True,
                sharing="tensor",
                series=True,
            ),
        ),
        refuses=_refuses,
        ulps=16,
        derivative_ulps=16,
        onnx=Onnx(composed="Div of two polynomials by Horner's rule, the denominator 1 + Abs"),
        acronyms=(("PAU", "Pade activation unit"),),
        module="Pade",
        papers=(
            "Molina, Schramowski, Kersting 2020: Pade Activation Units: End-to-end Learning of Flexible Activation "
            "Functions in Deep Networks. ICLR. arXiv:1907.06732",
        ),
    ),
)
