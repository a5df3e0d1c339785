"""What the records declare, against the numbers: every property, both gains, the sides of every kink."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import leaky
from leaky.catalogue import Activation
from leaky.errors import ArgumentError, ArgumentTypeError

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "leaky_relu": [{"negative_slope": a} for a in (0.0, 0.2, 1.0, 1.5, -0.5)],
    "prelu": [{"negative_slope": a} for a in (0.0, 0.2, 1.5, -0.5)],
    "rrelu": [{"form": "divide"}, {"lower": -0.2, "upper": 0.1}, {"lower": 1.5, "upper": 2.0}],
    "clipped_relu": [{"ceiling": 1.0}],
    "thresholded_relu": [{"threshold": 0.0}],
    "displaced_relu": [{"delta": 0.0}, {"delta": 1.5}],
    "hardshrink": [{"lambd": 0.05}],
    "elu": [{"alpha": 0.5}, {"alpha": 2.0}],
    "celu": [{"alpha": 0.5}, {"alpha": 2.0}],
    "softplus": [{"threshold": 50.0}, {"beta": 3.0, "threshold": 60.0}, {"threshold": 1.0}],
    "hardtanh": [{"min_val": 0.5, "max_val": 2.0}],
    "hardsigmoid": [{"slope": 0.2}, {"slope": 2.0, "offset": 0.25}],
    "gelu": [{"approximate": "tanh"}],
    "silu": [{"beta": 0.0}, {"beta": -2.0}, {"beta": 1.7}],
    "s_shaped_relu": [
        dict(zip(("threshold_left", "slope_left", "threshold_right", "slope_right"), shape, strict=True))
        for shape in (
            (-1.0, 0.0, 1.0, 0.0),
            (-1.0, 0.5, 1.0, 2.0),
            (0.5, -0.5, 0.5, 0.3),
            (0.0, 1.0, 2.0, -1.0),
        )
    ],
    "flexible_relu": [{"bias": -0.398}],
    "adaptive_piecewise_linear": [
        {"slopes": (-0.25,), "offsets": (0.0,)},
        {"slopes": (0.5, -1.0), "offsets": (-1.0, 1.0)},
        {"slopes": (1.0, 2.0), "offsets": (0.5, -2.0)},
    ],
}
CASES = [
    (name, setting)
    for name, entry in leaky.catalogue.items()
    if entry.facts is not None and entry.elementwise
    for setting in ({}, *SETTINGS.get(name, []))
]
ROUNDING = 1e-13


def _line(entry: Activation, setting: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Many points, both sides of every kink (and of softplus' threshold) among them."""
    kinks = [*entry.kinks_at(**setting)]
    if entry.name == "softplus":
        values = entry.bind(**setting)
        kinks.append(values["threshold"] / values["beta"])
    beside = [kink + side for kink in kinks for side in (-1e-9, 1e-9)]
    return np.unique([*np.linspace(-60, 60, 24001), *np.linspace(-3, 3, 60001), *kinks, *beside])


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_declared_properties_are_those_of_the_numbers(name: str, setting: dict[str, Any]) -> None:
    entry = leaky.catalogue[name]
    facts, x = entry.facts_at(**setting), _line(entry, setting)
    y, slope = entry.value(x, **setting), entry.derivative(x, **setting)
    steps, gaps = np.diff(y), np.diff(x)
    assert facts.monotone == bool(np.all(steps >= -1e-15 * (1 + np.abs(y[1:]))))
    jump = np.max(np.abs(steps[gaps < 1e-8]), initial=0.0) > 1e-8 * (1 + np.max(np.abs(slope)))
    if (
        name != "softplus"
    ):  # its jump is smaller than any step; the properties that follow from it are checked
        assert facts.continuous == (not jump)
        even = entry.value(np.linspace(-60, 60, 24001), **setting)
        bend = even[2:] + even[:-2] - 2 * even[1:-1]
        assert facts.convex == bool(np.all(bend >= -1e-12 * (1 + np.abs(even[1:-1]))))
    doubled = entry.value(2 * x, **setting)
    assert facts.homogeneous == bool(np.all(np.abs(doubled - 2 * y) <= ROUNDING * (1 + np.abs(y))))
    if math.isinf(facts.lipschitz):
        assert jump or np.max(np.abs(slope)) > 50 or (name == "softplus" and not facts.continuous)
    else:
        assert np.max(np.abs(slope)) == pytest.approx(facts.lipschitz, rel=1e-7)
    low, high = facts.bounds
    ends = entry.value(np.array([-np.inf, np.inf]), **setting)
    found = np.concatenate([y, ends])
    assert np.min(found) == pytest.approx(low, abs=1e-8)
    assert np.max(found) == pytest.approx(high, abs=1e-8)


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_the_derivative_is_the_numeric_one(name: str, setting: dict[str, Any]) -> None:
    entry = leaky.catalogue[name]
    x = np.linspace(-7, 7, 2000)
    step = 1e-5
    kinks = [*entry.kinks_at(**setting)]
    if name == "softplus":
        values = entry.bind(**setting)
        kinks.append(values["threshold"] / values["beta"])
    away = np.all([np.abs(x - kink) > 2 * step for kink in [*kinks, 1e9]], axis=0)
    numeric = (entry.value(x + step, **setting) - entry.value(x - step, **setting)) / (2 * step)
    np.testing.assert_allclose(entry.derivative(x, **setting)[away], numeric[away], atol=2e-9)


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_sides_of_a_kink_and_the_convention_between(name: str, setting: dict[str, Any]) -> None:
    entry = leaky.catalogue[name]
    continuous = entry.facts_at(**setting).continuous
    for kink in entry.kinks_at(**setting):
        at = np.array([kink])
        left, right, mid = (
            entry.derivative(at, **setting, kink=side)[0] for side in ("left", "right", "mid")
        )
        beside = entry.derivative(np.array([kink - 1e-7, kink + 1e-7]), **setting)
        assert [left, right] == pytest.approx(beside.tolist(), abs=1e-6)
        assert mid == pytest.approx((left + right) / 2, rel=1e-15)
        if continuous:
            assert min(left, right) <= entry.derivative(at, **setting)[0] <= max(left, right)
    x = np.array([-31.7, 0.123, 31.7, math.nan])
    for side in ("left", "right", "mid"):
        np.testing.assert_allclose(
            entry.derivative(x, **setting, kink=side), entry.derivative(x, **setting), rtol=1e-15
        )


