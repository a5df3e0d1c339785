"""Perceptrons trained side by side on scanned digits, for claims that look inside while they train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import cross_entropy

INPUTS, CLASSES, WIDTH, BATCH = 64, 10, 64, 32


def stream(seed: int, *place: int) -> np.random.Generator:
    """The random numbers of a seed for one purpose, apart from those for any other."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def digits(random: np.random.Generator, *sizes: int) -> list[tuple[Tensor, Tensor]]:
    """Scanned digits in parts of these sizes and the rest, drawn anew; pixels at least 0, of second moment 1."""
    images, labels = load_digits(return_X_y=True)
    images = images / math.sqrt(np.square(images).mean())
    order = random.permutation(len(images))
    parts = np.split(order, np.cumsum(sizes))
    return [(torch.from_numpy(images[p]).float(), torch.from_numpy(labels[p])) for p in parts]


def arms(values: Sequence[float]) -> Tensor:
    """One number for each network, shaped to go with `(network, sample, unit)`."""
    return torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1)


class _Rectifier(torch.autograd.Function):
    """x above 0, slope * x below, and a derivative of one's choice at 0: the slope where None is."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor, at_zero: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, slope, at_zero)
        return torch.where(x > 0, x, slope * x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        x, slope, at_zero = ctx.saved_tensors
        factor = torch.where(x > 0, 1.0, slope)
        if at_zero is not None:
            factor = torch.where(x == 0, at_zero, factor)
        return gradients[0] * factor, None, None


class Perceptrons:
    """Perceptrons of 64 units a layer with leaky rectifiers: the same draws times each one's own gain.

    The first layer's gain is 1, as inputs have a second moment of 1; from the second on it is the slope's.

    Args:
        random: where the weights are drawn from.
        slopes: of every network; 0 is ReLU.
        hidden: layers with an activation.
        biases: where hidden biases start, in every network.
        at_zero: the derivative at 0, in every network; the slope by default.
        steps: pre-activations are rounded to multiples of it, straight through for the gradient; 0 is not at all.
    """

    def __init__(
        self,
        random: np.random.Generator,
        slopes: Sequence[float],
        hidden: int,
        *,
        biases: Sequence[float] | None = None,
        at_zero: Sequence[float] | None = None,
        steps: Sequence[float] | None = None,
    ) -> None:
        self.slope = arms(slopes)
        self.at_zero = None if at_zero is None else arms(at_zero)
        self.step = None if steps is None else arms(steps)
        start = arms([0.0] * len(slopes) if biases is None else biases)
        gain = (2 / (1 + self.slope**2)).sqrt()
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        for layer, (before, after) in enumerate(pairwise([INPUTS, *[WIDTH] * hidden, CLASSES])):
            draw = torch.from_numpy(random.standard_normal((before, after)) / math.sqrt(before)).float()
            bias = torch.zeros(len(slopes), 1, after) + (start if layer < hidden else 0.0)
            self.weights.append((draw * (gain if layer else torch.ones_like(gain))).requires_grad_())
            self.biases.append(bias.requires_grad_())

    @property
    def parameters(self) -> list[Tensor]:
        """Every weight and bias."""
        return [*self.weights, *self.biases]

    def __call__(self, x: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Pre-activations and outputs of every hidden layer, and the logits: `(network, sample, unit)`."""
        before, outputs = [], []
        signal = x.expand(len(self.slope), *x.shape)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            z = torch.baddbmm(bias, signal, weight)
            if self.step is not None:
                rounded = torch.where(self.step > 0, (z / self.step).round() * self.step, z)
                z = z + (rounded - z).detach()
            signal = _Rectifier.apply(z, self.slope, self.at_zero)
            before.append(z)
            outputs.append(signal)
        return before, outputs, torch.baddbmm(self.biases[-1], signal, self.weights[-1])

    def losses(self, x: Tensor, y: Tensor) -> Tensor:
        """The mean loss of every network."""
        return losses_of(self(x)[2], y)

    def descend(
        self, x: Tensor, y: Tensor, rates: Sequence[float], count: int, random: np.random.Generator
    ) -> None:
        """`count` steps of plain SGD on batches that all networks share, at every network's own rate."""
        rate = arms(rates)
        for chosen in random.integers(len(x), size=(count, BATCH)):
            at = torch.from_numpy(chosen)
            gradients = torch.autograd.grad(self.losses(x[at], y[at]).sum(), self.parameters)
            with torch.no_grad():
                for parameter, gradient in zip(self.parameters, gradients, strict=True):
                    parameter -= rate * gradient

    def score(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Accuracy and loss of every network; one that has diverged has 0 and an infinite loss."""
        with torch.no_grad():
            logits = self(x)[2]
            finite = logits.isfinite().all(-1).all(-1)
            accuracy = (logits.argmax(-1) == y).float().mean(-1)
            loss = losses_of(logits, y)
            return torch.where(finite, accuracy, 0.0), torch.where(finite, loss, torch.inf)


def losses_of(logits: Tensor, y: Tensor) -> Tensor:
    """Cross entropy of every network, the mean over samples."""
    each = cross_entropy(logits.flatten(0, 1), y.repeat(len(logits)), reduction="none")
    return each.reshape(len(logits), -1).mean(1)


def best(accuracy: Tensor, loss: Tensor) -> int:
    """Which has the highest accuracy, and among equals the lowest loss."""
    return max(range(len(accuracy)), key=lambda at: (float(accuracy[at]), -float(loss[at])))
