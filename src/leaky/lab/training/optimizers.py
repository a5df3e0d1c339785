"""From a recipe to torch's own optimizer over a model's parameters."""

from __future__ import annotations

from typing import Any

import torch

from leaky.lab.recipe import Recipe
from leaky.nn.groups import parameter_groups

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
    decay = recipe.decay
    options: dict[str, Any] = {"lr": learning_rate, "weight_decay": decay}
    if recipe.optimizer in ("sgd", "momentum"):
        options["momentum"] = recipe.sgd_momentum
    if recipe.optimizer not in _NOT_FUSED:
        options["fused"] = True
    parameters: Any = parameter_groups(model, weight_decay=decay) if decay else list(model.parameters())
    return _CLASSES[recipe.optimizer](parameters, **options)
