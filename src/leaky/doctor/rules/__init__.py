"""The doctor's verdicts: rules over a diagnosis. Records in, records out; nothing here knows torch.

- `dead`: born dead, dead layers, dying units.
- `linear`: inputs all positive, slopes near 1, one-sided units.
- `depth`: signals and gradients that explode or vanish.
- `values`: NaN, saturation, dormant units, gradients that do not come back.
- `certainty`: what a number of samples allows to say.
"""

from __future__ import annotations

from typing import get_args

from leaky.doctor.rules.certainty import ENOUGH, never_seen_bound
from leaky.doctor.rules.dead import dead_verdicts
from leaky.doctor.rules.depth import depth_verdicts
from leaky.doctor.rules.linear import linear_verdicts
from leaky.doctor.rules.values import value_verdicts
from leaky.doctor.rules.words import is_rectifier, names, percent_text
from leaky.records.diagnosis import Diagnosis
from leaky.records.verdict import Evidence, Kind, Verdict
from leaky.report.text import count_text, share_text

__all__ = ["verdicts"]

_GRAVITY = ("fault", "warning", "healthy", "note")


def verdicts(diagnosis: Diagnosis) -> tuple[Verdict, ...]:
    """What the measurements say is wrong, the gravest first; `healthy` where nothing is.

    Each verdict holds the numbers it rests on with their samples, what these allow to conclude, and a prescription
    where there is ground for one. A unit that was not seen active is called dead only from 299 samples on: then, at
    95 %, it is active on under 1 % of all (the rule of three).
    """
    found = [
        verdict
        for rule in (value_verdicts, dead_verdicts, depth_verdicts, linear_verdicts)
        for verdict in rule(diagnosis)
    ]
    if not any(verdict.severity in ("fault", "warning") for verdict in found):
        found.append(_healthy(diagnosis))
    unreached = [site for site in diagnosis.sites if not site.samples]
    if unreached:
        found.append(
            Verdict(
                "unclear",
                "note",
                f"{names(unreached)} got no samples.",
                "Nothing is known of it.",
                tuple(site.name for site in unreached),
            )
        )
    kinds = get_args(Kind)
    return tuple(sorted(found, key=lambda v: (_GRAVITY.index(v.severity), kinds.index(v.kind))))


def _healthy(diagnosis: Diagnosis) -> Verdict:
    sites = [site for site in diagnosis.sites if site.samples]
    if not sites:
        return Verdict("unclear", "note", "no activation got a sample.", "Nothing is known.")
    samples = min(site.samples for site in sites)
    rectifiers = [site for site in sites if is_rectifier(site)]
    worst = max((site.share("never_active") for site in rectifiers), default=0.0)
    text = f"nothing grave found at {count_text(len(sites), 'site')} on {count_text(samples, 'sample')}"
    text += f"; at most {share_text(worst)} of a layer's units never active." if rectifiers else "."
    few = samples < ENOUGH
    return Verdict(
        "unclear" if few else "healthy",
        "note" if few else "healthy",
        text,
        f"What happens on under {percent_text(never_seen_bound(samples))} of the data may have been missed (95 %)"
        + (f"; {ENOUGH} samples make that 1 %." if few else "."),
        tuple(site.name for site in sites),
        tuple(
            Evidence("share of units never active", s.share("never_active"), s.samples, s.name)
            for s in rectifiers
        ),
    )
