"""A recipe's optimizer is torch's own, and never decays what activations learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from leaky.lab.recipe import Recipe
from leaky.lab.training.fields import OPTIMIZERS
from leaky.lab.training.optimizers import optimizer

TWINS: dict[str, Any] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1),
}


def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))


def train(model: torch.nn.Module, made: torch.optim.Optimizer) -> torch.Tensor:
    inputs = torch.linspace(-1, 1, 24).reshape(8, 3)
    for _ in range(4):
        made.zero_grad()
        model(inputs).square().mean().backward()
        made.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_steps_as_torchs_with_its_defaults(name: str) -> None:
    ours, theirs = network(), network()
    found = train(ours, optimizer(Recipe(optimizer=name), ours, 0.1))
    torch.testing.assert_close(found, train(theirs, TWINS[name](theirs.parameters())))
    assert not torch.equal(found, torch.cat([p.detach().flatten() for p in network().parameters()]))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_is_torchs_and_leaves_learned_slopes_alone(name: str) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.PReLU(2))
    made = optimizer(Recipe(optimizer=name, weight_decay=0.1), model, 0.1)
    decay = {id(p): group["weight_decay"] for group in made.param_groups for p in group["params"]}
    assert [decay[id(p)] for p in model.parameters()] == [0.1, 0.1, 0.0]


def test_adamw_decays_by_torchs_default_but_not_the_slopes() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.PReLU())
    groups = optimizer(Recipe(optimizer="adamw"), model, 0.1).param_groups
    assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [(2, 0.01), (1, 0.0)]
    none = optimizer(Recipe(optimizer="adamw", weight_decay=0), model, 0.1).param_groups
    assert [group["weight_decay"] for group in none] == [0.0]
