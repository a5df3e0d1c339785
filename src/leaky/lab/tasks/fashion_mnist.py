"""`fashion_mnist`: 70,000 grey images of 28 x 28 pixels, ten kinds of clothes.

Source: H. Xiao, K. Rasul, R. Vollgraf 2017, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms. arXiv:1708.07747.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from leaky.lab.datasets import DATASETS, featurised
from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.lab.vision.classifiers import ResNet8, mlp, vgg
from leaky.nn import ActivationFactory

_SHAPE, _CLASSES = (1, 28, 28), 10
_MEAN, _SPREAD = 0.2860, 0.3530
"""Of the training images' pixels, from 0 to 1."""


@dataclass(frozen=True)
class Size:
    """What a budget buys: images, epochs, and how wide the networks are."""

    train: int
    test: int
    epochs: int
    convolutions: tuple[int, int]
    residual: int
    units: int
    batch_size: int = 64


_SIZES = {
    "smoke": Size(train=600, test=400, epochs=2, convolutions=(4, 8), residual=4, units=64, batch_size=32),
    "small": Size(train=6_000, test=2_000, epochs=5, convolutions=(8, 16), residual=8, units=128),
    "full": Size(train=60_000, test=10_000, epochs=20, convolutions=(32, 64), residual=16, units=256),
}
_RATES = {
    "vgg": (0.003, 0.01, 0.03, 0.1),
    "vgg_norm": (0.003, 0.01, 0.03, 0.1),
    "resnet8": (0.01, 0.03, 0.1, 0.3),
    "shallow": (0.003, 0.01, 0.03, 0.1),
    "deep": (0.001, 0.003, 0.01, 0.03),
}
"""The best rates of a trial run with ReLU and leaky ReLU lie within; the smoke budget takes the middle two."""


def build(preset: str, budget: str) -> Task:
    """Fashion-MNIST with a VGG-style network ("vgg", "vgg_norm"), "resnet8", or a perceptron ("shallow", "deep").

    VGG has two pairs of 3 x 3 convolutions, without normalisation or with batch norm ("vgg_norm"); ResNet-8 has batch
    norm; the perceptrons have 2 or 20 hidden layers and none. The official test images are the test data; a sixth of
    the others is held out for choosing the learning rate.
    """
    size = _SIZES[budget]
    data = featurised("fashion_mnist", "1", _featurise)
    network, about = _network(preset, size)

    def model(activation: ActivationFactory, seed: int) -> torch.nn.Module:
        assert isinstance(activation, ModelFactory)
        return network(activation)

    rates = _RATES[preset]
    return Task(
        name="fashion_mnist",
        train=(data["train_images"][: size.train], data["train_labels"][: size.train]),
        test=(data["test_images"][: size.test], data["test_labels"][: size.test]),
        validation_fraction=1 / 6,
        model=model,
        recipe=Recipe(
            optimizer="momentum", schedule="cosine", batch_size=size.batch_size, epochs=size.epochs
        ),
        learning_rates=rates[1:3] if budget == "smoke" else rates,
        description=f"{DATASETS['fashion_mnist'].credit}, {size.train:,} training and {size.test:,} test images, "
        f"{about}",
        version="1",
    )


def _network(preset: str, size: Size) -> tuple[Callable[[ModelFactory], torch.nn.Module], str]:
    first, second = size.convolutions
    if preset in ("shallow", "deep"):
        hidden = {"shallow": 2, "deep": 20}[preset]
        about = f"a multilayer perceptron with {hidden} hidden layers of {size.units} units, no normalisation"
        return partial(mlp, _SHAPE, _CLASSES, size.units, hidden), about
    if preset == "resnet8":
        about = f"ResNet-8 with {size.residual} to {4 * size.residual} channels, batch norm"
        return partial(ResNet8, _SHAPE, _CLASSES, size.residual), about
    norm = "batch" if preset == "vgg_norm" else "none"
    about = f"a VGG-style network, 2 x {first} and 2 x {second} channels, " + (
        "batch norm" if norm == "batch" else "no normalisation"
    )
    return partial(vgg, _SHAPE, _CLASSES, size.convolutions, norm), about


def _featurise(files: Mapping[str, Path]) -> dict[str, NDArray[np.generic]]:
    """Images standardised, as float32 of shape (N, 1, 28, 28), and labels."""
    found: dict[str, NDArray[np.generic]] = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = _idx(files[f"{prefix}-images-idx3-ubyte.gz"])
        found[f"{part}_images"] = ((images[:, None] / np.float32(255) - _MEAN) / _SPREAD).astype(np.float32)
        found[f"{part}_labels"] = _idx(files[f"{prefix}-labels-idx1-ubyte.gz"]).astype(np.int64)
    return found


def _idx(path: Path) -> NDArray[np.uint8]:
    """An IDX file: its fourth byte counts the axes, whose lengths follow as big-endian 32-bit numbers."""
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
