"""Activations that do not bend: inputs on one side, a slope near 1, or a range where f is a line."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from leaky.doctor.rules.certainty import ENOUGH, never_seen_bound, share_interval
from leaky.doctor.rules.values import may_saturate
from leaky.doctor.rules.words import (
    LEAKY,
    code,
    is_leaky,
    is_rectifier,
    names,
    number_text,
    percent_text,
    quoted,
    spec_of,
    swap_calls,
)
from leaky.records.diagnosis import Diagnosis, Site
from leaky.records.verdict import Evidence, Verdict
from leaky.report.text import count_text, share_text

POSITIVE = 0.99
"""Share of positive inputs from which on a slope below 0 hardly ever acts."""
NEAR_ONE = 0.1
STEEP = 2.0
"""Slope below 0 from which on the activation is more a blow-up than a bend."""
MOSTLY, SOME = 0.5, 0.1
"""Shares of a layer's units that are one-sided: most of them, and worth a word."""
STRAIGHT = 0.99
"""Share of the output's variance that a straight line explains, from which on the layer is called linear."""


def linear_verdicts(diagnosis: Diagnosis) -> Iterator[Verdict]:
    """Each site is told of once: all positive, linear or one-sided."""
    kinked = [site for site in diagnosis.sites if site.samples and not site.layer.nan and _bends(site)]
    positive = [site for site in kinked if site.layer.positive >= POSITIVE]
    rest = [site for site in kinked if site.layer.positive < POSITIVE]
    if positive:
        yield _all_positive(positive, len(kinked))
    identity = [s for s in rest if abs(s.layer.slope - 1) <= NEAR_ONE and s.layer.negative > 0]
    if identity:
        yield _near_one(diagnosis, identity)
    steep = [s for s in rest if s not in identity and s.layer.slope > 1 and s.layer.negative > 0]
    if steep:
        yield _steep(diagnosis, steep)
    rest = [site for site in rest if site not in identity and site.units]
    shares = [(site, len(one_sided(site)) / site.units) for site in rest]
    for low, high in ((MOSTLY, 2.0), (SOME, MOSTLY)):
        found = [site for site, share in shares if low <= share < high]
        if found:
            yield _one_sided(found, sum(site.units for site in kinked), mostly=low == MOSTLY)
    smooth = [s for s in diagnosis.sites if s.samples and not s.layer.nan and not _bends(s)]
    straight = [(site, fit) for site in smooth if (fit := straightness(site)) >= STRAIGHT]
    if straight:
        hidden = [pair for pair in straight if not may_saturate(diagnosis, pair[0])]
        gates = [pair for pair in straight if pair not in hidden]
        if hidden:
            yield _straight(hidden, severe=len(hidden) > 1 or 2 * len(hidden) >= len(diagnosis.sites))
        if gates:
            yield _straight(gates, severe=False, gates=True)


def one_sided(site: Site) -> frozenset[int]:
    """Units that act linearly; those of a rectifier that are never active are dead, and told of there."""
    dead = site.never_active.units if is_rectifier(site) else ()
    return frozenset(site.one_sided.units) - frozenset(dead)


def straightness(site: Site) -> float:
    """R squared of the best straight line through f over the measured pre-activations; NaN without a histogram."""
    spec, histogram = spec_of(site), site.histogram
    if spec is None or histogram is None or not histogram.counts.sum():
        return math.nan
    x = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    weight = histogram.counts / histogram.counts.sum()
    y = np.asarray(spec.activation.value(x, **spec.parameters), dtype=np.float64)
    dx, dy = x - weight @ x, y - weight @ y
    varies, follows, both = weight @ dx**2, weight @ dy**2, weight @ (dx * dy)
    return float(both**2 / (varies * follows)) if varies * follows > 0 else math.nan


def _bends(site: Site) -> bool:
    return is_leaky(site) or is_rectifier(site)


def _all_positive(sites: list[Site], of: int) -> Verdict:
    lowest = min(sites, key=lambda site: site.layer.positive)
    low, _ = share_interval(lowest.layer.positive, lowest.samples)
    text = (
        f"at {names(sites)} {percent_text(lowest.layer.positive)} of the inputs are positive"
        + (" or more" if len(sites) > 1 else "")
        + ": the activation passes them on as they are, and a leaky ReLU changes nothing here."
    )
    mostly = len(sites) > of / 2
    return Verdict(
        "all_positive",
        "warning" if mostly else "note",
        text + (f" That is {len(sites)} of {of} sites, so the model is close to linear." if mostly else ""),
        f"{count_text(lowest.samples, 'sample')}: at least {percent_text(low)} of them (95 %)."
        + ("" if lowest.samples >= ENOUGH else " More samples may show the other side."),
        tuple(site.name for site in sites),
        tuple(_positive(site) for site in sites),
        "No swap: another negative slope would act on "
        f"{percent_text(1 - lowest.layer.positive)} of the inputs at most. To make the layer bend, centre what it "
        "gets: a norm before it, or inputs and biases around 0.",
    )


