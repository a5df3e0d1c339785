"""Activations in the terminal: the list by family, and everything about one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from leaky.catalogue import Activation, Spec, parse
from leaky.report.activation.curves import function_panels
from leaky.report.activation.sheet import sheet, slope_at_zero
from leaky.report.activation.terminal import LETTERS, color, panel_text
from leaky.report.activation.words import NONE, fact_rows, remarks_of, same_rows
from leaky.report.palette import styles_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_SIDE_BY_SIDE = 76
"""From this many columns on, value and derivative stand beside each other."""


def list_table(entries: Iterable[Activation]) -> Table:
    """Name and parameters, formula, f'(0) and gain at the defaults, by family."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("activation", min_width=25, no_wrap=True)
    table.add_column("formula", overflow="fold")
    table.add_column("f'(0)", justify="right", no_wrap=True)
    table.add_column("gain", justify="right", no_wrap=True)
    by_family: dict[str, list[Activation]] = {}
    for entry in entries:
        by_family.setdefault(entry.family, []).append(entry)
    for family, members in by_family.items():
        table.add_row(Text(family, style="bold yellow"))
        for entry in members:
            name = Text(entry.name, style="bold")
            for known in entry.parameters:
                shown = f"{len(known.default)} terms" if known.series else known.shown
                name.append(f"\n  {known.name}={shown}", style="not bold dim")
            row = list_row(entry)
            numbers = (
                f"{row[key]:.4g}" if isinstance(row[key], float) else row[key] or NONE
                for key in ("slope_at_zero", "gain")
            )
            table.add_row(name, Text(entry.formula), *numbers, end_section=entry is members[-1])
    return table


def list_row(entry: Activation) -> dict[str, Any]:
    """What the list says of an entry, as what JSON can hold."""
    spec = parse(entry.name)
    told = sheet(spec)
    keys = ("name", "title", "family", "formula", "parameters", "gain", "backward_gain", "function", "module")
    return {**{key: told[key] for key in keys}, "slope_at_zero": slope_at_zero(spec)}


def plot(specs: Mapping[str, Spec], console: Console, low: float, high: float) -> RenderableType:
    """Value and derivative of element-wise activations as text, in the console's width."""
    from rich.console import Group
    from rich.table import Table

    unicode = not console.options.ascii_only
    panels = function_panels(specs, styles_of(specs), low, high)
    width = min(console.width, 160)
    if width >= _SIDE_BY_SIDE:
        texts = [panel_text(panel, (width - 2) // 2, unicode=unicode) for panel in panels]
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(*texts)
        parts: list[RenderableType] = [grid]
    else:
        parts = [panel_text(panel, width, unicode=unicode) for panel in panels]
    if len(specs) > 1:
        parts.append(_legend(specs))
    return Group(*parts)


def _legend(specs: Mapping[str, Spec]) -> Text:
    from rich.text import Text

    lines = [
        Text(f"{LETTERS[place % 26]}  {name}", style=color(place), overflow="fold")
        for place, name in enumerate(specs)
    ]
    return Text("\n").join(lines)


def show(spec: Spec, told: dict[str, Any], console: Console, low: float, high: float) -> RenderableType:
    """The title, the plot, the facts, the conventions."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    title = Text(told["title"], style="bold")
    title.append(f"   {spec}", style="not bold")
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    before = ""
    for name, words in fact_rows(told):
        facts.add_row(name if name != before else "", Text(words))
        before = name
    parts: list[RenderableType] = [title, ""]
    if spec.activation.elementwise:
        parts += [plot({str(spec): spec}, console, low, high), ""]
    parts.append(facts)
    if told["conventions"]:
        parts += ["", *_conventions(told["conventions"], console.width)]
    return Group(*parts)


def _conventions(rows: list[dict[str, str]], width: int) -> list[RenderableType]:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text("The same function elsewhere", style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=0,
        width=min(width, 110),
    )
    table.add_column("call", overflow="fold", ratio=1)
    for name, columns in (("defaults", 19), ("f'(0)", 11), ("f(-inf)", 7), ("known by", 10)):
        table.add_column(name, overflow="fold", width=columns)
    for row in same_rows(rows):
        call = Text(row["call"])
        if row["framework"] not in row["call"].lower():
            call.append(f"\n{row['framework']}", style="dim")
        cells = [row[name] for name in ("defaults", "f'(0)", "f(-inf)", "evidence")]
        table.add_row(call, *map(Text, cells))
    notes = [Text(f"{where}: {words}", style="dim") for where, words in remarks_of(rows)]
    return [table, *notes]
