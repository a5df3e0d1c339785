"""The tail of the normal distribution on any array, against mpmath to a few units in the last place."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import erfc, exp, mp, mpf, sqrt

from leaky.catalogue import normal

X = np.concatenate([[0.0, 1e-300, 1e-9], np.geomspace(1e-4, 38.0, 300), np.linspace(0, 12, 241)])


@pytest.fixture(autouse=True)
def _digits() -> None:
    mp.prec = 200


def _worst(got: np.ndarray, truth: list[mpf], eps: float) -> float:
    return max(float(abs(mpf(float(g)) - t) / (abs(t) * eps)) for g, t in zip(got, truth, strict=True))


@pytest.mark.parametrize(("dtype", "allowed"), [(np.float64, 6), (np.float32, 6)])
def test_scaled_complementary_error_function(dtype: type, allowed: float) -> None:
    t = X.astype(dtype)
    truth = [exp(mpf(float(at)) ** 2) * erfc(mpf(float(at))) for at in t]
    assert _worst(normal.erfcx(np, t), truth, float(np.finfo(dtype).eps)) <= allowed


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bell_keeps_its_digits_where_the_square_would_lose_them(dtype: type) -> None:
    reach = 37 if dtype is np.float64 else 13
    x = X[np.less(X, reach)].astype(dtype)
    truth = [exp(-(mpf(float(at)) ** 2) / 2) for at in x]
    eps = float(np.finfo(dtype).eps)
    assert _worst(normal.bell(np, x), truth, eps) <= 3
    assert _worst(np.exp(-x * x / 2), truth, eps) > 20  # what it is there for


def test_tails_of_the_normal_distribution() -> None:
    x = X[X < 37]
    truth = [erfc(mpf(float(at)) / sqrt(mpf(2))) / 2 for at in x]
    assert _worst(normal.scaled_tail(np, x) * normal.bell(np, x), truth, 2.0**-52) <= 8
