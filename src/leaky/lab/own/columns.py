"""One column of a table: numbers with NaN where one is missing, or words with None."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leaky.errors import ArgumentError

MISSING_WORDS = frozenset(
    {"", "?", "na", "n/a", "#n/a", "#na", "nan", "-nan", "null", "none", "<na>", "missing"}
)
"""What a cell of text holds, in any case of its letters, where it holds nothing."""
ALSO_CLASSES = frozenset({"none", "missing", "n/a"})
"""Those of them that are classes in a target of words: no symptom is one of the answers."""


@dataclass(frozen=True)
class Column:
    """Name and values: float64 with NaN, or an array of objects, each a `str` or None."""

    name: str
    values: npt.NDArray[Any]

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return bool(self.values.dtype.kind == "f")

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Where no value is."""
        if self.numeric:
            missing: npt.NDArray[np.bool_] = np.isnan(self.values)
            return missing
        return np.array([value is None for value in self.values], bool)

    def whole(self) -> bool:
        """Whether it holds whole numbers, where it holds any."""
        return self.numeric and bool((self.values[~self.missing] % 1 == 0).all())


def of_numbers(name: str, values: npt.ArrayLike) -> Column:
    """A column of an array of numbers or booleans. Raises `ArgumentError` at an infinite one."""
    numbers = np.asarray(values).astype(np.float64)
    infinite = np.isinf(numbers)
    if infinite.any():
        row = int(infinite.argmax())
        raise ArgumentError(
            f"task: column `{name}` is infinite in row {row + 1}; take such rows out, or make them missing (NaN)"
        )
    return Column(name, numbers)


def of_objects(name: str, values: Sequence[Any]) -> Column:
    """A column of Python's or pandas' objects: numbers where all that is there is one, words otherwise."""
    there = [None if _is_missing(value) else value for value in values]
    if all(
        isinstance(value, bool | int | float | np.number | np.bool_) for value in there if value is not None
    ):
        return of_numbers(name, [np.nan if value is None else float(value) for value in there])
    words = [None if value is None else str(value).strip() for value in there]
    return Column(name, np.array([word or None for word in words], dtype=object))


def of_text(
    name: str, cells: Sequence[str], *, decimal_comma: bool = False, missing: frozenset[str] = MISSING_WORDS
) -> Column:
    """A column of cells of text: numbers where every cell that holds something reads as one."""
    words = [cell.strip() for cell in cells]
    there = [None if word.lower() in missing else word for word in words]
    try:
        numbers = [np.nan if word is None else _number(word, decimal_comma) for word in there]
    except ValueError:
        return Column(name, np.array(there, dtype=object))
    return of_numbers(name, numbers)


def _number(word: str, decimal_comma: bool) -> float:
    if "_" in word:  # Python's own way of writing 1_000, and nobody's in a table
        raise ValueError
    if decimal_comma and "." not in word:
        word = word.replace(",", ".", 1)
    return float(word)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
