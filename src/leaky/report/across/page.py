"""The report across studies as one HTML file."""

from __future__ import annotations

from leaky.records import Across
from leaky.report.across.controls import control_sentence
from leaky.report.across.figures import across_figures
from leaky.report.across.rows import cost_rows, overall_rows, study_rows
from leaky.report.page import render
from leaky.report.text import count_text, duration_text, metric_label, plain
from leaky.report.verdicts import findings, introduction, study_caveats


def across_page(across: Across) -> str:
    """The whole page as text."""
    trials = [trial for _, study in across.studies for trial in study.trials]
    seconds = sum(trial.seconds for trial in {trial.plan.key: trial for trial in trials}.values())
    return render(
        "across.html.j2",
        across_figures(across),
        {},
        title=title(across),
        summary=f"{count_text(len({t.plan.key for t in trials}), 'trial')}, {duration_text(seconds)} of training",
        finished=max((trial.finished_at for trial in trials), default=""),
        lead=lead(across),
        control=control_sentence(across.controls),
        studies=study_rows(across),
        overall=overall_rows(across) if len(across.studies) > 1 else [],
        baseline=plain(across.baseline),
        each=[
            {
                "name": plain(name),
                "study": study,
                "metric": metric_label(study.metric, unit=False),
                "introduction": introduction(study),
                "findings": findings(study),
                "caveats": [*study_caveats(study), *study.notes],
                "rows": cost_rows(across, name, study),
            }
            for name, study in across.studies
        ],
    )


def title(across: Across) -> str:
    """What the report is about."""
    count = len(across.studies)
    return f"{count} studies of activations" if count > 1 else f"The study {plain(across.studies[0][0])}"


def lead(across: Across) -> str:
    """The reading in a sentence or two."""
    if len(across.studies) == 1:
        return introduction(across.studies[0][1])
    if not across.overall:
        return "No activation is in all of these studies, so they are told side by side, and not together."
    best = max(across.overall, key=lambda overall: overall.score.estimate)
    alike = [
        plain(other.activation)
        for other in across.overall
        if other is not best and other.score.high >= best.score.low
    ]
    told = f"Over {len(across.studies)} studies {plain(best.activation)} has the highest normalised score"
    told += f", {best.score.estimate:.3f} ({best.score.low:.3f} to {best.score.high:.3f})"
    if alike:
        return f"{told}; the intervals of {', '.join(alike)} overlap with its own."
    return f"{told}; no other's interval overlaps with its own."
