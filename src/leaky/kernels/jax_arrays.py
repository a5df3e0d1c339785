"""The catalogue's curves on JAX's arrays: the formula, with the entry's derivative as its derivative.

JAX would differentiate the formula step by step, and lose digits: expm1(x) + 1 is no exp(x) far on the left. Works
under jit, vmap and grad of any order; a second derivative is that of the entry's first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from leaky.catalogue import lookup
from leaky.kernels.dense import by_element

if TYPE_CHECKING:
    from leaky.catalogue import Activation

Array = Any


def value(
    activation: Activation, x: Array, positional: tuple[Any, ...], named: dict[str, Any]
) -> Array | None:
    """f(x); None where JAX differentiates the formula well itself: straight pieces, learned parameters, axes."""
    if activation.piecewise_linear or not jax.numpy.issubdtype(x.dtype, jax.numpy.floating):
        return None
    values = activation.bind(*positional, **named)
    return _function(activation.name, tuple(values.items()))(x) if by_element(activation, values) else None


@functools.lru_cache(maxsize=256)
def _function(name: str, values: tuple[tuple[str, Any], ...]) -> Callable[[Array], Array]:
    activation, parameters = lookup(name), dict(values)

    @jax.custom_jvp
    def function(x: Array) -> Array:
        return activation.value(x, **parameters)

    @function.defjvp
    def rule(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
        (x,), (tangent,) = primals, tangents
        return function(x), activation.derivative(x, **parameters) * tangent

    return function
