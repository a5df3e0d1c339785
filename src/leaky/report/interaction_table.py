"""The table of a study that varies the training, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.report.interaction import InteractionRow, interaction_rows, label
from leaky.report.table import COLORS, stacked
from leaky.report.text import difference_text, plain
from leaky.report.verdicts import summary

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from leaky.records import Study


_WIDE = 96
"""From this many columns on there is room for the learning rates."""


def interaction_table(study: Study, *, width: int | None = None) -> Table:
    """Every activation under every condition: score, improvement on the baseline there, and the contrast.

    Estimates stand above their 95 % intervals and verdicts. `width`: columns, by default the terminal's.
    """
    from rich import box, get_console
    from rich.table import Table
    from rich.text import Text

    wide = (get_console().width if width is None else width) >= _WIDE
    metric = study.metric.name if len(study.metric.name) <= 16 else "score"
    table = Table(
        title=Text(f"{plain(study.task)}, {summary(study)}", style="bold"),
        title_justify="left",
        caption=Text(_caption(study, wide=wide)),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    alone = len(study.arms) == 1
    table.add_column("activation", overflow="fold", min_width=12)
    table.add_column(Text("\n".join(plain(factor.name) for factor in study.factors)), overflow="fold")
    if wide:
        table.add_column("rate", justify="right", no_wrap=True)
    table.add_column(Text(plain(metric)), justify="right", no_wrap=True)
    if not alone:
        table.add_column("improvement", justify="right", no_wrap=True)
        table.add_column("contrast", justify="right", no_wrap=True)
    for row in interaction_rows(study):
        if row.first and table.row_count:
            table.add_section()
        table.add_row(*_cells(row, wide=wide, alone=alone))
    return table


def _cells(row: InteractionRow, *, wide: bool, alone: bool) -> list[Text]:
    from rich.text import Text

    name, _, parameters = row.activation.partition("(")
    cells = [stacked(name, parameters.removesuffix(")")) if row.first else Text("")]
    cells.append(Text("\n".join(map(plain, row.levels))))
    if wide:
        cells.append(Text(row.learning_rate + ("*" if row.at_grid_edge else "")))
    cells.append(stacked(row.score, row.score_interval))
    if not alone:
        cells += [
            _judged(row.improvement, row.improvement_interval, row.verdict, COLORS[row.verdict]),
            _judged(row.change, row.change_interval, row.change_word, COLORS[row.change_verdict]),
        ]
    return cells


def _judged(estimate: str, interval: str, word: str, color: str) -> Text:
    from rich.text import Text

    told = stacked(estimate, interval)
    if not word:
        return told
    word = word.replace("no practical difference", "no difference")  # ten columns less
    return Text.assemble(told, "\n" if told.plain else "", (word, color))


def _caption(study: Study, *, wide: bool) -> str:
    parts = ["Scores are interquartile means on the test split, with 95 % intervals."]
    if len(study.arms) > 1:
        margin = difference_text(study.metric, study.margin, sign=False)
        parts.append(
            f"Improvement: mean paired difference to {plain(study.baseline)} under the same conditions. Contrast: "
            f"that improvement less the one with {label(study, study.conditions[0])}. Margin ±{margin}."
        )
    if wide and any(arm.at_grid_edge for condition in study.conditions for arm in condition.arms):
        parts.append("* at the edge of the grid of learning rates.")
    return " ".join(parts)
