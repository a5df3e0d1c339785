"""The metrics a task can name, and what a useless model scores on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

from leaky.records import Metric

MetricFunction = Callable[[torch.Tensor, torch.Tensor], float]


@dataclass(frozen=True)
class NamedMetric:
    """A metric with its record, the best constant answer to given targets, and the shape outputs must have."""

    record: Metric
    function: MetricFunction
    constant: Callable[[torch.Tensor], torch.Tensor]
    of_classes: bool

    def of_constant(self, known: torch.Tensor, targets: torch.Tensor) -> float:
        """What the best constant answer to the targets that are `known` scores on others."""
        best = self.constant(known)
        if self.of_classes:
            return (targets == best).float().mean().item()
        return self.function(best.expand_as(targets), targets)


def accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Share of samples whose largest output is at the target class."""
    return (outputs.argmax(1) == targets).float().mean().item()


def mean_squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Mean squared difference, outputs and targets of one shape."""
    return torch.nn.functional.mse_loss(outputs, targets).item()


def mean_absolute_error(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Mean absolute difference, outputs and targets of one shape."""
    return torch.nn.functional.l1_loss(outputs, targets).item()


METRICS: Mapping[str, NamedMetric] = MappingProxyType(
    {
        "accuracy": NamedMetric(
            Metric("accuracy", higher_is_better=True, percent=True),
            accuracy,
            lambda known: known.bincount().argmax(),
            of_classes=True,
        ),
        "mse": NamedMetric(
            Metric("mse", higher_is_better=False, percent=False),
            mean_squared_error,
            lambda known: known.mean(0),
            of_classes=False,
        ),
        "mae": NamedMetric(
            Metric("mae", higher_is_better=False, percent=False),
            mean_absolute_error,
            lambda known: known.median(0).values,
            of_classes=False,
        ),
    }
)
