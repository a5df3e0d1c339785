"""How a network is trained, as data: what fits, and keys that stay what they were."""

from __future__ import annotations

import re
from typing import Any

import pytest

from leaky.errors import ArgumentError, UnknownNameError
from leaky.lab.recipe import Recipe
from leaky.lab.training.fields import FIELDS
from leaky.records import TrialPlan


def key(recipe: Recipe) -> str:
    return TrialPlan("t", "", "f", "relu", 0.1, 3, "final", recipe.record()).key


@pytest.mark.parametrize(
    ("recipe", "was"),
    [
        (Recipe(), "b98f3d765e5b0e9f10bf8fa5"),
        (Recipe(optimizer="sgd", momentum=0.9), "b98f3d765e5b0e9f10bf8fa5"),
        (Recipe(optimizer="adam", epochs=7), "5916bb5a7d421a206a6f3f6b"),
        (Recipe(optimizer="sgd", momentum=0.0, batch_size=8), "22be47cb4c2ef1663e02f57c"),
        (Recipe(optimizer="sgd", batch_size=8), "22be47cb4c2ef1663e02f57c"),
    ],
)
def test_keys_are_those_of_the_first_stores_where_new_fields_have_their_defaults(
    recipe: Recipe, was: str
) -> None:
    assert key(recipe) == was


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "cosine"},
        {"early_stopping": 3},
        {"dropout": 0.0},
        {"weight_decay": 0.001},
        {"normalisation": "none"},
        {"initialisation": "default"},
        {"clip_grad_norm": 1},
    ],
)
def test_every_new_field_is_part_of_the_key_and_comes_back_from_the_record(change: dict[str, Any]) -> None:
    recipe = Recipe(**change)
    assert key(recipe) != key(Recipe())
    assert Recipe(**recipe.record()).record() == recipe.record()


def test_whole_numbers_and_fractions_of_one_value_are_one_recipe() -> None:
    assert key(Recipe(weight_decay=0)) == key(Recipe(weight_decay=0.0))


def test_every_field_is_in_the_table() -> None:
    assert tuple(FIELDS) == tuple(Recipe.__dataclass_fields__)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"optimizer": "lion"},
            "recipe: `optimizer` must be one of sgd, momentum, adagrad, rmsprop, adam, adamw, got 'lion'",
        ),
        ({"momentum": 1.0}, "recipe: `momentum` must be at least 0 and below 1, got 1.0"),
        (
            {"momentum": 0},
            'recipe: `momentum` must be above 0 for optimizer "momentum", got 0; "sgd" has none',
        ),
        (
            {"schedule": None},
            "recipe: `schedule` must be one of constant, step, cosine, plateau, one_cycle, got None",
        ),
        ({"early_stopping": -1}, "recipe: `early_stopping` must be a whole number of at least 0, got -1"),
        ({"dropout": 1}, "recipe: `dropout` must be at least 0 and below 1, got 1"),
        (
            {"weight_decay": float("nan")},
            "recipe: `weight_decay` must be a finite number of at least 0, got nan",
        ),
        ({"clip_grad_norm": 0}, "recipe: `clip_grad_norm` must be a finite number above 0, got 0"),
        ({"epochs": True}, "recipe: `epochs` must be a whole number of at least 1, got True"),
    ],
)
def test_a_value_that_does_not_fit_is_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        Recipe(**values)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [("dropout", 0.25, "0.25"), ("normalisation", None, "task"), ("epochs", 3, "3"), ("schedule", "step", "step"),
     ("clip_grad_norm", None, "none"), ("normalisation", "none", "none")],
)  # fmt: skip
def test_levels_are_written_and_read_back(field: str, value: Any, text: str) -> None:
    assert FIELDS[field].text(value) == text
    assert FIELDS[field].parse(text) == value


def test_a_momentum_belongs_to_its_optimizer() -> None:
    recipe = Recipe(optimizer="sgd", momentum=0.9)
    assert recipe.with_level("optimizer", "sgd").sgd_momentum == 0
    assert recipe.with_level("optimizer", "momentum").sgd_momentum == 0.9
    with pytest.raises(ArgumentError, match="`momentum` is of SGD, got optimizer 'adam'"):
        Recipe(optimizer="adam").with_level("momentum", 0.5)
    with pytest.raises(UnknownNameError, match="did you mean `dropout`"):
        recipe.with_level("drop_out", 0.5)
