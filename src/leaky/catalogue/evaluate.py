"""Run a formula of the catalogue on whatever array it is given.

The rules are the same for every activation and every array library:

- the same kind of array comes back, of the same shape, dtype and device; the input is never modified;
- Python numbers and sequences become NumPy arrays; integers and booleans become the library's default float;
- parameters are rounded to the precision that is computed in; half precision is computed in float32 and
  rounded once, except by piecewise linear functions, which are exact in their own precision;
- complex numbers, objects and text are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from leaky.errors import ArgumentError, ArgumentTypeError

if TYPE_CHECKING:
    from leaky.catalogue.entry import Activation, Formula

Array = Any


def evaluate(activation: Activation, formula: Formula, x: Array, parameters: dict[str, Any]) -> Array:
    """`formula(namespace, x, *parameters)` in the precision that suits `activation`; see the module's rules."""
    namespace, x = real_array(activation.name, x)
    values = [
        value if isinstance(value, float) else _beside(activation.name, namespace, x, name, value)
        for name, value in parameters.items()
    ]
    run = partial(_run, formula, activation.piecewise_linear)
    if array_api_compat.is_dask_array(x):
        return _by_block(namespace, run, x, *values)
    result = run(x, *values)
    return result[()] if isinstance(result, np.ndarray) else result


def _by_block(namespace: Any, run: Callable[..., Array], x: Array, *values: Any) -> Array:
    """One task per block of a dask array, so that what `_run` sets holds where the numbers are computed."""
    axes = tuple(range(x.ndim))
    arguments: list[Any] = [x, axes]
    for value in values:
        arguments += [value, None if isinstance(value, float) else axes[x.ndim - value.ndim :]]
    return namespace.blockwise(run, axes, *arguments, dtype=x.dtype)


def _run(formula: Formula, piecewise_linear: bool, x: Array, *values: Any) -> Array:
    namespace = array_api_compat.array_namespace(x)
    dtype = x.dtype
    bits = namespace.finfo(dtype).bits
    widen = bits < 16 or (bits < 32 and not piecewise_linear)  # no library computes with 8 bits
    # Infinities, NaN and overflow are defined results here, not accidents worth a warning.
    with np.errstate(all="ignore"):
        x = namespace.astype(x, namespace.float32) if widen else x
        result = formula(namespace, x, *[_rounded(namespace, x, value) for value in values])
        return namespace.astype(result, dtype) if widen else result


def real_array(function: str, x: Any) -> tuple[Any, Array]:
    """The array namespace of `x`, and `x` as an array of a real floating dtype."""
    try:
        namespace = array_api_compat.array_namespace(x)
    except TypeError:
        x = _as_numpy(function, x)
        namespace = array_api_compat.array_namespace(x)
    if isinstance(x, np.generic):
        x = np.asarray(x)
    if not _is_real(namespace, x.dtype):
        raise ArgumentTypeError(f"{function}: `x` must hold real numbers, got dtype {x.dtype}")
    if not namespace.isdtype(x.dtype, "real floating"):
        x = namespace.astype(x, _default_float(namespace, x))
    return namespace, x


def _as_numpy(function: str, x: Any) -> Array:
    """Python numbers, sequences, and what offers __array__ (a pandas Series, say)."""
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ArgumentTypeError(f"{function}: `x` must hold real numbers, got {x!r:.60} ({error})") from None


def _is_real(namespace: Any, dtype: Any) -> bool:
    try:
        return bool(namespace.isdtype(dtype, ("bool", "integral", "real floating")))
    except TypeError:  # NumPy's answer to dtypes that are not its own, such as bfloat16 of ml_dtypes
        return False


def _default_float(namespace: Any, x: Array) -> Any:
    info = namespace.__array_namespace_info__()
    return info.default_dtypes(device=array_api_compat.device(x))["real floating"]


def _beside(function: str, namespace: Any, x: Array, name: str, value: Array) -> Array:
    """An array of parameters as an array of x's library, once it is known to fit."""
    try:
        array_api_compat.array_namespace(x, value)
        array = value  # asarray of torch before 2.13 would cut it off from its gradient
    except TypeError:
        array = _converted(function, namespace, name, value)
    if not _is_real(namespace, array.dtype):
        raise ArgumentTypeError(f"{function}: `{name}` must hold real numbers, got dtype {array.dtype}")
    ends = zip(reversed(array.shape), reversed(x.shape), strict=False)
    if array.ndim > x.ndim or any(length not in (1, whole) for length, whole in ends):
        raise ArgumentError(
            f"{function}: `{name}` of shape {tuple(array.shape)} must broadcast to the shape of `x`, "
            f"{tuple(x.shape)}; one value per channel of (N, C, H, W) has shape (C, 1, 1)"
        )
    return array


def _converted(function: str, namespace: Any, name: str, value: Array) -> Array:
    try:
        return namespace.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentTypeError(f"{function}: `{name}` does not go with `x`: {error}") from None


def _rounded(namespace: Any, x: Array, value: Any) -> Any:
    if not isinstance(value, float):
        return namespace.astype(value, x.dtype)
    if array_api_compat.is_torch_namespace(namespace):  # it alone keeps a Python number wider than the array
        return float(namespace.asarray(value, dtype=x.dtype))
    return value
