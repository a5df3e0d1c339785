"""The report of a tuning as one HTML file."""

from __future__ import annotations

from typing import Any

from leaky.records import Arm, Tuning
from leaky.report.page import render
from leaky.report.text import (
    NONE,
    difference_text,
    duration_text,
    finite,
    interval_text,
    metric_label,
    plain,
    rate_text,
    score_text,
    share_text,
)
from leaky.report.tuning.figures import tuning_figures
from leaky.report.tuning.words import (
    curve_sentence,
    noun,
    recommendation,
    search_sentence,
    standing_word,
    tuning_findings,
    unknown,
    value_text,
)
from leaky.report.verdicts import study_caveats, summary

_CHIPS = {
    "as good as the best": "better",
    "worse than the best": "worse",
    "undecided": "undecided",
    "no result": "no-result",
}
"""The colours are those of the lab's verdicts."""


def tuning_page(tuning: Tuning) -> str:
    """The whole page as text."""
    study, metric = tuning.study, tuning.study.metric
    return render(
        "tuning.html.j2",
        tuning_figures(tuning),
        {"rate": rate_text, "duration": duration_text, "plain": plain},
        tuning=tuning,
        study=study,
        noun=noun(tuning),
        metric=metric_label(metric, unit=False),
        lead=recommendation(tuning),
        curve=curve_sentence(tuning),
        findings=tuning_findings(tuning),
        search=search_sentence(tuning) if tuning.search is not None else "",
        unknown=unknown(tuning),
        caveats=[*study_caveats(study), *study.notes],
        rows=[
            _row(tuning, p.arm, value_text(tuning, p.value), number) for number, p in enumerate(tuning.points)
        ],
        beside=_beside(tuning),
        margin=difference_text(metric, study.margin, sign=False),
        summary=summary(study),
        trivial=score_text(metric, study.trivial_score),
        finished=max((trial.finished_at for trial in study.trials), default=""),
    )


def _row(tuning: Tuning, arm: Arm, name: str, number: int) -> dict[str, Any]:
    metric, point = tuning.study.metric, tuning.points[number]
    gap = point.shortfall
    return {
        **_scores(tuning, arm, name),
        "validation": score_text(metric, point.validation),
        "gap": difference_text(metric, gap.estimate) if gap else NONE,
        "gap_interval": interval_text(metric, gap, difference=True, unit=False),
        "standing": standing_word(point),
        "chip": _CHIPS[point.standing],
        "chosen": point.value == tuning.chosen,
        "recommended": point.value == tuning.recommended,
    }


def _scores(tuning: Tuning, arm: Arm, name: str) -> dict[str, Any]:
    metric = tuning.study.metric
    return {
        "name": plain(name),
        "rate": rate_text(arm.learning_rate) if finite(arm.learning_rate) else NONE,
        "at_grid_edge": arm.at_grid_edge,
        "score": score_text(metric, arm.score.estimate),
        "score_interval": interval_text(metric, arm.score, difference=False, unit=False),
        "never_active": share_text(arm.never_active),
        "lost": f"{arm.diverged}, {arm.failed}",
    }


def _beside(tuning: Tuning) -> list[dict[str, Any]]:
    """What stands beside the curve: its improvement over the value chosen on validation, with the lab's verdict."""
    arms = []
    if tuning.learned is not None:
        arms.append((tuning.learned.arm.activation, tuning.learned.arm))
    if tuning.layered is not None and len(set(tuning.layered.values)) > 1:
        arms.append((f"a {noun(tuning)} for every layer", tuning.layered.arm))
    metric, made = tuning.study.metric, []
    for name, arm in arms:
        change = arm.improvement
        made.append(
            {
                **_scores(tuning, arm, name),
                "gap": difference_text(metric, change.estimate) if change else NONE,
                "gap_interval": interval_text(metric, change, difference=True, unit=False),
                "standing": arm.verdict,
                "chip": arm.verdict.replace(" ", "-"),
            }
        )
    return made
