"""The certainty of a whole order, on scores whose order is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from leaky.lab import statistics
from leaky.lab.claims.ordering import Order


def test_an_order_that_every_seed_has_is_certain() -> None:
    scores = np.arange(3.0)[::-1] + np.random.default_rng(0).normal(0, 0.1, (20, 3))
    found = statistics.ordering(scores)
    assert (found.probability, found.tau.estimate, found.tau.low, found.tau.high) == (1, 1, 1, 1)
    contrary = statistics.ordering(scores[:, ::-1])
    assert (contrary.probability, contrary.tau.estimate) == (0, -1)


def test_of_two_arms_it_is_the_normal_share_of_their_difference() -> None:
    """Resampled means of many seeds are normal about the mean with the standard error as spread."""
    scores = np.random.default_rng(1).normal(0, 1, (100, 2))
    difference = scores[:, 0] - scores[:, 1]
    expected = stats.norm.cdf(difference.mean() / (difference.std() / 10))
    assert 0.05 < expected < 0.95
    assert statistics.ordering(scores).probability == pytest.approx(expected, abs=0.01)


def test_rows_are_resampled_whole() -> None:
    """Seeds that are hard for all arms move all means together: the order is certain whatever is drawn."""
    hard = np.random.default_rng(2).normal(0, 100, (10, 1))
    assert statistics.ordering(hard + np.array([[0.2, 0.1, 0.0]])).probability == 1


def test_an_order_is_told_of_the_seeds_that_are_whole() -> None:
    rows = {seed: {"score, a, here": 0.9 + seed / 100, "score, b, here": 0.5} for seed in range(5)}
    rows[3]["score, a, here"] = float("nan")
    assert Order("Someone", "score", "here", ("a", "b")).told(rows) == (
        "By score the whole order of Someone (a, b, best first) holds in 100.0 % of the resamples of 4 seeds; "
        "Kendall's tau with it is 1.00 (1.00 to 1.00)."
    )
    turned = Order("Someone", "score", "here", ("b", "a"), higher_is_better=False).told(rows)
    assert "100.0 %" in turned
    assert "Too few" in Order("Someone", "score", "there", ("a", "b")).told(rows)
