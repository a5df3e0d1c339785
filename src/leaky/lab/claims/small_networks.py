"""Perceptrons trained step by step on digits, for claims that look inside while they train."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from leaky.lab.claims.claim import Values
from leaky.lab.claims.problems import Perceptron
from leaky.lab.factory import ModelFactory

_BATCH = 32
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": lambda parameters, rate, decay: torch.optim.SGD(parameters, rate, weight_decay=decay),
    "momentum": lambda parameters, rate, decay: torch.optim.SGD(parameters, rate, 0.9, weight_decay=decay),
    "Adam": lambda parameters, rate, decay: torch.optim.Adam(parameters, rate / 30, weight_decay=decay),
}
"""By name: SGD with and without momentum, and Adam at a thirtieth of the learning rate."""


def data(train: int) -> tuple[Tensor, Tensor]:
    """The first digits of a fixed order, pixels in (0, 1)."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))[:train]
    return torch.from_numpy(images[order] / 16).float(), torch.from_numpy(labels[order])


def network(text: str, hidden: int, seed: int, bias: float = 0.0, inputs: int = 64) -> torch.nn.Sequential:
    """A perceptron of the lab's, hidden biases at `bias`."""
    model = Perceptron(inputs, hidden, 10)(ModelFactory(text), seed)
    assert isinstance(model, torch.nn.Sequential)
    with torch.no_grad():
        for layer in list(model)[:-1]:
            if isinstance(layer, torch.nn.Linear):
                layer.bias.fill_(bias)
    return model


def steps(
    model: torch.nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    *,
    count: int,
    seed: int,
    batch: int = _BATCH,
) -> Iterator[int]:
    """Train, and yield after every step; batches are drawn alike for one seed."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(1, count + 1):
        chosen = torch.randint(len(x), (batch,), generator=generator) if batch < len(x) else slice(None)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[chosen]), y[chosen]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield step


def before_activations(model: torch.nn.Sequential, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """The input of every activation, and the output."""
    found = []
    for layer in model:
        if isinstance(layer, torch.nn.Linear):
            x = layer(x)
        else:
            found.append(x)
            x = layer(x)
    return found, x


def never_active(model: torch.nn.Sequential, x: Tensor) -> list[Tensor]:
    """Per layer, which units have no pre-activation above 0 on all of the data."""
    with torch.no_grad():
        return [(z <= 0).all(0) for z in before_activations(model, x)[0]]


def without_gradient(model: torch.nn.Sequential, x: Tensor, y: Tensor) -> list[Tensor]:
    """Per layer, which units no sample sends any gradient to."""
    before, out = before_activations(model, x)
    loss = torch.nn.functional.cross_entropy(out, y)
    return [(gradient == 0).all(0) for gradient in torch.autograd.grad(loss, before)]


def dying(seed: int, *, activations: list[str], train: int, hidden: int, count: int, rate: float) -> Values:
    """Units never active, and units that get no gradient, on all training data after plain SGD.

    At a learning rate, at ten times that, and at that with every bias started from -1.
    """
    x, y = data(train)
    found = {}
    for label, factor, bias in (("usual", 1, 0.0), ("10 x learning rate", 10, 0.0), ("bias -1", 1, -1.0)):
        for text in activations:
            model = network(text, hidden, seed, bias)
            optimizer = OPTIMIZERS["SGD"](model.parameters(), rate * factor, 0.0)
            for _ in steps(model, x, y, optimizer, count=count, seed=seed):
                pass
            finite = bool(model(x).isfinite().all())
            off, cut = never_active(model, x), without_gradient(model, x, y)
            for name, members in (("never active", off), ("no gradient", cut)):
                share = float(torch.cat(members).float().mean())
                found[f"{name}, {text}, {label}"] = share if finite else float("nan")
    return found


def recovering(seed: int, *, train: int, count: int, every: int, rate: float, decays: list[float]) -> Values:
    """Of the ReLU units that were dead at some check, the share that was alive at a later one, by layer.

    A third of the units of every layer start with a bias of -3, so that there are dead ones.
    """
    x, y = data(train)
    found = {}
    for optimizer in OPTIMIZERS:
        for decay in decays:
            for label, batch in (("batches", _BATCH), ("all data", train)):
                model = network("relu", 3, seed)
                with torch.no_grad():
                    for layer in list(model)[:-1]:
                        if isinstance(layer, torch.nn.Linear):
                            layer.bias[::3] = -3.0
                dead = never_active(model, x)
                ever, back = [d.clone() for d in dead], [torch.zeros_like(d) for d in dead]
                trainer = OPTIMIZERS[optimizer](model.parameters(), rate, decay)
                for step in steps(model, x, y, trainer, count=count, seed=seed, batch=batch):
                    if step % every == 0:
                        for place, now in enumerate(never_active(model, x)):
                            back[place] |= ever[place] & ~now
                            ever[place] |= now
                for place, (once, again) in enumerate(zip(ever, back, strict=True), start=1):
                    name = f"layer {place}, {optimizer}, decay {decay:g}, {label}"
                    found[name] = float(again.sum() / once.sum()) if once.any() else float("nan")
    return found


def tiny_slopes(seed: int, *, slopes: list[float], train: int) -> Values:
    """Share of the first layer's units that get no gradient, biases at -3, in float32 and with float16 gradients."""
    x, y = data(train)
    found = {}
    for slope in slopes:
        text = f"leaky_relu(negative_slope={slope})" if slope else "relu"
        for dtype in (torch.float32, torch.float16):
            model = network(text, 2, seed, -3.0).to(dtype)
            before, out = before_activations(model, x.to(dtype))
            loss = torch.nn.functional.cross_entropy(out, y)
            (gradient,) = torch.autograd.grad(loss, before[:1])
            name = str(dtype).removeprefix("torch.")
            found[f"{text}, {name}"] = float((gradient == 0).all(0).float().mean())
    return found


