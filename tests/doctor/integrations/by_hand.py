"""The same training, written out: what the trainers do with the callback must come to the same."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

import leaky
from leaky.doctor.around import Around
from leaky.doctor.integrations.scalars import scalars

RATE = 0.05
SEED = 7


def net(dropout: float = 0.1) -> nn.Sequential:
    """Of 8 units behind the ReLU, 0 is dead and 1 is dormant."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 6), nn.LeakyReLU(0.1), nn.Linear(6, 1)
    )
    with torch.no_grad():
        model[0].bias[0] = -100.0
        model[0].weight[1] *= 1e-4
        model[0].bias[1] = 0.0
    return model


def data(batches: int, size: int = 8, seed: int = 1) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batches, size, 4, generator=generator)
    return [(batch, batch.sum(1, keepdim=True)) for batch in x]


def train(model: nn.Module, batches: list[Any], accumulate: int = 1) -> Iterator[int]:
    """Plain SGD with momentum; yields after every step of the optimizer."""
    torch.manual_seed(SEED)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    todo = iter(batches)
    for step in itertools.count(1):
        group = list(itertools.islice(todo, accumulate))
        if not group:
            return
        for x, y in group:
            (nn.functional.mse_loss(model(x), y) / accumulate).backward()
        optimizer.step()
        optimizer.zero_grad()
        yield step


def watched(model: nn.Module, batches: list[Any], every: int, accumulate: int = 1) -> Any:
    """The diagnosis of `leaky.watch` used by hand."""
    with leaky.watch(model, every=every) as watch:
        for _ in train(model, batches, accumulate):
            watch.step()
    return watch.diagnosis()


def step_by_step(
    model: nn.Module, batches: list[Any], every: int, accumulate: int = 1
) -> dict[int, dict[str, float]]:
    """The scalars of every measured step, from a watch that saw this step alone."""
    found = {}
    watch = leaky.watch(model, every=1)
    for step in train(model, batches, accumulate):
        watch.step()
        watch.close()
        if (step - 1) % every == 0:
            found[step - 1] = scalars(watch.diagnosis())
        watch = leaky.watch(model, every=1)
    watch.close()
    return found


def told(diagnosis: Any, prefix: str = "") -> dict[str, Any]:
    """A diagnosis as data, but for what the model around the watched one is called."""
    plain = diagnosis.to_json()
    for site in plain["sites"]:
        site["name"] = site["name"].removeprefix(prefix)
    return {
        name: plain[name] for name in ("sites", "steps", "measured", "samples", "gradients", "parameters")
    }


def is_watched(model: nn.Module) -> bool:
    return any(isinstance(vars(module).get("forward"), Around) for module in model.modules())


@contextmanager
def left_alone(model: nn.Module) -> Iterator[None]:
    """Nothing was added to a module or hooked into it."""
    before = [(set(vars(module)), len(module._forward_hooks)) for module in model.modules()]
    yield
    assert [(set(vars(module)), len(module._forward_hooks)) for module in model.modules()] == before
    copy.deepcopy(model)
