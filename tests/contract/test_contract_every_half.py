"""Every number of half precision through every element-wise entry, and a comb through those of single precision.

The truth is the entry's own formula in float64, which test_contract_values holds against mpmath, at the parameters as
the narrower precision rounds them. `make exhaustive` takes the whole of float32 and keeps what it found.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_table import ROWS

import leaky
from ulps import BEYOND, Worst, at_precision, ordinals, worst

pytestmark = pytest.mark.filterwarnings("error")
ELEMENTWISE = [name for name, entry in leaky.catalogue.items() if entry.elementwise]
WHATS = ["value", "derivative"]
CROSSES = {"pade"}
"""f crosses 0 where x is not 0, so that no bound in ulps of f can hold; there it is one in ulps of 1."""
NARROW = {"pade": 2}
"""Ulps in half precision where it is not at most 1, for the same reason."""
HALVES = np.arange(1 << 16, dtype=np.uint16)
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "exhaustive.csv"


def _function(name: str, what: str) -> Callable[..., Any]:
    return getattr(leaky, name) if what == "value" else leaky.catalogue[name].derivative


def _wide(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with np.errstate(invalid="ignore"):  # signalling NaNs
        return x.astype(np.float64)


def _truth(name: str, what: str, x: np.ndarray[Any, Any], setting: dict[str, Any], rounded_to: Any) -> Any:
    entry = leaky.catalogue[name]
    parameters = at_precision(entry, setting, rounded_to)
    return getattr(entry, what)(_wide(x), **parameters)


def _allowed(name: str, what: str) -> float:
    entry = leaky.catalogue[name]
    return entry.ulps if what == "value" else entry.derivative_ulps


def _holds(found: Worst, allowed: float, name: str) -> bool:
    return found.ulps <= allowed or (name in CROSSES and found.ulps < BEYOND and found.eps <= allowed)


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_float16(name: str, what: str) -> None:
    torch = pytest.importorskip("torch")
    x, function, entry = HALVES.view(np.float16), _function(name, what), leaky.catalogue[name]
    allowed = NARROW.get(name, min(1, _allowed(name, what)))
    for setting in ROWS[name].settings[:5]:
        truth = _truth(name, what, x, setting, np.float16 if entry.piecewise_linear else np.float32)
        for got in (function(x, **setting), function(torch.from_numpy(x), **setting).numpy()):
            assert got.dtype == np.float16
            found = worst(got, truth, x)
            assert found.ulps <= allowed, f"{name} {what} {setting}: {found}"


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_bfloat16(name: str, what: str) -> None:
    torch = pytest.importorskip("torch")
    ml_dtypes = pytest.importorskip("ml_dtypes")
    tensor = torch.from_numpy(HALVES.view(np.int16)).view(torch.bfloat16)
    x, function, entry = tensor.float().numpy(), _function(name, what), leaky.catalogue[name]
    allowed = NARROW.get(name, min(1, _allowed(name, what)))
    for setting in ROWS[name].settings[:5]:
        got = function(tensor, **setting)
        assert got.dtype == torch.bfloat16
        truth = _truth(name, what, x, setting, ml_dtypes.bfloat16 if entry.piecewise_linear else np.float32)
        wanted = torch.from_numpy(truth).to(torch.bfloat16).double().numpy()
        found = worst(got.float().numpy(), wanted, x)  # 2^16 numbers of float32 lie between two of bfloat16
        assert found.ulps <= allowed * (1 << 16), f"{name} {what} {setting}: {found}"


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_comb_through_float32(name: str, what: str) -> None:
    torch = pytest.importorskip("torch")
    x = np.arange(5, 1 << 32, 32749, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = np.concatenate([x, np.linspace(-12, 12, 1 << 16, dtype=np.float32)])
    function, truth = _function(name, what), _truth(name, what, x, {}, np.float32)
    for got in (function(x), function(torch.from_numpy(x)).numpy()):
        found = worst(got, truth, x)
        assert _holds(found, _allowed(name, what), name), f"{name} {what}: {found}"


def test_what_the_exhaustive_run_found_is_within_the_bounds() -> None:
    with RESULTS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["entry"] for row in rows} <= set(ELEMENTWISE)
    for row in rows:
        name = row["entry"]
        assert int(row["inputs"]) == 1 << 32
        for what in WHATS:
            found = Worst(int(row[f"{what}_ulps"]), float(row[f"{what}_at"]), float(row[f"{what}_eps"]))
            assert _holds(found, _allowed(name, what), name), f"{name} {what}: {found}"


def test_one_multiplication_is_rounded_once() -> None:
    for name, entry in leaky.catalogue.items():
        if entry.piecewise_linear and name not in {"very_leaky_relu", "rrelu"}:
            assert entry.ulps == entry.derivative_ulps == 0, name
    x = np.concatenate([-np.geomspace(1e-7, 6e4, 9999), np.linspace(-8, 8, 999)])
    for dtype in (np.float16, np.float32, np.float64):  # these two have a slope that is computed, and rounded
        numbers = x.astype(dtype)
        np.testing.assert_array_equal(leaky.very_leaky_relu(numbers), leaky.leaky_relu(numbers, 1 / 3))
        mean = (float(dtype(1 / 8)) + float(dtype(1 / 3))) / 2
        np.testing.assert_array_equal(leaky.rrelu(numbers), leaky.leaky_relu(numbers, mean))


def test_the_measure_counts_numbers_between() -> None:
    one = np.array([1.0, 1.0, 0.0, 1.0, np.nan], dtype=np.float32)
    for step in (1, 7):
        moved = one[:1].copy()
        for _ in range(step):
            moved = np.nextafter(moved, np.float32(2))
        assert worst(moved, np.ones(1), one).ulps == step
        assert worst(moved, np.ones(1), one).eps == step
    assert worst(one[4:], np.ones(1), one).ulps == BEYOND  # NaN for a number
    assert worst(one[:1], np.array([np.nan]), one).ulps == BEYOND
    assert worst(one[2:3], np.array([-0.0]), one).ulps == BEYOND
    assert worst(one[4:], np.array([np.nan]), one) == Worst()
    assert worst(one[:1], np.array([1 + 2.0**-25]), one) == Worst()  # rounds to 1
    counted = ordinals(np.array([-1e-45, -0.0, 0.0, 1e-45, np.inf], dtype=np.float32))
    assert counted.tolist() == [-1, 0, 0, 1, 0x7F800000]
