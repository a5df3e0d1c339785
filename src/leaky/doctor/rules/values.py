"""What single numbers tell: NaN and infinity, saturation, dormant units, gradients that do not come back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from leaky.doctor.rules.certainty import ENOUGH
from leaky.doctor.rules.dead import dead_units
from leaky.doctor.rules.words import (
    code,
    is_leaky,
    is_rectifier,
    names,
    percent_text,
    quoted,
    spec_of,
    units_text,
)
from leaky.records.diagnosis import Diagnosis, Site
from leaky.records.verdict import Evidence, Verdict
from leaky.report.text import count_text, share_text

SATURATED, GRAVE = 0.5, 0.9
DORMANT = 0.1
"""Share of a layer's units that are dormant, beside those that are dead, which is worth a prescription."""
GATES = ("sigmoid", "hardsigmoid")
ANOMALY = "torch.autograd.set_detect_anomaly(True)"


def value_verdicts(diagnosis: Diagnosis) -> Iterator[Verdict]:
    """NaN first: it makes other numbers worthless."""
    yield from _not_finite(diagnosis)
    yield from _no_gradient(diagnosis)
    yield from _saturated(diagnosis)
    yield from _dormant(diagnosis)


def _not_finite(diagnosis: Diagnosis) -> Iterator[Verdict]:
    sites = [site for site in diagnosis.sites if site.samples and _lost(site)]
    if not sites:
        return
    first = sites[0]
    nan = first.layer.nan
    what = (
        f"{percent_text(nan)} of the inputs of {quoted(first.name)} are NaN"
        if nan > 0
        else (f"the inputs of {quoted(first.name)} overflow: their mean is not finite")
    )
    steps = [window.step for window in first.windows if not math.isfinite(window.input_mean)]
    since = f", since step {steps[0]}" if steps and len(first.windows) > 1 else ""
    place = diagnosis.sites.index(first)
    before = (
        f"The last site with numbers is {quoted(diagnosis.sites[place - 1].name)}, so look between the two"
        if place
        else "It is the first site, so look at the data and the layers before it"
    )
    yield Verdict(
        "not_finite",
        "fault",
        f"{what}{since}" + (f", and {_sites(len(sites) - 1)} after it." if sites[1:] else "."),
        f"Counted on {count_text(first.samples, 'sample')}; what is told of these sites beside it means nothing.",
        tuple(site.name for site in sites),
        tuple(Evidence("share of inputs that are NaN", s.layer.nan, s.samples, s.name) for s in sites),
        f"{before}; `{ANOMALY}` names the operation that makes a NaN on the way back.",
        (ANOMALY,),
    )


def _sites(count: int) -> str:
    return f"those of {count} more site{'' if count == 1 else 's'}"


def _lost(site: Site) -> bool:
    return site.layer.nan > 0 or not math.isfinite(site.layer.input_mean)


def _no_gradient(diagnosis: Diagnosis) -> Iterator[Verdict]:
    """A dead layer after it explains it, and has its own verdict."""
    dead = [diagnosis.sites.index(each.site) for each in dead_units(diagnosis) if each.share == 1]
    sites = [
        site
        for place, site in enumerate(diagnosis.sites)
        if site.zero_gradient is not None and site.units and len(site.zero_gradient) == site.units
        and site.gradient_samples and all(place > other for other in dead)
    ]  # fmt: skip
    if sites:
        samples = min(site.gradient_samples for site in sites)
        yield Verdict(
            "no_gradient",
            "warning",
            f"the gradient that comes back to {names(sites)} is exactly 0 for every unit, "
            f"on {count_text(samples, 'sample')}.",
            "Exact zeros are no matter of chance: something after it is cut off, frozen at a bound, or underflows.",
            tuple(site.name for site in sites),
            tuple(
                Evidence("share of units with zero gradient", 1.0, s.gradient_samples, s.name) for s in sites
            ),
            "Look for `detach()`, `no_grad` or a loss that does not reach it; under float16, for a loss scale.",
        )


def _saturated(diagnosis: Diagnosis) -> Iterator[Verdict]:
    found = [(site, share) for site in diagnosis.sites if (share := _flatness(site)) >= SATURATED]
    hidden = [(site, share) for site, share in found if not may_saturate(diagnosis, site)]
    others = [pair for pair in found if pair not in hidden]
    if hidden:
        yield _saturation(hidden, hidden=True)
    if others:
        yield _saturation(others, hidden=False)


