"""From a study to the figures of its report, described but not drawn (see `leaky.report.shapes`)."""

from __future__ import annotations

from leaky.records import Study
from leaky.report.figures.curves import curves_figure
from leaky.report.figures.functions import functions_figure
from leaky.report.figures.scores import scores_figure
from leaky.report.figures.sensitivity import sensitivity_figure
from leaky.report.figures.units import units_figure
from leaky.report.shapes import Figure

__all__ = [
    "curves_figure",
    "functions_figure",
    "scores_figure",
    "sensitivity_figure",
    "study_figures",
    "units_figure",
]


def study_figures(study: Study) -> tuple[Figure, ...]:
    """Every figure that the study has data for, in the order of the report."""
    makers = (scores_figure, curves_figure, sensitivity_figure, units_figure, functions_figure)
    return tuple(figure for make in makers if (figure := make(study)) is not None)
