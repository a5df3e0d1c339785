"""Random networks without training: signals forward, gradients back, on draws that every activation shares."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from leaky.catalogue import Spec

Array = NDArray[np.float64]


def log_ratio(above: float, below: float) -> float:
    """log10(above / below); a side that is 0 counts as the smallest number there is."""
    tiny = np.finfo(np.float64).tiny
    return math.log10(max(above, tiny)) - math.log10(max(below, tiny))


def rms(x: Array) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(x))))


def unit_inputs(x: Array) -> Array:
    """Every input, along the last axis, scaled to a mean square of 1."""
    return np.asarray(x / np.sqrt(np.square(x).mean(-1, keepdims=True)))


def value(spec: Spec, x: Array) -> Array:
    """f(x), in float64."""
    return np.asarray(spec.activation.value(x, **spec.parameters))


def derivative(spec: Spec, x: Array) -> Array:
    """f'(x), in float64."""
    return np.asarray(spec.activation.derivative(x, **spec.parameters))


def gain_of(spec: Spec, gain: str) -> float:
    """The factor on 1/sqrt(fan_in) that `gain` names.

    A number, "sqrt(2)", "own": the activation's, or "torch": what `torch.nn.init.calculate_gain` gives.
    """
    if gain == "own":
        return spec.gain
    if gain == "sqrt(2)":
        return math.sqrt(2)
    if gain == "torch":
        slope = spec.parameters.get("negative_slope")
        return float(torch.nn.init.calculate_gain(spec.activation.name, slope))  # type: ignore[arg-type]  # torch lists names as literals
    return float(gain)


class RandomNetwork:
    """Layers of equal width with normal weights and no bias; the draws do not depend on the activation.

    Inputs have a mean square of 1, and so have the first layer's pre-activations, whatever the activation: its gain
    counts from the second layer on.
    """

    def __init__(self, seed: int, depth: int, width: int, samples: int) -> None:
        random = np.random.default_rng([seed, depth, width])
        self.draws = random.standard_normal((depth, width, width)) / math.sqrt(width)
        self.inputs = unit_inputs(random.standard_normal((samples, width)))
        self.back = random.standard_normal((samples, width))

    def layers(self, spec: Spec, gain: float) -> Iterator[tuple[Array, Array]]:
        """Pre-activations and outputs, layer by layer."""
        signal = self.inputs
        for number, draw in enumerate(self.draws):
            before = signal @ draw * (gain if number else 1.0)
            signal = value(spec, before)
            yield before, signal

    def outputs(self, spec: Spec, gain: float) -> Array:
        """What the last layer gives."""
        *_, (_, signal) = self.layers(spec, gain)
        return signal

    def gradient_ratio(self, spec: Spec, gain: float) -> float:
        """log10 of the rms gradient at the first layer's pre-activations, over that at the last one's outputs."""
        slopes = [derivative(spec, before) for before, _ in self.layers(spec, gain)]
        gradient = self.back
        for number in range(len(slopes) - 1, -1, -1):
            gradient = gradient * slopes[number]
            if number:
                gradient = gradient @ self.draws[number].T * gain
        return log_ratio(rms(gradient), rms(self.back))
