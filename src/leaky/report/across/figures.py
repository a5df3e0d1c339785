"""Every figure of a report across studies, in one set of colours."""

from __future__ import annotations

from leaky.records import Across
from leaky.report import palette
from leaky.report.across.controls import control_figure
from leaky.report.across.each import cost_figure, losses_figure, scores_figure, sensitivity_figure
from leaky.report.across.together import together_figure
from leaky.report.shapes import Figure


def across_figures(across: Across) -> tuple[Figure, ...]:
    """The figures that the studies have data for, in the order of the report."""
    look = palette.styles_of(across.activations)
    legend = tuple(look.items())
    made = (
        together_figure(across, look) if len(across.studies) > 1 else None,
        scores_figure(across, look, legend),
        sensitivity_figure(across, look, legend),
        cost_figure(across, look, legend),
        losses_figure(across, look, legend),
        control_figure(across, look),
    )
    return tuple(figure for figure in made if figure is not None)
