"""The normal distribution on any array: its tail to a few units in the last place, however far out.

The array-API standard has no error function. `scaled_tail` is Q(x) = P(z > x) without its factor exp(-x^2/2): it
falls slowly, so one Chebyshev sum on a line bent to [-1, 1] is exact to double precision. The factor itself takes x
in two parts, because x^2 rounded would be off by x^2 units in the last place of exp(-x^2/2).
"""

from __future__ import annotations

import math
from typing import Any

from leaky.catalogue.evaluate import rounded

Array = Any

_HALF = 3.75
"""The t at which the bent line is at 0: (t - 3.75) / (t + 3.75) goes from -1 at t = 0 to 1 at infinity."""
# (1 + 2 t) exp(t^2) erfc(t) in Chebyshev polynomials of (t - 3.75)/(t + 3.75): the discrete cosine transform of the
# function at 80 nodes in 40 digits. What follows the last is below 3e-18.
_COEFFICIENTS = (
    1.1775789345674017,
    -0.004590054580646478,
    -0.08424913336651792,
    0.05920993999819189,
    -0.026658668435305753,
    0.009074997670705265,
    -0.002413163540417608,
    0.0004907758365258086,
    -6.916973302501207e-05,
    4.13902798607301e-06,
    7.74038306619849e-07,
    -2.1886401049234397e-07,
    1.076499946567091e-08,
    4.521959811218287e-09,
    -7.754400208831351e-10,
    -6.318088340886684e-11,
    2.86879501093067e-11,
    1.9455868545777347e-13,
    -9.65469674843344e-13,
    3.25254814814874e-14,
    3.3478119482868056e-14,
    -1.864562880419313e-15,
    -1.2507950530688648e-15,
    7.418235256624044e-17,
    5.068148904796111e-17,
)
_IN_SINGLE = 13
"""Terms that count in single precision."""
# (exp(x^2/2) Q(x) - x DENSITY) / (root - x), x = sqrt(2) t, made in the same way: without its root it has no sign to
# lose digits by.
_DIFFERENCE = (
    0.4872942334221794,
    -0.12005081979105685,
    0.041471198486433304,
    -0.012340276998826501,
    0.0031319523349149156,
    -0.0006633639166716079,
    0.00011207353535845017,
    -1.3514508946454562e-05,
    7.092756452261551e-07,
    1.1657462840700003e-07,
    -2.9790606378288678e-08,
    1.354747953818283e-09,
    5.084531987729765e-10,
    -8.139545044861692e-11,
    -5.957736772891545e-12,
    2.5940550868738787e-12,
    1.052520438509816e-14,
    -7.663331769362722e-14,
    2.655068554932039e-15,
    2.36722889010138e-15,
    -1.3385386203223668e-16,
    -7.978953683164744e-17,
    4.8707891225534955e-18,
    2.949658491750472e-18,
)
_ROOT = (0.7517915246935645, -1.4956759177009883e-17)
"""Where the slope of x P(z > x) is 0, in two parts."""
DENSITY = 1 / math.sqrt(2 * math.pi)


def erfcx(xp: Any, t: Array) -> Array:
    """exp(t^2) erfc(t) for t >= 0."""
    return _chebyshev(xp, t, _COEFFICIENTS) / (1 + 2 * t)


def _chebyshev(xp: Any, t: Array, terms: tuple[float, ...]) -> Array:
    """The sum of Chebyshev polynomials of the line [0, inf) bent to [-1, 1]."""
    u = (t - _HALF) / (t + _HALF)
    terms = terms if xp.finfo(t.dtype).bits > 32 else terms[:_IN_SINGLE]
    before, last = xp.zeros_like(t), xp.zeros_like(t) + terms[-1]
    for term in terms[-2:0:-1]:  # Clenshaw
        before, last = last, 2 * u * last - before + term
    return u * last - before + terms[0]


def scaled_tail(xp: Any, x: Array) -> Array:
    """exp(x^2/2) P(z > x) for z ~ N(0, 1) and x >= 0."""
    return erfcx(xp, x * math.sqrt(0.5)) / 2


def scaled_tail_slope(xp: Any, x: Array) -> Array:
    """exp(x^2/2) times the derivative of x P(z > x), z ~ N(0, 1), for x >= 0."""
    return -from_root(xp, x, _ROOT) * _chebyshev(xp, x * math.sqrt(0.5), _DIFFERENCE)


def from_root(xp: Any, x: Array, root: tuple[float, float]) -> Array:
    """x minus a number in two parts; right to the last digit however near they are."""
    near = rounded(xp, x, root[0])
    return (x - near) - ((root[0] - near) + root[1])


def bell(xp: Any, x: Array) -> Array:
    """exp(-x^2/2), for |x| below 100 right to 2 units in the last place where it is normal."""
    near = xp.round(16 * x) / 16  # few enough digits for an exact square
    return xp.exp(-(near**2) / 2) * xp.exp(-(x - near) * (x + near) / 2)
