"""From a study to the figures of its report, described but not drawn (see `leaky.report.shapes`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from leaky.records import Study
from leaky.report.figures.curves import curves_figure
from leaky.report.figures.functions import functions_figure
from leaky.report.figures.interaction import interaction_figure
from leaky.report.figures.scores import scores_figure
from leaky.report.figures.sensitivity import sensitivity_figure
from leaky.report.figures.units import units_figure
from leaky.report.interaction import label
from leaky.report.shapes import Figure

__all__ = [
    "curves_figure",
    "functions_figure",
    "interaction_figure",
    "scores_figure",
    "sensitivity_figure",
    "study_figures",
    "units_figure",
]


def study_figures(study: Study) -> tuple[Figure, ...]:
    """Every figure that the study has data for, in the order of the report."""
    if study.conditions:
        return tuple(figure for figure in _varied_figures(study) if figure is not None)
    makers = (scores_figure, curves_figure, sensitivity_figure, units_figure, functions_figure)
    return tuple(figure for make in makers if (figure := make(study)) is not None)


def _varied_figures(study: Study) -> Iterator[Figure | None]:
    """The interaction first, then scores and tuning under every condition, then the functions, which all share."""
    yield interaction_figure(study)
    for number, condition in enumerate(study.conditions, start=1):
        alone = study.under(condition)
        for make in (scores_figure, sensitivity_figure):
            figure = make(alone)
            if figure is not None:
                title = f"{figure.title} with {label(study, condition)}"
                yield replace(figure, key=f"{figure.key}-condition-{number}", title=title)
    yield functions_figure(study)
