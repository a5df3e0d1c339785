"""The score table as text, one row per activation: the page and the terminal show the same."""

from __future__ import annotations

from dataclasses import dataclass

from leaky.records import Interval, Metric, Study, Verdict
from leaky.report.text import (
    NONE,
    difference_text,
    finite,
    interval_text,
    metric_label,
    p_text,
    plain,
    rate_text,
    score_text,
    share_text,
)


@dataclass(frozen=True)
class Row:
    """One activation's results, every field ready to print; the intervals are empty where there are none."""

    activation: str
    learning_rate: str
    at_grid_edge: bool
    score: str
    score_interval: str
    improvement: str
    improvement_interval: str
    probability: str
    probability_interval: str
    p_value: str
    p_holm: str
    never_active: str
    trials: int
    diverged: int
    failed: int
    verdict: Verdict
    metrics: tuple[tuple[str, str, str], ...] = ()
    """Of each further metric its name, its score and its interval."""


def table_rows(study: Study) -> list[Row]:
    """The rows in the order of the study."""
    metric, rows = study.metric, []
    for arm in study.arms:
        change, chance = arm.improvement, arm.probability
        between = ""
        if chance is not None and finite(chance.low) and finite(chance.high) and chance.low < chance.high:
            between = f"{100 * chance.low:.0f} to {100 * chance.high:.0f} %"
        rows.append(
            Row(
                activation=plain(arm.activation),
                learning_rate=rate_text(arm.learning_rate) if finite(arm.learning_rate) else NONE,
                at_grid_edge=arm.at_grid_edge,
                score=score_text(metric, arm.score.estimate),
                score_interval=interval_text(metric, arm.score, difference=False, unit=False),
                improvement=difference_text(metric, change.estimate) if change else NONE,
                improvement_interval=interval_text(metric, change, difference=True, unit=False),
                probability=f"{100 * chance.estimate:.0f} %" if chance and finite(chance.estimate) else NONE,
                probability_interval=between,
                p_value=p_text(arm.p_value),
                p_holm=p_text(arm.p_holm),
                never_active=share_text(arm.never_active),
                trials=max(len(arm.scores) + arm.failed, arm.diverged + arm.failed),
                diverged=arm.diverged,
                failed=arm.failed,
                verdict=arm.verdict,
                metrics=tuple(_further(metric, arm.metrics.get(metric.name)) for metric in study.metrics),
            )
        )
    return rows


def _further(metric: Metric, found: Interval | None) -> tuple[str, str, str]:
    if found is None:
        return metric_label(metric, unit=False), NONE, ""
    between = interval_text(metric, found, difference=False, unit=False)
    return metric_label(metric, unit=False), score_text(metric, found.estimate), between
