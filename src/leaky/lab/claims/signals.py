"""Random networks without training: signals forward, gradients back, on draws that every activation shares."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from leaky.catalogue import Spec, parse
from leaky.lab.claims.claim import Values

Array = NDArray[np.float64]


def log_ratio(above: float, below: float) -> float:
    """log10(above / below); a side that is 0 counts as the smallest number there is."""
    tiny = np.finfo(np.float64).tiny
    return math.log10(max(above, tiny)) - math.log10(max(below, tiny))


def rms(x: Array) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(x))))


def value(spec: Spec, x: Array) -> Array:
    """f(x), in float64."""
    return np.asarray(spec.activation.value(x, **spec.parameters))


def derivative(spec: Spec, x: Array) -> Array:
    """f'(x), in float64."""
    return np.asarray(spec.activation.derivative(x, **spec.parameters))


class RandomNetwork:
    """Layers of equal width with normal weights and no bias; the draws do not depend on the activation."""

    def __init__(self, seed: int, depth: int, width: int, samples: int) -> None:
        random = np.random.default_rng([seed, depth, width])
        self.draws = random.standard_normal((depth, width, width)) / math.sqrt(width)
        self.inputs = random.standard_normal((samples, width))
        self.back = random.standard_normal((samples, width))

    def layers(self, spec: Spec, gain: float) -> Iterator[tuple[Array, Array]]:
        """Pre-activations and outputs, layer by layer; the gain counts from the second on, as inputs are normal."""
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


def gradients(
    seed: int, *, activations: list[str], gains: list[str], depths: list[int], width: int, samples: int
) -> Values:
    """How gradients grow or shrink on their way to the first layer, by depth, gain and activation.

    A gain is a number, "sqrt(2)", "own": the activation's, or "torch": what `torch.nn.init.calculate_gain` gives.
    """
    found = {}
    for depth in depths:
        network = RandomNetwork(seed, depth, width, samples)
        for text in activations:
            spec = parse(text)
            for gain in gains:
                found[f"{text}, gain {gain}, {depth} layers"] = network.gradient_ratio(
                    spec, gain_of(spec, gain)
                )
    return found


def gain_of(spec: Spec, gain: str) -> float:
    """The factor on 1/sqrt(fan_in) that `gain` names."""
    if gain == "own":
        return spec.gain
    if gain == "sqrt(2)":
        return math.sqrt(2)
    if gain == "torch":
        return {"tanh": 5 / 3, "sigmoid": 1.0, "relu": math.sqrt(2)}[spec.activation.name]
    return float(gain)


def cosines(seed: int, *, activations: list[str], depth: int, width: int, samples: int) -> Values:
    """Mean cosine of the outputs to two inputs, each activation at its own gain."""
    network = RandomNetwork(seed, depth, width, samples)
    found = {}
    for text in activations:
        spec = parse(text)
        out = network.outputs(spec, spec.gain)
        unit = out / np.linalg.norm(out, axis=1, keepdims=True)
        pairs = (unit @ unit.T)[np.triu_indices(samples, 1)]
        found[text] = float(pairs.mean())
    return found


def sparsity(seed: int, *, activations: list[str], depth: int, width: int, samples: int) -> Values:
    """Exact zeros, values below a hundredth of the rms, and Hoyer's sparsity, of the last layer's outputs.

    Hoyer 2004: (sqrt(n) - |x|_1 / |x|_2) / (sqrt(n) - 1), over the units, a mean over the samples.
    """
    network = RandomNetwork(seed, depth, width, samples)
    found = {}
    for text in activations:
        spec = parse(text)
        out = np.abs(network.outputs(spec, spec.gain))
        root = math.sqrt(width)
        norms = np.linalg.norm(out, axis=1)
        found[f"exact zeros, {text}"] = float((out == 0).mean())
        found[f"near zeros, {text}"] = float((out < 0.01 * rms(out)).mean())
        found[f"Hoyer, {text}"] = float(((root - out.sum(1) / norms) / (root - 1)).mean())
    return found


def inactive(seed: int, *, units: int, samples: int, inputs: int) -> Values:
    """A first layer at He's initialisation: how many pre-activations are not above 0, and units that never are.

    Inputs are uniform in (-1/2, 1/2), "centred", or in (0, 1): the same draws.
    """
    random = np.random.default_rng([seed, units, inputs])
    weights = random.standard_normal((inputs, units)) * math.sqrt(2 / inputs)
    raw = random.random((samples, inputs))
    found = {}
    for name, x in (("centred", raw - 0.5), ("in (0, 1)", raw)):
        off = x @ weights <= 0
        found[f"inactive pairs, {name}"] = float(off.mean())
        found[f"dead units, {name}"] = float(off.all(0).mean())
    return found


def constant_networks(
    seed: int, *, activations: list[str], widths: list[int], depths: list[int], networks: int, samples: int
) -> Values:
    """Share of narrow networks at He's initialisation, without biases, that answer alike to every input."""
    found = {}
    for width in widths:
        deepest = max(depths)
        random = np.random.default_rng([seed, width])
        draws = random.standard_normal((networks, deepest, width, width)) / math.sqrt(width)
        start = random.standard_normal((networks, samples, width))
        for text in activations:
            spec, signal = parse(text), start
            for depth in range(1, deepest + 1):
                signal = value(spec, spec.gain * signal @ draws[:, depth - 1])
                if depth in depths:
                    constant = (signal == signal[:, :1]).all((1, 2))
                    found[f"{text}, width {width}, {depth} layers"] = float(constant.mean())
    return found


def regions(
    seed: int, *, activations: list[str], depths: list[int], width: int, lines: int, points: int
) -> Values:
    """Linear pieces along random lines through the input space: changes of any unit's sign, on the same weights."""
    random = np.random.default_rng([seed, width])
    draws = random.standard_normal((max(depths), width, width)) / math.sqrt(width)
    biases = 0.5 * random.standard_normal((max(depths), width))
    ends = random.standard_normal((2, lines, 1, width)) * 3
    along = np.linspace(0, 1, points)[:, None]
    start = ends[0] * (1 - along) + ends[1] * along
    found = {}
    for text in activations:
        spec, signal = parse(text), start
        changes = np.zeros((lines, points - 1), bool)
        for depth in range(1, max(depths) + 1):
            before = spec.gain * signal @ draws[depth - 1] + biases[depth - 1]
            positive = before > 0
            changes |= (positive[:, 1:] != positive[:, :-1]).any(-1)
            signal = value(spec, before)
            if depth in depths:
                found[f"{text}, {depth} layers"] = float(np.log10(1 + changes.sum(1).mean()))
    return found


def means(seed: int, *, activations: list[str], depth: int, width: int, samples: int) -> Values:
    """Size of a unit's mean output over its rms, a mean over the last layer but for dead units."""
    network = RandomNetwork(seed, depth, width, samples)
    found = {}
    for text in activations:
        spec = parse(text)
        out = network.outputs(spec, spec.gain)
        size = np.sqrt(np.square(out).mean(0))
        alive = size > 0
        found[text] = float(np.mean(np.abs(out.mean(0)[alive]) / size[alive]))
    return found
