"""From a recipe to torch's own optimizer over a model's parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from leaky.lab.recipe import Recipe
from leaky.nn import ActivationModule

_CLASSES: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
_NOT_FUSED = ("rmsprop",)


def optimizer(recipe: Recipe, model: torch.nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """The recipe's optimizer, in torch's fused form where it has one: one kernel call a step.

    Learned slopes are in a group of their own without weight decay wherever there is any.
    """
    options: dict[str, Any] = {"lr": learning_rate}
    if recipe.optimizer in ("sgd", "momentum"):
        options["momentum"] = recipe.sgd_momentum
    if recipe.optimizer not in _NOT_FUSED:
        options["fused"] = True
    if recipe.weight_decay is not None:
        options["weight_decay"] = recipe.weight_decay
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups: Any = parameters
    slopes = {id(p) for p in learned_slopes(model)}
    if slopes and (recipe.weight_decay or (recipe.weight_decay is None and recipe.optimizer == "adamw")):
        groups = [
            {"params": [p for p in parameters if id(p) not in slopes]},
            {"params": [p for p in parameters if id(p) in slopes], "weight_decay": 0.0},
        ]
    return _CLASSES[recipe.optimizer](groups, **options)


def learned_slopes(model: torch.nn.Module) -> Iterator[torch.nn.Parameter]:
    """The parameters that activations learn: leaky's and those of torch's PReLU."""
    for module in model.modules():
        if isinstance(module, ActivationModule | torch.nn.PReLU):
            yield from module.parameters()