def test_kinks_follow_the_parameters() -> None:
    table = leaky.catalogue
    assert table["clipped_relu"].kinks_at(ceiling=3.0) == (0.0, 3.0)
    assert table["hardtanh"].kinks_at(-2.0, 0.5) == (-2.0, 0.5)
    assert table["hardsigmoid"].kinks == (-3.0, 3.0)
    assert table["hardsigmoid"].kinks_at(slope=0.2) == (-2.5, 2.5)
    assert table["s_shaped_relu"].kinks_at(threshold_left=-1.0) == (-1.0, 1.0)
    assert table["gelu"].kinks == ()


def test_pytorchs_side_is_the_default() -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    for spec, function in {
        "relu": functional.relu,
        "leaky_relu(0.2)": lambda x: functional.leaky_relu(x, 0.2),
        "relu6": functional.relu6,
        "elu(2)": lambda x: functional.elu(x, 2.0),
        "selu": functional.selu,
        "hardtanh": functional.hardtanh,
        "hardsigmoid": functional.hardsigmoid,
        "hardswish": functional.hardswish,
        "hardshrink": functional.hardshrink,
    }.items():
        parsed = leaky.parse(spec)
        x = torch.tensor(
            parsed.activation.kinks_at(**parsed.parameters), dtype=torch.float64, requires_grad=True
        )
        function(x).sum().backward()
        ours = parsed.activation.derivative(x.detach().numpy(), **parsed.parameters)
        np.testing.assert_allclose(ours, x.grad.numpy(), rtol=1e-14, err_msg=spec)


def test_what_cannot_be_asked_is_said() -> None:
    with pytest.raises(ArgumentError, match=r"^relu: `kink` must be 'left', 'right', 'mid', got 'up'$"):
        leaky.catalogue["relu"].derivative(0.0, kink="up")
    with pytest.raises(ArgumentError, match=r"^pade: no facts are declared; measure them"):
        leaky.catalogue["pade"].facts_at()
    with pytest.raises(
        ArgumentTypeError, match=r"^prelu: facts are for one setting, `negative_slope` must be"
    ):
        leaky.catalogue["prelu"].facts_at(np.zeros(3))
