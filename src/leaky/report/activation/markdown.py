"""The catalogue as one Markdown page, generated: `make docs` writes it, a test compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from leaky.catalogue import TABLE, Activation, parse
from leaky.report.activation.sheet import sheet
from leaky.report.activation.words import fact_rows, remarks_of, same_rows

_HEAD = """<!-- Generated from the catalogue by `make docs`. -->

# Activations

Every entry of the catalogue at its default parameters, as `leaky show NAME` prints it. How to look at them, and plot
them, is told in [looking at activations](guide/activations.md); how the rows on other frameworks are known in
[the same name in other frameworks](guide/conventions.md).
"""
_COLUMNS = ("call", "framework", "defaults", "f'(0)", "f(NaN)", "f'(NaN)", "f(-inf)", "version", "evidence")


def catalogue_page() -> str:
    """The list by family, then a section for each entry."""
    families: dict[str, list[Activation]] = {}
    for entry in TABLE.values():
        families.setdefault(entry.family, []).append(entry)
    parts = [_HEAD]
    for family, entries in families.items():
        links = ", ".join(f"[{entry.name}](#{entry.name})" for entry in entries)
        parts.append(f"- **{family}**: {links}")
    parts += [_section(sheet(parse(name))) for name in TABLE]
    return "\n".join(parts) + "\n"


def _section(told: dict[str, Any]) -> str:
    code = ("Formula", "Derivative", "In Python", "ONNX")
    rows = [(name, f"`{text}`" if name in code else _plain(text)) for name, text in fact_rows(told)]
    before, lines = "", []
    for name, text in rows:
        lines.append((name if name != before else "", text.replace("|", "\\|")))
        before = name
    parts = [f"\n## {told['name']}\n", f"{told['title']}, {told['family']}.\n", _table(("", ""), lines)]
    if told["conventions"]:
        rows_elsewhere = [
            [_cell(row[name], code=name in ("call", "defaults")) for name in _COLUMNS]
            for row in same_rows(told["conventions"])
        ]
        parts += ["\nThe same function elsewhere:\n", _table(_COLUMNS, rows_elsewhere)]
    remarks = remarks_of(told["conventions"])
    if remarks:
        parts += ["", *(f"- {_plain(where)}: {_plain(words)}" for where, words in remarks)]
    return "\n".join(parts)


def _cell(text: str, *, code: bool) -> str:
    return f"`{text}`" if code and text else _plain(text)


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing to do; what stands between backticks stays code."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        for sign in "*_<":
            parts[place] = parts[place].replace(sign, f"\\{sign}")
    return "`".join(parts)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(catalogue_page(), encoding="utf-8")
