"""A diagnosis: what the activations of a model were measured to do, unit by unit.

Arrays are NumPy, one entry a unit unless said otherwise; NaN stands where nothing was there to measure. Shares are
between 0 and 1. A number that rests on gradients is NaN (a list None) where no gradient passed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaky.records.life import Event as Event
from leaky.records.life import Life as Life
from leaky.records.life import Window as Window

Numbers = NDArray[np.float64]

DEFINITIONS: Mapping[str, str] = {
    "never_active": "the input is above 0 on no sample",
    "rarely_active": "the input is above 0 (anywhere) on under 1 % of the samples",
    "dormant": "mean |output| is at most 0.025 of its mean over the site's units (Sokar et al. 2023)",
    "zero_gradient": "the gradient of the input is exactly 0 on every sample",
    "one_sided": "the input never changes sides of the kink at 0, and f is a line there: the unit acts linearly",
}
"""The definitions of a unit that does nothing, by name; every one is judged on a number of samples."""
TAUS = (0.0, 0.01, 0.025, 0.1)
"""Thresholds that dormant units are told for; the definition `dormant` is that of 0.025."""


@dataclass(frozen=True)
class Found:
    """The units that fit a definition, and the number of samples that is known from."""

    units: tuple[int, ...]
    samples: int

    def __len__(self) -> int:
        return len(self.units)


@dataclass(frozen=True)
class PerUnit:
    """What was measured of each unit, over all values it took.

    `positive`: share of inputs above 0; `negative`: below; `nan`: that are NaN. `active`: share of samples with an
    input above 0 anywhere. `slope`: mean of f'(x) over x < 0. `flat`: share of inputs with |f'(x)| < 1e-3.
    `saturated`: share of outputs within 5 % of their range from a bound, for sigmoid, tanh and their kin.
    `input_mean`, `mean` (of the output h), `magnitude` (of |h|) and `scale` (the standard deviation of h).
    `dormancy`: magnitude over its mean of all units, the score of Sokar et al. `gradient_before`, `gradient_after`:
    root mean square of the gradient at the input and at the output; `reach`: the first over the second.
    """

    positive: Numbers
    negative: Numbers
    nan: Numbers
    active: Numbers
    slope: Numbers
    flat: Numbers
    saturated: Numbers
    input_mean: Numbers
    mean: Numbers
    magnitude: Numbers
    scale: Numbers
    dormancy: Numbers
    gradient_before: Numbers
    gradient_after: Numbers
    reach: Numbers


@dataclass(frozen=True)
class Layer:
    """The same of all units together. `scale` and `input_scale` are standard deviations over all values;
    gradients are root mean squares, `gradient_norm` the Euclidean norm at the input of an average step, and
    `effective_rank` that of the outputs (Roy and Vetterli 2007), between 1 and the number of units.
    """

    positive: float
    negative: float
    nan: float
    slope: float
    flat: float
    saturated: float
    input_mean: float
    input_scale: float
    mean: float
    scale: float
    gradient_before: float
    gradient_after: float
    gradient_norm: float
    reach: float
    effective_rank: float


@dataclass(frozen=True)
class Histogram:
    """Counts of pre-activations between `edges`; the first and last bin take what lies beyond, NaN is left out."""

    edges: Numbers
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Site:
    """One activation, at one of its calls in a forward pass.

    `name` is the module's dotted name, or that of the module in whose forward a function is called, then the
    function: `block.1.leaky_relu`; from the second call on with its number, `act:2`. `activation` is a spec.
    `samples` counts batch entries, `values` what each unit saw: samples times positions. `gradient_samples` counts
    the entries that a gradient came back for.
    """

    name: str
    activation: str
    call: int
    units: int
    samples: int
    values: int
    gradient_samples: int
    never_active: Found
    rarely_active: Found
    dormant: Found
    zero_gradient: Found | None
    one_sided: Found
    dormant_at: Mapping[float, tuple[int, ...]]
    per_unit: PerUnit
    layer: Layer
    histogram: Histogram | None = None
    elements_never_active: NDArray[np.bool_] | None = None
    """Per element of a sample (the input's shape without the batch), where that was asked for."""
    windows: tuple[Window, ...] = ()
    life: Life = field(default_factory=Life)

    def found(self, definition: str) -> Found | None:
        """The units under one of `DEFINITIONS`; None where it could not be measured."""
        if definition not in DEFINITIONS:
            raise KeyError(definition)
        found: Found | None = getattr(self, definition)
        return found

    def share(self, definition: str) -> float:
        """Their share of all units; NaN where it could not be measured."""
        found = self.found(definition)
        return len(found) / self.units if found is not None and self.units else math.nan

    def to_json(self) -> dict[str, Any]:
        """Plain data: under each definition the unit indices, None where it could not be measured."""
        lists: dict[str, Any] = {}
        judged: dict[str, int] = {}
        shares: dict[str, Any] = {}
        for definition in DEFINITIONS:
            found = self.found(definition)
            lists[definition] = None if found is None else list(found.units)
            judged[definition] = 0 if found is None else found.samples
            shares[definition] = self.share(definition)
        plain: dict[str, Any] = _plain(
            {
                "name": self.name,
                "activation": self.activation,
                "call": self.call,
                "units": self.units,
                "samples": self.samples,
                "values": self.values,
                "gradient_samples": self.gradient_samples,
                **lists,
                "dormant_at": {f"{tau:g}": list(units) for tau, units in self.dormant_at.items()},
                "judged_on": judged,
                "shares": shares,
                "layer": vars(self.layer),
                "per_unit": vars(self.per_unit),
                "histogram": None if self.histogram is None else vars(self.histogram),
                "elements_never_active": self.elements_never_active,
                "windows": [vars(window) for window in self.windows],
                "life": {
                    "measured": self.life.measured,
                    "born_dead": list(self.life.born_dead),
                    "died": {str(unit): step for unit, step in self.life.died.items()},
                    "revived": {str(unit): step for unit, step in self.life.revived.items()},
                    "events": [list(event) for event in self.life.events],
                },
            }
        )
        return plain


@dataclass(frozen=True)
class Diagnosis:
    """All sites of a model in the order of their first call.

    `steps` counts calls of `step()` (batches, for `leaky.diagnose`), `measured` the steps that were looked at.
    `notes` say what could not be measured, and why.
    """

    sites: tuple[Site, ...]
    model: str
    parameters: int
    steps: int
    measured: int
    gradients: bool
    notes: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The sites' names."""
        return tuple(site.name for site in self.sites)

    @property
    def samples(self) -> int:
        """Batch entries that the best-fed site saw."""
        return max((site.samples for site in self.sites), default=0)

    def __getitem__(self, name: str) -> Site:
        for site in self.sites:
            if site.name == name:
                return site
        raise KeyError(name)

    def __iter__(self) -> Iterator[Site]:
        return iter(self.sites)

    def __len__(self) -> int:
        return len(self.sites)

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not a finite number is None."""
        return {
            "model": self.model,
            "parameters": self.parameters,
            "steps": self.steps,
            "measured": self.measured,
            "samples": self.samples,
            "gradients": self.gradients,
            "definitions": dict(DEFINITIONS),
            "notes": list(self.notes),
            "sites": [site.to_json() for site in self.sites],
        }


def _plain(value: Any) -> Any:
    """JSON knows neither arrays nor NaN nor infinity; six digits are enough of a measurement."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
