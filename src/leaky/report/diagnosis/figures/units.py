"""Figure 1: units by layer: on how many of the samples each was inactive."""

from __future__ import annotations

import numpy as np

from leaky.records.diagnosis import Diagnosis, Site
from leaky.report.gather import sig
from leaky.report.shapes import Axis, Figure, HeatMap, Panel, Value
from leaky.report.text import count_text, plain

_COLUMNS = 100


def units_figure(diagnosis: Diagnosis) -> Figure | None:
    """A row for each site, its units from the least active on; None where no site has units."""
    sites = [site for site in diagnosis.sites if site.units and site.samples]
    if not sites:
        return None
    columns = tuple(sig(100 * (place + 0.5) / _COLUMNS) for place in range(_COLUMNS))
    rows, numbers = site_names(diagnosis, sites)
    heat = HeatMap(
        columns,
        rows,
        tuple(_row(site) for site in sites),
        numbers,
        ("site", "at % of the units:", "of the samples without activity"),
    )
    panel = Panel(
        "Inactive units, site by site",
        Axis("units of the site, the least active first (%)", low=0.0, high=100.0, grid=False),
        Axis("site", grid=False),
        heat=heat,
        height=heat_height(len(sites)),
    )
    caption = (
        f"Each row is a site, stretched to the same width: {_widths(sites)}. Colour: the share of samples on which a "
        "unit was inactive, its input nowhere above 0. What is darkest on the left was never active. For ReLU such a "
        "unit gets no gradient; a leaky unit in this state is linear and still learns.",
    )
    return Figure("units", "Units by layer", caption, (panel,), scale="of the samples without activity")


def site_names(diagnosis: Diagnosis, sites: list[Site]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A row's name, with its place in the order of the calls, which no two sites share; and the place alone."""
    places = [str(diagnosis.sites.index(site) + 1) for site in sites]
    return tuple(f"{place}  {plain(site.name)}" for place, site in zip(places, sites, strict=True)), tuple(
        places
    )


def heat_height(rows: int) -> int:
    """Enough for each row, and no more than a screen."""
    return min(max(80 + 22 * rows, 150), 520)


def _row(site: Site) -> tuple[Value, ...]:
    inactive = np.sort(1 - site.per_unit.active)[::-1]
    places = [min(int((column + 0.5) / _COLUMNS * site.units), site.units - 1) for column in range(_COLUMNS)]
    return tuple(None if np.isnan(inactive[place]) else round(float(inactive[place]), 3) for place in places)


def _widths(sites: list[Site]) -> str:
    low, high = min(site.units for site in sites), max(site.units for site in sites)
    return count_text(low, "unit") if low == high else f"{low} to {high} units"
