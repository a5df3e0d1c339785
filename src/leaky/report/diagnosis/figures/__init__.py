"""From a diagnosis to the figures of its report, described but not drawn (see `leaky.report.shapes`)."""

from __future__ import annotations

from leaky.records.diagnosis import Diagnosis
from leaky.report.diagnosis.figures.depth import depth_figure
from leaky.report.diagnosis.figures.inputs import inputs_figure
from leaky.report.diagnosis.figures.time import time_figure
from leaky.report.diagnosis.figures.units import units_figure
from leaky.report.shapes import Figure

__all__ = ["depth_figure", "diagnosis_figures", "inputs_figure", "time_figure", "units_figure"]


def diagnosis_figures(diagnosis: Diagnosis) -> tuple[Figure, ...]:
    """Every figure that the diagnosis has data for, in the order of the report."""
    makers = (units_figure, time_figure, depth_figure, inputs_figure)
    return tuple(figure for make in makers if (figure := make(diagnosis)) is not None)
