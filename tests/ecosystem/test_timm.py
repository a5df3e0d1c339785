"""timm's ResNets with leaky ReLU train the same, lean. timm needs a torchvision that loads beside this torch."""

from __future__ import annotations

from functools import partial

import pytest
from side_by_side import follows, images, made, needs_native
from torch import nn

try:
    import timm
except (
    ImportError,
    RuntimeError,
) as error:  # a torchvision built for CUDA raises RuntimeError beside a CPU-only torch
    pytest.skip(f"timm cannot be imported: {error}", allow_module_level=True)

import leaky

BATCHES = images(3, 4, 3, 64, 64)
leaky_act = partial(nn.LeakyReLU, negative_slope=0.1, inplace=True)
MODELS = {"resnet10t": 0.75, "resnet14t": 0.75}


@pytest.mark.parametrize(("name", "at_most"), MODELS.items())
def test_models_train_the_same(name: str, at_most: float) -> None:
    make = partial(timm.create_model, name, act_layer=leaky_act, num_classes=4)
    follows(make, BATCHES, at_most=at_most, rel=1e-3)


@needs_native
def test_norms_and_activations_are_fused() -> None:
    model = made(partial(timm.create_model, "resnet10t", act_layer=leaky_act, num_classes=4))
    became = [site.became for site in leaky.lean(model, BATCHES[0]).changed]
    assert became.count("one tensor for both") >= 4
