"""3xx: what the optimiser does to the parameters of activations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.models.check.nodes import listed
from leaky.models.check.subject import Subject
from leaky.records import Finding


def check_optimizer(optimizer: Any, model: torch.nn.Module) -> None:
    """Raise where an optimiser is none, or none of this model."""
    groups = getattr(optimizer, "param_groups", None)
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise ArgumentTypeError(
            f"check: `optimizer` must be a torch.optim.Optimizer, got {type(optimizer).__name__}"
        )
    own = {id(parameter) for parameter in model.parameters()}
    held = {id(parameter) for group in groups for parameter in group.get("params", ())}
    if own and not own & held:
        raise ArgumentError(
            f"check: `optimizer` ({type(optimizer).__name__}) holds no parameter of `model`; make it from "
            "model.parameters() after the last change of the model"
        )


def decayed_slopes(subject: Subject) -> Iterator[Finding]:
    """LKY301: decay pulls a learned slope to 0, which makes a ReLU of a PReLU. One finding per parameter group."""
    if subject.optimizer is None:
        return
    sites = {
        f"{name}.weight" if name else "weight": name
        for name, (_, kind) in subject.activations.items()
        if kind.name == "prelu"
    }
    for number, group in enumerate(subject.optimizer.param_groups):
        decay = float(group.get("weight_decay") or 0.0)
        names = [subject.parameter_names.get(id(parameter), "") for parameter in group["params"]]
        found = [name for name in names if name in sites]
        if decay > 0 and found:
            group_told = f"parameter group {number} of {type(subject.optimizer).__name__}"
            message = (
                f"{listed(found)} in {group_told} with weight_decay={decay:g}: learned slopes are pulled to 0, "
                "to a ReLU"
            )
            remedy = (
                f"give PReLU slopes a group of their own: {type(subject.optimizer).__name__}"
                f"(leaky.nn.parameter_groups(model, weight_decay={decay:g}))"
            )
            yield Finding("LKY301", sites[found[0]], message, remedy)
