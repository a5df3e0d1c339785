"""The words that all rules share: names of sites, kinds of activations, the calls of prescriptions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from leaky import catalogue
from leaky.catalogue import Spec
from leaky.doctor.rules.certainty import ENOUGH, never_seen_bound
from leaky.errors import LeakyError
from leaky.records.diagnosis import Diagnosis, Site
from leaky.report.text import count_text, plain, share_text

LEAKY = "leaky_relu(negative_slope=0.1)"
"""What a ReLU that loses units becomes: every unit keeps a gradient, a tenth of it below 0."""


def spec_of(site: Site) -> Spec | None:
    """The site's activation, if it is in the catalogue."""
    return _parsed(site.activation)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Spec | None:
    try:
        return catalogue.parse(text)
    except LeakyError:  # a user's own function, or a record of another version
        return None


def is_rectifier(site: Site) -> bool:
    """Is f flat on the whole negative side, as ReLU is? Then a unit that stays there gets no gradient."""
    spec = spec_of(site)
    if spec is None:
        return site.layer.negative > 0 and site.layer.slope == 0
    return bool(_slopes(spec)[0] == 0)


def is_leaky(site: Site) -> bool:
    """Are there two lines that meet at 0, both with a gradient?"""
    spec = spec_of(site)
    return spec is not None and spec.activation.kinks == (0.0,) and not is_rectifier(site)


@lru_cache(maxsize=256)
def _slopes(spec: Spec) -> tuple[float, float]:
    """The steepest slope on the negative side, and that at 1."""
    points = np.array([-100.0, -10.0, -1.0, -0.1, 1.0])
    slopes = np.abs(np.asarray(spec.activation.derivative(points, **spec.parameters), dtype=np.float64))
    return float(slopes[:4].max()), float(slopes[4])


def title(sites: Iterable[Site]) -> str:
    """`ReLU` where all sites apply the same activation, `rectifier` for a mixture."""
    titles = {spec.activation.title if (spec := spec_of(site)) else plain(site.activation) for site in sites}
    return titles.pop() if len(titles) == 1 else "rectifier"


def names(sites: Sequence[Site], most: int = 3) -> str:
    """Some of the sites by name, and how many more there are."""
    shown = [quoted(site.name) for site in sites[:most]]
    if len(sites) > most:
        return f"{', '.join(shown)} and {len(sites) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def quoted(name: str) -> str:
    """A name as prose shows it."""
    return f"`{plain(name)}`" if name else "the model's own call"


def units_text(number: int, total: int) -> str:
    """`12 of 64 units (19 %)`."""
    return f"{number} of {count_text(total, 'unit')} ({share_text(number / total if total else math.nan)})"


def number_text(value: float) -> str:
    """Three digits, and powers of ten where they are shorter."""
    return f"{value:,.3g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.1e}"


def percent_text(share: float) -> str:
    """A share in per cent; near 0 and near 1 the digits matter."""
    if 0.9999 < share < 1:
        return "over 99.99 %"
    return f"{100 * share:.4g} %" if share > 0.5 or not share else f"{100 * share:.2g} %"


def unseen_text(samples: int) -> str:
    """What may be said of units that were not seen active."""
    bound = percent_text(never_seen_bound(samples))
    end = "" if samples >= ENOUGH else f", so none is called dead: that takes {ENOUGH} samples"
    return f"Unseen in {count_text(samples, 'sample')}, each may still be active on up to {bound} of all (95 %){end}."


def measure_more(samples: int) -> str:
    """The only prescription on too few samples."""
    return f"Measure on at least {ENOUGH} samples before changing anything." if samples < ENOUGH else ""


def swap_calls(diagnosis: Diagnosis, sites: Sequence[Site], after: str = LEAKY) -> tuple[str, ...]:
    """One call of `leaky.swap` for each activation; `where` is left out where all its sites are meant."""
    calls = []
    for activation in dict.fromkeys(site.activation for site in sites):
        before = _name(activation)
        meant = [_module(site.name) for site in sites if site.activation == activation]
        alike = {_module(site.name) for site in diagnosis.sites if _name(site.activation) == before}
        where = "" if alike <= set(meant) else f", where={json.dumps(list(dict.fromkeys(meant)))}"
        calls.append(f'leaky.swap(model, "{before}", "{after}"{where})')
    return tuple(dict.fromkeys(calls))


def code(calls: Iterable[str]) -> str:
    """Calls in a sentence."""
    return " and ".join(f"`{call}`" for call in calls)


def _name(activation: str) -> str:
    return activation.partition("(")[0]


def _module(name: str) -> str:
    """`act:2` is the second call of the module `act`, which is swapped as a whole."""
    return re.sub(r":\d+$", "", name)
