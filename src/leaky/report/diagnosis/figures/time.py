"""Figure 2: the same over time, where a model was watched: sites by steps, and the units of the worst sites."""

from __future__ import annotations

import numpy as np

from leaky.records.diagnosis import Diagnosis, Site, Window
from leaky.report.diagnosis.figures.units import heat_height, site_names
from leaky.report.shapes import Axis, Figure, HeatMap, Panel, Value
from leaky.report.text import finite, plain, shorten

_MOST_UNITS, _MOST_SITES = 64, 3


def time_figure(diagnosis: Diagnosis) -> Figure | None:
    """Share of inactive units per site and step, then unit by unit; None without two measured steps."""
    sites = [site for site in diagnosis.sites if len(site.windows) > 1]
    if not sites:
        return None
    steps = sorted({window.step for site in sites for window in site.windows})
    columns, axis = tuple(float(place) for place in range(1, len(steps) + 1)), _axis(steps)
    rows, numbers = site_names(diagnosis, sites)
    values = tuple(_row(site, steps) for site in sites)
    heat = HeatMap(columns, rows, values, numbers, ("site", "measured step number", "of the units inactive"))
    panels = [
        Panel(
            "Units without activity, site by site",
            axis,
            Axis("site", grid=False),
            heat=heat,
            height=heat_height(len(sites)),
        )
    ]
    changing = [site for site in sites if site.life.events]
    worst = sorted(changing, key=lambda site: (-_lost(site), diagnosis.sites.index(site)))[:_MOST_SITES]
    panels += [_units(site, steps, columns, axis) for site in worst]
    caption = [
        "Each column is a step of training that was measured, on the samples of that step alone. Left above: the "
        "share of a site's units that were active on none of them."
    ]
    if worst:
        caption.append(
            "The other maps show the sites that lost most, unit by unit: the share of a unit's inputs at or below 0; "
            f"where there are more than {_MOST_UNITS} units, those that changed or were inactive."
        )
    return Figure(
        "time", "Units over time", tuple(caption), tuple(panels), scale="inactive, of units or inputs"
    )


def _row(site: Site, steps: list[int]) -> tuple[Value, ...]:
    shares = {window.step: window.never_active for window in site.windows}
    return tuple(round(share, 3) if finite(share := shares.get(step)) else None for step in steps)


def _units(site: Site, steps: list[int], columns: tuple[float, ...], axis: Axis) -> Panel:
    windows: dict[int, Window] = {window.step: window for window in site.windows}
    table = np.array(
        [1 - windows[step].positive if step in windows else np.full(site.units, np.nan) for step in steps]
    )
    shown = list(range(site.units))
    if site.units > _MOST_UNITS:
        told = sorted({unit for _, unit, _ in site.life.events})
        shown = told[:_MOST_UNITS]
    values = tuple(
        tuple(None if np.isnan(v) else round(float(v), 3) for v in table[:, unit]) for unit in shown
    )
    names = tuple(str(unit) for unit in shown)
    heat = HeatMap(
        columns, names, values, names, ("unit", "measured step number", "of its inputs not above 0")
    )
    return Panel(
        f"{shorten(plain(site.name), 40) or '(the model)'}, unit by unit",
        axis,
        Axis("unit", grid=False),
        heat=heat,
        height=min(max(90 + 6 * len(shown), 150), 420),
    )


def _axis(steps: list[int]) -> Axis:
    """Columns are as wide as each other, however far the steps lie apart."""
    apart = max(1, -(-len(steps) // 6))
    ticks = tuple((float(place + 1), str(steps[place])) for place in range(0, len(steps), apart))
    return Axis("step", low=0.5, high=len(steps) + 0.5, ticks=ticks, grid=False)


def _lost(site: Site) -> int:
    return len(site.life.died) + len(site.life.born_dead)
