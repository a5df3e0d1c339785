"""Statistics against SciPy and cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from leaky.lab import statistics
from leaky.records import Interval

SCORES = [0.90, 0.91, 0.93, 0.94, 0.95, 0.95, 0.96, 0.97, 0.98, 0.10]


def test_interquartile_mean_is_the_mean_of_the_middle_half() -> None:
    found = statistics.interquartile_mean(SCORES)  # 10 scores: two cut from each end
    assert found.estimate == pytest.approx(np.mean(sorted(SCORES)[2:-2]))
    assert found.low <= found.estimate <= found.high


def test_interquartile_mean_interval_is_a_percentile_bootstrap() -> None:
    found = statistics.interquartile_mean(SCORES)
    random = np.random.default_rng(7)
    draws = random.choice(SCORES, size=(20000, len(SCORES)))
    low, high = np.quantile(stats.trim_mean(draws, 0.25, axis=1), [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)


def test_the_same_scores_give_the_same_interval() -> None:
    assert statistics.interquartile_mean(SCORES) == statistics.interquartile_mean(SCORES)


@pytest.mark.parametrize(("scores", "estimate"), [([], math.nan), ([0.5], 0.5)])
def test_one_score_has_no_interval(scores: list[float], estimate: float) -> None:
    found = statistics.interquartile_mean(scores)
    assert found.estimate == pytest.approx(estimate, nan_ok=True)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_equal_scores_have_an_interval_of_no_width() -> None:
    assert statistics.interquartile_mean([0.9] * 10) == Interval(
        pytest.approx(0.9), pytest.approx(0.9), pytest.approx(0.9)
    )


def test_paired_improvement_is_scipys_paired_t_interval() -> None:
    a, b = np.array(SCORES), np.array(SCORES[::-1]) - 0.02
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    found = statistics.paired_improvement(a, b, higher_is_better=True)
    assert found.estimate == pytest.approx((a - b).mean())
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_lower_is_better_turns_the_improvement_round() -> None:
    up = statistics.paired_improvement([3.0, 4.0, 6.0], [1.0, 1.0, 1.0], higher_is_better=True)
    down = statistics.paired_improvement([3.0, 4.0, 6.0], [1.0, 1.0, 1.0], higher_is_better=False)
    assert (down.estimate, down.low, down.high) == (-up.estimate, -up.high, -up.low)


def test_the_interval_covers_the_truth_in_95_of_100_studies() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        baseline = random.normal(0, 3, 10)
        found = statistics.paired_improvement(
            baseline + random.normal(0.4, 1, 10), baseline, higher_is_better=True
        )
        covered += found.low <= 0.4 <= found.high
    assert 0.935 <= covered / 2000 <= 0.965


def test_probability_of_improvement_is_mann_whitney() -> None:
    a, b = [3.0, 1.0, 2.0, 5.0], [2.0, 0.0, 4.0, 1.0]
    expected = stats.mannwhitneyu(a, b).statistic / 16
    assert statistics.probability_of_improvement(a, b, higher_is_better=True).estimate == pytest.approx(
        expected
    )
    lower = statistics.probability_of_improvement(a, b, higher_is_better=False).estimate
    assert lower == pytest.approx(1 - expected)


def test_probability_of_improvement_of_equals_is_one_half() -> None:
    found = statistics.probability_of_improvement([1.0] * 5, [1.0] * 5, higher_is_better=True)
    assert found == Interval(0.5, 0.5, 0.5)


def test_sign_flip_by_hand() -> None:
    # Differences 1, 2, 3: of the 8 sign patterns only +++ and --- reach |mean| = 2.
    assert statistics.sign_flip_p([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]) == pytest.approx(2 / 8)
    # Differences 1, 2, -3: every pattern reaches |mean| = 0.
    assert statistics.sign_flip_p([1.0, 2.0, -3.0], [0.0, 0.0, 0.0]) == pytest.approx(1.0)


def test_ten_pairs_can_reach_what_five_cannot() -> None:
    assert statistics.sign_flip_p(np.arange(1.0, 11.0), np.zeros(10)) == pytest.approx(2 / 1024)
    assert statistics.sign_flip_p(np.arange(1.0, 6.0), np.zeros(5)) == pytest.approx(2 / 32)


def test_many_pairs_are_sampled_and_agree_with_the_exact_count() -> None:
    random = np.random.default_rng(3)
    differences = random.normal(0.5, 1, 14)
    flips = 2 * ((np.arange(2**14)[:, None] >> np.arange(14)) & 1) - 1
    exact = np.mean(np.abs((flips * differences).mean(1)) >= abs(differences.mean()) - 1e-12)
    assert statistics.sign_flip_p(differences, np.zeros(14)) == pytest.approx(exact, abs=0.01)


def test_sign_flip_of_equals_is_one_and_of_one_pair_unknown() -> None:
    assert statistics.sign_flip_p([1.0, 2.0], [1.0, 2.0]) == 1.0
    assert math.isnan(statistics.sign_flip_p([1.0], [0.0]))


def test_holm_by_hand() -> None:
    # Holm 1979: 0.01*3 = 0.03; 0.02*2 = 0.04; 0.045*1 = 0.045.
    assert statistics.holm([0.02, 0.01, 0.045]) == pytest.approx([0.04, 0.03, 0.045])
    # Monotone: 0.04*2 = 0.08 holds the larger 0.05*1 up.
    assert statistics.holm([0.04, 0.05, 0.001]) == pytest.approx([0.08, 0.08, 0.003])
    assert statistics.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_holm_leaves_unknown_p_out() -> None:
    found = statistics.holm([math.nan, 0.01, 0.02])
    assert math.isnan(found[0])
    assert found[1:] == pytest.approx([0.02, 0.02])
    assert statistics.holm([]) == []


def test_the_detectable_difference_is_found_in_four_studies_of_five() -> None:
    random = np.random.default_rng(1)
    spread = np.array([-1, 1] * 5) * math.sqrt(0.9)  # its standard deviation is 1
    true = statistics.detectable_difference(spread, np.zeros(10), margin=0.5)
    found = 0
    for _ in range(3000):
        interval = statistics.paired_improvement(
            random.normal(true, 1, 10), np.zeros(10), higher_is_better=True
        )
        found += statistics.verdict(interval, margin=0.5) == "better"
    assert found / 3000 == pytest.approx(0.8, abs=0.03)


def test_a_few_equal_scores_do_not_show_that_there_is_no_spread() -> None:
    tied = [0.9, 0.9]
    small = statistics.paired_improvement(tied, tied, higher_is_better=True, resolution=1 / 30)
    assert statistics.verdict(small, margin=0.005) == "undecided"
    many = [0.9] * 10
    large = statistics.paired_improvement(many, many, higher_is_better=True, resolution=1 / 540)
    assert statistics.verdict(large, margin=0.005) == "no practical difference"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.006, 0.02, "better"),
        (-0.02, -0.006, "worse"),
        (-0.004, 0.004, "no practical difference"),
        (0.001, 0.004, "no practical difference"),
        (-0.01, 0.001, "undecided"),
        (0.004, 0.02, "undecided"),
        (math.nan, math.nan, "undecided"),
    ],
)
def test_verdict(low: float, high: float, expected: str) -> None:
    assert statistics.verdict(Interval((low + high) / 2, low, high), margin=0.005) == expected
