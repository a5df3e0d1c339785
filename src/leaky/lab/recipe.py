"""How a network is trained, as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch

from leaky.errors import ArgumentError

OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class Recipe:
    """Optimiser, batch size and length of a training run; the learning rate is the study's to choose.

    Args:
        optimizer: "sgd" (with `momentum`) or "adam".
        momentum: of SGD, at least 0 and below 1.
        batch_size: samples per step, at least 1. A last batch of one sample is left out (a batch norm cannot
            train on it).
        epochs: passes over the training data, at least 1.
    """

    optimizer: str = "sgd"
    momentum: float = 0.9
    batch_size: int = 32
    epochs: int = 30

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ArgumentError(
                f"recipe: `optimizer` must be one of {', '.join(OPTIMIZERS)}, got {self.optimizer!r}"
            )
        if not 0 <= self.momentum < 1:
            raise ArgumentError(f"recipe: `momentum` must be at least 0 and below 1, got {self.momentum}")
        for name in ("batch_size", "epochs"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ArgumentError(f"recipe: `{name}` must be a whole number of at least 1, got {value!r}")

    def changed(self, *, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
        """A copy with the values that are not None put in."""
        return replace(
            self,
            epochs=self.epochs if epochs is None else epochs,
            batch_size=self.batch_size if batch_size is None else batch_size,
        )

    def build(self, parameters: Iterable[torch.nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        """The optimiser over `parameters`, in torch's fused form: one kernel call a step."""
        if self.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=learning_rate, momentum=self.momentum, fused=True)
        return torch.optim.Adam(parameters, lr=learning_rate, fused=True)
