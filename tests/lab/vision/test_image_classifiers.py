"""Shapes, places for activations and norms, and the variance at the start of the reference networks."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.lab.vision.classifiers import ResNet8, mlp, vgg

SHAPE = (1, 28, 28)
NETWORKS = {
    "mlp": partial(mlp, SHAPE, 10, 32, 4),
    "vgg": partial(vgg, SHAPE, 10, (4, 8), "none"),
    "vgg_norm": partial(vgg, SHAPE, 10, (4, 8), "batch"),
    "resnet8": partial(ResNet8, SHAPE, 10, 4),
}
PLACES = {"mlp": 4, "vgg": 5, "vgg_norm": 5, "resnet8": 7}


def built(name: str, recipe: Recipe | None = None) -> tuple[Any, ModelFactory]:
    torch.manual_seed(0)
    factory = ModelFactory("leaky_relu(negative_slope=0.2)", recipe)
    return NETWORKS[name](factory), factory


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_per_class_and_an_activation_after_every_inner_layer(name: str) -> None:
    network, factory = built(name)
    scores = network(torch.randn(6, *SHAPE))
    assert scores.shape == (6, 10)
    assert factory.places == PLACES[name]
    assert 0.05 < scores.std() < 10  # He's rule with the activation's own gain keeps the scale


@pytest.mark.parametrize("name", NETWORKS)
def test_a_recipe_may_change_the_norm(name: str) -> None:
    norms = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)

    def count(network: torch.nn.Module) -> int:
        return sum(isinstance(module, norms) for module in network.modules())

    assert count(built(name)[0]) == {"mlp": 0, "vgg": 0, "vgg_norm": 4, "resnet8": 7}[name]
    assert count(built(name, Recipe(normalisation="batch"))[0]) >= 4
    assert count(built(name, Recipe(normalisation="none"))[0]) == 0
