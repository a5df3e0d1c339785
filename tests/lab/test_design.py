"""Which trials a comparison consists of."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leaky.errors import ArgumentError
from leaky.lab.design import Design, activation_names, choose_rates, rate_grid, seeds
from leaky.records import Trial


def design() -> Design:
    return Design("t", "", "f", {"epochs": 1}, ("relu", "tanh"), "relu", (0.1, 0.2), (0, 1, 2), (10, 11))


def tuned(activation: str, rate: float, *scores: float | None) -> list[Trial]:
    plans = [
        plan for plan in design().tuning() if (plan.activation, plan.learning_rate) == (activation, rate)
    ]
    return [
        Trial(plan, "finished", score, score, (), (), 0.0, 0.0, 0.0, None, {}, "")
        for plan, score in zip(plans, scores, strict=True)
    ]


def test_every_arm_gets_the_same_grid_and_seeds() -> None:
    tuning = design().tuning()
    assert len(tuning) == len({plan.key for plan in tuning}) == 2 * 2 * 3
    final = design().final({"relu": 0.1, "tanh": 0.2})
    assert [(p.activation, p.learning_rate, p.seed) for p in final] == [
        ("relu", 0.1, 10),
        ("tanh", 0.2, 10),
        ("relu", 0.1, 11),
        ("tanh", 0.2, 11),
    ]
    assert design().trial_count == len(tuning) + len(final)


def test_final_seeds_are_fresh_and_asking_for_more_keeps_those_that_were() -> None:
    tuning, final = seeds(0, 3, 10)
    assert not set(tuning) & set(final)
    assert seeds(0, 5, 20)[0][:3] == tuning
    assert seeds(0, 5, 20)[1][:10] == final
    assert not {*tuning, *final} & {number for group in seeds(1, 3, 10) for number in group}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 3, 0), "compare: `seeds` must be a whole number of at least 1, got 0"),
        ((0, 0, 3), "compare: `tuning_seeds` must be a whole number of at least 1, got 0"),
        ((-1, 3, 3), "compare: `seed` must be a whole number of at least 0, got -1"),
        ((0, 3, 10**6), "compare: `seeds` must be below 1,000,000, got 1000000"),
        ((0, 3, True), "compare: `seeds` must be a whole number of at least 1, got True"),
    ],
)
def test_seed_counts_are_checked(arguments: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        seeds(*arguments)


def test_the_baseline_comes_first_and_everything_once() -> None:
    names, baseline = activation_names(["tanh", "leaky_relu", "leaky_relu(0.01)"], "relu")
    assert names == ("relu", "tanh", "leaky_relu(negative_slope=0.01)")
    assert baseline == "relu"
    assert activation_names("tanh", "tanh") == (("tanh",), "tanh")


def test_the_grid_is_sorted_and_checked() -> None:
    assert rate_grid([0.1, 0.01, 0.1]) == (0.01, 0.1)
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ArgumentError, match="`learning_rates` must be finite and above 0"):
            rate_grid([bad])
    with pytest.raises(ArgumentError, match="`learning_rates` is empty"):
        rate_grid([])


def test_the_best_mean_wins_failed_trials_aside_and_the_smaller_rate_of_equals() -> None:
    trials = [
        *tuned("relu", 0.1, 0.5, 0.5, None),
        *tuned("relu", 0.2, 0.6, 0.1, 0.1),
        *tuned("tanh", 0.1, 0.7, 0.7, 0.7),
        *tuned("tanh", 0.2, 0.7, 0.7, 0.7),
    ]
    assert choose_rates(trials, higher_is_better=True) == {"relu": 0.1, "tanh": 0.1}
    assert choose_rates(trials, higher_is_better=False) == {"relu": 0.2, "tanh": 0.1}


def test_a_rate_that_diverges_does_not_win_by_what_stands_in_for_its_score() -> None:
    diverged = [replace(trial, status="diverged") for trial in tuned("relu", 0.2, 0.9, 0.9, 0.9)]
    trials = [*tuned("relu", 0.1, 0.2, 0.2, 0.2), *diverged]
    assert choose_rates(trials, higher_is_better=True) == {"relu": 0.1}


def test_an_activation_whose_trials_all_failed_has_no_rate() -> None:
    assert choose_rates(tuned("relu", 0.1, None, None, None), higher_is_better=True) == {}
