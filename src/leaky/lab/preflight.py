"""Try a task once before hundreds of trials are spent on it."""

from __future__ import annotations

import torch

from leaky.errors import LeakyError, TaskError, one_line
from leaky.lab.data import seeded
from leaky.lab.metrics import METRICS
from leaky.lab.task import Task
from leaky.nn import ActivationFactory, ActivationModule


class _Counting(ActivationFactory):
    """An activation factory that knows how often it was called."""

    calls = 0

    def __call__(self) -> ActivationModule:
        self.calls += 1
        return super().__call__()


def preflight(task: Task, activations: tuple[str, ...]) -> None:
    """Build the model with every activation and take two samples through model, loss, backward and metric.

    Raises `TaskError` with what went wrong, in one line. Random states are left as they were.
    """
    for name in activations:
        step = "data"
        try:
            with seeded(0):
                inputs, targets = task.train_samples.take(torch.arange(2))
                step = "model"
                factory = _Counting(name)
                model = task.model(factory, 0)
                if not isinstance(model, torch.nn.Module):
                    raise TypeError(f"`model` must return a torch.nn.Module, got {type(model).__name__}")
                if not factory.calls:
                    raise TypeError("the model never calls `activation()`, so there is nothing to compare")
                step = "forward pass"
                outputs = model(inputs)
                _check_shapes(task, outputs, targets)
                step = "loss"
                task.loss_function()(outputs, targets).backward()  # type: ignore[no-untyped-call]
                step = "metric"
                task.score(outputs.detach(), targets)
        except LeakyError:
            raise
        except Exception as error:
            raise TaskError(f"task `{task.name}`: the {step} with {name} raised {one_line(error)}") from error


def _check_shapes(task: Task, outputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Torch broadcasts outputs (N, 1) against targets (N,) to (N, N): a number without meaning."""
    if not isinstance(outputs, torch.Tensor):
        raise TypeError(f"the model must return a tensor, got {type(outputs).__name__}")
    classes = isinstance(task.metric, str) and METRICS[task.metric].of_classes
    if classes and (outputs.dim() != 2 or len(outputs) != len(targets)):
        raise ValueError(f"accuracy needs outputs of shape (N, classes), got {tuple(outputs.shape)}")
    compared = task.loss is None and targets.dtype.is_floating_point
    if (compared or (isinstance(task.metric, str) and not classes)) and outputs.shape != targets.shape:
        shapes = f"{tuple(outputs.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"outputs and targets must have one shape, got {shapes}; reshape the targets")
