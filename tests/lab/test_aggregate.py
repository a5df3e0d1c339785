"""Aggregates over tasks, against their definitions written out, and what their intervals cover."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from leaky.lab import aggregate

RNG = np.random.default_rng(5)
TASKS = [RNG.normal(0.5, 0.2, 9), RNG.normal(0.7, 0.1, 9), RNG.normal(0.2, 0.3, 9)]


def test_a_profile_is_the_share_of_runs_above_each_threshold() -> None:
    thresholds = np.array([0.0, 0.3, 0.6, 1.0])
    value, low, high = aggregate.performance_profile(TASKS, thresholds)
    for place, threshold in enumerate(thresholds):
        shares = [sum(score > threshold for score in task) / len(task) for task in TASKS]
        assert value[place] == pytest.approx(sum(shares) / len(shares))
    assert (low <= value).all()
    assert (value <= high).all()
    assert (np.diff(value) <= 0).all()


def test_tasks_count_alike_in_a_profile_however_many_runs_they_have() -> None:
    value, *_ = aggregate.performance_profile([np.ones(2), np.zeros(50)], np.array([0.5]))
    assert value.tolist() == [0.5]


def test_interquartile_mean_and_gap() -> None:
    runs = [np.array([0.0, 0.1, 0.5, 9.0]), np.array([0.2, 0.6, 0.7, 0.8])]
    assert aggregate.interquartile_mean(runs).estimate == pytest.approx((0.2 + 0.5 + 0.6 + 0.7) / 4)
    expected = 1 - sum(min(score, 1.0) for task in runs for score in task) / 8
    assert aggregate.optimality_gap(runs).estimate == pytest.approx(expected)


def test_probability_is_the_mean_over_tasks_of_all_pairs() -> None:
    other = [task[::-1] + 0.05 for task in TASKS]
    by_hand = [
        sum((a > b) + 0.5 * (a == b) for a, b in itertools.product(ours, theirs)) / (len(ours) * len(theirs))
        for ours, theirs in zip(other, TASKS, strict=True)
    ]
    found = aggregate.mean_probability(other, TASKS)
    assert found.estimate == pytest.approx(sum(by_hand) / 3)
    assert found.low <= found.estimate <= found.high
    same = aggregate.mean_probability(TASKS, TASKS)
    assert (same.estimate, same.low, same.high) == (0.5, 0.5, 0.5)


def test_one_run_a_task_has_no_interval() -> None:
    single = [np.array([0.3]), np.array([0.4])]
    for found in (
        aggregate.interquartile_mean(single),
        aggregate.mean_probability(single, [np.array([0.1]), np.array([0.5])]),
    ):
        assert math.isfinite(found.estimate)
        assert math.isnan(found.low)


def test_normalised_scores() -> None:
    assert aggregate.normalised(np.array([1.0, 2.0, 3.0, 0.5]), 1.0, 3.0).tolist() == [0.0, 0.5, 1.0, 0.0]
    assert aggregate.normalised(np.array([2.0]), 2.0, 2.0).tolist() == [1.0]


def test_the_bootstrap_draws_within_tasks_only() -> None:
    """Tasks far apart, no spread within: nothing is uncertain."""
    found = aggregate.interquartile_mean([np.full(6, 0.1), np.full(6, 0.9)])
    assert found.low == pytest.approx(found.high)


def test_intervals_cover_what_they_say() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(60):
        runs = [rng.normal(level, 0.1, 12) for level in (0.4, 0.5, 0.6)]
        found = aggregate.interquartile_mean(runs)
        hits += found.low <= 0.5 <= found.high
    assert hits >= 50
