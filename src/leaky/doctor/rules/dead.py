"""Units that are flat where all their inputs lie: born so, died, or a whole layer of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from leaky.doctor.rules.certainty import ENOUGH
from leaky.doctor.rules.words import (
    code,
    is_rectifier,
    measure_more,
    names,
    quoted,
    swap_calls,
    title,
    units_text,
    unseen_text,
)
from leaky.records.diagnosis import Diagnosis, Site
from leaky.records.verdict import Evidence, Severity, Verdict
from leaky.report.text import count_text, share_text

FAULT, WARNING = 0.2, 0.05
"""Shares of the units of all rectifiers from which on it is a fault, a warning."""
LAYER_FAULT, LAYER_WARNING = 0.5, 0.2
"""The same of the units of one layer."""
ASYMMETRIC = 'leaky.initialise_(model, "randomized_asymmetric")'


@dataclass(frozen=True)
class Dead:
    """The units of a site that are inactive, and the samples that each group is known from."""

    site: Site
    born: frozenset[int]
    """Inactive from step 0 to the end."""
    died: frozenset[int]
    """Active before, and not since the step at which their death was first seen."""
    never: frozenset[int]
    """Never active; it is not known since when."""
    recent: frozenset[int]
    """Active before, and inactive on too few samples since to be called dead."""
    samples: int
    """On which the least observed of those that died was seen inactive; of the others, on all."""

    @property
    def later(self) -> frozenset[int]:
        """All but those born dead."""
        return self.died | self.never

    @property
    def units(self) -> frozenset[int]:
        """All of them."""
        return self.born | self.later

    @property
    def share(self) -> float:
        """Of the site's units."""
        return len(self.units) / self.site.units if self.site.units else 0.0


def dead_units(diagnosis: Diagnosis) -> list[Dead]:
    """Every rectifier that has samples, with its inactive units; NaN is not a death."""
    told = [
        _dead(site)
        for site in diagnosis.sites
        if is_rectifier(site) and site.samples and site.units and not site.layer.nan
    ]
    if any(dead.units for dead in told):
        return told
    return [replace(dead, died=dead.recent, recent=frozenset()) for dead in told]  # better than nothing


def followed(site: Site) -> bool:
    """Was the site measured while it was trained, from its first step on?"""
    return site.life.measured > 1 and bool(site.windows) and site.windows[0].step == 0


def dead_verdicts(diagnosis: Diagnosis) -> Iterator[Verdict]:
    """Born dead, a dead layer, dying: each unit is told of once."""
    told = dead_units(diagnosis)
    whole = [dead for dead in told if dead.share == 1 and len(dead.born) < dead.site.units]
    born = [dead for dead in told if dead.born and dead not in whole]
    others = [dead for dead in told if dead.later and dead not in whole]
    if born:
        yield _born(diagnosis, born, told)
    if whole:
        yield _whole(diagnosis, whole, told)
    if others:
        yield _dying(diagnosis, others, told)


def _dead(site: Site) -> Dead:
    life, never = site.life, frozenset(site.never_active.units)
    born = never & frozenset(life.born_dead) if followed(site) else frozenset()
    seen = {
        unit: sum(window.samples for window in site.windows if window.step >= step)
        for unit, step in life.died.items()
        if unit not in never and life.measured > 1
    }
    died = frozenset(unit for unit, samples in seen.items() if samples >= ENOUGH)
    samples = min(
        [*(seen[unit] for unit in died or seen), *([site.samples] if never else [])], default=site.samples
    )
    return Dead(site, born, died, never - born, frozenset(seen) - died, samples)


def _born(diagnosis: Diagnosis, found: list[Dead], all_of_them: list[Dead]) -> Verdict:
    sites = [dead.site for dead in found]
    count, total = sum(len(dead.born) for dead in found), sum(dead.site.units for dead in found)
    whole = [dead.site for dead in found if dead.share == 1]
    samples = min(dead.site.samples for dead in found)
    text = (
        f"{units_text(count, total)} of the {title(sites)}s {names(sites)} were inactive at step 0 and on all "
        f"{count_text(samples, 'sample')} since: born dead"
    )
    text += f"; {names(whole)} {'lets' if len(whole) == 1 else 'let'} nothing through" if whole else ""
    severity = _severity([(len(dead.born), dead.site.units) for dead in found], all_of_them)
    prescription = ""
    calls: tuple[str, ...] = ()
    if severity != "note" and samples >= ENOUGH:
        calls = (ASYMMETRIC, *swap_calls(diagnosis, sites))
        prescription = (
            f"Before training anew: `{ASYMMETRIC}`, which gives each unit a positive side (Lu et al. 2020), or wider "
            f"layers; or let these units have a gradient: {code(calls[1:])}."
        )
    return Verdict(
        "born_dead",
        severity,
        f"{text}.{_width(all_of_them)}",
        unseen_text(samples),
        tuple(site.name for site in sites),
        _evidence(found),
        prescription or measure_more(samples),
        calls,
    )


