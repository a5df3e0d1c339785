"""Interaction contrasts from trials whose scores are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaky.lab.design import Design
from leaky.lab.interaction import Outcome, conditions
from leaky.records import Metric, Trial

SEEDS = tuple(range(10, 18))
NOISE = {side: np.random.default_rng(side).normal(0, 0.002, (3, len(SEEDS))) for side in (0, 1)}
METRIC = Metric("accuracy", higher_is_better=True, percent=True)


def design(label: str) -> Design:
    names = ("relu", "tanh", "elu")
    return Design(
        "t",
        "",
        "f",
        {"initialisation": label},
        names,
        "relu",
        (0.1,),
        (0,),
        SEEDS,
        levels=(label,),
        label=label,
    )


def outcome(label: str, shift: np.ndarray, **means: float) -> Outcome:
    """Final trials with these means; `shift` is what a seed does to all activations alike."""
    plans = design(label).final(dict.fromkeys(means, 0.1))
    trials, noise = [], NOISE[label == "xavier"]
    for plan in plans:
        seed, name = SEEDS.index(plan.seed), list(means).index(plan.activation)
        score = means[plan.activation] + float(shift[seed]) + float(noise[name, seed])
        trials.append(Trial(plan, "finished", score, score, (), (), 0.0, 0.0, 0.0, None, {}, ""))
    return dict.fromkeys(means, 0.1), trials


def found(first: Outcome, second: Outcome, metric: Metric = METRIC, margin: float = 0.01):  # type: ignore[no-untyped-def]
    made = conditions(
        (design("he"), design("xavier")), (first, second), metric, margin=margin, resolution=0.0
    )
    assert made[0].contrasts == ()
    assert made[0].arms[0].activation == "relu"
    return {contrast.activation: contrast for contrast in made[1].contrasts}


def test_a_contrast_is_the_difference_of_the_paired_differences() -> None:
    random = np.random.default_rng(1)
    first = outcome("he", random.normal(0, 0.05, 8), relu=0.9, tanh=0.9, elu=0.9)
    second = outcome("xavier", random.normal(0, 0.05, 8), relu=0.8, tanh=0.86, elu=0.801)
    contrasts = found(first, second)
    tanh = contrasts["tanh"]
    assert tanh.change is not None
    by_hand = []
    for seed in SEEDS:
        score = {
            (side, t.plan.activation): t.score
            for side, (_, trials) in enumerate((first, second))
            for t in trials
            if t.plan.seed == seed
        }
        by_hand.append((score[1, "tanh"] - score[1, "relu"]) - (score[0, "tanh"] - score[0, "relu"]))  # type: ignore[operator]
    assert tanh.change.estimate == pytest.approx(np.mean(by_hand))
    assert tanh.change.estimate == pytest.approx(0.06, abs=0.005)
    assert tanh.change.high - tanh.change.low < 0.01  # what a seed does to all activations cancels out
    assert tanh.verdict == "better"
    assert contrasts["elu"].verdict == "no practical difference"
    assert tanh.p_value == pytest.approx(2 / 2**8)
    assert tanh.p_holm == pytest.approx(2 * 2 / 2**8)


def test_better_means_better_where_lower_is() -> None:
    none = np.zeros(8)
    first = outcome("he", none, relu=0.9, tanh=0.9, elu=0.9)
    second = outcome("xavier", none, relu=0.8, tanh=0.7, elu=0.9)
    contrasts = found(first, second, replace(METRIC, higher_is_better=False))
    assert (contrasts["tanh"].verdict, contrasts["elu"].verdict) == ("better", "worse")
    contrasts = found(first, second)
    assert (contrasts["tanh"].verdict, contrasts["elu"].verdict) == ("worse", "better")


def test_only_seeds_with_all_four_scores_count() -> None:
    none = np.zeros(8)
    first, (rates, trials) = (
        outcome("he", none, relu=0.9, tanh=0.9, elu=0.9),
        outcome("xavier", none, relu=0.8, tanh=0.9, elu=0.8),
    )
    failed = [replace(t, score=None, status="failed") if t.plan.activation == "tanh" else t for t in trials]
    assert found(first, (rates, failed))["tanh"].verdict == "no result"
    some = [
        replace(t, score=None, status="failed")
        if t.plan.activation == "tanh" and t.plan.seed in SEEDS[:7]
        else t
        for t in trials
    ]
    change = found(first, (rates, some))["tanh"].change
    assert change is not None
    by_hand = 0.1 + (NOISE[1][1, 7] - NOISE[1][0, 7]) - (NOISE[0][1, 7] - NOISE[0][0, 7])
    assert change.estimate == pytest.approx(by_hand)
    assert np.isnan(change.low)


def test_a_side_that_diverged_throughout_is_no_ground_for_a_contrast() -> None:
    none = np.zeros(8)
    first, (rates, trials) = (
        outcome("he", none, relu=0.9, tanh=0.9, elu=0.9),
        outcome("xavier", none, relu=0.1, tanh=0.9, elu=0.8),
    )
    lost = [replace(t, status="diverged") if t.plan.activation == "relu" else t for t in trials]
    assert {c.verdict for c in found(first, (rates, lost)).values()} == {"no result"}
