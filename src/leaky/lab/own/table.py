"""A table, and how it becomes numbers: what is measured for that is measured on the training rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leaky.errors import ArgumentError
from leaky.lab.own.columns import Column

MOST_LEVELS = 30
"""Words of a column that get a column each; rarer ones share another."""
_FEW = 20

Floats = npt.NDArray[np.float32]
_Encode = Callable[[Column], list[npt.NDArray[Any]]]


@dataclass(frozen=True)
class Table:
    """Columns of one length."""

    columns: Sequence[Column]
    named: bool = True
    """Whether the names are the user's own: a column that counts the rows is left out only then."""

    kind = "table"

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def rows(self, kept: npt.NDArray[Any]) -> Table:
        """The table of some of the rows."""
        return Table([Column(column.name, column.values[kept]) for column in self.columns], self.named)

    def fitted(self, rows: npt.NDArray[Any]) -> TableEncoder:
        """How this table becomes numbers, by those of its rows that are trained on."""
        return TableEncoder(self, rows)


class TableEncoder:
    """Columns to standardised numbers.

    - Numbers: less the mean, by the standard deviation. A missing one becomes the median, and a further column says
      where.
    - Words: a column of 0 and 1 for each (one for both, where there are two); a missing one is a word of its own. A
      word that the training rows have not is 0 everywhere.
    - Left out, with a note: columns that never change, that count the rows, and words that are another in most rows.
    """

    def __init__(self, table: Table, rows: npt.NDArray[Any]) -> None:
        self.notes: list[str] = []
        self._kept: dict[str, _Encode] = {}
        self.width = 0
        dropped: list[str] = []
        filled: list[str] = []
        for column in table.columns:
            training = Column(column.name, column.values[rows])
            why = _useless(training) or (table.named and _counts(column) and "counts the rows")
            if why:
                dropped.append(f"`{column.name}` ({why})")
                continue
            if training.numeric and training.missing.any():
                filled.append(f"`{column.name}` ({int(training.missing.sum())} of {len(rows):,})")
            encode = _numbers(training) if training.numeric else self._words(training)
            self._kept[column.name] = encode
            self.width += len(encode(training))
        if not self._kept:
            raise ArgumentError(f"task: no column can be learned from: {_listed(dropped)}")
        if dropped:
            self.notes.append(f"Left out of the columns: {_listed(dropped)}.")
        if filled:
            self.notes.append(
                f"Missing numbers are the median of the training rows, and a column says where: {_listed(filled)}."
            )

    def _words(self, training: Column) -> _Encode:
        """A column of 0 and 1 for each word; the rarest of many share one."""
        counts = Counter(training.values.tolist())
        levels = sorted(counts, key=lambda word: (-counts[word], word is None, word or ""))
        alone = levels if len(levels) <= MOST_LEVELS else levels[: MOST_LEVELS - 1]
        others = set(levels[len(alone) :])
        if others:
            self.notes.append(
                f"`{training.name}` has {len(levels):,} words: the {len(others):,} rarest share one column."
            )
        elif len(alone) == 2:
            alone = alone[1:]

        def encode(column: Column) -> list[npt.NDArray[Any]]:
            made = [np.array([value == word for value in column.values]) for word in alone]
            return [*made, np.array([value in others for value in column.values])] if others else made

        return encode

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row, encoded."""
        return (self.width,)

    @property
    def about(self) -> str:
        """What the network sees, for the report."""
        columns, numbers = (
            f"{count} {thing}{'s' if count != 1 else ''}"
            for count, thing in ((len(self._kept), "column"), (self.width, "number"))
        )
        return f"{columns} as {numbers}"

    def encode(self, table: Table) -> Floats:
        """The rows of a table as float32 of shape (N, width). Raises `ArgumentError` where a column is not in it."""
        by_name = {column.name: column for column in table.columns}
        parts: list[npt.NDArray[Any]] = []
        for name, encode in self._kept.items():
            if name not in by_name:
                raise ArgumentError(f"task: the column `{name}` is missing; it has {_listed(list(by_name))}")
            parts += encode(by_name[name])
        return np.stack(parts, axis=1).astype(np.float32)


def _numbers(training: Column) -> _Encode:
    there = training.values[~training.missing]
    median, flagged = float(np.median(there)), bool(training.missing.any())
    filled = np.where(training.missing, median, training.values)
    with np.errstate(over="ignore"):
        mean, spread = float(filled.mean()), float(filled.std()) or 1.0
    if not np.isfinite([mean, spread]).all():
        raise ArgumentError(
            f"task: column `{training.name}` has values up to {np.abs(filled).max():.3g}, whose squares overflow; "
            "scale it, or make a mark for what is missing NaN"
        )

    def encode(column: Column) -> list[npt.NDArray[Any]]:
        if not column.numeric:
            raise ArgumentError(
                f"task: the column `{column.name}` holds words here, and numbers in the training rows"
            )
        values = (np.where(column.missing, median, column.values) - mean) / spread
        return [values, column.missing] if flagged else [values]

    return encode


def _counts(column: Column) -> bool:
    """Whether it goes up with every row, by 1 from most to the next: rows may have been taken out."""
    if not column.numeric or len(column.values) < 3 or not column.whole() or column.missing.any():
        return False
    steps = np.diff(column.values)
    return bool((steps > 0).all() and np.median(steps) == 1)


def _useless(training: Column) -> str:
    """Why nothing can be learned from a column; empty where something can."""
    there = training.values[~training.missing]
    different = len(set(there.tolist()))
    if not different:
        return "empty"
    if different == 1 and not training.missing.any():
        return "always the same"
    if training.numeric:
        return ""
    if different == len(there) or different > max(_FEW, len(there) / 2):
        return f"{different:,} different words in {len(there):,} rows"
    return ""


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
