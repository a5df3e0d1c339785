"""Hodges-Lehmann and signed ranks, beside SciPy where it has them and beside all sign flips where it has not."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from leaky.lab.signed_rank import Side, hodges_lehmann, signed_rank_p

SIDES: tuple[tuple[Side, str], ...] = (("above", "greater"), ("below", "less"), ("both", "two-sided"))


@pytest.mark.parametrize("count", [6, 13, 40])
def test_p_without_ties_is_scipys_exact_one(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.3, size=count)
    for side, alternative in SIDES:
        expected = stats.wilcoxon(differences - 0.1, alternative=alternative, method="exact").pvalue
        assert signed_rank_p(differences, 0.1, side) == pytest.approx(expected, rel=1e-9)


def test_p_with_ties_and_zeros_counts_every_sign_flip() -> None:
    differences = np.array([0.3, 0.3, -0.3, 0.1, 0.2, 0.2, 0.1, 0.5, 0.1 + 0.2])
    moved = np.round(differences - 0.1, 12)
    ranks = np.where(moved == 0, 0.0, stats.rankdata(np.abs(moved)))
    observed = ranks[moved > 0].sum()
    flips = np.array(list(itertools.product((0, 1), repeat=int((moved != 0).sum()))))
    sums = flips @ ranks[moved != 0]
    assert signed_rank_p(differences, 0.1, "above") == pytest.approx((sums >= observed - 1e-9).mean())
    assert signed_rank_p(differences, 0.1, "below") == pytest.approx((sums <= observed + 1e-9).mean())


def test_the_last_digits_of_numbers_make_no_ranks() -> None:
    """Accuracies of 500 samples in float32: differences are ties, and some lie on the edge, as in whole numbers."""
    random = np.random.default_rng(2)
    ours = random.integers(440, 460, 30)
    theirs = ours - random.integers(0, 12, 30)
    whole = (ours - theirs).astype(np.float64)
    single = [(counts / 500).astype(np.float32).astype(np.float64) for counts in (ours, theirs)]
    assert (whole == 5).any()
    for side, _ in SIDES:
        expected = signed_rank_p(whole, 5.0, side)
        assert signed_rank_p(single[0] - single[1], 0.01, side, 1e-6) == expected
    assert signed_rank_p(single[0] - single[1], 0.01) != signed_rank_p(whole, 5.0)


def test_interval_holds_what_the_test_does_not_reject() -> None:
    differences = np.random.default_rng(1).normal(1.0, size=15)
    interval = hodges_lehmann(differences)
    for end, inwards in ((interval.low, 1), (interval.high, -1)):
        assert signed_rank_p(differences, end - 1e-6 * inwards) < 0.05
        assert signed_rank_p(differences, end + 1e-6 * inwards) > 0.05


def test_estimate_of_known_differences() -> None:
    assert hodges_lehmann(np.array([1.0, 2.0, 6.0])).estimate == 2.75  # of 1, 1.5, 2, 3.5, 4 and 6
    assert hodges_lehmann(np.array([0.25] * 8)) == hodges_lehmann(np.array([0.25] * 9))


def test_interval_covers() -> None:
    """At least 95 % of the time, and not much more, with tails that a mean would not survive."""
    random, inside = np.random.default_rng(5), 0
    for _ in range(400):
        interval = hodges_lehmann(random.standard_t(2, size=12))
        inside += interval.low <= 0 <= interval.high
    assert 0.93 <= inside / 400 <= 0.985


def test_few_pairs_say_nothing() -> None:
    few = hodges_lehmann(np.array([3.0, 3.0, 3.0, 3.0, 3.0]))
    assert (few.estimate, few.low, few.high) == (3.0, -math.inf, math.inf)
    assert math.isfinite(hodges_lehmann(np.arange(6.0)).low)
    assert all(math.isnan(x) for x in vars(hodges_lehmann(np.array([]))).values())
    assert math.isnan(signed_rank_p(np.array([]), 0.0))
    assert signed_rank_p(np.zeros(8), 0.0) == 1.0


def test_infinite_differences_are_ranks() -> None:
    known = np.arange(1.0, 13.0)
    lost = np.append(known[:-1], math.inf)
    assert signed_rank_p(lost, 0.0) == signed_rank_p(known, 0.0) == 2 / 2**12
    assert hodges_lehmann(lost).low == hodges_lehmann(known).low
    half = hodges_lehmann(np.array([math.inf] * 4 + [-math.inf] * 4))
    assert (half.estimate, half.low, half.high) == (0.0, -math.inf, math.inf)
