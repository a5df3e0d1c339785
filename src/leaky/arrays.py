"""The catalogue's functions on any array: `leaky.leaky_relu(x, negative_slope=0.1)`.

One function per entry, made from its record: signature, docstring and behaviour come from the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from array_api_compat import is_jax_array

from leaky.catalogue import TABLE, Activation
from leaky.catalogue.evaluate import real_array
from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.kernels.dense import Dense, by_element

Array = Any

_DOCSTRING = """{title}: f(x) = {formula}, {how}.

f'(x) = {slope}. At 0 and at the ends: {at_zero}.

{training}Args:
    x: an array of NumPy, torch, JAX, dask or any other array-API library, of any shape (0-d, empty and
        strided included), never modified; or a Python number or sequence. Real floating dtypes keep theirs;
        integers and booleans become the library's default float, the other byte order this machine's.
{parameters}    out: NumPy only: the array to write to, of the result's shape and dtype; it may be x itself.

Returns:
    An array of the same kind, {returned} dtype and device as x (`out` where given). torch and JAX differentiate
    through it, to the derivative above where x is not NaN. For training modules see `leaky.nn`.

Raises:
    ArgumentError: a parameter is not finite or out of its domain, `out` does not fit.
    ArgumentTypeError: `x` is complex, text, objects, masked or sparse, or a parameter is no number.

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
_DASK = "dask.array.core"
_TORCH = ("torch", "torch.nn.parameter")
_ELEMENTWISE = "shape,"
_SHAPED = "number of dimensions,"


def array_function(activation: Activation) -> Callable[..., Array]:
    """The function on arrays for one entry."""
    dense = Dense(activation)
    served = dense.served

    def function(x: Array, *positional: Any, out: Array | None = None, **named: Any) -> Array:
        if out is not None and not positional and not named and served(x, out):
            return out
        result: Array = None
        if type(x) is np.ndarray:
            result = dense(x, out, positional, named)
        elif type(x).__module__ in _TORCH:
            from leaky.kernels import tensors  # torch is there

            result = tensors.value(activation, x, positional, named)
        elif type(x).__module__ == _DASK:
            result = _by_block(activation, function, x, positional, named)
        elif isinstance(x, np.floating):  # a number of NumPy's
            result = dense(np.asarray(x), out, positional, named)
        elif is_jax_array(x):
            from leaky.kernels import jax_arrays  # JAX is there

            result = jax_arrays.value(activation, x, positional, named)
        if result is None:
            result = activation.value(x, *positional, **named)
        return result if out is None or result is out else _write(activation.name, result, out)

    function.__name__ = function.__qualname__ = activation.name
    function.__module__ = "leaky"
    function.__signature__ = activation.signature  # type: ignore[attr-defined]
    function.__doc__ = _docstring(activation)
    return function


def _by_block(
    activation: Activation, function: Callable[..., Array], x: Array, positional: Any, named: Any
) -> Array | None:
    """One task per block of a dask array, each served as the block's own kind is; None: the formula has to."""
    values = activation.bind(*positional, **named)
    if not by_element(activation, values):
        return None
    _, x = real_array(activation.name, x)
    return x.map_blocks(partial(function, **values), dtype=x.dtype)


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
