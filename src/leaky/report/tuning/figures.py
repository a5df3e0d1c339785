"""The figures of a tuning: the response curve, what PReLU learned beside it, and what the tuning saw."""

from __future__ import annotations

from leaky.records import Tuning
from leaky.report.figures import curves_figure, sensitivity_figure
from leaky.report.shapes import Figure
from leaky.report.tuning.learned import learned_figure
from leaky.report.tuning.response import response_figure
from leaky.report.tuning.search import search_figure


def tuning_figures(tuning: Tuning) -> tuple[Figure, ...]:
    """Every figure there are data for, in the order of the report."""
    searched = tuning.search is not None and tuning.per == "network"
    made = [response_figure(tuning), learned_figure(tuning), search_figure(tuning)]
    made += [None if searched else sensitivity_figure(tuning.study), curves_figure(tuning.study)]
    return tuple(figure for figure in made if figure is not None)
