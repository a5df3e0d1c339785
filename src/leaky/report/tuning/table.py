"""The response curve in a terminal: a row for every value, with a drawing of its score and interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.records import Arm, Point, Standing, Tuning
from leaky.report.gather import span_of
from leaky.report.table import COLORS, stacked
from leaky.report.text import (
    difference_text,
    finite,
    has_width,
    interval_text,
    plain,
    rate_text,
    score_text,
)
from leaky.report.tuning.words import standing_word, value_text
from leaky.report.verdicts import summary

if TYPE_CHECKING:
    from rich.table import Table

_TRACK = 24
_WIDE = 96
COLOR: dict[Standing, str] = {
    "as good as the best": COLORS["better"],
    "worse than the best": COLORS["worse"],
    "undecided": COLORS["undecided"],
    "no result": COLORS["no result"],
}


def tuning_table(tuning: Tuning, *, width: int | None = None) -> Table:
    """One value a row: learning rate, scores, difference to the best, and where that stands against the margin."""
    from rich import box, get_console
    from rich.table import Table
    from rich.text import Text

    study, metric = tuning.study, tuning.study.metric
    wide = (get_console().width if width is None else width) >= _WIDE
    margin = difference_text(metric, study.margin, sign=False)
    table = Table(
        title=Text(f"{plain(study.task)}, {tuning.activation}, {summary(study)}", style="bold"),
        title_justify="left",
        caption=Text(
            "Scores are interquartile means on the test split. Against the best: mean difference to the best value, "
            f"intervals that hold for all at once; margin {margin}. > chosen on validation."
        ),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("")
    table.add_column(Text(tuning.parameter), justify="right", no_wrap=True)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column(
        Text(plain(metric.name) if len(metric.name) <= 16 else "score"), justify="right", no_wrap=True
    )
    if wide:
        table.add_column("", no_wrap=True)
    table.add_column("against the best", justify="right", no_wrap=True)
    table.add_column("standing", min_width=9)
    limits = _limits(tuning)
    for point in tuning.points:
        gap = point.shortfall
        cells = [
            Text(">" if point.value == tuning.chosen else ""),
            Text(value_text(tuning, point.value)),
            Text(rate_text(point.arm.learning_rate) if finite(point.arm.learning_rate) else "-"),
            Text(score_text(metric, point.arm.score.estimate)),
            *([Text(_track(point, limits), style=COLOR[point.standing])] if wide else []),
            stacked(
                difference_text(metric, gap.estimate) if gap else "-",
                interval_text(metric, gap, difference=True, unit=False),
            ),
            Text(standing_word(point), style=COLOR[point.standing]),
        ]
        table.add_row(*cells)
    for name, arm in _others(tuning):
        change = arm.improvement
        cells = [
            Text(""),
            Text(name),
            Text(rate_text(arm.learning_rate) if finite(arm.learning_rate) else "-"),
            Text(score_text(metric, arm.score.estimate)),
            *([Text("")] if wide else []),
            Text(f"{difference_text(metric, change.estimate)} to >" if change else "-"),
            Text(arm.verdict, style=COLORS[arm.verdict]),
        ]
        table.add_row(*cells)
    return table


def _others(tuning: Tuning) -> list[tuple[str, Arm]]:
    """What stands beside the curve, compared with the value chosen on validation."""
    made = []
    if tuning.learned is not None:
        made.append((plain(tuning.learned.arm.activation).partition("(")[0], tuning.learned.arm))
    if tuning.layered is not None and len(set(tuning.layered.values)) > 1:
        made.append(("by layer", tuning.layered.arm))
    return made


def _limits(tuning: Tuning) -> tuple[float, float] | None:
    scores = [p.arm.score for p in tuning.points]
    return span_of([end for s in scores for end in (s.estimate, s.low, s.high)], pad=0.0)


def _track(point: Point, limits: tuple[float, float] | None) -> str:
    """The interval as a line, its estimate as a dot, on the scale of all values."""
    score = point.arm.score
    if limits is None or not finite(score.estimate) or limits[0] == limits[1]:
        return ""

    def place(value: float) -> int:
        return round((value - limits[0]) / (limits[1] - limits[0]) * (_TRACK - 1))

    signs = [" "] * _TRACK
    if has_width(score):
        for at in range(place(score.low), place(score.high) + 1):
            signs[at] = "─"
    signs[place(score.estimate)] = "●"
    return "".join(signs)
