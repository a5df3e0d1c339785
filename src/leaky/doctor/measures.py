"""The measures: from what was counted and summed to what is said of a unit. NumPy in, records out.

All follow from one table of sums per unit (`Totals.sums`, rows named by `ROWS`), so they are exact over all data
seen, however it was cut into batches.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leaky.doctor.quotients import deviation, effective_rank, over, rms
from leaky.records.diagnosis import (
    TAUS,
    Found,
    Histogram,
    Layer,
    Life,
    Numbers,
    PerUnit,
    Site,
    Window,
)

ROWS = (
    "positive",  # count of x > 0
    "negative",  # count of x < 0
    "nan",  # count of NaN
    "active",  # count of samples with x > 0 anywhere
    "input",  # sum of x, and so on; NaN counts as 0 in all sums
    "input_squared",
    "output",
    "output_absolute",
    "output_squared",
    "slope",  # sum of f'(x) over x < 0
    "flat",  # count of |f'(x)| < FLAT
    "saturated",
    "gradient_after",  # sum of squares of the gradient at the output
    "gradient_before",  # and at the input
    "gradient_nonzero",  # 0 where all gradients at the input were exactly 0
)
FLAT = 1e-3
RARE = 0.01
DORMANT = 0.025
SATURATED = 0.05
"""Share of the output's range next to a bound that counts as saturated."""
EDGES: Numbers = 0.1 * np.sinh(np.linspace(-9.0, 9.0, 73))
"""Edges of the histograms: asinh(10 x) in steps of 0.25, so that 0 is an edge, bins near it are 0.025 wide and
those at 1 and 10 a quarter of the value; the last edges are at about 405."""


@dataclass
class Totals:
    """What was counted at one site; `sums` is of shape (len(ROWS), units)."""

    name: str
    activation: str
    call: int
    sums: Numbers
    samples: int
    values: int
    """What each unit saw: samples times positions."""
    gradient_samples: int = 0
    gradient_values: int = 0
    gradient_before_values: int = 0
    gradient_passes: int = 0
    kinked: bool = True
    """Whether f has a kink at 0, so that a unit that stays above it acts linearly."""
    line_below: bool = True
    """Whether f is a line below 0 too, so that a unit that stays there acts linearly as well."""
    bounded: bool = False
    second_moment: Numbers | None = None
    histogram: NDArray[np.int64] | None = None
    elements: NDArray[np.bool_] | None = None
    windows: tuple[Window, ...] = ()
    life: Life = field(default_factory=Life)
    pool: int = 0
    """How many units the one column of `sums` is of, where they were added up."""

    def row(self, name: str) -> Numbers:
        """One row of the sums."""
        row: Numbers = self.sums[ROWS.index(name)]
        return row

    def pooled(self) -> Totals:
        """All units added up."""
        return replace(self, sums=self.sums.sum(1, keepdims=True), pool=self.sums.shape[1])

    def minus(self, before: Totals) -> Totals:
        """What was added since."""
        return Totals(
            self.name,
            self.activation,
            self.call,
            self.sums - before.sums,
            self.samples - before.samples,
            self.values - before.values,
            self.gradient_samples - before.gradient_samples,
            self.gradient_values - before.gradient_values,
            self.gradient_before_values - before.gradient_before_values,
            self.gradient_passes - before.gradient_passes,
        )


def never_active(totals: Totals) -> NDArray[np.bool_]:
    """x > 0 on no sample. What is NaN is not above 0."""
    mask: NDArray[np.bool_] = totals.row("positive") == 0
    return mask


def rarely_active(totals: Totals) -> NDArray[np.bool_]:
    """x > 0, anywhere, on under 1 % of the samples; units that are never active among them."""
    return totals.row("active") < RARE * totals.samples


def dormancy(totals: Totals) -> Numbers:
    """Mean |h| of a unit over the mean of that over the units (Sokar et al. 2023); 0 where all are 0."""
    magnitude = totals.row("output_absolute") / max(totals.values, 1)
    mean = magnitude.mean() if len(magnitude) else 0.0
    return magnitude / mean if mean > 0 else np.where(np.isnan(magnitude), np.nan, 0.0)


