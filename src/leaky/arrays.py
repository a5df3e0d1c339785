"""The catalogue's functions on any array: `leaky.leaky_relu(x, negative_slope=0.1)`.

One function per entry, made from its record: signature, docstring and behaviour come from the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from leaky.catalogue import TABLE, Activation
from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.kernels import native

Array = Any

# Native kernels serve these on dense NumPy arrays of every length: a call costs 3 us less than NumPy's own formula
# at 16 elements, and a large array 20 to 40 times less.
_RECTIFIERS = ("relu", "leaky_relu", "prelu")
_NATIVE_DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.float16))

_DOCSTRING = """{title}: f(x) = {formula}, {how}.

f'(x) = {slope}. At 0 and at the ends: {at_zero}.

{training}Args:
    x: an array of NumPy, torch, JAX, dask or any other array-API library, of any shape (0-d, empty and
        strided included), never modified; or a Python number or sequence. Real floating dtypes keep theirs;
        integers and booleans become the library's default float.
{parameters}    out: NumPy only: the array to write to, of the result's shape and dtype; it may be x itself.

Returns:
    An array of the same kind, {returned} dtype and device as x (`out` where given). torch and JAX differentiate
    through it, to the derivative above. For training modules see `leaky.nn`.

Raises:
    ArgumentError: a parameter is not finite or out of its domain, `out` does not fit.
    ArgumentTypeError: `x` is complex, text or objects, or a parameter is no number.

Example:
    >>> import leaky
{example}

References:
{papers}
"""

_EXAMPLE = """    >>> leaky.{name}({given}).round(4).tolist()
    {shown}"""
_MODULE_EXAMPLE = """    >>> leaky.catalogue["{name}"].module
    '{module}'"""
_ELEMENTWISE = "shape,"
_SHAPED = "number of dimensions,"


def array_function(activation: Activation) -> Callable[..., Array]:
    """The function on arrays for one entry."""
    rectifier = activation.name in _RECTIFIERS and activation is TABLE.get(activation.name)

    def function(x: Array, *positional: Any, out: Array | None = None, **named: Any) -> Array:
        if rectifier and type(x) is np.ndarray and native.available():
            target = _native_target(x, out)
            if target is not None and _rectify(activation, x, target, positional, named):
                return target
        result = activation.value(x, *positional, **named)
        return result if out is None else _write(activation.name, result, out)

    function.__name__ = function.__qualname__ = activation.name
    function.__module__ = "leaky"
    function.__signature__ = activation.signature  # type: ignore[attr-defined]
    function.__doc__ = _docstring(activation)
    return function


def _native_target(x: np.ndarray[Any, Any], out: Any) -> np.ndarray[Any, Any] | None:
    """Where the native kernels may write f(x): `out`, a new array, or None where they may not run."""
    if x.dtype not in _NATIVE_DTYPES or not x.flags.forc or not x.ndim:
        return None
    if out is None:
        return np.empty_like(x)
    if type(out) is not np.ndarray or out.dtype != x.dtype or out.shape != x.shape:
        return None
    if not out.flags.writeable or out.strides != x.strides:
        return None
    if out is x or not np.may_share_memory(x, out) or out.ctypes.data == x.ctypes.data:
        return out
    return None  # what is written would be read again


def _rectify(
    activation: Activation,
    x: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
    positional: tuple[Any, ...],
    named: dict[str, Any],
) -> bool:
    """Write f(x) to `out` with the native kernels, to the formula's bits; False where a parameter is no number."""
    slope = activation.bind(*positional, **named).get("negative_slope", 0.0)
    if not isinstance(slope, float):
        return False
    with np.errstate(all="ignore"):  # a slope beyond x's dtype is infinite, as in the formula
        native.rectify_array(x, out, None if slope == 0 else float(x.dtype.type(slope)))
    return True


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


def _docstring(activation: Activation) -> str:
    parameters = "".join(
        f"    {p.name}: {p.meaning}; {p.domain}, default {p.shown}.\n" for p in activation.parameters
    )
    given = [-1.0, 0.0, 2.0] if activation.along is None else [list(row) for row in activation.along.example]
    if activation.value_formula is None:
        example = _MODULE_EXAMPLE.format(name=activation.name, module=activation.module)
    else:
        shown = np.round(activation.value(given), 4).tolist()
        example = _EXAMPLE.format(name=activation.name, given=given, shown=shown)
    return _DOCSTRING.format(
        title=activation.title,
        how="element by element" if activation.elementwise else "along axes of x",
        formula=activation.formula,
        slope=activation.slope,
        at_zero=activation.at_zero,
        training=f"In training: {activation.training}; this function is evaluation.\n\n"
        if activation.training
        else "",
        parameters=parameters,
        returned=_ELEMENTWISE if activation.elementwise else _SHAPED,
        example=example,
        papers="\n".join(f"    {paper}." for paper in activation.papers),
    )


FUNCTIONS: dict[str, Callable[..., Array]] = {name: array_function(entry) for name, entry in TABLE.items()}
