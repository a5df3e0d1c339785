"""From what a user calls a table to columns: data frames of any library, arrays, lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from leaky.errors import ArgumentError, ArgumentTypeError, one_line
from leaky.lab.own.columns import Column, of_numbers, of_objects


def is_frame(thing: Any) -> bool:
    """Whether it has named columns, as data frames of pandas, polars or pyarrow have."""
    return hasattr(thing, "columns") and (hasattr(thing, "dtypes") or hasattr(thing, "schema"))


def columns_of_frame(frame: Any) -> list[Column]:
    """The columns of a data frame, by narwhals, which reads them all."""
    import narwhals

    try:
        read = narwhals.from_native(frame, eager_only=True)
        series = list(
            zip(read.columns, read.iter_columns(), strict=True)
        )  # a name may be a number, as a place is
    except Exception as error:
        raise ArgumentTypeError(f"task: `X` cannot be read as a table: {one_line(error)}") from error
    return [_of_series(str(name), values) for name, values in series]


def _of_series(name: str, series: Any) -> Column:
    values = series.to_numpy()
    return of_numbers(name, values) if values.dtype.kind in "biuf" else of_objects(name, series.to_list())


def columns_of_array(array: Any) -> list[Column]:
    """The columns x1, x2, ... of an array of shape (N, columns), of numbers or of mixed objects."""
    if array.dtype.kind in "biuf":
        return [of_numbers(f"x{place + 1}", array[:, place]) for place in range(array.shape[1])]
    return [of_objects(f"x{place + 1}", array[:, place].tolist()) for place in range(array.shape[1])]


def array_of(name: str, values: Any) -> np.ndarray[Any, Any]:
    """An array of what NumPy, torch or a list holds; objects stay objects, where numbers and words are mixed.

    Raises `ArgumentTypeError` where there is none, such as for a sparse matrix or rows of several lengths.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufc":  # NumPy writes the numbers of a mixed list as words
            array = np.array(values, dtype=object)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"task: `{name}` is no array: {one_line(error)}") from error
    if array.ndim == 0:
        remedy = "; give `X.toarray()`" if hasattr(values, "toarray") else ""
        raise ArgumentTypeError(
            f"task: `{name}` must be an array or a data frame, got {type(values).__name__}{remedy}"
        )
    if array.dtype.kind == "c":
        raise ArgumentError(f"task: `{name}` holds complex numbers; give real and imaginary parts as columns")
    return array
