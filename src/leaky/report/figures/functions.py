"""Figure 5: the functions themselves and their derivatives."""

from __future__ import annotations

from dataclasses import replace

from leaky import catalogue
from leaky.catalogue import Spec
from leaky.errors import LeakyError
from leaky.records import Study
from leaky.report.activation.curves import function_panels
from leaky.report.palette import legend, styles
from leaky.report.shapes import Figure
from leaky.report.text import short_names


def functions_figure(study: Study) -> Figure | None:
    """Value and derivative side by side; None where no activation of the study can be drawn."""
    specs, unknown = _specs(study)
    if not specs:
        return None
    caption = [
        "Computed from the catalogue's formulas in float64. The derivative is what the gradient is multiplied by "
        "on its way back; where it is 0, nothing is learned. A filled dot marks a kink, and on the derivative the "
        "value it takes there; an open dot is the side not taken."
    ]
    if unknown:
        shown = ", ".join(short_names(unknown).values())
        caption.append(f"Not drawn, as no element-wise functions of the catalogue: {shown}.")
    learned = [n for n, spec in specs.items() if any(p.learned for p in spec.activation.parameters)]
    if learned:
        caption.append(
            f"Drawn as it starts, before anything is learned: {', '.join(short_names(learned).values())}."
        )
    panels = tuple(
        replace(panel, points=tuple(points for points in panel.points if points.x))
        for panel in function_panels(specs, styles(study))
    )
    keys = tuple(pair for pair in legend(study) if pair[0] in specs)
    return Figure("functions", "The functions and their derivatives", tuple(caption), panels, keys)


def _specs(study: Study) -> tuple[dict[str, Spec], list[str]]:
    specs, unknown = {}, []
    for arm in study.arms:
        try:
            spec = catalogue.parse(arm.activation)
        except LeakyError:  # a user's own function, or a record of another version
            unknown.append(arm.activation)
            continue
        if spec.activation.elementwise:
            specs[arm.activation] = spec
        else:
            unknown.append(arm.activation)
    return specs, unknown
