"""Small tasks that claims are trained on: digits, few of them, and spirals."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from leaky.lab import tasks
from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.nn.init import he_normal_

_TEST = 597


def digits(
    budget: str,
    *,
    hidden: int,
    train: int,
    epochs: int = 40,
    noise: float = 0.0,
    outliers: float = 0.0,
) -> Task:
    """`train` scanned digits of 8 x 8 pixels in (0, 1), a perceptron of `hidden` layers of 64 units; 597 for testing.

    All of the digits are learned too well to tell activations apart. Test images may have normal noise added, or a
    share of their pixels replaced by -5 or 5.
    """
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    x, y = images[order] / 16, labels[order]
    test = x[:_TEST].copy()
    random = np.random.default_rng(1)
    test += noise * random.standard_normal(test.shape)
    hit = random.random(test.shape) < outliers
    test[hit] = random.choice([-5.0, 5.0], size=int(hit.sum()))
    end = _TEST + train
    return Task(
        name=f"digits of {train}",
        train=(x[_TEST:end], y[_TEST:end]),
        test=(test, y[:_TEST]),
        validation_fraction=0.25,
        model=Perceptron(64, hidden, 10),
        recipe=Recipe(optimizer="momentum", batch_size=32, epochs=1 if budget == "smoke" else epochs),
        description=f"{train} of scikit-learn's scanned digits, a perceptron with {hidden} hidden layers",
    )


def spirals(budget: str, *, hidden: int = 3, epochs: int = 60) -> Task:
    """Two spirals of two turns, 600 points to train on and 600 to test; no line separates them."""
    random = np.random.default_rng(0)
    turn = np.sqrt(random.random(1200)) * 4 * np.pi
    label = random.integers(0, 2, 1200)
    angle = turn + np.pi * label
    x = np.stack([turn * np.cos(angle), turn * np.sin(angle)], 1) / (4 * np.pi)
    x += 0.01 * random.standard_normal(x.shape)
    return Task(
        name="two spirals",
        train=(2 * x[:600], label[:600]),
        test=(2 * x[600:], label[600:]),
        validation_fraction=0.25,
        model=Perceptron(2, hidden, 2),
        recipe=Recipe(optimizer="adam", batch_size=32, epochs=1 if budget == "smoke" else epochs),
        description=f"two spirals, a perceptron with {hidden} hidden layers",
    )


def clothes(budget: str) -> Task:
    """Fashion-MNIST with two hidden layers, as `leaky compare --task fashion_mnist --preset shallow` has it."""
    return tasks.build("fashion_mnist", "shallow", budget)


class Perceptron:
    """The model function of a perceptron of 64 units a layer, drawn by He's rule with its activation's gain."""

    def __init__(self, inputs: int, hidden: int, outputs: int, width: int = 64) -> None:
        self.sizes = (inputs, hidden, outputs, width)

    def __call__(self, activation: ModelFactory, seed: int) -> torch.nn.Module:
        inputs, hidden, outputs, width = self.sizes
        generator = torch.Generator().manual_seed(seed)
        layers: list[torch.nn.Module] = []
        for size in [inputs] + [width] * (hidden - 1):
            layer = torch.nn.Linear(size, width)
            he_normal_(layer.weight, activation.spec, generator=generator)
            layers += [layer, *activation.block(width)]
        layers.append(torch.nn.Linear(width, outputs))
        he_normal_(layers[-1].weight, "leaky_relu(1)", generator=generator)  # type: ignore[arg-type]
        for part in layers:
            if isinstance(part, torch.nn.Linear):
                torch.nn.init.zeros_(part.bias)
        return torch.nn.Sequential(*layers)
