"""Autoencoders side by side: errors by table, networks that do not know of each other, places of the recipe."""

from __future__ import annotations

import numpy as np
import torch

from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.lab.tables.autoencoders import Autoencoders, columns, distances
from leaky.lab.tables.detection import forest, standardised
from leaky.models import initialise_

FEATURES, WIDTHS = (3, 5), ((16, 2, 16), (8, 2, 8))


def built(recipe: Recipe | None = None) -> tuple[Autoencoders, ModelFactory]:
    torch.manual_seed(0)
    factory = ModelFactory("leaky_relu(negative_slope=0.1)", recipe)
    return Autoencoders(FEATURES, WIDTHS, factory), factory


def test_the_error_of_each_table_is_of_its_own_network_and_columns() -> None:
    model, factory = built()
    assert factory.places == 6
    rows = torch.randn(7, 8)
    found = model(rows)
    assert found.shape == (7, 2)
    for number, these in enumerate(columns(FEATURES)):
        own = rows[:, these]
        torch.testing.assert_close(found[:, number], (model.networks[number](own) - own).square().mean(1))
    found[:, 0].sum().backward()
    learning = [
        any(parameter.grad.any() for parameter in network.parameters() if parameter.grad is not None)
        for network in model.networks
    ]
    assert learning == [True, False]


def test_a_network_that_answers_0_leaves_the_distance_to_the_mean() -> None:
    model, _ = built()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    rows = torch.randn(4, 8)
    torch.testing.assert_close(model(rows), distances(rows, FEATURES))
    torch.testing.assert_close(distances(rows, FEATURES)[:, 1], rows[:, 3:].square().mean(1))


def test_it_trains_to_reconstruct_what_has_few_dimensions() -> None:
    model, _ = built()
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(256, 2, generator=random) @ torch.randn(2, 8, generator=random)
    before = model(rows).mean().item()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(150):
        optimizer.zero_grad()
        model(rows).mean().backward()
        optimizer.step()
    assert model(rows).mean() < 0.1 * before


def test_a_recipe_adds_norms_and_its_initialisation_knows_what_follows() -> None:
    model, _ = built(Recipe(normalisation="batch", dropout=0.5))
    kinds = [type(module).__name__ for module in model.networks[0]]
    assert kinds[:4] == ["Linear", "BatchNorm1d", "LeakyReLU", "Dropout"]
    gains = [row.gain for row in initialise_(built()[0], "he").layers]
    assert [gain == 1 for gain in gains] == [False, False, False, True] * 2


def test_columns_are_standardised_by_what_is_trained_on() -> None:
    train, other = standardised(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[4.0, 6.0]]))
    assert train.tolist() == [[-1, 0], [1, 0]]
    assert other.tolist() == [[2, 1]]
    assert other.dtype == np.float32


def test_the_forest_finds_what_lies_far_off_the_same_each_time() -> None:
    random = np.random.default_rng(0)
    train, test = random.normal(size=(200, 3)), np.concatenate((random.normal(size=(20, 3)), [[9, 9, 9]]))
    scores = forest(train, test)
    assert scores.argmax() == 20
    assert (scores == forest(train, test)).all()