def may_saturate(diagnosis: Diagnosis, site: Site) -> bool:
    """Is it by its place an output or a gate, which lies near its bounds where the model is sure?

    That is a bounded function between others: the last site, or one of `GATES` anywhere.
    """
    spec = spec_of(site)
    if spec is None or not math.isfinite(site.layer.saturated):
        return False
    alike = sum(each.activation == site.activation for each in diagnosis.sites)
    last = site is diagnosis.sites[-1]
    return 2 * alike < len(diagnosis.sites) + last and (last or spec.activation.name in GATES)


def _saturation(found: list[tuple[Site, float]], *, hidden: bool) -> Verdict:
    sites = [site for site, _ in found]
    worst, share = max(found, key=lambda pair: pair[1])
    severe = hidden and (share >= GRAVE or len(sites) > 1)
    samples = min(site.samples for site in sites)
    bounded = math.isfinite(worst.layer.saturated)
    what = (
        "of the outputs lie within 5 % of a bound"
        if bounded
        else "of the inputs lie where the function is flat"
    )
    scale = f"{worst.layer.input_mean:.3g} ± {worst.layer.input_scale:.3g}"
    call = 'leaky.initialise_(model, "xavier")'
    return Verdict(
        "saturated",
        ("fault" if share >= GRAVE else "warning") if severe else "note",
        f"at {names(sites)} {share_text(share)} {what}"
        + (" at the worst" if len(sites) > 1 else "")
        + f", where little gradient passes (inputs of {quoted(worst.name)}: {scale})."
        + ("" if hidden else " An output or a gate lies there where the model is sure."),
        f"A share of all values of {count_text(samples, 'sample')}.",
        tuple(site.name for site in sites),
        tuple(
            Evidence("share of outputs near a bound", s.layer.saturated, s.samples, s.name)
            if bounded
            else Evidence("share of inputs with |f'| below 1e-3", s.layer.flat, s.samples, s.name)
            for s in sites
        ),
        f"Smaller inputs bring it back: a norm before it, or before training anew {code([call])}."
        if severe
        else "",
        (call,) if severe else (),
    )


def _flatness(site: Site) -> float:
    if not site.samples or site.layer.nan or is_rectifier(site) or is_leaky(site):
        return 0.0
    shares = [share for share in (site.layer.saturated, site.layer.flat) if math.isfinite(share)]
    return shares[0] if shares else 0.0


def _dormant(diagnosis: Diagnosis) -> Iterator[Verdict]:
    found: list[tuple[Site, int]] = []
    for site in diagnosis.sites:
        dead = site.never_active.units if is_rectifier(site) else ()
        count = len(set(site.dormant.units) - set(dead))
        meant = may_saturate(diagnosis, site)  # an output may be near 0, where its targets are
        if site.units and not site.layer.nan and not meant and count >= DORMANT * site.units:
            found.append((site, count))
    if not found:
        return
    sites = [site for site, _ in found]
    count, total = sum(count for _, count in found), sum(site.units for site in sites)
    samples = min(site.dormant.samples for site in sites)
    sure = samples >= ENOUGH
    severe = sure and count >= 0.25 * total
    units = f"{{name: diagnosis[name].dormant.units for name in {json.dumps([site.name for site in sites])}}}"
    call = f"leaky.recycle(model, optimizer, {units})"
    yield Verdict(
        "dormant",
        "warning" if severe else "note",
        f"{units_text(count, total)} of {names(sites)} {'is' if count == 1 else 'are'} dormant: mean |output| at "
        f"most 0.025 of the layer's mean (Sokar et al. 2023), on {count_text(samples, 'sample')}.",
        "Without counting units that are never active."
        + ("" if sure else f" A rare activity may be missing in fewer than {ENOUGH} samples."),
        tuple(site.name for site in sites),
        tuple(Evidence("share of units dormant", n / s.units, s.dormant.samples, s.name) for s, n in found),
        f"Start them anew and train on: `{call}`." if severe else "",
        (call,) if severe else (),
    )
