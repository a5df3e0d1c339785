"""Inverses: there and back, NaN where there is no way back, and why some functions have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import leaky
from leaky.errors import ArgumentError

X = np.array([-30.0, -3.0, -1.0, -1e-3, -1e-9, 0.0, 1e-9, 1e-3, 0.7, 1.0, 3.0, 15.0])
INVERTIBLE: list[tuple[str, dict[str, Any]]] = [
    ("leaky_relu", {"negative_slope": 0.2}),
    ("leaky_relu", {"negative_slope": 1.5}),
    ("very_leaky_relu", {}),
    ("prelu", {}),
    ("rrelu", {}),
    ("rrelu", {"form": "divide"}),
    ("elu", {"alpha": 0.5}),
    ("selu", {}),
    ("celu", {"alpha": 2.0}),
    ("softplus", {}),
    ("softplus", {"beta": 0.3}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("softsign", {}),
    ("s_shaped_relu", {"slope_left": 0.3, "slope_right": 2.0}),
    ("silu", {"beta": 0.0}),
]


@pytest.mark.parametrize(("name", "setting"), INVERTIBLE)
def test_there_and_back(name: str, setting: dict[str, Any]) -> None:
    entry = leaky.catalogue[name]
    y, slope = entry.value(X, **setting), entry.derivative(X, **setting)
    back = entry.inverse(y, **setting)
    # y is rounded, and what a rounding is worth in x is 1/f'(x); beyond a limit nothing comes back
    allowed = 4e-16 * (4 * np.abs(X) + 8 * np.maximum(np.abs(y), 1e-300) / slope)
    known = allowed < 1e-3
    assert known.sum() >= 8
    assert np.all(np.abs(back - X)[known] <= allowed[known])
    assert np.isnan(entry.inverse(np.array([np.nan]), **setting)[0])


@pytest.mark.parametrize(
    ("name", "outside"),
    [
        ("elu", [-1.5]),
        ("selu", [-2.0]),
        ("celu", [-1.5]),
        ("softplus", [-1.0]),
        ("sigmoid", [-0.5, 1.5]),
        ("tanh", [-1.5, 1.5]),
        ("softsign", [-1.5, 1.5]),
    ],
)
def test_no_way_back_is_nan(name: str, outside: list[float]) -> None:
    assert np.isnan(leaky.catalogue[name].inverse(np.array(outside))).all()


@pytest.mark.parametrize(
    ("name", "setting", "reason"),
    [
        ("relu", {}, "every x <= 0 gives 0"),
        ("leaky_relu", {"negative_slope": 0.0}, "`negative_slope` must be above 0, got 0"),
        ("leaky_relu", {"negative_slope": -0.5}, "`negative_slope` must be above 0, got -0.5"),
        ("s_shaped_relu", {"slope_right": 0.0}, "`slope_right` must be above 0, got 0"),
        ("gelu", {}, "below 0 two x give the same value"),
        ("silu", {"beta": 0.5}, "below 0 two x give the same value"),
        ("hardtanh", {}, "it is flat beyond min_val and max_val"),
        ("maxout", {}, "only the largest of a group is left"),
        ("dynamic_relu", {}, "it depends on its weights"),
    ],
)
def test_why_there_is_none(name: str, setting: dict[str, Any], reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        leaky.catalogue[name].inverse(np.ones((2, 2)), **setting)
    assert str(caught.value) == f"{name}: has no inverse: {reason}"


def test_every_entry_has_an_inverse_or_a_reason() -> None:
    tried = {name for name, _ in INVERTIBLE} | {"crelu"}
    for name, entry in leaky.catalogue.items():
        if entry.inverse_formula is None:
            assert isinstance(entry.no_inverse, str)
            assert entry.no_inverse != "its inverse has no formula", name
        else:
            assert name in tried
