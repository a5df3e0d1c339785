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
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from leaky.errors import ArgumentError, ArgumentTypeError, shown

if TYPE_CHECKING:
    from leaky.catalogue.entry import Activation, Formula

Array = Any


def evaluate(activation: Activation, formula: Formula, x: Array, parameters: dict[str, Any]) -> Array:
    """`formula(namespace, x, *parameters)` in the precision that suits `activation`; see the module's rules."""
    namespace, x = real_array(activation.name, x)
    arrays: list[Array] = []
    values: list[Any] = []
    for known in activation.parameters:
        value = parameters[known.name]
        if not isinstance(value, float) and hasattr(value, "dtype"):
            array = _beside(activation.name, namespace, x, known.name, value, known.series)
            terms = [array[i] for i in range(array.shape[0])] if known.series else [array]
            places = tuple(_Place(len(arrays) + i) for i in range(len(terms)))
            arrays += terms
            value = places if known.series else places[0]
        values.append(value)
    run = partial(_run, formula, activation.piecewise_linear, tuple(values))
    axes = (
        None
        if activation.along is None
        else activation.along.check(activation.name, tuple(x.shape), parameters)
    )
    if array_api_compat.is_dask_array(x):
        return _by_block(namespace, run, x, *arrays) if axes is None else _by_whole(namespace, run, x, axes)
    result = run(x, *arrays)
    return result[()] if isinstance(result, np.ndarray) else result


class _Place(int):
    """Stands for the parameter that is the array of this number."""


def _by_block(namespace: Any, run: Callable[..., Array], x: Array, *arrays: Any) -> Array:
    """One task per block of a dask array, so that what `_run` sets holds where the numbers are computed."""
    axes = tuple(range(x.ndim))
    arguments: list[Any] = [x, axes]
    for array in arrays:
        arguments += [array, axes[x.ndim - array.ndim :]]
    return namespace.blockwise(run, axes, *arguments, dtype=x.dtype)


def _by_whole(namespace: Any, run: Callable[..., Array], x: Array, axes: tuple[int, ...]) -> Array:
    """One task per block that is whole along `axes`; how long they become is seen on a sample of zeros."""
    x = x.rechunk(dict.fromkeys(axes, -1))
    sample = run(np.zeros([x.shape[axis] if axis in axes else 1 for axis in range(x.ndim)], dtype=x.dtype))
    chunks = tuple((sample.shape[axis],) if axis in axes else x.chunks[axis] for axis in range(x.ndim))
    return namespace.map_blocks(run, x, dtype=x.dtype, chunks=chunks)


def _run(
    formula: Formula, piecewise_linear: bool, parameters: tuple[Any, ...], x: Array, *arrays: Any
) -> Array:
    namespace = array_api_compat.array_namespace(x)
    dtype = x.dtype
    bits = namespace.finfo(dtype).bits
    widen = bits < 16 or (bits < 32 and not piecewise_linear)  # no library computes with 8 bits
    # Infinities, NaN and overflow are defined results here, not accidents worth a warning.
    with nullcontext() if array_api_compat.is_torch_array(x) else np.errstate(all="ignore"):
        x = namespace.astype(x, namespace.float32) if widen else x
        rounded = partial(_rounded, namespace, x, arrays)
        result = formula(namespace, x, *map(rounded, parameters))
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
    _refuse_holes(function, namespace, x)
    if isinstance(x, np.ndarray) and not x.dtype.isnative:
        x = x.astype(x.dtype.newbyteorder("="))  # as the result of every function of NumPy
    if not _is_real(namespace, x.dtype):
        raise ArgumentTypeError(f"{function}: `x` must hold real numbers, got dtype {x.dtype}")
    if not namespace.isdtype(x.dtype, "real floating"):
        x = namespace.astype(x, _default_float(namespace, x))
    return namespace, x


