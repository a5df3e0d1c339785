"""What a study varies: levels, their combinations, and what is told of mistakes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from leaky.errors import ArgumentError
from leaky.lab.design import Design
from leaky.lab.factors import designs, factors
from leaky.lab.recipe import Recipe
from leaky.records import Factor


def design() -> Design:
    return Design("t", "", "f", Recipe().record(), ("relu", "tanh"), "relu", (0.1,), (0,), (10,))


@pytest.mark.parametrize(
    "vary",
    ["dropout=0,0.50", ["dropout=0, 0.5"], {"dropout": [0, 0.5]}, {"dropout": ["0", 0.5]}],
)
def test_levels_are_texts_or_values(vary: Any) -> None:
    assert factors(vary) == (Factor("dropout", ("0", "0.5")),)


def test_nothing_varied_is_the_design_alone() -> None:
    assert factors(None) == ()
    assert designs(design(), Recipe(), ()) == (design(),)


def test_every_combination_is_a_design_the_first_levels_first() -> None:
    made = designs(design(), Recipe(), factors(["initialisation=he,task", "epochs=3,4"]))
    assert [d.label for d in made] == [
        "initialisation=he, epochs=3",
        "initialisation=he, epochs=4",
        "initialisation=task, epochs=3",
        "initialisation=task, epochs=4",
    ]
    assert made[3].levels == ("task", "4")
    assert made[3].recipe == Recipe(epochs=4).record()
    keys = {plan.key for d in made for plan in d.tuning()}
    assert len(keys) == 4 * 2
    plain = replace(design(), recipe=Recipe(epochs=4).record())
    assert [plan.key for plan in made[3].tuning()] == [plan.key for plan in plain.tuning()]


def test_sgd_with_its_momentum_and_momentum_are_two_levels() -> None:
    task = Recipe(optimizer="sgd", momentum=0.9)
    made = designs(design(), task, factors("optimizer=sgd,momentum,adam"))
    assert [(d.recipe["optimizer"], d.recipe["momentum"]) for d in made] == [
        ("sgd", 0.0),
        ("sgd", 0.9),
        ("adam", 0.9),
    ]


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        (
            "depth=1,2",
            "vary: unknown field `depth`; known are optimizer, momentum, schedule, early_stopping, dropout, "
            "weight_decay, normalisation, initialisation, clip_grad_norm, batch_size, epochs",
        ),
        (
            "initialisation=he,kaiming",
            "vary: `initialisation` must be one of he, xavier, orthogonal, lsuv, default or task, got 'kaiming'",
        ),
        ("dropout=0,half", "vary: `dropout` must be at least 0 and below 1 or task, got 'half'"),
        ("dropout=0,1.5", "vary: `dropout` must be at least 0 and below 1 or task, got 1.5"),
        ({"dropout": [0, 1.5]}, "vary: `dropout` must be at least 0 and below 1 or task, got 1.5"),
        ("epochs=3,3.5", "vary: `epochs` must be a whole number of at least 1, got '3.5'"),
        ("epochs=3", "vary: `epochs` needs at least two levels, got 3"),
        ("epochs=3,3", "vary: `epochs` has the level 3 twice"),
        ("epochs", "vary: write `field=level,level`, such as initialisation=he,xavier, got 'epochs'"),
        (["epochs=3,4", "epochs=5,6"], "vary: `epochs` is named twice; give all its levels at once"),
        (
            ["epochs=3,4", "dropout=0,0.1", "batch_size=8,16"],
            "vary: 2 factors at most, got epochs, dropout, batch_size",
        ),
        (
            "learning_rate=0.1,0.2",
            "vary: `learning_rate` is no field of the recipe: it is tuned for every combination; "
            "--learning-rate names its grid",
        ),
        ({"epochs": 3}, "vary: the levels of `epochs` must be a list, got 3"),
    ],
)
def test_mistakes_are_told_in_one_line(vary: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        factors(vary)


def test_levels_that_train_alike_are_told() -> None:
    with pytest.raises(
        ArgumentError, match=r"^vary: momentum=default and momentum=0\.9 train alike; leave one out$"
    ):
        designs(design(), Recipe(), factors("momentum=default,0.9"))
