"""The score table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.report.rows import Row, table_rows
from leaky.report.text import difference_text, plain
from leaky.report.verdicts import summary

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from leaky.records import Study

_WIDE = 104
"""From this many columns on, the p-values and the chance of improvement have room too."""

COLORS = {
    "better": "green",
    "worse": "red",
    "no practical difference": "cyan",
    "undecided": "yellow",
    "no result": "magenta",
    "baseline": "dim",
}


def study_table(study: Study, *, width: int | None = None) -> Table:
    """The results of `study`, one activation a row, estimates above their 95 % intervals.

    `width` is the room in columns, by default the terminal's: narrow ones (80) get the columns that decide.
    """
    from rich import box, get_console
    from rich.table import Table
    from rich.text import Text

    wide = (get_console().width if width is None else width) >= _WIDE
    metric = study.metric.name if len(study.metric.name) <= 16 else "score"
    table = Table(
        title=Text(f"{plain(study.task)}, {summary(study)}", style="bold"),
        title_justify="left",
        caption=Text(_caption(study)),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1 if wide else 0, 0, 0),
    )
    table.add_column("activation", overflow="fold", min_width=12)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column(Text(plain(metric)), justify="right", no_wrap=True)
    if len(study.arms) > 1:
        table.add_column("improvement", justify="right", no_wrap=True)
    if wide and len(study.arms) > 1:
        table.add_column("P(better)", justify="right", no_wrap=True)
        table.add_column("p (Holm)", justify="right", no_wrap=True)
    table.add_column("never\nactive", justify="right", no_wrap=True)
    lost = any(arm.diverged or arm.failed for arm in study.arms)
    if lost:
        table.add_column("lost", justify="right", no_wrap=True)
    table.add_column("verdict", min_width=9)
    for row in table_rows(study):
        table.add_row(*_cells(row, wide=wide, lost=lost, alone=len(study.arms) == 1))
    return table


def _cells(row: Row, *, wide: bool, lost: bool, alone: bool) -> list[Text]:
    from rich.text import Text

    name, _, parameters = row.activation.partition("(")
    cells = [
        stacked(name, parameters.removesuffix(")")),
        Text(row.learning_rate + ("*" if row.at_grid_edge else "")),
        stacked(row.score, row.score_interval),
    ]
    if not alone:
        cells.append(stacked(row.improvement, row.improvement_interval))
    if wide and not alone:
        cells.append(stacked(row.probability, row.probability_interval))
        cells.append(stacked(row.p_holm, ""))
    cells.append(Text(row.never_active))
    if lost:
        gone = row.diverged + row.failed
        cells.append(Text(f"{gone}/{row.trials}" if gone else "0"))
    cells.append(Text(row.verdict, style=COLORS[row.verdict]))
    return cells


def stacked(first: str, second: str) -> Text:
    """An estimate above its interval."""
    from rich.text import Text

    return Text.assemble(first, (f"\n{second}", "dim")) if second else Text(first)


def _caption(study: Study) -> str:
    parts = ["Scores are interquartile means on the test split, with 95 % intervals."]
    if len(study.arms) > 1:
        margin = difference_text(study.metric, study.margin, sign=False)
        parts.append(f"Improvement: mean paired difference to {plain(study.baseline)}, margin ±{margin}.")
    if any(arm.diverged or arm.failed for arm in study.arms):
        parts.append("Lost: trials that diverged or failed.")
    if any(arm.at_grid_edge for arm in study.arms):
        parts.append("* at the edge of the grid of learning rates.")
    return " ".join(parts)
