"""What is to be learned: classes, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leaky.errors import ArgumentError, unknown_name
from leaky.lab.metrics import METRICS
from leaky.lab.own.frames import array_of

_MANY = 0.2
"""Different values, as a share of the rows, above which they are no classes."""
_SMALLEST, _LARGEST, _STEPS = 1e-15, 1e15, 100 * float(np.finfo(np.float32).eps)
"""Between which ranges squares are well within float32, and what share of the largest number the range must be."""


@dataclass(frozen=True)
class Targets:
    """Class numbers (int64 of shape (N,)) with the classes' names, or float32 of shape (N,) or (N, outputs)."""

    values: npt.NDArray[Any]
    names: tuple[str, ...] = ()
    labels: Sequence[Any] = field(default=(), repr=False)

    @property
    def of_classes(self) -> bool:
        """Whether they are classes."""
        return bool(self.names)

    @property
    def outputs(self) -> int:
        """How many numbers the network gives for a row."""
        if self.of_classes:
            return len(self.names)
        return 1 if self.values.ndim == 1 else int(self.values.shape[1])


def wants_classes(metric: Any) -> bool | None:
    """Whether a metric is of classes; None where it does not say. Raises for a name that no metric has."""
    if isinstance(metric, str):
        if metric not in METRICS:
            raise unknown_name("metric", metric, METRICS)
        return METRICS[metric].of_classes
    return getattr(metric, "of_classes", None)


def targets(y: Any, metric: Any = None, like: Targets | None = None) -> Targets:
    """The targets that `y` holds: classes if these are words, booleans or whole numbers, unless the metric says else.

    Args:
        y: one per row, or several numbers per row.
        metric: one of classes makes classes, one of numbers makes numbers.
        like: the targets of the training data, whose classes test data have as well.

    Raises:
        ArgumentError: a value is missing, there is one class only, or the metric does not fit.
    """
    array = array_of("y", y)
    if not array.size:
        raise ArgumentError(f"task: `y` is empty, of shape {array.shape}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    asked = like.of_classes if like is not None else wants_classes(metric)
    if array.ndim > 2 or (array.ndim == 2 and (asked or array.dtype.kind != "f")):
        raise ArgumentError(
            f"task: `y` must hold one target a row, got shape {array.shape}; give `y.argmax(1)` of a one-hot array, "
            "floats where a row has several numbers"
        )
    _complete(array)
    if array.dtype.kind == "O" and all(isinstance(value, bool | np.bool_) for value in array):
        array = array.astype(bool)
    if array.dtype.kind == "f" and asked is True and (array % 1 == 0).all():
        array = array.astype(np.int64)
    numbers = array.dtype.kind == "f" if asked is None else not asked
    if not numbers:
        return _classes(array, like)
    if array.dtype.kind == "O":
        raise ArgumentError(
            f"task: `y` holds words such as {array[0]!r}; give numbers, or a metric of classes"
        )
    if like is None:
        _varies(array)
    return Targets(array.astype(np.float32))


def _varies(array: npt.NDArray[Any]) -> None:
    """Refuse numbers that are all the same, or that float32, which networks learn in, cannot tell apart."""
    numbers = array.astype(np.float64)
    spread, largest = np.ptp(numbers, axis=0), np.abs(numbers).max(0)
    if not (spread > 0).all():
        constant = numbers[0].flat[np.argmin(spread)]
        raise ArgumentError(f"task: `y` is {constant:g} in every row; there is nothing to learn")
    if not ((largest < _LARGEST) & (spread > np.maximum(_SMALLEST, _STEPS * largest))).all():
        raise ArgumentError(
            f"task: `y` lies within {numbers.min():.9g} to {numbers.max():.9g}, which float32 cannot tell apart or "
            "square; subtract the mean and divide by the standard deviation"
        )


def _complete(array: npt.NDArray[Any]) -> None:
    if array.dtype.kind == "f":
        missing = ~np.isfinite(array)
    elif array.dtype.kind == "O":
        missing = np.array([value is None or value != value for value in array.flat])  # NaN is not itself
    else:
        return
    if missing.any():
        raise ArgumentError(
            f"task: `y` has no finite value in {int(missing.sum()):,} of {len(array):,} rows; leave those rows out"
        )


def _classes(array: npt.NDArray[Any], like: Targets | None) -> Targets:
    if array.dtype.kind == "f":
        raise ArgumentError(
            f"task: `y` holds numbers such as {array[array % 1 != 0][0]:g}, which are no classes; metrics of numbers "
            f"are {', '.join(name for name, metric in METRICS.items() if not metric.of_classes)}"
        )
    given = array.tolist()
    if like is not None:
        place = {label: number for number, label in enumerate(like.labels)}
        strange = next((label for label in given if label not in place), None)
        if strange is not None:
            raise ArgumentError(
                f"task: class {strange!r} of the test or validation data is not in the training data"
            )
        return Targets(np.array([place[label] for label in given], np.int64), like.names, like.labels)
    try:
        labels = sorted(set(given))
    except TypeError:  # numbers among words
        labels = sorted(set(given), key=str)
    if len(labels) < 2:
        raise ArgumentError(f"task: `y` has one class only, {labels[0]!r}; at least two are needed")
    if len(labels) > max(2, _MANY * len(array)):
        whole = array.dtype.kind in "iu"
        kind, remedy = ("whole numbers", 'give floats, or metric="mse"') if whole else ("words", "give fewer")
        raise ArgumentError(
            f"task: `y` has {len(labels):,} different {kind} in {len(array):,} rows, too many for classes; {remedy}"
        )
    place = {label: number for number, label in enumerate(labels)}
    return Targets(
        np.array([place[label] for label in given], np.int64), tuple(str(label) for label in labels), labels
    )
