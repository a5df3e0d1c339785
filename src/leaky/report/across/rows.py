"""The tables of several studies as rows of text and of numbers: for the page, Markdown, CSV and the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from leaky.records import Across, Arm, Interval, Study
from leaky.report.rows import Row, table_rows
from leaky.report.text import NONE, finite, plain, share_text


@dataclass(frozen=True)
class StudyRow:
    """One study in a line."""

    name: str
    metric: str
    baseline: str
    activations: int
    seeds: int
    trials: int
    lost: str
    verdicts: str


def study_rows(across: Across) -> list[StudyRow]:
    """What there is, study by study."""
    rows = []
    for name, study in across.studies:
        said = Counter(arm.verdict for arm in study.arms if arm.verdict != "baseline")
        states = Counter(trial.status for trial in study.trials)
        rows.append(
            StudyRow(
                name=plain(name),
                metric=plain(study.metric.name),
                baseline=plain(study.baseline),
                activations=len(study.arms),
                seeds=len(study.final_seeds),
                trials=len(study.trials),
                lost=f"{states['diverged']}, {states['failed']}",
                verdicts=", ".join(f"{count} {verdict}" for verdict, count in said.most_common()) or NONE,
            )
        )
    return rows


@dataclass(frozen=True)
class OverallRow:
    """One activation over all studies, ready to print."""

    activation: str
    runs: int
    score: str
    score_interval: str
    gap: str
    gap_interval: str
    probability: str
    probability_interval: str


def overall_rows(across: Across) -> list[OverallRow]:
    """Normalised scores, optimality gaps, probabilities of improvement."""
    return [
        OverallRow(
            plain(overall.activation),
            overall.runs,
            *_pair(overall.score, 1, 3),
            *_pair(overall.gap, 1, 3),
            *_pair(overall.probability, 100, 0, " %"),
        )
        for overall in across.overall
    ]


def _pair(interval: Interval | None, scale: float, digits: int, unit: str = "") -> tuple[str, str]:
    if interval is None:
        return NONE, ""
    told = f"{scale * interval.estimate:.{digits}f}{unit}"
    if not finite(interval.low):
        return told, ""
    return told, f"{scale * interval.low:.{digits}f} to {scale * interval.high:.{digits}f}{unit}"


@dataclass(frozen=True)
class CostRow:
    """What an activation costs in a study, beside its scores."""

    row: Row
    time: str
    saved: str
    diverged: str


def cost_rows(across: Across, name: str, study: Study) -> list[CostRow]:
    """The study's own table, and for each activation time and bytes in times the baseline's."""
    costs = {cost.activation: cost for cost in across.costs if cost.study == name}
    made = []
    for arm, row in zip(study.arms, table_rows(study), strict=True):
        cost = costs[arm.activation]
        mine = [trial for trial in study.trials if trial.plan.activation == arm.activation]
        gone = sum(trial.status == "diverged" for trial in mine)
        made.append(CostRow(row, _times(cost.time), _times(cost.saved), share_text(gone / max(1, len(mine)))))
    return made


def _times(ratio: float | None) -> str:
    return f"{ratio:.2f} ×" if ratio is not None else NONE


FIELDS = (
    "study", "task", "preset", "metric", "higher_is_better", "margin", "baseline", "activation", "learning_rate",
    "at_grid_edge", "runs", "diverged", "failed", "score", "score_low", "score_high", "improvement",
    "improvement_low", "improvement_high", "probability", "probability_low", "probability_high", "p", "p_holm",
    "verdict", "never_active", "seconds_per_epoch", "time_ratio", "saved_bytes", "saved_ratio", "control_alarms",
    "control_splits",
)  # fmt: skip
"""The columns of the CSV."""


def records(across: Across) -> list[dict[str, Any]]:
    """One record per study and activation, in the metric's own unit; None where there is nothing."""
    made = []
    for name, study in across.studies:
        for arm in study.arms:
            cost = next(c for c in across.costs if (c.study, c.activation) == (name, arm.activation))
            halves = [
                c
                for c in across.controls
                if (c.study, c.activation, c.kind) == (name, arm.activation, "halves")
            ]
            told = (
                name, study.task, study.preset, study.metric.name, study.metric.higher_is_better, study.margin,
                study.baseline, arm.activation, arm.learning_rate, arm.at_grid_edge, len(arm.scores), arm.diverged,
                arm.failed, *_three(arm.score), *_three(arm.improvement), *_three(arm.probability), arm.p_value,
                arm.p_holm, arm.verdict, arm.never_active, _median(study, arm, "seconds"), cost.time,
                _median(study, arm, "bytes"), cost.saved, sum(c.alarms for c in halves) if halves else None,
                sum(c.splits for c in halves) if halves else None,
            )  # fmt: skip
            found = dict(zip(FIELDS, told, strict=True))
            made.append({k: None if isinstance(v, float) and not finite(v) else v for k, v in found.items()})
    return made


def _three(interval: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (interval.estimate, interval.low, interval.high) if interval else (None, None, None)


def _median(study: Study, arm: Arm, what: str) -> float | None:
    finals = [
        t
        for t in study.trials
        if t.plan.phase == "final" and t.plan.activation == arm.activation and t.status == "finished"
    ]
    if what == "seconds":
        values: list[float] = [t.compute_seconds / len(t.epochs) for t in finals if t.epochs]
    else:
        values = [t.saved_bytes for t in finals if t.saved_bytes is not None]
    return median(values) if values else None
