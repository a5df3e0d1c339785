"""Rulings on made-up values of which the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from leaky.lab.claims.verdicts import effect_of, rule, ruling_of, together
from leaky.records import Interval
from leaky.records.ledger import Direction, Hypothesis, Ruling


def hypothesis(direction: Direction, margin: float = 0.5, reference: float = 0.0) -> Hypothesis:
    return Hypothesis("made up", ("ours",), ("theirs",), direction, margin, reference)


def values(shift: float, spread: float = 0.2, pairs: int = 12) -> dict[str, list[float]]:
    random = np.random.default_rng(3)
    theirs = random.normal(size=pairs)
    noise = random.normal(size=pairs)
    return {"theirs": list(theirs), "ours": list(theirs + shift + spread * (noise - noise.mean()))}


TRUTH: list[tuple[Direction, float, Ruling]] = [
    ("higher", 2.0, "supported"),
    ("higher", 0.0, "refuted"),  # a difference below the margin is not the difference that was claimed
    ("higher", -2.0, "refuted"),
    ("higher", 0.5, "undecided"),
    ("lower", -2.0, "supported"),
    ("lower", 2.0, "refuted"),
    ("same", 0.0, "supported"),
    ("same", 2.0, "refuted"),
    ("same", -2.0, "refuted"),
    ("same", 0.5, "undecided"),
    ("different", -2.0, "supported"),
    ("different", 0.0, "refuted"),
]


@pytest.mark.parametrize(("direction", "shift", "ruling"), TRUTH)
def test_what_is_true_is_found(direction: Direction, shift: float, ruling: Ruling) -> None:
    (effect,) = rule([effect_of(hypothesis(direction), values(shift))], family=1)
    assert effect.ruling == ruling
    assert effect.interval.low <= effect.interval.estimate <= effect.interval.high
    assert effect.pairs == 12


def test_a_reference_stands_in_for_a_side() -> None:
    alone = Hypothesis("made up", ("ours",), (), "higher", 0.0, reference=5.0)
    shares = {"ours": [6.0 + 0.01 * seed for seed in range(12)]}
    (effect,) = rule([effect_of(alone, shares)], family=1)
    assert effect.ruling == "supported"
    assert effect.interval.estimate == pytest.approx(1.055)


def test_wide_scatter_is_undecided() -> None:
    (effect,) = rule([effect_of(hypothesis("higher"), values(0.5, spread=3.0))], family=1)
    assert effect.ruling == "undecided"


def test_two_seeds_decide_nothing() -> None:
    (effect,) = rule([effect_of(hypothesis("higher"), values(2.0, pairs=2))], family=1)
    assert effect.ruling == "undecided"
    assert effect.p_value >= 0.5


def test_holm_flips_one() -> None:
    """Eight pairs have p = 2/2^8 = 0.0078: enough among six hypotheses, not among seven."""
    few = effect_of(hypothesis("higher"), values(2.0, pairs=8))
    assert few.p_value == pytest.approx(2 / 2**8)
    assert rule([few], family=6)[0].ruling == "supported"
    assert rule([few], family=7)[0].ruling == "undecided"


def test_what_was_not_measured_counts() -> None:
    """Measuring more later makes no ruling easier: the first is corrected over the whole family from the start."""
    first, second = effect_of(hypothesis("higher"), values(2.0)), effect_of(hypothesis("higher"), values(0.4))
    alone, (with_second, _) = rule([first], family=10)[0], rule([first, second], family=10)
    assert alone.p_holm == with_second.p_holm == pytest.approx(10 * 2 / 2**12)


def test_equivalence_takes_the_larger_of_two_tests() -> None:
    near = effect_of(hypothesis("same"), values(0.45, spread=0.02))
    assert near.p_value == pytest.approx(2 / 2**12)  # all pairs are within both margins
    edge = effect_of(hypothesis("same"), values(0.45, spread=0.3))
    assert edge.p_value > 0.05
    assert rule([edge], family=1)[0].ruling == "undecided"


def test_pairs_without_a_number_are_left_out() -> None:
    broken = values(2.0)
    broken["ours"][0] = math.nan
    broken["theirs"][1] = math.inf
    effect = effect_of(hypothesis("higher"), broken)
    assert effect.pairs == 10
    assert math.isfinite(effect.interval.estimate)


def test_nothing_measured_is_undecided() -> None:
    effect = effect_of(hypothesis("higher"), {"ours": [math.nan], "theirs": [1.0]})
    assert effect.pairs == 0
    assert rule([effect], family=1)[0].ruling == "undecided"
    assert ruling_of(hypothesis("higher"), Interval(1, math.nan, math.nan), 0.001) == "undecided"


@pytest.mark.parametrize(
    ("rulings", "expected"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "undecided"], "undecided"),
        (["supported", "undecided", "refuted"], "refuted"),
        ([], "undecided"),
    ],
)
def test_a_claim_is_its_hypotheses(rulings: list[Ruling], expected: Ruling) -> None:
    assert together(rulings) == expected
