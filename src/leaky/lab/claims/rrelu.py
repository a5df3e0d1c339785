"""Measurements of RReLU: what its two forms draw, how training and test differ, and what the other's test slope costs."""

from __future__ import annotations

import math

import torch

from leaky.lab.claims.claim import Values
from leaky.lab.claims.small_networks import OPTIMIZERS, data, network, steps
from leaky.nn import activation
from leaky.nn.init import gain

FORMS = {"multiplied": "rrelu", "divided": "rrelu(form='divide')"}
_SAMPLES = 1797


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

    The networks are trained in their own form; the rest of the digits are those tested on.
    """
    x, y = data(_SAMPLES)
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
        model = network(text, hidden, seed)
        optimizer = OPTIMIZERS["momentum"](model.parameters(), rate, 0.0)
        for _ in steps(model, x[:train], y[:train], optimizer, count=count, seed=seed):
            pass
        linear = [part for part in model if isinstance(part, torch.nn.Linear)]
        for other, slope in slopes.items():
            found[f"accuracy, {label}, tested as {other}"] = _accuracy(linear, slope, x[train:], y[train:])
    return found


@torch.no_grad()
def _accuracy(layers: list[torch.nn.Linear], slope: float, x: torch.Tensor, y: torch.Tensor) -> float:
    for layer in layers[:-1]:
        x = torch.nn.functional.leaky_relu(layer(x), slope)
    return float((layers[-1](x).argmax(1) == y).float().mean())
