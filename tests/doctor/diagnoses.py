"""Diagnoses made by hand: from pre-activations written as arrays, by plain NumPy, without a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from leaky import catalogue
from leaky.records.diagnosis import (
    TAUS,
    Diagnosis,
    Found,
    Histogram,
    Layer,
    Life,
    PerUnit,
    Site,
    Window,
)

HOSTILE = "</script><script>alert(1)</script> <img src=x onerror=alert(1)> {{7*7}} $x_1$ [bold]\x1b[31m %{x}"


def normal(
    samples: int = 512, units: int = 32, *, mean: float = 0.0, scale: float = 1.0, seed: int = 0
) -> Any:
    """Healthy pre-activations: samples by units."""
    return np.random.default_rng(seed).normal(mean, scale, (samples, units))


def dead(x: Any, units: Sequence[int]) -> Any:
    """The same, but these units are never above 0."""
    x = x.copy()
    x[:, list(units)] = -np.abs(x[:, list(units)]) - 0.01
    return x


def site(
    name: str,
    activation: str,
    x: Any,
    gradient: Any = 1.0,
    *,
    windows: Sequence[tuple[int, Any]] = (),
    bounded: bool | None = None,
) -> Site:
    """One site from its pre-activations; `gradient` is that of the outputs (None: none came back)."""
    entry = catalogue.parse(activation)
    y = np.asarray(entry.activation.value(x, **entry.parameters))
    slope = np.asarray(entry.activation.derivative(x, **entry.parameters))
    samples, units = x.shape
    with np.errstate(all="ignore"):
        after = None if gradient is None else np.broadcast_to(np.asarray(gradient, dtype=float), x.shape)
        before = None if after is None else after * slope
        magnitude = np.abs(y).mean(0)
        dormancy = magnitude / magnitude.mean() if magnitude.mean() else np.zeros(units)
        negative = (x < 0).sum(0)
        flat = np.where(x < 0, slope, 0).sum(0)
        is_bounded = entry.activation.name in ("sigmoid", "tanh") if bounded is None else bounded
        low = -1.0 if entry.activation.name == "tanh" else 0.0
        near = (y < low + 0.05 * (1 - low)) | (y > 1 - 0.05 * (1 - low))
        per_unit = PerUnit(
            positive=(x > 0).mean(0),
            negative=(x < 0).mean(0),
            nan=np.isnan(x).mean(0),
            active=(x > 0).mean(0),
            slope=np.where(negative > 0, flat / np.maximum(negative, 1), math.nan),
            flat=(np.abs(slope) < 1e-3).mean(0),
            saturated=near.mean(0) if is_bounded else np.full(units, math.nan),
            input_mean=x.mean(0),
            mean=y.mean(0),
            magnitude=magnitude,
            scale=y.std(0),
            dormancy=dormancy,
            gradient_before=_rms(before, units, 0),
            gradient_after=_rms(after, units, 0),
            reach=_rms(before, units, 0) / _rms(after, units, 0),
        )
        layer = Layer(
            positive=float((x > 0).mean()),
            negative=float((x < 0).mean()),
            nan=float(np.isnan(x).mean()),
            slope=float(flat.sum() / negative.sum()) if negative.sum() else math.nan,
            flat=float((np.abs(slope) < 1e-3).mean()),
            saturated=float(near.mean()) if is_bounded else math.nan,
            input_mean=float(x.mean()),
            input_scale=float(x.std()),
            mean=float(y.mean()),
            scale=float(y.std()),
            gradient_before=float(_rms(before, 1, None)[0]),
            gradient_after=float(_rms(after, 1, None)[0]),
            gradient_norm=math.nan if before is None else float(np.sqrt((before**2).sum() / samples)),
            reach=float(_rms(before, 1, None)[0] / _rms(after, 1, None)[0]),
            effective_rank=float(min(units, samples)),
        )
    edges = 0.1 * np.sinh(np.linspace(-9.0, 9.0, 73))
    inside = np.clip(x[np.isfinite(x)], edges[0], edges[-1])
    told, life = _through_time(windows)
    kinked = 0.0 in entry.activation.kinks
    one_sided = ~np.isnan(x).any(0) & (((x > 0).sum(0) == 0) | ((x < 0).sum(0) == 0)) & kinked
    return Site(
        name=name,
        activation=str(entry),
        call=1,
        units=units,
        samples=samples,
        values=samples,
        gradient_samples=0 if before is None else samples,
        never_active=_found(~(x > 0).any(0), samples),
        rarely_active=_found((x > 0).mean(0) < 0.01, samples),
        dormant=_found(dormancy <= 0.025, samples),
        zero_gradient=None if before is None else _found((before == 0).all(0), samples),
        one_sided=_found(one_sided, samples),
        dormant_at={tau: _found(dormancy <= tau, samples).units for tau in TAUS},
        per_unit=per_unit,
        layer=layer,
        histogram=Histogram(edges, np.histogram(inside, edges)[0]),
        windows=told,
        life=life,
    )


def diagnosis(*sites: Site, model: str = "Net", **changes: Any) -> Diagnosis:
    """These sites as a whole."""
    measured = max((site.life.measured for site in sites), default=0) or 1
    given = {"parameters": 12_345, "steps": measured, "measured": measured, "gradients": True, **changes}
    return Diagnosis(sites=sites, model=model, **given)


def example(layers: int = 8, units: int = 48, steps: int = 24, *, name: str = "layers.#.act") -> Diagnosis:
    """A deep ReLU network that loses units while it is trained, followed from step 0 on."""
    rng = np.random.default_rng(7)
    sites = []
    for layer in range(layers):
        fall = rng.permutation(units)[: round(units * 0.75 * layer / layers)]
        born, died = fall[: len(fall) // 5], fall[len(fall) // 5 :]
        when = {int(unit): int(rng.integers(1, max(steps // 2, 2))) for unit in died}
        windows = []
        for step in range(steps):
            gone = [*born, *(unit for unit, at in when.items() if at <= step)]
            x = normal(64, units, scale=0.75**layer, seed=100 * layer + step)
            windows.append((10 * step, dead(x, [int(unit) for unit in gone])))
        x = np.concatenate([x for _, x in windows])
        pull = 1e-3 * 1.4**layer * rng.normal(size=x.shape)
        sites.append(site(name.replace("#", str(layer)), "relu", x, pull, windows=windows))
    return diagnosis(*sites, model="MLP")


def _through_time(windows: Sequence[tuple[int, Any]]) -> tuple[tuple[Window, ...], Life]:
    told, before = [], None
    born: tuple[int, ...] = ()
    died: dict[int, int] = {}
    revived: dict[int, int] = {}
    events: list[Any] = []
    for step, x in windows:
        gone = ~(x > 0).any(0)
        y = np.maximum(x, 0)
        told.append(
            Window(step, len(x), (x > 0).mean(0), float(gone.mean()), float(x.mean()), float(y.mean()),
                   float(y.std()), 1e-3, 2e-3)
        )  # fmt: skip
        if before is None:
            born = tuple(np.flatnonzero(gone).tolist())
            events += [(step, unit, "born_dead") for unit in born]
        else:
            for unit in np.flatnonzero(gone & ~before).tolist():
                died[unit] = step
                revived.pop(unit, None)
                events.append((step, unit, "died"))
            for unit in np.flatnonzero(before & ~gone).tolist():
                revived[unit] = step
                died.pop(unit, None)
                events.append((step, unit, "revived"))
        before = gone
    return tuple(told), Life(len(told), born, died, revived, tuple(events))


def _found(mask: Any, samples: int) -> Found:
    return Found(tuple(np.flatnonzero(mask).tolist()), samples)


def _rms(values: Any, units: int, axis: int | None) -> Any:
    if values is None:
        return np.full(units, math.nan)
    return np.atleast_1d(np.sqrt((np.asarray(values) ** 2).mean(axis)))
