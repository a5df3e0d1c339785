"""Try a task once before hundreds of trials are spent on it."""

from __future__ import annotations

import numpy as np
import torch

from leaky.catalogue import parse
from leaky.errors import LeakyError, TaskError, one_line
from leaky.lab.build import build_model
from leaky.lab.data import seeded
from leaky.lab.definition import Task
from leaky.lab.recipe import Recipe


def preflight(task: Task, activations: tuple[str, ...], recipe: Recipe | None = None) -> None:
    """Build the model with every activation and take two samples through model, loss, backward and metric.

    The model is built as `recipe` has it, by default the task's own.

    Raises `TaskError` with what went wrong, in one line. Random states are left as they were.
    """
    recipe = recipe or task.recipe
    for name in activations:
        step = "data"
        try:
            with seeded(0):
                inputs, targets = task.train_samples.take(torch.arange(2))
                step = "model"
                model, factory = build_model(task, recipe, name, 0, torch.arange(len(task.train_samples)))
                if not isinstance(model, torch.nn.Module):
                    raise TypeError(f"`model` must return a torch.nn.Module, got {type(model).__name__}")
                if not factory.places:
                    raise TypeError("the model never calls `activation()`, so there is nothing to compare")
                step = "forward pass"
                outputs = model(inputs)
                _check_shapes(task, outputs, targets)
                step = "loss"
                task.loss_function()(outputs, targets).backward()
                step = "metric"
                with torch.inference_mode():
                    answers = task.predict(model.eval(), inputs) if task.predict else outputs.detach()
                task.score(answers, targets)
                task.scores(answers, targets)
        except LeakyError:
            raise
        except Exception as error:
            told = f"task `{task.name}`: the {step} with {name} raised {one_line(error)}"
            raise TaskError(told + _widths_hint(name, step)) from error


def _widths_hint(name: str, step: str) -> str:
    """What to say of an activation that no other can simply be exchanged for: it changes the number of channels."""
    entry = parse(name).activation
    if step != "forward pass" or entry.along is None or entry.value_formula is None:
        return ""
    before, after = np.shape(entry.along.example), np.shape(entry.value(entry.along.example))
    if before == after:
        return ""
    return (
        f"; {entry.name} makes {before[-1]} channels {after[-1]}, which the layers after it must be built for: "
        "leave it out, or read `activation.spec` in the model function"
    )


def _check_shapes(task: Task, outputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Torch broadcasts outputs (N, 1) against targets (N,) to (N, N): a number without meaning."""
    if not isinstance(outputs, torch.Tensor):
        raise TypeError(f"the model must return a tensor, got {type(outputs).__name__}")
    classes = task.of_classes
    if classes and (outputs.dim() != 2 or len(outputs) != len(targets)):
        name = task.metric_record.name
        raise ValueError(f"{name} needs outputs of shape (N, classes), got {tuple(outputs.shape)}")
    compared = task.loss is None and targets.dtype.is_floating_point
    if (compared or (isinstance(task.metric, str) and not classes)) and outputs.shape != targets.shape:
        shapes = f"{tuple(outputs.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"outputs and targets must have one shape, got {shapes}; reshape the targets")