def _near_one(diagnosis: Diagnosis, sites: list[Site]) -> Verdict:
    slopes = [site.layer.slope for site in sites]
    shown = _between([number_text(slope) for slope in (min(slopes), max(slopes))])
    samples = min(site.samples for site in sites)
    calls = swap_calls(diagnosis, sites, LEAKY)
    return Verdict(
        "linear",
        "fault" if all(abs(slope - 1) < 0.02 for slope in slopes) else "warning",
        f"below 0, {names(sites)} {'has' if len(sites) == 1 else 'have'} an effective slope of {shown}, and above 0 "
        "of 1: hardly any non-linearity is left.",
        f"Measured on {count_text(samples, 'sample')}; the slope is that of the function, not a matter of chance.",
        tuple(site.name for site in sites),
        tuple(Evidence("effective slope E[f'(x) | x < 0]", s.layer.slope, s.samples, s.name) for s in sites),
        f"Give it a kink: {code(calls)}, and train on.",
        calls,
    )


def _steep(diagnosis: Diagnosis, sites: list[Site]) -> Verdict:
    slopes = [site.layer.slope for site in sites]
    shown = _between([number_text(slope) for slope in (min(slopes), max(slopes))])
    samples = min(site.samples for site in sites)
    negative = [site.layer.negative for site in sites]
    share = _between([percent_text(share) for share in (min(negative), max(negative))])
    calls = swap_calls(diagnosis, sites, LEAKY)
    return Verdict(
        "steep",
        "fault" if max(slopes) >= STEEP else "warning",
        f"below 0, {names(sites)} {'has' if len(sites) == 1 else 'have'} an effective slope of {shown}: the "
        f"{share} of the inputs that are negative, and their gradients, are made that many times larger.",
        f"Measured on {count_text(samples, 'sample')}; the slope is that of the function, not a matter of chance.",
        tuple(site.name for site in sites),
        tuple(Evidence("effective slope E[f'(x) | x < 0]", s.layer.slope, s.samples, s.name) for s in sites),
        "A number of channels given for the slope does this. A slope below 1 damps the negative side: "
        f"{code(calls)}, and train anew.",
        calls,
    )


def _one_sided(sites: list[Site], of: int, *, mostly: bool) -> Verdict:
    count, total = sum(len(one_sided(site)) for site in sites), sum(site.units for site in sites)
    above = sum(int((site.per_unit.positive[list(one_sided(site))] > 0).sum()) for site in sites)
    samples = min(site.one_sided.samples for site in sites)
    severe = mostly and count >= SOME * of  # a bottleneck of few units is no fault of the model
    sides = f"{above} always positive, {count - above} always negative"
    bound = percent_text(never_seen_bound(samples))
    text = f"{count} of {total} units of {names(sites)} ({share_text(count / total)}) "
    text += f"stayed on one side of the kink on {count_text(samples, 'sample')} ({sides})"
    return Verdict(
        "linear" if mostly else "one_sided",
        "warning" if severe and samples >= ENOUGH else "note",
        f"{text}: {'the layer is close to linear' if mostly else 'they act linearly'}.",
        f"Each may still change sides on up to {bound} of all samples (95 %).",
        tuple(site.name for site in sites),
        tuple(
            Evidence("share of units one-sided", len(one_sided(s)) / s.units, s.one_sided.samples, s.name)
            for s in sites
        ),
        (
            "Another slope does not bend them: their inputs have to reach both sides. Put a norm before the "
            'activation, or before training anew `leaky.initialise_(model, "lsuv", batch=batch)`.'
            if samples >= ENOUGH
            else f"Measure on at least {ENOUGH} samples before changing anything."
        )
        if severe
        else "",
        ('leaky.initialise_(model, "lsuv", batch=batch)',) if severe and samples >= ENOUGH else (),
    )


def _straight(found: list[tuple[Site, float]], *, severe: bool, gates: bool = False) -> Verdict:
    sites = [site for site, _ in found]
    samples = min(site.samples for site in sites)
    site, fit = min(found, key=lambda pair: pair[1])
    scale = number_text(site.layer.input_scale)
    call = 'leaky.initialise_(model, "he")'
    return Verdict(
        "linear",
        "warning" if severe else "note",
        f"the inputs of {names(sites)} stay where the function is a straight line: a line explains "
        f"{percent_text(fit)} of the output of {quoted(site.name)} (standard deviation of its inputs: {scale})."
        + (" An output or a gate lies there where the model is not yet sure." if gates else ""),
        f"Read from the histogram of the inputs of {count_text(samples, 'sample')}.",
        tuple(site.name for site in sites),
        tuple(
            Evidence("share of the output's variance a line explains", r, s.samples, s.name) for s, r in found
        ),
        f"Larger inputs bend it: before training anew, `{call}` gives every layer the gain of its activation."
        if severe
        else "",
        (call,) if severe else (),
    )


def _positive(site: Site) -> Evidence:
    low, high = share_interval(site.layer.positive, site.samples)
    return Evidence("share of inputs above 0", site.layer.positive, site.samples, site.name, low, high)


def _between(ends: list[str]) -> str:
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
