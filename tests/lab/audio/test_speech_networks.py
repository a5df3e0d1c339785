"""The networks for spoken words: shapes, places for activations, norms and dropout, the scale at the start."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.audio.networks import NETWORKS
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe

SHAPE = (40, 48)
PLACES = {"dnn": 3, "cnn": 4}


def built(name: str, recipe: Recipe | None = None) -> tuple[torch.nn.Sequential, ModelFactory]:
    torch.manual_seed(0)
    factory = ModelFactory("leaky_relu(negative_slope=0.2)", recipe)
    return NETWORKS[name](SHAPE, 10, 16, factory, 0.3), factory


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_per_class_from_activations_after_every_inner_layer(name: str) -> None:
    network, factory = built(name)
    assert factory.places == PLACES[name]
    scores = network.eval()(torch.randn(8, 1, *SHAPE))
    assert scores.shape == (8, 10)
    assert 0.1 < scores.std() < 10


@pytest.mark.parametrize("name", NETWORKS)
def test_recipes_change_norm_and_dropout(name: str) -> None:
    def count(kinds: tuple[type[torch.nn.Module], ...], recipe: Recipe | None = None) -> int:
        return sum(isinstance(module, kinds) for module in built(name, recipe)[0].modules())

    norms = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
    assert count(norms) == {"dnn": 0, "cnn": 3}[name]
    assert count(norms, Recipe(normalisation="batch")) == PLACES[name]
    assert count(norms, Recipe(normalisation="none")) == 0
    assert count((torch.nn.Dropout,)) == {"dnn": 3, "cnn": 2}[name]
    assert count((torch.nn.Dropout,), Recipe(dropout=0.0)) == 0
