"""The table of sites and the verdicts, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from leaky.records.diagnosis import Diagnosis
from leaky.records.verdict import Verdict
from leaky.report.diagnosis.rows import Row, site_rows
from leaky.report.text import count_text, plain

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_WIDE, _WIDEST = 118, 130
"""From this many columns on there is room for more of a site, and for all that is told of it."""
_COLORS = {"fault": "red", "warning": "yellow", "note": "cyan", "healthy": "green"}
_HEADINGS = ("never\nactive", "rarely\nactive", "dor-\nmant", "zero\ngrad", "one-\nsided")


def diagnosis_table(diagnosis: Diagnosis, *, width: int | None = None) -> Table:
    """One site a row, with the share of its units under each definition.

    `width` is the room in columns, by default the terminal's: narrow ones (80) get the columns that decide.
    """
    from rich import box, get_console
    from rich.table import Table
    from rich.text import Text

    room = get_console().width if width is None else width
    wide = room >= _WIDE
    table = Table(
        title=Text(summary(diagnosis), style="bold"),
        title_justify="left",
        caption=Text(_caption(diagnosis, wide=wide)),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    rows = site_rows(diagnosis)
    alike = len({row.activation for row in rows}) == 1
    told_apart = wide and len({row.samples for row in rows}) > 1
    table.add_column("site", overflow="fold", min_width=12)
    if wide and not alike:
        table.add_column("activation", overflow="fold", min_width=10)
    for heading in (
        "units",
        *(("samples",) if told_apart else ()),
        *_HEADINGS,
        "x > 0",
        "slope\nx < 0",
        "grad\nreach",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    if wide:
        for heading in (
            "flat",
            "rms of\noutput",
            "grad\nnorm",
            *(("eff.\nrank",) if room >= _WIDEST else ()),
        ):
            table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        cells = _cells(row, wide=wide, alike=alike, samples=told_apart)
        table.add_row(*cells[: len(table.columns)])
    return table


def verdict_list(verdicts: Sequence[Verdict]) -> Table:
    """Each verdict with its severity before it; what the samples allow to say is dim, calls stand alone."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for verdict in verdicts:
        told = Text.assemble((f"{verdict.kind.replace('_', ' ')}: ", "bold"), plain(verdict.text))
        told.append(f"\n{plain(verdict.confidence)}", "dim")
        if verdict.prescription:
            told.append(f"\n-> {plain(verdict.prescription)}")
        grid.add_row(Text(verdict.severity, style=_COLORS[verdict.severity]), told)
    return grid


def summary(diagnosis: Diagnosis) -> str:
    """What was measured, in a line."""
    seen = sorted({site.samples for site in diagnosis.sites if site.samples})
    samples = (
        f"{seen[0]:,} to {seen[-1]:,} samples"
        if len(seen) > 1
        else count_text(seen[0] if seen else 0, "sample")
    )
    over = (
        f", {diagnosis.measured} of {count_text(diagnosis.steps, 'step')} measured"
        if diagnosis.steps > 1
        else ""
    )
    kinds = {site.activation for site in diagnosis.sites}
    kind = f" of {plain(kinds.pop())}" if len(kinds) == 1 else ""
    return f"{plain(diagnosis.model)}: {count_text(len(diagnosis), 'site')}{kind}, {samples}{over}"


def _cells(row: Row, *, wide: bool, alike: bool, samples: bool) -> list[Text]:
    """The activation stands below the site where there is no room, and in the title where all have the same."""
    from rich.text import Text

    below = ", ".join(part for part in ("" if wide or alike else _short(row.activation), row.life) if part)
    cells = [Text.assemble(row.site, (f"\n{below}" if below else "", "dim"))]
    cells += [Text(_short(row.activation))] if wide and not alike else []
    cells.append(Text(row.units))
    cells += [Text(row.samples)] if samples else []
    cells += [Text(share, style=_level(level)) for share, level in zip(row.shares, row.levels, strict=True)]
    cells += map(Text, (row.positive, row.slope, row.reach))
    return cells + (list(map(Text, (row.flat, row.scale, row.gradient, row.rank))) if wide else [])


def _short(activation: str) -> str:
    """`leaky_relu 0.1`."""
    name, _, parameters = activation.partition("(")
    return " ".join(part for part in (name, parameters.removesuffix(")").rpartition("=")[2]) if part)


def _level(share: float) -> str:
    return "" if not share >= 0.05 else "red" if share >= 0.2 else "yellow"


def _caption(diagnosis: Diagnosis, *, wide: bool) -> str:
    parts = ["Shares of units under each definition; x > 0: share of inputs."]
    if any(row.reach != "–" for row in site_rows(diagnosis)):
        parts.append("Gradient reach: its norm before the site over that after it.")
    if wide:
        parts.append(
            "Flat: share of inputs with |f'| below 0.001; for bounded functions, of outputs near a bound."
        )
    return " ".join([*parts, *(f"Note: {plain(note)}." for note in diagnosis.notes)])
