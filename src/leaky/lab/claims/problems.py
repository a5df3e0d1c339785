"""Small tasks that claims are trained on: digits, few of them, spirals, clothes and spoken words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from leaky.lab import tasks
from leaky.lab.claims.networks import Convolutions, Perceptron, SlopeRule
from leaky.lab.definition import Task
from leaky.lab.identity import identity
from leaky.lab.recipe import Recipe

_TEST = 597
_STAINS = 0.1
_VERSION = identity((Perceptron, Convolutions))
"""Other networks are other tasks: a task's fingerprint has their sizes, and not their source."""


def digits(
    budget: str,
    *,
    hidden: int,
    train: int,
    width: int = 64,
    epochs: int = 40,
    gain: str = "own",
    per_unit: bool = False,
    centred: bool = False,
    noise: float = 0.0,
    stains: str = "",
) -> Task:
    """`train` scanned digits of 8 x 8 pixels in (0, 1), a perceptron of `hidden` layers of `width`; 597 for testing.

    All of the digits (1,200 are left for training) are learned too well to tell activations apart. Test images may
    have normal noise added, or a tenth of their pixels replaced: by -5 or 5 (`stains="outliers"`), or by 0 and 1
    ("salt and pepper"). The training data, and so the trained networks, are those of the clean task.
    `centred` takes the mean of the training images off, pixel by pixel.
    """
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    x, y = images[order] / 16, labels[order]
    end = _TEST + train
    if centred:
        x = x - x[_TEST:end].mean(0)
    return Task(
        name=f"digits of {train}",
        train=(x[_TEST:end], y[_TEST:end]),
        test=(_spoilt(x[:_TEST], noise, stains), y[:_TEST]),
        validation_fraction=0.25,
        model=Perceptron(64, hidden, 10, width, gain, per_unit),
        recipe=Recipe(optimizer="momentum", batch_size=32, epochs=1 if budget == "smoke" else epochs),
        version=_VERSION,
        description=f"{train} of scikit-learn's scanned digits, a perceptron with {hidden} hidden layers",
    )


def _spoilt(images: NDArray[np.float64], noise: float, stains: str) -> NDArray[np.float64]:
    random = np.random.default_rng(1)
    found = images + noise * random.standard_normal(images.shape)
    if stains:
        levels = {"outliers": [-5.0, 5.0], "salt and pepper": [0.0, 1.0]}[stains]
        hit = random.random(images.shape) < _STAINS
        found[hit] = random.choice(levels, size=int(hit.sum()))
    return found


def spirals(budget: str, *, hidden: int = 3, epochs: int = 60, turns: float = 2.0, gain: str = "own") -> Task:
    """Two spirals of `turns` turns, 600 points to train on and 600 to test; no line separates them."""
    random = np.random.default_rng(0)
    longest = 2 * turns * np.pi
    turn = np.sqrt(random.random(1200)) * longest
    label = random.integers(0, 2, 1200)
    angle = turn + np.pi * label
    x = np.stack([turn * np.cos(angle), turn * np.sin(angle)], 1) / longest
    x += 0.01 * random.standard_normal(x.shape)
    return Task(
        name="two spirals",
        train=(2 * x[:600], label[:600]),
        test=(2 * x[600:], label[600:]),
        validation_fraction=0.25,
        model=Perceptron(2, hidden, 2, gain=gain),
        recipe=Recipe(optimizer="adam", batch_size=32, epochs=1 if budget == "smoke" else epochs),
        version=_VERSION,
        description=f"two spirals of {turns:g} turns, a perceptron with {hidden} hidden layers",
    )


def clothes(budget: str, *, hidden: int = 2, gain: str = "own") -> Task:
    """Fashion-MNIST as `leaky compare --task fashion_mnist` has it, and a perceptron of `hidden` layers of 64."""
    task = tasks.build("fashion_mnist", "shallow", budget)
    train, test = _parts(task)
    return replace(
        task,
        name="clothes",
        train=(train[0].flatten(1), train[1]),
        test=(test[0].flatten(1), test[1]),
        model=Perceptron(28 * 28, hidden, 10, gain=gain),
        recipe=task.recipe.changed(epochs=1 if budget == "smoke" else None),
        version=_VERSION,
        description=f"{len(train[1]):,} pictures of clothes (Fashion-MNIST), {hidden} hidden layers",
    )


def small_clothes(
    budget: str,
    *,
    widths: tuple[int, ...],
    train: int = 1000,
    epochs: int = 12,
    inner: int = 0,
    dropout: float = 0.0,
    slopes: SlopeRule = "as named",
) -> Task:
    """`train` pictures of clothes halved to 14 x 14 pixels, convolutions in pairs; 2,000 pictures for testing."""
    (x, y), (test, targets) = _parts(tasks.build("fashion_mnist", "shallow", budget))
    halved = [torch.nn.functional.avg_pool2d(images, 2) for images in (x[:train], test)]
    return Task(
        name=f"{train} clothes",
        train=(halved[0], y[:train]),
        test=(halved[1], targets),
        validation_fraction=0.25,
        model=Convolutions(14, widths, inner, dropout, slopes),
        recipe=Recipe(
            optimizer="momentum",
            schedule="cosine",
            batch_size=32,
            epochs=1 if budget == "smoke" else epochs,
        ),
        version=_VERSION,
        description=f"{train} pictures of clothes (Fashion-MNIST) of 14 x 14 pixels, pairs of {widths} convolutions",
    )


def spoken(budget: str, *, hidden: int, width: int = 128) -> Task:
    """The spoken digits of `leaky compare --task fsdd`, and a perceptron of `hidden` layers without dropout."""
    task = tasks.build("fsdd", "dnn", budget)

    def flat(
        part: tuple[NDArray[np.float32], NDArray[np.int64]],
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return part[0].reshape(len(part[0]), -1), part[1]

    return replace(
        task,
        name="spoken digits",
        train=flat(task.train),
        validation=flat(task.validation),
        test=flat(task.test),
        model=Perceptron(1600, hidden, 10, width),
        recipe=task.recipe.changed(epochs=1 if budget == "smoke" else None),
        description=f"spoken digits, {hidden} hidden layers of {width} units, no dropout",
        version=_VERSION,
    )


def _parts(task: Task) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """Training and test data of a task as tensors."""
    train = task.train_samples.take(torch.arange(len(task.train_samples)))
    test = [torch.cat(parts) for parts in zip(*task.parts(0)[2].batches(), strict=True)]
    return train, (test[0], test[1])
