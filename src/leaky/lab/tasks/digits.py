"""`digits`: 1,797 scanned digits of 8 x 8 pixels, part of scikit-learn; nothing is downloaded.

Source: E. Alpaydin, C. Kaynak 1998, Optical Recognition of Handwritten Digits, UCI repository (its test part).
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits

from leaky.catalogue import Spec
from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.nn.init import he_normal_

_HIDDEN = {"shallow": 2, "deep": 24}
_RATES = {"shallow": (0.003, 0.01, 0.03, 0.1, 0.3), "deep": (0.0003, 0.001, 0.003, 0.01)}
_SMOKE_RATES = {"shallow": (0.03, 0.1), "deep": (0.001, 0.003)}
_WIDTH = 64
_EPOCHS = {"smoke": 4, "small": 30, "full": 100}


def build(preset: str, budget: str) -> Task:
    """The digits with a multilayer perceptron of 2 (shallow) or 24 (deep) hidden layers of 64 units.

    Weights are drawn by He's rule with the activation's own gain, biases start at 0. The deep one has no
    normalisation and no skip connections: the kind of network in which ReLU loses units. The budgets differ in
    epochs.
    """
    hidden = _HIDDEN[preset]
    images, labels = load_digits(return_X_y=True)

    def model(activation: ModelFactory, seed: int) -> torch.nn.Module:
        generator = torch.Generator().manual_seed(seed)
        layers: list[torch.nn.Module] = []
        for width in [64] + [_WIDTH] * (hidden - 1):
            layers += [_linear(width, _WIDTH, activation.spec, generator), *activation.block(_WIDTH)]
        return torch.nn.Sequential(*layers, _linear(_WIDTH, 10, "leaky_relu(1)", generator))

    return Task(
        name="digits",
        train=(images / 16, labels),
        model=model,
        test_fraction=0.3,
        recipe=Recipe(optimizer="sgd", momentum=0.9, batch_size=32, epochs=_EPOCHS[budget]),
        learning_rates=(_SMOKE_RATES if budget == "smoke" else _RATES)[preset],
        description=f"scikit-learn's 1,797 scanned digits, a multilayer perceptron with {hidden} hidden layers of "
        f"{_WIDTH} units, no normalisation",
        version="1",
    )


def _linear(inputs: int, outputs: int, spec: Spec | str, generator: torch.Generator) -> torch.nn.Linear:
    layer = torch.nn.Linear(inputs, outputs)
    he_normal_(layer.weight, spec, generator=generator)
    torch.nn.init.zeros_(layer.bias)
    return layer
