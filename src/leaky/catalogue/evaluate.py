"""Run a formula of the catalogue on whatever array it is given.

The rules are the same for every activation and every array library:

- the same kind of array comes back, of the same shape, dtype and device; the input is never modified;
- Python numbers and sequences become NumPy arrays; integers and booleans become the library's default float;
- parameters are rounded to the precision that is computed in; half precision is computed in float32 and
  rounded once, except by piecewise linear functions, which are exact in their own precision;
- complex numbers, objects and text are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from leaky.errors import ArgumentTypeError

if TYPE_CHECKING:
    from leaky.catalogue.entry import Activation, Formula

Array = Any


def evaluate(activation: Activation, formula: Formula, x: Array, parameters: dict[str, Any]) -> Array:
    """`formula(namespace, x, *parameters)` in the precision that suits `activation`; see the module's rules."""
    namespace, x = real_array(activation.name, x)
    dtype = x.dtype
    is_numpy = isinstance(x, np.ndarray)
    half = dtype.itemsize < 4 and not activation.piecewise_linear
    if half:
        x = namespace.astype(x, namespace.float32)
    values = [_rounded(namespace, x, value) for value in parameters.values()]
    if is_numpy:  # infinities and NaN are defined inputs here, not accidents worth a warning
        with np.errstate(all="ignore"):
            result = formula(namespace, x, *values)
    else:
        result = formula(namespace, x, *values)
    result = namespace.astype(result, dtype) if half else result
    return result[()] if is_numpy else result


def real_array(function: str, x: Any) -> tuple[Any, Array]:
    """The array namespace of `x`, and `x` as an array of a real floating dtype."""
    try:
        namespace = array_api_compat.array_namespace(x)
    except TypeError:
        x = np.asarray(x)  # Python numbers, sequences, and what offers __array__ (a pandas Series, say)
        namespace = array_api_compat.array_namespace(x)
    if isinstance(x, np.generic):
        x = np.asarray(x)
    if not _is_known(x) or namespace.isdtype(x.dtype, "complex floating"):
        raise ArgumentTypeError(f"{function}: `x` must hold real numbers, got dtype {x.dtype}")
    if not namespace.isdtype(x.dtype, "real floating"):
        x = namespace.astype(x, _default_float(namespace, x))
    return namespace, x


def _is_known(x: Array) -> bool:
    return not (hasattr(x.dtype, "kind") and x.dtype.kind in "OSUMmT")


def _default_float(namespace: Any, x: Array) -> Any:
    info = namespace.__array_namespace_info__()
    return info.default_dtypes(device=array_api_compat.device(x))["real floating"]


def _rounded(namespace: Any, x: Array, value: Any) -> Any:
    if not isinstance(value, float):
        return namespace.astype(namespace.asarray(value), x.dtype)
    if array_api_compat.is_torch_namespace(
        namespace
    ):  # torch alone keeps a Python number wider than the array
        return float(namespace.asarray(value, dtype=x.dtype))
    return value