def _refuse_holes(function: str, namespace: Any, x: Array) -> None:
    """Raise for arrays that are more than their numbers: a mask, a sparse layout, rows of several lengths."""
    if isinstance(x, np.ma.MaskedArray):
        raise ArgumentTypeError(
            f"{function}: `x` must be an array without a mask, got a MaskedArray; give x.data or x.filled(0)"
        )
    if array_api_compat.is_torch_array(x) and (x.is_nested or x.layout != namespace.strided):
        kind = "a nested tensor; give it padded" if x.is_nested else f"{x.layout}; give x.to_dense()"
        raise ArgumentTypeError(f"{function}: `x` must be dense, got {kind}")


def _as_numpy(function: str, x: Any) -> Array:
    """Python numbers, sequences, and what offers __array__ (a pandas Series, say)."""
    try:
        return np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:  # the last is torch's, of what needs gradients
        raise ArgumentTypeError(
            f"{function}: `x` must hold real numbers, got {shown(x)} ({_words(error)})"
        ) from None


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _is_real(namespace: Any, dtype: Any) -> bool:
    try:
        return bool(namespace.isdtype(dtype, ("bool", "integral", "real floating")))
    except TypeError:  # NumPy's answer to dtypes that are not its own, such as bfloat16 of ml_dtypes
        return False


def _default_float(namespace: Any, x: Array) -> Any:
    info = namespace.__array_namespace_info__()
    return info.default_dtypes(device=array_api_compat.device(x))["real floating"]


def _beside(function: str, namespace: Any, x: Array, name: str, value: Array, series: bool) -> Array:
    """An array of parameters as an array of x's library, once it is known to fit."""
    try:
        array_api_compat.array_namespace(x, value)
        array = value  # asarray of torch before 2.13 would cut it off from its gradient
    except TypeError:
        array = _converted(function, namespace, name, value)
    if not _is_real(namespace, array.dtype):
        raise ArgumentTypeError(f"{function}: `{name}` must hold real numbers, got dtype {array.dtype}")
    if array.ndim and array_api_compat.is_torch_array(x) and array.device != x.device:
        raise ArgumentError(
            f"{function}: `{name}` must be on the device of `x`, {x.device}, got {array.device}; move it there"
        )
    shape = array.shape[1:] if series else array.shape
    ends = zip(reversed(shape), reversed(x.shape), strict=False)
    if len(shape) > x.ndim or any(length not in (1, whole) for length, whole in ends):
        after = " after its first axis" if series else ""
        raise ArgumentError(
            f"{function}: `{name}` of shape {tuple(array.shape)} must broadcast{after} to the shape of `x`, "
            f"{tuple(x.shape)}; one value per channel of (N, C, H, W) has shape "
            f"{'(terms, C, 1, 1)' if series else '(C, 1, 1)'}"
        )
    return array


def _converted(function: str, namespace: Any, name: str, value: Array) -> Array:
    try:
        return namespace.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentTypeError(f"{function}: `{name}` does not go with `x`: {_words(error)}") from None


def _rounded(namespace: Any, x: Array, arrays: tuple[Array, ...], value: Any) -> Any:
    """A parameter in the precision of `x`: numbers, arrays, and tuples of them; counts and text as they are."""
    if isinstance(value, tuple):
        return tuple(_rounded(namespace, x, arrays, term) for term in value)
    if isinstance(value, _Place):
        return namespace.astype(arrays[value], x.dtype)
    return rounded(namespace, x, value) if isinstance(value, float) else value


def rounded(namespace: Any, x: Array, number: Any) -> Any:
    """The value of the dtype of `x` nearest to a number, for every library the same."""
    if not isinstance(number, float):  # a formula that is written down, and not computed
        return number
    if array_api_compat.is_torch_array(x):
        return float(namespace.asarray(number, dtype=x.dtype, device="cpu"))
    try:
        return float(np.asarray(number, dtype=x.dtype))
    except TypeError:  # dtypes that are not NumPy's
        return float(namespace.asarray(number, dtype=x.dtype))
