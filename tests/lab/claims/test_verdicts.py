"""Rulings on made-up values of which the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from leaky.lab.claims.verdicts import effect_of, forecast, rule, ruling_of, together
from leaky.records import Interval
from leaky.records.ledger import Direction, Hypothesis, Prediction, Ruling


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
    assert near.p_value == pytest.approx(1 / 2**12)  # all pairs are within both margins
    edge = effect_of(hypothesis("same"), values(0.45, spread=0.3))
    assert edge.p_value > 0.05
    assert rule([edge], family=1)[0].ruling == "undecided"


def test_pairs_without_a_number_are_left_out() -> None:
    broken = values(2.0)
    broken["ours"][0] = math.nan
    broken["theirs"][1] = math.nan
    effect = effect_of(hypothesis("higher"), broken)
    assert (effect.pairs, effect.asked) == (10, 12)
    assert math.isfinite(effect.interval.estimate)
    (ruled,) = rule([effect], family=1)
    assert (ruled.ruling, ruled.reason) == ("undecided", "only 10 of 12 pairs have a number")
    broken["theirs"][1] = broken["ours"][1] - 2
    assert rule([effect_of(hypothesis("higher"), broken)], family=1)[0].ruling == "supported"  # 11 of 12


def test_accuracies_in_float32_are_ties() -> None:
    random = np.random.default_rng(4)
    ours = random.integers(440, 460, 30)
    theirs = ours - random.integers(0, 12, 30)
    singles = {
        name: (counts / 500).astype(np.float32).astype(np.float64).tolist()
        for name, counts in (("ours", ours), ("theirs", theirs))
    }
    wholes = {"ours": ours.tolist(), "theirs": theirs.tolist()}
    for direction in ("higher", "same"):
        found = effect_of(hypothesis(direction, 0.01), singles)  # type: ignore[arg-type]
        assert found.p_value == effect_of(hypothesis(direction, 5.0), wholes).p_value  # type: ignore[arg-type]


def test_a_diverged_run_is_the_worst_of_all() -> None:
    """It has the highest rank, and its size is not asked for."""
    one, worse = values(2.0), values(2.0)
    one["ours"][0] = -math.inf
    worse["ours"][0] = -1e9
    by_rank, by_size = (effect_of(hypothesis("higher"), each) for each in (one, worse))
    assert by_rank.pairs == 12
    assert by_rank.p_value == by_size.p_value > 2 / 2**12
    assert by_rank.interval.estimate == by_size.interval.estimate
    assert math.isfinite(by_rank.interval.high)
    both = values(2.0)
    both["ours"][0] = both["theirs"][0] = -math.inf
    assert effect_of(hypothesis("higher"), both).pairs == 11  # two that diverged tell nothing


def test_what_is_best_at_an_edge_decides_nothing() -> None:
    names = Hypothesis("made up", ("score, ours, here",), ("score, theirs, here",), "higher", 0.5)
    made = {f"score, {arm}, here": numbers for arm, numbers in values(2.0).items()}
    expected: dict[str, Ruling] = {
        "ours, here": "undecided",
        "ours, there": "supported",
        "rs, here": "supported",
    }
    for edge, ruling in expected.items():
        (effect,) = rule([effect_of(names, made, [edge])], family=1)
        assert effect.ruling == ruling
    assert (
        effect_of(names, made, ["ours, here"]).reason == "best at the edge of the learning rates: ours, here"
    )


def test_settings_may_have_different_numbers_of_seeds() -> None:
    made = values(2.0, pairs=20)
    made["theirs"] = made["theirs"][:12]
    effect = effect_of(hypothesis("higher"), made)
    assert (effect.pairs, effect.asked) == (12, 12)
    pairs = zip(made["ours"][:12], made["theirs"], strict=True)
    assert effect.differences == pytest.approx([ours - theirs for ours, theirs in pairs])


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
        (["supported", "undecided", "refuted"], "mixed"),
        (["supported", "refuted"], "mixed"),
        (["undecided", "refuted"], "refuted"),
        ([], "undecided"),
    ],
)
def test_a_claim_is_its_hypotheses(rulings: list[Ruling], expected: Ruling) -> None:
    assert together(rulings) == expected


def test_one_case_refutes_what_is_said_to_be_always_so() -> None:
    assert together(["supported", "refuted"], universal=True) == "refuted"
    assert together(["supported", "undecided"], universal=True) == "undecided"


def test_predictions_are_held_against_medians() -> None:
    made = {"ours": [1.0, math.nan, 3.0, 8.0], "theirs": [1.0, 1.0, 1.0, 9.0, 7.0]}
    difference = forecast(Prediction("made up", ("ours", "theirs"), 0.0, 0.5), made)
    assert (difference.value, difference.came_out) == (0.0, True)  # of 0, 2 and -1
    alone = forecast(Prediction("made up", ("ours",), 0.0, 2.9), made)
    assert (alone.value, alone.came_out) == (3.0, False)
    lost = forecast(Prediction("made up", ("ours",), -math.inf, math.inf), {"ours": [math.nan]})
    assert not lost.came_out


@pytest.mark.parametrize(("capped", "decided"), [(2, True), (3, False)])
def test_pairs_that_never_learned_on_either_side_decide_nothing(capped: int, decided: bool) -> None:
    made = values(-1.0, pairs=20)
    told = Hypothesis("faster", ("epochs, a, s",), ("epochs, b, s",), "lower", 0.05)
    never = [math.log10(40)] * capped
    sides = {
        f"epochs, {name}, s": never + made[old][capped:] for name, old in (("a", "ours"), ("b", "theirs"))
    }
    reason = effect_of(told, sides).reason
    assert reason == ("" if decided else "in 3 of 20 pairs neither learned in all its epochs")