def zero_gradient(totals: Totals) -> NDArray[np.bool_] | None:
    """The gradient at the input was exactly 0 wherever one came back; None where none did."""
    if not totals.gradient_before_values:
        return None
    mask: NDArray[np.bool_] = totals.row("gradient_nonzero") == 0
    return mask


def one_sided(totals: Totals) -> NDArray[np.bool_]:
    """x stayed on one side of a kink at 0 on which f is a line: below 0, that of an ELU is none.

    Activations without a kink there have no such units.
    """
    sides = (totals.row("negative") == 0) | ((totals.row("positive") == 0) & totals.line_below)
    mask: NDArray[np.bool_] = sides & (totals.row("nan") == 0) & totals.kinked
    return mask


def site_of(totals: Totals) -> Site:
    """Everything said of a site."""
    samples = totals.samples
    gradient = zero_gradient(totals)
    score = dormancy(totals)
    taus = {tau: indices(score <= tau) for tau in TAUS}
    return Site(
        name=totals.name,
        activation=totals.activation,
        call=totals.call,
        units=totals.sums.shape[1],
        samples=samples,
        values=totals.values,
        gradient_samples=totals.gradient_samples,
        never_active=Found(indices(never_active(totals)), samples),
        rarely_active=Found(indices(rarely_active(totals)), samples),
        dormant=Found(taus[DORMANT], samples),
        zero_gradient=None if gradient is None else Found(indices(gradient), totals.gradient_samples),
        one_sided=Found(indices(one_sided(totals)), samples),
        dormant_at=taus,
        per_unit=_per_unit(totals, score),
        layer=layer_of(totals),
        histogram=None if totals.histogram is None else Histogram(EDGES, totals.histogram),
        elements_never_active=None if totals.elements is None else ~totals.elements,
        windows=totals.windows,
        life=totals.life,
    )


def _per_unit(totals: Totals, score: Numbers) -> PerUnit:
    row, values = totals.row, totals.values
    mean = over(row("output"), values)
    before = rms(row("gradient_before"), totals.gradient_before_values)
    after = rms(row("gradient_after"), totals.gradient_values)
    return PerUnit(
        positive=over(row("positive"), values),
        negative=over(row("negative"), values),
        nan=over(row("nan"), values),
        active=over(row("active"), totals.samples),
        slope=over(row("slope"), row("negative")),
        flat=over(row("flat"), values),
        saturated=over(row("saturated"), values if totals.bounded else 0),
        input_mean=over(row("input"), values),
        mean=mean,
        magnitude=over(row("output_absolute"), values),
        scale=deviation(over(row("output_squared"), values), mean),
        dormancy=score,
        gradient_before=before,
        gradient_after=after,
        reach=over(before, after),
    )


def layer_of(totals: Totals) -> Layer:
    """What is said of all units together."""
    pooled = totals if totals.pool else totals.pooled()
    total, units = dict(zip(ROWS, pooled.sums, strict=True)), pooled.pool
    values = totals.values * units
    mean, input_mean = over(total["output"], values), over(total["input"], values)
    before = rms(total["gradient_before"], totals.gradient_before_values * units)
    after = rms(total["gradient_after"], totals.gradient_values * units)
    numbers = {
        "positive": over(total["positive"], values),
        "negative": over(total["negative"], values),
        "nan": over(total["nan"], values),
        "slope": over(total["slope"], total["negative"]),
        "flat": over(total["flat"], values),
        "saturated": over(total["saturated"], values if totals.bounded else 0),
        "input_mean": input_mean,
        "input_scale": deviation(over(total["input_squared"], values), input_mean),
        "mean": mean,
        "scale": deviation(over(total["output_squared"], values), mean),
        "gradient_before": before,
        "gradient_after": after,
        "gradient_norm": rms(
            total["gradient_before"], totals.gradient_passes if totals.gradient_before_values else 0
        ),
        "reach": over(before, after),
    }
    plain = {name: float(number[0]) for name, number in numbers.items()}
    return Layer(**plain, effective_rank=effective_rank(totals.second_moment))


def indices(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Where a mask is true."""
    return tuple(np.flatnonzero(mask).tolist())
