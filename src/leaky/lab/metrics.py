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
    """A metric with its name and direction, for tasks and tables.

    Args:
        record: name, direction, and whether it is shown in per cent.
        function: `(outputs, targets) -> float` over a whole split.
        constant: the best constant answer to given targets, where there is one.
        of_classes: whether outputs are one row of numbers per class and targets class numbers.
    """

    record: Metric
    function: MetricFunction
    constant: Callable[[torch.Tensor], torch.Tensor] | None = None
    of_classes: bool = False

    def of_constant(self, known: torch.Tensor, targets: torch.Tensor) -> float:
        """What the best constant answer to the targets that are `known` scores on others."""
        assert self.constant is not None
        best = self.constant(known)
        if self.of_classes:
            best = torch.nn.functional.one_hot(best, int(max(best, targets.max())) + 1).float()
            return self.function(best.expand(len(targets), -1), targets)
        return self.function(best.expand_as(targets), targets)


def accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Share of samples whose largest output is at the target class."""
    return (outputs.argmax(1) == targets).float().mean().item()


def error_rate(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Share of samples whose largest output is not at the target class: 1 - accuracy."""
    return (outputs.argmax(1) != targets).float().mean().item()


def balanced_accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Mean over the classes there are of the share of their samples whose largest output is at the class."""
    right = (outputs.argmax(1) == targets).double()
    counts = targets.bincount()
    shares = targets.bincount(right, minlength=len(counts)) / counts
    return shares[counts > 0].mean().item()


def mean_squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Mean squared difference, outputs and targets of one shape."""
    return torch.nn.functional.mse_loss(outputs, targets).item()


def mean_absolute_error(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Mean absolute difference, outputs and targets of one shape."""
    return torch.nn.functional.l1_loss(outputs, targets).item()


def r_squared(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """1 - mse / variance of the targets, of one shape: 1 is exact, 0 what their mean scores."""
    left = (outputs.double() - targets.double()).square().sum(0)
    there = (targets.double() - targets.double().mean(0)).square().sum(0)
    return (1 - left / there).mean().item()


METRICS: Mapping[str, NamedMetric] = MappingProxyType(
    {
        "accuracy": NamedMetric(
            Metric("accuracy", higher_is_better=True, percent=True),
            accuracy,
            lambda known: known.bincount().argmax(),
            of_classes=True,
        ),
        "error_rate": NamedMetric(
            Metric("error rate", higher_is_better=False, percent=True),
            error_rate,
            lambda known: known.bincount().argmax(),
            of_classes=True,
        ),
        "balanced_accuracy": NamedMetric(
            Metric("balanced accuracy", higher_is_better=True, percent=True),
            balanced_accuracy,
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
        "r2": NamedMetric(
            Metric("R²", higher_is_better=True, percent=False),
            r_squared,
            lambda known: known.mean(0),
            of_classes=False,
        ),
    }
)


def named_metric(metric: str | NamedMetric) -> NamedMetric:
    """The metric of that name in the table, or the one given."""
    return METRICS[metric] if isinstance(metric, str) else metric
