"""The report across studies in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.records import Across
from leaky.report.across.rows import overall_rows, study_rows

if TYPE_CHECKING:
    from rich.table import Table


def across_tables(across: Across) -> list[Table]:
    """The studies there are, and what they come to together."""
    from rich.table import Table
    from rich.text import Text

    studies = Table(box=None, padding=(0, 1, 0, 0))
    for head in ("study", "metric", "baseline"):
        studies.add_column(head)
    for head in ("seeds", "trials", "diverged, failed"):
        studies.add_column(head, justify="right")
    studies.add_column("verdicts")
    for row in study_rows(across):
        cells = (row.name, row.metric, row.baseline, str(row.seeds), str(row.trials), row.lost, row.verdicts)
        studies.add_row(*(Text(cell) for cell in cells))
    if len(across.studies) < 2 or not across.overall:
        return [studies]
    overall = Table(box=None, padding=(0, 1, 0, 0))
    overall.add_column("all together")
    for head in ("runs", "normalised score", "optimality gap", "probability of improvement"):
        overall.add_column(head, justify="right")
    for each in overall_rows(across):
        pairs = (
            (each.score, each.score_interval),
            (each.gap, each.gap_interval),
            (each.probability, each.probability_interval),
        )
        told = (f"{value}\n{between}" if between else value for value, between in pairs)
        overall.add_row(Text(each.activation), str(each.runs), *(Text(cell) for cell in told))
    return [studies, overall]
