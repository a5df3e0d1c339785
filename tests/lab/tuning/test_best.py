"""Multiple comparisons with the best: worked by hand, and their coverage on drawn scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from leaky.lab.tuning import best
from leaky.records import Interval


def test_two_rows_are_the_paired_t_interval_cut_at_0() -> None:
    a, b = np.array([0.90, 0.92, 0.95, 0.91]), np.array([0.85, 0.88, 0.89, 0.87])
    top, low = best.shortfalls([a, b], higher_is_better=True)
    paired = stats.ttest_rel(b, a).confidence_interval(0.95)
    assert (low.low, low.high) == (pytest.approx(paired.low), pytest.approx(min(0, paired.high)))
    assert low.estimate == pytest.approx((b - a).mean())
    assert top == Interval(0.0, 0.0, 0.0)  # nothing else may be the best


def test_what_may_be_the_best_reaches_0_and_lies_below_every_other_candidate_at_worst() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(0, 1, (4, 6))
    found = best.shortfalls(rows, higher_is_better=True)
    reach = stats.t.ppf(1 - 0.05 / 2 / 3, 5)
    for i, interval in enumerate(found):
        ends = [
            (rows[i] - rows[j]).mean() - reach * (rows[i] - rows[j]).std(ddof=1) / math.sqrt(6)
            for j in range(4)
            if j != i
        ]
        assert interval.high == 0.0  # drawn alike: all are candidates
        assert interval.low == pytest.approx(min(ends))


def test_lower_is_better_is_the_same_with_the_signs_turned() -> None:
    rows = np.random.default_rng(1).normal(0, 1, (3, 5))
    assert best.shortfalls(-rows, higher_is_better=False) == best.shortfalls(rows, higher_is_better=True)


@pytest.mark.parametrize("means", [(0.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.3, 0.6, 0.9, 0.9), (0, 0, 0, 0, 5)])
def test_all_intervals_hold_at_once_in_at_least_95_of_100_studies(means: tuple[float, ...]) -> None:
    """Seeds are shared, and the best of the row on these scores is picked by nobody."""
    random, held, studies = np.random.default_rng(0), 0, 600
    truth = np.array(means) - max(means)
    for _ in range(studies):
        seeds = random.normal(0, 1, (1, 6))
        rows = np.array(means)[:, None] + seeds + random.normal(0, 0.5, (5, 6))
        found = best.shortfalls(rows, higher_is_better=True)
        held += all(i.low <= t + 1e-12 and t <= i.high + 1e-12 for i, t in zip(found, truth, strict=True))
    assert held / studies >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / studies)


def test_the_interval_of_the_highest_mean_against_the_others_would_not_hold() -> None:
    """Why it is done so: compared with the best of the same scores, alike rows look worse far too often."""
    random, wrong, studies = np.random.default_rng(0), 0, 300
    for _ in range(studies):
        rows = random.normal(0, 1, (7, 6))
        top = rows[rows.mean(1).argmax()]
        worst = rows[rows.mean(1).argmin()]
        wrong += stats.ttest_rel(worst, top).confidence_interval(0.95).high < 0
    assert wrong / studies > 0.2


def test_equal_scores_are_not_taken_for_certainty() -> None:
    tie = best.shortfalls([[0.9] * 4, [0.9] * 4], higher_is_better=True, resolution=0.01)
    assert tie[0].low < 0


def test_one_seed_has_no_interval_and_one_row_is_its_own_best() -> None:
    (first, second) = best.shortfalls([[0.9], [0.8]], higher_is_better=True)
    assert (first.estimate, second.estimate) == (0.0, pytest.approx(-0.1))
    assert math.isnan(first.low)
    assert math.isnan(second.high)
    assert best.standing(second, 0.005) == "undecided"
    assert best.shortfalls([[0.9, 0.8]], higher_is_better=True) == [Interval(0.0, 0.0, 0.0)]


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.004, 0.0, "as good as the best"),
        (-0.005, -0.001, "as good as the best"),
        (-0.02, -0.006, "worse than the best"),
        (-0.02, -0.005, "undecided"),
        (-0.02, 0.0, "undecided"),
    ],
)
def test_standing_reads_the_interval_against_the_margin(low: float, high: float, word: str) -> None:
    assert best.standing(Interval((low + high) / 2, low, high), 0.005) == word


@pytest.mark.parametrize(
    ("plateau", "found"),
    [
        ((0.01, 0.1, 0.3), 0.01),  # the default
        ((0.1, 0.3), 0.3),  # chosen on validation
        ((0.0, 0.1), 0.1),  # neither: the best there on validation
        ((), 0.3),  # nothing settled
    ],
)
def test_recommended(plateau: tuple[float, ...], found: float) -> None:
    validation = {0.0: 0.8, 0.01: 0.7, 0.1: 0.9, 0.3: 0.95}
    assert best.recommended(plateau, default=0.01, chosen=0.3, validation=validation) == found


@pytest.mark.parametrize(
    ("verdict", "found"),
    [("better", 0.01), ("no practical difference", 0.01), ("undecided", 0.3), ("worse", 0.3), (None, 0.3)],
)
def test_without_a_plateau_a_default_that_fresh_seeds_do_not_find_wanting_is_kept(
    verdict: Any, found: float
) -> None:
    given = {"default": 0.01, "chosen": 0.3, "validation": {0.3: 0.95, 0.01: 0.7}}
    assert best.recommended((), **given, against_chosen=verdict) == found  # type: ignore[arg-type]
    assert best.recommended((0.3,), **given, against_chosen=verdict) == 0.3  # type: ignore[arg-type]
