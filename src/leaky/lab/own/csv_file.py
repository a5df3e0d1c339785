"""`leaky.lab.task_from_csv`: a task from a table in a text file, its kinds of columns read off the cells."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from leaky.errors import ArgumentError, one_line, unknown_name
from leaky.lab.definition import ModelFunction, Task
from leaky.lab.metrics import MetricFunction, NamedMetric
from leaky.lab.own.assemble import Samples, assemble
from leaky.lab.own.columns import ALSO_CLASSES, MISSING_WORDS, Column, of_text
from leaky.lab.own.table import Table
from leaky.lab.own.targets import targets, wants_classes

_DELIMITERS = ",;\t|"
_CLASSES = 20
"""Different whole numbers of a target column that are still read as classes."""


def task_from_csv(
    path: str | Path,
    target: str | None,
    *,
    name: str | None = None,
    model: str | ModelFunction | None = None,
    metric: str | MetricFunction | NamedMetric | None = None,
    encoding: str | None = None,
    **fields: Any,
) -> Task:
    """A task from a CSV file: predict one column from the others.

    The first line names the columns; comma, semicolon, tab or bar part the cells, with a decimal comma where it is a
    semicolon. A column whose every cell reads as a number holds numbers, any other one words; an empty cell, NA, NaN,
    null, ?, none, n/a or missing holds nothing, but the last three are classes in a target of words. The target is
    classes where it holds words or at most 20 different whole numbers, otherwise a number; `metric` says it
    otherwise. Rows without a target are left out. The rest is as in `leaky.lab.task`, and what was left out is told
    in the study's notes.

    Args:
        path: the file.
        target: the column to predict.
        name: how tables and reports call it; by default the file's name.
        model: "shallow" (default), "deep", or a function as in `Task`.
        metric: as in `leaky.lab.task`.
        encoding: of the file; by default UTF-8, or UTF-16 where the file begins with its mark.
        fields: any other field of `Task`.

    Raises:
        ArgumentError: the file cannot be read, a line has more or fewer cells than the first, there is no such
            column; and what `leaky.lab.task` refuses.

    Example:
        >>> import pathlib, leaky
        >>> rows = "".join(f"{i % 7},{'red' if i % 3 else 'blue'},{i % 2}\\n" for i in range(40))
        >>> _ = pathlib.Path("colours.csv").write_text("size,colour,sold\\n" + rows)      # doctest: +SKIP
        >>> leaky.lab.task_from_csv("colours.csv", "sold").description                 # doctest: +SKIP
    """
    path = Path(path).expanduser()
    names, rows, delimiter = _read(path, encoding)
    if target is None:
        raise ArgumentError(f"csv: say which column of `{path}` is the target: {_listed(names)}")
    if target not in names:
        raise unknown_name(f"column of `{path}`:", target, names)
    place = names.index(target)
    comma = delimiter == ";"
    missing = MISSING_WORDS
    if not of_text(target, [row[place] for row in rows], decimal_comma=comma).numeric:
        missing = MISSING_WORDS - ALSO_CLASSES
    there = [row for row in rows if row[place].strip().lower() not in missing]
    if not there:
        raise ArgumentError(f"csv: no row of `{path}` has a value in the target column `{target}`")
    notes = (
        [f"{len(rows) - len(there):,} rows without `{target}` are left out."]
        if len(there) < len(rows)
        else []
    )
    cells = list(zip(*there, strict=True))
    columns = [of_text(name, values, decimal_comma=comma) for name, values in zip(names, cells, strict=True)]
    columns[place] = of_text(target, cells[place], decimal_comma=comma, missing=missing)
    answer, others = columns[place], [*columns[:place], *columns[place + 1 :]]
    if not others:
        raise ArgumentError(
            f"csv: `{path}` has no column but `{target}`; there is nothing to predict it from"
        )
    values, told = _target(answer, metric)
    return assemble(
        Samples(Table(others), targets(values, metric)),
        name=name or f"{path.name}: {target}",
        model=model,
        metric=metric,
        given=fields,
        notes=[*notes, *told],
    )


def _read(path: Path, encoding: str | None) -> tuple[list[str], list[list[str]], str]:
    """The names of the columns, the rows, and what parts the cells."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArgumentError(f"csv: cannot read `{path}`: {error.strerror or one_line(error)}") from error
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    encoding = encoding or ("utf-16" if marked else "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ArgumentError(
            f"csv: `{path}` is not {encoding.removesuffix('-sig').upper()} text (byte 0x{content[error.start]:02x} "
            f"in line {line}); save it as UTF-8, or give `encoding` to leaky.lab.task_from_csv"
        ) from error
    except LookupError as error:
        raise ArgumentError(f"csv: `encoding` must be one that Python knows, got {encoding!r}") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        numbered = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(numbered.line_num, row) for row in numbered if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ArgumentError(f"csv: line {numbered.line_num} of `{path}` cannot be read: {error}") from error
    if not lines:
        raise ArgumentError(f"csv: `{path}` is empty; its first line must name the columns")
    names = [cell.strip() for cell in lines[0][1]]
    _check(path, names, lines[1:])
    return names, [row for _, row in lines[1:]], delimiter


def _check(path: Path, names: list[str], lines: list[tuple[int, list[str]]]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ArgumentError(f"csv: `{path}` names the column `{twice}` twice; rename one")
    if of_text("first line", names).numeric:
        raise ArgumentError(f"csv: the first line of `{path}` holds numbers; it must name the columns")
    for number, row in lines:
        if len(row) != len(names):
            raise ArgumentError(
                f"csv: line {number} of `{path}` has {len(row)} cells, the first line {len(names)}; mend that line"
            )


def _target(column: Column, metric: Any) -> tuple[Any, list[str]]:
    """The target's values, as `targets` takes them, and a note where another reading is as good."""
    wanted = wants_classes(metric)
    if not column.numeric or not column.whole():
        return column.values, []
    different = len(set(column.values.tolist()))
    whole = column.values.astype("int64")
    if wanted is not None:
        return whole if wanted else column.values, []
    if different <= _CLASSES:
        note = (
            f"`{column.name}` has {different} different whole numbers: read as classes; mse makes a number."
        )
        return whole, [note] if different > 2 else []
    note = f"`{column.name}` has {different:,} different whole numbers: read as a number; accuracy makes classes."
    return column.values, [note]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown}, ..."
