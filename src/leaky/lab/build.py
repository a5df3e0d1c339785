"""A task's network for one run: the model function, then the recipe's initialisation."""

from __future__ import annotations

import torch

from leaky.catalogue import Spec
from leaky.errors import LeakyError, TaskError
from leaky.lab.data import seed_everything, seeded
from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.models import initialise_
from leaky.models.flow import LAYERS

LSUV_SAMPLES = 128
"""Training samples that LSUV measures the variance of each layer on."""


def build_model(
    task: Task, recipe: Recipe, activation: str | Spec, seed: int, train: torch.Tensor
) -> tuple[torch.nn.Module, ModelFactory]:
    """The network, and the factory that its model function was given.

    torch's global generator must stand at `seed` already. `train` says which samples LSUV may look at.

    Raises:
        TaskError: the recipe asks for what the model has no place for, or cannot initialise it.
    """
    factory = ModelFactory(activation, recipe)
    model = task.model(factory, seed)
    if isinstance(model, torch.nn.Module):
        factory.refused(task.name)
        try:
            _initialise(model, task, recipe, seed, train)
        except LeakyError as error:
            raise TaskError(f"task `{task.name}`: initialisation {recipe.initialisation}: {error}") from error
    return model, factory


def _initialise(model: torch.nn.Module, task: Task, recipe: Recipe, seed: int, train: torch.Tensor) -> None:
    if recipe.initialisation is None:
        return
    if recipe.initialisation == "default":
        seed_everything(seed)
        for module in model.modules():
            if isinstance(module, LAYERS):
                module.reset_parameters()
        return
    generator, batch = torch.Generator().manual_seed(seed), None
    if recipe.initialisation == "lsuv":
        with seeded(seed):  # a dataset may augment its samples
            batch = task.train_samples.take(train[:LSUV_SAMPLES])[0]
    initialise_(model, recipe.initialisation, batch=batch, generator=generator)
