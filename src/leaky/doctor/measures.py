"""The measures: from what was counted and summed to what is said of a unit. NumPy in, records out.

All follow from one table of sums per unit (`Totals.sums`, rows named by `ROWS`), so they are exact over all data
seen, however it was cut into batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leaky.records.diagnosis import (
    TAUS,
    Event,
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
EVENTS = 10_000
"""Events kept per site: with few samples a window, units come and go without end."""
WINDOWS = 256
"""Windows kept per site; beyond, every other one is dropped."""
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
    """Whether f has a kink at 0, so that a unit on one side of it acts linearly."""
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
    """x never changed sides of a kink at 0. Activations without one have no such units."""
    sides = (totals.row("positive") == 0) | (totals.row("negative") == 0)
    mask: NDArray[np.bool_] = sides & (totals.row("nan") == 0) & totals.kinked
    return mask


def effective_rank(second_moment: Numbers | None) -> float:
    """exp of the entropy of the normalised singular values of the outputs, samples by units.

    The singular values are the roots of the eigenvalues of the (uncentred) second moment.
    """
    if second_moment is None or not np.isfinite(second_moment).all():
        return math.nan
    eigenvalues = np.linalg.eigvalsh(second_moment)
    floor = eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps if len(eigenvalues) else 0.0
    singular = np.sqrt(eigenvalues[eigenvalues > max(floor, 0.0)])
    if not len(singular):
        return math.nan  # every output is 0
    shares = singular / singular.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def site_of(totals: Totals) -> Site:
    """Everything said of a site."""
    samples = totals.samples
    gradient = zero_gradient(totals)
    score = dormancy(totals)
    taus = {tau: _indices(score <= tau) for tau in TAUS}
    return Site(
        name=totals.name,
        activation=totals.activation,
        call=totals.call,
        units=totals.sums.shape[1],
        samples=samples,
        values=totals.values,
        gradient_samples=totals.gradient_samples,
        never_active=Found(_indices(never_active(totals)), samples),
        rarely_active=Found(_indices(rarely_active(totals)), samples),
        dormant=Found(taus[DORMANT], samples),
        zero_gradient=None if gradient is None else Found(_indices(gradient), totals.gradient_samples),
        one_sided=Found(_indices(one_sided(totals)), samples),
        dormant_at=taus,
        per_unit=_per_unit(totals, score),
        layer=_layer(totals),
        histogram=None if totals.histogram is None else Histogram(EDGES, totals.histogram),
        elements_never_active=None if totals.elements is None else ~totals.elements,
        windows=totals.windows,
        life=totals.life,
    )


class History:
    """What a site did from window to window, and which of its units were dead."""

    def __init__(self) -> None:
        self._windows: list[tuple[int, Totals, NDArray[np.float32]]] = []
        self._dead: NDArray[np.bool_] | None = None
        self._born: tuple[int, ...] = ()
        self._measured = 0
        self._died: dict[int, int] = {}
        self._revived: dict[int, int] = {}
        self._events: list[tuple[int, int, Event]] = []

    def see(self, step: int, added: Totals) -> None:
        """The next window: what was added in it."""
        self._measured += 1
        self._windows.append(
            (step, added.pooled(), (added.row("positive") / added.values).astype(np.float32))
        )
        if len(self._windows) > WINDOWS:
            del self._windows[1:-1:2]
        dead = never_active(added)
        if self._dead is None:
            self._born = _indices(dead)
            for unit in self._born:
                self._note(step, unit, "born_dead")
        else:
            for unit in _indices(dead & ~self._dead):
                self._revived.pop(unit, None)
                self._died[unit] = step
                self._note(step, unit, "died")
            for unit in _indices(self._dead & ~dead):
                self._died.pop(unit, None)
                self._revived[unit] = step
                self._note(step, unit, "revived")
        self._dead = dead

    def windows(self) -> tuple[Window, ...]:
        """The windows that are kept, the first and the last among them."""
        return tuple(_window(*window) for window in self._windows)

    def _note(self, step: int, unit: int, event: Event) -> None:
        if len(self._events) < EVENTS:
            self._events.append((step, unit, event))

    def life(self) -> Life:
        """The record."""
        return Life(self._measured, self._born, dict(self._died), dict(self._revived), tuple(self._events))


def _window(step: int, pooled: Totals, positive: NDArray[np.float32]) -> Window:
    layer = _layer(pooled)
    return Window(
        step=step,
        samples=pooled.samples,
        positive=positive,
        never_active=float((positive == 0).mean()),
        input_mean=layer.input_mean,
        mean=layer.mean,
        scale=layer.scale,
        gradient_before=layer.gradient_before,
        gradient_after=layer.gradient_after,
    )


def _per_unit(totals: Totals, score: Numbers) -> PerUnit:
    row, values = totals.row, totals.values
    mean = _over(row("output"), values)
    before = _rms(row("gradient_before"), totals.gradient_before_values)
    after = _rms(row("gradient_after"), totals.gradient_values)
    return PerUnit(
        positive=_over(row("positive"), values),
        negative=_over(row("negative"), values),
        nan=_over(row("nan"), values),
        active=_over(row("active"), totals.samples),
        slope=_over(row("slope"), row("negative")),
        flat=_over(row("flat"), values),
        saturated=_over(row("saturated"), values if totals.bounded else 0),
        input_mean=_over(row("input"), values),
        mean=mean,
        magnitude=_over(row("output_absolute"), values),
        scale=_deviation(_over(row("output_squared"), values), mean),
        dormancy=score,
        gradient_before=before,
        gradient_after=after,
        reach=_over(before, after),
    )


def _layer(totals: Totals) -> Layer:
    pooled = totals if totals.pool else totals.pooled()
    total, units = dict(zip(ROWS, pooled.sums, strict=True)), pooled.pool
    values = totals.values * units
    mean, input_mean = _over(total["output"], values), _over(total["input"], values)
    before = _rms(total["gradient_before"], totals.gradient_before_values * units)
    after = _rms(total["gradient_after"], totals.gradient_values * units)
    numbers = {
        "positive": _over(total["positive"], values),
        "negative": _over(total["negative"], values),
        "nan": _over(total["nan"], values),
        "slope": _over(total["slope"], total["negative"]),
        "flat": _over(total["flat"], values),
        "saturated": _over(total["saturated"], values if totals.bounded else 0),
        "input_mean": input_mean,
        "input_scale": _deviation(_over(total["input_squared"], values), input_mean),
        "mean": mean,
        "scale": _deviation(_over(total["output_squared"], values), mean),
        "gradient_before": before,
        "gradient_after": after,
        "gradient_norm": _rms(
            total["gradient_before"], totals.gradient_passes if totals.gradient_before_values else 0
        ),
        "reach": _over(before, after),
    }
    plain = {name: float(number[0]) for name, number in numbers.items()}
    return Layer(**plain, effective_rank=effective_rank(totals.second_moment))


def _indices(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(mask).tolist())


def _over(numerator: Numbers, denominator: Numbers | float) -> Numbers:
    """The quotient; NaN where nothing was counted."""
    with np.errstate(all="ignore"):
        below = np.asarray(denominator, dtype=np.float64)
        quotient: Numbers = np.where(below == 0, np.nan, numerator / np.where(below == 0, 1.0, below))
        return quotient


def _rms(squares: Numbers, count: float) -> Numbers:
    return np.sqrt(_over(squares, count))


def _deviation(square: Numbers, mean: Numbers) -> Numbers:
    with np.errstate(all="ignore"):
        deviation: Numbers = np.sqrt(np.maximum(square - mean**2, 0.0))
        return deviation
