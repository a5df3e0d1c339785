"""What RReLU's two forms draw, how training and tests differ, and what the other form's test slope costs."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import cross_entropy, leaky_relu

from leaky.lab.claims.claim import Values
from leaky.lab.claims.networks import Perceptron
from leaky.lab.claims.perceptrons import BATCH, CLASSES, INPUTS, digits, stream
from leaky.lab.factory import ModelFactory
from leaky.nn import activation
from leaky.nn.init import gain

FORMS = {"multiplied": "rrelu", "divided": "rrelu(form='divide')"}


def scales(seed: int, *, depths: list[int], width: int, samples: int) -> Values:
    """log of the second moment after that many random layers in test over that in training, and per layer.

    Layers have no biases and weights from N(0, gain^2 / width), the same in training and test.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    module = activation("rrelu")
    signal = dict.fromkeys(("train", "test"), torch.randn(samples, width, generator=generator))
    found = {}
    for layer in range(1, max(depths) + 1):
        weight = torch.randn(width, width, generator=generator) * (gain("rrelu") / math.sqrt(width))
        for mode, before in signal.items():
            signal[mode] = module.train(mode == "train")(before @ weight)
        if layer in depths:
            moments = {mode: float(after.square().mean()) for mode, after in signal.items()}
            found[f"{layer} layers"] = math.log(moments["test"] / moments["train"])
    found["per layer"] = found[f"{max(depths)} layers"] / max(depths)
    return found


def forms(seed: int, *, train: int, hidden: int, count: int, rate: float, drawn: int) -> Values:
    """Of both forms the mean slope drawn in training and that of tests, and test accuracy with both test slopes.

    A seed draws which digits are trained on, and the rest are those tested on. The networks are trained in their own
    form, by SGD with a momentum of 0.9.
    """
    random = stream(seed)
    (x, y), rest = digits(random, train)
    batches = random.integers(train, size=(count, BATCH))
    found = {}
    slopes = {}
    for label, text in FORMS.items():
        torch.manual_seed(seed)
        module, below = activation(text), torch.full((drawn,), -1.0)
        found[f"slope drawn, {label}"] = -float(module(below).mean())
        slopes[label] = -float(module.eval()(below).mean())
        found[f"slope in tests, {label}"] = slopes[label]
    for label, text in FORMS.items():
        torch.manual_seed(seed)
        model = Perceptron(INPUTS, hidden, CLASSES)(ModelFactory(text), seed)
        optimizer = torch.optim.SGD(model.parameters(), rate, 0.9)
        for chosen in map(torch.from_numpy, batches):
            optimizer.zero_grad()
            cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
        linear = [part for part in model.modules() if isinstance(part, torch.nn.Linear)]
        for other, slope in slopes.items():
            found[f"accuracy, {label}, tested as {other}"] = accuracy(linear, slope, *rest)
    return found


@torch.no_grad()
def accuracy(layers: list[torch.nn.Linear], slope: float, x: torch.Tensor, y: torch.Tensor) -> float:
    """Of a perceptron of these layers with leaky rectifiers of that slope between them."""
    for layer in layers[:-1]:
        x = leaky_relu(layer(x), slope)
    return float((layers[-1](x).argmax(1) == y).float().mean())
