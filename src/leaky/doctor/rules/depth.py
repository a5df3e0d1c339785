"""What depth does to the signal and to the gradient: the factor per layer, and the gain that makes it 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from leaky.doctor.rules.certainty import Trend, trend
from leaky.doctor.rules.words import number_text, quoted, spec_of
from leaky.records.diagnosis import Diagnosis, Site
from leaky.records.verdict import Evidence, Kind, Verdict
from leaky.report.text import count_text, finite, share_text

TOTAL, GRAVE = 10.0, 1e3
"""The factor from the first site to the last (or its inverse) that is worth a warning, and that is a fault."""
FIT = 0.75
"""Below this share of the variance, a straight line in the logarithms is no description of what happens."""
CHAIN = 0.9
"""The same of gradient norms, which a chain of layers multiplies by one factor each. Where outputs are concatenated
(DenseNet), an early layer gets the sum over all that read it: the norm falls ever more slowly with depth, and the
line explains less.
"""
CALL = 'leaky.initialise_(model, "he")'


def signal(site: Site) -> float:
    """Root mean square of the outputs."""
    return math.sqrt(site.layer.mean**2 + site.layer.scale**2)


def gradient(site: Site) -> float:
    """Norm of the gradient at the inputs.

    Not its root mean square, which falls with the number of positions and channels that it is spread over: so it does
    from the last stage to the first of every convolutional network, however well the gradient passes.
    """
    return site.layer.gradient_norm


def signal_trend(diagnosis: Diagnosis) -> Trend | None:
    """Of the outputs, in the order of the calls."""
    return trend([signal(site) for site in diagnosis.sites])


def gradient_trend(diagnosis: Diagnosis) -> Trend | None:
    """Of the gradients on their way back: from the last site to the first."""
    return trend([gradient(site) for site in reversed(diagnosis.sites)])


def spread_trend(diagnosis: Diagnosis) -> Trend | None:
    """The same of its root mean square."""
    return trend([site.layer.gradient_before for site in reversed(diagnosis.sites)])


def depth_verdicts(diagnosis: Diagnosis) -> Iterator[Verdict]:
    """One verdict on the signal, one on the gradient."""
    forward, backward = signal_trend(diagnosis), gradient_trend(diagnosis)
    if forward is not None and _telling(forward):
        yield _verdict(diagnosis.sites, forward, backwards=False)
    if backward is not None and _telling(backward, CHAIN) and _alike(backward, spread_trend(diagnosis)):
        yield _verdict(diagnosis.sites, backward, backwards=True)


def _telling(found: Trend, fit: float = FIT) -> bool:
    """Far enough from 1 in total, straight enough, and no matter of chance between layers."""
    far = not 1 / TOTAL < found.total < TOTAL
    return far and found.fit >= fit and not found.low <= 1 <= found.high


def _alike(norm: Trend, spread: Trend | None) -> bool:
    """Is it true of the single value too? In branches and bottlenecks, which are no chain, only one of them moves."""
    return spread is not None and _telling(spread) and (norm.factor > 1) == (spread.factor > 1)


def _verdict(sites: Sequence[Site], found: Trend, *, backwards: bool) -> Verdict:
    first, last = (sites[-1], sites[0]) if backwards else (sites[0], sites[-1])
    kind: Kind = "exploding" if found.factor > 1 else "vanishing"
    if backwards:
        kind = "exploding_gradient" if found.factor > 1 else "vanishing_gradient"
    what = "the gradient on its way back" if backwards else "the activations"
    changes = "grow" if found.factor > 1 else "shrink"
    ends = f"{number_text(found.low)} to {number_text(found.high)}"
    samples = min((s.gradient_samples if backwards else s.samples) for s in sites)
    measure = f"factor per layer of the {'gradient, backwards' if backwards else 'output'}"
    return Verdict(
        kind,
        "warning" if 1 / GRAVE < found.total < GRAVE else "fault",
        f"{what} {changes}{'s' if backwards else ''} by a factor of {number_text(found.factor)} per layer, "
        f"{number_text(found.total)} from {quoted(first.name)} to {quoted(last.name)} "
        f"({count_text(len(sites), 'site')}).",
        f"95 % interval of the factor {ends}; an even change explains {share_text(found.fit)} of the differences "
        f"between the layers. {'Norms' if backwards else 'Root mean squares'} over {count_text(samples, 'sample')}.",
        tuple(site.name for site in sites),
        (Evidence(measure, found.factor, samples, low=found.low, high=found.high),),
        f"{_gain(sites, found, backwards=backwards)} Before training anew: `{CALL}`, which gives every layer the "
        "gain of its activation; a norm in every layer holds the scale while training goes on.",
        (CALL,),
    )


def _gain(sites: Sequence[Site], found: Trend, *, backwards: bool) -> str:
    """What the measured factor says of the weights, in the terms of initialisation."""
    cure = number_text(1 / found.factor)
    gains = {spec.gain if (spec := spec_of(site)) else math.nan for site in sites}
    gain = gains.pop() if len(gains) == 1 else math.nan
    if not finite(gain):
        return f"Weights {cure} times as large would hold it."
    text = f"Weights {cure} times as large would hold it: {sites[0].activation} takes a gain of {gain:.4g}"
    return (
        f"{text}."
        if backwards
        else f"{text}, and these act as if theirs were {number_text(gain * found.factor)}."
    )
