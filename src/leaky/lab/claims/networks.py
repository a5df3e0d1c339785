"""The networks that claims are trained on: perceptrons, and convolutions in pairs."""

from __future__ import annotations

from typing import Literal

import torch

from leaky.catalogue import Spec, parse
from leaky.lab.factory import ModelFactory
from leaky.nn.init import he_normal_

SlopeRule = Literal["as named", "channels", "1 / channels"]
"""Which slope follows a layer: that of the activation which is compared, or one by the layer's own width."""

_COMMON = "relu"
_LINEAR = "leaky_relu(negative_slope=1.0)"


class Perceptron:
    """The model function of a perceptron, biases at 0 and weights from N(0, gain^2 / fan_in).

    `gain` is "own", that of the activation which a layer feeds (He et al. 2015), or "common", the square root of 2
    for every activation. A learned slope is one for the layer, or `per_unit`.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        width: int = 64,
        gain: str = "own",
        per_unit: bool = False,
    ) -> None:
        self.sizes = (inputs, hidden, outputs, width)
        self.gain = gain
        self.per_unit = per_unit

    def __call__(self, activation: ModelFactory, seed: int) -> torch.nn.Module:
        inputs, hidden, outputs, width = self.sizes
        drawn_for = {"own": activation.spec, "common": parse(_COMMON)}[self.gain]
        generator = torch.Generator().manual_seed(seed)
        layers: list[torch.nn.Module] = []
        for size in [inputs] + [width] * (hidden - 1):
            layers.append(torch.nn.Linear(size, width))
            he_normal_(layers[-1].weight, drawn_for, generator=generator)  # type: ignore[arg-type]
            layers += [activation.norm(width), placed(activation, width, per_unit=self.per_unit)]
        layers.append(torch.nn.Linear(width, outputs))
        he_normal_(layers[-1].weight, _LINEAR, generator=generator)  # type: ignore[arg-type]
        return _without_biases(layers)


class Convolutions:
    """The model function of 3 x 3 convolutions in pairs, each pair ended by a 2 x 2 maximum, then a linear layer.

    With `inner` a layer of so many units with dropout stands before it. Weights are drawn by He's rule with the gain
    of the slope that follows them; learned slopes are one for each channel.
    """

    def __init__(
        self, size: int, widths: tuple[int, ...], inner: int, dropout: float, slopes: SlopeRule
    ) -> None:
        self.size, self.widths, self.inner = size, widths, inner
        self.dropout, self.slopes = dropout, slopes

    def __call__(self, activation: ModelFactory, seed: int) -> torch.nn.Module:
        generator = torch.Generator().manual_seed(seed)
        layers: list[torch.nn.Module] = []
        channels, size = 1, self.size

        def add(layer: torch.nn.Conv2d | torch.nn.Linear, width: int, dims: int) -> None:
            module, spec = self._activation(activation, width)
            he_normal_(layer.weight, spec, generator=generator)
            layers.extend([layer, activation.norm(width, dims), module])

        for width in self.widths:
            for inputs in (channels, width):
                add(torch.nn.Conv2d(inputs, width, 3, padding=1), width, 2)
            layers.append(torch.nn.MaxPool2d(2))
            channels, size = width, size // 2
        layers.append(torch.nn.Flatten())
        features = channels * size * size
        if self.inner:
            add(torch.nn.Linear(features, self.inner), self.inner, 0)
            features = self.inner
        layers.append(activation.dropout(self.dropout))
        layers.append(torch.nn.Linear(features, 10))
        he_normal_(layers[-1].weight, _LINEAR, generator=generator)  # type: ignore[arg-type]
        return _without_biases(layers)

    def _activation(self, activation: ModelFactory, width: int) -> tuple[torch.nn.Module, Spec]:
        if self.slopes == "as named":
            return placed(activation, width, per_unit=True), activation.spec
        slope = float(width) if self.slopes == "channels" else 1 / width
        spec = parse(f"leaky_relu(negative_slope={slope})")
        activation()  # a place of the activation that is compared, with a slope by the width of its layer
        return ModelFactory(spec)(), spec


def placed(activation: ModelFactory, width: int, *, per_unit: bool) -> torch.nn.Module:
    """The activation of a layer of `width`; with `per_unit` a PReLU learns a slope for each unit or channel."""
    made = activation()
    if per_unit and isinstance(made, torch.nn.PReLU):
        return type(made)(width, init=made.init)
    return made


def _without_biases(layers: list[torch.nn.Module]) -> torch.nn.Sequential:
    """One network of them, its biases at 0, without the parts that do nothing."""
    for part in layers:
        if isinstance(part, torch.nn.Linear | torch.nn.Conv2d):
            assert part.bias is not None
            torch.nn.init.zeros_(part.bias)
    return torch.nn.Sequential(*(part for part in layers if not isinstance(part, torch.nn.Identity)))
