"""The gains of an activation: the factors on 1/sqrt(fan) that keep the scale of a signal through a layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from leaky.errors import ArgumentError

if TYPE_CHECKING:
    from leaky.catalogue.entry import Activation

_REACH = 14.0
"""The normal density is below 1e-42 beyond."""
_LARGE = 1e300


def forward_gain(activation: Activation, parameters: dict[str, Any]) -> float:
    """1/sqrt(E[f(z)^2]) for z ~ N(0, 1) (He et al. 2015), by Gauss-Legendre quadrature between the kinks and seams.

    Exact to rounding for piecewise polynomials, where it equals the closed form, such as
    sqrt(2/(1+negative_slope^2)) for the leaky family; better than 1e-12 for the smooth ones.
    """
    return _gain(activation, 0, tuple(_plain(parameters).items()))


def backward_gain(activation: Activation, parameters: dict[str, Any]) -> float:
    """1/sqrt(E[f'(z)^2]) for z ~ N(0, 1), by the same quadrature."""
    return _gain(activation, 1, tuple(_plain(parameters).items()))


def normal_mean(function: Callable[[Any], Any], kinks: tuple[float, ...] = ()) -> float:
    """E[function(z)], z ~ N(0, 1), for a function of NumPy arrays that is smooth between the kinks."""
    nodes, weights = _legendre()
    inside = [kink for kink in kinks if abs(kink) < _REACH]
    edges = np.unique(np.concatenate([np.linspace(-_REACH, _REACH, 57), inside]))
    middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    z = middle[:, None] + half[:, None] * nodes
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return float(np.sum(half[:, None] * weights * density * function(z)))


@cache
def _legendre() -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(32)


@lru_cache(maxsize=1024)
def _gain(activation: Activation, order: int, parameters: tuple[tuple[str, Any], ...]) -> float:
    """Of the value (`order` 0) or the derivative (1); kept, as every layer of a network asks for the same one."""
    one, function = dict(parameters), (activation.value, activation.derivative)[order]
    if activation.moments is not None:
        return 1 / math.sqrt(activation.moments[order](*one.values()))
    if not activation.elementwise:
        raise ArgumentError(
            f"{activation.name}: has no gain of its own, what it gives depends on its weights"
        )
    largest = float(np.max(np.abs(function(np.linspace(-_REACH, _REACH, 57), **one))))
    unit = min(largest, _LARGE) if largest > math.sqrt(_LARGE) else 1.0  # its square is representable
    seams = activation.seams(*one.values()) if activation.seams is not None else ()
    moment = normal_mean(lambda z: (function(z, **one) / unit) ** 2, activation.kinks_at(**one) + seams)
    return 1 / math.sqrt(moment) / unit if moment > 0 else math.inf


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with one number for an array of a learned one."""
    return {
        name: float(np.mean(np.asarray(value))) if hasattr(value, "dtype") else value
        for name, value in parameters.items()
    }