def _whole(diagnosis: Diagnosis, found: list[Dead], all_of_them: list[Dead]) -> Verdict:
    sites = [dead.site for dead in found]
    samples = min(dead.samples for dead in found)
    sure = samples >= ENOUGH
    text = f"no unit of {names(sites)} was {'active' if sure else 'seen active'} on {count_text(samples, 'sample')}"
    text += ": no signal passes, and no gradient comes back through it." if sure else "."
    since = _since(found, sum(len(dead.units) for dead in found))
    if since:
        text += f" {since}"
    else:
        text += " Whether it was born so or died, one pass cannot tell; leaky.watch from step 0 can."
    calls = swap_calls(diagnosis, sites) if sure else ()
    prescription = (
        f"Let its units have a gradient, then train on: {code(calls)}." if calls else measure_more(samples)
    )
    return Verdict(
        "dead_layer",
        "fault" if sure else "warning",
        f"{text}{_width(all_of_them)}",
        unseen_text(samples),
        tuple(site.name for site in sites),
        _evidence(found),
        prescription,
        calls,
    )


def _dying(diagnosis: Diagnosis, found: list[Dead], all_of_them: list[Dead]) -> Verdict:
    sites = [dead.site for dead in found]
    rectifiers = [dead.site for dead in all_of_them]
    samples = min(dead.samples for dead in found)
    sure = samples >= ENOUGH
    count, total = sum(len(dead.later) for dead in found), sum(site.units for site in rectifiers)
    worst = max(found, key=lambda dead: len(dead.later) / dead.site.units)
    what = "inactive" if sure else "not seen active"
    text = (
        f"{units_text(count, total)} in {len(sites)} of {count_text(len(rectifiers), f'{title(rectifiers)} layer')} "
        f"{'was' if count == 1 else 'were'} {what} on {count_text(samples, 'sample')}"
    )
    if len(found) > 1:
        text += f"; most in {quoted(worst.site.name)}, {len(worst.later)} of {worst.site.units}"
    else:
        text += f"; all in {quoted(worst.site.name)}" if len(rectifiers) > 1 else ""
    recent = sum(len(dead.recent) for dead in all_of_them)
    text += f"; {recent} more fell silent too lately to tell" if recent else ""
    severity = _severity([(len(dead.later), dead.site.units) for dead in found], all_of_them)
    calls: tuple[str, ...] = ()
    prescription = ""
    if severity != "note":
        calls = swap_calls(diagnosis, sites) if sure else ()
        prescription = (
            f"A slope below 0 gives them a gradient again: {code(calls)}, and a lower learning rate if units go on "
            "dying."
            if sure
            else measure_more(samples)
        )
    return Verdict(
        "dying",
        severity if sure or severity == "note" else "warning",
        " ".join(part for part in (f"{text}.", _since(found, count)) if part),
        unseen_text(samples),
        tuple(site.name for site in sites),
        _evidence(found),
        prescription,
        calls,
    )


def _severity(found: list[tuple[int, int]], all_of_them: list[Dead]) -> Severity:
    """Of the number of units concerned and of all units, at each site."""
    share = sum(count for count, _ in found) / max(sum(dead.site.units for dead in all_of_them), 1)
    worst = max(count / units for count, units in found)
    if share >= FAULT or worst >= LAYER_FAULT:
        return "fault"
    return "warning" if share >= WARNING or worst >= LAYER_WARNING else "note"


def _since(found: list[Dead], count: int) -> str:
    """When those of the `count` units died that did."""
    steps = sorted(dead.site.life.died[unit] for dead in found for unit in dead.died)
    if not steps:
        return ""
    first = f"at step {steps[0]}" if steps[0] == steps[-1] else f"from step {steps[0]} on"
    half = steps[(len(steps) - 1) // 2]
    gone = f", half of them by step {half}" if len(steps) > 2 and half > steps[0] else ""
    who = ("It" if len(steps) == 1 else "All") if len(steps) == count else f"Of these, {len(steps)}"
    return f"{who} had been active before and died {first}{gone}."


def _width(told: list[Dead]) -> str:
    """What widths alone explain: a symmetric draw leaves a layer of n rectifiers dead with chance up to 2^-n."""
    alive = math.prod(1 - 0.5**dead.site.units for dead in told)
    if 1 - alive < 0.05:
        return ""
    widths = sorted({dead.site.units for dead in told})
    shown = f"{widths[0]}" if len(widths) == 1 else f"{widths[0]} to {widths[-1]}"
    return (
        f" Width alone can explain it: {count_text(len(told), 'layer')} of width {shown} have a dead one in up to "
        f"{share_text(1 - alive)} of the draws of a symmetric initialisation (Lu et al. 2020)."
    )


def _evidence(found: list[Dead]) -> tuple[Evidence, ...]:
    rows = []
    for dead in found:
        rows.append(Evidence("share of units inactive", dead.share, dead.samples, dead.site.name))
        rare = dead.site.share("rarely_active")
        rows.append(
            Evidence("share of units active on under 1 % of samples", rare, dead.site.samples, dead.site.name)
        )
    return tuple(rows)
