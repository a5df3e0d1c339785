"""The few numbers of a site that are worth a curve, by the name that loggers get."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from leaky.records.diagnosis import Site

MEASURES: Mapping[str, Callable[[Site], float]] = {
    "never_active": lambda site: site.share("never_active"),
    "dormant": lambda site: site.share("dormant"),
    "positive": lambda site: site.layer.positive,
    "reach": lambda site: site.layer.reach,
}
"""Share of units that are never active, share of dormant units (tau 0.025), share of inputs above 0, and the root
mean square of the gradient before the activation over that after it."""


def tag(measure: str, site: Site) -> str:
    """What a logger calls it: `leaky_dormant/layer1.0.relu`. TensorBoard groups by what stands before the slash."""
    return f"leaky_{measure}/{site.name or '(model)'}"


def scalars(sites: Iterable[Site]) -> dict[str, float]:
    """All measures of all sites that are numbers: what could not be measured is left out."""
    found = ((tag(name, site), measure(site)) for site in sites for name, measure in MEASURES.items())
    return {name: value for name, value in found if math.isfinite(value)}
