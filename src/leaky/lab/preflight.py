"""Try a task once before hundreds of trials are spent on it."""

from __future__ import annotations

import torch

from leaky.errors import LeakyError, TaskError
from leaky.lab.task import Task
from leaky.nn import ActivationFactory


def preflight(task: Task, activations: tuple[str, ...]) -> None:
    """Build the model with every activation and take two samples through model, loss, backward and metric.

    Raises `TaskError` with what went wrong, in one line. torch's random state is left as it was.
    """
    loss_function = task.loss_function()
    inputs, targets = task.train_samples.take(torch.arange(2))
    for name in activations:
        step = "model"
        try:
            with torch.random.fork_rng(devices=[]):
                model = task.model(ActivationFactory(name), 0)
                if not isinstance(model, torch.nn.Module):
                    raise TypeError(f"`model` must return a torch.nn.Module, got {type(model).__name__}")
                step = "forward pass"
                outputs = model(inputs)
                step = "loss"
                loss_function(outputs, targets).backward()  # type: ignore[no-untyped-call]
                step = "metric"
                task.score(outputs.detach(), targets)
        except LeakyError:
            raise
        except Exception as error:
            message = " ".join(str(error).split())
            raise TaskError(
                f"task `{task.name}`: the {step} with {name} raised {type(error).__name__}: {message}"
            ) from error
