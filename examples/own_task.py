"""A task of your own: which activation separates two interleaved spirals best?

    leaky compare --task examples/own_task.py:build --activation relu --activation "leaky_relu(negative_slope=0.1)"

A task is data, a model and a metric. `build` returns it; leaky does the rest: it tunes the learning rate for
each activation on a validation split, trains again on fresh seeds, and touches the test split once a run.
"""

import numpy as np
import torch

import leaky


def spirals(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on two noisy spirals, and which of the two each one is on."""
    random = np.random.default_rng(seed)
    label = np.arange(count) % 2
    turn = np.sqrt(random.uniform(0.05, 1, count)) * 3 * np.pi
    x = (
        np.stack([np.cos(turn + np.pi * label), np.sin(turn + np.pi * label)], axis=1)
        * turn[:, None]
        / (3 * np.pi)
    )
    return x + random.normal(0, 0.02, x.shape), label


def model(activation: leaky.nn.ActivationFactory, seed: int) -> torch.nn.Module:
    """Called for every run, torch's generator freshly seeded. Call `activation()` wherever one goes."""
    layers = [
        torch.nn.Linear(2, 32),
        activation(),
        torch.nn.Linear(32, 32),
        activation(),
        torch.nn.Linear(32, 2),
    ]
    for layer in layers[:-1:2]:
        leaky.nn.init.he_normal_(layer.weight, activation.spec)
    return torch.nn.Sequential(*layers)


def build() -> leaky.lab.Task:
    """What `--task examples/own_task.py:build` calls."""
    return leaky.lab.Task(
        name="two spirals",
        description="Points on two interleaved spirals, a multilayer perceptron with 2 hidden layers of 32 units",
        train=spirals(600, seed=0),
        test=spirals(1000, seed=1),
        model=model,
        metric="accuracy",
        margin=0.01,
        recipe=leaky.lab.Recipe(epochs=40, batch_size=32),
        learning_rates=(0.01, 0.03, 0.1, 0.3),
    )
