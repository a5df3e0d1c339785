"""The table of sites as text, one row a site: the page and the terminal show the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

from leaky.records.diagnosis import DEFINITIONS, Diagnosis, Site
from leaky.report.text import NONE, finite, plain, share_text


@dataclass(frozen=True)
class Row:
    """One site, every field ready to print; `shares` are those of `DEFINITIONS`, in their order."""

    site: str
    activation: str
    life: str
    """Units that died and that came back while they were watched: `3 died, 1 revived`."""
    units: str
    samples: str
    shares: tuple[str, ...]
    counts: tuple[str, ...]
    """How many units, and on how many samples that rests: `12 of 64, 512 samples`."""
    levels: tuple[float, ...]
    positive: str
    slope: str
    flat: str
    reach: str
    scale: str
    gradient: str
    rank: str


def site_rows(diagnosis: Diagnosis) -> list[Row]:
    """The rows in the order of the calls."""
    return [_row(site) for site in diagnosis.sites]


def short_number(value: float) -> str:
    """Three digits; powers of ten where a number would not fit into a column."""
    if not finite(value):
        return NONE
    return f"{value:.3g}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.0e}".replace("e-0", "e-")


def _row(site: Site) -> Row:
    found = [site.found(definition) for definition in DEFINITIONS]
    bounded = finite(site.layer.saturated)
    return Row(
        site=plain(site.name) or "(the model)",
        activation=plain(site.activation),
        life=_life(site),
        units=str(site.units),
        samples=f"{site.samples:,}",
        shares=tuple(share_text(site.share(definition)) for definition in DEFINITIONS),
        counts=tuple(
            "not measured" if f is None else f"{len(f)} of {site.units}, {f.samples:,} samples" for f in found
        ),
        levels=tuple(site.share(definition) for definition in DEFINITIONS),
        positive=share_text(site.layer.positive),
        slope=short_number(site.layer.slope),
        flat=share_text(site.layer.saturated if bounded else site.layer.flat),
        reach=short_number(site.layer.reach),
        scale=short_number(math.hypot(site.layer.mean, site.layer.scale)),
        gradient=short_number(site.layer.gradient_norm),
        rank=short_number(site.layer.effective_rank),
    )


def _life(site: Site) -> str:
    told = [(len(site.life.died), "died"), (len(site.life.revived), "revived")]
    return ", ".join(f"{count} {word}" for count, word in told if count)