def plasticity(
    seed: int, *, activations: list[str], rates: list[float], train: int, tasks: int, count: int
) -> Values:
    """Mean accuracy on the last quarter of a run of tasks less that on the first, each with its pixels permuted anew.

    A task is learned for `count` steps and scored on the other digits. The learning rate of an arm is the one
    with the best mean accuracy on other permutations.
    """
    found = {}
    for text in activations:
        tuned = max(rates, key=lambda rate: np.mean(_run(text, rate, seed + 1_000_000, train, tasks, count)))
        scores = _run(text, tuned, seed, train, tasks, count)
        part = max(1, tasks // 4)
        found[text] = float(np.mean(scores[-part:]) - np.mean(scores[:part]))
    return found


def _run(text: str, rate: float, seed: int, train: int, tasks: int, count: int) -> list[float]:
    x, y = data(1797)
    model = network(text, 3, seed)
    optimizer = OPTIMIZERS["SGD"](model.parameters(), rate, 0.0)
    scores = []
    for task in range(tasks):
        order = torch.randperm(64, generator=torch.Generator().manual_seed(1000 * seed + task))
        permuted = x[:, order]
        for _ in steps(model, permuted[:train], y[:train], optimizer, count=count, seed=seed + task):
            pass
        with torch.no_grad():
            scores.append(float((model(permuted[train:]).argmax(1) == y[train:]).float().mean()))
    return scores


class _Kinked(torch.autograd.Function):
    """ReLU with a derivative of one's choice at 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, at_zero: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.at_zero = at_zero
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        slope = (x > 0).to(x.dtype)
        slope[x == 0] = ctx.at_zero
        return gradients[0] * slope, None


class _Quantised(torch.nn.Module):
    def __init__(self, at_zero: float, step: float) -> None:
        super().__init__()
        self.at_zero, self.step = at_zero, step

    def forward(self, x: Tensor) -> Tensor:
        """Round to multiples of `step` where that is not 0, straight through for the gradient; then ReLU."""
        if self.step:
            x = x + ((x / self.step).round() * self.step - x).detach()
        out: Tensor = _Kinked.apply(x, self.at_zero)  # type: ignore[no-untyped-call]
        return out


def kinks(seed: int, *, train: int, count: int, rates: list[float], step: float) -> Values:
    """Test accuracy of ReLU networks by the derivative taken at 0, in float32 and on quantised pre-activations.

    The learning rate of an arm is the one with the best accuracy on another seed. Also the share of exact zeros.
    """
    found = {}
    for label, size in (("float32", 0.0), ("quantised", step)):
        for at_zero in (0.0, 0.5, 1.0):
            tuned = max(
                rates, key=lambda rate: _kinked(at_zero, size, rate, seed + 1_000_000, train, count)[0]
            )
            score, zeros = _kinked(at_zero, size, tuned, seed, train, count)
            found[f"accuracy, {at_zero:g} at 0, {label}"] = score
            found[f"zeros, {at_zero:g} at 0, {label}"] = zeros
    return found


def _kinked(
    at_zero: float, step: float, rate: float, seed: int, train: int, count: int
) -> tuple[float, float]:
    x, y = data(1797)
    made = network("relu", 3, seed)
    parts = [p if isinstance(p, torch.nn.Linear) else _Quantised(at_zero, step) for p in made]
    model = torch.nn.Sequential(*parts)
    optimizer = OPTIMIZERS["SGD"](model.parameters(), rate, 0.0)
    for _ in steps(model, x[:train], y[:train], optimizer, count=count, seed=seed):
        pass
    with torch.no_grad():
        before, out = before_activations(model, x[train:])
        rounded = [(z / step).round() if step else z for z in before]
        zeros = torch.cat([(z == 0).float().flatten() for z in rounded]).mean()
    return float((out.argmax(1) == y[train:]).float().mean()), float(zeros)
