"""The catalogue's functions on any array: `leaky.leaky_relu(x, negative_slope=0.1)`.

One function per entry, made from its record: signature, docstring and behaviour come from the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from leaky.catalogue import TABLE, Activation
from leaky.errors import ArgumentError, ArgumentTypeError

Array = Any

_DOCSTRING = """{title}: f(x) = {formula}, element by element.

f'(x) = {slope}. At 0 and at the ends: {at_zero}.

Args:
    x: an array of NumPy, torch, JAX, dask or any other array-API library, of any shape (0-d, empty and
        strided included), never modified; or a Python number or sequence. Real floating dtypes keep theirs;
        integers and booleans become the library's default float.
{parameters}    out: NumPy only: the array to write to, of x's shape and the result's dtype; it may be x itself.

Returns:
    An array of the same kind, shape, dtype and device as x (`out` where given). torch and JAX differentiate
    through it, to the derivative above. For training modules see `leaky.nn`.

Raises:
    ArgumentError: a parameter is not finite or out of its domain, `out` does not fit.
    ArgumentTypeError: `x` is complex, text or objects, or a parameter is no number.

Example:
    >>> import leaky
    >>> [round(float(y), 4) for y in leaky.{name}([-1.0, 0.0, 2.0])]
    {example}

References:
{papers}
"""


def array_function(activation: Activation) -> Callable[..., Array]:
    """The function on arrays for one entry."""
    names = [parameter.name for parameter in activation.parameters]

    def function(x: Array, *positional: Any, out: Array | None = None, **named: Any) -> Array:
        result = activation.value(x, *positional, **named)
        return result if out is None else _write(activation.name, result, out)

    function.__name__ = function.__qualname__ = activation.name
    function.__module__ = "leaky"
    function.__signature__ = activation.signature  # type: ignore[attr-defined]
    function.__doc__ = _docstring(activation, names)
    return function


def _write(name: str, result: Array, out: Any) -> Array:
    result = np.asarray(result) if isinstance(result, np.generic) else result
    if not isinstance(out, np.ndarray) or not isinstance(result, np.ndarray):
        raise ArgumentTypeError(
            f"{name}: `out` is for NumPy arrays, got {type(out).__name__} for {type(result).__name__}; "
            "leave it out and use what is returned"
        )
    if out.shape != result.shape or out.dtype != result.dtype:
        raise ArgumentError(
            f"{name}: `out` must have shape {result.shape} and dtype {result.dtype}, "
            f"got {out.shape} and {out.dtype}"
        )
    if not out.flags.writeable:
        raise ArgumentError(f"{name}: `out` is read-only; give an array that can be written to")
    out[...] = result
    return out


def _docstring(activation: Activation, names: list[str]) -> str:
    parameters = "".join(
        f"    {p.name}: {p.meaning}; {p.domain}, default {p.default:g}.\n" for p in activation.parameters
    )
    example = [round(float(y), 4) for y in activation.value([-1.0, 0.0, 2.0])]
    return _DOCSTRING.format(
        title=activation.title,
        name=activation.name,
        formula=activation.formula,
        slope=activation.slope,
        at_zero=activation.at_zero,
        parameters=parameters,
        example=example,
        papers="\n".join(f"    {paper}." for paper in activation.papers),
    )


FUNCTIONS: dict[str, Callable[..., Array]] = {name: array_function(entry) for name, entry in TABLE.items()}
